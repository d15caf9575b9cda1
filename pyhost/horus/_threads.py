# SPDX-License-Identifier: Apache-2.0
"""What makes an executor's thread, which Python has not started, one of threading's: by its name
and by the functions of debuggers, coverage and profilers. begin() and end() are called on it.

Threads and processes that it starts run on the CPUs of the process, not on those that it was
given: a child inherits them, and would compete with the tick that started it."""
from __future__ import annotations

import _posixsubprocess
import _thread
import functools
import os
import sys
import threading
import types
from collections.abc import Callable

from horus import _horus

_executors: dict[int, threading.Thread] = {}
# threading keeps a thread that it has not started for ever, and its number is given to others.
_known: dict[int, threading.Thread] = getattr(threading, "_active", {})


def _set_free(module: types.ModuleType | None, *names: str) -> None:
    """Have functions of a module that start something free it of the CPUs of who calls them."""
    for name in names:
        if (start := getattr(module, name, None)) is not None:
            setattr(module, name, _freed(start, module.__name__))  # type: ignore[union-attr]


def _freed(start: Callable[..., object], module: str) -> Callable[..., object]:
    @functools.wraps(start)
    def freed(*arguments: object, **named: object) -> object:
        return _horus._off_its_cpus(start, *arguments, **named)
    # Where it is to be found: pickle asks.
    freed.__module__ = module
    return freed


@functools.cache
def _set_children_free() -> None:
    # A child of fork() is freed below Python. What has been imported by name has a name of its own.
    _set_free(_thread, "start_new_thread", "start_joinable_thread")
    _set_free(threading, "_start_new_thread", "_start_joinable_thread")
    _set_free(_posixsubprocess, "fork_exec")
    _set_free(sys.modules.get("subprocess"), "_fork_exec")
    _set_free(os, "posix_spawn", "posix_spawnp", "system")


def begin(name: str) -> None:
    """Enter the thread under the name of its node."""
    if _horus._has_cpus():
        _set_children_free()
    thread = threading.current_thread()
    thread.name = name
    _executors[threading.get_ident()] = thread
    if (trace := threading.gettrace()) is not None:
        sys.settrace(trace)
    if (profile := threading.getprofile()) is not None:
        sys.setprofile(profile)


def end() -> None:
    """Take the thread out again."""
    _executors.pop(threading.get_ident(), None)
    _known.pop(threading.get_ident(), None)


def _before_fork() -> None:
    # The child's only thread is its main thread; as one of these threading could not end it.
    if threading.get_ident() in _executors:
        _known.pop(threading.get_ident(), None)


def _after_fork_in_parent() -> None:
    if (thread := _executors.get(threading.get_ident())) is not None:
        _known[threading.get_ident()] = thread


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent,
                    after_in_child=_executors.clear)
