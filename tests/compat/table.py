# SPDX-License-Identifier: Apache-2.0
"""Compares our surface with the family's, and writes the table of PYTHON.md.

usage: table.py FILE_WITH_THE_FAMILY_S_SURFACE
"""
from __future__ import annotations

import json
import pathlib
import sys

import reasons
import surface

import horus
from horus import _family

BEGIN, END = "<!-- table: theirs, ours, status -->\n", "<!-- end of the table -->\n"
PAGE = pathlib.Path(__file__).parents[2] / "PYTHON.md"


def has(cls, member):
    if hasattr(cls, member):
        return True
    return isinstance(cls, type) and member in vars(cls).get("__annotations__", {})


def lacks(name, member, theirs):
    """The family's arguments of a function that ours does not take by name."""
    value = getattr(getattr(horus, name), member, None) if member else getattr(horus, name)
    ours = surface.parameters(value)
    if theirs is None or ours is None or member in surface.PROTOCOL or "kwargs" in ours:
        return []
    also = _family.NAMES.get(name, {}).get(member, {})
    return [one for one in theirs if one not in ours and one not in also]


def status(name, member, theirs):
    """The third and second column of a name, or None where it is the same."""
    found = getattr(horus, name, None)
    missing = not hasattr(horus, name) or member and not has(found, member)
    if (name, member) in reasons.NOT_YET:
        return "–", "apart: " + reasons.NOT_YET[name, member]
    if (name, member) in reasons.OTHERWISE:
        ours, why = reasons.OTHERWISE[name, member]
        return ours, "otherwise: " + why
    if missing:
        return "–", "missing"
    lacking = lacks(name, member, theirs) if has(found, member) or not member else []
    return ("–", f"missing: {', '.join(lacking)}=") if lacking else None


def rows(theirs):
    """(theirs, ours, status) of each name, and of each member that is not the same."""
    for name, found in theirs.items():
        own = status(name, "", found["parameters"])
        same = 0
        unlike = []
        for member, parameters in found["members"].items() if own is None or hasattr(
                horus, name) else []:
            what = status(name, member, parameters)
            same += what is None
            unlike += [] if what is None else [(f"{name}.{member}", *what)]
        ours, said = own or (name, "same")
        if own is None and found["members"]:
            said = f"same, {same} members"
        yield name, ours, said
        yield from unlike


def text(theirs):
    lines = ["| Theirs | Ours | Status |", "|---|---|---|"]
    lines += [f"| `{name}` | {ours if ours[:1] in '–`' else f'`{ours}`'} | {said} |"
              for name, ours, said in rows(theirs)]
    return "\n".join(lines) + "\n"


def table_of(page):
    return page.split(BEGIN)[1].split(END)[0]


def main(path):
    page = PAGE.read_text()
    made = text(json.loads(pathlib.Path(path).read_text())["surface"])
    PAGE.write_text(page.replace(BEGIN + table_of(page) + END, BEGIN + made + END))


if __name__ == "__main__":
    main(sys.argv[1])
