# SPDX-License-Identifier: Apache-2.0
"""Methods of what sensors measure."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .._enums import FixStatus
from .._extend import extend
from .._horus import (
    BatteryState, Imu, JointState, LaserScan, NavSatFix, Odometry, Pose2D, Quaternion, RangeSensor,
    Twist, Vector3,
)
from ._numbers import expect, finite, index_in, of_now, quaternion_from_euler, within, wrapped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# The Earth's mean radius in m, (2 a + b) / 3 of WGS 84 (IUGG).
_EARTH_RADIUS = 6_371_008.8
# Standard deviation in m of one pseudorange of a civil receiver; times HDOP it is that of the
# horizontal position (GPS Standard Positioning Service: user equivalent range error).
_RANGE_ERROR = 5.0


@extend(Imu)
class _Imu:
    def set_orientation_from_euler(self: Imu, roll: float, pitch: float, yaw: float) -> None:
        """Sets the orientation: roll about x, then pitch about y, then yaw about z; rad.

        The axes stay fixed.
        A covariance of -1, which says that there is no orientation, becomes 0.
        """
        self.orientation = quaternion_from_euler(roll, pitch, yaw)
        if self.orientation_covariance[0] < 0:
            self.orientation_covariance[0] = 0.0

    @property
    def qx(self: Imu) -> float:
        """The orientation's x, of the quaternion (x, y, z, w)."""
        return float(self.orientation[0])

    @qx.setter
    def qx(self: Imu, value: float) -> None:
        self.orientation[0] = value

    @property
    def qy(self: Imu) -> float:
        """The orientation's y."""
        return float(self.orientation[1])

    @qy.setter
    def qy(self: Imu, value: float) -> None:
        self.orientation[1] = value

    @property
    def qz(self: Imu) -> float:
        """The orientation's z."""
        return float(self.orientation[2])

    @qz.setter
    def qz(self: Imu, value: float) -> None:
        self.orientation[2] = value

    @property
    def qw(self: Imu) -> float:
        """The orientation's w, the real part; 1 until an orientation is set."""
        return float(self.orientation[3])

    @qw.setter
    def qw(self: Imu, value: float) -> None:
        self.orientation[3] = value

    def orientation_quat(self: Imu) -> Quaternion:
        """The orientation as a message of its own."""
        return Quaternion(*self.orientation.tolist())

    def has_orientation(self: Imu) -> bool:
        """Whether the orientation was measured, or set: its covariance does not begin with -1, and
        its quaternion is not zero."""
        return bool(self.orientation.any()) and bool(self.orientation_covariance[0] >= 0)

    def is_valid(self: Imu) -> bool:
        """Whether every value is finite."""
        return finite(*self.orientation, *self.angular_velocity, *self.linear_acceleration)

    def angular_velocity_vec(self: Imu) -> Vector3:
        """The angular velocity as a message of its own, in rad/s."""
        return Vector3(*self.angular_velocity.tolist())

    def linear_acceleration_vec(self: Imu) -> Vector3:
        """The linear acceleration as a message of its own, in m/s^2."""
        return Vector3(*self.linear_acceleration.tolist())


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

    def update(self: Odometry, dt: float | Pose2D, twist: Twist | None = None) -> None:
        """Moves the pose on by `dt` seconds at the twist's velocity.

        update(pose, twist) sets both, and the timestamp to now.
        """
        if twist is not None:
            expect("pose", dt, Pose2D)
            expect("twist", twist, Twist)
            self.pose, self.twist = dt, twist
            of_now(self)
            return
        if isinstance(dt, Pose2D):
            raise TypeError("Odometry.update(pose, twist) needs both; update(dt) moves the pose on")
        pose, twist = self.pose, self.twist
        forward, left = twist.linear[0], twist.linear[1]
        sin, cos = math.sin(pose.theta), math.cos(pose.theta)
        pose.x += (forward * cos - left * sin) * dt
        pose.y += (forward * sin + left * cos) * dt
        pose.theta = wrapped(pose.theta + twist.angular[2] * dt)

    def is_valid(self: Odometry) -> bool:
        """Whether pose and twist are finite."""
        return self.pose.is_valid() and self.twist.is_valid()


