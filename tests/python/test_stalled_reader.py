# SPDX-License-Identifier: Apache-2.0
"""Who reads the output of a run, and stops reading, keeps neither the run nor its end."""
import fcntl
import os
import select
import signal
import subprocess

import pytest

from snippet import program
from running import WATCHDOG, own_base, until

LEFT_BEHIND = 75
HANGS = """
import horus, sys, time
def tick(n):
    if horus.tick() == 5:
        open({file!r} + ".ticks", "w").close()
        {act}
node = horus.Node("stuck", tick, rate=50, watchdog=0.1)
other = horus.Node("other", lambda n: None, rate=20, shutdown=lambda n: open({file!r}, "w").close())
horus.run(node, other, stop_timeout=1)
"""


@pytest.mark.parametrize("act, code", [
    ("time.sleep(3600)", LEFT_BEHIND), ("[horus.log_info('x' * 300) for _ in range(2000)]", 0)])
def test_a_full_pipe_does_not_keep_a_stop(act, code, tmp_path):
    down = tmp_path / "down"
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(write, False)
    os.write(write, b"-" * 4096)
    os.set_blocking(write, True)
    with own_base() as environment:
        source = HANGS.format(act=act, file=str(down))
        process = subprocess.Popen(program(source), env=environment, stdout=subprocess.DEVNULL,
                                   stderr=write)
        try:
            until(lambda: os.path.exists(f"{down}.ticks"), "the tick")
            process.send_signal(signal.SIGTERM)
            assert process.wait(WATCHDOG) == code
            assert down.exists()
        finally:
            process.kill()
            os.close(read)
            os.close(write)


def test_stacks_that_nobody_reads_do_not_keep_the_watchdog(tmp_path):
    """A second hang is told after the first, whose stacks nobody has read."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"-" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    source = """
import horus, os, sys, time
def tick(n):
    if horus.tick() == 5: time.sleep(3600)
nodes = [horus.Node("a", tick, rate=50), horus.Node("b", tick, rate=20)]
scheduler = horus.Scheduler(watchdog_ms=50, stop_timeout=1)
scheduler._supervise(int(sys.argv[1]), 0.5, None)
for node in nodes: scheduler.add(node)
scheduler.run()
"""
    told, tell = os.pipe()
    with own_base() as environment:
        process = subprocess.Popen([*program(source), str(tell)], env=environment, stderr=write,
                                   pass_fds=[tell])
        os.close(tell)
        try:
            words = ""
            while words.count("stacks") < 2:
                assert select.select([told], [], [], WATCHDOG)[0], words
                words += (piece := os.read(told, 4096).decode())
                assert piece, words
            assert "node 'a'" in words and "node 'b'" in words
            process.send_signal(signal.SIGTERM)
            assert process.wait(WATCHDOG) == LEFT_BEHIND
        finally:
            process.kill()
            for end in (read, write, told):
                os.close(end)
