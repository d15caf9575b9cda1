# SPDX-License-Identifier: Apache-2.0
"""The words that arguments and statistics use."""
import enum


class Miss(str, enum.Enum):
    """What follows when a tick misses its deadline."""

    WARN = "warn"
    SKIP = "skip"
    SAFE_MODE = "safe_mode"
    STOP = "stop"

    def __str__(self) -> str:
        return str(self.value)


class NodeState(str, enum.Enum):
    """Where a node is in its life."""

    UNINITIALIZED = "uninitialized"
    INITIALIZING = "initializing"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"
    CRASHED = "crashed"

    def __str__(self) -> str:
        return str(self.value)


class Answer(int):
    """True or False, as a value and as a call: `topic.is_generic`, `topic.is_generic()`."""

    def __call__(self) -> bool:
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


class Text(str):
    """A text, as a value and as a call: `scheduler.scheduler_name`, `scheduler.scheduler_name()`.
    """

    def __call__(self) -> str:
        return str(self)
