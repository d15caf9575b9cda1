# SPDX-License-Identifier: Apache-2.0
"""What after-stop does, beside a systemd that answers from a file."""
import os
import shutil

import pytest

from running import ROOT, run

SYSTEMCTL = """#!/bin/sh
case "$1" in
  list-jobs) cat "$HERE/jobs" ;;
  show) cat "$HERE/state" ;;
  *) echo "$*" >> "$HERE/done"
     if [ "$1" = stop ] && [ -f "$HERE/then" ]; then mv "$HERE/then" "$HERE/state"; fi ;;
esac
"""
STOP = "stop horus-pyhost.service horus-recorder.service"
RESET = "reset-failed horus-pyhost.service horus-recorder.service"
START = "--no-block start horus-pyhost.service horus-recorder.service"
KEEP = "blackbox --flush"


def after_stop(folder, what, state, job="", then=""):
    """What it did."""
    programs = {"systemctl": SYSTEMCTL, "horus-sweep": '#!/bin/sh\necho sweep >> "$HERE/done"\n',
                # As another user, whom a test need not have.
                "setpriv": '#!/bin/sh\nshift 3\nexec "$@"\n',
                "horusctl": '#!/bin/sh\necho "$*" >> "$HERE/done"\n'}
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    shutil.copy(ROOT / "systemd/after-stop", folder)
    (folder / "state").write_text(state + "\n")
    (folder / "jobs").write_text(f"7 horus.service {job} waiting\n" if job else "")
    if then:
        (folder / "then").write_text(then + "\n")
    (folder / "done").write_text("")
    ended = run([str(folder / "after-stop"), what],
                os.environ | {"HERE": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"})
    assert ended.returncode == 0, ended.stderr
    return (folder / "done").read_text().splitlines()


def test_after_a_failure_for_good_the_hosts_go_and_their_memory(tmp_path):
    assert after_stop(tmp_path, "failed", "failed") == [STOP, KEEP, "sweep", RESET]


@pytest.mark.parametrize("state, job", [("failed", "start"), ("failed", "restart"),
                                        ("activating", ""), ("active", "")])
def test_a_daemon_that_was_started_again_by_hand_keeps_all(tmp_path, state, job):
    assert after_stop(tmp_path, "failed", state, job) == []


def test_a_daemon_that_starts_while_the_hosts_stop_keeps_its_memory(tmp_path):
    assert after_stop(tmp_path, "failed", "failed", then="activating") == [STOP, START]


@pytest.mark.parametrize("state, job, done", [
    ("inactive", "", ["sweep"]), ("failed", "", ["sweep"]), ("active", "", []),
    ("activating", "", []), ("inactive", "start", [])])
def test_the_hosts_leave_a_living_daemon_its_memory(tmp_path, state, job, done):
    assert after_stop(tmp_path, "hosts", state, job) == done


@pytest.mark.parametrize("result, kept", [("success", []), ("timeout", [KEEP]), ("signal", [KEEP])])
def test_what_a_killed_daemon_went_through_is_kept(tmp_path, monkeypatch, result, kept):
    monkeypatch.setenv("SERVICE_RESULT", result)
    assert after_stop(tmp_path, "daemon", "failed", "stop") == [*kept, STOP, "sweep"]
