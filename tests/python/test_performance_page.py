# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md: its tables are what its benchmarks write."""
import os
import re

import pytest

from running import BUILD, PYTHON, ROOT, own_base, run

# The benchmark of each table, as short as it can be.
BENCHMARKS = {"costs": ("bench_costs.py", "--rounds", "1", "--scale", "0.01"),
              "hosts": ("bench_hosts.py", "--rounds", "1", "--seconds", "0.3")}


def rows(text):
    return re.findall(r"^\| (?!---|What)(.*?) \|", text, re.M)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_table_has_the_rows_that_the_benchmark_writes(name):
    program, *arguments = BENCHMARKS[name]
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    table = page.split(f"<!-- table: {name} -->\n")[1].split("<!-- end of the table -->")[0]
    with own_base() as environment:
        environment |= {"PYTHONPATH": str(BUILD / "python"), "HOME": os.environ["HOME"]}
        done = run([PYTHON, "-B", str(ROOT / "tests/bench" / program), *arguments], environment)
    assert done.returncode == 0, done.stderr
    assert rows(table) == rows(done.stdout) and len(rows(table)) > 18
    assert re.search(r"^Measured on .+ CPUs, Linux .+, Python 3\.\d+", table, re.M)
    assert "release build" in table


def test_each_row_of_hosts_is_held_against_one_of_the_same_run():
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    table = page.split("<!-- table: hosts -->\n")[1].split("<!-- end of the table -->")[0]
    held = dict(re.findall(r"^\| ([^|*]+) \| [^|]+ \| [^|]+ \| ([^|]*?) ?\|$", table, re.M))
    held = {row: text for row, text in held.items() if row not in ("What", "---")}
    assert [row for row, text in held.items() if not text] == [
        "hosts that idle, p50", "hosts that idle, p99", "two bare processes", "alone, p50",
        "alone, p99", "alone, skipped in a thousand releases"]
    assert re.fullmatch(r"at most twice the first: [\d.]+, (met|missed)",
                        held["hosts that compute, p99"])
    assert re.fullmatch(r"within the first's spread: (met|missed)", held["hosts that import, p50"])
    assert re.fullmatch(r"[\d.]+ of them", held["nodes in two hosts"])
