# SPDX-License-Identifier: Apache-2.0
"""The programs to learn from, run as they are, each with what its trade feeds it."""
import contextlib
import json
import os
import pathlib
import re
import signal
import sqlite3
import struct
import sys
import time
import urllib.request

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system"))
from running import PYTHON, ROOT, Running, nodes, own_base, program, run, until  # noqa: E402

PROGRAMS = ROOT / "tests/examples/programs"
# Where tools/dev/setup puts what requirements.txt names.
PACKAGES = pathlib.Path(os.path.expanduser("~/.cache/horus/examples"))


@pytest.fixture
def base():
    with own_base() as environment:
        yield environment


@contextlib.contextmanager
def started(base, name, *arguments):
    with Running([PYTHON, str(PROGRAMS / name), *map(str, arguments)], base) as running:
        yield running


def says(running, pattern):
    return until(lambda: re.search(pattern, running.text(), re.M), f"says {pattern}", running)


def echo(base, topic):
    """The latest message of a topic, by field."""
    done = run([program("horusctl"), "topic", "echo", topic, "--once", "--json"], base)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# A camera and a model


def test_a_face_is_found_in_a_camera_s_frames(base):
    if not (PACKAGES / "cv2").is_dir():
        pytest.skip(f"no cv2 in {PACKAGES}: tools/dev/setup installs it")
    base |= {"PYTHONPATH": f"{base['PYTHONPATH']}:{PACKAGES}"}
    with started(base, "camera_faces.py", PACKAGES / "skimage/data/astronaut.png") as running:
        says(running, "^1 face$")
        found = echo(base, "faces")
        assert found["class_name"] == "face" and found["bbox"]["width"] > 40
        # Whatever the model takes, the camera goes on.
        assert nodes(base)["camera"]["ticks"] > 0
        assert running.stop(signal.SIGINT) != 0  # As any program: by KeyboardInterrupt.


def test_a_camera_that_is_not_there_is_named(base):
    if not (PACKAGES / "cv2").is_dir():
        pytest.skip(f"no cv2 in {PACKAGES}: tools/dev/setup installs it")
    base |= {"PYTHONPATH": f"{base['PYTHONPATH']}:{PACKAGES}"}
    done = run([PYTHON, str(PROGRAMS / "camera_faces.py"), "7"], base)
    assert done.returncode != 0 and "camera '7' cannot be opened" in done.stderr


# A gamepad

EVENT = struct.Struct("llHHi")
KEY, AXIS, SYNC = 1, 3, 0
BUTTON, LEFT_RIGHT, UP_DOWN = 311, 0, 1


def events(*triples, at=0.0):
    when = (1_700_000_000 + int(at), round(at % 1 * 1e6))
    return b"".join(EVENT.pack(*when, *triple) + EVENT.pack(*when, SYNC, 0, 0)
                    for triple in triples)


@pytest.fixture
def gamepad(base, tmp_path):
    """A device that a test plays, and what the program orders then."""
    device = tmp_path / "event-joystick"
    os.mkfifo(device)
    with started(base, "teleop.py", device) as running:
        says(running, "is gone|is there")
        # Both ways, so that a write never finds the program just about to open it anew.
        pad = os.open(device, os.O_RDWR)
        yield running, pad, base
        with contextlib.suppress(OSError):
            os.close(pad)


def orders(base, linear, angular):
    def there():
        got = echo(base, "cmd_vel")
        return abs(got["linear"] - linear) < 0.01 and abs(got["angular"] - angular) < 0.01
    until(there, f"orders {linear} m/s, {angular} rad/s")


def test_the_stick_drives_only_while_the_button_is_held(gamepad):
    running, pad, base = gamepad
    os.write(pad, events((AXIS, UP_DOWN, -32767)))
    orders(base, 0.0, 0.0)
    os.write(pad, events((KEY, BUTTON, 1)))
    orders(base, 0.5, 0.0)
    os.write(pad, events((AXIS, UP_DOWN, 1000), (AXIS, LEFT_RIGHT, 32767)))
    orders(base, 0.0, -1.0)  # A touch of the stick is in the dead zone.
    os.write(pad, events((KEY, BUTTON, 0)))
    orders(base, 0.0, 0.0)


def test_a_gamepad_that_is_pulled_out_stops_the_robot(gamepad):
    running, pad, base = gamepad
    os.write(pad, events((KEY, BUTTON, 1), (AXIS, UP_DOWN, -32767)))
    orders(base, 0.5, 0.0)
    os.close(pad)
    orders(base, 0.0, 0.0)
    says(running, "is gone; the robot stands")


