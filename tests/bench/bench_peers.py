#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A message's way from one Python process to another, over HORUS and over its peers.

    bench_peers.py [OUT.json]

Run it with PYTHONPATH at a release build and with a Python that has the peers' packages, see
tests/README.md. Each sample is a ping-pong of two fresh processes on the same two CPUs, and half
its round trip; the libraries take turns. What is not installed, or refuses to run, is said.
"""
import importlib.metadata
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import time

from common import CPUS, write
from peer_libraries import FRAME, LIBRARIES, SMALL

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SIZES = (SMALL, 64 * 1024, FRAME)
TIMEOUT = 15.0  # Seconds for one sample.


def exchange(library, hops):
    for _ in itertools.repeat(None, hops):
        library.send()
        while library.receive() is None:
            pass


def receive_within(library, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if library.receive() is not None:
            return True
    return False


def connect(library):
    """Sends until an answer comes; then takes those that are still on their way, which would be
    taken for answers to later messages."""
    sleeping, library.sleeping = library.sleeping, False
    library.send()
    while not receive_within(library, 0.05):
        library.send()
    while receive_within(library, 0.3):
        pass
    library.sleeping = sleeping


def side(me, name, size, sleeping) -> None:
    """A process of the ping-pong."""
    other = "pong" if me == "ping" else "ping"
    os.sched_setaffinity(0, {CPUS[(me == "pong") % len(CPUS)]})
    library = LIBRARIES[name](me, other, size, sleeping)
    if me == "pong":
        while True:
            if library.receive() is not None:
                library.send()
    connect(library)
    # A tenth goes before: so many that each library has been through its memory once.
    hops = 200 if sleeping or size == FRAME else 2000
    exchange(library, hops // 10)
    start = time.perf_counter_ns()
    exchange(library, hops)
    print((time.perf_counter_ns() - start) / hops / 2)


def start(me, name, size, sleeping, environment):
    return subprocess.Popen(
        [sys.executable, __file__, "--side", json.dumps([me, name, size, sleeping])],
        env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process):
    """Lets it take away what it made, if it can."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=2.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def sample(name, size, sleeping, serial):
    """One-way time in ns, and why there is none."""
    environment = {**os.environ, "HORUS_NAMESPACE": f"peers-{os.getpid()}-{serial}",
                   "PEERS_PORT": str(20000 + (os.getpid() + serial) % 10000)}
    if LIBRARIES[name].package is not None:
        environment.pop("PYTHONPATH", None)  # A peer's module has the name of ours.
    pong = start("pong", name, size, sleeping, environment)
    ping = start("ping", name, size, sleeping, environment)
    try:
        out, error = ping.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return None, f"no end within {TIMEOUT:.0f} s"
    finally:
        end(ping)
        end(pong)
    if ping.returncode == 0:
        return float(out.split()[-1]), None
    return None, (error.strip().splitlines() or ["ended without a word"])[-1]


def versions() -> dict:
    found = {}
    for name, library in LIBRARIES.items():
        if library.package is None:
            import horus
            found[name] = horus.__version__
            continue
        try:
            found[name] = importlib.metadata.version(library.package)
        except importlib.metadata.PackageNotFoundError:
            print(f"{name:<16} is not installed")
    return found


def main(arguments: list[str]) -> int:
    found = versions()
    for name, version in found.items():
        print(f"{name:<16} {version}")
    print(f"\n{'ns, one way':<36}{'median':>11}{'min':>11}{'max':>12}  over HORUS")
    results, serial = [], itertools.count()
    for size, sleeping in itertools.product(SIZES, (False, True)):
        what = "a 1080p frame, copied" if size == FRAME else f"{size} bytes"
        how = f"{what}, {'sleeping' if sleeping else 'polling'}"
        rows = {name: [] for name in found if LIBRARIES[name].sleeps or not sleeping}
        refused = {name: "has no call that waits" for name in found if name not in rows}
        for _ in range(ROUNDS):
            for name in [name for name in rows if name not in refused]:
                value, why = sample(name, size, sleeping, next(serial))
                if why is None:
                    rows[name].append(value)
                else:
                    refused[name] = why
        for name in found:
            row = {"name": f"{name}, {how}", "unit": "ns", "version": found[name]}
            if name in refused:
                row["refused"] = refused[name]
                print(f"{row['name']:<36}  no result: {refused[name]}", flush=True)
                row["samples"] = []
                results.append(row)
                continue
            row["samples"] = rows[name]
            median = statistics.median(rows[name])
            text = (f"{row['name']:<36}{median:>11.0f}{min(rows[name]):>11.0f}"
                    f"{max(rows[name]):>12.0f}")
            if name != "horus" and "horus" not in refused:
                row["ratio"] = median / statistics.median(rows["horus"])
                text += f"  {row['ratio']:>9.1f}"
            print(text, flush=True)
            results.append(row)
    if arguments:
        write(arguments[0], results)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        side(*json.loads(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
