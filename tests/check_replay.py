#!/usr/bin/env python3
"""Compares what the gateway publishes for recorded messages with a decoder of its own.

    tests/check_replay.py CAPTURES COMMAND...
    tests/check_replay.py --noise CAPTURES COMMAND...

CAPTURES is a capture file or a folder of them, COMMAND what prints the publications of capture files as JSON lines
and understands `--final` (`target/debug/bambu2mqtt replay`, for example).

The decoder (`tests/check`) was written from the protocol's description alone and shares nothing with the gateway:
every value is read straight from the merged JSON. Numbers may differ by their dead band. Exit status 1 when any
value differs, is missing, or is published without a reason known here.

`--noise` says instead how many publications the messages cause, by key: as published, and as they would be if
every change of a decoded value were published.
"""

import base64
import collections
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

from check.facts import Has, OneOf
from check.printer import ACTIVE, Printer

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
MARK = "MARK0000000001"

# Whether every key of `check/facts.py` must be published. While rows are still being added, one that is not there
# is let pass; one that is there must be right either way.
STRICT = True

# What may be published although the decoder says nothing of it, and why. Anything else that is published and not
# decoded fails: decode it in `check/facts.py`, or say here why it cannot be.
UNCHECKED = {
    "availability|connectivity|stale|last_report": "of the link and the clock, not of a report",
    "control_mode": "follows what commands met with; `signed_commands_required` is checked",
    "connection": "of the gateway's configuration",
    "permitted": "the answer of the table in docs/actions.md, which the tests in Rust compare with the program's own",
    "last_command": "a replay has no commands",
    "(.*/)?attributes|.*/attributes": "those of HMS and of slots are checked on their own",
    r"hms_(text|codes_text)|print_error_text": "texts, from a catalogue",
    r"ams/\d+/(model|serial)": "of the unit's board, checked with its kind",
    r"heater_left_on|door_open_while_hot": "derived from targets and status, each of them checked",
    "storage_problem": "of `storage`, which is checked, and of texts",
    "state": "the document of all values, each of them checked",
    "event/.*|trigger": "what happened; `happened` looks at it",
    "activity|printing|last_(result|ended|job)|start_time": "of the jobs, not of a report; `jobs` looks at what a report proves",
    "safe_to_power_off|bed_cooled|plate_occupied": "of the jobs and of rest, `jobs` too",
    "prints_(finished|failed|cancelled)|success_rate|usage_hours|filament_total": "totals since the start; `happened` counts",
    "filament_used|filament_cost|job_cost|job_energy": "reckoned, from weights that no report has",
    "job_history": "of the history on the disk, and a replay has none",
}
FREE = re.compile("|".join(UNCHECKED))
# What need not be published even then: another row or an attribute says it.
SPARE = re.compile(r"(left|right)_active_(ams|tray)|ams/\d+/tray_\d_length|ams/16/.*|firmware_update|live_view|camera_fitted")
SEVERITY = {1: "fatal", 2: "serious", 3: "common", 4: "info"}


def agrees(key, wanted, got):
    if isinstance(wanted, OneOf):
        return any(agrees(key, one, got) for one in wanted)
    if isinstance(wanted, (tuple, Has)):
        return got is not None and (wanted if isinstance(wanted, str) else wanted[1]).lower() in got.lower()
    if isinstance(wanted, dict):
        return all(agrees(k, v, told(document_of(got).get(k))) for k, v in wanted.items())
    if wanted is None:
        return got == "None"
    if isinstance(wanted, str):
        return got == wanted or key == "start_time" and got is not None and got[:19].replace(" ", "T") == wanted
    try:
        last = key.rsplit("/", 1)[-1]
        band = {"wifi_signal": 3, "download_progress": 10, "humidity": 1}.get(last, 1.05 if "nozzle_temperature" in last else 0.56)
        band = band if "temperature" in last or band >= 1 else 1e-3 if last.endswith("k_value") else 1e-6
        return abs(float(got) - wanted) <= band
    except (TypeError, ValueError):
        return False


def told(value):
    return {None: "None", True: "True", False: "False"}.get(value, str(value))