LISTENER = """
import horus
orders = horus.Topic("cmd_vel", msg_type="CmdVel")
print("listening", flush=True)
while orders.wait():
    for order in orders.recv_all():
        print("order", order.linear, flush=True)
"""


def test_a_recorded_file_is_played_at_its_pace_to_its_end(base, tmp_path):
    recorded = tmp_path / "recorded"
    recorded.write_bytes(events((KEY, BUTTON, 1), (AXIS, UP_DOWN, -32767))
                         + events((KEY, BUTTON, 0), at=1.25) + events((AXIS, UP_DOWN, 0), at=1.5))
    with Running([PYTHON, "-c", LISTENER], base) as listener:
        says(listener, "^listening$")
        begin = time.monotonic()
        done = run([PYTHON, str(PROGRAMS / "teleop.py"), str(recorded)], base)
        lasted = time.monotonic() - begin
        assert done.returncode == 0 and "has ended; the robot stands" in done.stderr
        says(listener, r"(?s)^order 0\.5$.*^order 0\.0$")
    assert lasted >= 1.5


def test_a_recorded_file_without_an_event_ends_at_once(base, tmp_path):
    recorded = tmp_path / "recorded"
    recorded.write_bytes(b"")
    done = run([PYTHON, str(PROGRAMS / "teleop.py"), str(recorded)], base)
    assert done.returncode == 0 and "has ended; the robot stands" in done.stderr


# A logger

SENDER = """
import horus, sys
def work(node):
    node.send("cmd_vel", horus.CmdVel(horus.tick(), 0.5))
    node.send("battery", horus.BatteryState(voltage=12.5))
    if horus.tick() == 99:
        node.request_stop()
horus.run(horus.Node(name="sender", tick=work, rate=200,
                     pubs={"cmd_vel": "CmdVel", "battery": "BatteryState"}))
"""


def test_what_topics_carry_is_kept_in_sqlite(base, tmp_path):
    file = tmp_path / "log.sqlite"
    with started(base, "log_to_sqlite.py", file, "cmd_vel=CmdVel",
                 "battery=BatteryState") as running:
        until(lambda: nodes(base).get("logger", {}).get("ticks", 0) > 0, "it logs", running)
        assert run([PYTHON, "-c", SENDER], base).returncode == 0
        assert running.stop() == 0  # What came last is kept, too.
    with sqlite3.connect(file) as database:
        rows = database.execute('SELECT linear, angular FROM "cmd_vel" ORDER BY rowid').fetchall()
        assert rows == [(float(number), 0.5) for number in range(100)]
        assert database.execute('SELECT DISTINCT voltage FROM "battery"').fetchall() == [(12.5,)]
        assert database.execute('SELECT min(received_ns) > 0 FROM "cmd_vel"').fetchone() == (1,)


def test_a_logger_without_topics_says_how_to_use_it(base):
    done = run([PYTHON, str(PROGRAMS / "log_to_sqlite.py")], base)
    assert done.returncode == 1 and "FILE TOPIC=TYPE" in done.stderr


# A dashboard


def test_a_browser_sees_what_the_robot_does(base):
    pytest.importorskip("aiohttp", reason="no aiohttp: apt install python3-aiohttp")
    with started(base, "dashboard.py", 0) as running:
        address = says(running, r"^http://127.0.0.1:\d+/").group()
        with urllib.request.urlopen(address, timeout=60) as page:
            assert b"EventSource" in page.read()
        sender = ("import horus, signal; topic = horus.Topic(horus.CmdVel); "
                  "topic.send(horus.CmdVel(1.5, 0.0)); signal.pause()")
        with urllib.request.urlopen(address + "events", timeout=60) as stream:
            with Running([PYTHON, "-c", sender], base):
                line = stream.readline()
            assert json.loads(line.removeprefix(b"data: "))["cmd_vel"]["linear"] == 1.5
            with urllib.request.urlopen(address + "state", timeout=60) as state:
                assert json.load(state)["cmd_vel"]["linear"] == 1.5
            # While the browser still listens.
            assert running.stop() == 0
        assert "error:" not in running.text(), running.text()


# Vision in two hosts


def test_vision_in_a_host_of_its_own_finds_what_the_camera_sees(base):
    with started(base, "two_hosts.py") as running:
        until(lambda: nodes(base).get("eye", {}).get("ticks", 0) > 10, "it sees", running)
        found = echo(base, "target")
        assert found["class_name"] == "disc" and 20 <= found["bbox"]["width"] <= 26
        assert echo(base, "age_ms") >= 0
        hosts = nodes(base)
        assert hosts["eye"]["host"] != hosts["camera"]["host"] and "vision" in hosts["eye"]["host"]
        assert running.stop() == 0
