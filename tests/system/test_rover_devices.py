# SPDX-License-Identifier: Apache-2.0
"""The rover's real inputs: an input device's events, and frames on a CAN bus."""
import contextlib
import json
import math
import os
import socket
import struct
import subprocess
import time

import pytest

from running import ROVER, Running, nodes, own_base, program, run, until

EV_SYN, EV_ABS, ABS_X, ABS_Y = 0, 3, 0, 1
SETPOINT, ENCODER = 0x201, 0x181
COUNTS_PER_TURN = 4096 * 33


def event(kind, code, value):
    """A struct input_event of <linux/input.h>."""
    return struct.pack("llHHi", 0, 0, kind, code, value)


def cpp_nodes():
    """The part of the rover's configuration that has its C++ nodes."""
    return ROVER.read_text().split("[[host]]")[0]


def on_can(folder, interface):
    file = folder / "rover.toml"
    file.write_text(cpp_nodes().replace("kp = 4.0", f'can = "{interface}", kp = 4.0'))
    return file


def echo(environment, topic):
    shown = run([program("horusctl"), "topic", "echo", topic, "--count", "1", "--json"],
                environment)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    return json.loads(shown.stdout)


def test_each_report_of_an_input_device_is_an_order(tmp_path):
    device = tmp_path / "stick"
    os.mkfifo(device)
    file = tmp_path / "rover.toml"
    file.write_text(cpp_nodes() + f"""
[[node]]
name = "joystick"
plugin = "librover_nodes.so"
type = "Joystick"
rate = 50
params = {{ device = "{device}" }}
""")
    with own_base() as environment:
        with Running([program("horus"), "launch", str(file)], environment) as rover:
            # Opens once the companion thread reads.
            with open(device, "wb", buffering=0) as stick:
                for value in range(10):
                    stick.write(event(EV_ABS, ABS_X, 3276 * value) +
                                event(EV_ABS, ABS_Y, -32767) + event(EV_SYN, 0, 0))
                until(lambda: sent(environment, "joystick") == 10, "ten orders went out", rover)
            # Unplugged and plugged in again: the node goes on.
            until(lambda: plug_in_and_move(device), "the device was opened again", rover)
            until(lambda: sent(environment, "joystick") == 11, "the eleventh order", rover)
            assert rover.stop() == 0, rover.text()


def plug_in_and_move(device):
    try:
        with open(device, "wb", buffering=0) as stick:
            stick.write(event(EV_ABS, ABS_Y, 32767) + event(EV_SYN, 0, 0))
        return True
    except BrokenPipeError:     # Just then the reader noticed that the device had gone.
        return False


def sent(environment, name):
    node = nodes(environment).get(name)
    return node["sent"] if node else 0


def test_a_can_interface_that_does_not_exist_is_a_configuration_error(tmp_path):
    file = on_can(tmp_path, "nocan0")
    with own_base() as environment:
        done = run([program("horusd"), "--config", str(file)], environment)
    assert done.returncode == 78
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if "nocan0" in line]
    assert len(complaints) == 1 and "node 'motor'" in complaints[0], done.stdout + done.stderr


@contextlib.contextmanager
def can_interface():
    name = f"vcan{os.getpid() % 100_000}"
    made = subprocess.run(["ip", "link", "add", name, "type", "vcan"], capture_output=True)
    if made.returncode != 0:
        pytest.skip("no vcan on this machine: " + made.stderr.decode().strip())
    try:
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "link", "del", name], check=True)


def test_set_points_go_out_and_encoder_counts_come_in_over_can(tmp_path):
    with can_interface() as can, own_base() as environment:
        file = on_can(tmp_path, can)
        bus = socket.socket(socket.PF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
        with bus, Running([program("horus"), "launch", str(file)], environment) as rover:
            bus.bind((can,))
            bus.settimeout(30.0)
            ticks = [setpoint(bus)[2] for _ in range(100)]
            assert ticks == sorted(set(ticks))
            assert setpoint(bus)[:2] == (0, 0), "no encoder frame yet: no voltage"
            # A wheel turn to the left, two to the right.
            for part in range(101):
                bus.send(encoders(part / 100, part / 50))
                time.sleep(0.001)
            turned = until(lambda: both_turned(environment), "the joints turned", rover)
            assert turned == pytest.approx([2 * math.pi, 4 * math.pi], rel=1e-3)


def both_turned(environment):
    positions = echo(environment, "joint_states")["positions"][:2]
    return positions if positions[1] > 4 * math.pi * 0.999 else None


def setpoint(bus):
    """The next set-point frame: left and right millivolts, the tick's number."""
    while True:
        identifier, size, data = struct.unpack("=IB3x8s", bus.recv(16))
        if identifier == SETPOINT and size == 8:
            return struct.unpack("<hhI", data)


def encoders(left_turns, right_turns):
    counts = (round(turns * COUNTS_PER_TURN) for turns in (left_turns, right_turns))
    counts = struct.pack("<ii", *counts)
    return struct.pack("=IB3x8s", ENCODER, 8, counts)
