# SPDX-License-Identifier: Apache-2.0
"""Methods of messages whose arrays have the size that they need: maps, touch, pictures."""
import math

import numpy as np
import pytest

import horus

NAN, INF = math.nan, math.inf


def grid_of(rows, resolution=0.5, origin=(0.0, 0.0, 0.0)):
    """A grid of the given values; its first row is the one at the origin."""
    grid = horus.OccupancyGrid(len(rows[0]), len(rows), resolution)
    grid.data = np.array(rows, np.int8).ravel()
    grid.origin = horus.Pose2D(*origin)
    return grid


def costs_of(grid, inflation_radius, cost_scaling_factor=1.0):
    costs = horus.CostMap(grid, inflation_radius)
    costs.cost_scaling_factor = cost_scaling_factor
    costs.compute_costs()
    return costs


GRID = grid_of([[0, 49, 50], [100, -1, 7]])


@pytest.mark.parametrize("cell, value, free, occupied", [
    ((0, 0), 0, True, False), ((1, 0), 49, True, False), ((2, 0), 50, False, True),
    ((0, 1), 100, False, True), ((1, 1), -1, False, False), ((2, 1), 7, True, False)])
def test_a_cell_is_free_occupied_or_unknown(cell, value, free, occupied):
    assert GRID.occupancy(*cell) == value
    assert GRID.is_free_cell(*cell) is free and GRID.is_occupied_cell(*cell) is occupied
    place = GRID.grid_to_world(*cell)
    assert GRID.is_free(*place) is free and GRID.is_occupied(*place) is occupied


@pytest.mark.parametrize("cell, says", [
    ((3, 0), "grid_x: 3 is not within 0 to 2"), ((-1, 0), "grid_x: -1 is not within 0 to 2"),
    ((0, 2), "grid_y: 2 is not within 0 to 1"), ((0, -1), "grid_y: -1 is not within 0 to 1")])
def test_outside_of_the_grid_there_is_no_cell(cell, says):
    for method in (GRID.grid_to_world, lambda x, y: GRID.set_occupancy(x, y, 0),
                   costs_of(GRID, 0).cost_cell):
        with pytest.raises(IndexError, match=says):
            method(*cell)
    assert GRID.occupancy(*cell) is None
    assert GRID.is_free_cell(*cell) is False and GRID.is_occupied_cell(*cell) is False


def test_a_cell_can_be_set():
    grid = grid_of([[0, 0, 0], [0, 0, 0]])
    assert grid.set_occupancy(2, 0, 100) is True
    grid.set_occupancy(1, 1, -1)
    assert grid.data.tolist() == [0, 0, 100, 0, -1, 0]
    for value in (-2, 101):
        with pytest.raises(ValueError, match=f"value: {value} is not within -1 to 100"):
            grid.set_occupancy(0, 0, value)


# Cells of half a metre; the second grid is turned by a quarter to the left.
@pytest.mark.parametrize("origin, place, cell", [
    ((0, 0, 0), (0.1, 0.1), (0, 0)), ((0, 0, 0), (1.49, 0.99), (2, 1)),
    ((0, 0, 0), (0.5, 0.0), (1, 0)), ((0, 0, 0), (0.0, 0.5), (0, 1)),
    ((0, 0, 0), (1.5, 0.5), None), ((0, 0, 0), (0.5, 1.0), None),
    ((0, 0, 0), (-0.01, 0.5), None), ((0, 0, 0), (0.5, -0.01), None),
    ((-10, 5, 0), (-8.9, 5.6), (2, 1)), ((10, 5, math.pi / 2), (9.75, 5.1), (0, 0)),
    ((10, 5, math.pi / 2), (9.25, 6.25), (2, 1)), ((10, 5, math.pi / 2), (10.25, 5.1), None),
    ((0, 0, 0), (NAN, 0.5), None), ((0, 0, 0), (0.5, INF), None)])
def test_a_place_lies_in_a_cell(origin, place, cell):
    grid = grid_of([[0, 0, 0], [0, 0, 0]], origin=origin)
    assert grid.world_to_grid(*place) == cell


@pytest.mark.parametrize("origin", [(0, 0, 0), (-3, 4, 1.0), (100, -50, -2.5)])
def test_the_centre_of_a_cell_lies_in_it(origin):
    grid = grid_of([[0, 0, 0], [0, 0, 0]], origin=origin)
    for cell in [(x, y) for x in range(3) for y in range(2)]:
        assert grid.world_to_grid(*grid.grid_to_world(*cell)) == cell


def test_the_centre_of_a_cell_is_half_a_cell_in():
    assert grid_of([[0, 0], [0, 0]], origin=(10, 20, 0)).grid_to_world(1, 0) == (10.75, 20.25)
    turned = grid_of([[0, 0], [0, 0]], origin=(10, 20, math.pi / 2)).grid_to_world(1, 0)
    assert turned == pytest.approx((9.75, 20.75))


