#!/usr/bin/env python3
"""Reads lines of JSON on stdin and prints each distinct shape once, sorted: members in their order, with the kind of
value each has. What names the kind of a line (event, type, and doctor's result) is printed itself."""
import json
import re
import sys

WORDS = {"event", "type"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def shape(value, name=""):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shape(member, key)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + " | ".join(sorted({shape(item) for item in value})) + "]"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if value is None:
        return "null"
    if name in WORDS:
        return json.dumps(value)
    return "time" if TIME.fullmatch(value) else "text"


print("\n".join(sorted({shape(json.loads(line)) for line in sys.stdin})))
