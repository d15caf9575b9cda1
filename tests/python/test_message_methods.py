# SPDX-License-Identifier: Apache-2.0
"""The helper methods of message classes."""
import math

import numpy as np
import pytest

import horus

NAN, INF = math.nan, math.inf


def test_the_messages_of_rest_are_all_zero():
    assert horus.CmdVel.zero() == horus.CmdVel(0, 0)
    assert horus.Twist.stop() == horus.Twist()
    assert horus.Pose2D.origin() == horus.Pose2D(0, 0, 0)


def test_a_twist_in_the_plane_has_two_components():
    assert horus.Twist.new_2d(1.0, 2.0) == horus.Twist(linear_x=1.0, angular_z=2.0)
    assert horus.Twist.new_2d(angular_z=2.0) == horus.Twist(angular_z=2.0)


@pytest.mark.parametrize("valid, invalid", [
    (horus.Twist(1.0), horus.Twist(angular_y=NAN)),
    (horus.Pose2D(1, 2, 3), horus.Pose2D(1, INF, 3)),
    (horus.Imu(1, 2, 3, 4, 5, 6), horus.Imu(1, 2, 3, 4, 5, -INF)),
    (horus.Odometry(1.0), horus.Odometry(theta=NAN)),
    (horus.Odometry(1.0), horus.Odometry(linear_velocity=NAN)),
])
def test_a_message_is_valid_when_its_numbers_are_finite(valid, invalid):
    assert valid.is_valid() is True
    assert invalid.is_valid() is False


def test_poses_know_their_distance():
    assert horus.Pose2D(0, 0, 1).distance_to(horus.Pose2D(3, 4, 2)) == 5.0


@pytest.mark.parametrize("angle, normal", [
    (0.0, 0.0), (3 * math.pi / 2, -math.pi / 2), (-5 * math.pi / 2, -math.pi / 2),
    (1000 * math.pi + 1, 1.0)])
def test_an_angle_is_brought_into_half_a_turn_either_way(angle, normal):
    pose = horus.Pose2D(0, 0, angle)
    pose.normalize_angle()
    assert pose.theta == pytest.approx(normal)


def test_an_orientation_is_set_from_angles():
    imu = horus.Imu(0, 0, 0, 0, 0, 0)
    assert not imu.has_orientation()
    imu.orientation_covariance[0] = -1.0
    imu.set_orientation_from_euler(0, 0, math.pi / 2)
    half = math.sqrt(0.5)
    assert imu.orientation.tolist() == pytest.approx([0, 0, half, half])
    assert imu.has_orientation()


@pytest.mark.parametrize("angles", [(0.1, 0.2, 0.3), (-1.0, 1.5, 3.0), (3.0, -1.5, -3.0)])
def test_an_orientation_is_the_rotation_about_x_then_y_then_z(angles):
    imu = horus.Imu(0, 0, 0, 0, 0, 0)
    imu.set_orientation_from_euler(*angles)
    (sr, cr), (sp, cp), (sy, cy) = [(math.sin(a), math.cos(a)) for a in angles]
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    x, y, z, w = imu.orientation
    of_quaternion = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])
    np.testing.assert_allclose(of_quaternion, about_z @ about_y @ about_x, atol=1e-12)


def test_the_vectors_of_an_imu_are_tuples():
    imu = horus.Imu(1, 2, 3, 4, 5, 6)
    assert imu.linear_acceleration_vec() == (1.0, 2.0, 3.0)
    assert imu.angular_velocity_vec() == (4.0, 5.0, 6.0)


def test_joints_are_found_by_name():
    state = horus.JointState(["left", "right"], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    assert (state.position("right"), state.velocity("left"), state.effort("right")) == (2, 3, 6)
    assert state.position("middle") is None


def test_odometry_moves_along_its_heading():
    odometry = horus.Odometry(x=1.0, theta=math.pi / 2, linear_velocity=2.0, angular_velocity=1.0)
    odometry.twist.linear_y = 1.0
    odometry.update(0.5)
    assert odometry.x == pytest.approx(0.5) and odometry.y == pytest.approx(1.0)
    assert odometry.theta == pytest.approx(math.pi / 2 + 0.5)
    odometry.set_frames("odom", "base_link")
    assert (odometry.frame_id, odometry.child_frame_id) == ("odom", "base_link")


def test_a_scan_knows_its_angles_and_which_ranges_count():
    scan = horus.LaserScan(angle_min=-1.0, angle_increment=0.5, range_min=0.1, range_max=10.0,
                           ranges=[5.0, 0.05, NAN, INF, 2.0, 11.0])
    assert scan.angle_at(3) == pytest.approx(0.5)
    assert [scan.is_range_valid(i) for i in range(6)] == [True, False, False, False, True, False]
    assert not scan.is_range_valid(-1) and not scan.is_range_valid(360)
    assert scan.min_range() == 2.0
    assert horus.LaserScan(range_min=1.0, range_max=2.0).min_range() is None
