# SPDX-License-Identifier: Apache-2.0
"""What a PointCloud does through NumPy. Importing this module adds it to the class."""
# The methods below are another class's: their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import OutOfRange
from ._extend import extend
from ._horus import PointCloud
from ._methods._numbers import unmasked

if TYPE_CHECKING:
    import numpy.typing as npt


@extend(PointCloud)
class _PointCloud:
    @staticmethod
    def from_numpy(array: npt.ArrayLike) -> PointCloud:
        """A cloud with the rows of an array (points, fields) as its points; copied once."""
        array = unmasked(array)
        if array.ndim != 2:
            raise ValueError(f"a point cloud has 2 dimensions, points and fields, not {array.ndim}")
        cloud = PointCloud(array.shape[0], array.shape[1], array.dtype)
        cloud.to_numpy()[...] = array
        return cloud

    def point_at(self: PointCloud, index: int) -> list[Any]:
        """The fields of one point, as a list."""
        if not 0 <= index < self.point_count:
            raise OutOfRange(f"point {index} of a cloud of {self.point_count}")
        values: list[Any] = self.to_numpy()[index].tolist()
        return values
