# SPDX-License-Identifier: Apache-2.0
"""What an Image does through NumPy. Importing this module adds it to the class."""
# The methods below are another class's: their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._extend import extend
from ._horus import Image

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
        import numpy as np

        array = np.asarray(array)
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

    def copy_from(self: Image, source: Any) -> None:
        """Takes over the pixels of an array, an image, or bytes of the same size."""
        import numpy as np

        view = self.to_numpy()
        if isinstance(source, (bytes, bytearray, memoryview)):
            source = np.frombuffer(source, dtype=view.dtype)
            if source.size != view.size:
                raise ValueError(f"{source.nbytes} bytes given, the image has {self.nbytes}")
            source = source.reshape(view.shape)
        source = np.asarray(source)
        if source.shape != view.shape or source.dtype != view.dtype:
            raise ValueError(
                f"{source.shape} of {source.dtype} given, the image is {view.shape} of {view.dtype}"
            )
        view[...] = source

    def pixel(self: Image, x: int, y: int) -> list[Any]:
        """The values of one pixel, as a list."""
        _check_pixel(self, x, y)
        values: list[Any] = self.to_numpy()[y, x].reshape(-1).tolist()
        return values

    def set_pixel(self: Image, x: int, y: int, value: npt.ArrayLike) -> None:
        """Sets one pixel to a value, or to one for each channel."""
        _check_pixel(self, x, y)
        self.to_numpy()[y, x] = value

    def fill(self: Image, value: npt.ArrayLike) -> None:
        """Sets every pixel to a value, or to one for each channel."""
        self.to_numpy()[...] = value

    def roi(self: Image, x: int, y: int, width: int, height: int) -> npt.NDArray[Any]:
        """A view of a rectangle, without a copy."""
        if x < 0 or y < 0 or width < 1 or height < 1:
            raise ValueError(f"no rectangle: x={x}, y={y}, width={width}, height={height}")
        if x + width > self.width or y + height > self.height:
            raise ValueError(f"the rectangle leaves the image of {self.width} x {self.height}")
        return self.to_numpy()[y : y + height, x : x + width]

    def is_cpu(self: Image) -> bool:
        """Whether the pixels lie in the CPU's memory: always."""
        return True

    def is_cuda(self: Image) -> bool:
        """Whether the pixels lie in a GPU's memory: never."""
        return False

    def to_cpu(self: Image) -> Image:
        """The image itself: it lies in the CPU's memory."""
        return self

    def __getitem__(self: Image, index: Any) -> Any:
        return self.to_numpy()[index]

    def __setitem__(self: Image, index: Any, value: npt.ArrayLike) -> None:
        self.to_numpy()[index] = value

    def __len__(self: Image) -> int:
        return self.height

    def __reduce__(self: Image) -> tuple[Any, ...]:
        return _rebuild, (self.to_numpy().tobytes(), self.height, self.width, self.encoding,
                          self.timestamp_ns, self.frame_id)


def _check_pixel(image: Image, x: int, y: int) -> None:
    if not (0 <= x < image.width and 0 <= y < image.height):
        raise IndexError(f"pixel ({x}, {y}) of an image of {image.width} x {image.height}")


def _rebuild(data: bytes, height: int, width: int, encoding: str, timestamp_ns: int,
             frame_id: str) -> Image:
    image = Image.from_bytes(data, height, width, encoding)
    image.timestamp_ns, image.frame_id = timestamp_ns, frame_id
    return image
