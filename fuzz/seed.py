#!/usr/bin/env python3
"""Writes the seeds of the fuzz target: the messages of this repository's own stories and those in `fuzz/seeds`."""

import glob
import json
import os
import shutil

here = os.path.dirname(os.path.abspath(__file__))
corpus = os.path.join(here, "corpus", "report")
os.makedirs(corpus, exist_ok=True)
for story in glob.glob(os.path.join(here, "..", "tests", "captures", "*.jsonl")):
    lines = [json.loads(line) for line in open(story, encoding="utf-8") if line.strip()]
    said = [json.dumps(line["payload"], separators=(",", ":"), ensure_ascii=False) for line in lines if "payload" in line]
    with open(os.path.join(corpus, os.path.basename(story)), "w", encoding="utf-8") as out:
        out.write("\n".join(said))
for seed in glob.glob(os.path.join(here, "seeds", "*")):
    shutil.copy(seed, corpus)
