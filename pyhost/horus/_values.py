# SPDX-License-Identifier: Apache-2.0
"""The words that arguments and statistics use."""
import enum


class Miss(str, enum.Enum):
    """What follows when a tick misses its deadline."""

    WARN = "warn"
    SKIP = "skip"
    SAFE_MODE = "safe_mode"
    STOP = "stop"


class NodeState(str, enum.Enum):
    """Where a node is in its life."""

    UNINITIALIZED = "uninitialized"
    INITIALIZING = "initializing"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"
    CRASHED = "crashed"
