# SPDX-License-Identifier: Apache-2.0
"""What the methods of messages share: arithmetic, and refusals that name what they refuse."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable, Iterable, TypeVar

from .._errors import Full, OutOfRange
from .._horus import Vector3, timestamp_ns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_Expected = TypeVar("_Expected")
_Message = TypeVar("_Message", bound=Any)

# A quaternion counts as a rotation when its length is this close to 1; what single-precision
# arithmetic loses is far less, and what is farther off was not meant as a rotation.
UNIT_TOLERANCE = 0.01

_record_types: dict[type, np.dtype[np.void]] = {}


def finite(*values: float) -> bool:
    return all(map(math.isfinite, values))


def wrapped(angle: float) -> float:
    """The same angle within [-pi, pi]."""
    return math.remainder(angle, math.tau)


def normalized(vector: Iterable[float]) -> list[float] | None:
    """The vector with length 1; None when its length is 0 or not finite."""
    values = list(vector)
    largest = max(abs(value) for value in values)
    if largest == 0 or not finite(*values):
        return None
    scaled = [value / largest for value in values]  # Squares of the values may not fit.
    length = math.hypot(*scaled)
    return [value / length for value in scaled]


def diagonal(matrix: npt.NDArray[Any], width: int, first: int) -> tuple[float, float, float]:
    """Three values in a row of the diagonal of a row-major square matrix."""
    x, y, z = (float(matrix[i * (width + 1)]) for i in range(first, first + 3))
    return x, y, z


def is_unit(quaternion: Iterable[float]) -> bool:
    # A comparison with NaN is false.
    return abs(math.hypot(*quaternion) - 1.0) <= UNIT_TOLERANCE


def quaternion_from_euler(
    roll: float, pitch: float, yaw: float
) -> tuple[float, float, float, float]:
    """(x, y, z, w) of the rotation by roll about x, then pitch about y, then yaw about z.

    The axes stay fixed, which is the same as yaw, pitch, roll about the axes that turn (ZYX);
    q = q_z(yaw) q_y(pitch) q_x(roll), multiplied out.
    """
    sr, cr = math.sin(roll / 2), math.cos(roll / 2)
    sp, cp = math.sin(pitch / 2), math.cos(pitch / 2)
    sy, cy = math.sin(yaw / 2), math.cos(yaw / 2)
    return (
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )


def expect(name: str, value: object, cls: type[_Expected]) -> _Expected:
    """`value`, which has to be of that class."""
    if not isinstance(value, cls):
        raise TypeError(f"{name} must be {cls.__name__}, not {type(value).__name__}")
    return value


def of_now(message: _Message) -> _Message:
    """The message itself, whose timestamp is now."""
    message.timestamp_ns = timestamp_ns()
    return message


def vector(
    x: Vector3 | float, y: float | None, z: float | None
) -> tuple[float, float, float]:
    """Three numbers from a Vector3, or from themselves."""
    if isinstance(x, Vector3):
        if y is not None or z is not None:
            raise TypeError("a Vector3 stands for all three numbers; give nothing beside it")
        return x.x, x.y, x.z
    if y is None or z is None:
        raise TypeError("give a Vector3, or three numbers")
    return x, y, z


def within(name: str, value: float, low: float, high: float) -> float:
    """`value`, which has to lie within [low, high]; NaN does not."""
    if not low <= value <= high:
        raise ValueError(f"{name}: {value} is not within {low} to {high}")
    return value


def not_negative(name: str, value: float) -> float:
    return within(name, value, 0.0, math.inf)


def positive(name: str, value: float) -> float:
    """`value`, which has to be finite and greater than 0."""
    if not 0.0 < value < math.inf:
        raise ValueError(f"{name}: {value} is not greater than 0 and finite")
    return value


def unmasked(value: npt.ArrayLike) -> npt.NDArray[Any]:
    """As an array. ValueError where some of it is masked: without its mask it says something else.
    """
    import numpy as np

    if np.ma.is_masked(value):  # type: ignore[no-untyped-call]
        raise ValueError("the array has masked values; say what they are, with array.filled(...)")
    return np.asarray(value)


def fitted(name: str, value: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The numbers as elements of that type, which a single-precision one may round.

    Raises ValueError for one that does not fit, TypeError for what is no number.
    """
    import numpy as np

    given, kept = unmasked(value), np.dtype(dtype)
    if given.dtype == kept:
        return given
    if given.dtype.kind not in "biufO":
        raise TypeError(f"{name}: {value!r} is no number")
    try:
        if given.dtype.kind == "O" and kept.kind == "f":
            given = given.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            elements = given.astype(kept)
    except OverflowError:
        raise ValueError(f"{name}: {value!r} does not fit into {kept}") from None
    if kept.kind == "f":
        lost = np.isfinite(given) & ~np.isfinite(elements)
    else:
        lost = elements != given
    if lost.any():
        raise ValueError(f"{name}: {given[lost].flat[0]} does not fit into {kept}")
    return elements


def index_in(name: str, index: int, length: int) -> int:
    """`index`, which has to be that of one of `length` elements."""
    if not 0 <= index < length:
        what = f"0 to {length - 1}" if length else "nothing: there are no elements"
        raise OutOfRange(f"{name}: {index} is not within {what}")
    return index


def size_of(cls: Callable[[], Any]) -> int:
    """Bytes of a message class on the wire."""
    return memoryview(cls()).nbytes


def record(message: Any) -> npt.NDArray[np.void]:
    """The message's memory as one NumPy record, arrays with all that they have room for."""
    import numpy as np

    # NumPy makes a type from a buffer's format in a time that is worth saving.
    dtype = _record_types.get(type(message))
    if dtype is None:
        dtype = _record_types[type(message)] = np.asarray(message).dtype
    return np.frombuffer(message, dtype).reshape(())


def append(message: Any, array: str, count: str, element: Any) -> int:
    """Adds a copy of the message `element` to a counted array of messages; returns its index.

    Raises Full when there is no room.
    """
    memory = record(message)
    elements = memory[array]
    length = int(memory[count])
    name = f"{type(message).__name__}.{array}"
    if length >= len(elements):
        raise Full(f"{name}: {length} values, the capacity is {len(elements)}")
    elements[length] = record(element)
    memory[count] = length + 1
    return length
