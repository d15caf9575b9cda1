# SPDX-License-Identifier: Apache-2.0
"""Writes HELPERS.md: each helper's meaning, and by example its value here and in the family.

usage: helper_table.py            prints the examples, for surface.py under the family's package
       helper_table.py FILE       takes what surface.py printed there
"""
from __future__ import annotations

import json
import math
import pathlib
import sys

import filled_in
import helpers
import reasons
import surface

import horus

PAGE = pathlib.Path(__file__).parent / "HELPERS.md"
BEGIN, END = "<!-- helpers: what, value -->\n", "<!-- end of helpers -->\n"
HEAD = ["| Helper | Meaning | Example | Here | Family |", "|---|---|---|---|---|"]


def examples():
    """(helper, expression) of each example; a helper without a dot is a constructor."""
    for table in (helpers.EXAMPLES, filled_in.DEFAULTS):
        for name, expressions in table.items():
            yield from ((name, expression) for expression in expressions)


def is_same(one, other):
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return one == other


def meaning(name):
    cls, _, method = name.partition(".")
    text = getattr(getattr(horus, cls), method).__doc__ if method else "What is filled in."
    return " ".join(text.split("\n\n")[0].split())


def cell(text):
    return text.replace("|", "\\|")


def shown(value):
    if isinstance(value, dict):
        return "an error"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def rows(ours, theirs):
    """`theirs` of an example is its value there."""
    said = set()
    for name, expression in examples():
        here, there = shown(ours[expression]), shown(theirs[expression])
        why = reasons.UNLIKE_HELPERS.get(expression)
        same = is_same(ours[expression], theirs[expression])
        if same == (why is not None):
            raise AssertionError(f"{expression}: {here} here, {there} there, reason: {why}")
        first = name not in said
        said.add(name)
        yield [f"`{name}`" if first else "", cell(meaning(name)) if first else "",
               f"`{cell(expression.replace('horus.', ''))}`", here,
               "same" if same else f"{there}: {why}"]


def text(ours, theirs):
    return "\n".join([*HEAD, *("| " + " | ".join(row) + " |" for row in rows(ours, theirs))]) + "\n"


def table_of(page):
    return page.split(BEGIN)[1].split(END)[0]


def main(files):
    expressions = [expression for _, expression in examples()]
    if not files:
        return print(json.dumps(expressions))
    ours = dict(zip(expressions, surface.results(horus, expressions)))
    theirs = dict(zip(expressions, json.loads(pathlib.Path(files[0]).read_text())["results"]))
    page = PAGE.read_text()
    PAGE.write_text(page.replace(BEGIN + table_of(page) + END, BEGIN + text(ours, theirs) + END))


if __name__ == "__main__":
    main(sys.argv[1:])
