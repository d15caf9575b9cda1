# SPDX-License-Identifier: Apache-2.0
"""Methods of what sensors measure."""
import math

import pytest

import horus
from horus import FixStatus

NAN, INF = math.nan, math.inf


def fix_with(**fields):
    fix = horus.NavSatFix()
    for name, value in fields.items():
        setattr(fix, name, value)
    return fix


def battery_with(**fields):
    battery = horus.BatteryState()
    for name, value in fields.items():
        setattr(battery, name, value)
    return battery


@pytest.mark.parametrize("valid, invalid", [
    (horus.Imu(1, 2, 3, 4, 5, 6), horus.Imu(1, 2, 3, 4, 5, -INF)),
    (horus.Odometry(1.0), horus.Odometry(theta=NAN)),
    (horus.Odometry(1.0), horus.Odometry(linear_velocity=NAN)),
    (horus.RangeSensor(1.0), horus.RangeSensor(NAN)),
    (horus.RangeSensor(0.5, min_range=0.5), horus.RangeSensor(0.49, min_range=0.5)),
    (horus.RangeSensor(4.0, max_range=4.0), horus.RangeSensor(4.1, max_range=4.0)),
    (horus.RangeSensor(1.0, max_range=INF), horus.RangeSensor(INF, max_range=INF)),
    (horus.RangeSensor(1.0), horus.RangeSensor(1.0, min_range=NAN)),
    (horus.NavSatFix(90, 180, -400), horus.NavSatFix(90.1, 0)),
    (horus.NavSatFix(-90, -180), horus.NavSatFix(0, -180.1)),
    (horus.NavSatFix(), horus.NavSatFix(NAN)), (horus.NavSatFix(), horus.NavSatFix(0, NAN)),
    (horus.NavSatFix(), horus.NavSatFix(altitude=INF)),
])
def test_a_measurement_is_valid_within_its_ranges(valid, invalid):
    assert valid.is_valid() is True
    assert invalid.is_valid() is False


def test_an_orientation_is_there_once_it_is_set():
    imu = horus.Imu(0, 0, 0, 0, 0, 0)
    assert imu.has_orientation() is False
    assert imu.orientation_quat() == horus.Quaternion.identity() and imu.qw == 1.0
    imu.orientation_covariance[0] = -1.0
    imu.set_orientation_from_euler(0, 0, math.pi / 2)
    half = math.sqrt(0.5)
    assert imu.orientation.tolist() == pytest.approx([0, 0, half, half])
    assert imu.has_orientation() is True
    assert imu.orientation_covariance[0] == 0.0
    imu.orientation_covariance[0] = 0.5
    imu.set_orientation_from_euler(0, 0, 0)
    assert imu.orientation_covariance[0] == 0.5
    imu.orientation_covariance[0] = -1.0
    assert imu.has_orientation() is False


def test_the_vectors_of_an_imu_are_tuples():
    imu = horus.Imu(1, 2, 3, 4, 5, 6)
    assert imu.linear_acceleration_vec() == horus.Vector3(1.0, 2.0, 3.0)
    assert imu.angular_velocity_vec() == horus.Vector3(4.0, 5.0, 6.0)