def document_of(payload):
    try:
        value = json.loads(payload)
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def compare(where, printer, topics, skip=()):
    """What differs between a printer and the topics below it."""
    wrong = []
    expected, more = printer.expected(), printer.more()
    for key, wanted in sorted(expected.items()):
        if key not in skip and not agrees(key, wanted, topics.get(key)):
            wrong.append(f"{where}: {key} is {topics.get(key)!r}, should be {wanted!r}")
    for key, wanted in sorted(more.items()):
        if key in expected or key in skip:
            continue
        if key not in topics:
            if STRICT and key not in printer.spare and not SPARE.fullmatch(key):
                wrong.append(f"{where}: {key} is not published, should be {wanted!r}")
        elif isinstance(wanted, dict):
            document = document_of(topics[key])
            for part, value in wanted.items():
                got = document.get(part)
                if not (got == value if isinstance(value, bool) else agrees(part, value, told(got))) and (got, value) != (None, False):
                    wrong.append(f"{where}: {part} of {key} is {got!r}, should be {value!r}")
        elif not agrees(key, wanted, topics[key]):
            wrong.append(f"{where}: {key} is {topics[key]!r}, should be {wanted!r}")
    for key in topics:
        if key in expected or key in more or FREE.fullmatch(key) or topics[key] == "None":
            continue
        if key == "end_time":
            wrong += ends(where, printer, topics[key])
        elif not (key == "needs_attention" or key.startswith("hms_")):
            wrong.append(f"{where}: {key} = {topics[key]!r} has no basis known here (see UNCHECKED)")
    return wrong + troubles(where, printer, topics) + slots(where, printer, topics) + jobs(where, printer, topics)


def ends(where, printer, got):
    """An end is a moment since the minutes left were last told, plus those minutes, within two minutes or 5 %.

    Which moment is open: a pause goes on while the minutes stay."""
    left, since = printer.left
    try:
        end = datetime.fromisoformat(got.replace("Z", "+00:00")) - timedelta(minutes=left)
    except (TypeError, ValueError):
        return [f"{where}: end_time is {got!r}, with {left!r} minutes left"]
    band = timedelta(minutes=1) + max(timedelta(minutes=2), timedelta(minutes=left * 0.05))
    fine = since - band <= end <= printer.wall + band
    return [] if fine else [f"{where}: end_time is {got!r}, {end - since} off"]


def troubles(where, printer, topics):
    """HMS in number, severity and attributes. Those without a text and without weight may be left out."""
    wrong = []
    codes = {c: SEVERITY.get(int(c[14:18], 16)) for c in topics.get("hms_codes", "none").split(", ") if c != "none"}
    heavy = [c for c, s in codes.items() if s in ("fatal", "serious")]
    count = topics.get("hms_count")
    if count is not None and not len(heavy) <= int(count) <= len(codes):
        wrong.append(f"{where}: hms_count is {count}, with {len(codes)} codes")
    worst = topics.get("hms_worst_severity")
    order = ("fatal", "serious", "common", "info", "unknown")
    known = sorted((s or "unknown" for s in codes.values()), key=order.index)
    if worst is not None and worst != (known[0] if known else "none") and not (worst in ("none", "None") and not heavy):
        wrong.append(f"{where}: hms_worst_severity is {worst!r}, of {known}")
    attributes = document_of(topics.get("hms/attributes"))
    for entry in attributes.get("messages") or []:
        code = "HMS_" + re.sub("^HMS_", "", str(entry.get("code"))).replace("-", "_")
        if code not in codes or (codes[code] or "unknown") != entry.get("severity") or not entry.get("module"):
            wrong.append(f"{where}: {entry} among the HMS, which are {codes}")
    if count is not None and "messages" in attributes and len(attributes["messages"]) not in (int(count), len(codes)):
        wrong.append(f"{where}: {len(attributes['messages'])} messages, hms_count is {count}")
    urgent = heavy or topics.get("print_error") == "ON"
    if "needs_attention" in topics and urgent and topics["needs_attention"] == "OFF" and topics.get("print_error") == "ON":
        wrong.append(f"{where}: needs_attention is OFF with an error")
    return wrong