@pytest.mark.parametrize("resolution", [0, -0.5, NAN])
def test_a_grid_without_a_resolution_has_no_places(resolution):
    grid = grid_of([[0]], resolution)
    with pytest.raises(ValueError, match="OccupancyGrid.resolution: .* is not greater than 0"):
        grid.world_to_grid(0, 0)
    with pytest.raises(ValueError, match="OccupancyGrid.resolution: .* is not greater than 0"):
        horus.CostMap(grid).compute_costs()


def test_costs_decay_with_the_distance_from_an_obstacle():
    costs = costs_of(grid_of([[0] * 5, [0] * 5, [0, 0, 100, 0, 0]]), 1.0)
    near, across, far = (int(252 * math.exp(-d)) for d in (0.5, math.sqrt(0.5), 1.0))
    assert costs.costs.reshape(3, 5).tolist() == [
        [0, 0, far, 0, 0], [0, across, near, across, 0], [far, near, 253, near, far]]
    assert [costs.cost_cell(*cell) for cell in ((2, 2), (2, 0), (0, 0))] == [253, far, 0]


def test_the_nearest_of_several_obstacles_counts():
    costs = costs_of(grid_of([[100, 0, 0, 0, 0, 100, 0]]), 10.0)
    assert costs.costs.tolist() == [
        253, *(int(252 * math.exp(-0.5 * cells)) for cells in (1, 2, 2, 1)), 253,
        int(252 * math.exp(-0.5))]


@pytest.mark.parametrize("radius", [0.0, 0.7, 1.5, 100.0])
def test_costs_are_those_of_the_formula(radius):
    occupancy = np.random.default_rng(7).choice([0, 49, 50, -1], (9, 13), p=[.7, .1, .15, .05])
    costs = costs_of(grid_of(occupancy), radius, 2.0).costs.reshape(9, 13)
    obstacles = np.argwhere(occupancy >= 50)
    for cell in np.ndindex(9, 13):
        distance = 0.5 * min(math.dist(cell, obstacle) for obstacle in obstacles)
        expected = int(252 * math.exp(-2.0 * distance)) if distance <= radius else 0
        expected = 255 if occupancy[cell] == -1 else 253 if distance == 0 else expected
        assert costs[cell] == expected


def test_a_radius_of_a_whole_number_of_cells_reaches_the_last_of_them():
    costs = costs_of(grid_of([[100] + [0] * 12], resolution=0.05), 0.55)
    assert np.count_nonzero(costs.costs) == 12


def test_without_obstacles_nothing_costs_anything():
    assert not costs_of(grid_of([[0, 49], [10, 0]]), 1.0).costs.any()
    assert costs_of(grid_of([[-1, 0]]), 1.0).costs.tolist() == [255, 0]


def test_the_lethal_cost_is_the_users():
    costs = horus.CostMap(grid_of([[100, 0]]), 1.0)
    costs.cost_scaling_factor = 0.0
    for lethal in (100, 0):
        costs.lethal_cost = lethal
        costs.compute_costs()
        assert costs.costs.tolist() == [lethal, max(lethal - 1, 0)]


@pytest.mark.parametrize("name, value", [
    ("inflation_radius", -1.0), ("cost_scaling_factor", -1.0), ("cost_scaling_factor", NAN)])
def test_a_negative_radius_or_factor_is_refused(name, value):
    costs = horus.CostMap(grid_of([[100, 0]]))
    setattr(costs, name, value)
    with pytest.raises(ValueError, match=f"CostMap.{name}: {value} is not within 0.0 to inf"):
        costs.compute_costs()


def test_a_compressed_image_knows_its_length():
    assert horus.CompressedImage("jpeg", b"\xff\xd8\xff").data_len() == 3
    assert horus.CompressedImage().data_len() == 0


def test_touch_is_felt_by_row_and_column():
    touch = horus.TactileArray(2, 3)
    touch.set_force(1, 2, 0.5)
    touch.set_force(0, 1, -0.25)
    assert touch.get_force(1, 2) == 0.5 and touch.get_force(0, 0) == 0.0
    assert touch.forces.tolist() == [0, -0.25, 0, 0, 0, 0.5]


@pytest.mark.parametrize("place, says", [
    ((2, 0), "row: 2 is not within 0 to 1"), ((-1, 0), "row: -1"),
    ((0, 3), "col: 3 is not within 0 to 2"), ((0, -1), "col: -1")])
def test_outside_of_the_sensor_there_is_no_touch(place, says):
    touch = horus.TactileArray(2, 3)
    for method in (touch.get_force, lambda row, col: touch.set_force(row, col, 1.0)):
        with pytest.raises(IndexError, match=says):
            method(*place)
