# SPDX-License-Identifier: Apache-2.0
"""Prints what hosts and async nodes cost those beside them.

    bench_hosts.py [--write] [--json FILE] [--rounds N] [--seconds S]

Run it with PYTHONPATH at a release build, as a user who may have real-time priorities, on a machine
that does nothing else. Each row is measured in rounds, in turn with what it is held against; the
table has median and spread of the rounds. --write puts it into docs/performance.md.
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import common

import horus

BUILD = pathlib.Path(horus.__file__).resolve().parents[2]

# Two hosts whose nodes do, most of the time, what a file says.
BESIDE = """
import gc, importlib, pathlib, sys, time
import horus
MODE = pathlib.Path(__file__).with_name("mode")
ALIVE = [[] for _ in range(100_000)]

def import_again():
    for name in ("email.parser", "xml.dom.minidom", "difflib"):
        sys.modules.pop(name, None)
        importlib.import_module(name)

DO = {"burn": lambda: sum(range(10_000)), "collect": gc.collect, "import": import_again}

def tick(node):
    work = DO.get(MODE.read_text())
    end = time.monotonic() + 0.045
    while work is not None and time.monotonic() < end:
        work()

node = horus.Node(pathlib.Path(__file__).stem, tick, rate=20, compute=True)
"""
ROBOT = """
[robot]
name = "bench"
[[node]]
name = "motor"
plugin = "{plugin}"
type = "Counter"
rate = 1000
"""
HOST = """
[[host]]
name = "{name}"
module = "{name}.py"
restart = "always"
"""
MODES = ("burn", "collect", "import", "killed")
SAY = {"idle": "hosts that idle", "burn": "hosts that compute", "collect": "hosts that collect",
       "import": "hosts that import", "killed": "hosts that are killed"}

# Work of about 20 ms, as often as it gets to run.
WORK = "sum(i * i for i in range(200_000))"
TWO_NODES = f"""
import sys, horus
class Worker(horus.Node):
    def __init__(self, name, host):
        super().__init__(name, rate=1000, compute=True, host=host, watchdog=0)
        self.ticks = 0
    def tick(self):
        {WORK}
        self.ticks += 1
    def shutdown(self):
        print("ticks", self.ticks, flush=True)
if __name__ == "__main__":
    hosts = ("left", "right") if sys.argv[2] == "two" else (None, None)
    horus.run(*map(Worker, ("one", "other"), hosts), duration=float(sys.argv[1]))
"""
BARE = f"""
import sys, time
end, ticks = time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < end:
    {WORK}
    ticks += 1
print("ticks", ticks)
"""
ASYNC = """
import asyncio, json, sys, horus
async def slow(node):
    await asyncio.sleep(0.05)
fast = horus.Node("fast", lambda node: None, rate=1000)
beside = [horus.Node("slow", slow, rate=10)] if sys.argv[2] == "beside" else []
horus.run(fast, *beside, duration=float(sys.argv[1]))
stats = fast.info.get_metrics()
print(json.dumps([stats["skipped_ticks"], stats["p50_release_lateness_us"],
                  stats["p99_release_lateness_us"]]))
