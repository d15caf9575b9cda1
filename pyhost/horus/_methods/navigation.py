# SPDX-License-Identifier: Apache-2.0
"""Methods of goals, paths and moving obstacles."""
# The methods below are other classes': their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Iterable

from .._errors import Full
from .._extend import extend
from .._horus import (
    GoalResult, NavGoal, NavPath, PathPlan, Pose2D, Twist, VelocityObstacle, VelocityObstacles,
    Waypoint,
)
from ._numbers import append, expect, fitted, index_in, not_negative, of_now, record, wrapped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt



@extend(NavGoal)
class _NavGoal:
    def with_timeout(self: NavGoal, seconds: float) -> NavGoal:
        """A copy that gives the robot so many s."""
        changed = copy.copy(self)
        changed.timeout_seconds = not_negative("seconds", seconds)
        return changed

    def with_priority(self: NavGoal, priority: int) -> NavGoal:
        """A copy with this priority, 0 to 255."""
        changed = copy.copy(self)
        changed.priority = priority
        return changed

    def is_position_reached(self: NavGoal, pose: Pose2D) -> bool:
        """Whether the pose is no farther than tolerance_position from the goal."""
        place = expect("pose", pose, Pose2D)
        return self.target_pose.distance_to(place) <= self.tolerance_position

    def is_orientation_reached(self: NavGoal, pose: Pose2D) -> bool:
        """Whether the pose's heading is within tolerance_angle of the goal's, the short way."""
        turn = expect("pose", pose, Pose2D).theta - self.target_pose.theta
        return math.isfinite(turn) and abs(wrapped(turn)) <= self.tolerance_angle

    def is_reached(self: NavGoal, pose: Pose2D) -> bool:
        """Whether both position and heading are reached."""
        return self.is_position_reached(pose) and self.is_orientation_reached(pose)


@extend(GoalResult)
class _GoalResult:
    def with_error(self: GoalResult, message: str) -> GoalResult:
        """A copy with this error message, at most 63 bytes. The status stays what it is."""
        changed = copy.copy(self)
        changed.error_message = message
        return changed


@extend(Waypoint)
class _Waypoint:
    def with_velocity(self: Waypoint, velocity: Twist) -> Waypoint:
        """A copy that the robot passes at this velocity."""
        changed = copy.copy(self)
        changed.velocity = velocity
        return changed

    def with_stop(self: Waypoint) -> Waypoint:
        """A copy where the robot stops: stop_required is set, and the velocity is 0."""
        changed = copy.copy(self)
        changed.stop_required = True
        changed.velocity = Twist.stop()
        return changed


@extend(NavPath)
class _NavPath:
    def add_waypoint(self: NavPath, waypoint: Waypoint) -> None:
        """Adds a copy of the waypoint at the end.

        total_length grows by the straight way to it, duration_seconds to its time_from_start.
        Raises ValueError when there are 256 already.
        """
        expect("waypoint", waypoint, Waypoint)
        index = append(self, "waypoints", "waypoint_count", waypoint)
        if index > 0:
            before = record(self)["waypoints"]["pose"][index - 1]
            place = waypoint.pose
            self.total_length += math.hypot(place.x - before["x"], place.y - before["y"])
        self.duration_seconds = max(self.duration_seconds, waypoint.time_from_start)

    def get_waypoints(self: NavPath) -> list[Waypoint]:
        """The waypoints in use, as views of the path's memory."""
        return self.waypoints

    def closest_waypoint_index(self: NavPath, pose: Pose2D) -> int | None:
        """Index of the waypoint that is nearest to the pose, the first of several; None without
        waypoints. Raises ValueError when the pose is not finite."""
        places = _places(self)
        distances = _squares(places - _place(pose)[None])
        return int(distances.argmin()) if len(places) else None

    def calculate_progress(self: NavPath, pose: Pose2D) -> float:
        """How much of the path lies behind the pose, 0 to 1.

        The length up to the path's point that is nearest to the pose (between waypoints too), over
        the length of all. 0 without waypoints, 1 on a path without length. Raises ValueError when
        the pose is not finite.
        """
        place, places = _place(pose), _places(self)
        if not len(places):
            return 0.0
        starts, ways = places[:-1], places[1:] - places[:-1]
        squares = _squares(ways)
        lengths = squares ** 0.5
        total = float(lengths.sum())
        if not total > 0:
            return 1.0
        # The nearest point of each segment, as a share of it: the projection, kept on the segment.
        shares = ((place - starts) * ways).sum(axis=1)
        shares = (shares / squares.clip(min=1e-300)).clip(0.0, 1.0)
        nearest = int(_squares(starts + shares[:, None] * ways - place).argmin())
        behind = lengths[:nearest].sum() + shares[nearest] * lengths[nearest]
        return float(behind) / total


