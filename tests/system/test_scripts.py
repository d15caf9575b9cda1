# SPDX-License-Identifier: Apache-2.0
"""The developers' scripts: what they would install, and what they say first."""
import os
import re

import pytest

from running import ROOT, run

SETUP = str(ROOT / "tools/dev/setup")
CHECK = str(ROOT / "tools/dev/check")
BROWSER = {"chromium", "npm"}
HEAVY = {"lintian", "clang", "clang-tidy", "qemu-system-x86", "mmdebstrap", "libgtest-dev"}


def parts(*names):
    done = run([SETUP, "--list", *names], dict(os.environ))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_the_demo_installs_is_what_a_build_needs():
    assert "cmake" in parts("build")
    assert not HEAVY & set(parts("build"))


def test_all_parts_are_the_default_and_name_each_package_once():
    everything = parts()
    assert everything == parts("build", "test", "lint", "vm")
    assert HEAVY <= set(everything) and not BROWSER & set(everything)
    assert len(set(everything)) == len(everything)


def test_a_part_that_there_is_not_is_named_with_those_that_there_are():
    done = run([SETUP, "--list", "biuld"], dict(os.environ))
    assert done.returncode == 2
    assert "no part 'biuld'" in done.stderr and "build, test, lint and vm" in done.stderr


STUBS = {
    # Somebody's nodejs is there, and nothing else.
    "dpkg-query": 'case "$*" in *Provides*) echo "installed, nodejs-dev, npm (= 10)" ;; esac',
    "apt-cache": 'echo "$2"',
    "apt-get": 'echo "apt-get: $*"',
    "sudo": 'exec "$@"',
}


def test_what_an_installed_package_provides_is_not_installed_instead_of_it(tmp_path):
    for name, text in STUBS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = run([SETUP, "foxglove"], os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    assert "installing chromium python3-pil\n" in done.stdout


@pytest.mark.parametrize("option, least", [("", 50), ("--quick", 1), ("--all", 70)])
def test_the_check_says_first_how_long_it_takes(option, least):
    done = run([CHECK, "--list", *filter(None, [option])], dict(os.environ))
    assert done.returncode == 0, done.stderr
    first, *rows = done.stdout.splitlines()
    minutes = [int(row.split()[0]) for row in rows]
    assert re.fullmatch(r"check: (\d+) min on 2 free CPUs.*:", first), first
    assert int(first.split()[1]) == sum(minutes) >= least
    if option == "--quick":
        assert sum(minutes) <= 8
    text = (ROOT / "tools/dev/check").read_text()
    for row in rows:
        assert f'"{row.split("min", 1)[1].strip().replace("asan", "$sanitizer")}"' in text or \
            f'"{row.split("min", 1)[1].strip().replace("tsan", "$sanitizer")}"' in text, row


@pytest.mark.parametrize("most, following, gone, done, fits", [
    (84, 14, 70 * 60, 70, True),
    (84, 14, 70 * 60 + 1, 70, False),
    (84, 14, 60 * 60, 30, False),      # Twice as slow as the table: it takes 28 min.
    (84, 14, 56 * 60, 28, True),
    (84, 14, 56 * 60 + 1, 28, False),
    (84, 14, 20 * 60, 40, True),       # A machine that was faster is not trusted to stay so.
    (30, 14, 16 * 60 + 1, 40, False),
    (84, 1, 0, 0, True),
    (84, 84, 1, 0, False),
])
def test_a_part_runs_only_where_a_machine_as_slow_as_so_far_ends_it_in_time(most, following, gone,
                                                                            done, fits):
    ran = run(["bash", "-euc",
               f". {ROOT}/tools/dev/fits; if fits {most} {following} {gone} {done}; "
               "then echo yes; else echo no; fi"], dict(os.environ))
    assert (ran.returncode, ran.stdout.strip()) == (0, "yes" if fits else "no"), ran.stderr


SOMETIMES_RED = """
import pathlib
import pytest

@pytest.mark.parametrize("row", range({count}))
def test_row(row):
    seen = pathlib.Path(__file__).with_name(f"seen{{row}}")
    first = not seen.exists()
    seen.touch()
    assert not {condition}

def test_green():
    with open(pathlib.Path(__file__).with_name("runs"), "a") as runs:
        runs.write("x")
"""


@pytest.mark.parametrize("count, condition, code, again", [
    (1, "first", 0, ["  test_some.py::test_row[0]"]),
    (5, "first", 0, [f"  test_some.py::test_row[{row}]" for row in range(5)]),
    (6, "first", 1, []),
    (1, "True", 1, []),
    (1, "False", 0, []),
])
def test_the_check_runs_what_was_red_once_more_and_names_it(tmp_path, count, condition, code,
                                                            again):
    (tmp_path / "test_some.py").write_text(SOMETIMES_RED.format(count=count, condition=condition))
    done = run(["bash", "-euc", f"""
        . {ROOT}/tools/dev/again
        pytest_again {tmp_path}/cache /usr/bin/python3 -B -m pytest -q --rootdir . . || code=$?
        printf '%s\n' "code ${{code:-0}}" "$again"
    """], dict(os.environ), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split(f"code {code}\n")[1].splitlines() == [*again, ""], done.stdout
    assert (tmp_path / "runs").read_text() == "x", "what is green runs once"
