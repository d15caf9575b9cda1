# SPDX-License-Identifier: Apache-2.0
"""HORUS: nodes that tick at a rate, topics that join them, and what hurts timing, measured."""
from __future__ import annotations

from collections.abc import Iterable

from . import _depth_image, _enums, _horus, _image, _methods, _point_cloud, _tensor
from ._enums import *  # noqa: F403
from ._horus import *  # noqa: F403
from ._horus import Node, Scheduler
from ._horus import __version__ as __version__
from ._info import NodeInfo as NodeInfo
from ._message import message as message
from ._ports import Pub as Pub
from ._ports import Sub as Sub
from ._values import Miss as Miss
from ._values import NodeState as NodeState

us = 1e-6
ms = 1e-3


def get_version() -> str:
    """The version of HORUS."""
    return __version__


def run(
    *nodes: Node,
    duration: float | None = None,
    tick_rate: float = 1000.0,
    rt: bool = False,
    deterministic: bool = False,
    watchdog_ms: float = 0,
    blackbox_mb: float = 0,
    recording: object = False,
    name: str | None = None,
    cores: Iterable[int] | None = None,
    max_deadline_misses: int | None = None,
    verbose: bool = False,
    telemetry: object = None,
    net: object = False,
    gc: str = "slack",
    spin: bool | float | None = None,
) -> None:
    """Build a Scheduler, add the nodes, run. The options are those of Scheduler."""
    scheduler = Scheduler(
        tick_rate=tick_rate, rt=rt, deterministic=deterministic, watchdog_ms=watchdog_ms,
        blackbox_mb=blackbox_mb, recording=recording, name=name, cores=cores,
        max_deadline_misses=max_deadline_misses, verbose=verbose, telemetry=telemetry, net=net,
        gc=gc, spin=spin)
    for node in nodes:
        scheduler.add(node)
    scheduler.run(duration)


_NATIVE = [name for name in dir(_horus) if not name.startswith("_")]
__all__ = sorted([*_NATIVE, *_enums.__all__, "Miss", "NodeInfo", "NodeState", "Pub", "Sub",
                  "get_version", "message", "ms", "run", "us", "__version__"])
