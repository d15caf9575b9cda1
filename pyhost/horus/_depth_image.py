# SPDX-License-Identifier: Apache-2.0
"""What a DepthImage does through NumPy. Importing this module adds it to the class."""
# The methods below are another class's: their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

from typing import TYPE_CHECKING

from ._extend import extend
from ._horus import DepthImage
from ._methods._numbers import unmasked
from ._payload import check_pixel

if TYPE_CHECKING:
    import numpy.typing as npt

_MM_PER_M = 1000.0
_UINT16_MAX = 65535


def _meters_per_value(image: DepthImage) -> float:
    return image.depth_scale / (_MM_PER_M if image.is_millimeters() else 1.0)


@extend(DepthImage)
class _DepthImage:
    @staticmethod
    def from_numpy(array: npt.ArrayLike) -> DepthImage:
        """A depth image from an array (height, width): float32 in metres (float64 is converted), or
        uint16 in millimetres; copied once."""
        array = unmasked(array)
        if array.ndim != 2:
            raise ValueError(f"a depth image has 2 dimensions, not {array.ndim}")
        if array.dtype.name not in ("float32", "float64", "uint16"):
            raise ValueError(f"a depth image is float32, float64 or uint16, not {array.dtype}")
        dtype = "uint16" if array.dtype.name == "uint16" else "float32"
        image = DepthImage(array.shape[0], array.shape[1], dtype)
        image[...] = array
        return image

    def get_depth(self: DepthImage, x: int, y: int) -> float:
        """The distance at one pixel, in metres; 0, NaN or infinity where nothing was measured."""
        check_pixel(self, x, y)
        return float(self.to_numpy()[y, x]) * _meters_per_value(self)

    def set_depth(self: DepthImage, x: int, y: int, depth: float) -> None:
        """Sets the distance at one pixel, in metres."""
        check_pixel(self, x, y)
        value = depth / _meters_per_value(self)
        if self.is_millimeters():
            if not 0 <= value < _UINT16_MAX + 0.5:
                farthest = _UINT16_MAX * _meters_per_value(self)
                raise ValueError(f"a depth of {depth} m: uint16 holds 0 to {farthest:g} m")
            value = round(value)
        self[y, x] = value

    def depth_statistics(self: DepthImage) -> tuple[float, float, float] | None:
        """(smallest, largest, mean) of the measured distances, in metres; None when nothing was
        measured."""
        import numpy as np

        values = self.to_numpy()
        measured = values[np.isfinite(values) & (values > 0)]
        if measured.size == 0:
            return None
        unit = _meters_per_value(self)
        return (float(measured.min()) * unit, float(measured.max()) * unit,
                float(measured.mean(dtype=np.float64)) * unit)
