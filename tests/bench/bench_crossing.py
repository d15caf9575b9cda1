#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to get into Python and from one Python process to another, against the floors.

    bench_crossing.py [OUT.json]

Run it with PYTHONPATH at a release build. Every sample of a message's way stands between two of
the bare hop (a word in shared memory, spinning; or a futex): where those two differ by more than
1.4 the machine moved, and the sample is dropped. Prints medians, smallest and largest, the ratio
to the floor, the target, and "missed" where it is. `bench_peers.py` runs others in our place.
"""
import itertools
import mmap
import os
import statistics
import subprocess
import sys
import tempfile
import time

from common import against_target, build_floors, pinned, wait_for, write

import horus

SAMPLES = int(os.environ.get("ROUNDS", "11"))
HOPS = 4000
REST_NS = 50_000  # Before an answer to one that sleeps; see ping_pong() in python_floors.c.
DRIFT = 1.4
NODES = 9

PONG = """
import sys
from time import perf_counter_ns
import horus
there, back = horus.Topic(horus.CmdVel, endpoint="ping"), horus.Topic(horus.CmdVel, endpoint="pong")
rest_ns = int(sys.argv[1])
while True:
    message = there.try_recv()
    if message is not None:
        if rest_ns:
            until = perf_counter_ns() + rest_ns
            while perf_counter_ns() < until:
                pass
        back.send(message)
    elif rest_ns:
        there.wait(1.0)
"""
FLOOR_PONG = """
import importlib.util, mmap, sys
spec = importlib.util.spec_from_file_location("python_floors", sys.argv[1])
floors = importlib.util.module_from_spec(spec)
spec.loader.exec_module(floors)
memory = mmap.mmap(int(sys.argv[2]), 4096)
floors.ping_pong(memory, 1, 0, 2**31 - 1, int(sys.argv[3]))
"""


class Child:
    """A Python process on the second CPU, for the length of a block."""

    def __init__(self, source, *arguments, pass_fds=()):
        self.process = subprocess.Popen([sys.executable, "-c", source, *map(str, arguments)],
                                        preexec_fn=pinned(1), pass_fds=pass_fds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Floor:
    """The bare hop to another process and back."""

    def __init__(self, floors, sleeping):
        self.floors, self.rest_ns = floors, REST_NS * sleeping
        self.descriptor = os.memfd_create("ping-pong")
        os.ftruncate(self.descriptor, 4096)
        self.memory = mmap.mmap(self.descriptor, 4096)
        self.first = 0

    def child(self):
        return Child(FLOOR_PONG, self.floors.__file__, self.descriptor, self.rest_ns,
                     pass_fds=[self.descriptor])

    def one_way_ns(self, hops):
        start = time.perf_counter_ns()
        self.floors.ping_pong(self.memory, 0, self.first, hops, self.rest_ns)
        self.first += hops
        return (time.perf_counter_ns() - start) / hops / 2 - self.rest_ns


class Topics:
    """A CmdVel to another process and back."""

    def __init__(self, sleeping):
        self.rest_ns = REST_NS * sleeping
        self.numbers = itertools.count(2)  # The samples send 1.
        self.there = horus.Topic(horus.CmdVel, endpoint="ping")
        self.back = horus.Topic(horus.CmdVel, endpoint="pong")

    def child(self):
        return Child(PONG, self.rest_ns)

    def connect(self):
        def last_one_is_back():
            """Order is kept: behind the echo of the newest message there is nothing. A partner
            begins with what the ring still holds: no number may come twice."""
            number = next(self.numbers)
            self.there.send(horus.CmdVel(number, 0.0))
            while self.back.wait(0.01):
                if self.back.read_latest().linear == number:
                    return True
            return False

        wait_for(last_one_is_back, "echo")
        while self.back.try_recv() is not None:
            pass

    def one_way_ns(self, hops):
        there, back, rest_ns = self.there, self.back, self.rest_ns
        message = horus.CmdVel(1.0, 0.5)
        start = time.perf_counter_ns()
        for _ in itertools.repeat(None, hops):
            if rest_ns:
                until = time.perf_counter_ns() + rest_ns
                while time.perf_counter_ns() < until:
                    pass
            there.send(message)
            while back.try_recv() is None:
                if rest_ns:
                    back.wait(1.0)
        return (time.perf_counter_ns() - start) / hops / 2 - rest_ns


def crossings(floors, sleeping):
    """One-way times: the floor's and the message's, pair by pair; and how many were dropped."""
    floor, topics = Floor(floors, sleeping), Topics(sleeping)
    bare, ours, dropped = [], [], 0
    hops = HOPS // 10 if sleeping else HOPS
    with topics.child():
        topics.connect()
    for _ in range(SAMPLES):
        # One partner at a time: two that spin on one CPU would measure each other.
        with floor.child():
            floor.one_way_ns(hops // 10)
            before = floor.one_way_ns(hops)
        with topics.child():
            topics.connect()
            sample = topics.one_way_ns(hops)
        floor = Floor(floors, sleeping)
        with floor.child():
            floor.one_way_ns(hops // 10)
            after = floor.one_way_ns(hops)
        floor = Floor(floors, sleeping)
        if max(before, after) > DRIFT * min(before, after):
            dropped += 1
            continue
        bare.append((before + after) / 2)
        ours.append(sample)
    return bare, ours, dropped


def rested_floor(floors, takes):
    """The bare loop as a control loop runs it: those of a group that others wait for, each with
    objects of its own, after a rest of a millisecond in which the caches go cold. It rests as an
    executor does, outside Python: a rest in Python would keep the interpreter's own code warm."""
    functions = tuple((lambda node: None) for _ in range(NODES - 1))
    nodes = tuple(object() for _ in functions)
    return statistics.median(
        floors.bare_ticks(functions, nodes, takes, 1_000_000) for _ in range(500))


