#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the cause of an emergency stop to enter_safe_state() of a C++ node at 1 kHz: how long.

    bench_stops.py [OUT.json]      ROUNDS=1000, FAULTS=50: so many of each cause and of each fault

Run it with PYTHONPATH at a build with its tests. The robot runs under `horus launch`; each stop is
released before the next one. None may be missing. Prints median, p99 and most, in microseconds; a
heartbeat counts from the instant at which it is overdue, a hang from three times its watchdog. With
the numbers above it takes half an hour.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from common import wait_for, write

import horus

ROUNDS = int(os.environ.get("ROUNDS", "1000"))
BUILD = pathlib.Path(horus.__file__).resolve().parents[2]
FAULTS = int(os.environ.get("FAULTS", "50"))
BEAT_S, OVERDUE_NS = 0.005, 100_000_000
WATCHDOG_NS = 100_000_000
# What the host without which the robot cannot do suffers when it is told, and the instant from
# which that counts.
DIES, SPINS, KEEPS_GIL = 1, 2, 3
EYE = f"""
import ctypes, os, signal, horus
def look(node):
    order = node.recv("fault")
    if order is None:
        return
    overdue = 0 if order.linear == {DIES} else {3 * WATCHDOG_NS}
    node.send("began", horus.CmdVel(order.linear, 0.0, horus.monotonic_ns() + overdue))
    if order.linear == {DIES}:
        os.kill(os.getpid(), signal.SIGKILL)
    if order.linear == {KEEPS_GIL}:
        ctypes.PyDLL(None).sleep(1000)
    while True:
        pass
eye = horus.Node("eye", look, rate=1000, subs={{"fault": horus.CmdVel}},
                 pubs={{"began": horus.CmdVel}}, critical=True)
"""
ROBOT = f"""
[robot]
name = "bench"
[realtime]
mode = "off"
[[node]]
name = "motor"
plugin = "{BUILD}/tests/plugins/good_plugin.so"
type = "Rests"
rate = 1000
actuator = true
params = {{ beat = true }}
[[host]]
name = "eye"
module = "eye.py"
critical = true
restart_wait = "0"
watchdog = "{WATCHDOG_NS // 1_000_000} ms"
hang_timeout = "400 ms"
"""


class Beats:
    """Sends the heartbeat, but while it is told to be silent; knows when it was sent last."""

    def __init__(self):
        self.topic = horus.Topic(horus.CmdVel, endpoint="beat")
        self.silent, self.ended, self.latest = False, threading.Event(), 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ended.wait(BEAT_S):
            if not self.silent:
                self.topic.send(horus.CmdVel(1.0, 0.0))
                self.latest = time.monotonic_ns()

    def fall_silent(self):
        """Gives the instant at which the next one is overdue."""
        self.silent = True
        time.sleep(2 * BEAT_S)  # One may be on its way.
        return self.latest + OVERDUE_NS

    def end(self):
        self.ended.set()
        self.thread.join()


def horusctl(*words):
    return subprocess.run([BUILD / "bin/horusctl", *words], capture_output=True, text=True,
                          check=False)


class Robot:
    def __init__(self, beats):
        self.beats = beats
        self.rested = horus.Topic(horus.CmdVel, endpoint="rested")
        self.estop = horus.Topic(horus.EmergencyStop, endpoint="estop")
        self.fault = horus.Topic(horus.CmdVel, endpoint="fault")
        self.began = horus.Topic(horus.CmdVel, endpoint="began")

    def at_rest(self):
        """When it came to rest, once it has."""
        message = None
        while message is None:
            self.rested.wait(1.0)
            message = self.rested.recv()
        return message.timestamp_ns

    def release(self):
        self.beats.silent = False
        wait_for(lambda: horusctl("release", "--reason", "the next one").returncode == 0, "release",
                 60)
        while self.rested.recv() is not None:
            pass

    def by_call(self):
        at = time.monotonic_ns()
        horus.estop("bench")
        return at

    def by_topic(self):
        at = time.monotonic_ns()
        self.estop.send(horus.EmergencyStop(engaged=True, reason="bench"))
        return at

    def by_command(self):
        at = time.monotonic_ns()
        horusctl("estop")
        return at

    def by_silence(self):
        return self.beats.fall_silent()

    def by_fault(self, kind):
        self.fault.send(horus.CmdVel(kind, 0.0))
        wait_for(lambda: self.began.wait(1.0), "fault")
        return self.began.recv().timestamp_ns


def floor():
    """A command that asks nothing: what is the program's own of the row below it."""
    at = time.monotonic_ns()
    horusctl("--version")
    return (time.monotonic_ns() - at) / 1e3


def measure(robot, cause, rounds):
    samples = []
    for _ in range(rounds):
        at = cause()
        samples.append((robot.at_rest() - at) / 1e3)
        robot.release()
    return samples


def main(arguments):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "robot.toml")
        file.write_text(ROBOT)
        pathlib.Path(folder, "eye.py").write_text(EYE)
        os.environ["XDG_STATE_HOME"] = folder
        beats = Beats()
        launch = subprocess.Popen([BUILD / "bin/horus", "launch", file],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        caller = horus.Scheduler(name="caller").add(
            horus.Node("waits", lambda node: None, rate=10))
        thread = threading.Thread(target=caller.run)
        thread.start()
        rows = []
        try:
            wait_for(lambda: '"eye"' in horusctl("stats", "--json").stdout, "robot", 30)
            robot = Robot(beats)
            causes = {"horus.estop() in another process": robot.by_call,
                      "a message on the topic estop": robot.by_topic,
                      "horusctl estop": robot.by_command,
                      "a heartbeat that is overdue": robot.by_silence}
            faults = {"a critical host is killed": DIES, "a critical node spins": SPINS,
                      "a critical host keeps its GIL": KEEPS_GIL}
            for name, cause in causes.items():
                rows.append({"name": name, "unit": "us", "samples": measure(robot, cause, ROUNDS)})
            for name, kind in faults.items():
                rows.append({"name": name, "unit": "us", "samples": measure(
                    robot, lambda kind=kind: robot.by_fault(kind), FAULTS)})
        finally:
            beats.end()
            caller.stop()
            thread.join()
            launch.terminate()
            launch.wait()
        rows.insert(2, {"name": "floor: a command that asks nothing", "unit": "us",
                        "samples": [floor() for _ in range(min(ROUNDS, 100))]})
    print(f"{'from the cause to rest':<42}{'median':>12}{'p99':>12}{'most':>12}")
    for row in rows:
        ordered = sorted(row["samples"])
        print(f"{row['name']:<42}{ordered[len(ordered) // 2]:>12.0f}"
              f"{ordered[len(ordered) * 99 // 100]:>12.0f}{ordered[-1]:>12.0f}")
    if arguments:
        write(arguments[0], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
