# SPDX-License-Identifier: Apache-2.0
"""The rover: `tools/dev/demo`, its table, and the same numbers as JSON."""
import json
import os
import re
import shutil
import signal
import time

import pytest

from running import (BUILD, NOBODY, ROOT, ROVER, Running, as_user, assert_grid, files_below, nodes,
                     own_base, program, run, until)

CPP = {"motor": 1000.0, "imu": 500.0, "camera": 30.0, "lidar": 10.0}
PYTHON = {"planner": 50.0, "detector": 10.0, "logger": 1.0}
HISTOGRAMS = ("lateness_us", "execution_us", "response_us")


def everything_ticks(environment):
    found = nodes(environment)
    ticking = {name for name, node in found.items() if node["ticks"] > 1}
    return found if ticking >= CPP.keys() | PYTHON.keys() else None


def test_the_demo_runs_from_anywhere_prints_the_table_and_leaves_nothing(tmp_path):
    with own_base() as environment:
        environment["HORUS_BUILD"] = str(BUILD)
        done = run([str(ROOT / "tools/dev/demo")], environment, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        for name in CPP.keys() | PYTHON.keys():
            assert any(name in line.split() for line in lines), f"no row of {name}\n{done.stdout}"
        header = done.stdout.upper()
        for column in ("CLASS", "RATE", "TICKS", "SKIPPED", "MISSES", "OVERRUNS", "LATENESS",
                       "EXECUTION", "P50", "P99", "MAX", "GIL", "GC"):
            assert column in header, f"no column {column}\n{done.stdout}"
        said, *next_ones = lines[-4:]
        assert re.fullmatch(r"== .* to try next \(\d+ min \d\d s\)", said), done.stdout
        for command in next_ones:
            words = command.split("#")[0].split()
            assert run([*words, "--help"], environment, cwd=tmp_path).returncode == 0, command
        assert files_below(environment["HORUS_BASE"]) == []


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_the_rover_runs_for_an_ordinary_user_and_counts_honestly(tmp_path):
    """Each node on its grid: ticks and skips are what its rate gives over its own time."""
    shutil.copytree(ROVER.parent, tmp_path / "rover")
    os.chown(tmp_path, NOBODY, NOBODY)
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    command = as_user(NOBODY, [program("horus"), "launch", str(tmp_path / "rover/rover.toml")])
    with own_base(NOBODY) as environment, Running(command, environment) as rover:
        first = until(lambda: everything_ticks(environment), "everything ticked", rover)
        later = until(lambda: two_seconds_more(first, environment), "all went on", rover)
        last = nodes(environment)
        assert rover.stop() == 0, rover.text()
    for name, rate in (CPP | PYTHON).items():
        node = later[name]
        assert node["rate_hz"] == pytest.approx(rate, rel=1e-6)
        assert node["kind"] == ("cpp" if name in CPP else "python")
        assert node["class"] == ("compute" if name == "detector" else "tick")
        assert_grid(node)
        for histogram in HISTOGRAMS:
            # It goes on while its page is read: what was counted before and after bounds it.
            count = node[histogram]["count"]
            assert first[name]["ticks"] < count <= last[name]["ticks"], f"{name} {histogram}"
            assert node["ticks"] <= last[name][histogram]["count"], f"{name} {histogram}"
        assert node["errors"] == 0, f"{name}\n{rover.text()}"
    for name in PYTHON:
        assert later[name]["gil_wait_us"]["count"] > 0
        assert [pauses["generation"] for pauses in later[name]["gc"]] == [0, 1, 2]


def two_seconds_more(first, environment):
    now = nodes(environment)
    ends = first["motor"]["elapsed_s"] + 2.0
    went_on = all(now[name]["ticks"] > node["ticks"] for name, node in first.items())
    return now if went_on and now["motor"]["elapsed_s"] >= ends else None


@pytest.fixture
def rover():
    """The rover in the foreground, everything ticking: its environment and its process."""
    command = [program("horus"), "launch", str(ROVER)]
    with own_base() as environment, Running(command, environment) as running:
        until(lambda: everything_ticks(environment), "everything ticked", running)
        yield environment, running


def echo(environment, topic):
    shown = run([program("horusctl"), "topic", "echo", topic, "--count", "1"], environment)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    return shown.stdout


def test_the_rover_drives_sees_and_tells(rover):
    environment, running = rover
    for topic, field in {"cmd_vel": "linear", "odom": "pose", "imu": "angular_velocity",
                         "joint_states": "velocities", "scan": "ranges", "target": "area",
                         "rover/summary": "speed"}.items():
        assert field in echo(environment, topic), topic
    until(lambda: " m/s, " in running.text(), "a line of the logger", running)


def participant(environment, topic, node, role="subscribers"):
    """What `horusctl topic info` says of the node that takes part in the topic, and lives."""
    shown = run([program("horusctl"), "topic", "info", topic, "--json"], environment)
    found = json.loads(shown.stdout)[role] if shown.returncode == 0 else []
    return next((one for one in found if one["node"] == node and one["alive"]), None)


def test_the_motor_stops_when_the_planner_s_process_is_killed(rover):
    environment, running = rover

    def motor():
        return participant(environment, "cmd_vel", "motor")

    until(lambda: not motor()["stale"], "the motor has orders", running)
    before = motor()
    assert before["timeout_ms"] == 150.0, "well within 200 ms"
    os.kill(participant(environment, "cmd_vel", "planner", "publishers")["pid"], signal.SIGKILL)
    # Events, not times: the input becomes stale, and the motor is told to stand still.
    until(lambda: motor()["times_stale"] > before["times_stale"], "the orders are stale", running)
    until(lambda: motor()["fallbacks"] > before["fallbacks"], "the motor has its fallback", running)
    # The planner is started again, and the motor obeys its first new order.
    until(lambda: not motor()["stale"], "the motor has orders again", running)
    assert nodes(environment)["motor"]["inputs_stale"] > before["times_stale"]


def test_the_rover_stands_still_while_it_is_stopped_and_drives_on_when_it_is_released(rover):
    environment, running = rover

    def turns():
        """Whether a wheel turns, by the newest joint states; None while none come."""
        shown = run([program("horusctl"), "topic", "echo", "joint_states", "--count", "1",
                     "--json"], environment)
        speeds = json.loads(shown.stdout)["velocities"] if shown.returncode == 0 else []
        return any(abs(speed) > 0.05 for speed in speeds) if speeds else None

    until(turns, "the wheels turn", running)
    done = run([program("horusctl"), "estop", "a foot before the wheel"], environment)
    assert done.returncode == 0, done.stderr
    until(lambda: turns() is False, "the wheels stand still", running)
    done = run([program("horusctl"), "release", "--reason", "the foot is gone"],
               environment)
    assert done.returncode == 0, done.stdout + done.stderr
    until(turns, "the wheels turn again", running)


def test_ctrl_c_ends_the_rover_cleanly(rover):
    environment, running = rover
    # What a terminal does: the whole foreground group gets it.
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait() in (0, 130), running.text()
    assert nodes(environment) == {}


def test_duration_ends_the_rover_by_itself(tmp_path):
    """Without its Python hosts: where the machine is busy they take longer to start than this."""
    alone = tmp_path / "rover.toml"
    alone.write_text(ROVER.read_text().partition("[[host]]")[0])
    with own_base() as environment:
        started = time.monotonic()
        done = run([program("horus"), "launch", str(alone), "--duration", "3"], environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert time.monotonic() - started >= 3.0
