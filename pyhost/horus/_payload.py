# SPDX-License-Identifier: Apache-2.0
"""What images, clouds and tensors do through NumPy. Importing this adds it to the classes."""
# The methods below are another class's: their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ._errors import OutOfRange
from ._extend import extend
from ._horus import DepthImage, Image, PointCloud, Tensor
from ._methods._numbers import fitted, unmasked
from ._values import Answer

if TYPE_CHECKING:
    import numpy.typing as npt

    _Any = Image | PointCloud | DepthImage | Tensor
    _Stamp = Image | PointCloud | DepthImage

_P = TypeVar("_P", Image, PointCloud, DepthImage, Tensor)

_OPAQUE = {"bfloat16": "V2"}  # NumPy has two bytes for it that it does not look into.

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

        dtype = np.dtype(_OPAQUE.get(self.dtype, self.dtype))
        if isinstance(source, (bytes, bytearray, memoryview)):
            source = np.frombuffer(source, dtype=np.uint8)
            if source.nbytes != self.nbytes:
                raise ValueError(f"{source.nbytes} bytes given, it has {self.nbytes}")
            source = source.view(dtype).reshape(self.shape)
        source = unmasked(source)
        if source.shape != self.shape or source.dtype != dtype:
            raise ValueError(
                f"{source.shape} of {source.dtype} given, it is {self.shape} of {dtype}")
        self._renew()
        self.to_numpy()[...] = source

    def fill(self: _Any, value: npt.ArrayLike) -> None:
        """Sets every element to a value, or each row, pixel or point to values."""
        import numpy as np

        # What does not fit is told before anything changes.
        elements = _elements(self, value)
        np.broadcast_to(elements, self.shape)
        self._renew()
        self.to_numpy()[...] = elements

    def is_cpu(self: _Any) -> bool:
        """Whether the elements lie in the CPU's memory: always."""
        return True

    def is_cuda(self: _Any) -> bool:
        """Whether the elements lie in a GPU's memory: never."""
        return False

    @property
    def is_gpu(self: _Any) -> Answer:
        """As is_cuda(). Reads as a value, and can be called."""
        return Answer(False)

    def to_cpu(self: _P) -> _P:
        """The object itself: it lies in the CPU's memory."""
        return self

    def __setitem__(self: _Any, index: Any, value: npt.ArrayLike) -> None:
        self.to_numpy()[index] = _elements(self, value)

    def __len__(self: _Any) -> int:
        return len(self.to_numpy())

    def __reduce__(self: _Any) -> tuple[Any, ...]:
        arguments, attributes = _PARTS[type(self)]
        return _rebuild, (type(self), tuple(getattr(self, name) for name in arguments),
                          self.to_numpy().tobytes(),
                          {name: getattr(self, name) for name in attributes})


@extend(Image, PointCloud, DepthImage)
class _Stamped:
    @property
    def device(self: _Any) -> str:
        """Where the elements lie: 'cpu'."""
        self.nbytes  # Raises where it was released.
        return "cpu"

    def set_frame_id(self: _Stamp, frame_id: str) -> None:
        """As `frame_id =`."""
        self.frame_id = frame_id

    def set_timestamp_ns(self: _Stamp, timestamp_ns: int) -> None:
        """As `timestamp_ns =`."""
        self.timestamp_ns = timestamp_ns

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


def _elements(payload: _Any, value: npt.ArrayLike) -> npt.NDArray[Any]:
    import numpy as np

    if payload.dtype in _OPAQUE:
        return np.asarray(value, _OPAQUE[payload.dtype])
    return fitted(type(payload).__name__, value, payload.dtype)


def check_pixel(image: Image | DepthImage, x: int, y: int) -> None:
    """OutOfRange for a pixel that is not in the image."""
    if not (0 <= x < image.width and 0 <= y < image.height):
        raise OutOfRange(f"pixel ({x}, {y}) of an image of {image.width} x {image.height}")
