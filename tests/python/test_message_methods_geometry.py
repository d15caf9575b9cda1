# SPDX-License-Identifier: Apache-2.0
"""Methods of points, rotations, poses and velocities."""
import math

import numpy as np
import pytest

import horus

NAN, INF = math.nan, math.inf
HALF = math.sqrt(0.5)
QUARTER_TURN = (0.0, 0.0, HALF, HALF)  # About z.
A_POSE = horus.Pose2D(1.0, 2.0, math.pi / 2, timestamp_ns=7)


def xyz(vector):
    return vector.x, vector.y, vector.z


def xyzw(quaternion):
    return quaternion.x, quaternion.y, quaternion.z, quaternion.w


def matrix(x, y, z, w):
    """The rotation of a unit quaternion as a matrix."""
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def about_fixed_axes(roll, pitch, yaw):
    """The rotation about x, then y, then z, from the matrices of each."""
    (sr, cr), (sp, cp), (sy, cy) = [(math.sin(a), math.cos(a)) for a in (roll, pitch, yaw)]
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


@pytest.mark.parametrize("made, same", [
    (horus.Twist.stop(), horus.Twist()),
    (horus.Pose2D.origin(), horus.Pose2D(0, 0, 0)), (horus.Point3.origin(), horus.Point3(0, 0, 0)),
    (horus.Vector3.zero(), horus.Vector3(0, 0, 0)),
    (horus.Quaternion.identity(), horus.Quaternion(0, 0, 0, 1)),
    (horus.Pose3D.identity(), horus.Pose3D(qw=1.0)),
    (horus.TransformStamped.identity(), horus.TransformStamped(rw=1.0)),
    (horus.Twist.new_2d(1.0, 2.0), horus.Twist(linear_x=1.0, angular_z=2.0)),
    (horus.Twist.new_2d(angular_z=2.0), horus.Twist(angular_z=2.0)),
    (horus.Twist.new_2d(), horus.Twist()),
])
def test_what_rests_or_moves_in_the_plane(made, same):
    if hasattr(made, "timestamp_ns"):
        made.timestamp_ns = 0
    assert made == same


@pytest.mark.parametrize("one, other, distance", [
    (horus.Point3(0, 0, 0), horus.Point3(2, 3, 6), 7.0),
    (horus.Point3(1, 1, 1), horus.Point3(1, 1, 1), 0.0),
    (horus.Point3(-1e200, 0, 0), horus.Point3(1e200, 0, 0), 2e200),
    (horus.Pose2D(1, 2, 1), horus.Pose2D(4, 6, 2), 5.0),
    (horus.Pose3D(1, 2, 3), horus.Pose3D(3, 5, 9), 7.0),
])
def test_places_know_their_distance(one, other, distance):
    assert one.distance_to(other) == distance == other.distance_to(one)


@pytest.mark.parametrize("call, says", [
    (lambda: horus.Point3().distance_to((1, 2, 3)), "other must be Point3, not tuple"),
    (lambda: horus.Pose2D.origin().distance_to(horus.Point3()), "other must be Pose2D, not Point3"),
    (lambda: horus.Pose3D().distance_to(A_POSE), "other must be Pose3D, not Pose2D"),
    (lambda: horus.Vector3().dot(horus.Point3()), "other must be Vector3, not Point3"),
    (lambda: horus.Vector3().cross(3), "other must be Vector3, not int"),
    (lambda: horus.Pose3D.from_pose_2d(horus.Pose3D()), "pose must be Pose2D, not Pose3D"),
    (lambda: horus.TransformStamped.from_pose_2d(None), "pose must be Pose2D, not NoneType"),
])
def test_a_message_of_another_class_is_a_type_error(call, says):
    with pytest.raises(TypeError, match=says):
        call()


@pytest.mark.parametrize("vector, length", [
    ((3, 4, 12), 13.0), ((0, 0, 0), 0.0), ((0, -2, 0), 2.0), ((3e200, 4e200, 0), 5e200),
    ((3e-200, 0, 4e-200), 5e-200), ((INF, 0, 0), INF)])
def test_a_vector_has_a_magnitude(vector, length):
    assert horus.Vector3(*vector).magnitude() == pytest.approx(length, rel=1e-15)


@pytest.mark.parametrize("vector, unit", [
    ((3, 0, 4), (0.6, 0, 0.8)), ((0, 0, -5), (0, 0, -1)), ((3e200, 0, 4e200), (0.6, 0, 0.8)),
    ((3e-200, 4e-200, 0), (0.6, 0.8, 0)), ((0, 0, 0), (0, 0, 0)), ((INF, 1, 0), (INF, 1, 0))])
def test_a_vector_is_brought_to_length_1_unless_it_has_no_direction(vector, unit):
    original = horus.Vector3(*vector)
    assert xyz(original.normalized()) == pytest.approx(unit)
    assert xyz(original) == vector
    assert original.normalize() is None
    assert xyz(original) == pytest.approx(unit)


@pytest.mark.parametrize("one, other, dot, cross", [
    ((1, 0, 0), (0, 1, 0), 0, (0, 0, 1)), ((0, 1, 0), (1, 0, 0), 0, (0, 0, -1)),
    ((1, 2, 3), (4, 5, 6), 32, (-3, 6, -3)), ((1, 2, 3), (2, 4, 6), 28, (0, 0, 0))])
def test_vectors_have_two_products(one, other, dot, cross):
    one, other = horus.Vector3(*one), horus.Vector3(*other)
    assert one.dot(other) == dot
    assert xyz(one.cross(other)) == cross


