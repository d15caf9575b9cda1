# SPDX-License-Identifier: Apache-2.0
"""Programs of different versions do not read each other's statistics as their own."""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def layout(folder):
    script = ROOT / "shm/stats_layout.cmake"
    done = subprocess.run(["cmake", f"-DFOLDER={folder}", "-P", str(script)], check=True,
                          capture_output=True, text=True)
    assert done.stderr.startswith("0x"), done
    return done.stderr.strip()


@pytest.mark.parametrize("header, text, other", [
    ("base/node_counters.hpp", "Number overruns{};\n  Number errors{};",
     "Number errors{};\n  Number overruns{};"),
    ("base/failures.hpp", "kMost = 4", "kMost = 5"),
    ("base/tick_stats.hpp", "Histogram lateness{};\n  alignas(64) Histogram execution{};",
     "Histogram execution{};\n  alignas(64) Histogram lateness{};"),
    ("base/histogram.hpp", "kEnd = std::uint64_t{1} << 36", "kEnd = std::uint64_t{1} << 35"),
    ("base/late_ticks.hpp", "Gauge lateness_ns{};", "Gauge wait_ns{};"),
])
def test_a_change_of_what_is_counted_is_another_layout(tmp_path, header, text, other):
    headers = shutil.copytree(ROOT / "rt", tmp_path / "rt")
    assert layout(headers) == layout(ROOT / "rt")
    source = (headers / header).read_text()
    # Comments between the two are no part of it.
    bare = "".join(line.split("//")[0].rstrip() + "\n" for line in source.splitlines())
    assert text in bare
    (headers / header).write_text(bare)
    assert layout(headers) == layout(ROOT / "rt")
    (headers / header).write_text(bare.replace(text, other))
    assert layout(headers) != layout(ROOT / "rt")


def test_a_text_about_a_counter_is_no_part_of_the_layout(tmp_path):
    headers = shutil.copytree(ROOT / "rt", tmp_path / "rt")
    source = (headers / "base/node_counters.hpp").read_text()
    assert '"Whole releases given up."' in source
    (headers / "base/node_counters.hpp").write_text(source.replace("Whole releases", "Releases"))
    assert layout(headers) == layout(ROOT / "rt")
