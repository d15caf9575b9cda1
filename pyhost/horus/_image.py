# SPDX-License-Identifier: Apache-2.0
"""What an Image does through NumPy. Importing this module adds it to the class."""
# The methods below are another class's: their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import OutOfRange
from ._extend import extend
from ._horus import Image
from ._methods._numbers import unmasked
from ._payload import check_pixel

if TYPE_CHECKING:
    import numpy.typing as npt

_BY_SHAPE = {
    ("uint8", 1): "mono8",
    ("uint8", 3): "rgb8",
    ("uint8", 4): "rgba8",
    ("uint16", 1): "mono16",
    ("float32", 1): "mono32f",
    ("float32", 3): "rgb32f",
}


@extend(Image)
class _Image:
    @staticmethod
    def from_numpy(array: npt.ArrayLike, encoding: str | None = None) -> Image:
        """An image with the array's pixels: (height, width) or (height, width, channels).

        The encoding follows from dtype and channels unless it is given.
        """
        array = unmasked(array)
        if array.ndim not in (2, 3):
            raise ValueError(f"an image has 2 or 3 dimensions, not {array.ndim}")
        channels = array.shape[2] if array.ndim == 3 else 1
        if encoding is None:
            encoding = _BY_SHAPE.get((array.dtype.name, channels))
            if encoding is None:
                raise ValueError(f"no encoding has {channels} channels of {array.dtype}; name one")
        image = Image(array.shape[0], array.shape[1], encoding)
        if channels != image.channels or array.dtype.name != image.dtype:
            raise ValueError(
                f"{encoding} is {image.channels} channels of {image.dtype}, "
                f"the array has {channels} of {array.dtype}"
            )
        view = image.to_numpy()
        view[...] = array.reshape(view.shape)
        return image

    @staticmethod
    def from_bytes(data: bytes, height: int, width: int, encoding: str = "rgb8") -> Image:
        """An image from its bytes, row after row without gaps."""
        image = Image(height, width, encoding)
        image.copy_from(data)
        return image

    def pixel(self: Image, x: int, y: int) -> list[Any]:
        """The values of one pixel, as a list."""
        check_pixel(self, x, y)
        values: list[Any] = self.to_numpy()[y, x].reshape(-1).tolist()
        return values

    def set_pixel(self: Image, x: int, y: int, value: npt.ArrayLike) -> None:
        """Sets one pixel to a value, or to one for each channel."""
        check_pixel(self, x, y)
        self[y, x] = value

    def roi(self: Image, x: int, y: int, width: int, height: int) -> npt.NDArray[Any]:
        """A view of a rectangle, without a copy."""
        if x < 0 or y < 0 or width < 1 or height < 1:
            raise ValueError(f"no rectangle: x={x}, y={y}, width={width}, height={height}")
        if x + width > self.width or y + height > self.height:
            raise OutOfRange(f"the rectangle leaves the image of {self.width} x {self.height}")
        return self.to_numpy()[y : y + height, x : x + width]