@pytest.mark.parametrize("angles", [
    (0.1, 0.2, 0.3), (-1.0, 1.5, 3.0), (3.0, -1.5, -3.0), (0.0, math.pi / 2, 0.4), (0, 0, 0)])
def test_angles_are_the_rotation_about_x_then_y_then_z(angles):
    quaternion = horus.Quaternion.from_euler(*angles)
    np.testing.assert_allclose(matrix(*xyzw(quaternion)), about_fixed_axes(*angles), atol=1e-12)
    assert quaternion.is_valid()
    imu = horus.Imu(0, 0, 0, 0, 0, 0)
    imu.set_orientation_from_euler(*angles)
    assert imu.orientation.tolist() == list(xyzw(quaternion))


def test_angles_left_out_are_zero():
    assert horus.Quaternion.from_euler() == horus.Quaternion.identity()
    assert xyzw(horus.Quaternion.from_euler(yaw=math.pi / 2)) == pytest.approx(QUARTER_TURN)


@pytest.mark.parametrize("values, unit", [
    ((0, 0, 2, 2), QUARTER_TURN), ((0, 0, 0, -3), (0, 0, 0, -1)),
    ((0, 0, 1e200, 1e200), QUARTER_TURN), ((0, 0, 0, 0), (0, 0, 0, 1)),
    ((NAN, 0, 0, 1), (0, 0, 0, 1)), ((INF, 0, 0, 1), (0, 0, 0, 1))])
def test_a_rotation_is_brought_to_length_1_or_becomes_the_identity(values, unit):
    quaternion = horus.Quaternion(*values)
    quaternion.normalize()
    assert xyzw(quaternion) == pytest.approx(unit) and quaternion.is_valid()
    transform = horus.TransformStamped(1, 2, 3, *values)
    transform.normalize_rotation()
    assert transform.rotation.tolist() == pytest.approx(unit) and transform.is_valid()
    assert transform.translation.tolist() == [1, 2, 3]


@pytest.mark.parametrize("valid, invalid", [
    (horus.Twist(1.0), horus.Twist(angular_y=NAN)),
    (horus.Accel(1.0), horus.Accel(linear_z=INF)),
    (horus.Pose2D(1, 2, 3), horus.Pose2D(1, INF, 3)),
    (horus.Quaternion(0.001), horus.Quaternion(0, 0, 0, 0)),
    (horus.Quaternion(0, 0, 0, 1.009), horus.Quaternion(0, 0, 0, 1.02)),
    (horus.Quaternion(*QUARTER_TURN), horus.Quaternion(0, NAN, 0, 1)),
    (horus.Quaternion(0, -1, 0, 0), horus.Quaternion(0, INF, 0, 1)),
    (horus.Pose3D(1, 2, 3), horus.Pose3D(NAN)),
    (horus.Pose3D(1, 2, 3, *QUARTER_TURN), horus.Pose3D(qw=0.5)),
    (horus.TransformStamped(1), horus.TransformStamped(tz=INF)),
    (horus.TransformStamped(1, 2, 3, *QUARTER_TURN), horus.TransformStamped(rx=1.0)),
])
def test_a_message_is_valid_when_its_numbers_are_finite_and_its_rotation_is_one(valid, invalid):
    assert valid.is_valid() is True
    assert invalid.is_valid() is False


@pytest.mark.parametrize("angle, normal", [
    (0.0, 0.0), (3 * math.pi / 2, -math.pi / 2), (-5 * math.pi / 2, -math.pi / 2),
    (1000 * math.pi + 1, 1.0), (3.0, 3.0), (-3.0, -3.0)])
def test_an_angle_is_brought_into_half_a_turn_either_way(angle, normal):
    pose = horus.Pose2D(0, 0, angle)
    pose.normalize_angle()
    assert pose.theta == pytest.approx(normal)


def test_what_is_no_angle_is_refused_or_stays():
    with pytest.raises(ValueError, match="Pose2D.theta: -inf is no angle"):
        horus.Pose2D(0, 0, -INF).normalize_angle()
    pose = horus.Pose2D(0, 0, NAN)
    pose.normalize_angle()
    assert math.isnan(pose.theta)


def test_a_pose_in_the_plane_becomes_one_in_space():
    pose = horus.Pose3D.from_pose_2d(A_POSE)
    assert xyz(pose.position) == (1, 2, 0) and pose.timestamp_ns == 7
    assert xyzw(pose.orientation) == pytest.approx(QUARTER_TURN)


def test_a_pose_is_a_transform_too():
    transform = horus.TransformStamped.from_pose_2d(A_POSE)
    assert transform.translation.tolist() == [1, 2, 0] and transform.timestamp_ns == 7
    assert transform.rotation.tolist() == pytest.approx(QUARTER_TURN)
    before = horus.timestamp_ns()
    assert horus.TransformStamped.from_pose_2d(horus.Pose2D(1, 2, 0)).timestamp_ns >= before


def test_variances_are_the_diagonal_of_the_covariance():
    covariance = np.arange(36.0)
    pose, twist = horus.PoseWithCovariance(), horus.TwistWithCovariance()
    pose.covariance = covariance
    twist.covariance = -covariance
    assert pose.position_variance() == (0, 7, 14)
    assert pose.orientation_variance() == (21, 28, 35)
    assert twist.linear_variance() == (0, -7, -14)
    assert twist.angular_variance() == (-21, -28, -35)
    assert all(type(value) is float for value in pose.position_variance())