# What the printer says while the activity may be this. The end of a job may wait for a sign that somebody wanted it,
# 20 s at most, and a beginning 5 s for its numbers; a printer that is away says nothing.
SAYS = {
    "preparing": ("PREPARE", "SLICING", "RUNNING", "PAUSE"),
    "printing": ("RUNNING", "PREPARE", "PAUSE", "SLICING"),
    "paused": ("PAUSE", "RUNNING", "PREPARE"),
    "calibrating": ("RUNNING", "PREPARE", "PAUSE", "SLICING"),
    "idle": ("IDLE", "FINISH", "FAILED"), "finished": ("FINISH", "IDLE"), "failed": ("FAILED", "IDLE"), "cancelled": ("FAILED", "IDLE", "FINISH"),
}


def jobs(where, printer, topics, ended=False):
    """Levels against what the last report proves alone."""
    wrong, state = [], printer.state.get("gcode_state")
    activity = topics.get("activity")
    busy = activity in ("preparing", "printing", "paused")
    if ended and activity not in (None, "None") and state in ("IDLE", "PREPARE", "SLICING", "RUNNING", "PAUSE", "FINISH", "FAILED"):
        if state not in SAYS[activity]:
            wrong.append(f"{where}: activity is {activity!r} at {state}")
    if "printing" in topics and activity != "None" and topics["printing"] != ("ON" if busy else "OFF"):
        wrong.append(f"{where}: printing is {topics['printing']!r} with activity {activity!r}")
    # Switching off must never be called safe while the printer itself says that something is hot; some name 25 °C as
    # the target of what is off.
    targets = [number(printer.state, f"{part}_target_temper") for part in ("bed", "nozzle")]
    hot = [t for t in targets if t and t > 40]
    if topics.get("safe_to_power_off") == "ON" and (state in ACTIVE or hot):
        wrong.append(f"{where}: safe_to_power_off is ON at {state} with targets {hot}")
    return wrong


def number(state, name):
    try:
        return float(state.get(name))
    except (TypeError, ValueError):
        return None


def happened(where, published_):
    """Events and triggers: gap-free, told once, each job with one end and its trigger, and none of them retained."""
    wrong, seen = [], {}
    for p in published_:
        serial, key = below(p["topic"])
        moment = key is not None and (key == "trigger" or key.startswith("event/"))
        if (p["qos"], p["retain"]) != ((1, False) if moment else (0, True)):
            wrong.append(f"{where}: {p['topic']} has QoS {p['qos']}, retain {p['retain']}")
        if not moment or serial == MARK:
            continue
        mine = seen.setdefault(serial, {"seq": 0, "ids": set(), "open": None, "ended": collections.Counter(), "due": []})
        if key == "trigger":
            if not mine["due"] or p["payload"] not in mine["due"]:
                wrong.append(f"{where}: the trigger {p['payload']} belongs to no event before it")
            else:
                mine["due"].remove(p["payload"])
            continue
        if mine["due"]:
            wrong.append(f"{where}: no trigger {mine['due']}")
        event = json.loads(p["payload"])
        word, group = event["event_type"], key.split("/")[1]
        mine["seq"] += 1
        if event["seq"] != mine["seq"] or event["event_id"] in mine["ids"] or list(event)[0] != "event_type":
            wrong.append(f"{where}: {word} has seq {event['seq']} and id {event['event_id']}, should be number {mine['seq']}")
        mine["ids"].add(event["event_id"])
        mine["due"] = [] if event["late"] else pulled(group, word, event["reason"] or {})
        if group == "print":
            run = event["job"]["key"]
            if word in ("started", "calibration_started"):
                if mine["open"] is not None:
                    wrong.append(f"{where}: {run} started while {mine['open']} is open")
                mine["open"] = run
            elif word in ("finished", "failed", "cancelled", "lost", "calibration_finished", "calibration_failed"):
                mine["ended"][run] += 1
                if mine["ended"][run] > 1 or mine["open"] not in (None, run):
                    wrong.append(f"{where}: {run} {word}, open is {mine['open']}, ended {mine['ended'][run]} times")
                mine["open"] = None
    return wrong


