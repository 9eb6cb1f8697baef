"""Values as they are read from JSON, whatever shape a firmware gives them."""

import re

def number(v):
    """A number or a trimmed numeric string, else None."""
    if isinstance(v, bool) or v is None:
        return None
    if isinstance(v, (int, float)):
        return v if v == v and abs(v) != float("inf") else None
    if isinstance(v, str) and re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", v) and v.strip()[-1].isdigit():
        return float(v)
    return None


def integer(v):
    v = number(v)
    return None if v is None else int(v + 0.5) if v >= 0 else -int(0.5 - v)


def bits(v):
    """A hexadecimal string of any length, or an integer."""
    if isinstance(v, bool):
        return None
    if isinstance(v, int):
        return v & 0xFFFFFFFFFFFFFFFF
    if isinstance(v, str) and re.fullmatch(r"\s*(0x)?[0-9a-fA-F]+\s*", v):
        return int(v.strip(), 16)
    return None


def text(v):
    return v if isinstance(v, str) and v.strip() else str(v) if isinstance(v, (int, float)) else None


def at(tree, *path):
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def member(items, key, wanted):
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and (item.get(key) == wanted or integer(item.get(key)) == wanted is not None):
            return item
    return None


def split(packed):
    return (None, None) if packed is None else (sane(packed & 0xFFFF), sane(packed >> 16 & 0xFFFF))


def sane(v):
    return v if v is not None and -50 <= v <= 500 else None


def floor(v):
    return None if v is None else int(v // 1)


def steps(v):
    v = integer(v)
    return None if v is None or not 0 <= v <= 15 else -(-v * 10 // 15) * 10
