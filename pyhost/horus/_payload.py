# SPDX-License-Identifier: Apache-2.0
"""What images, clouds and tensors do through NumPy. Importing this adds it to the classes."""
# The methods below are another class's: their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ._extend import extend
from ._horus import DepthImage, Image, PointCloud, Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    _Any = Image | PointCloud | DepthImage | Tensor

_P = TypeVar("_P", Image, PointCloud, DepthImage, Tensor)

# What makes one anew: the constructor's arguments, and what is set after.
_PARTS: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Image: (("height", "width", "encoding"), ("timestamp_ns", "frame_id")),
    PointCloud: (("point_count", "fields_per_point", "dtype"),
                 ("timestamp_ns", "frame_id", "field_names", "is_dense")),
    DepthImage: (("height", "width", "dtype"),
                 ("timestamp_ns", "frame_id", "depth_scale", "min_depth", "max_depth")),
    Tensor: (("shape", "dtype"), ()),
}


@extend(Image, PointCloud, DepthImage, Tensor)
class _Payload:
    def copy_from(self: _Any, source: Any) -> None:
        """Takes over the elements of an array of the same shape and dtype, or bytes of the same
        size."""
        import numpy as np

        view = self.to_numpy()
        if isinstance(source, (bytes, bytearray, memoryview)):
            source = np.frombuffer(source, dtype=np.uint8)
            if source.nbytes != self.nbytes:
                raise ValueError(f"{source.nbytes} bytes given, it has {self.nbytes}")
            source = source.view(view.dtype).reshape(view.shape)
        source = np.asarray(source)
        if source.shape != view.shape or source.dtype != view.dtype:
            raise ValueError(
                f"{source.shape} of {source.dtype} given, it is {view.shape} of {view.dtype}")
        view[...] = source

    def fill(self: _Any, value: npt.ArrayLike) -> None:
        """Sets every element to a value, or each row, pixel or point to values."""
        self.to_numpy()[...] = value

    def is_cpu(self: _Any) -> bool:
        """Whether the elements lie in the CPU's memory: always."""
        return True

    def is_cuda(self: _Any) -> bool:
        """Whether the elements lie in a GPU's memory: never."""
        return False

    def to_cpu(self: _P) -> _P:
        """The object itself: it lies in the CPU's memory."""
        return self

    def __setitem__(self: _Any, index: Any, value: npt.ArrayLike) -> None:
        self.to_numpy()[index] = value

    def __len__(self: _Any) -> int:
        return len(self.to_numpy())

    def __reduce__(self: _Any) -> tuple[Any, ...]:
        arguments, attributes = _PARTS[type(self)]
        return _rebuild, (type(self), tuple(getattr(self, name) for name in arguments),
                          self.to_numpy().tobytes(),
                          {name: getattr(self, name) for name in attributes})


@extend(Image, PointCloud, DepthImage)
class _Stamped:
    def __getitem__(self: _Any, index: Any) -> Any:
        return self.to_numpy()[index]

    def as_tensor(self: _Any) -> Tensor:
        """A tensor over the same memory, without a copy."""
        return Tensor._wrap(self.to_numpy(), self)


def _rebuild(kind: type[_P], arguments: tuple[Any, ...], data: bytes,
             attributes: dict[str, Any]) -> _P:
    made: _P = kind(*arguments)
    made.copy_from(data)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def check_pixel(image: Image | DepthImage, x: int, y: int) -> None:
    """IndexError for a pixel that is not in the image."""
    if not (0 <= x < image.width and 0 <= y < image.height):
        raise IndexError(f"pixel ({x}, {y}) of an image of {image.width} x {image.height}")
