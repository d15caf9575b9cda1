# SPDX-License-Identifier: Apache-2.0
"""Methods of cameras, point fields and planes."""
import math

import pytest

import horus

NAN, INF = math.nan, math.inf
CAMERA = horus.CameraInfo(640, 480, fx=500, fy=510, cx=320, cy=240)


def test_a_camera_knows_its_matrix():
    assert CAMERA.focal_lengths() == (500, 510) and CAMERA.principal_point() == (320, 240)
    other = horus.CameraInfo()
    other.camera_matrix = [1, 0, 2, 0, 3, 4, 0, 0, 1]
    assert other.focal_lengths() == (1, 3) and other.principal_point() == (2, 4)


def test_a_camera_takes_a_distortion_model():
    camera = horus.CameraInfo().with_distortion_model("plumb_bob", [0.1, 0.2, 0.3])
    assert camera.distortion_model == "plumb_bob"
    assert camera.distortion_coefficients.tolist() == [0.1, 0.2, 0.3, 0, 0, 0, 0, 0]
    camera = camera.with_distortion_model("equidistant")
    assert camera.distortion_model == "equidistant" and camera.distortion_coefficients[0] == 0.1


@pytest.mark.parametrize("arguments, says", [
    (("x" * 16,), "CameraInfo.distortion_model: 16 bytes, the capacity is 15"),
    (("plumb_bob", [0] * 9), "distortion_coefficients: 9 values, the capacity is 8")])
def test_a_model_that_does_not_fit_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        horus.CameraInfo().with_distortion_model(*arguments)


@pytest.mark.parametrize("point, inside", [
    ((10, 20), True), ((39.9, 59.9), True), ((40, 30), False), ((15, 60), False),
    ((9.9, 30), False), ((15, 19), False), ((-15, 30), False), ((NAN, 30), False)])
def test_a_region_contains_what_lies_before_its_far_edges(point, inside):
    assert horus.RegionOfInterest(10, 20, 30, 40).contains(*point) is inside


def test_a_region_has_an_area():
    assert horus.RegionOfInterest(10, 20, 30, 40).area() == 1200
    assert horus.RegionOfInterest(0, 0, 2 ** 31, 4).area() == 2 ** 33
    empty = horus.RegionOfInterest(5, 5)
    assert empty.area() == 0 and not empty.contains(5, 5)


@pytest.mark.parametrize("disparity, depth", [(50, 1.2), (25, 2.4), (0.5, 120.0), (0, INF)])
def test_depth_and_disparity_are_each_others_inverse(disparity, depth):
    stereo = horus.StereoInfo(CAMERA, CAMERA, baseline=0.12)
    assert stereo.depth_from_disparity(disparity) == pytest.approx(depth)
    assert stereo.disparity_from_depth(depth) == pytest.approx(disparity)


def test_the_depth_scale_corrects_both():
    stereo = horus.StereoInfo(CAMERA, CAMERA, baseline=0.12, depth_scale=2.0)
    assert stereo.depth_from_disparity(50) == pytest.approx(2.4)
    assert stereo.disparity_from_depth(2.4) == pytest.approx(50)
    assert stereo.disparity_from_depth(0) == INF


@pytest.mark.parametrize("value", [-1, NAN])
def test_a_negative_depth_or_disparity_is_refused(value):
    stereo = horus.StereoInfo(CAMERA, CAMERA, baseline=0.12)
    with pytest.raises(ValueError, match=f"disparity: {value} is not within 0.0 to inf"):
        stereo.depth_from_disparity(value)
    with pytest.raises(ValueError, match=f"depth: {value} is not within 0.0 to inf"):
        stereo.disparity_from_depth(value)


@pytest.mark.parametrize("datatype, size", enumerate([4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 8, 1]))
def test_a_field_of_a_point_has_the_size_of_its_elements(datatype, size):
    assert horus.PointField("x", 0, datatype).field_size() == size
    assert horus.PointField("x", 0, datatype, 3).field_size() == 3 * size
    assert horus.PointField("x", 0, datatype, 0).field_size() == 0


@pytest.mark.parametrize("datatype", [13, 255])
def test_a_field_of_an_unknown_type_has_no_size(datatype):
    with pytest.raises(ValueError, match=f"PointField.datatype: {datatype} is not within 0 to 12"):
        horus.PointField("x", 0, datatype).field_size()


# z = 2, and the same with coefficients of another length; then x + y = 1.
@pytest.mark.parametrize("coefficients, point, distance", [
    ((0, 0, 1, -2), (5, 6, 2), 0.0), ((0, 0, 1, -2), (0, 0, 5), 3.0),
    ((0, 0, 1, -2), (0, 0, -1), 3.0), ((0, 0, -10, 20), (9, 9, 5), 3.0),
    ((1, 1, 0, -1), (0, 0, 7), math.sqrt(0.5)), ((1, 1, 0, -1), (0.5, 0.5, 3), 0.0)])
def test_a_plane_has_a_distance_to_points(coefficients, point, distance):
    plane = horus.PlaneDetection(*coefficients)
    assert plane.distance_to_point(*point) == pytest.approx(distance)
    assert plane.contains_point(*point) is (distance == 0)


def test_a_plane_contains_what_is_near_enough():
    plane = horus.PlaneDetection(0, 0, 1, 0)
    assert plane.contains_point(1, 2, 0.25, tolerance=0.25) is True
    assert plane.contains_point(1, 2, 0.25, 0.2) is False
    assert plane.contains_point(1, 2, NAN) is False
    with pytest.raises(ValueError, match="tolerance: -1 is not within 0.0 to inf"):
        plane.contains_point(1, 2, 3, -1)


def test_a_plane_without_a_normal_is_none():
    with pytest.raises(ValueError, match="a, b and c are 0, which is no plane"):
        horus.PlaneDetection(0, 0, 0, 1).distance_to_point(1, 2, 3)


def test_planes_are_collected():
    planes = horus.PlaneArray()
    for number in range(16):
        planes.add_plane(horus.PlaneDetection(d=number))
    assert planes.count == 16
    assert [plane.coefficients[3] for plane in planes.planes] == list(range(16))
    with pytest.raises(ValueError, match="PlaneArray.planes: 16 values, the capacity is 16"):
        planes.add_plane(horus.PlaneDetection())
    with pytest.raises(TypeError, match="plane must be PlaneDetection, not tuple"):
        planes.add_plane((0, 0, 1, 0))