"""


def lower_bound(index):
    """Of a bucket, in ns; see rt/base/histogram.hpp."""
    return index if index < 32 else (32 + index % 32) << (index // 32 - 1)


def percentile(buckets, quantile):
    rank = quantile * sum(buckets.values())
    seen = 0
    for index in sorted(buckets):
        seen += buckets[index]
        if seen >= rank:
            return lower_bound(index)
    return 0


class Robot:
    """A C++ motor at 1 kHz, and Python hosts beside it."""

    def __init__(self, folder, names=("one", "two"), motor=""):
        self.folder = pathlib.Path(folder)
        plugin = BUILD / "tests/plugins/good_plugin.so"
        (self.folder / "robot.toml").write_text(
            ROBOT.format(plugin=plugin) + motor +
            "".join(HOST.format(name=name) for name in names))
        for name in names:
            (self.folder / f"{name}.py").write_text(BESIDE)
        self.do("idle")
        self.process = subprocess.Popen(
            [BUILD / "bin/horus", "launch", self.folder / "robot.toml"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        common.wait_for(lambda: len(self.hosts()) == 1 + len(names) and all(
            host["ready"] for host in self.hosts().values()), "robot", 60)

    def do(self, mode):
        (self.folder / "mode").write_text(mode)

    def hosts(self):
        done = subprocess.run([BUILD / "bin/horusctl", "stats", "--json"], capture_output=True,
                              text=True, check=False)
        hosts = json.loads(done.stdout)["hosts"] if done.returncode == 0 else []
        return {host["name"]: host for host in hosts if host["alive"]}

    def motor(self):
        return self.hosts()["bench"]["nodes"][0]

    def lateness(self, mode, ticks):
        """Of the motor while the hosts do `mode` for so many of its ticks: p50 and p99, in ns."""
        self.do(mode)
        before = self.motor()
        now = before
        while now["ticks"] < before["ticks"] + ticks:
            if mode == "killed":
                self.kill()
            time.sleep(0.1)
            now = self.motor()
        return self.lateness_between(before, now)

    @staticmethod
    def lateness_between(before, now):
        grown = collections.Counter(dict(now["lateness_us"]["buckets"]))
        grown.subtract(dict(before["lateness_us"]["buckets"]))
        return percentile(grown, 0.5), percentile(grown, 0.99)

    def kill(self):
        for name, host in self.hosts().items():
            if name != "bench" and host["ready"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(host["pid"], signal.SIGKILL)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


def motor(rounds, seconds):
    """Of each mode, and of the idle stretches between them, p50 and p99 by round."""
    found = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        robot = Robot(folder)
        try:
            for _ in range(rounds):
                for mode in MODES:
                    for one in ("idle", mode):
                        found[one].append(robot.lateness(one, seconds * 1000))
        finally:
            robot.stop()
    return [(f"{SAY[mode]}, {name}", [sample[place] for sample in found[mode]])
            for place, name in ((0, "p50"), (1, "p99")) for mode in ("idle", *MODES)]


def output(text, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, "script.py")
        script.write_text(text)
        return subprocess.run([sys.executable, script, *map(str, arguments)], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def ticks_of(said, seconds):
    """A second, of both nodes together."""
    return sum(int(line.split()[1]) for line in said.splitlines()
               if line.startswith("ticks")) / seconds


def bare(seconds):
    both = [subprocess.Popen([sys.executable, "-c", BARE, str(seconds)], stdout=subprocess.PIPE,
                             text=True) for _ in range(2)]
    return ticks_of("".join(one.communicate()[0] for one in both), seconds)


def two_nodes(rounds, seconds):
    found = collections.defaultdict(list)
    for _ in range(rounds):
        found["two bare processes"].append(bare(seconds))
        for hosts in ("one", "two"):
            found[f"nodes in {hosts} host{'s' if hosts == 'two' else ''}"].append(
                ticks_of(output(TWO_NODES, seconds, hosts), seconds))
    return list(found.items())


def beside_async(rounds, seconds):
    found = collections.defaultdict(list)
    for _ in range(rounds):
        for beside, words in (("alone", "alone"), ("beside", "beside one that awaits 50 ms")):
            skipped, *late = json.loads(output(ASYNC, seconds, beside).splitlines()[-1])
            found[f"{words}, p50"].append(late[0] * 1e3)
            found[f"{words}, p99"].append(late[1] * 1e3)
            found[f"{words}, skipped in a thousand releases"].append(skipped / seconds)
    return sorted(found.items(), key=lambda row: row[0].split(", ")[::-1])


SECTIONS = (("A C++ motor at 1 kHz: lateness beside two", motor),
            ("Two nodes that only compute: ticks of both together", two_nodes),
            ("A Python node at 1 kHz: lateness", beside_async))


def reference_of(row, rows):
    """The row that this one is held against, and how: "within" its spread, "twice" its median, or
    "of" it. None for such a row itself."""
    if row.startswith("hosts that "):
        name = row.split(", ")[1]
        first = f"hosts that idle, {name}"
        return None if row == first else (rows[first], "within" if name == "p50" else "twice")
    if row.startswith("nodes in "):
        return rows["two bare processes"], "of"
    if row.startswith("beside one "):
        return rows["alone, " + row.split(", ", 1)[1]], "within"
    return None


def held(row, samples, rows):
    """What is wanted of a row, in words, and whether it is so; "" where nothing is."""
    reference = reference_of(row, rows)
    if reference is None:
        return ""
    other, how = reference
    ratio = statistics.median(samples) / max(statistics.median(other), 1e-9)
    if how == "of":
        return f"{ratio:.2f} of them"
    if how == "twice":
        return f"at most twice the first: {ratio:.2f}, {'met' if ratio <= 2 else 'missed'}"
    met = statistics.median(samples) <= max(other)
    return f"within the first's spread: {'met' if met else 'missed'}"


def line(row, samples, rows):
    text = (lambda number: f"{number:.2f}") if "skipped" in row else (
        lambda number: f"{number:.1f} a second") if row.startswith(("two", "nodes")) else (
        common.duration)
    return (f"| {row} | {text(statistics.median(samples))} | {text(min(samples))} – "
            f"{text(max(samples))} | {held(row, samples, rows)} |")


def table(found, rounds):
    machine = common.context()
    lines = [f"Measured on {machine['machine']}, Linux {machine['kernel']}, Python "
             f"{machine['python']}, a {machine['preset']} build, in {rounds} rounds.", "",
             "| What | Median | From – to | Held against |", "|---|---:|---:|---|"]
    for title, rows in found:
        lines.append(f"| **{title}** | | | |")
        lines += [line(row, samples, dict(rows)) for row, samples in rows]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("--json", help="a file for every sample")
    options = parser.parse_args()
    found = [(title, measure(options.rounds, options.seconds)) for title, measure in SECTIONS]
    made = table(found, options.rounds)
    print(made, end="")
    if options.write:
        common.write_table("hosts", made)
    if options.json:
        common.write(options.json, [{"name": f"{title}: {row}", "samples": samples,
                                     "held": held(row, samples, dict(rows))}
                                    for title, rows in found for row, samples in rows])


if __name__ == "__main__":
    main()
