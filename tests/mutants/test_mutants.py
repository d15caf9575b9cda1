# SPDX-License-Identifier: Apache-2.0
"""The table of breaks is what the tree is, and its runner tells a seen break from an unseen one."""
import contextlib
import fnmatch
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mutants  # noqa: E402

ROOT = mutants.ROOT
ROWS = mutants.table()


def test_each_text_is_in_its_file_exactly_once():
    behind = []
    for row in ROWS:
        try:
            mutants.broken_file(row, ROOT)
        except (OSError, ValueError) as error:
            behind.append(str(error))
    assert behind == []


def test_each_break_changes_its_file_and_stands_once():
    assert [row for row in ROWS if row.text == row.broken] == []
    assert len({(row.file, row.text, row.broken) for row in ROWS}) == len(ROWS)


def is_there(test, programs, names):
    if not test.startswith("tests/"):
        program, *filters = test.split()
        # Of a parameterised suite "Prefix/Suite.*" or "Prefix/Suite.name/Parameter".
        wanted = [one.removeprefix(one.split("/")[0] + "/") if one.split(".")[0].count("/") else one
                  for one in filters]
        return program in programs and all(
            any(fnmatch.fnmatchcase(name, one.split("/")[0]) for name in names) for one in wanted)
    for word in test.split():
        file, _, function = word.partition("::")
        if not (ROOT / file).exists() or f"def {function}" not in (
                (ROOT / file).read_text() if function else "def "):
            return False
    return True


def test_each_test_of_a_row_is_there():
    lists = "".join(path.read_text() for path in (ROOT / "tests").glob("*/CMakeLists.txt"))
    programs = set(re.findall(r"horus_test\((\w+)", lists))
    sources = "".join(path.read_text() for path in (ROOT / "tests").glob("*/*.cpp"))
    names = {".".join(name) for name in re.findall(r"^TEST\w*\(\s*(\w+),\s*(\w+)", sources, re.M)}
    assert [(row.file, test) for row in ROWS for test in row.tests
            if not is_there(test, programs, names)] == []
    assert not is_there("rt_test Nobody.*", programs, names)
    assert not is_there("no_test", programs, names)
    assert not is_there("tests/python/test_msgpack.py::test_nothing", programs, names)


def test_each_folder_of_the_product_has_rows():
    folders = {row.folder for row in ROWS if row.tests}
    assert folders == {"rt", "shm", "service", "pyhost", "tools"}


def test_a_row_that_lacks_something_is_refused_with_its_first_line():
    for block in (["a.cpp", "- x", "rt_test"], ["a.cpp: loss", "rt_test"], ["a.cpp: loss", "- x"],
                  ["a.cpp: loss", "- x", "= nobody", "rt_test"]):
        with pytest.raises(ValueError, match="^some.txt: 'a.cpp"):
            mutants.parse(block, "some.txt")


# The runner, with a product of one script.


def row(broken, text="limit=3", test="word_test One.*"):
    return mutants.Break("rt/word.sh", "the limit", text, broken, (test,))


@pytest.fixture
def tree(tmp_path):
    """A product whose build copies it, and whose test is the product itself."""
    (tmp_path / "rt").mkdir()
    (tmp_path / "rt/word.sh").write_text(
        '#!/bin/sh\nlimit=3\nwhile [ $limit = 100 ]; do sleep 1; done\ntest $limit = 3 || '
        '{ echo "1 of $#: $*"; exit 1; }\n')
    build = tmp_path / "build/debug"
    build.mkdir(parents=True)
    (build / "build.ninja").write_text(
        "rule copy\n  command = sh -n $in && cp $in $out && chmod +x $out\n"
        "build tests/word_test: copy ../../rt/word.sh\nbuild word_test: phony tests/word_test\n")
    if reason := mutants.why_not():
        pytest.skip(reason)
    return tmp_path


def runs(tree):
    for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(tree) in line.read_text(errors="replace"):
                return True
    return False


def files(tree):
    return {path: (path.stat().st_mtime_ns, path.read_bytes())
            for path in tree.rglob("*") if path.is_file()}


def ends(tree, *rows):
    return [mutants.run_one(one, tree, 1)[0] for one in rows]


