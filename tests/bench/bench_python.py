#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a Python call of HORUS costs, against the least that CPython takes.

    bench_python.py [OUT.json]

Run it with PYTHONPATH at a release build. Each row is measured in rounds, interleaved with the
no-op method call that is the unit c0; prints median, smallest and largest, the ratio to the row's
floor, and the target. Exit 1 if a target is missed.
"""
import gc
import importlib.util
import itertools
import json
import mmap
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROUNDS = int(os.environ.get("ROUNDS", "11"))
os.environ.setdefault("HORUS_NAMESPACE", f"bench-{os.getpid()}")

import horus  # noqa: E402  (the namespace comes first)


def build_floors(folder: str):
    """Compiles and imports the bare versions of what is measured."""
    library = pathlib.Path(folder) / "python_floors.so"
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", f"-I{sysconfig.get_paths()['include']}",
         "-o", library, HERE / "python_floors.c"], check=True)
    spec = importlib.util.spec_from_file_location("python_floors", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
            setup="pass", unit="c0"):
        """`target` is the largest ratio to `floor`, another row's name; both None: a floor."""
        self.rows.append({
            "name": name, "unit": "ns", "floor": floor, "target": target, "of": unit,
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

    def report(self) -> bool:
        """Prints the table. Whether every target is met."""
        medians = {row["name"]: statistics.median(row["samples"]) for row in self.rows}
        print(f"{'call':<46}{'median':>9}{'min':>9}{'max':>10}  {'ratio':>7}  target")
        good = True
        for row in self.rows:
            median = medians[row["name"]]
            text = (f"{row['name']:<46}{median:>9.1f}{min(row['samples']):>9.1f}"
                    f"{max(row['samples']):>10.1f}")
            if row["floor"]:
                row["ratio"] = median / medians[row["floor"]]
                met = row["target"] is None or row["ratio"] <= row["target"]
                good &= met
                text += f"  {row['ratio']:>7.2f}"
                if row["target"] is not None:
                    text += f"  <= {row['target']} x {row['floor']}{'' if met else '   MISSED'}"
            print(text)
        return good

    def results(self):
        keys = ("name", "unit", "samples", "floor", "ratio", "target")
        return [{key: row[key] for key in keys if row.get(key) is not None} for row in self.rows]


def wait_for(condition, what, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"no {what} within {seconds} s")


def loop_back(node, name, value):
    """Makes the node hear itself on a topic, and waits until it does."""
    node.recv(name)
    wait_for(lambda: node.send(name, value) and node.recv(name) is not None, f"message on {name}")
    node.recv_all(name)


def add_calls(bench: Bench, floors):
    """The table "Python: what a call costs"."""
    node = horus.Node(name="bench", tick=lambda node: None)
    message = horus.CmdVel(linear=1.0, angular=0.5)
    small = {"linear": 1.0, "angular": 0.5}
    scan = {"ranges": [1.0 + i for i in range(360)]}
    for name, value in (("cmd_vel", message), ("small", small), ("scan", scan)):
        loop_back(node, name, value)
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
    add("node.recv(name), CmdVel", "n.recv('cmd_vel')", floor=c0, target=4, number=1000,
        setup="for _ in range(1000): n.send('cmd_vel', m)")
    add("node.recv(name), nothing there", "n.recv('cmd_vel')", floor=c0)
    add("node.send(name, dict of 2)", "n.send('small', d)", floor=c0, target=8)
    add("node.recv(name), dict of 2", "n.recv('small')", floor=c0, target=12, number=1000,
        setup="for _ in range(1000): n.send('small', d)")
    add("floor: 360 floats into a buffer", "f.write_floats(l)", number=20_000)
    add("node.send(name, dict with 360 floats)", "n.send('scan', s)",
        floor="floor: 360 floats into a buffer", target=2, number=20_000)
    add("floor: a list of 360 floats", "f.make_floats(360)", number=20_000)
    add("node.recv(name), dict with 360 floats", "n.recv('scan')",
        floor="floor: a list of 360 floats", target=2, number=50,
        setup="for _ in range(50): n.send('scan', s)")
    add("img.to_numpy()", "i.to_numpy()", floor=c0, target=8)
    add("img.__dlpack__()", "i.__dlpack__()", floor=c0, target=6)
    add("np.from_dlpack(img)", "np.from_dlpack(i)", floor=c0)
    add("memoryview(img)", "memoryview(i)", floor=c0)
    add("floor: a.copy(), 900 KiB", "a.copy()", number=300)
    add("np.array(img), 900 KiB", "np.array(i)", floor="floor: a.copy(), 900 KiB", target=1.35,
        number=300)
    bench.keep = names


PING = """
import sys, time
import horus
there, back = horus.Topic(horus.CmdVel, endpoint="ping"), horus.Topic(horus.CmdVel, endpoint="pong")
back.send(horus.CmdVel(0.0, 0.0))
for _ in range(int(sys.argv[1])):
    while (message := there.try_recv()) is None:
        {wait}
    back.send(message)
"""
FLOOR_PONG = """
import importlib.util, mmap, os, sys
spec = importlib.util.spec_from_file_location("python_floors", sys.argv[1])
floors = importlib.util.module_from_spec(spec); spec.loader.exec_module(floors)
memory = mmap.mmap(int(sys.argv[2]), 4096)
floors.ping_pong(memory, 1, int(sys.argv[3]), int(sys.argv[4]))
"""


def pinned(cpu):
    cpus = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cpus[cpu % len(cpus)]})


