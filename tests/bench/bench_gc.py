#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gc="slack" against gc="python": the longest gap between ticks, its p99.9, and the memory.

    bench_gc.py [OUT.json] [SCENARIO:OBJECTS...]

Run it with PYTHONPATH at a release build. A node ticks at 1 kHz and makes cyclic garbage in each
tick; on top of that a scenario makes OBJECTS objects:

    before   all before the first tick
    burst    all in one tick, then none
    after    in 100 ticks in a row
    slow     evenly over the whole run, on top of a tenth before the first tick
    cache    as many cyclic objects at a time, each dropped after two seconds

A gap is the time between the starts of two ticks. `later` is the longest that begins a second or
more after the last tick that loads, in burst and after. Modes are run in turn, each in a process
of its own; prints the medians and their ratio. Exit 1 where slack is worse by more than a tenth
(memory of a cache: by more than three tenths) and by more than 100 us or 1 MiB.
"""
import collections
import json
import os
import statistics
import subprocess
import sys
import time

PAIRS = int(os.environ.get("PAIRS", "5"))
SECONDS = float(os.environ.get("SECONDS", "8"))
RATE = 1000  # RT=1: as a real-time node, which other programs keep from its ticks less.
MODES = ("python", "slack")
# Of a growing heap the longest pause is its last full collection, and each is due a quarter later:
# how far the last quarter got differs by the size.
USUAL = ("before:1000000", "burst:1000000", "after:1000000", "slow:800000", "slow:1100000",
         "cache:100000")
LIFETIME = 2 * RATE  # Of an object in a cache, in ticks.


def litter():
    """A tick's own garbage."""
    for i in range(20):
        knot = [i]
        knot.append(knot)


def objects(count):
    return [[i] for i in range(count)]


def load_of(scenario, count):
    """What exists before the first tick, and what a tick makes: returns whether it loads."""
    kept = [objects({"before": count, "slow": count // 10}.get(scenario, 0))]
    cache = collections.deque()

    def burst(k):
        if k == RATE:
            kept.append(objects(count))
        return k == RATE

    def after(k):
        if RATE <= k < RATE + 100:
            kept.append(objects(count // 100))
        return RATE <= k < RATE + 100

    def slow(k):
        kept.append(objects(int(count / (SECONDS * RATE))))
        return False

    def churn(k):
        made = []
        for i in range(count // LIFETIME):
            knot = [i]
            knot.append(knot)
            made.append(knot)
        cache.append(made)
        if len(cache) > LIFETIME:
            cache.popleft()
        return False

    def before(k):
        return len(kept) > 1

    return {"before": before, "burst": burst, "after": after, "slow": slow,
            "cache": churn}[scenario]


def measure(scenario, count, mode):
    """One run in this process; prints its numbers."""
    import horus

    load = load_of(scenario, count)
    room = int(SECONDS * RATE) + 1000
    starts, loads = [0] * room, [False] * room
    done = 0

    def tick(node):
        nonlocal done
        starts[done] = time.perf_counter_ns()
        litter()
        loads[done] = load(done)
        done += 1

    scheduler = horus.Scheduler(gc=mode, rt="RT" in os.environ)
    scheduler.add(horus.Node("bench", tick, RATE))
    scheduler.run(SECONDS)
    gaps = [starts[i + 1] - starts[i] for i in range(10, done - 1)]
    loaded = max((starts[i] for i in range(done) if loads[i]), default=0)
    later = max(gap for i, gap in enumerate(gaps, 10) if starts[i] > loaded + 1_000_000_000)
    gaps.sort()
    stats = scheduler.get_node_stats("bench")
    print(json.dumps({
        "ticks": done, "longest": gaps[-1] / 1e3, "p999": gaps[int(len(gaps) * 0.999)] / 1e3,
        "later": later / 1e3,
        "freezes": stats["gc_freezes"],
        "full": stats["gc_gen2_collections"], "objects": stats["gc_objects"]}))


def run_apart(scenario, count, mode):
    """Peak resident memory is a number of a process."""
    # Deadlines are missed here, and each miss is logged.
    child = subprocess.Popen([sys.executable, __file__, "--run", scenario, str(count), mode],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    text = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    if status != 0:
        raise SystemExit(f"{scenario} {mode}: status {status}")
    return json.loads(text) | {"rss": usage.ru_maxrss / 1024}


def judge(scenario, metric, python, slack):
    """Whether slack is no worse."""
    if metric == "rss":
        return slack <= max(python * (1.3 if scenario == "cache" else 1.1), python + 1)
    return slack <= max(python * 1.1, python + 100)


def compare(scenario, count):
    """Prints a scenario's rows; returns its results, and whether slack is never worse."""
    runs = {mode: [] for mode in MODES}
    for _ in range(PAIRS):
        for mode in MODES:
            runs[mode].append(run_apart(scenario, count, mode))
    results, good = [], True
    for metric, unit in (("longest", "us"), ("p999", "us"), ("later", "us"), ("rss", "MiB")):
        samples = {mode: [run[metric] for run in runs[mode]] for mode in MODES}
        python, slack = (statistics.median(samples[mode]) for mode in MODES)
        fine = judge(scenario, metric, python, slack)
        good &= fine
        print(f"{f'{scenario} {count:,} {metric}':<28}{python:>12.1f}{slack:>12.1f} {unit:<4}"
              f"{slack / python:>7.2f}{'' if fine else '   WORSE'}", flush=True)
        results += [{"name": f"{scenario} {count} {metric} gc={mode}", "unit": unit,
                     "samples": samples[mode]} for mode in MODES]
    last = runs["slack"][-1]
    print(f"    slack: {last['full']} full collections, {last['freezes']} freezes, "
          f"{last['objects']:,} objects at the end; python: {runs['python'][-1]['full']} full")
    return results, good


def main(arguments):
    if arguments[:1] == ["--run"]:
        measure(arguments[1], int(arguments[2]), arguments[3])
        return 0
    from common import write

    out = arguments.pop(0) if arguments and ":" not in arguments[0] else None
    print(f"{'median of ' + str(PAIRS):<28}{'python':>12}{'slack':>12}{'ratio':>12}")
    everything, good = [], True
    for wanted in arguments or USUAL:
        scenario, count = wanted.split(":")
        results, fine = compare(scenario, int(count))
        everything += results
        good &= fine
    if out:
        write(out, everything)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