def test_joints_are_found_by_name():
    state = horus.JointState(["left", "right"], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    assert (state.position("right"), state.velocity("left"), state.effort("right")) == (2, 3, 6)
    assert state.position("middle") is state.velocity("") is state.effort("LEFT") is None


def test_odometry_moves_along_its_heading():
    odometry = horus.Odometry(x=1.0, theta=math.pi / 2, linear_velocity=2.0, angular_velocity=1.0)
    odometry.twist.linear_y = 1.0
    odometry.update(0.5)
    assert odometry.x == pytest.approx(0.5) and odometry.y == pytest.approx(1.0)
    assert odometry.theta == pytest.approx(math.pi / 2 + 0.5)
    oblique = horus.Odometry(theta=math.pi / 6, linear_velocity=4.0)
    oblique.twist.linear_y = 2.0
    oblique.update(1.0)
    assert (oblique.x, oblique.y) == pytest.approx((math.sqrt(12) - 1, 2 + math.sqrt(3)))
    odometry.update(2.0)
    assert odometry.theta == pytest.approx(math.pi / 2 + 2.5 - 2 * math.pi)


def test_odometry_names_its_frames():
    odometry = horus.Odometry()
    odometry.set_frames("odom", "base_link")
    assert (odometry.frame_id, odometry.child_frame_id) == ("odom", "base_link")


def test_a_scan_knows_its_angles_and_which_ranges_count():
    scan = horus.LaserScan(angle_min=-1.0, angle_increment=0.5, range_min=0.1, range_max=10.0,
                           ranges=[5.0, 0.05, NAN, INF, 2.0, 11.0])
    assert scan.angle_at(0) == -1.0 and scan.angle_at(3) == pytest.approx(0.5)
    assert [scan.is_range_valid(i) for i in range(6)] == [True, False, False, False, True, False]
    assert not scan.is_range_valid(-1) and not scan.is_range_valid(360)
    edges = horus.LaserScan(range_min=0.5, range_max=10.0, ranges=[0.5, 10.0])
    assert edges.is_range_valid(0) and edges.is_range_valid(1) and edges.min_range() == 0.5
    edges.ranges[0] = 0.0
    assert edges.min_range() == 10.0
    assert scan.min_range() == 2.0
    assert horus.LaserScan(range_min=1.0, range_max=2.0).min_range() is None


@pytest.mark.parametrize("index", [-1, 360])
def test_a_scan_has_no_angle_where_it_has_no_range(index):
    with pytest.raises(IndexError, match=f"index: {index} is not within 0 to 359"):
        horus.LaserScan().angle_at(index)


@pytest.mark.parametrize("percentage, low, critical", [
    (100, False, False), (20, False, False), (19.5, True, False), (10, True, False),
    (9.5, True, True), (0, True, True), (NAN, True, True)])
def test_a_battery_is_low_before_it_is_critical(percentage, low, critical):
    battery = horus.BatteryState(percentage=percentage)
    assert battery.is_low() is low and battery.is_critical() is critical


def test_a_battery_has_the_threshold_that_one_wants():
    battery = horus.BatteryState(percentage=50)
    assert battery.is_low(60) is True and battery.is_low(50) is False
    assert battery.is_critical(51) is True and battery.is_critical(threshold=0) is False
    for threshold in (-1, 101, NAN):
        with pytest.raises(ValueError, match=f"threshold: {threshold} is not within 0.0 to 100.0"):
            battery.is_low(threshold)
        with pytest.raises(ValueError, match="threshold"):
            battery.is_critical(threshold)


@pytest.mark.parametrize("battery, seconds", [
    (battery_with(charge=2.0, current=-4.0), 1800.0),
    (battery_with(capacity=10.0, percentage=50.0, current=-5.0), 3600.0),
    (battery_with(charge=1.0, capacity=10.0, percentage=50.0, current=-1.0), 3600.0),
    (battery_with(charge=2.0, current=4.0), None), (battery_with(charge=2.0), None),
    (battery_with(current=-4.0), None), (battery_with(capacity=10.0, current=-4.0), None),
    (battery_with(charge=2.0, current=NAN), None), (battery_with(charge=NAN, current=-1), None),
    (battery_with(charge=2.0, current=-INF), None)])
def test_a_battery_lasts_as_long_as_its_charge_at_its_current(battery, seconds):
    assert battery.time_remaining() == seconds


@pytest.mark.parametrize("status, fix", [
    (FixStatus.NO_FIX, False), (FixStatus.FIX, True), (FixStatus.SBAS, True),
    (FixStatus.GBAS, True), (4, False), (255, False)])
def test_a_fix_is_one_by_its_status(status, fix):
    assert fix_with(status=status).has_fix() is fix


def test_coordinates_are_a_fix():
    fix = horus.NavSatFix.from_coordinates(48.0, 11.5, 520.0)
    assert (fix.latitude, fix.longitude, fix.altitude) == (48.0, 11.5, 520.0)
    assert fix.has_fix() and fix.is_valid()
    assert horus.NavSatFix.from_coordinates(-90, 180).altitude == 0.0


@pytest.mark.parametrize("coordinates, says", [
    ((90.5, 0), "latitude: 90.5 is not within -90.0 to 90.0"), ((NAN, 0), "latitude: nan"),
    ((0, 181), "longitude: 181 is not within -180.0 to 180.0"), ((0, -INF), "longitude: -inf")])
def test_coordinates_off_the_globe_are_refused(coordinates, says):
    with pytest.raises(ValueError, match=says):
        horus.NavSatFix.from_coordinates(*coordinates)


COVARIANCE = [9.0, 0, 0, 0, 16.0, 0, 0, 0, 100.0]


@pytest.mark.parametrize("fix, metres", [
    (fix_with(hdop=0.5), 2.5), (fix_with(), pytest.approx(499.5)), (fix_with(hdop=0.0), None),
    (fix_with(hdop=NAN), None),
    (fix_with(hdop=1.5, position_covariance=COVARIANCE, position_covariance_type=2), 5.0),
    (fix_with(hdop=1.5, position_covariance=COVARIANCE), 7.5),
    (fix_with(hdop=1.5, position_covariance_type=1), 0.0),
    (fix_with(hdop=2.0, position_covariance=[-1.0] + [0] * 8, position_covariance_type=2), 10.0),
    (fix_with(position_covariance=[NAN] * 9, position_covariance_type=3), pytest.approx(499.5))])
def test_the_accuracy_is_that_of_the_covariance_or_of_the_dilution(fix, metres):
    assert fix.horizontal_accuracy() == metres


# One degree along a great circle of the mean Earth is 111,195 m; across the date line and over
# opposite points it is no different. Paris to London is 343.5 km.
@pytest.mark.parametrize("one, other, metres", [
    ((0, 0), (1, 0), 111_195.08), ((0, 179.5), (0, -179.5), 111_195.08),
    ((60, 0), (60, 1), 55_595.4), ((0, 0), (0, 180), math.pi * 6_371_008.8),
    ((90, 0), (-90, 77), math.pi * 6_371_008.8), ((12, 34), (12, 34), 0.0),
    ((48.8566, 2.3522), (51.5074, -0.1278), 343_556)])
def test_fixes_know_their_distance_over_ground(one, other, metres):
    one, other = horus.NavSatFix(*one), horus.NavSatFix(*other, 8000.0)
    assert one.distance_to(other) == pytest.approx(metres, rel=1e-4)
    assert other.distance_to(one) == one.distance_to(other)


def test_half_a_turn_of_the_mean_earth():
    # (2 * 6,378,137 + 6,356,752.3142) / 3 m, times pi.
    distance = horus.NavSatFix(0, 0).distance_to(horus.NavSatFix(0, 180))
    assert distance == pytest.approx(20_015_114.44, abs=0.01)


def test_the_distance_to_what_is_no_fix_is_refused():
    with pytest.raises(TypeError, match="other must be NavSatFix, not tuple"):
        horus.NavSatFix().distance_to((1, 2))
