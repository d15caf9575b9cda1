# SPDX-License-Identifier: Apache-2.0
"""What a host begins with, and what ends with it: nothing of its supervisor's, and all that is its
own."""
import json
import os
import signal

import pytest

from running import Running, own_base, program, until

MODULE = """
import ctypes, json, os, pathlib, subprocess, horus
told = pathlib.Path(__file__).with_name("told")
status = pathlib.Path("/proc/self/status").read_text()
ends_with = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(ends_with))  # PR_GET_PDEATHSIG
started = subprocess.Popen(["sleep", "3600"])
told.with_suffix(".new").write_text(json.dumps({
    "variables": sorted(os.environ), "pid": os.getpid(), "started": started.pid,
    "ends_with": ends_with.value, "blocked": int(status.split("SigBlk:")[1].split()[0], 16)}))
told.with_suffix(".new").rename(told)
node = horus.Node("one", lambda node: None, rate=50,
                  shutdown=lambda node: told.with_name("shut down").write_text("yes"))
"""
OF_THE_SUPERVISOR = {"NOTIFY_SOCKET": "@nobody-listens", "WATCHDOG_USEC": "3000000",
                     "JOURNAL_STREAM": "8:1"}


@pytest.fixture
def robot(tmp_path):
    """A supervisor of one host, what the host has told, and the folder."""
    (tmp_path / "one.py").write_text(MODULE)
    file = tmp_path / "robot.toml"
    file.write_text('[robot]\nname = "st"\n[[host]]\nname = "one"\nmodule = "one.py"\n')
    command = [program("horus-pyhost"), "--config", str(file)]
    with own_base() as environment:
        with Running(command, environment | OF_THE_SUPERVISOR) as hosts:
            told = until(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text(),
                         "the host is there", hosts)
            until(lambda: "host 'one' ready" in hosts.text(), "ready", hosts)
            yield hosts, json.loads(told), tmp_path


def runs(pid):
    """Whether it runs, or waits for somebody to ask how it ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_host_has_no_channel_of_its_supervisor(robot):
    _, told, _ = robot
    assert [name for name in OF_THE_SUPERVISOR if name in told["variables"]] == []


def test_a_host_hears_a_stop_and_shuts_its_nodes_down(robot):
    hosts, told, folder = robot
    assert not told["blocked"] & 1 << signal.SIGTERM - 1
    assert hosts.stop() == 0
    assert (folder / "shut down").read_text() == "yes"
    assert "ignores SIGTERM" not in hosts.text()


def test_a_host_ends_with_its_supervisor(robot):
    hosts, told, _ = robot
    assert told["ends_with"] == signal.SIGKILL
    hosts.stop(signal.SIGKILL)
    until(lambda: not runs(told["pid"]), "the host has ended")
    os.kill(told["started"], signal.SIGKILL)  # Nobody is left to end it here.


def test_what_a_host_has_started_ends_with_it(robot):
    _, told, _ = robot
    os.kill(told["pid"], signal.SIGKILL)
    until(lambda: not runs(told["started"]), "what it started has ended")
