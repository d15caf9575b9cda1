# SPDX-License-Identifier: Apache-2.0
"""The helper methods of the message classes, which C++ makes from their tables alone.

Importing this module adds them.
"""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ._extend import extend
from ._horus import CmdVel, Imu, JointState, LaserScan, Odometry, Pose2D, Twist

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def _finite(*values: float) -> bool:
    return all(map(math.isfinite, values))


def _wrapped(angle: float) -> float:
    """The same angle within [-pi, pi]."""
    return math.remainder(angle, math.tau)


@extend(CmdVel)
class _CmdVel:
    @staticmethod
    def zero() -> CmdVel:
        """Stand still."""
        return CmdVel(0.0, 0.0)


@extend(Twist)
class _Twist:
    @staticmethod
    def stop() -> Twist:
        """Stand still."""
        return Twist()

    @staticmethod
    def new_2d(linear_x: float = 0.0, angular_z: float = 0.0) -> Twist:
        """Motion in the plane: forward in m/s, to the left in rad/s."""
        return Twist(linear_x=linear_x, angular_z=angular_z)

    def is_valid(self: Twist) -> bool:
        """Whether every value is finite."""
        return _finite(*self.linear, *self.angular)


@extend(Pose2D)
class _Pose2D:
    @staticmethod
    def origin() -> Pose2D:
        """x, y and theta 0."""
        return Pose2D(0.0, 0.0, 0.0)

    def distance_to(self: Pose2D, other: Pose2D) -> float:
        """Metres between the two positions."""
        return math.hypot(other.x - self.x, other.y - self.y)

    def normalize_angle(self: Pose2D) -> None:
        """Brings theta into [-pi, pi]."""
        self.theta = _wrapped(self.theta)

    def is_valid(self: Pose2D) -> bool:
        """Whether every value is finite."""
        return _finite(self.x, self.y, self.theta)


@extend(Imu)
class _Imu:
    def set_orientation_from_euler(self: Imu, roll: float, pitch: float, yaw: float) -> None:
        """Sets the orientation from angles in rad about x, y and z."""
        sr, cr = math.sin(roll / 2), math.cos(roll / 2)
        sp, cp = math.sin(pitch / 2), math.cos(pitch / 2)
        sy, cy = math.sin(yaw / 2), math.cos(yaw / 2)
        self.orientation = (
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
            cr * cp * cy + sr * sp * sy,
        )
        if self.orientation_covariance[0] < 0:
            self.orientation_covariance[0] = 0.0

    def has_orientation(self: Imu) -> bool:
        """Whether the orientation is set: its quaternion is not zero, its covariance not -1."""
        return bool(self.orientation.any()) and bool(self.orientation_covariance[0] >= 0)

    def is_valid(self: Imu) -> bool:
        """Whether every value is finite."""
        return _finite(*self.orientation, *self.angular_velocity, *self.linear_acceleration)

    def angular_velocity_vec(self: Imu) -> tuple[float, float, float]:
        """(x, y, z) in rad/s."""
        x, y, z = self.angular_velocity.tolist()
        return x, y, z

    def linear_acceleration_vec(self: Imu) -> tuple[float, float, float]:
        """(x, y, z) in m/s^2."""
        x, y, z = self.linear_acceleration.tolist()
        return x, y, z


@extend(JointState)
class _JointState:
    def position(self: JointState, name: str) -> float | None:
        """The position of the joint `name`, or None."""
        return _of_joint(self, name, self.positions)

    def velocity(self: JointState, name: str) -> float | None:
        """The velocity of the joint `name`, or None."""
        return _of_joint(self, name, self.velocities)

    def effort(self: JointState, name: str) -> float | None:
        """The effort of the joint `name`, or None."""
        return _of_joint(self, name, self.efforts)


def _of_joint(state: JointState, name: str, values: npt.NDArray[np.float64]) -> float | None:
    try:
        return float(values[state.names.index(name)])
    except ValueError:
        return None


@extend(Odometry)
class _Odometry:
    def set_frames(self: Odometry, frame_id: str, child_frame_id: str) -> None:
        """Names the fixed frame and the robot's own."""
        self.frame_id = frame_id
        self.child_frame_id = child_frame_id

    def update(self: Odometry, dt: float) -> None:
        """Moves the pose on by `dt` seconds at the twist's velocity."""
        pose, twist = self.pose, self.twist
        forward, left = twist.linear[0], twist.linear[1]
        sin, cos = math.sin(pose.theta), math.cos(pose.theta)
        pose.x += (forward * cos - left * sin) * dt
        pose.y += (forward * sin + left * cos) * dt
        pose.theta = _wrapped(pose.theta + twist.angular[2] * dt)

    def is_valid(self: Odometry) -> bool:
        """Whether pose and twist are finite."""
        return self.pose.is_valid() and self.twist.is_valid()


@extend(LaserScan)
class _LaserScan:
    def angle_at(self: LaserScan, index: int) -> float:
        """The direction of a range, in rad."""
        return self.angle_min + index * self.angle_increment

    def is_range_valid(self: LaserScan, index: int) -> bool:
        """Whether there is such a range, finite and within [range_min, range_max]."""
        if not 0 <= index < len(self.ranges):
            return False
        value = float(self.ranges[index])
        return math.isfinite(value) and self.range_min <= value <= self.range_max

    def min_range(self: LaserScan) -> float | None:
        """The smallest valid range, or None."""
        ranges = self.ranges
        valid = ranges[(ranges >= self.range_min) & (ranges <= self.range_max)]
        return float(valid.min()) if valid.size else None
