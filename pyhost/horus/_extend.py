# SPDX-License-Identifier: Apache-2.0
"""Gives Python methods to classes that C++ made."""
from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

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


class Free:
    """An attribute of a class that an object's own of this name hides."""

    def __init__(self, built_in: Any) -> None:
        self._built_in = built_in
        self.__doc__ = built_in.__doc__

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._built_in.__get__(instance, owner)


def also_named(names: Mapping[str, str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates a function that takes arguments under other names, too: theirs: ours."""

    def install(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **keywords: Any) -> Any:
            for theirs in names.keys() & keywords.keys():
                ours = names[theirs]
                if ours in keywords:
                    raise TypeError(f"{theirs}= and {ours}= are one argument; give one of them")
                keywords[ours] = keywords.pop(theirs)
            return function(*args, **keywords)

        return call

    return install


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
