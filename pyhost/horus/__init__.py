# SPDX-License-Identifier: Apache-2.0
"""HORUS: nodes that tick at a rate, topics that join them, and what hurts timing, measured."""
from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import (_classes, _depth_image, _enums, _family, _horus, _image, _methods, _point_cloud,
               _recordings, _tensor, _threads)
from ._enums import *  # noqa: F403
from ._horus import *  # noqa: F403
from ._horus import Node, Scheduler
from ._horus import __version__ as __version__
from ._horus import timestamp_ns
from ._info import NodeInfo as NodeInfo
from ._message import message as message
from ._ports import Pub as Pub
from ._ports import Sub as Sub
from ._profile import Profile as Profile
from ._profile import profile as profile
from ._rate import Rate as Rate
from ._recording import RecordedMessage as RecordedMessage
from ._recording import RecordedPayload as RecordedPayload
from ._recording import Recorder as Recorder
from ._recording import Recording as Recording
from ._recording import open_recording as open_recording
from ._recording import record as record
from ._tensor_pool import TensorPool as TensorPool
from ._values import Miss as Miss
from ._values import NodeState as NodeState
from .perception import COCOPose as COCOPose
from .perception import DetectionList as DetectionList
from .perception import PointCloudBuffer as PointCloudBuffer
from .perception import PointXYZ as PointXYZ
from .perception import PointXYZRGB as PointXYZRGB

if TYPE_CHECKING:
    import os

    from . import aio as aio

get_timestamp_ns = timestamp_ns
us = 1e-6
ms = 1e-3


def __getattr__(name: str) -> Any:
    # Only who uses it pays for the import of asyncio.
    if name == "aio":
        return importlib.import_module(".aio", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    recording: bool | str | os.PathLike[str] = False,
    name: str | None = None,
    cores: Iterable[int] | None = None,
    max_deadline_misses: int | None = None,
    verbose: bool = False,
    telemetry: object = None,
    net: object = False,
    gc: str = "slack",
    spin: bool | float | None = None,
    stop_timeout: float = 5.0,
) -> None:
    """Build a Scheduler, add the nodes, run. The options are those of Scheduler."""
    scheduler = Scheduler(
        tick_rate=tick_rate, rt=rt, deterministic=deterministic, watchdog_ms=watchdog_ms,
        blackbox_mb=blackbox_mb, recording=recording, name=name, cores=cores,
        max_deadline_misses=max_deadline_misses, verbose=verbose, telemetry=telemetry, net=net,
        gc=gc, spin=spin, stop_timeout=stop_timeout)
    for node in nodes:
        scheduler.add(node)
    scheduler.run(duration)


_NATIVE = [name for name in dir(_horus) if not name.startswith("_")]
for _name in _family.ALSO_NATIVE:
    setattr(_horus, _name, globals()[_name])
__all__ = sorted([*_NATIVE, *_enums.__all__, "COCOPose", "DetectionList", "Miss", "NodeInfo",
                  "NodeState", "PointCloudBuffer", "PointXYZ", "PointXYZRGB", "Profile", "Pub",
                  "Rate", "RecordedMessage", "RecordedPayload", "Recorder", "Recording", "Sub",
                  "TensorPool", "aio", "get_timestamp_ns", "get_version", "message", "ms",
                  "open_recording", "perception", "profile", "record", "run", "us",
                  "__version__"])
