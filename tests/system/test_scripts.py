# SPDX-License-Identifier: Apache-2.0
"""The developers' scripts: what they would install, and what they say first."""
import os
import re

import pytest

from running import ROOT, run

SETUP = str(ROOT / "tools/dev/setup")
CHECK = str(ROOT / "tools/dev/check")
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
    assert HEAVY <= set(everything)
    assert len(set(everything)) == len(everything)


def test_a_part_that_there_is_not_is_named_with_those_that_there_are():
    done = run([SETUP, "--list", "biuld"], dict(os.environ))
    assert done.returncode == 2
    assert "no part 'biuld'" in done.stderr and "build, test, lint and vm" in done.stderr


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
