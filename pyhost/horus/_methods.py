# SPDX-License-Identifier: Apache-2.0
"""The helper methods of the message classes, which C++ makes from their tables alone.

Importing this module adds them.
"""
import math

from . import _horus


def _add_to(name):
    """Decorates a class whose functions become methods of the message class `name`."""

    def install(functions):
        target = getattr(_horus, name)
        for attribute, function in vars(functions).items():
            if not attribute.startswith("__"):
                setattr(target, attribute, function)
        return functions

    return install


def _finite(*values):
    return all(map(math.isfinite, values))


def _wrapped(angle):
    """The same angle within [-pi, pi]."""
    return math.remainder(angle, math.tau)


@_add_to("CmdVel")
class _CmdVel:
    @staticmethod
    def zero():
        """Stand still."""
        return _horus.CmdVel(0.0, 0.0)


@_add_to("Twist")
class _Twist:
    @staticmethod
    def stop():
        """Stand still."""
        return _horus.Twist()

    @staticmethod
    def new_2d(linear_x=0.0, angular_z=0.0):
        """Motion in the plane: forward in m/s, to the left in rad/s."""
        return _horus.Twist(linear_x=linear_x, angular_z=angular_z)

    def is_valid(self):
        """Whether every value is finite."""
        return _finite(*self.linear, *self.angular)


@_add_to("Pose2D")
class _Pose2D:
    @staticmethod
    def origin():
        """x, y and theta 0."""
        return _horus.Pose2D(0.0, 0.0, 0.0)

    def distance_to(self, other):
        """Metres between the two positions."""
        return math.hypot(other.x - self.x, other.y - self.y)

    def normalize_angle(self):
        """Brings theta into [-pi, pi]."""
        self.theta = _wrapped(self.theta)

    def is_valid(self):
        """Whether every value is finite."""
        return _finite(self.x, self.y, self.theta)


@_add_to("Imu")
class _Imu:
    def set_orientation_from_euler(self, roll, pitch, yaw):
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

    def has_orientation(self):
        """Whether the orientation is set: its quaternion is not zero, its covariance not -1."""
        return bool(self.orientation.any()) and bool(self.orientation_covariance[0] >= 0)

    def is_valid(self):
        """Whether every value is finite."""
        return _finite(*self.orientation, *self.angular_velocity, *self.linear_acceleration)

    def angular_velocity_vec(self):
        """(x, y, z) in rad/s."""
        return tuple(self.angular_velocity.tolist())

    def linear_acceleration_vec(self):
        """(x, y, z) in m/s^2."""
        return tuple(self.linear_acceleration.tolist())


@_add_to("JointState")
class _JointState:
    def position(self, name):
        """The position of the joint `name`, or None."""
        return _of_joint(self, name, self.positions)

    def velocity(self, name):
        """The velocity of the joint `name`, or None."""
        return _of_joint(self, name, self.velocities)

    def effort(self, name):
        """The effort of the joint `name`, or None."""
        return _of_joint(self, name, self.efforts)


def _of_joint(state, name, values):
    try:
        return float(values[state.names.index(name)])
    except ValueError:
        return None


@_add_to("Odometry")
class _Odometry:
    def set_frames(self, frame_id, child_frame_id):
        """Names the fixed frame and the robot's own."""
        self.frame_id = frame_id
        self.child_frame_id = child_frame_id

    def update(self, dt):
        """Moves the pose on by `dt` seconds at the twist's velocity."""
        pose, twist = self.pose, self.twist
        forward, left = twist.linear[0], twist.linear[1]
        sin, cos = math.sin(pose.theta), math.cos(pose.theta)
        pose.x += (forward * cos - left * sin) * dt
        pose.y += (forward * sin + left * cos) * dt
        pose.theta = _wrapped(pose.theta + twist.angular[2] * dt)

    def is_valid(self):
        """Whether pose and twist are finite."""
        return self.pose.is_valid() and self.twist.is_valid()


@_add_to("LaserScan")
class _LaserScan:
    def angle_at(self, index):
        """The direction of a range, in rad."""
        return self.angle_min + index * self.angle_increment

    def is_range_valid(self, index):
        """Whether there is such a range, finite and within [range_min, range_max]."""
        if not 0 <= index < len(self.ranges):
            return False
        value = float(self.ranges[index])
        return math.isfinite(value) and self.range_min <= value <= self.range_max

    def min_range(self):
        """The smallest valid range, or None."""
        ranges = self.ranges
        valid = ranges[(ranges >= self.range_min) & (ranges <= self.range_max)]
        return float(valid.min()) if valid.size else None
