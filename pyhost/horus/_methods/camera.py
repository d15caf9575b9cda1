# SPDX-License-Identifier: Apache-2.0
"""Methods of cameras, point fields and planes."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

from .._extend import extend
from .._horus import (
    CameraInfo, PlaneArray, PlaneDetection, PointField, RegionOfInterest, StereoInfo,
)
from ._numbers import append, expect, not_negative

if TYPE_CHECKING:
    import numpy.typing as npt

# Bytes of an element, by the code of its type: float32, float64, float16, bfloat16, int8, int16,
# int32, int64, uint8, uint16, uint32, uint64, bool.
_ELEMENT_SIZES = (4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 8, 1)


@extend(CameraInfo)
class _CameraInfo:
    def focal_lengths(self: CameraInfo) -> tuple[float, float]:
        """(fx, fy) of the camera matrix, in px."""
        return self.fx, self.fy

    def principal_point(self: CameraInfo) -> tuple[float, float]:
        """(cx, cy) of the camera matrix, in px."""
        return self.cx, self.cy

    def with_distortion_model(
        self: CameraInfo, model: str, coefficients: npt.ArrayLike | None = None
    ) -> CameraInfo:
        """A copy with this distortion model, at most 15 bytes, and up to 8 coefficients of it.

        None leaves the coefficients as they are.
        """
        changed = copy.copy(self)
        if coefficients is not None:
            changed.distortion_coefficients = coefficients
        changed.distortion_model = model
        return changed


@extend(RegionOfInterest)
class _RegionOfInterest:
    def contains(self: RegionOfInterest, x: float, y: float) -> bool:
        """Whether a point of the image, in px, lies in it; its right and lower edge do not."""
        return (0 <= x - self.x_offset < self.width) and (0 <= y - self.y_offset < self.height)

    def area(self: RegionOfInterest) -> int:
        """px^2."""
        return self.width * self.height


@extend(StereoInfo)
class _StereoInfo:
    def depth_from_disparity(self: StereoInfo, disparity: float) -> float:
        """Depth in m of a point whose images are `disparity` px apart.

        Of a rectified pair: left camera's fx * baseline * depth_scale / disparity; infinite at 0.
        """
        not_negative("disparity", disparity)
        return _reach(self) / disparity if disparity else math.inf

    def disparity_from_depth(self: StereoInfo, depth: float) -> float:
        """The disparity in px of a point at a depth in m, the other way round; infinite at 0."""
        not_negative("depth", depth)
        return _reach(self) / depth if depth else math.inf


def _reach(stereo: StereoInfo) -> float:
    return stereo.left.fx * stereo.baseline * stereo.depth_scale


@extend(PointField)
class _PointField:
    def field_size(self: PointField) -> int:
        """Bytes of the field in each point. Raises ValueError when the datatype is unknown."""
        if self.datatype >= len(_ELEMENT_SIZES):
            raise ValueError(f"PointField.datatype: {self.datatype} is not within 0 to "
                             f"{len(_ELEMENT_SIZES) - 1}")
        return _ELEMENT_SIZES[self.datatype] * self.count


@extend(PlaneDetection)
class _PlaneDetection:
    def distance_to_point(self: PlaneDetection, x: float, y: float, z: float) -> float:
        """Metres from a point to the plane, on either side.

        |a x + b y + c z + d| / |(a, b, c)|. Raises ValueError when a, b and c are all 0: that is
        no plane.
        """
        a, b, c, d = map(float, self.coefficients)
        length = math.hypot(a, b, c)
        if length == 0:
            raise ValueError("PlaneDetection.coefficients: a, b and c are 0, which is no plane")
        return abs(a * x + b * y + c * z + d) / length

    def contains_point(
        self: PlaneDetection, x: float, y: float, z: float, tolerance: float = 0.01
    ) -> bool:
        """Whether a point is no farther than `tolerance` m from the plane, which has no edges."""
        return self.distance_to_point(x, y, z) <= not_negative("tolerance", tolerance)


@extend(PlaneArray)
class _PlaneArray:
    def add_plane(self: PlaneArray, plane: PlaneDetection) -> None:
        """Adds a copy of the plane. Raises ValueError when there are 16 already."""
        expect("plane", plane, PlaneDetection)
        append(self, "planes", "count", plane)
