# SPDX-License-Identifier: Apache-2.0
"""Gives Python methods to classes that C++ made."""
from __future__ import annotations

import types
from typing import Any, Callable, TypeVar

_Methods = TypeVar("_Methods", bound=type)


class _Maker(staticmethod):  # type: ignore[type-arg]  # Not generic at run time before 3.12.
    """A static method that makes an object, and is refused on an object.

    `order.stop()` would make a new message and leave `order` as it was, unnoticed.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return super().__get__(instance, owner)
        call = f"{type(instance).__name__}.{self.__func__.__name__}()"
        raise AttributeError(f"{call} makes a new object; call it on the class")


def extend(*targets: type) -> Callable[[_Methods], _Methods]:
    """Decorates a class whose functions and properties become those of each target."""

    def install(methods: _Methods) -> _Methods:
        for name, member in vars(methods).items():
            if isinstance(member, staticmethod):
                member = _Maker(member.__func__)
            elif not isinstance(member, (types.FunctionType, property)):
                continue
            for target in targets:
                setattr(target, name, member)
        return methods

    return install
