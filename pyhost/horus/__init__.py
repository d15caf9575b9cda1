# SPDX-License-Identifier: Apache-2.0
"""HORUS: nodes that tick at a rate, topics that join them, and everything that hurts timing, measured."""
from __future__ import annotations

from typing import Any

from . import _horus, _image, _methods
from ._horus import *  # noqa: F403
from ._horus import Node, Scheduler, __version__
from ._info import NodeInfo
from ._ports import Pub, Sub
from ._values import Miss, NodeState

us = 1e-6
ms = 1e-3


def get_version() -> str:
    """The version of HORUS."""
    return __version__


def run(
    *nodes: Node,
    duration: float | None = None,
    **options: Any,
) -> None:
    """Build a Scheduler, add the nodes, run. The options are those of Scheduler."""
    scheduler = Scheduler(**options)
    for node in nodes:
        scheduler.add(node)
    scheduler.run(duration)


_NATIVE = [name for name in dir(_horus) if not name.startswith("_")]
__all__ = sorted([*_NATIVE, "Miss", "NodeInfo", "NodeState", "Pub", "Sub", "get_version", "ms",
                  "run", "us", "__version__"])
