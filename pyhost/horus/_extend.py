# SPDX-License-Identifier: Apache-2.0
"""Gives Python methods to classes that C++ made."""
from __future__ import annotations

import types
from typing import Callable, TypeVar

_Methods = TypeVar("_Methods", bound=type)


def extend(target: type) -> Callable[[_Methods], _Methods]:
    """Decorates a class whose functions become methods of `target`."""

    def install(methods: _Methods) -> _Methods:
        for name, function in vars(methods).items():
            if isinstance(function, (types.FunctionType, staticmethod)):
                setattr(target, name, function)
        return methods

    return install