def test_a_break_that_turns_a_test_red_is_seen_and_another_is_not(tree):
    assert mutants.run([row("limit=4")], tree) is True
    assert mutants.run([row("limit=4"), row("limit=$((1+2))")], tree) is False


def test_the_share_is_told_by_folder_and_an_unseen_break_with_its_text(tree, capsys):
    mutants.run([row("limit=4"), row("limit=$((1+2))")], tree)
    said = capsys.readouterr().out
    assert "rt:       1 of 2 seen, 50 %" in said
    assert "UNSEEN: rt/word.sh: the limit" in said
    assert "'limit=3' -> 'limit=$((1+2))', by word_test One.*" in said


def test_the_build_in_batches_serves_where_there_is_no_other(tree):
    (tree / "build/debug").rename(tree / "build/check")
    assert mutants.run([row("limit=4")], tree) is True
    (tree / "build/debug").mkdir()
    assert mutants.build_folder(tree) == "build/check", "that one was never configured"
    (tree / "build/debug/build.ninja").write_text("")
    assert mutants.build_folder(tree) == "build/debug"


def test_what_does_not_build_or_is_red_without_a_break_is_not_seen(tree):
    mutants.run([row("limit=4")], tree)  # It is built.
    assert ends(tree, row("limit=4 (")) == ["DOES NOT BUILD"]
    script = tree / "rt/word.sh"
    script.write_text(script.read_text().replace("test $limit = 3", "test $limit = 5"))
    assert subprocess.run(["ninja", "-C", "build/debug", "word_test"], cwd=tree, check=True,
                          capture_output=True)
    assert ends(tree, row("limit=4")) == ["RED WITHOUT THE BREAK"]


def test_a_break_that_makes_a_test_hang_is_seen_and_nothing_goes_on_running(tree, monkeypatch):
    mutants.run([row("limit=4")], tree)  # It is built.
    monkeypatch.setattr(mutants, "PATIENCE_S", 5)
    end, _, _ = mutants.run_one(row("limit=100"), tree, 1)
    assert end == "seen"
    assert not runs(tree)


def test_a_runner_that_is_killed_leaves_the_tree_and_its_build_and_nothing_that_runs(tree):
    mutants.run([row("limit=4")], tree)
    before = files(tree)
    code = (f"import sys; sys.path.insert(0, {str(mutants.HERE)!r}); import mutants, pathlib\n"
            f"row = mutants.Break('rt/word.sh', 'x', 'limit=3', 'limit=100', ('word_test',))\n"
            f"mutants.run([row], pathlib.Path({str(tree)!r}))\n")
    runner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    try:
        while "build/debug/tests/word_test" not in arguments_of_children(runner.pid):
            assert runner.poll() is None, "it ended"
    finally:
        runner.kill()
        runner.wait()
    assert files(tree) == before
    while runs(tree):
        pass  # The kernel is ending it.


def arguments_of_children(pid):
    """The command lines of whatever runs below `pid`."""
    said, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        try:
            tasks = os.listdir(f"/proc/{one}/task")
            said.append(pathlib.Path(f"/proc/{one}/cmdline").read_text())
            for task in tasks:
                children = pathlib.Path(f"/proc/{one}/task/{task}/children").read_text()
                waiting += map(int, children.split())
        except OSError:
            continue
    return "".join(said)


def test_rows_are_chosen_by_number_with_a_seed_by_folder_and_by_file():
    five = mutants.choose(ROWS, ["5"], 7)
    assert five == mutants.choose(ROWS, ["5"], 7) and len(set(five)) == 5
    assert five != mutants.choose(ROWS, ["5"], 8)
    assert {one.folder for one in mutants.choose(ROWS, ["rt", "tools/"], 0)} == {"rt", "tools"}
    assert {one.file for one in mutants.choose(ROWS, ["rt/plan.cpp"], 0)} == {"rt/plan.cpp"}
    assert all(one.tests for one in mutants.choose(ROWS, ["all"], 0))
    with pytest.raises(SystemExit, match="no break in rt/nothing.cpp"):
        mutants.choose(ROWS, ["rt/nothing.cpp"], 0)
