# SPDX-License-Identifier: Apache-2.0
"""Programs whose hosts hang, crash or are killed at their end: what is said, and what is left."""
import signal
import subprocess

import pytest
from running import Running, files_below, own_base, until
from test_hosts import Script

PROGRAM = """
import os, pathlib, time
import horus
folder = pathlib.Path(__file__).parent
def mark(name):
    (folder / name).touch()
def tick(node):
    pass
def hang(node):
    mark("hangs")
    time.sleep(3600)
def crash(node):
    if horus.tick() == 2:
        mark("crashed")
        os.abort()
def crash_at_the_end(node):
    os.abort()
if __name__ != "__main__" and (folder / "crashed").exists():
    mark("imports")
    time.sleep(3600)
"""
RUN = """
horus.Scheduler(stop_timeout={}).add(horus.Node("a", host="vision", rate=50, {})).add(
    horus.Node("own", tick, 50, init=lambda node: mark("runs"))).run({})
"""


@pytest.fixture
def script(tmp_path):
    return Script(tmp_path)


@pytest.mark.parametrize("duration", ["", "0.2"])
def test_a_host_that_does_not_come_back_at_a_stop_is_an_error_of_the_run(script, tmp_path,
                                                                         duration):
    program = script.write(PROGRAM, RUN.format(0.5, "tick=hang", duration))
    with own_base() as environment, Running(program, environment) as running:
        until((tmp_path / "hangs").exists, "it hangs", running)
        if not duration:
            running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 1, running.text()
        assert "RuntimeError: host 'vision' ended: " in running.text()
        assert "node 'a'" in running.text().split("RuntimeError: ")[1]
        assert files_below(environment["HORUS_BASE"]) == []


def test_a_host_that_crashes_at_a_stop_is_an_error_of_the_run(script, tmp_path):
    program = script.write(PROGRAM, RUN.format(5, "tick=tick, shutdown=crash_at_the_end", ""))
    with own_base() as environment, Running(program, environment) as running:
        until((tmp_path / "runs").exists, "it runs", running)
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 1, running.text()
        assert "RuntimeError: host 'vision' ended: crashed" in running.text(), running.text()
        assert files_below(environment["HORUS_BASE"]) == []


def test_another_ctrl_c_kills_a_host_that_does_not_come_back(script, tmp_path):
    program = script.write(PROGRAM, RUN.format(0, "tick=hang", ""))  # A stop may take for ever.
    with own_base() as environment, Running(program, environment) as running:
        until((tmp_path / "hangs").exists, "it hangs", running)
        until((tmp_path / "runs").exists, "it runs", running)
        code = None
        while code is None:
            # Not while it puts things away: what is left then is the next program's to remove.
            if "killed: the stop was not to wait" not in running.text():
                running.process.send_signal(signal.SIGINT)
            try:
                code = running.process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue
        assert code != 0, running.text()
        assert "killed: the stop was not to wait" in running.text(), running.text()
        assert files_below(environment["HORUS_BASE"]) == []


def test_a_stop_while_a_host_that_crashed_imports_again_leaves_nothing(script, tmp_path):
    program = script.write(PROGRAM, RUN.format(5, "tick=crash", ""))
    with own_base() as environment, Running(program, environment) as running:
        until((tmp_path / "imports").exists, "it imports again", running)
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 0, running.text()
        assert files_below(environment["HORUS_BASE"]) == []
