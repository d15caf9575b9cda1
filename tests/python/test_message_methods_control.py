# SPDX-License-Identifier: Apache-2.0
"""Methods of commands to bases, motors, servos and joints, and of a controller's gains."""
import math

import pytest

import horus
from horus import JointMode, MotorMode

NAN, INF = math.nan, math.inf


def joints(*names):
    command = horus.JointCommand()
    for name in names:
        command.add_position(name, 1.0)
    return command


def with_mode(message, mode):
    message.mode = mode
    return message


@pytest.mark.parametrize("made, same", [
    (horus.CmdVel.zero(), horus.CmdVel(0, 0)),
    (horus.MotorCommand.velocity(3, 1.5), horus.MotorCommand(3, MotorMode.VELOCITY, 1.5)),
    (horus.MotorCommand.position(4, 0.5), horus.MotorCommand(4, MotorMode.POSITION, 0.5)),
    (horus.MotorCommand.position(4, 0.5, 2.0), horus.MotorCommand(4, 1, 0.5, max_velocity=2.0)),
    (horus.MotorCommand.position(4, 0.5, 0.0), horus.MotorCommand(4, 1, 0.5, max_velocity=0.0)),
    (horus.MotorCommand.stop(9), horus.MotorCommand(motor_id=9, enable=False)),
    (horus.ServoCommand.from_degrees(2, 180), horus.ServoCommand(2, math.pi)),
    (horus.ServoCommand.from_degrees(2, -90), horus.ServoCommand(2, -math.pi / 2, 0.5)),
    (horus.ServoCommand.disable(5), horus.ServoCommand(5, 0.0, 0.0, False)),
    (horus.ServoCommand(1).with_speed(0.25), horus.ServoCommand(1, speed=0.25)),
    (horus.DifferentialDriveCommand.stop(), horus.DifferentialDriveCommand(enable=False)),
    (horus.PidConfig.proportional(2.0), horus.PidConfig(2.0, 0, 0)),
    (horus.PidConfig.pi(2.0, 0.5), horus.PidConfig(2.0, 0.5, 0)),
    (horus.PidConfig.pd(2.0, 0.5), horus.PidConfig(2.0, 0, 0.5)),
    (horus.PidConfig(1).with_limits(2.0, INF), horus.PidConfig(1, integral_limit=2.0)),
    (horus.PidConfig(1).with_limits(0.0, 3.0),
     horus.PidConfig(1, integral_limit=0.0, output_limit=3.0)),
])
def test_a_command_is_made_by_what_it_does(made, same):
    made.timestamp_ns = 0
    assert made == same


def test_what_is_stopped_or_disabled_is_switched_off():
    assert horus.MotorCommand.stop(1).enable is False
    assert horus.DifferentialDriveCommand.stop().enable is False
    assert horus.ServoCommand.disable(1).enable is False


# Forward; on the spot to the left; around the left wheel.
@pytest.mark.parametrize("linear, angular, left, right", [
    (1.0, 0.0, 10.0, 10.0), (0.0, 2.0, -5.0, 5.0), (0.25, 1.0, 0.0, 5.0), (0.0, 0.0, 0.0, 0.0)])
def test_a_motion_becomes_wheel_velocities(linear, angular, left, right):
    command = horus.DifferentialDriveCommand.from_twist(linear, angular, 0.5, 0.1)
    assert (command.left_velocity, command.right_velocity) == pytest.approx((left, right))
    assert command.enable and command.max_acceleration == INF