def one_way_topics(rounds: int, sleeping: bool) -> float:
    """ns one way between two Python processes, half a round trip."""
    there = horus.Topic(horus.CmdVel, endpoint="ping")
    back = horus.Topic(horus.CmdVel, endpoint="pong")
    source = PING.format(wait="there.wait(1.0)" if sleeping else "pass")
    child = subprocess.Popen([sys.executable, "-c", source, str(rounds)], preexec_fn=pinned(1))
    try:
        wait_for(lambda: back.try_recv() is not None, "answer")
        message = horus.CmdVel(1.0, 0.5)
        wait_for(lambda: there.send(message) and not time.sleep(0.01) and
                 back.try_recv() is not None, "echo")
        back.recv_all()
        count = max(1, rounds // 2)
        start = time.perf_counter_ns()
        for _ in range(count):
            there.send(message)
            while back.try_recv() is None:
                if sleeping:
                    back.wait(1.0)
        return (time.perf_counter_ns() - start) / count / 2
    finally:
        child.kill()
        child.wait()


def one_way_floor(floors, rounds: int, sleeping: bool) -> float:
    descriptor = os.memfd_create("ping-pong")
    os.ftruncate(descriptor, 4096)
    memory = mmap.mmap(descriptor, 4096)
    child = subprocess.Popen(
        [sys.executable, "-c", FLOOR_PONG, floors.__file__, str(descriptor), str(rounds),
         str(int(sleeping))], pass_fds=[descriptor], preexec_fn=pinned(1))
    floors.ping_pong(memory, 0, 1, int(sleeping))
    # The child has answered once and is running: the rest is timed. Its rounds go on from there.
    start = time.perf_counter_ns()
    view = memoryview(memory)
    del view
    child.wait()
    os.close(descriptor)
    return (time.perf_counter_ns() - start) / rounds / 2


def context() -> dict:
    def read(path, otherwise=""):
        try:
            return pathlib.Path(path).read_text(encoding="utf-8").strip()
        except OSError:
            return otherwise

    model = next((line.split(":")[1].strip() for line in read("/proc/cpuinfo").splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True, check=False).stdout.strip()
    return {"machine": f"{model}, {os.cpu_count()} CPUs", "kernel": platform.release(),
            "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "none"),
            "isolated_cpus": read("/sys/devices/system/cpu/isolated"),
            "preset": "release", "commit": commit, "python": platform.python_version(),
            "numpy": np.__version__, "horus": horus.__version__}


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        floors = build_floors(folder)
        pinned(0)()
        bench = Bench()
        add_calls(bench, floors)
        bench.measure()
        good = bench.report()
    if arguments:
        document = {"context": context(), "results": bench.results()}
        pathlib.Path(arguments[0]).write_text(json.dumps(document, indent=1), encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
