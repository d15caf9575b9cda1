#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A tick beside busy Python threads, against the same tick alone, round by round in one run.

    bench_gil.py [OUT.json]          (ROUNDS=3, SECONDS=3)

Run it with PYTHONPATH at a release build, as a user who may have real-time priorities. What a tick
takes is measured by its own clock, losses of the GIL included. Work is a loop of that many steps.
"""
import json
import os
import statistics
import subprocess
import sys

from common import against_target, write

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = float(os.environ.get("SECONDS", "3"))
NODES = [(1000, 10), (100, 10_000), (10, 400_000)]

PROGRAM = """
import horus, json, sys, threading, time
rate, work, beside, seconds = (json.loads(a) for a in sys.argv[1:])
def burn(n):
    x = 0
    for i in range(n):
        x += i
going, rounds, took, clock = True, [0] * max(beside, 1), [], time.perf_counter_ns
def busy(k):
    while going:
        burn(100)
        rounds[k] += 1
def tick(node):
    start = clock()
    burn(work)
    took.append(clock() - start)
threads = [threading.Thread(target=busy, args=(k,)) for k in range(beside)]
for thread in threads:
    thread.start()
if rate == 0:
    time.sleep(seconds)
    done, skipped, wait = sum(rounds), 0.0, [0.0, 0.0]
else:
    scheduler = horus.Scheduler(rt=True)
    scheduler.add(horus.Node("tick", tick, rate))
    before, began = sum(rounds), time.monotonic()
    scheduler.run(duration=seconds)
    done = (sum(rounds) - before) * seconds / (time.monotonic() - began)
    stats = scheduler.get_node_stats("tick")
    skipped = 100 * stats["skipped_ticks"] / (stats["skipped_ticks"] + stats["total_ticks"])
    wait = [stats["p50_gil_wait_us"], stats["p99_gil_wait_us"]]
going = False
for thread in threads:
    thread.join()
took.sort()
at = lambda q: took[min(len(took) - 1, int(q * len(took)))] / 1e3 if took else 0.0
print(json.dumps({"skipped": skipped, "p50": at(0.5), "p99": at(0.99), "wait_p50": wait[0],
                  "wait_p99": wait[1], "busy": done}))
"""


def measured(rate, work, beside):
    done = subprocess.run([sys.executable, "-c", PROGRAM,
                           *map(str, (rate, work, beside, SECONDS))],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments):
    runs = {}
    for _ in range(ROUNDS):
        for beside in (0, 1, 3):
            for rate, work in NODES:
                runs.setdefault((rate, beside), []).append(measured(rate, work, beside))
            if beside:
                runs.setdefault((0, beside), []).append(measured(0, 0, beside))
    results = []

    def middle(key, what):
        return statistics.median(run[what] for run in runs[key])

    def show(name, unit, key, what, **more):
        row = {"name": name, "unit": unit, "samples": [run[what] for run in runs[key]], **more}
        shown = row.get("ratio", middle(key, what))
        print(f"{name:<58}{shown:>10.2f}  {'x' if 'ratio' in row else unit}"
              f"{against_target(row)}", flush=True)
        results.append(row)

    for rate, work in NODES:
        for beside in (0, 1, 3):
            name, key, alone = f"{rate} Hz x {work}, {beside} busy", (rate, beside), (rate, 0)
            fast, goal = rate == 1000, beside == 1
            show(f"{name}: skipped", "%", key, "skipped",
                 target=middle(alone, "skipped") + 0.1 if goal and fast else None,
                 target_unit="%")
            for what, most in (("p50", 1.15), ("p99", 1.5)):
                show(f"{name}: execution {what}", "us", key, what, target_unit="us",
                     target=100 if goal and fast and what == "p99" else None)
                if beside:
                    show(f"{name}: execution {what} against alone", "us", key, what,
                         ratio=middle(key, what) / middle(alone, what),
                         target=most if goal and not fast else None)
            for what, most in (("wait_p50", 60), ("wait_p99", None)):
                show(f"{name}: {what}", "us", key, what, target_unit="us",
                     target=most if goal and fast else None)
            if beside:
                show(f"{name}: what the busy threads keep", "rounds", key, "busy",
                     ratio=middle(key, "busy") / middle((0, beside), "busy"))
    if arguments:
        write(arguments[0], results)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
