# SPDX-License-Identifier: Apache-2.0
"""Methods of points, rotations, poses and velocities."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import math

from .._extend import extend
from .._horus import (
    Accel, Point3, Pose2D, Pose3D, PoseWithCovariance, Quaternion, TransformStamped, Twist,
    TwistWithCovariance, Vector3,
)
from ._numbers import (
    diagonal, expect, finite, is_unit, normalized, of_now, quaternion_from_euler, wrapped,
)


@extend(Point3)
class _Point3:
    @staticmethod
    def origin() -> Point3:
        """x, y and z 0."""
        return Point3()

    def distance_to(self: Point3, other: Point3) -> float:
        """Metres between the two points."""
        expect("other", other, Point3)
        return math.dist((self.x, self.y, self.z), (other.x, other.y, other.z))


@extend(Vector3)
class _Vector3:
    @staticmethod
    def zero() -> Vector3:
        """x, y and z 0."""
        return Vector3()

    def magnitude(self: Vector3) -> float:
        """The length, in the unit of the components."""
        return math.hypot(self.x, self.y, self.z)

    def normalize(self: Vector3) -> None:
        """Brings the length to 1. A vector of length 0 or not finite stays as it is."""
        unit = normalized((self.x, self.y, self.z))
        if unit is not None:
            self.x, self.y, self.z = unit

    def normalized(self: Vector3) -> Vector3:
        """A vector of length 1 that points the same way; see `normalize`."""
        unit = Vector3(self.x, self.y, self.z)
        unit.normalize()
        return unit

    def dot(self: Vector3, other: Vector3) -> float:
        """The scalar product."""
        expect("other", other, Vector3)
        return self.x * other.x + self.y * other.y + self.z * other.z

    def cross(self: Vector3, other: Vector3) -> Vector3:
        """The vector product self x other: perpendicular to both, right-handed."""
        expect("other", other, Vector3)
        return Vector3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )


@extend(Quaternion)
class _Quaternion:
    @staticmethod
    def identity() -> Quaternion:
        """No rotation."""
        return Quaternion()

    @staticmethod
    def from_euler(roll: float = 0.0, pitch: float = 0.0, yaw: float = 0.0) -> Quaternion:
        """The rotation by roll about x, then pitch about y, then yaw about z; rad, fixed axes."""
        return Quaternion(*quaternion_from_euler(roll, pitch, yaw))

    def normalize(self: Quaternion) -> None:
        """Brings the length to 1. One of length 0 or not finite becomes the identity."""
        unit = normalized((self.x, self.y, self.z, self.w))
        self.x, self.y, self.z, self.w = unit or (0.0, 0.0, 0.0, 1.0)

    def is_valid(self: Quaternion) -> bool:
        """Whether it is a rotation: every value finite, the length 1 within 0.01."""
        return is_unit((self.x, self.y, self.z, self.w))


@extend(Twist)
class _Twist:
    @staticmethod
    def stop() -> Twist:
        """Stand still."""
        return of_now(Twist())

    @staticmethod
    def new_2d(linear_x: float = 0.0, angular_z: float = 0.0) -> Twist:
        """Motion in the plane: forward in m/s, to the left in rad/s."""
        return of_now(Twist(linear_x=linear_x, angular_z=angular_z))

    def is_valid(self: Twist) -> bool:
        """Whether every value is finite."""
        return finite(*self.linear, *self.angular)


@extend(Accel)
class _Accel:
    def is_valid(self: Accel) -> bool:
        """Whether every value is finite."""
        return finite(*self.linear, *self.angular)


@extend(Pose2D)
class _Pose2D:
    @staticmethod
    def origin() -> Pose2D:
        """x, y and theta 0."""
        return of_now(Pose2D(0.0, 0.0, 0.0))

    def distance_to(self: Pose2D, other: Pose2D) -> float:
        """Metres between the two positions."""
        expect("other", other, Pose2D)
        return math.hypot(other.x - self.x, other.y - self.y)

    def normalize_angle(self: Pose2D) -> None:
        """Brings theta into [-pi, pi]. Raises ValueError when theta is infinite."""
        if math.isinf(self.theta):
            raise ValueError(f"Pose2D.theta: {self.theta} is no angle")
        self.theta = wrapped(self.theta)

    def is_valid(self: Pose2D) -> bool:
        """Whether every value is finite."""
        return finite(self.x, self.y, self.theta)


@extend(Pose3D)
class _Pose3D:
    @staticmethod
    def identity() -> Pose3D:
        """At the origin, not rotated."""
        return of_now(Pose3D())

    @staticmethod
    def from_pose_2d(pose: Pose2D) -> Pose3D:
        """The same pose in space: z 0, turned about z by theta, with the pose's timestamp."""
        expect("pose", pose, Pose2D)
        rotation = quaternion_from_euler(0.0, 0.0, pose.theta)
        return Pose3D(pose.x, pose.y, 0.0, *rotation, pose.timestamp_ns)

    def distance_to(self: Pose3D, other: Pose3D) -> float:
        """Metres between the two positions."""
        return self.position.distance_to(expect("other", other, Pose3D).position)

    def is_valid(self: Pose3D) -> bool:
        """Whether every value is finite and the orientation's length is 1 within 0.01."""
        at = self.position
        return finite(at.x, at.y, at.z) and self.orientation.is_valid()


@extend(TransformStamped)
class _TransformStamped:
    @staticmethod
    def identity() -> TransformStamped:
        """Neither moves nor rotates."""
        return of_now(TransformStamped())

    @staticmethod
    def from_pose_2d(pose: Pose2D) -> TransformStamped:
        """From the frame of the pose's values into the pose's own, with the pose's timestamp.

        Of now where the pose has none.
        """
        expect("pose", pose, Pose2D)
        rotation = quaternion_from_euler(0.0, 0.0, pose.theta)
        made = TransformStamped(pose.x, pose.y, 0.0, *rotation, pose.timestamp_ns)
        return made if made.timestamp_ns else of_now(made)

    def is_valid(self: TransformStamped) -> bool:
        """Whether every value is finite and the rotation's length is 1 within 0.01."""
        return finite(*self.translation) and is_unit(self.rotation)

    def normalize_rotation(self: TransformStamped) -> None:
        """Brings the rotation's length to 1. One of length 0 or not finite becomes the identity."""
        self.rotation = normalized(self.rotation.tolist()) or (0.0, 0.0, 0.0, 1.0)


@extend(PoseWithCovariance)
class _PoseWithCovariance:
    def position_variance(self: PoseWithCovariance) -> tuple[float, float, float]:
        """Of x, y and z in m^2: the first three of the covariance's diagonal."""
        return diagonal(self.covariance, 6, 0)

    def orientation_variance(self: PoseWithCovariance) -> tuple[float, float, float]:
        """About x, y and z in rad^2: the last three of the covariance's diagonal."""
        return diagonal(self.covariance, 6, 3)


@extend(TwistWithCovariance)
class _TwistWithCovariance:
    def linear_variance(self: TwistWithCovariance) -> tuple[float, float, float]:
        """Along x, y and z in m^2/s^2: the first three of the covariance's diagonal."""
        return diagonal(self.covariance, 6, 0)

    def angular_variance(self: TwistWithCovariance) -> tuple[float, float, float]:
        """About x, y and z in rad^2/s^2: the last three of the covariance's diagonal."""
        return diagonal(self.covariance, 6, 3)
