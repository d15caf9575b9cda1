#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two benchmark files: compare.py OLD.json NEW.json.

A result is slower when its median rose by more than 5 % and every new sample lies above the old
median. Exit 0: none is slower; 1: one is, or has vanished; 2: the files' contexts differ.
"""
import json
import statistics
import sys

TOLERANCE = 1.05
# What makes two runs comparable; the commit is what one compares.
CONTEXT = ("machine", "kernel", "governor", "isolated_cpus", "preset")


def load(path: str) -> tuple[dict, dict]:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    return document["context"], {row["name"]: row for row in document["results"]}


def verdict(old: list[float], new: list[float]) -> str:
    before, after = statistics.median(old), statistics.median(new)
    if after > before * TOLERANCE and min(new) > before:
        return "slower"
    if after * TOLERANCE < before and max(new) < before:
        return "faster"
    return "same"


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: compare.py OLD.json NEW.json", file=sys.stderr)
        return 2
    (old_context, old), (new_context, new) = map(load, arguments)
    differing = [key for key in CONTEXT if old_context.get(key) != new_context.get(key)]
    if differing:
        print(f"not comparable: {', '.join(differing)} differ", file=sys.stderr)
        return 2
    failed = False
    for name, row in old.items():
        if name not in new:
            print(f"{name}: vanished")
            failed = True
            continue
        before, after = row["samples"], new[name]["samples"]
        word = verdict(before, after)
        failed |= word == "slower"
        print(f"{name}: {statistics.median(before):.1f} -> {statistics.median(after):.1f} "
              f"{row['unit']} ({word})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