def ticks_in_a_group():
    """An empty tick: what each of many nodes of one group adds to the lateness of those after it;
    and the median time to get the GIL. It spins up to the release: the buckets in which a late
    start is counted are wider than a tick."""
    nodes = [horus.Node(name=f"n{i}", tick=lambda node: None, rate=1000, order=i)
             for i in range(NODES)]
    scheduler = horus.Scheduler(spin=True)
    for node in nodes:
        scheduler.add(node)
    scheduler.run(duration=1.0)
    first, last = (scheduler.get_node_stats(f"n{i}") for i in (0, NODES - 1))
    key = "p50_release_lateness_us"
    each = (last[key] - first[key]) * 1e3 / (NODES - 1)
    return each, first["p50_gil_wait_us"] * 1e3


def empty_ticks(floors):
    rows = {"floor: vectorcall between two clock reads": [], "empty tick, statistics included": [],
            "floor: the same, the GIL taken and dropped": [], "the GIL taken": []}
    for _ in range(SAMPLES):
        bare, taking = rested_floor(floors, 0), rested_floor(floors, 1)
        each, gil = ticks_in_a_group()
        for samples, value in zip(rows.values(), (bare, each, taking, gil)):
            samples.append(value)
    return rows


def main(arguments: list[str]) -> int:
    results = []

    def show(name, samples, floor=None, dropped=0, **target):
        row = {"name": name, "unit": "ns", "samples": samples, **target}
        if not samples:
            print(f"{name:<48}  every sample was dropped: the machine is too restless")
            return
        text = (f"{name:<48}{statistics.median(samples):>10.1f}{min(samples):>10.1f}"
                f"{max(samples):>11.1f}")
        if floor:
            row["ratio"] = statistics.median(a / b for a, b in zip(samples, floor))
            text += f"  {row['ratio']:>6.2f}{against_target(row)}"
        if dropped:
            row["dropped"] = dropped
            text += f"  ({dropped} dropped)"
        print(text, flush=True)
        results.append(row)

    print(f"{'':<48}{'median':>10}{'min':>10}{'max':>11}   ratio  target")
    with tempfile.TemporaryDirectory() as folder:
        floors = build_floors(folder)
        rows = empty_ticks(floors)
        names = list(rows)
        show(names[0], rows[names[0]])
        show(names[1], rows[names[1]], rows[names[0]], target=1.5)
        show(names[2], rows[names[2]])
        show(names[3], rows[names[3]])
        pinned(0)()
        targets = ({"target": 600, "target_unit": "ns"}, {"target": 1.2})
        for sleeping, target in zip((False, True), targets):
            how = "sleeping" if sleeping else "polling"
            bare, ours, dropped = crossings(floors, sleeping)
            show(f"floor: a bare hop, {how}", bare)
            show(f"CmdVel, Python to Python, {how}", ours, bare, dropped, **target)
    if arguments:
        write(arguments[0], results)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