def pulled(group, word, reason):
    if group == "print":
        wanted = reason.get("kind") in ("user", "gateway", "gcode")
        both = {w: [f"print_{w}", "print_ended"] for w in ("finished", "failed", "cancelled")}
        bare = {"lost": [], "reconnected": [], "calibration_started": [], "offline_while_printing": [word],
                "paused": ["print_paused", "print_paused_wanted" if wanted else "print_paused_unwanted"],
                "layer_reached": [word], "door_opened_while_printing": [word],
                "calibration_finished": [word], "calibration_failed": [word]}
        return list({**both, **bare}.get(word, [f"print_{word}"]))
    if group in ("error", "hms"):
        return [f"{group}_{word}"]
    return {"online": ["printer_online"], "offline": ["printer_offline"], "drying_finished": ["ams_drying_finished"]}.get(word, [word])


def slots(where, printer, topics):
    """The attributes of a slot that a script reads: of what the printer says, and nothing for what it does not."""
    wrong = []
    for n, one in printer.there.items():
        for t in one.get("tray") or []:
            key = f"ams/{n}/tray_{int(t['id']) + 1}"
            told_ = document_of(topics.get(key + "/attributes"))
            if not told_:
                continue
            here = printer.values.get(key + "_type") is not None
            tag = t.get("tag_uid") if str(t.get("tag_uid") or "").strip("0") else None
            for name, value in (("filament_id", t.get("tray_info_idx") or None), ("tag_uid", tag)):
                if name in told_ and told_[name] != (value if here else None):
                    wrong.append(f"{where}: {name} of {key} is {told_[name]!r}, should be {value!r}")
            if "empty" in told_ and told_["empty"] != (topics.get(key) == "Empty"):
                wrong.append(f"{where}: empty of {key} is {told_['empty']!r} beside {topics.get(key)!r}")
    return wrong


# Recordings ----------------------------------------------------------------------------------------------------------

def read(path):
    """The messages of a capture file: topic and bytes."""
    for line in open(path, encoding="utf-8"):
        if line.strip():
            entry = json.loads(line)
            raw = entry.get("payload_base64")
            yield entry["topic"], (base64.b64decode(raw) if raw else json.dumps(entry.get("payload")).encode())


def document(raw):
    """The first JSON document of a message, read as forgivingly as the protocol demands; None when broken."""
    plain = raw.decode("utf-8", "replace").lstrip("\ufeff")
    try:
        return json.JSONDecoder(strict=False, parse_constant=lambda _: None).raw_decode(plain)[0]
    except ValueError:
        return None