@extend(LaserScan)
class _LaserScan:
    def angle_at(self: LaserScan, index: int) -> float:
        """The direction of a range, in rad. Raises IndexError when there is no such range."""
        index_in("index", index, len(self.ranges))
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


@extend(RangeSensor)
class _RangeSensor:
    def is_valid(self: RangeSensor) -> bool:
        """Whether the range is finite and within [min_range, max_range]."""
        return math.isfinite(self.range) and self.min_range <= self.range <= self.max_range


@extend(BatteryState)
class _BatteryState:
    def is_low(self: BatteryState, threshold: float = 20.0) -> bool:
        """Whether less than `threshold` percent is left. A percentage of NaN counts as low."""
        return not self.percentage >= within("threshold", threshold, 0.0, 100.0)

    def is_critical(self: BatteryState, threshold: float = 10.0) -> bool:
        """The same with a threshold at which a robot should stop what it does."""
        return not self.percentage >= within("threshold", threshold, 0.0, 100.0)

    def time_remaining(self: BatteryState) -> float | None:
        """Seconds until it is empty at the present current.

        The charge, or where it is not set capacity times percentage, over the current. None when
        it does not discharge (the current is not negative) or neither is known.
        """
        charge = self.charge
        if not charge > 0:
            charge = self.capacity * self.percentage / 100
        if not (charge > 0 and self.current < 0 and finite(charge, self.current)):
            return None
        return charge / -self.current * 3600


@extend(NavSatFix)
class _NavSatFix:
    @staticmethod
    def from_coordinates(
        latitude: float, longitude: float, altitude: float = 0.0
    ) -> NavSatFix:
        """A fix at -90 to 90 deg north, -180 to 180 deg east, and m above the ellipsoid."""
        within("latitude", latitude, -90.0, 90.0)
        within("longitude", longitude, -180.0, 180.0)
        fix = of_now(NavSatFix(latitude, longitude, altitude))
        fix.status = FixStatus.FIX
        return fix

    def has_fix(self: NavSatFix) -> bool:
        """Whether the status is a fix, aided or not."""
        return self.status in (FixStatus.FIX, FixStatus.SBAS, FixStatus.GBAS)

    def is_valid(self: NavSatFix) -> bool:
        """Whether the latitude is within 90 deg, the longitude within 180 deg, the altitude finite.

        A position may be valid and old: see `has_fix`.
        """
        return (abs(self.latitude) <= 90 and abs(self.longitude) <= 180
                and math.isfinite(self.altitude))

    def horizontal_accuracy(self: NavSatFix) -> float | None:
        """Standard deviation of the horizontal position in m.

        From the covariance where its type says that it is known, sqrt(var_east + var_north); else
        hdop times 5 m, the usual error of one range. None when neither is there.
        """
        if self.position_covariance_type:
            variance = float(self.position_covariance[0] + self.position_covariance[4])
            if variance >= 0:
                return math.sqrt(variance)
        return self.hdop * _RANGE_ERROR if self.hdop > 0 else None

    def distance_to(self: NavSatFix, other: NavSatFix) -> float:
        """Metres along the Earth's surface, altitudes apart.

        The haversine formula on a sphere of the Earth's mean radius; on the ellipsoid it is up to
        0.6 % more or less.
        """
        expect("other", other, NavSatFix)
        here, there = math.radians(self.latitude), math.radians(other.latitude)
        east = math.radians(other.longitude - self.longitude)
        haversine = (math.sin((there - here) / 2) ** 2
                     + math.cos(here) * math.cos(there) * math.sin(east / 2) ** 2)
        # Rounding may carry it past 1 at opposite points.
        return 2 * _EARTH_RADIUS * math.asin(min(1.0, math.sqrt(haversine)))
