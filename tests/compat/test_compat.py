# SPDX-License-Identifier: Apache-2.0
"""Our surface and helpers beside those of the family's package, where that is installed.

To install it: `python3 -m venv ~/.cache/horus/family`, then there `bin/pip install
horus-robotics==0.4.1 numpy`. HORUS_FAMILY names another interpreter that has it.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system"))
from running import BUILD  # noqa: E402

sys.path.insert(0, str(BUILD / "python"))
import helper_table  # noqa: E402
import reasons  # noqa: E402
import surface  # noqa: E402
import table  # noqa: E402

import horus  # noqa: E402
from horus import _family  # noqa: E402

HERE = pathlib.Path(__file__).parent
FAMILY = os.environ.get("HORUS_FAMILY", os.path.expanduser("~/.cache/horus/family/bin/python"))
HELPERS = [expression for _, expression in helper_table.examples()]
EXPRESSIONS = [*reasons.ALIKE, *reasons.UNLIKE]


@pytest.fixture(scope="module")
def theirs():
    """What surface.py says of the family's package, which shares no memory with anybody."""
    if not os.access(FAMILY, os.X_OK):
        pytest.skip(f"no horus-robotics: {FAMILY} is not there (see this file's first lines)")
    if os.getuid() != 0:
        pytest.skip("needs root for a /dev/shm of its own")
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c",
         'mount -t tmpfs none /dev/shm && exec "$@"', "sh", FAMILY, "-B", str(HERE / "surface.py")],
        input=json.dumps(EXPRESSIONS + HELPERS), capture_output=True, text=True, timeout=60,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def ours():
    return given(surface.results(horus, EXPRESSIONS + HELPERS))


def given(results):
    return dict(zip(EXPRESSIONS + HELPERS, results))


def test_nothing_is_missing_without_a_reason(theirs):
    assert [row for row in table.rows(theirs["surface"]) if row[2].startswith("missing")] == []


def test_the_table_is_what_is_there(theirs):
    assert table.table_of(table.PAGE.read_text()) == table.text(theirs["surface"])


def test_a_name_of_an_argument_stands_where_the_family_s_does(theirs):
    for cls, methods in _family.NAMES.items():
        for method, also in methods.items():
            there = theirs["surface"][cls]["members"][method]
            here = ["self", *surface.parameters(getattr(getattr(horus, cls), method))]
            # Not of the family's newest.
            for their_name, our_name in ((one, own) for one, own in also.items() if one != "hz"):
                place = here.index(our_name) - (method != "with_speed")
                assert there.index(their_name) == place, f"{cls}.{method}({their_name}=)"


def test_expressions_give_the_same(theirs, ours):
    there = given(theirs["results"])
    for expression in reasons.ALIKE:
        assert ours[expression] == pytest.approx(there[expression]), expression
        assert not isinstance(there[expression], dict), f"{expression} raises there"
    for expression, why in reasons.UNLIKE.items():
        assert ours[expression] != there[expression], f"{expression} is the same: not '{why}'"


def test_helpers_give_the_same(theirs, ours):
    page = helper_table.PAGE.read_text()
    assert helper_table.table_of(page) == helper_table.text(ours, given(theirs["results"]))


# Without the package:


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_expressions_that_are_compared_work_here(expression, ours):
    raises = isinstance(ours[expression], dict) and "raises" in ours[expression]
    assert raises == (expression in reasons.UNLIKE and "rror" in reasons.UNLIKE[expression])


def test_every_row_of_the_table_that_says_same_is_there():
    rows = re.findall(r"^\| `(\w+)` \| .* \| same", table.table_of(table.PAGE.read_text()), re.M)
    assert len(rows) > 100 and [name for name in rows if not hasattr(horus, name)] == []


def test_no_row_of_the_table_says_missing():
    assert "missing" not in table.table_of(table.PAGE.read_text())


def helpers_of(cls):
    """Its methods, but for those that each message has."""
    return {name for name in vars(cls)
            if callable(getattr(cls, name)) and not name.startswith("_")
            } - {"from_bytes", "get", "keys", "items"}


def test_every_helper_of_every_message_has_its_row():
    messages = [value for value in vars(horus).values() if isinstance(value, type)
                and "from_bytes" in vars(value)
                and value not in (horus.DetectionList, horus.Image)]
    wanted = {f"{cls.__name__}.{name}" for cls in messages for name in helpers_of(cls)}
    assert len(wanted) > 200 and wanted - set(helper_table.helpers.EXAMPLES) == set()


def test_what_the_page_of_helpers_says_of_here_is_so(ours):
    lines = helper_table.table_of(helper_table.PAGE.read_text()).splitlines()[2:]
    said = {line.split(" | ")[2].strip("`"): line.split(" | ")[3] for line in lines}
    assert said == {helper_table.cell(one.replace("horus.", "")): helper_table.shown(ours[one])
                    for one in HELPERS}
