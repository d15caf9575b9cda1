# SPDX-License-Identifier: Apache-2.0
"""What a Tensor does through NumPy. Importing this module adds it to the class."""
# The methods below are another class's: their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import importlib
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._extend import extend
from ._horus import Tensor
from ._methods._numbers import unmasked

if TYPE_CHECKING:
    import numpy.typing as npt

_OPAQUE = "bfloat16"  # Two bytes that NumPy does not look into.


def _over(result: Any, source: Tensor) -> Tensor:
    """A tensor over what NumPy made of `source`: a view of it, or new memory."""
    import numpy as np

    return Tensor._wrap(np.asarray(result), source)


def _plain(value: Any) -> Any:
    return value.numpy() if isinstance(value, Tensor) else value


def _lengths(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """(2, 3) from what view() and reshape() are given: 2, 3 or (2, 3)."""
    if len(shape) == 1 and not hasattr(shape[0], "__index__"):
        return tuple(shape[0])
    return shape


@extend(Tensor)
class _Tensor:
    @staticmethod
    def from_numpy(array: npt.ArrayLike) -> Tensor:
        """A tensor with the array's shape, dtype and elements; copied once."""
        import numpy as np

        array = unmasked(array)
        opaque = array.dtype.name == _OPAQUE or array.dtype == np.dtype("V2")
        tensor = Tensor.empty(array.shape, _OPAQUE if opaque else array.dtype)
        tensor.numpy()[...] = array.view("V2") if opaque else array
        return tensor

    def __getitem__(self: Tensor, index: Any) -> Any:
        import numpy as np

        found = self.numpy()[_plain(index)]
        return _over(found, self) if isinstance(found, np.ndarray) else found

    def slice(self: Tensor, start: int, stop: int, step: int = 1, axis: int = 0) -> Tensor:
        """A view of the elements start to stop of one axis."""
        array = self.numpy()
        if not -array.ndim <= axis < array.ndim:
            raise IndexError(f"axis {axis} of a tensor of {array.ndim} dimensions")
        chosen = [slice(None)] * array.ndim
        chosen[axis] = slice(start, stop, step)
        return _over(array[tuple(chosen)], self)

    def view(self: Tensor, *shape: Any) -> Tensor:
        """The same elements in another shape, never copied; ValueError where that cannot be."""
        array = self.numpy().view()
        try:
            array.shape = _lengths(shape)
        except AttributeError:
            raise ValueError(
                f"no view of shape {_lengths(shape)}: the elements have gaps; use reshape()"
            ) from None
        return _over(array, self)

    def reshape(self: Tensor, *shape: Any) -> Tensor:
        """The same elements in another shape: a view where that can be, else a copy."""
        return _over(self.numpy().reshape(_lengths(shape)), self)

    def flatten(self: Tensor) -> Tensor:
        """The elements in one dimension: a view where that can be, else a copy."""
        return _over(self.numpy().reshape(-1), self)

    def squeeze(self: Tensor, axis: int | tuple[int, ...] | None = None) -> Tensor:
        """A view without the axes of length 1."""
        return _over(self.numpy().squeeze(axis), self)

    def unsqueeze(self: Tensor, axis: int) -> Tensor:
        """A view with an axis of length 1 more."""
        import numpy as np

        return _over(np.expand_dims(self.numpy(), axis), self)

    @property
    def T(self: Tensor) -> Tensor:  # noqa: N802
        """A view with the axes in reverse order."""
        return _over(self.numpy().T, self)

    def sum(self: Tensor, axis: Any = None, dtype: Any = None, out: Any = None,
            keepdims: bool = False) -> Tensor:
        """The sum of all elements, or along an axis."""
        return _over(self.numpy().sum(axis, dtype, out, keepdims=keepdims), self)

    def mean(self: Tensor, axis: Any = None, dtype: Any = None, out: Any = None,
             keepdims: bool = False) -> Tensor:
        """The mean of all elements, or along an axis."""
        return _over(self.numpy().mean(axis, dtype, out, keepdims=keepdims), self)

    def max(self: Tensor, axis: Any = None, out: Any = None, keepdims: bool = False) -> Tensor:
        """The largest of all elements, or along an axis."""
        return _over(self.numpy().max(axis, out, keepdims=keepdims), self)

    def min(self: Tensor, axis: Any = None, out: Any = None, keepdims: bool = False) -> Tensor:
        """The smallest of all elements, or along an axis."""
        return _over(self.numpy().min(axis, out, keepdims=keepdims), self)

    def astype(self: Tensor, dtype: Any) -> Tensor:
        """A new tensor with the elements converted."""
        import numpy as np

        made = Tensor.empty(self.shape, dtype)
        if (made.dtype == _OPAQUE) != (self.dtype == _OPAQUE):
            raise ValueError(f"{self.dtype} to {made.dtype}: NumPy cannot convert bfloat16")
        np.copyto(made.numpy(), self.numpy(), casting="unsafe")
        return made

    def to_float16(self: Tensor) -> Tensor:
        """As astype("float16")."""
        return self.astype("float16")

    def to_float32(self: Tensor) -> Tensor:
        """As astype("float32")."""
        return self.astype("float32")

    def to_int32(self: Tensor) -> Tensor:
        """As astype("int32")."""
        return self.astype("int32")

    def to_uint8(self: Tensor) -> Tensor:
        """As astype("uint8")."""
        return self.astype("uint8")

    def is_contiguous(self: Tensor) -> bool:
        """Whether the elements lie in C order without a gap."""
        return bool(self.numpy().flags.c_contiguous)

    def cpu(self: Tensor) -> Tensor:
        """The tensor itself: it lies in the CPU's memory."""
        return self

    def tolist(self: Tensor) -> Any:
        """The elements as nested lists."""
        return self.numpy().tolist()

    def item(self: Tensor) -> Any:
        """The one element of a tensor of one."""
        return self.numpy().item()

    def torch(self: Tensor) -> Any:
        """A PyTorch tensor over the same memory. ImportError without PyTorch; BufferError for what
        was received, which PyTorch would write to: pass on a copy()."""
        try:
            torch = importlib.import_module("torch")
        except ImportError:
            raise ImportError(
                "Tensor.torch() needs PyTorch, which is not installed: pip install torch") from None
        if self.read_only:
            raise BufferError("a received tensor is read-only, which PyTorch does not know; "
                              "use .copy().torch()")
        return torch.from_dlpack(self)

    def cuda(self: Tensor, device: str = "cuda:0") -> Tensor:
        """RuntimeError: this build has no CUDA."""
        raise RuntimeError("CUDA support not compiled")

    def __float__(self: Tensor) -> float:
        return float(self.numpy())

    def __int__(self: Tensor) -> int:
        return int(self.numpy())

    def __bool__(self: Tensor) -> bool:
        # `if tensor:` asks whether one was received, as of any message.
        array = self.numpy()
        return bool(array) if array.ndim == 0 or array.dtype == bool else True


def _binary(operation: Callable[[Any, Any], Any], reflected: bool = False) -> Callable[..., Tensor]:
    def method(self: Tensor, other: Any) -> Tensor:
        pair = (_plain(other), self.numpy()) if reflected else (self.numpy(), _plain(other))
        return _over(operation(*pair), self)

    return method


def _unary(operation: Callable[[Any], Any]) -> Callable[..., Tensor]:
    def method(self: Tensor) -> Tensor:
        return _over(operation(self.numpy()), self)

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    setattr(Tensor, f"__{_name}__", _binary(getattr(operator, _name)))
    setattr(Tensor, f"__r{_name}__", _binary(getattr(operator, _name), reflected=True))
for _name in ("lt", "le", "eq", "ne", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _binary(getattr(operator, _name)))
for _name in ("neg", "abs"):
    setattr(Tensor, f"__{_name}__", _unary(getattr(operator, _name)))
