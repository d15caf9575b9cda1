# SPDX-License-Identifier: Apache-2.0
"""Methods of messages whose arrays have the size that they need: maps, touch, pictures."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .._extend import extend
from .._horus import CompressedImage, CostMap, OccupancyGrid, TactileArray
from ._numbers import fitted, index_in, not_negative, positive, within

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_UNKNOWN = -1
_OCCUPIED_FROM = 50  # Percent.
_NO_INFORMATION = 255  # The cost of an unknown cell.
_ROUNDING = 1e-6  # Cells; the radius and the resolution are single-precision numbers.


@extend(OccupancyGrid)
class _OccupancyGrid:
    def occupancy(self: OccupancyGrid, grid_x: int, grid_y: int) -> int | None:
        """The value of a cell: -1 unknown, 0 free to 100 occupied; None outside of the grid."""
        if not _inside(self, grid_x, grid_y):
            return None
        return int(self.data[_cell(self, grid_x, grid_y)])

    def set_occupancy(self: OccupancyGrid, grid_x: int, grid_y: int, value: int) -> bool:
        """Sets a cell, -1 to 100, and is true; see `occupancy`. Raises IndexError outside of the
        grid."""
        within("value", value, _UNKNOWN, 100)
        cell = _cell(self, grid_x, grid_y)
        self.data[cell] = fitted("value", value, self.data.dtype)
        return True

    def is_free(self: OccupancyGrid, x: float, y: float) -> bool:
        """Whether the place (x, y), in m, is known to be free: see `is_free_cell`.

        False outside of the grid.
        """
        cell = self.world_to_grid(x, y)
        return cell is not None and self.is_free_cell(*cell)

    def is_occupied(self: OccupancyGrid, x: float, y: float) -> bool:
        """Whether the place (x, y), in m, is known to be occupied: see `is_occupied_cell`.

        False outside of the grid: what is not free need not be occupied.
        """
        cell = self.world_to_grid(x, y)
        return cell is not None and self.is_occupied_cell(*cell)

    def is_free_cell(self: OccupancyGrid, grid_x: int, grid_y: int) -> bool:
        """Whether there is such a cell, it is known, and its value is below 50."""
        value = self.occupancy(grid_x, grid_y)
        return value is not None and 0 <= value < _OCCUPIED_FROM

    def is_occupied_cell(self: OccupancyGrid, grid_x: int, grid_y: int) -> bool:
        """Whether there is such a cell and its value is at least 50."""
        value = self.occupancy(grid_x, grid_y)
        return value is not None and value >= _OCCUPIED_FROM

    def world_to_grid(self: OccupancyGrid, x: float, y: float) -> tuple[int, int] | None:
        """The cell (grid_x, grid_y) that a place in m lies in; None outside of the grid.

        The origin is the outer corner of cell (0, 0), and the grid may be turned by its theta.
        Raises ValueError when the resolution is not greater than 0.
        """
        size = positive("OccupancyGrid.resolution", self.resolution)
        east, north = x - self.origin.x, y - self.origin.y
        sin, cos = math.sin(self.origin.theta), math.cos(self.origin.theta)
        along, across = (east * cos + north * sin) / size, (north * cos - east * sin) / size
        # A comparison with NaN is false, and so is one of what no cell can be.
        if not (0 <= along < self.width and 0 <= across < self.height):
            return None
        return int(along), int(across)

    def grid_to_world(self: OccupancyGrid, grid_x: int, grid_y: int) -> tuple[float, float]:
        """The centre (x, y) of a cell, in m; see `world_to_grid`.

        Raises IndexError when the grid has no such cell.
        """
        _cell(self, grid_x, grid_y)
        along, across = (grid_x + 0.5) * self.resolution, (grid_y + 0.5) * self.resolution
        sin, cos = math.sin(self.origin.theta), math.cos(self.origin.theta)
        return (self.origin.x + along * cos - across * sin,
                self.origin.y + along * sin + across * cos)


def _inside(grid: OccupancyGrid, grid_x: int, grid_y: int) -> bool:
    return 0 <= grid_x < grid.width and 0 <= grid_y < grid.height


def _cell(grid: OccupancyGrid, grid_x: int, grid_y: int) -> int:
    """Where a cell lies in the row-major data."""
    return (index_in("grid_y", grid_y, grid.height) * grid.width
            + index_in("grid_x", grid_x, grid.width))


@extend(CostMap)
class _CostMap:
    @property
    def occupancy_grid(self: CostMap) -> OccupancyGrid:
        """The map that the costs are of. Its data are these; its fields are a copy.

        Assigning another map copies it, and makes all costs 255: nobody has computed them.
        """
        return self.grid

    @occupancy_grid.setter
    def occupancy_grid(self: CostMap, grid: OccupancyGrid) -> None:
        self.grid = grid

    def cost(self: CostMap, x: float, y: float) -> int:
        """The cost of the place (x, y), in m: see `cost_cell`; lethal_cost outside of the map."""
        cell = self.occupancy_grid.world_to_grid(x, y)
        return self.lethal_cost if cell is None else self.cost_cell(*cell)

    def cost_cell(self: CostMap, grid_x: int, grid_y: int) -> int:
        """The cost of a cell: 0 free, lethal_cost where one collides, 255 unknown.

        Raises IndexError when the map has no such cell.
        """
        return int(self.costs[_cell(self.occupancy_grid, grid_x, grid_y)])

    def compute_costs(self: CostMap) -> None:
        """Fills the costs from the occupancy, with the surroundings of obstacles made dear.

        An occupied cell costs lethal_cost, an unknown one 255. A known one whose centre is d m from
        the nearest occupied cell's, d up to inflation_radius, costs
        (lethal_cost - 1) exp(-cost_scaling_factor d), rounded down; every other 0. That is the
        inflation of ROS's costmap_2d for a robot without a radius of its own. Raises ValueError
        when the resolution is not greater than 0, or radius or factor are negative.
        """
        import numpy as np

        grid = self.occupancy_grid
        size = positive("OccupancyGrid.resolution", grid.resolution)
        reach = not_negative("CostMap.inflation_radius", self.inflation_radius) / size
        factor = not_negative("CostMap.cost_scaling_factor", self.cost_scaling_factor)
        data = grid.data.reshape(grid.height, grid.width)
        cells = _distances(data >= _OCCUPIED_FROM, reach)
        near = np.where(cells <= reach + _ROUNDING, np.exp(-factor * size * cells), 0.0)
        costs = (max(self.lethal_cost - 1, 0) * near).astype(np.uint8)
        costs[cells == 0] = self.lethal_cost
        costs[data == _UNKNOWN] = _NO_INFORMATION
        self.costs = costs.ravel()


def _distances(occupied: npt.NDArray[np.bool_], reach: float) -> npt.NDArray[np.float64]:
    """From each cell to the nearest occupied one, in cells; exact up to `reach`, else more.

    The two passes of the exact Euclidean distance transform: along the columns, then the smallest
    of what the columns at either side offer (Meijster, Roerdink, Hesselink 2000).
    """
    import numpy as np

    height, width = occupied.shape
    along = np.where(occupied, 0.0, math.inf)
    for row in range(1, height):
        np.minimum(along[row], along[row - 1] + 1, out=along[row])
    for row in range(height - 2, -1, -1):
        np.minimum(along[row], along[row + 1] + 1, out=along[row])
    squares = along ** 2
    nearest = squares.copy()
    for step in range(1, min(width, math.ceil(min(reach, width)) + 1)):
        left, right = nearest[:, :-step], nearest[:, step:]
        np.minimum(left, squares[:, step:] + step ** 2, out=left)
        np.minimum(right, squares[:, :-step] + step ** 2, out=right)
    distances: npt.NDArray[np.float64] = np.sqrt(nearest)
    return distances


@extend(CompressedImage)
class _CompressedImage:
    def data_len(self: CompressedImage) -> int:
        """Bytes of the compressed picture."""
        return len(self.data)


@extend(TactileArray)
class _TactileArray:
    def get_force(self: TactileArray, row: int, col: int) -> float:
        """The force on one element, in N. Raises IndexError when there is none."""
        return float(self.forces[_element(self, row, col)])

    def set_force(self: TactileArray, row: int, col: int, force: float) -> None:
        """Sets the force on one element, in N. The sums over all elements are the sensor's to set.

        Raises IndexError when there is no such element.
        """
        element = _element(self, row, col)
        self.forces[element] = fitted("force", force, self.forces.dtype)


def _element(touch: TactileArray, row: int, col: int) -> int:
    """Where an element lies in the row-major forces."""
    return (index_in("row", row, touch.rows) * touch.cols
            + index_in("col", col, touch.cols))
