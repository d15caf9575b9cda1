# SPDX-License-Identifier: Apache-2.0
"""What a user writes in the first hour, as files that a user can copy, run as they are."""
import re

import pytest

from running import PYTHON, ROOT, own_base, run

FIRST_HOUR = ROOT / "tests/examples/python"
# File -> what it prints; the log of a run without a service goes to stderr.
SAYS = {
    "gc_in_slack.py": r"",
    "send_orders.py": r"True \{\(1\.0, 0\.5\)\}\n",
    "frames.py": r"True \(\(480, 640, 3\), \[10, 20, 30\]\)\n",
    "points.py": r"1000 \('x', 'y', 'z', 'i'\) 0 True\n\(\) 0\.5\n",
    "await_messages.py": r"\[3, 30\]\nnothing more\n",
    "compute.py": r"True True\n",
    "time_itself.py": r"",
    "scheduler_stats.py": r"\d+\.\d+(e-\d+)?\n",
}
LOGS = {"time_itself.py": r"summed up in \d+ us", "compute.py": r"thinker.*deadline"}


@pytest.mark.parametrize("name", SAYS)
def test_it_runs_as_it_is(name):
    with own_base() as environment:
        done = run([PYTHON, str(FIRST_HOUR / name)], environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(SAYS[name], done.stdout), done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    if name in LOGS:
        assert re.search(LOGS[name], done.stderr), done.stderr


def test_every_file_of_the_first_hour_is_known_here():
    programs = {path.name for path in FIRST_HOUR.glob("*.py")}
    assert programs == SAYS.keys() | {"talker.py", "listener.py"}
