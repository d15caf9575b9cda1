# SPDX-License-Identifier: Apache-2.0
"""len() and indexing of messages that are lists."""
from __future__ import annotations

from typing import Any, Callable

from .._horus import (
    DiagnosticReport, JointCommand, JointState, LaserScan, NavPath, PathPlan, PlaneArray,
    VelocityObstacles,
)


def _is_list(cls: type, what: str, elements: Callable[[Any], Any]) -> None:
    """Gives a message class the length of its elements, and the elements by index."""

    field = vars(cls)["__getitem__"]

    def __len__(self: Any) -> int:
        return len(elements(self))

    def __getitem__(self: Any, index: Any) -> Any:
        return field(self, index) if isinstance(index, str) else elements(self)[index]

    def __bool__(self: Any) -> bool:
        return True

    __len__.__doc__ = f"How many {what} there are."
    __getitem__.__doc__ = (
        f"One of the {what}, or of a slice all; IndexError where there is none. "
        "A field by its name.")
    __bool__.__doc__ = "True, even without elements: `if message:` asks whether there is one."
    for method in (__len__, __getitem__, __bool__):
        setattr(cls, method.__name__, method)


_is_list(DiagnosticReport, "values", lambda report: report.values)
_is_list(JointCommand, "joints' names", lambda command: command.joint_names)
_is_list(JointState, "joints' names", lambda state: state.names)
_is_list(LaserScan, "ranges", lambda scan: scan.ranges)
_is_list(NavPath, "waypoints", lambda path: path.waypoints)
_is_list(PathPlan, "waypoints (x, y, theta)",
         lambda plan: plan.waypoint_data.reshape(-1, 3)[:plan.waypoint_count])
_is_list(PlaneArray, "planes", lambda array: array.planes)
_is_list(VelocityObstacles, "obstacles", lambda obstacles: obstacles.obstacles)