def _places(path: NavPath) -> npt.NDArray[np.float64]:
    """(x, y) of each waypoint."""
    import numpy as np

    poses = record(path)["waypoints"]["pose"][:path.waypoint_count]
    return np.stack([poses["x"], poses["y"]], axis=-1)


def _place(pose: Pose2D) -> npt.NDArray[np.float64]:
    import numpy as np

    if not expect("pose", pose, Pose2D).is_valid():
        raise ValueError(f"pose: {pose} is not finite")
    return np.array([pose.x, pose.y])


def _squares(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    squares: npt.NDArray[np.float64] = (vectors ** 2).sum(axis=-1)
    return squares


@extend(PathPlan)
class _PathPlan:
    @staticmethod
    def from_waypoints(
        waypoints: Iterable[Iterable[float]], goal_x: float = 0.0, goal_y: float = 0.0,
        goal_theta: float = 0.0,
    ) -> PathPlan:
        """A plan through the waypoints (x, y, theta), in m and rad, to a goal.

        Raises ValueError when there are more than 256, or one has not three values.
        """
        plan = of_now(PathPlan(goal_x, goal_y, goal_theta))
        for index, waypoint in enumerate(waypoints):
            values = list(waypoint)
            if len(values) != 3:
                raise ValueError(f"waypoints[{index}]: {len(values)} values, not x, y and theta")
            plan.add_waypoint(*values)
        return plan

    def add_waypoint(self: PathPlan, x: float, y: float, theta: float) -> None:
        """Adds a waypoint at the end; m and rad. Raises ValueError when there are 256 already."""
        memory = record(self)
        data = memory["waypoint_data"].reshape(-1, 3)
        count = int(memory["waypoint_count"])
        if count >= len(data):
            raise Full(
                f"PathPlan.waypoint_data: {count} waypoints, the capacity is {len(data)}")
        data[count] = fitted("waypoint", (x, y, theta), data.dtype)
        memory["waypoint_count"] = count + 1

    def waypoint(self: PathPlan, index: int) -> tuple[float, float, float]:
        """(x, y, theta) of a waypoint, in m and rad. Raises IndexError when there is none."""
        data = self.waypoint_data.reshape(-1, 3)
        index_in("index", index, min(self.waypoint_count, len(data)))
        x, y, theta = data[index].tolist()
        return x, y, theta

    def is_empty(self: PathPlan) -> bool:
        """Whether there is no waypoint."""
        return self.waypoint_count == 0


@extend(VelocityObstacles)
class _VelocityObstacles:
    def add_obstacle(self: VelocityObstacles, obstacle: VelocityObstacle) -> None:
        """Adds a copy of the obstacle. Raises ValueError when there are 32 already."""
        expect("obstacle", obstacle, VelocityObstacle)
        append(self, "obstacles", "count", obstacle)

    def get_obstacles(self: VelocityObstacles) -> list[VelocityObstacle]:
        """The obstacles in use, as views of this message's memory."""
        return self.obstacles
