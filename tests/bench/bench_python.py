#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a Python call of HORUS costs, against the least that CPython takes.

    bench_python.py [OUT.json]

Run it with PYTHONPATH at a release build. Each row is measured in rounds, interleaved with the
no-op method call that is the unit c0; prints median, smallest and largest, the ratio to the row's
floor, the target, and "missed" where the ratio is above it.
"""
import gc
import itertools
import os
import statistics
import sys
import tempfile
import time

import numpy as np
from common import against_target, build_floors, pinned, wait_for, write

import horus

ROUNDS = int(os.environ.get("ROUNDS", "11"))
MANY = 1000  # Messages that a row receives one by one.


def timer_of(statement: str, names: dict, number: int, setup: str = "pass"):
    """A function that times `number` runs of a statement, its names bound as locals, in ns each."""
    arguments = "".join(f", {name}={name}" for name in names)
    source = (f"def _timed(_runs, _clock{arguments}):\n {setup}\n _start = _clock()\n"
              f" for _ in _runs:\n  {statement}\n return _clock() - _start\n")
    namespace = dict(names)
    exec(source, namespace)  # noqa: S102  (a statement of this file)
    function = namespace["_timed"]
    return lambda: function(itertools.repeat(None, number), time.perf_counter_ns) / number


class Bench:
    """Rows of one table, measured together."""

    def __init__(self):
        self.rows = []
        self.empty = {}

    def add(self, name, statement, names, *, floor=None, target=None, number=200_000,
            setup="pass"):
        """`target` is the largest ratio to `floor`, another row's name; both None: a floor."""
        self.rows.append({
            "name": name, "unit": "ns", "floor": floor, "target": target,
            "run": timer_of(statement, names, number, setup),
            "empty": self.empty.setdefault(number, timer_of("pass", {}, number)), "samples": []})

    def measure(self):
        gc.collect()
        gc.disable()
        for row in self.rows:
            row["run"]()
        for _ in range(ROUNDS):
            for row in self.rows:
                empty = min(row["empty"](), row["empty"]())
                row["samples"].append(row["run"]() - empty)
        gc.enable()

    def report(self):
        """Prints the table."""
        medians = {row["name"]: statistics.median(row["samples"]) for row in self.rows}
        print(f"{'call':<46}{'median':>9}{'min':>9}{'max':>10}  {'ratio':>7}  target")
        for row in self.rows:
            text = (f"{row['name']:<46}{medians[row['name']]:>9.1f}{min(row['samples']):>9.1f}"
                    f"{max(row['samples']):>10.1f}")
            if row["floor"]:
                row["ratio"] = medians[row["name"]] / medians[row["floor"]]
                text += f"  {row['ratio']:>7.2f}{against_target(row)}"
            print(text)

    def results(self):
        keys = ("name", "unit", "samples", "floor", "ratio", "target")
        return [{key: row[key] for key in keys if row.get(key) is not None} for row in self.rows]


def loop_back(node, name, value, many=1):
    """Makes the node hear itself on a topic, as many messages at once, and waits until it does."""
    node.recv(name)
    wait_for(lambda: node.send(name, value) and node.recv(name) is not None, f"message on {name}")
    node.recv_all(name)
    for _ in range(many):
        node.send(name, value)
    received = len(node.recv_all(name))
    if received != many:
        raise SystemExit(f"{received} of {many} messages on {name} were received")


def add_calls(bench: Bench, floors):
    """The table "Python: what a call costs"."""
    # What rows send on is as users have it. What rows receive from keeps as many as their setup
    # sends, both ways: a row must not measure how nothing is received.
    kinds = {"cmd_vel": horus.CmdVel, "small": dict, "scan": dict}
    kept = {f"{name}_kept": kind for name, kind in kinds.items()}
    node = horus.Node(
        name="bench", tick=lambda node: None,
        pubs=[*(horus.Pub(name, kind) for name, kind in kinds.items()),
              *(horus.Pub(name, kind, capacity=1024) for name, kind in kept.items())],
        subs=[*(horus.Sub(name, kind) for name, kind in kinds.items()),
              *(horus.Sub(name, kind, capacity=1024) for name, kind in kept.items())])
    message = horus.CmdVel(linear=1.0, angular=0.5)
    small = {"linear": 1.0, "angular": 0.5}
    scan = {"ranges": [1.0 + i for i in range(360)]}
    for name, value in (("cmd_vel", message), ("small", small), ("scan", scan)):
        loop_back(node, name, value)
        loop_back(node, f"{name}_kept", value, MANY)
    target = floors.Target()
    image = horus.Image(480, 640)
    image.fill(7)
    names = {"C": horus.CmdVel, "m": message, "n": node, "d": small, "s": scan, "t": target,
             "f": floors, "i": image, "np": np, "a": image.to_numpy(), "l": scan["ranges"]}

    def add(row, statement, **options):
        used = {key: value for key, value in names.items() if f"{key}" in statement + options.get(
            "setup", "")}
        bench.add(row, statement, used, **options)

    add("c0: no-op method, 2 arguments", "t.noop(1, 2)")
    c0 = "c0: no-op method, 2 arguments"
    add("CmdVel(linear=, angular=)", "C(linear=1.0, angular=0.5)", floor=c0, target=3)
    add("attribute get", "m.linear", floor=c0, target=2)
    add("attribute set", "m.linear = 1.0", floor=c0, target=2)
    add("node.send(name, CmdVel)", "n.send('cmd_vel', m)", floor=c0, target=4)
    add("node.send(name, CmdVel(linear=, angular=))",
        "n.send('cmd_vel', C(linear=1.0, angular=0.5))", floor=c0, target=7)
    add("node.recv(name), CmdVel", "n.recv('cmd_vel_kept')", floor=c0, target=4, number=MANY,
        setup=f"for _ in range({MANY}): n.send('cmd_vel_kept', m)")
    add("node.recv(name), nothing there", "n.recv('cmd_vel')", floor=c0)
    add("node.send(name, dict of 2)", "n.send('small', d)", floor=c0, target=8)
    add("node.recv(name), dict of 2", "n.recv('small_kept')", floor=c0, target=12, number=MANY,
        setup=f"for _ in range({MANY}): n.send('small_kept', d)")
    add("floor: 360 floats into a buffer", "f.write_floats(l)", number=20_000)
    add("node.send(name, dict with 360 floats)", "n.send('scan', s)",
        floor="floor: 360 floats into a buffer", target=2, number=20_000)
    add("floor: a list of 360 floats", "f.make_floats(360)", number=20_000)
    add("node.recv(name), dict with 360 floats", "n.recv('scan_kept')",
        floor="floor: a list of 360 floats", target=2, number=50,
        setup="for _ in range(50): n.send('scan_kept', s)")
    add("img.to_numpy()", "i.to_numpy()", floor=c0, target=8)
    add("img.__dlpack__()", "i.__dlpack__()", floor=c0, target=6)
    add("np.from_dlpack(img)", "np.from_dlpack(i)", floor=c0)
    add("memoryview(img)", "memoryview(i)", floor=c0)
    add("floor: a.copy(), 900 KiB", "a.copy()", number=300)
    add("np.array(img), 900 KiB", "np.array(i)", floor="floor: a.copy(), 900 KiB", target=1.35,
        number=300)
    bench.keep = names


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        floors = build_floors(folder)
        pinned(0)()
        bench = Bench()
        add_calls(bench, floors)
        bench.measure()
        bench.report()
    if arguments:
        write(arguments[0], bench.results())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
