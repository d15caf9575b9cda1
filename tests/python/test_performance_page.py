# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md: its table is what its benchmark writes."""
import os
import re

from running import BUILD, PYTHON, ROOT, own_base, run


def rows(text):
    return re.findall(r"^\| (?!---|What)(.*?) \|", text, re.M)


def test_the_table_has_the_rows_that_the_benchmark_writes():
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    table = page.split("<!-- table: costs -->\n")[1].split("<!-- end of the table -->")[0]
    with own_base() as environment:
        environment |= {"PYTHONPATH": str(BUILD / "python"), "HOME": os.environ["HOME"]}
        done = run([PYTHON, "-B", str(ROOT / "tests/bench/bench_costs.py"), "--rounds", "1",
                    "--scale", "0.01"], environment)
    assert done.returncode == 0, done.stderr
    assert rows(table) == rows(done.stdout) and len(rows(table)) > 20
    assert re.search(r"^Measured on .+ CPUs, Linux .+, Python 3\.\d+", table, re.M)
    assert "release build" in table