def published(command, path, *options):
    run = subprocess.run([*command, path, *options], capture_output=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def below(topic):
    parts = topic.split("/", 2)
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == "bambu2mqtt" else (None, None)


def check_final(command, path):
    printers = {}
    for n, (topic, raw) in enumerate(read(path)):
        found = re.fullmatch("device/([^/]+)/report", topic)
        if found:
            serial = found.group(1).upper()
            printers.setdefault(serial, Printer(serial)).take(document(raw), START + timedelta(seconds=n))
    topics = {}
    wrong, name = happened(os.path.basename(path), published(command, path)), os.path.basename(path)
    for p in published(command, path, "--final"):
        serial, key = below(p["topic"])
        topics.setdefault(serial, {})[key] = p["payload"]
    for serial, printer in printers.items():
        got = topics.get(serial, {})
        if printer.full:
            wrong += compare(name, printer, got) + jobs(name, printer, got, ended=True)
        else:
            wrong += [f"{name}: {k} without a full report" for k in got
                      if not re.fullmatch("status|stage|stage/attributes|connectivity|availability|permitted", k) and got[k] != "None"
                      and not (k.endswith("/attributes") and not any(document_of(got[k]).values()))]
    return len(printers), wrong


def check_stream(command, path):
    """After each message, by a second printer that says something after each of the first one's."""
    wrong, name = [], os.path.basename(path)
    messages = list(read(path))
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", delete=False) as marked:
        for n, (topic, raw) in enumerate(messages):
            when = (START + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%SZ")
            line = {"topic": topic, "payload_base64": base64.b64encode(raw).decode(), "at": when}
            mark = {"topic": f"device/{MARK}/report", "at": when,
                    "payload": {"print": {"command": "push_status", "gcode_state": ["RUNNING", "IDLE"][n % 2]}}}
            marked.write(json.dumps(line) + "\n" + json.dumps(mark) + "\n")
    out = published(command, marked.name)
    os.unlink(marked.name)
    serial = re.fullmatch("device/([^/]+)/(report|request)", messages[0][0]).group(1).upper()
    printer, topics, n, since = Printer(serial), {}, 0, None
    counted = 0
    for p in out:
        who, key = below(p["topic"])
        if who == serial:
            counted += 1
            if p["payload"] == "":
                topics.pop(key, None)
            elif p["retain"]:
                topics[key] = p["payload"]
        elif who == MARK and key == "status" and n < len(messages):
            printer.take(document(messages[n][1]), START + timedelta(seconds=n))
            n += 1
            if printer.full:
                since = n if since is None else since
                if "progress" in topics:
                    wrong += compare(f"{name}:{n}", printer, topics, skip=("wifi_signal",))
                elif n > since + 20:
                    wrong.append(f"{name}:{n}: nothing is published yet")
    if n != len(messages):
        wrong.append(f"{name}: only {n} of {len(messages)} messages were seen")
    return len(messages), counted, wrong


def noise(command, path):
    """How often each value changes, and how often it is published; the first value of a key is no change."""
    messages = list(read(path))
    changes, last = collections.Counter(), {}
    printer = None
    for n, (topic, raw) in enumerate(messages):
        serial = re.fullmatch("device/([^/]+)/(report|request)", topic).group(1).upper()
        printer = printer or Printer(serial)
        printer.take(document(raw), START + timedelta(seconds=n))
        if not printer.full:
            continue
        values = {**printer.expected(), **printer.more()}
        minutes, active = printer.left[0], values["remaining_time"]
        values["end_time"] = (printer.wall + timedelta(minutes=minutes)).strftime("%H:%M") if active else None
        for key, value in values.items():
            if key in last and last[key] != value:
                changes[key] += 1
            last[key] = value
    told_, attributes, seen = collections.Counter(), 0, set()
    for p in published(command, path):
        serial, key = below(p["topic"])
        if key is None or p["topic"] not in seen:
            seen.add(p["topic"])
        elif key.endswith("attributes"):
            attributes += 1
        else:
            told_[key] += 1
    print(f"{os.path.basename(path)}: {len(messages)} messages")
    for key in sorted(set(changes) | set(told_), key=lambda k: (-max(changes[k], told_[k]), k)):
        print(f"    {key:32} {changes[key]:6} changes {told_[key]:6} published")
    both = changes.total(), told_.total()
    print(f"    {'all':32} {both[0]:6} changes {both[1]:6} published, and {attributes} of attributes")
    print(f"    {'a message':32} {both[0] / len(messages):6.2f} changes {both[1] / len(messages):6.2f} published")


def main():
    options = [a for a in sys.argv[1:] if a == "--noise"]
    arguments = [a for a in sys.argv[1:] if a not in options]
    if len(arguments) < 2:
        sys.exit(__doc__)
    place, command = arguments[0], arguments[1:]
    files = sorted(glob.glob(place + "/*jsonl")) if os.path.isdir(place) else [place]
    if options:
        return [noise(command, path) for path in files] and None
    wrong = []
    for path in files:
        printers, found = check_final(command, path)
        line = f"{os.path.basename(path)}: {printers} printer(s), {len(found)} deviations at the end"
        if len({topic for topic, _ in read(path)}) == 1 and sum(1 for _ in read(path)) > 20:
            messages, publications, more = check_stream(command, path)
            line += f"; {messages} messages, {publications} publications, {len(more)} deviations on the way"
            found += more
        print(line)
        for text_ in found[:12]:
            print("   ", text_)
        wrong += found
    print(f"{len(files)} files, {len(wrong)} deviations")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
