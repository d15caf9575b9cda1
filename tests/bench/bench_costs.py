#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table of docs/performance.md: what a Python node pays for what it does.

    bench_costs.py [--write] [--rounds N]

Run it with PYTHONPATH at a release build, on a machine that does nothing else. Without --write the
table is only printed. Rows are measured in rounds, interleaved; the table has median and spread.
"""
import argparse
import gc
import statistics

import numpy as np
from bench_python import timer_of
from common import context, duration, pinned, write_table

import horus

NAME = "costs"
SMALL = {"linear": 0.5, "angular": 0.1}
SCAN = {"ranges": [float(i) for i in range(360)]}


class Nothing:
    def call(self, one, two):
        pass


def sections():
    """(section, row, statement, setup) of the table."""
    return [
        ("Calls", "a Python method that does nothing, two arguments", "nothing.call(1, 2)"),
        ("Calls", "`horus.now()`", "horus.now()"),
        ("Calls", "`horus.budget_remaining()`", "horus.budget_remaining()"),
        ("Typed messages", "make a `CmdVel`", "horus.CmdVel(0.5, 0.1)"),
        ("Typed messages", "read a field", "order.linear"),
        ("Typed messages", "`node.send` of a `CmdVel`", "send('costs/typed', order)"),
        ("Typed messages", "`node.send` and `node.recv` of a `CmdVel`",
         "send('costs/typed', order); recv('costs/typed')"),
        ("Dicts", "`node.send` of a dict of two numbers", "send('costs/small', SMALL)"),
        ("Dicts", "`node.send` and `node.recv` of it",
         "send('costs/small', SMALL); recv('costs/small')"),
        ("Dicts", "the same, with a list of 360 numbers",
         "send('costs/scan', SCAN); recv('costs/scan')"),
        ("Typed messages", "the same 360 numbers in a `LaserScan`",
         "send('costs/laser', laser); recv('costs/laser')"),
        ("Images, 640 x 480 rgb8", "make one", "horus.Image(480, 640)"),
        ("Images, 640 x 480 rgb8", "make, send and receive one",
         "send('costs/image', horus.Image(480, 640)); recv('costs/image')"),
        ("Images, 640 x 480 rgb8", "a NumPy view: `image.to_numpy()`", "image.to_numpy()"),
        ("Images, 640 x 480 rgb8", "DLPack: `np.from_dlpack(image)`", "np.from_dlpack(image)"),
        ("Images, 640 x 480 rgb8", "a copy: `np.array(image)`", "np.array(image)"),
        ("Images, 640 x 480 rgb8", "write all pixels: `np.copyto`", "np.copyto(view, pixels)"),
        ("Allocation", "a NumPy array of 640 x 480 x 3 anew, and fill it",
         "np.full((480, 640, 3), 7, np.uint8)"),
        ("Allocation", "fill one that was made in `init`", "view.fill(7)"),
    ]


def names():
    node = horus.Node(name=NAME)
    order = horus.CmdVel(0.5, 0.1)
    image = horus.Image(480, 640)
    laser = horus.LaserScan(ranges=SCAN["ranges"])
    # Each topic exists before it is measured.
    for topic, message in (("costs/typed", order), ("costs/small", SMALL), ("costs/scan", SCAN),
                           ("costs/laser", laser), ("costs/image", horus.Image(480, 640))):
        node.recv(topic)
        node.send(topic, message)
        node.recv(topic)
    return {"horus": horus, "np": np, "nothing": Nothing(), "send": node.send, "recv": node.recv,
            "order": order, "image": image, "laser": laser, "view": image.to_numpy(),
            "pixels": np.zeros((480, 640, 3), np.uint8), "SMALL": SMALL, "SCAN": SCAN}


def measure(rounds, scale):
    """[(section, row, samples in ns)]"""
    known = names()
    rows = []
    for section, row, statement in sections():
        slow = any(word in statement for word in ("np.array", "np.copyto", "np.full", "fill"))
        number = max(1, int((200 if slow else 5000) * scale))
        rows.append((section, row, timer_of(statement, known, number), []))
    empty = timer_of("pass", {}, 5000)
    gc.collect()
    gc.disable()
    for _, _, run, _ in rows:
        run()
    for _ in range(rounds):
        for _, _, run, samples in rows:
            samples.append(max(0.0, run() - empty()))
    gc.enable()
    return [(section, row, samples) for section, row, _, samples in rows]


def collector():
    """Pauses of a full collection, in ms, by objects that live."""
    found = []
    gc.collect()
    gc.freeze()  # What is counted are the objects made here.
    for count in (20_000, 200_000, 1_000_000):
        alive = [[] for _ in range(count)]
        samples = [timer_of("gc.collect()", {"gc": gc}, 1)() for _ in range(3)]
        found.append((count, samples))
        del alive
    return found


def table(rounds, scale=1.0):
    machine = context()
    lines = [f"Measured on {machine['machine']}, Linux {machine['kernel']}, Python "
             f"{machine['python']}, NumPy {machine['numpy']}, a {machine['preset']} build.", "",
             "| What | Median | From – to |", "|---|---:|---:|"]
    before = None
    for section, row, samples in sorted(
            measure(rounds, scale), key=lambda one: [s for s, *_ in sections()].index(one[0])):
        if section != before:
            lines.append(f"| **{section}** | | |")
            before = section
        lines.append(f"| {row} | {duration(statistics.median(samples))} | "
                     f"{duration(min(samples))} – {duration(max(samples))} |")
    lines.append("| **A full garbage collection, which HORUS moves out of the ticks** | | |")
    for count, samples in collector():
        lines.append(f"| {count:,} objects alive | {duration(statistics.median(samples))} | "
                     f"{duration(min(samples))} – {duration(max(samples))} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--scale", type=float, default=1.0, help="of the runs of each row")
    options = parser.parse_args()
    pinned(0)()
    made = table(options.rounds, options.scale)
    print(made, end="")
    if options.write:
        write_table("costs", made)


if __name__ == "__main__":
    main()
