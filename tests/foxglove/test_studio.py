# SPDX-License-Identifier: Apache-2.0
"""A recording of ours, opened in Foxglove Studio: it is drawn as it was sent."""
import json
import os
import pathlib
import signal
import sys
import time

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "system"))
from running import PYTHON, WATCHDOG, Running, own_base, program, run, until  # noqa: E402

import studio as foxglove  # noqa: E402
from robot import (BLUE, CORNER, GREEN, RADIUS, RED, SIDE, WAY_X, WAY_Y, YELLOW)  # noqa: E402

# Colours of layout.json, of what the robot does not give a colour itself.
POSE, WAY, SPEED = (0, 160, 0), (255, 0, 255), (0, 160, 160)
HEIGHT = 10.0  # m, that a 3D panel shows from its lower edge to its upper one, of layout.json.
SCHEMAS = {
    "/camera": "foxglove.RawImage",
    "/horus/log": "foxglove.Log",
    "/lidar": "foxglove.PointCloud",
    "/odom": "foxglove.PoseInFrame",
    "/scan": "foxglove.LaserScan",
    "/wheel": "horus.Wheel",
}


@pytest.fixture(scope="module")
def modules():
    try:
        return foxglove.require()
    except foxglove.Missing as error:
        lack = str(error)
    # tools/dev/check --all has it run.
    if os.environ.get("HORUS_FOXGLOVE") == "required":
        pytest.fail(lack, pytrace=False)
    pytest.skip(lack)


@pytest.fixture(scope="module")
def recording(modules, tmp_path_factory):
    """Of all topics, from before the robot sends until it has arrived."""
    path = tmp_path_factory.mktemp("recording") / "run.mcap"
    command = [program("horusctl"), "record", "-o", str(path), "--min-free", "0"]
    with own_base() as base, Running(command, base) as recorder:
        until(path.exists, "it records", recorder)
        with Running([PYTHON, str(HERE / "robot.py")], base) as robot:
            until(lambda: "there" in robot.text(), "it arrives", robot)
            assert recorder.stop(signal.SIGINT) == 0, recorder.text()
            robot.stop()
    return path


@pytest.fixture(scope="module")
def studio(modules, recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    with foxglove.studio(modules, recording, folder) as shown:
        end = time.monotonic() + WATCHDOG
        while "foxglove." not in shown.text():
            assert time.monotonic() < end, (f"no recording is open, see {shown.whole_picture()}\n"
                                            f"{shown.text()}\n{shown.said()}\n"
                                            f"{shown.browser.own_log()}")
            time.sleep(0.5)
        yield shown
        shown.whole_picture()


def close_to(pixels, colour):
    """Where it is that colour, or nearly: lines are smoothed, and arrows have shadows."""
    return np.abs(pixels - np.array(colour)).max(axis=2) < 60


def seen(studio, panel, *colours, enough=lambda mask: mask.sum() >= 20):
    """Where the panel has each of the colours, once it has enough of each."""
    end = time.monotonic() + WATCHDOG
    while True:
        pixels = studio.picture(panel)
        if pixels is not None:
            masks = [close_to(pixels, colour) for colour in colours]
            if all(enough(mask) for mask in masks):
                return masks
        assert time.monotonic() < end, (
            f"too little of {colours} in {panel}, see {studio.whole_picture()}\n"
            f"{studio.text()}\n{studio.said()}")
        time.sleep(0.5)


def is_wide(mask):
    """As a plot of all of a recording is."""
    columns = np.nonzero(mask.any(axis=0))[0]
    return columns.size and np.ptp(columns) > 0.8 * mask.shape[1]


def metres(mask):
    """Where the pixels of a 3D panel that looks straight down lie: x to the right, y up."""
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    scale = HEIGHT / height
    return (columns + 0.5 - width / 2) * scale, (height / 2 - rows - 0.5) * scale


def test_every_topic_is_listed_with_its_schema_and_its_messages(studio, recording):
    info = run([program("horusctl"), "record", "info", str(recording), "--json"], os.environ)
    counts = {line["topic"]: line["messages"]
              for line in map(json.loads, info.stdout.splitlines())}
    assert set(SCHEMAS) <= set(counts)
    wanted = {(topic, SCHEMAS.get(topic, "—"), str(count)) for topic, count in counts.items()}

    def listed():
        lines = [line.strip() for line in studio.text().splitlines() if line.strip()]
        return set(zip(lines, lines[1:], lines[2:]))
    until(lambda: wanted <= listed(), f"it has listed {wanted}")


def test_an_image_has_its_colours_where_they_were(studio):
    quarters = seen(studio, "ImageViewPanel!camera", RED, GREEN, BLUE, YELLOW)
    centres = [np.argwhere(quarter).mean(axis=0) for quarter in quarters]
    (top, left), (bottom, right) = centres[0], centres[3]
    assert bottom - top > 50 and right - left > 50
    for seen_at, wanted in zip(centres[1:3], [(top, right), (bottom, left)]):
        assert seen_at == pytest.approx(wanted, abs=5)
    sizes = [quarter.sum() for quarter in quarters]
    # A time stamp stands on the last one.
    assert min(sizes) > 0.8 * max(sizes)


def test_a_laser_scan_is_a_half_circle_to_the_left(studio):
    [red] = seen(studio, "3D!scan", RED)
    x, y = metres(red)
    assert np.hypot(x, y) == pytest.approx(RADIUS, abs=0.3)
    assert y.min() > -0.3 and y.max() > RADIUS - 0.3
    assert x.min() < -RADIUS + 0.3 and x.max() > RADIUS - 0.3


def test_a_point_cloud_is_coloured_by_its_fourth_field(studio):
    for half, left in zip(seen(studio, "3D!lidar", BLUE, RED), (CORNER, CORNER + SIDE / 2)):
        x, y = metres(half)
        assert [x.min(), x.max()] == pytest.approx([left, left + SIDE / 2], abs=0.2)
        assert [y.min(), y.max()] == pytest.approx([CORNER, CORNER + SIDE], abs=0.2)


def test_odometry_is_a_pose_where_the_robot_is_and_as_it_is_turned(studio):
    def at_the_end(arrow):  # Studio may show the beginning first.
        return arrow.sum() >= 20 and abs(metres(arrow)[0].mean() - WAY_X) < 0.2
    [arrow] = seen(studio, "3D!odom", POSE, enough=at_the_end)
    x, y = metres(arrow)
    # It begins where the robot is, and leads along y.
    assert y.min() == pytest.approx(WAY_Y, abs=0.3)
    assert np.ptp(y) > 3 * np.ptp(x)


def test_odometry_is_plotted(studio):
    [line] = seen(studio, "Plot!odom", WAY, enough=is_wide)
    rows, columns = np.nonzero(line)
    # From the lower edge to the upper one, and then a quarter back.
    assert np.ptp(rows) > 0.7 * line.shape[0]
    at_the_end = rows[columns > columns.max() - 10]
    assert (at_the_end.mean() - rows.min()) / np.ptp(rows) == pytest.approx(
        1 / (WAY_X + 1), abs=0.05)


def test_a_message_of_our_own_is_plotted(studio):
    [line] = seen(studio, "Plot!wheel", SPEED, enough=is_wide)
    assert np.ptp(np.nonzero(line)[0]) > 0.7 * line.shape[0]


def test_studio_has_nothing_to_say_against_the_recording(studio):
    seen(studio, "Plot!wheel", SPEED, enough=is_wide)  # It has read all of it.
    assert studio.said() == []
    text = studio.text().lower()
    assert "error" not in text and "problem" not in text and "failed" not in text
