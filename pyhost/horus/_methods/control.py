# SPDX-License-Identifier: Apache-2.0
"""Methods of commands to bases, motors, servos and joints, and of a controller's gains."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import copy
import math

from .._enums import JointMode, MotorMode
from .._errors import Full
from .._extend import extend
from .._horus import (
    CmdVel, DifferentialDriveCommand, JointCommand, MotorCommand, PidConfig, ServoCommand,
    TrajectoryPoint,
)
from ._numbers import finite, fitted, not_negative, of_now, positive, record, within


@extend(CmdVel)
class _CmdVel:
    @staticmethod
    def zero() -> CmdVel:
        """Stand still."""
        return of_now(CmdVel(0.0, 0.0))


@extend(MotorCommand)
class _MotorCommand:
    @staticmethod
    def velocity(motor_id: int, velocity: float) -> MotorCommand:
        """Turn at `velocity` rad/s."""
        return of_now(MotorCommand(motor_id, MotorMode.VELOCITY, velocity))

    @staticmethod
    def position(
        motor_id: int, position: float, max_velocity: float | None = None
    ) -> MotorCommand:
        """Turn to `position` rad, no faster than `max_velocity` rad/s; None: no limit."""
        limit = math.inf if max_velocity is None else not_negative("max_velocity", max_velocity)
        return of_now(MotorCommand(motor_id, MotorMode.POSITION, position, limit))

    @staticmethod
    def stop(motor_id: int) -> MotorCommand:
        """Stop: velocity 0, and the motor is switched off (enable False).

        To hold still under control, ask for velocity 0: `MotorCommand.velocity(motor_id, 0.0)`.
        """
        return of_now(MotorCommand(motor_id, MotorMode.VELOCITY, 0.0, enable=False))

    def is_valid(self: MotorCommand) -> bool:
        """Whether the mode is one of MotorMode, the values are finite, the limits not negative.

        A limit may be infinite.
        """
        return (self.mode in set(MotorMode) and finite(self.target, self.feed_forward)
                and self.max_velocity >= 0 and self.max_acceleration >= 0)


@extend(ServoCommand)
class _ServoCommand:
    @staticmethod
    def from_degrees(servo_id: int, degrees: float) -> ServoCommand:
        """Go to `degrees`, at half of the greatest speed."""
        return of_now(ServoCommand(servo_id, math.radians(degrees)))

    @staticmethod
    def disable(servo_id: int) -> ServoCommand:
        """Hold no torque, and do not move."""
        return of_now(ServoCommand(servo_id, speed=0.0, enable=False))

    def with_speed(
        self: ServoCommand, position: float | None = None, speed: float | None = None
    ) -> ServoCommand:
        """with_speed(speed): a copy with this speed, 0 to 1 of the greatest one.

        On the class it makes a command: ServoCommand.with_speed(servo_id, position, speed).
        """
        changed = copy.copy(self)
        if isinstance(self, ServoCommand):
            given = [number for number in (position, speed) if number is not None]
            if len(given) != 1:
                raise TypeError("with_speed() of a command takes one number, the speed")
            changed.speed = within("speed", given[0], 0.0, 1.0)
            return changed
        if position is None or speed is None:
            raise TypeError("ServoCommand.with_speed() takes servo_id, position and speed")
        return of_now(ServoCommand(self, position, within("speed", speed, 0.0, 1.0)))

    def is_valid(self: ServoCommand) -> bool:
        """Whether the position is finite and the speed within 0 to 1."""
        return math.isfinite(self.position) and 0.0 <= self.speed <= 1.0


@extend(DifferentialDriveCommand)
class _DifferentialDriveCommand:
    @staticmethod
    def stop() -> DifferentialDriveCommand:
        """Stop: both velocities 0, and the wheels are switched off (enable False).

        To hold still under control, send `DifferentialDriveCommand(0.0, 0.0)`.
        """
        return of_now(DifferentialDriveCommand(enable=False))

    @staticmethod
    def from_twist(
        linear: float, angular: float, wheel_base: float, wheel_radius: float
    ) -> DifferentialDriveCommand:
        """The wheels' velocities in rad/s of a base that moves forward at `linear` m/s and turns
        left at `angular` rad/s.

        `wheel_base` is the distance between the wheels, in m as `wheel_radius`; both are greater
        than 0. A wheel's speed over ground is linear -+ angular * wheel_base / 2.
        """
        positive("wheel_base", wheel_base)
        positive("wheel_radius", wheel_radius)
        turn = angular * wheel_base / 2
        return of_now(DifferentialDriveCommand(
            (linear - turn) / wheel_radius, (linear + turn) / wheel_radius))

    def is_valid(self: DifferentialDriveCommand) -> bool:
        """Whether the velocities are finite and the limit, which may be infinite, not negative."""
        return finite(self.left_velocity, self.right_velocity) and self.max_acceleration >= 0


@extend(PidConfig)
class _PidConfig:
    @staticmethod
    def proportional(kp: float) -> PidConfig:
        """A P controller."""
        return of_now(PidConfig(kp))

    @staticmethod
    def pi(kp: float, ki: float) -> PidConfig:
        """A PI controller; ki in 1/s."""
        return of_now(PidConfig(kp, ki))

    @staticmethod
    def pd(kp: float, kd: float) -> PidConfig:
        """A PD controller; kd in s."""
        return of_now(PidConfig(kp, kd=kd))

    def with_limits(self: PidConfig, integral_limit: float, output_limit: float) -> PidConfig:
        """A copy with bounds of the integral's and the output's absolute values; infinite: none."""
        changed = copy.copy(self)
        integral = not_negative("integral_limit", integral_limit)
        changed.output_limit = not_negative("output_limit", output_limit)
        changed.integral_limit = integral
        return changed

    def is_valid(self: PidConfig) -> bool:
        """Whether the gains are finite and not negative, the limits, infinite or not, as well."""
        gains = (self.kp, self.ki, self.kd)
        return (finite(*gains) and min(gains) >= 0
                and self.integral_limit >= 0 and self.output_limit >= 0)


@extend(TrajectoryPoint)
class _TrajectoryPoint:
    @staticmethod
    def new_2d(
        x: float, y: float, vx: float = 0.0, vy: float = 0.0, time_from_start: float = 0.0
    ) -> TrajectoryPoint:
        """A point of the plane in m, passed at a velocity in m/s, not rotated; time in s."""
        return TrajectoryPoint(
            position=(x, y, 0.0), velocity=(vx, vy, 0.0), orientation=(0.0, 0.0, 0.0, 1.0),
            time_from_start=not_negative("time_from_start", time_from_start))

    @staticmethod
    def stationary(
        x: float, y: float, z: float, time_from_start: float = 0.0
    ) -> TrajectoryPoint:
        """A point in space in m at which everything stands still, not rotated; time in s."""
        return TrajectoryPoint(
            position=(x, y, z), orientation=(0.0, 0.0, 0.0, 1.0),
            time_from_start=not_negative("time_from_start", time_from_start))


@extend(JointCommand)
class _JointCommand:
    def add_position(self: JointCommand, name: str, position: float) -> None:
        """Adds a joint that shall go to `position`, in rad, or m for a sliding one.

        Raises ValueError when there are 16 already, or one of this name, or the name is too long.
        """
        _add_joint(self, name, JointMode.POSITION, "positions", position)

    def add_velocity(self: JointCommand, name: str, velocity: float) -> None:
        """Adds a joint that shall move at `velocity`, in rad/s, or m/s for a sliding one.

        Raises ValueError when there are 16 already, or one of this name, or the name is too long.
        """
        _add_joint(self, name, JointMode.VELOCITY, "velocities", velocity)

    def is_valid(self: JointCommand) -> bool:
        """Whether every joint has a name of its own, a mode of JointMode, and finite values."""
        names = self.joint_names
        modes = set(self.modes.tolist())
        return (all(names) and len(set(names)) == len(names) and modes <= set(JointMode)
                and finite(*self.positions, *self.velocities, *self.efforts))


def _add_joint(command: JointCommand, name: str, mode: int, values: str, value: float) -> None:
    names = command.joint_names
    if name in names:
        raise ValueError(f"JointCommand.joint_names: there is a joint {name!r} already")
    capacity = len(record(command)["positions"])
    if len(names) >= capacity:
        raise Full(f"JointCommand.joint_names: {len(names) + 1} values, the capacity is {capacity}")
    element = fitted("value", value, getattr(command, values).dtype)
    command.joint_count = len(names) + 1  # Of all arrays, which belong together.
    try:
        command.joint_names = [*names, name]
    except ValueError:
        command.joint_count = len(names)
        raise
    getattr(command, values)[len(names)] = element
    command.modes[len(names)] = mode
