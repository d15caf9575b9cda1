# SPDX-License-Identifier: Apache-2.0
"""`horusctl log`: what it asks journalctl for, and how it shows the answer."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile

import pytest

import ctl  # noqa: F401  First: it finds `running`.
from running import (BUILD, NOBODY, PYTHON, Running, as_user, program, run,  # noqa: E402
                     until)

HORUSCTL = program("horusctl")

ENTRIES = [
    {"__REALTIME_TIMESTAMP": "1700000000123456", "PRIORITY": "4", "SYSLOG_IDENTIFIER": "horusd",
     "NODE": "motor", "TICK": "7", "MESSAGE": "motor[7]: missed its deadline"},
    {"__REALTIME_TIMESTAMP": "1700000001000000", "PRIORITY": "3",
     "SYSLOG_IDENTIFIER": "horus-pyhost", "HOST": "planner", "MESSAGE": "plan[3]: no \x1b[31mpath"},
    {"__REALTIME_TIMESTAMP": "1700000002000000", "SYSLOG_IDENTIFIER": "systemd",
     "MESSAGE": "of no priority"},
    {"__REALTIME_TIMESTAMP": "1700000003000000", "PRIORITY": "7",
     "SYSLOG_IDENTIFIER": "horus-pyhost", "MESSAGE": list(b"\x1b[32mgreen\xff")},
    {"__REALTIME_TIMESTAMP": "1700000004000000", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "odd",
     "MESSAGE": [{"of": "no kind"}, -1, "known"]},
    {"__REALTIME_TIMESTAMP": "9999999999000000", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "horusd",
     "MESSAGE": "in times to come"},
]


@pytest.fixture
def journal(tmp_path):
    """A journalctl that writes what it was asked, and answers with ENTRIES."""
    script = tmp_path / "journalctl"
    lines = "\n".join(json.dumps(entry) for entry in ENTRIES)
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/asked\n'
                      f'cat <<"END"\n{lines}\nEND\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)

    def log(*words, base=None):
        # A base without hosts: their own lines would come first.
        environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TZ": "UTC",
                                    "HORUS_BASE": str(tmp_path / "base")}
        if base is not None:
            environment = {name: value for name, value in environment.items()
                           if name != "HORUS_BASE"} | base
        done = subprocess.run([HORUSCTL, "log", *words], env=environment, capture_output=True,
                              text=True, timeout=60, check=False)
        asked = tmp_path / "asked"
        return done, asked.read_text().split("\n")[:-1] if asked.exists() else None
    return log


def test_lines_have_time_program_host_level_and_nothing_that_a_terminal_obeys(journal):
    done, asked = journal()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:5] == [
        "2023-11-14 22:13:20.123 horusd: warning: motor[7]: missed its deadline",
        "2023-11-14 22:13:21.000 horus-pyhost: [planner] error: plan[3]: no ?[31mpath",
        "2023-11-14 22:13:22.000 systemd: of no priority",
        "2023-11-14 22:13:23.000 horus-pyhost: debug: ?[32mgreen?",
        "2023-11-14 22:13:24.000 odd: "]
    assert asked == ["--output=json", "--no-pager", "--unit=horus.service",
                     "--unit=horus-pyhost.service", "--unit=horus-recorder.service",
                     "--lines=1000"]


def test_options_are_those_of_journalctl(journal):
    _, asked = journal("motor", "--level", "warning", "--since", "1 hour ago", "--follow")
    assert asked[5:] == ["--priority=4", "--since=1 hour ago", "--follow", "NODE=motor", "+",
                         "HOST=motor"]


SCRIPT = """
import horus
def tick(node):
    if horus.tick() == 0:
        node.log_info("of a script")
        node.log_warning("that is dead")
horus.run(horus.Node(name="motor", tick=tick, rate=100))
"""


@contextlib.contextmanager
def dead_script(uid=None):
    """A default base of this test's alone, in which a script of that user was killed."""
    own = {"HORUS_NAMESPACE": f"log-test-{os.getpid()}", "PYTHONPATH": str(BUILD / "python")}
    environment = {name: value for name, value in os.environ.items() if name != "HORUS_BASE"} | own
    with Running(as_user(uid, [PYTHON, "-c", SCRIPT]), environment) as script:
        until(lambda: "that is dead" in run(as_user(uid, [HORUSCTL, "log"]), environment).stdout,
              "said", script)
        script.stop(signal.SIGKILL)
    try:
        yield own
    finally:
        base = pathlib.Path(f"/dev/shm/horus-{os.getuid() if uid is None else uid}")
        shutil.rmtree(base / own["HORUS_NAMESPACE"])
        with contextlib.suppress(OSError):
            base.rmdir()


