# SPDX-License-Identifier: Apache-2.0
"""A budget for tensors, under the family's name for it."""
from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from typing import Any

from ._horus import Tensor

_MEGABYTE = 1 << 20


class TensorPool:
    """Tensors of at most `size_mb` MiB and `max_slots` in number at a time.

    It counts what it gave out and what still lives. The blocks lie in this process's pools in
    shared memory, as those of `Tensor(...)` do, so nothing is reserved before it is needed.
    """

    pool_id: int

    def __init__(self, pool_id: int = 1, size_mb: int = 1024, max_slots: int = 1024) -> None:
        for name, value in (("size_mb", size_mb), ("max_slots", max_slots)):
            if value < 1:
                raise ValueError(f"{name}: {value} is not at least 1")
        self.pool_id = pool_id
        self._size = size_mb * _MEGABYTE
        self._max_slots = max_slots
        self._given: dict[int, weakref.ref[Tensor]] = {}

    def alloc(
        self, shape: int | Sequence[int], dtype: Any = "float32", device: str = "cpu"
    ) -> Tensor:
        """A tensor of zeros. MemoryError where it would exceed the pool."""
        if device != "cpu":
            raise RuntimeError(f"device {device!r}: CUDA support not compiled; use 'cpu'")
        living = self._living()
        if len(living) >= self._max_slots:
            raise MemoryError(f"all {self._max_slots} slots of TensorPool {self.pool_id} are in "
                              "use; release() a tensor, or give a larger max_slots")
        free = self._size - sum(tensor.nbytes for tensor in living)
        # Before it is made: it may be far larger than the pool.
        sizes = [shape] if isinstance(shape, int) else shape
        wanted = math.prod(sizes) * Tensor._itemsize(dtype)
        if wanted > free:
            raise MemoryError(f"{wanted} bytes asked for, TensorPool {self.pool_id} has "
                              f"{free} left; release() a tensor, or give a larger size_mb")
        made = Tensor(shape, dtype)
        self._given[id(made)] = weakref.ref(made)
        return made

    def stats(self) -> dict[str, int]:
        """Bytes and slots in use and in all."""
        living = self._living()
        used = sum(tensor.nbytes for tensor in living)
        return {
            "pool_id": self.pool_id,
            "pool_size": self._size,
            "max_slots": self._max_slots,
            "allocated_slots": len(living),
            "total_refcount": sum(tensor.refcount for tensor in living),
            "used_bytes": used,
            "free_bytes": self._size - used,
        }

    def _living(self) -> list[Tensor]:
        """What was given and neither dropped nor released."""
        found = {}
        for key, reference in self._given.items():
            tensor = reference()
            if tensor is not None and tensor.refcount > 0:
                found[key] = tensor
        self._given = {key: self._given[key] for key in found}
        return list(found.values())

    def __repr__(self) -> str:
        return f"TensorPool(pool_id={self.pool_id}, size_mb={self._size // _MEGABYTE}, " \
               f"max_slots={self._max_slots})"
