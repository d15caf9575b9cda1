# SPDX-License-Identifier: Apache-2.0
"""Processes of a robot die, in any order, while a drive listens: after each death it has its
fallback, and no order to move reaches it before somebody has armed the robot again.

HORUS_DEATHS says how many; a seed is shown with what it led to."""
import json
import os
import random
import signal
import textwrap
import time

from running import PYTHON, Running, own_base, plugin_node, program, until
from stopping import ctl, hosts, safety

DEATHS = int(os.environ.get("HORUS_DEATHS", "6"))
SEED = int(os.environ.get("HORUS_SEED", random.SystemRandom().randrange(10**6)))

ROBOT = ('[robot]\nname = "rover"\n[realtime]\nmode = "off"\n' + plugin_node("counts", "Counter")
         + '[[host]]\nname = "legs"\nmodule = "legs.py"\nwatchdog = "300 ms"\n'
         + '[[host]]\nname = "eyes"\nmodule = "eyes.py"\nwatchdog = "300 ms"\n')
# What drives, and says with each order in which life it was armed.
LEGS = """
    import os, horus
    drive = horus.Node("drive", lambda node: node.send("cmd", horus.CmdVel(os.getpid(), 1.0)),
                       rate=100, pubs={"cmd": horus.CmdVel}, actuator=True)
"""
EYES = """
    import horus
    look = horus.Node("look", lambda node: node.send("seen", 1), rate=50, pubs={"seen": dict})
"""
# A process of its own, as a drive is: a line when it is told to move, and one when it stands still.
DRIVE = """
    import sys, horus
    moves = [None]
    def tick(node):
        order = node.recv("cmd")
        if order is None:
            return
        now = order.linear if order.linear != 0 else 0
        if now != moves[0]:
            moves[0] = now
            print(int(now), horus.monotonic_ns(), flush=True)
    horus.run(horus.Node("wheels", tick, rate=200, subs=[
        horus.Sub("cmd", horus.CmdVel, timeout=0.1, fallback="zero")]))
"""


class Robot:
    """`horus launch`, which a test restarts as systemd restarts a service."""

    def __init__(self, environment, file):
        self.environment, self.file = environment, str(file)
        self.running = None
        self.start()

    def start(self):
        self.running = Running([program("horus"), "launch", self.file], self.environment)

    def pids(self):
        return {name: host["pid"] for name, host in hosts(self.environment).items()
                if host["alive"] and name in ("rover", "legs", "eyes")}

    def end(self):
        # It goes with its process group, as the service with its control group.
        self.running.__exit__()


def orders(drive):
    return [(int(words[0]), int(words[1])) for words in
            (line.split() for line in drive.text().splitlines())
            if len(words) == 2 and words[0].isdigit()]


def arm(robot, drive):
    """Once everything lives again; a latch is released first."""
    environment = robot.environment
    until(lambda: set(robot.pids()) == {"rover", "legs", "eyes"}, "all live", robot.running)
    until(lambda: safety(environment, "drive") in ("disarmed", "estopped", "safe"), "it is ready",
          robot.running)
    if safety(environment, "drive") != "disarmed":
        until(lambda: ctl(environment, "release", "--reason", "looked at").returncode == 0,
              "it is released", robot.running)
        until(lambda: safety(environment, "drive") == "disarmed", "it is let go", robot.running)
    still = orders(drive)[-1:]
    assert not still or still[0][0] == 0, f"it moves though nobody has armed it: {orders(drive)}"
    until(lambda: ctl(environment, "arm").returncode == 0, "it is armed", robot.running)
    life = robot.pids()["legs"]
    until(lambda: orders(drive)[-1:] and orders(drive)[-1][0] == life, "it drives", drive)


def kill(robot, victim, number):
    pid = robot.pids()[victim]
    at = time.monotonic_ns()
    os.kill(pid, number)
    if victim != "rover":
        return at
    if number == signal.SIGSTOP:
        # As the service's watchdog: whoever stopped the supervisor has stopped its pings.
        time.sleep(0.5)
    robot.end()
    robot.start()
    return at


def test_after_each_death_the_drive_has_its_fallback_and_no_order_before_an_arming(tmp_path):
    file = tmp_path / "robot.toml"
    file.write_text(ROBOT)
    for name, source in (("legs", LEGS), ("eyes", EYES)):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
    chance = random.Random(SEED)
    took = []
    with own_base() as environment, \
            Running([PYTHON, "-c", textwrap.dedent(DRIVE)], environment) as drive:
        robot = Robot(environment, file)
        try:
            for death in range(DEATHS):
                arm(robot, drive)
                victim = chance.choice(["rover", "legs"])
                number = chance.choice([signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
                what = f"HORUS_SEED={SEED}, death {death}: {number.name} of {victim}"
                print(what, flush=True)
                moved = len(orders(drive))
                at = kill(robot, victim, number)
                until(lambda: len(orders(drive)) > moved, f"the fallback ({what})", robot.running)
                fallback = orders(drive)[moved]
                assert fallback[0] == 0, what
                took.append((fallback[1] - at) / 1e9)
        finally:
            robot.end()
    took.sort()
    print(json.dumps({"deaths": len(took), "fallback_s": {
        "p50": took[len(took) // 2], "max": took[-1]}}))
