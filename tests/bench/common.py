# SPDX-License-Identifier: Apache-2.0
"""What the Python benchmarks share: their floors, the machine they ran on, the file they write."""
import importlib.util
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sysconfig
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
# Before the first `import horus`: away from any robot that runs here.
os.environ.setdefault("HORUS_NAMESPACE", f"bench-{os.getpid()}")
# Read once: who has pinned himself sees a single CPU from then on.
CPUS = sorted(os.sched_getaffinity(0))


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


def pinned(place: int):
    """Puts the calling process on the first, second, ... of the benchmark's CPUs."""
    return lambda: os.sched_setaffinity(0, {CPUS[place % len(CPUS)]})


def wait_for(condition, what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"no {what} within {seconds} s")


def against_target(row: dict) -> str:
    """What to print behind a row: its target, and whether it is missed. `target` is the largest
    ratio or, where the row has a "target_unit", the largest median in that unit."""
    if row.get("target") is None:
        return ""
    unit = row.get("target_unit")
    measured = statistics.median(row["samples"]) if unit else row["ratio"]
    text = f"  <= {row['target']}" + (f" {unit}" if unit else "")
    return text + ("  missed" if measured > row["target"] else "")


def context() -> dict:
    import horus

    def read(path, otherwise=""):
        try:
            return pathlib.Path(path).read_text(encoding="utf-8").strip()
        except OSError:
            return otherwise

    model = next((line.split(":")[1].strip() for line in read("/proc/cpuinfo").splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True, check=False).stdout.strip()
    build = pathlib.Path(horus.__file__).resolve().parents[2].name
    return {"machine": f"{model}, {os.cpu_count()} CPUs", "kernel": platform.release(),
            "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "none"),
            "isolated_cpus": read("/sys/devices/system/cpu/isolated"),
            "preset": build, "commit": commit, "python": platform.python_version(),
            "numpy": np.__version__, "horus": horus.__version__,
            "load_before": read("/proc/loadavg")}


PAGE = HERE.parents[1] / "docs/performance.md"


def duration(ns: float) -> str:
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def write_table(name: str, made: str) -> None:
    """Puts a table into its place of docs/performance.md."""
    begin, end = f"<!-- table: {name} -->\n", "<!-- end of the table -->\n"
    head, rest = PAGE.read_text(encoding="utf-8").split(begin)
    PAGE.write_text(head + begin + made + end + rest.split(end, 1)[1], encoding="utf-8")


def write(path: str, results: list[dict]) -> None:
    document = {"context": context(), "results": results}
    pathlib.Path(path).write_text(json.dumps(document, indent=1), encoding="utf-8")
