# SPDX-License-Identifier: Apache-2.0
"""Real inputs of the kernel's reach the rover's C++ nodes: frames on a CAN bus, an input device."""
import json
import math

import pytest

from conftest import nodes, show, until

COUNTS_PER_TURN = 4096 * 33


def echo(vm, topic):
    return json.loads(vm.output(f"horusctl topic echo {topic} --count 1 --json"))


def encoders(left_turns, right_turns):
    """A frame of the drives, as cansend takes it."""
    counts = (round(turns * COUNTS_PER_TURN) for turns in (left_turns, right_turns))
    return "181#" + "".join(count.to_bytes(4, "little", signed=True).hex() for count in counts)


def test_the_motor_sends_its_set_points_over_can(rover):
    dump = rover.output("timeout 20 candump -n 50 vcan0,201:7FF").splitlines()
    ticks = [int.from_bytes(bytes.fromhex("".join(line.split()[-4:])), "little") for line in dump]
    assert len(ticks) == 50 and ticks == sorted(set(ticks))


def test_encoder_frames_turn_the_joints(rover):
    before = echo(rover, "joint_states")["positions"]
    frames = [encoders(part / 8, part / 4) for part in range(9)]
    rover.output("; ".join(f"cansend vcan0 {frame}" for frame in frames))
    after = echo(rover, "joint_states")["positions"]
    turned = [after[i] - before[i] for i in range(2)]
    assert turned == pytest.approx([2 * math.pi, 4 * math.pi], rel=1e-3)


def test_a_flood_on_the_bus_does_not_disturb_the_motor(rover):
    """Random frames of every identifier and length, as fast as cangen makes them."""
    before = nodes(rover)["motor"]
    rover.output("cangen vcan0 -g 0 -p 10 -n 5000")
    after = nodes(rover)["motor"]
    assert after["ticks"] > before["ticks"] and after["errors"] == before["errors"]
    assert all(math.isfinite(value) for value in echo(rover, "joint_states")["positions"][:2])


def orders(vm):
    return nodes(vm)["joystick"]["sent"]


def test_each_report_of_an_input_device_is_an_order(rover):
    pid = show(rover, "horus", "MainPID")
    # The node looks for its device twice a second.
    rover.until(f"ls -l /proc/{pid}/fd | grep /dev/input/")
    before = orders(rover)
    rover.output("for x in 1000 2000 3000 4000 5000; do echo $x -32767 >/run/stick; done")
    until(lambda: orders(rover) == before + 5, "five orders went out")
    # Again and again: nobody knows when it begins to listen. Each time elsewhere, or the kernel
    # reports nothing.
    order = json.loads(rover.output(
        "(x=0; while sleep 0.5; do x=$((x + 1)); echo $x -32767 >/run/stick; done) & "
        "timeout 60 horusctl topic echo joy_vel --count 1 --json; ended=$?; kill $!; exit $ended"))
    assert order["linear"] == pytest.approx(0.8, rel=1e-3)
