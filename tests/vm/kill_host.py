# SPDX-License-Identifier: Apache-2.0
"""Inside the virtual machine: kills a Python host, watches how its successor comes up and what the
motor lost over that time, then what it loses over as much time when nothing happens.

Prints {"import_s", "spawned_s", "ready_s", "lost", "undisturbed"}.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

HOSTS = pathlib.Path("/sys/fs/cgroup/horuspy.slice/horus-pyhost.service")
STRETCHES = 3
PATIENCE = 120.0
POLL = 0.2


def horusctl(*arguments):
    done = subprocess.run(["horusctl", *arguments, "--json"], capture_output=True, text=True)
    return json.loads(done.stdout)


def motor_lost() -> int:
    """Releases that the motor skipped, and ticks that were late."""
    motors = [node for host in horusctl("stats")["hosts"] for node in host["nodes"]
              if node["name"] == "motor"]
    return motors[0]["skipped"] + motors[0]["misses"]


def pid_of(host: str) -> int | None:
    """From its cgroup: where it is from its first moment."""
    try:
        return int((HOSTS / f"host-{host}/cgroup.procs").read_text().split()[0])
    except (OSError, IndexError):
        return None


def ready_pid_of(host: str) -> int | None:
    for one in horusctl("status")["hosts"]:
        if one["name"] == host and one["state"] == "ready":
            return one["pid"]
    return None


def cold_import() -> float:
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    started = time.monotonic()
    subprocess.run(["/usr/bin/python3", "-c", "import numpy, horus.host"], check=True)
    return time.monotonic() - started


def kill_and_watch(host: str) -> dict:
    old = pid_of(host)
    before = motor_lost()
    killed = time.monotonic()
    os.kill(old, signal.SIGKILL)
    while pid_of(host) in (None, old) and time.monotonic() < killed + PATIENCE:
        time.sleep(0.02)
    spawned = time.monotonic()
    while ready_pid_of(host) in (None, old) and time.monotonic() < killed + PATIENCE:
        time.sleep(POLL)
    return {"spawned_s": spawned - killed, "ready_s": time.monotonic() - killed,
            "lost": motor_lost() - before}


def undisturbed(host: str, length: float) -> int:
    """What is lost when nothing happens; looked at as often as when something did."""
    before = motor_lost()
    end = time.monotonic() + length
    while time.monotonic() < end:
        ready_pid_of(host)
        time.sleep(POLL)
    return motor_lost() - before


def main():
    host = sys.argv[1]
    import_s = cold_import()
    result = kill_and_watch(host)
    stretches = [undisturbed(host, result["ready_s"]) for _ in range(STRETCHES)]
    print(json.dumps({"import_s": import_s, **result, "undisturbed": stretches}))


if __name__ == "__main__":
    main()