@pytest.fixture
def user():
    with dead_script() as environment:
        yield environment


def test_a_dead_script_hides_nothing_of_the_service(journal, user):
    done, asked = journal("motor", base=user)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert asked[-3:] == ["NODE=motor", "+", "HOST=motor"]
    assert [line.split(": ", 1)[1] for line in lines[:2]] == [
        "warning: motor[7]: missed its deadline", "[planner] error: plan[3]: no ?[31mpath"]
    # Its own lines are newer than all but one; a late tick may have had another.
    places = [next(i for i, line in enumerate(lines) if text in line)
              for text in ("motor[7]", "motor[0]: of a script", "warning: motor[0]: that is dead",
                           "in times to come")]
    assert places == sorted(places) and places[-1] == len(lines) - 1, lines


def test_who_chose_a_base_is_shown_no_other_s_lines(journal, user):
    chosen = {"HORUS_BASE": f"/dev/shm/horus-{os.getuid()}/{user['HORUS_NAMESPACE']}"}
    done, asked = journal("motor", base=chosen)
    assert "of a script" in done.stdout and "in times to come" not in done.stdout
    assert asked is None


def test_a_dead_script_s_log_needs_no_journal(user, tmp_path):
    done = subprocess.run([HORUSCTL, "log"], capture_output=True, text=True, timeout=60,
                          check=False, env=user | {"PATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "that is dead" in done.stdout


def test_a_time_that_journalctl_alone_knows_leaves_the_pages_out(journal, user):
    done, asked = journal("--since", "-2weeks", base=user)
    assert done.returncode == 0, done.stderr
    assert "--since=-2weeks" in asked and "that is dead" not in done.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_who_may_not_read_the_service_s_log_is_told_so_beside_his_own():
    folder = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        folder.chmod(0o755)
        (folder / "journalctl").write_text("#!/bin/sh\n")
        (folder / "journalctl").chmod(0o755)
        with dead_script(NOBODY) as environment:
            done = run(as_user(NOBODY, [HORUSCTL, "log"]), environment | {
                "PATH": f"{folder}:{os.environ['PATH']}"})
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 0 and "that is dead" in done.stdout, done.stderr
    assert done.stderr.count("may not read the service's log (join the group") == 1


def test_without_journalctl_it_says_so(tmp_path):
    done = subprocess.run([HORUSCTL, "log"], capture_output=True, text=True, timeout=60,
                          check=False, env={"PATH": str(tmp_path), "HORUS_BASE": str(tmp_path)})
    assert done.returncode == 1
    assert "journalctl does not run" in done.stderr


def test_a_level_or_time_that_is_none_is_refused(journal):
    done, _ = journal()
    done = subprocess.run([HORUSCTL, "log", "--level", "loud"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert (done.returncode, "'loud' is no level (error, warning, info, debug)" in done.stderr) == (
        2, True)


def test_status_tells_why_the_service_did_not_start(tmp_path):
    systemctl = tmp_path / "systemctl"
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}",
                                "HORUS_BASE": str(tmp_path / "base"),
                                "RUNTIME_DIRECTORY": str(tmp_path / "run")}

    def status(answer):
        systemctl.write_text(f"#!/bin/sh\n{answer}\n")
        systemctl.chmod(0o755)
        return subprocess.run([HORUSCTL, "status"],
                              env=environment, capture_output=True, text=True, timeout=60,
                              check=False)
    refused = status('echo said >&2; echo "Result=exit-code"; '
                     'echo "StatusText=robot.toml:3: no such key"')
    assert refused.returncode == 3
    assert refused.stderr == ("horusctl: the service does not run any more, or did not start: "
                              "robot.toml:3: no such key\n")
    assert "did not start: watchdog" in status("echo Result=watchdog").stderr
    assert "nothing runs here" in status("echo Result=success; echo StatusText=x").stderr
    assert "nothing runs here" in status("exit 1").stderr