@pytest.mark.parametrize("call, says", [
    (lambda: horus.MotorCommand.position(1, 2, -0.5), "max_velocity: -0.5 is not within"),
    (lambda: horus.MotorCommand.position(1, 2, NAN), "max_velocity: nan"),
    (lambda: horus.MotorCommand.velocity(256, 0), "MotorCommand.motor_id: .*8 bits"),
    (lambda: horus.ServoCommand().with_speed(1.5), "speed: 1.5 is not within 0.0 to 1.0"),
    (lambda: horus.ServoCommand().with_speed(NAN), "speed: nan is not within"),
    (lambda: horus.DifferentialDriveCommand.from_twist(1, 0, 0, 0.1), "wheel_base: 0 is not great"),
    (lambda: horus.DifferentialDriveCommand.from_twist(1, 0, INF, 0.1), "wheel_base: inf"),
    (lambda: horus.DifferentialDriveCommand.from_twist(1, 0, 1, -0.1), "wheel_radius: -0.1"),
    (lambda: horus.PidConfig(1).with_limits(-1, 1), "integral_limit: -1 is not within"),
    (lambda: horus.PidConfig(1).with_limits(1, NAN), "output_limit: nan is not within"),
    (lambda: horus.TrajectoryPoint.new_2d(0, 0, time_from_start=-1), "time_from_start: -1"),
    (lambda: horus.TrajectoryPoint.stationary(0, 0, 0, NAN), "time_from_start: nan"),
    (lambda: joints("a", "a"), "JointCommand.joint_names: there is a joint 'a' already"),
    (lambda: joints("x" * 32), "joint_names: 32 bytes, the capacity is 31"),
    (lambda: joints(*map(str, range(17))), "joint_names: 17 values, the capacity is 16"),
])
def test_what_is_out_of_range_is_refused_by_name(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("valid, invalid", [
    (horus.MotorCommand(1, 3, -5), horus.MotorCommand(1, 4, 1)),
    (horus.MotorCommand(max_velocity=0), horus.MotorCommand(max_velocity=-1)),
    (horus.MotorCommand(max_velocity=INF), horus.MotorCommand(target=INF)),
    (horus.MotorCommand(max_acceleration=0), horus.MotorCommand(max_acceleration=NAN)),
    (horus.MotorCommand(feed_forward=1), horus.MotorCommand(feed_forward=NAN)),
    (horus.MotorCommand.stop(1), with_mode(horus.MotorCommand.stop(1), 255)),
    (horus.ServoCommand(speed=1), horus.ServoCommand(speed=1.01)),
    (horus.ServoCommand(speed=0), horus.ServoCommand(speed=-0.01)),
    (horus.ServoCommand(position=-3), horus.ServoCommand(position=NAN)),
    (horus.DifferentialDriveCommand(1, -1), horus.DifferentialDriveCommand(NAN, 0)),
    (horus.DifferentialDriveCommand(1, 1, 0), horus.DifferentialDriveCommand(0, INF)),
    (horus.DifferentialDriveCommand(1, 1, 2), horus.DifferentialDriveCommand(1, 1, -2)),
    (horus.PidConfig(), horus.PidConfig(-1)), (horus.PidConfig(0), horus.PidConfig(ki=NAN)),
    (horus.PidConfig(kd=1), horus.PidConfig(kd=INF)),
    (horus.PidConfig(output_limit=0), horus.PidConfig(output_limit=-1)),
    (horus.PidConfig(integral_limit=0), horus.PidConfig(integral_limit=NAN)),
    (horus.JointCommand(), horus.JointCommand([""], [1.0])),
    (joints("a", "b"), horus.JointCommand(["a", "a"], [1.0, 2.0])),
    (horus.JointCommand(["a"], [1.0], modes=[2]), horus.JointCommand(["a"], [1.0], modes=[3])),
    (joints("a"), horus.JointCommand(["a"], efforts=[INF])),
])
def test_a_command_is_valid_within_its_ranges(valid, invalid):
    assert valid.is_valid() is True
    assert invalid.is_valid() is False


def test_a_point_of_the_plane_is_passed_without_turning():
    point = horus.TrajectoryPoint.new_2d(1, 2, 3, 4, 0.5)
    assert point.position.tolist() == [1, 2, 0] and point.velocity.tolist() == [3, 4, 0]
    assert point.orientation.tolist() == [0, 0, 0, 1] and point.time_from_start == 0.5
    still = horus.TrajectoryPoint.new_2d(1, 2)
    assert still.velocity.tolist() == [0, 0, 0] and still.time_from_start == 0


def test_a_stationary_point_has_no_velocity():
    point = horus.TrajectoryPoint.stationary(1, 2, 3, 4.0)
    assert point.position.tolist() == [1, 2, 3] and point.time_from_start == 4.0
    assert horus.TrajectoryPoint.stationary(1, 2, 3).time_from_start == 0
    assert not point.velocity.any() and not point.acceleration.any()
    assert not point.angular_velocity.any() and point.orientation.tolist() == [0, 0, 0, 1]


def test_joints_are_added_one_by_one_with_the_mode_of_each():
    command = horus.JointCommand(["base"], efforts=[0.25], modes=[JointMode.EFFORT])
    command.add_position("elbow", 1.5)
    command.add_velocity("wrist", -2.5)
    assert command.joint_count == 3 and command.joint_names == ["base", "elbow", "wrist"]
    assert command.positions.tolist() == [0, 1.5, 0]
    assert command.velocities.tolist() == [0, 0, -2.5]
    assert command.efforts.tolist() == [0.25, 0, 0]
    assert command.modes.tolist() == [JointMode.EFFORT, JointMode.POSITION, JointMode.VELOCITY]
    assert command.is_valid()


def test_a_refused_joint_leaves_the_command_alone():
    command = joints(*map(str, range(16)))
    before = bytes(command)
    for name in ("another", "3"):
        with pytest.raises(ValueError):
            command.add_velocity(name, 1.0)
    assert bytes(command) == before
