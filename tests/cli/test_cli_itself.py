# SPDX-License-Identifier: Apache-2.0
"""What `horusctl` says of the machine and of itself: doctor, its two names, completion, manual."""
import json
import os
import re
import subprocess

import pytest

from ctl import horusctl  # First: it finds `running`.
from running import own_base, program, run


@pytest.fixture
def nothing():
    with own_base() as environment:
        yield environment


def test_the_doctors_json_has_an_id_a_status_evidence_and_a_fix_for_each_check(nothing):
    done = horusctl(nothing, "doctor", "--json")
    report = json.loads(done.stdout)
    states = [check["status"] for check in report["checks"]]
    assert set(states) <= {"ok", "warn", "fail", "skip"}
    assert done.returncode == (2 if "fail" in states else 1 if "warn" in states else 0)
    assert all(set(check) == {"id", "status", "evidence", "fix"} for check in report["checks"])
    strict = horusctl(nothing, "doctor", "--strict", "--json")
    states = {check["status"] for check in json.loads(strict.stdout)["checks"]}
    assert strict.returncode == (2 if {"fail", "warn"} & states else 0)
    shown = horusctl(nothing, "doctor")
    assert "fix: " in shown.stdout or shown.returncode == 0


def test_horus_is_the_same_program(nothing):
    assert os.path.samefile(program("horus"), program("horusctl"))
    for words in (("help", "stats"), ("version",), ("completion", "zsh")):
        assert horusctl(nothing, *words, name="horus").stdout == horusctl(nothing, *words).stdout


def test_the_bash_completion_completes_and_runs_nothing_that_a_name_says(nothing, tmp_path):
    script = horusctl(nothing, "completion", "bash").stdout
    fake = tmp_path / "horusctl"
    fake.write_text('#!/bin/sh\necho \'{"name":"motor"}\'\necho \'{"name":"$(touch owned)"}\'\n')
    fake.chmod(0o755)

    def complete(*words):
        typed = " ".join(f"'{word}'" for word in words)
        line = (f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _horusctl; "
                'printf "%s\\n" "${COMPREPLY[@]}"')
        environment = nothing | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = run(["bash", "-c", script + line], environment, cwd=tmp_path)
        assert done.stderr == ""
        return done.stdout.split()

    assert complete("horusctl", "st") == ["stats", "status"]
    assert complete("horusctl", "stats", "--j") == ["--json"]
    assert complete("horusctl", "topic", "") == ["list", "info", "echo", "hz", "bw", "delay",
                                                 "pub"]
    assert complete("horusctl", "stats", "--node", "") == ["motor"]
    assert "motor" in complete("horusctl", "topic", "echo", "")
    assert complete("horusctl", "completion", "z") == ["zsh"]
    assert not (tmp_path / "owned").exists()


def test_the_manual_is_clean_roff(nothing):
    page = horusctl(nothing, "man").stdout
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page, capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    # What is bold is struck twice.
    assert "--socket-dir DIR" in re.sub(".\b", "", done.stdout)
