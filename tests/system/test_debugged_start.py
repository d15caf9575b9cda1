# SPDX-License-Identifier: Apache-2.0
"""A start that a debugger holds is not ended at its start_timeout."""
import ctypes
import os
import signal

import pytest

from running import Running, own_base, program, until

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE = 0x4206
ROBOT = """[robot]
name = "test"
[realtime]
mode = "off"
[[host]]
name = "py"
module = "held.py"
start_timeout = "8 s"
restart = "never"
"""
# It waits until the test lets it go, and says so once it has waited for longer than it may.
MODULE = """
import horus, os, sys, time
print("host is", os.getpid(), flush=True)
{begin}
began = time.monotonic()
while time.monotonic() - began < 10:
    pass
print("held for long", flush=True)
{end}
nodes = [horus.Node("n", lambda n: None, rate=50)]
"""


@pytest.mark.parametrize("begin, end", [
    ("sys.settrace(lambda *_: None)", "sys.settrace(None)"),
    ("while not os.path.exists('{go}'): time.sleep(0.01)", "")])
def test_a_start_that_a_debugger_holds_goes_on(begin, end, tmp_path):
    go = tmp_path / "go"
    attaches = "{go}" in begin
    (tmp_path / "robot.toml").write_text(ROBOT)
    (tmp_path / "held.py").write_text(MODULE.format(begin=begin.format(go=go), end=end))
    with own_base() as environment, Running(
            [program("horus"), "launch", str(tmp_path / "robot.toml")], environment) as launch:
        until(lambda: "host is" in launch.text(), "its number", launch)
        held = int(launch.text().split("host is ")[1].split()[0])
        if attaches:
            # It goes on all the while: only its clock stands.
            assert LIBC.ptrace(PTRACE_SEIZE, held, None, None) == 0
            go.touch()
        until(lambda: "host 'py' ready" in launch.text(), "ready", launch)
        assert "held for long" in launch.text() and "not ready in time" not in launch.text()
        if attaches:
            os.kill(held, signal.SIGKILL)
            while not os.WIFSIGNALED(os.waitpid(held, 0x40000000)[1]):
                pass
        launch.stop()
