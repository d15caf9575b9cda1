# SPDX-License-Identifier: Apache-2.0
"""A number that its place cannot hold is refused, by everything that sets one through NumPy."""
import numpy as np
import pytest

import horus

HUGE = 1e300  # More than a single-precision number holds.


def depth(dtype="float32"):
    return horus.DepthImage(2, 2, dtype)


def command():
    return horus.JointCommand()


REFUSED = {
    "pixel": lambda: horus.Image(2, 2).set_pixel(0, 0, (300, 0, 0)),
    "pixel below": lambda: horus.Image(2, 2).set_pixel(0, 0, (-1, 0, 0)),
    "pixel between": lambda: horus.Image(2, 2).set_pixel(0, 0, (1.9, 0, 0)),
    "pixel of float": lambda: horus.Image(2, 2, "mono32f").set_pixel(0, 0, HUGE),
    "fill": lambda: horus.Image(2, 2).fill((300, -1, 1.9)),
    "fill by a number": lambda: horus.Image(2, 2).fill(256),
    "fill without a number": lambda: horus.Image(2, 2).fill(float("nan")),
    "fill mono16": lambda: horus.Image(2, 2, "mono16").fill(70000),
    "fill mono32f": lambda: horus.Image(2, 2, "mono32f").fill(HUGE),
    "fill with more than 64 bits": lambda: horus.Image(2, 2, "mono16").fill(2 ** 70),
    "fill with more than a float": lambda: horus.Image(2, 2, "mono32f").fill(10 ** 400),
    "fill a tensor": lambda: horus.Tensor.empty((2,), "int8").fill(128),
    "fill a half": lambda: horus.Tensor.empty((2,), "float16").fill(70000.0),
    "fill a boolean": lambda: horus.Tensor.empty((2,), "bool").fill(2),
    "fill a cloud": lambda: horus.PointCloud(2).fill((0, 0, HUGE)),
    "index": lambda: horus.Image(2, 2, "mono8").__setitem__((0, 0), 300),
    "index by an array": lambda: horus.Image(2, 2, "mono8").__setitem__(0, np.array([1, 300])),
    "index of a depth": lambda: depth().__setitem__((0, 0), HUGE),
    "depth": lambda: depth().set_depth(0, 0, HUGE),
    "depths": lambda: horus.DepthImage.from_numpy(np.full((2, 2), HUGE)),
    "touch": lambda: horus.TactileArray(1, 2).set_force(0, 0, HUGE),
    "waypoint": lambda: horus.PathPlan().add_waypoint(0, HUGE, 0),
    "waypoints": lambda: horus.PathPlan.from_waypoints([(0, 0, 0), (HUGE, 0, 0)]),
    "occupancy": lambda: horus.OccupancyGrid(2, 2, 0.1).set_occupancy(0, 0, 50.9),
}
NO_NUMBER = {
    "pixel": lambda: horus.Image(2, 2).set_pixel(0, 0, "7"),
    "fill": lambda: horus.Image(2, 2, "mono32f").fill("1.5"),
    "fill with nothing": lambda: horus.Image(2, 2).fill(None),
    "index": lambda: horus.Image(2, 2, "mono8").__setitem__((0, 0), "7"),
    "touch": lambda: horus.TactileArray(1, 2).set_force(0, 0, "1"),
    "waypoint": lambda: horus.PathPlan().add_waypoint(0, "1", 0),
    "joint": lambda: command().add_position("a", "1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_number_that_does_not_fit_is_refused(name):
    with pytest.raises(ValueError, match=r"does not fit into u?(int|float|bool)\d*"):
        REFUSED[name]()


@pytest.mark.parametrize("name", NO_NUMBER)
def test_what_is_no_number_is_refused(name):
    with pytest.raises(TypeError):
        NO_NUMBER[name]()


def test_a_refused_number_changes_nothing():
    image = horus.Image(1, 2)
    image.fill(7)
    plan = horus.PathPlan()
    for call in (lambda: image.fill((1, 2, 300)), lambda: image.set_pixel(0, 0, (1, 2, 300)),
                 lambda: plan.add_waypoint(1, 2, HUGE)):
        with pytest.raises(ValueError, match="does not fit"):
            call()
    assert (image.to_numpy() == 7).all() and plan.is_empty()


def test_a_number_that_fits_is_taken_as_it_is():
    image, single = horus.Image(1, 2), horus.Image(1, 1, "mono32f")
    image.set_pixel(0, 0, (255, 0, 7.0))
    image.set_pixel(1, 0, np.array([1, 2, 3], np.int64))
    assert (image.pixel(0, 0), image.pixel(1, 0)) == ([255, 0, 7], [1, 2, 3])
    for value in (float("inf"), 0.1, 3):
        single.fill(value)
        assert single.pixel(0, 0) == [float(np.float32(value))]
    single.set_pixel(0, 0, float("nan"))
    assert np.isnan(single.pixel(0, 0)).all()
    whole = horus.Tensor.empty((2,), "uint64")
    whole.fill(2 ** 64 - 1)
    assert whole.tolist() == [2 ** 64 - 1] * 2
    grid = horus.OccupancyGrid(1, 1, 0.1)
    assert grid.set_occupancy(0, 0, 50.0) and grid.occupancy(0, 0) == 50
