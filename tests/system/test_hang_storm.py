# SPDX-License-Identifier: Apache-2.0
"""Random hangs, one after the other, in a robot that is started again as systemd does: each is
named, nothing is left, and who shares the robot is not disturbed.

HORUS_HANGS (200: a whole storm) and HORUS_HANG_SEED change what it does.
"""
import os
import random

from running import (Running, assert_grid, files_below, nodes, own_base, plugin_node, program,
                     until)

HANGS = int(os.environ.get("HORUS_HANGS", "4"))
SEED = int(os.environ.get("HORUS_HANG_SEED", random.randrange(2**32)))
CALLBACKS = ["tick", "init", "shutdown"]
PYTHON = {"sleep": "time.sleep(3600)", "loop": "while True: pass", "lock": "lock.acquire()",
          "keeps the GIL": "ctypes.PyDLL('libc.so.6').sleep(3600)"}
CPP = {"spins": "false", "sleeps": "true"}
MODULE = """
import ctypes, horus, threading, time
lock = threading.Lock()
lock.acquire()
def hang(n):
    {blocks}
def tick(n):
    if {ticks} and horus.tick() == {at}: hang(n)
callbacks = {{"tick": tick}} | ({{}} if {ticks} else {{"{where}": hang}})
nodes = [horus.Node("bad", rate={rate}, **callbacks),
         horus.Node("beside", lambda n: None, rate=20)]
"""
ROBOT = """[robot]
stop_timeout = "1 s"
[realtime]
mode = "off"
watchdog = "300 ms"
[[host]]
name = "others"
module = "good.py"
"""
BAD_HOST = """[[host]]
name = "bad_host"
module = "bad.py"
watchdog = "300 ms"
hang_timeout = "500 ms"
"""

class Hang:
    """One hang, drawn by `chance`."""

    def __init__(self, chance):
        self.python = chance.random() < 0.6
        self.where = chance.choice(CALLBACKS)
        self.how = chance.choice(sorted(PYTHON if self.python else CPP))
        self.rate = chance.choice([10, 50, 200])
        self.at = chance.randrange(1, 30)

    def __str__(self):
        return f"{'Python' if self.python else 'C++'} {self.where} {self.how} at {self.at}"

    def write(self, folder):
        (folder / "good.py").write_text(
            "import horus\nnodes = [horus.Node('good', lambda n: None, rate=50)]\n")
        robot = ROBOT
        if self.python:
            (folder / "bad.py").write_text(MODULE.format(
                blocks=PYTHON[self.how], where=self.where, at=self.at, rate=self.rate,
                ticks=self.where == "tick"))
            robot += BAD_HOST
        else:
            robot += plugin_node("bad", "Hanging", self.rate, at=self.at,
                                 **{"in": f'"{self.where}"', "sleeps": CPP[self.how]})
        (folder / "robot.toml").write_text(robot)
        return [program("horus"), "launch", str(folder / "robot.toml")]

    def bring_about(self, launch, environment):
        """Returns once the node hangs, or will at the stop."""
        if self.where == "tick":
            name = ("host 'bad_host' ended: hang: node 'bad' has been in its tick" if self.python
                    else "node 'bad' hangs: it has been in its tick")
            until(lambda: name in launch.text(), "it is named")
        elif self.where == "init":
            until(lambda: nodes(environment).get("bad", {}).get("state") == "initializing",
                  "its init", launch)
        else:
            until(lambda: nodes(environment).get("bad", {}).get("ticks", 0) > 2, "its ticks",
                  launch)


def one_life(hang, folder, environment):
    with Running(hang.write(folder), environment) as launch:
        if hang.python or hang.where != "tick":
            until(lambda: "good" in nodes(environment), "the others run", launch)
        hang.bring_about(launch, environment)
        if launch.process.poll() is None and (good := nodes(environment).get("good")):
            assert_grid(good)
        ended = launch.process.poll() is not None or (not hang.python and hang.where == "tick")
        code = launch.wait() if ended else launch.stop()
        said = launch.text()
    # A loop of Python's is interrupted, and the stop is a clean one.
    assert code != 0 or (hang.where, hang.how) == ("shutdown", "loop"), said
    if hang.where != "tick":
        assert f"the stop waits for node 'bad': in its {hang.where} for" in said, said
    assert "moves again" not in said, said
    left = [path for path in files_below(environment["HORUS_BASE"]) if not path.endswith(".lock")]
    assert left == [], f"{left}\n{said}"


def test_random_hangs_are_named_and_leave_nothing(tmp_path):
    chance = random.Random(SEED)
    with own_base() as environment:
        for number in range(HANGS):
            hang = Hang(chance)
            try:
                one_life(hang, tmp_path, environment)
            except AssertionError as error:
                raise AssertionError(f"HORUS_HANG_SEED={SEED}, hang {number}: {hang}") from error
