# SPDX-License-Identifier: Apache-2.0
"""Methods of goals, paths and moving obstacles."""
import math

import numpy as np
import pytest

import horus
from horus import GoalStatus

NAN, INF = math.nan, math.inf


def path_through(*places):
    path = horus.NavPath()
    for place in places:
        path.add_waypoint(horus.Waypoint(*place))
    return path


def at(x, y, theta=0.0):
    return horus.Pose2D(x, y, theta)


# Two sides of a square: right 4 m, then up 4 m.
CORNER = path_through((0, 0), (4, 0), (4, 4))


@pytest.mark.parametrize("pose, position, orientation", [
    (at(1, 2, 3), True, True), (at(1.5, 2, 3), True, True), (at(1.51, 2, 3), False, True),
    (at(1.3, 2.39, 3), True, True), (at(1, 2, 2.75), True, True), (at(1, 2, 2.74), True, False),
    (at(1, 2, -3.1), True, True),  # 0.18 rad away, across the half turn.
    (at(1, 2, 3 - 4 * math.pi), True, True), (at(9, 9, 0), False, False),
    (at(NAN, 2, 3), False, True), (at(1, 2, NAN), True, False), (at(1, 2, INF), True, False)])
def test_a_goal_is_reached_within_both_tolerances(pose, position, orientation):
    goal = horus.NavGoal(1, 2, 3, position_tolerance=0.5, angle_tolerance=0.25)
    assert goal.is_position_reached(pose) is position
    assert goal.is_orientation_reached(pose) is orientation
    assert goal.is_reached(pose) is (position and orientation)


def test_a_goal_takes_its_timeout_and_priority():
    goal = horus.NavGoal(1, 2).with_timeout(12.5).with_priority(255)
    assert (goal.timeout_seconds, goal.priority) == (12.5, 255)
    assert goal.with_timeout(INF).timeout_seconds == INF


@pytest.mark.parametrize("error, call, says", [
    (ValueError, lambda: horus.NavGoal().with_timeout(-1), "seconds: -1 is not within 0.0 to inf"),
    (ValueError, lambda: horus.NavGoal().with_timeout(NAN), "seconds: nan"),
    (ValueError, lambda: horus.NavGoal().with_priority(256), "NavGoal.priority: .*8 bits"),
    (ValueError, lambda: horus.NavGoal().with_priority(-1), "NavGoal.priority"),
    (TypeError, lambda: horus.NavGoal().is_reached((1, 2, 3)), "pose must be Pose2D, not tuple"),
    (TypeError, lambda: horus.NavGoal().is_orientation_reached(3), "pose must be Pose2D, not int"),
    (ValueError, lambda: horus.GoalResult().with_error("x" * 64), "error_message: 64 bytes"),
    (TypeError, lambda: horus.Waypoint().with_velocity(3), "Waypoint.velocity must be .*Twist"),
    (TypeError, lambda: horus.NavPath().add_waypoint(at(1, 2)), "waypoint must be Waypoint, not P"),
    (ValueError, lambda: CORNER.closest_waypoint_index(at(NAN, 0)), "pose: .* is not finite"),
    (ValueError, lambda: CORNER.calculate_progress(at(0, INF)), "pose: .* is not finite"),
    (TypeError, lambda: CORNER.calculate_progress(None), "pose must be Pose2D, not NoneType"),
    (TypeError, lambda: horus.VelocityObstacles().add_obstacle(3), "obstacle must be VelocityObst"),
    (ValueError, lambda: horus.PathPlan.from_waypoints([(1, 2)]), r"waypoints\[0\]: 2 values, not"),
    (TypeError, lambda: horus.PathPlan.from_waypoints([3]), "int"),
    (IndexError, lambda: horus.PathPlan().waypoint(0), "index: 0 is not within nothing"),
])
def test_what_a_method_cannot_take_is_refused_by_name(error, call, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("status", list(GoalStatus))
def test_an_error_message_leaves_the_status_as_it_is(status):
    result = horus.GoalResult(7, status).with_error("no way through")
    assert result.error_message == "no way through" and result.status == status


def test_a_waypoint_takes_a_velocity_or_a_stop():
    waypoint = horus.Waypoint(1, 2).with_velocity(horus.Twist.new_2d(0.5, 0.1))
    assert waypoint.velocity.linear[0] == 0.5 and waypoint.velocity.angular[2] == 0.1
    assert waypoint.stop_required is False
    waypoint = waypoint.with_stop()
    assert waypoint.stop_required is True
    assert not waypoint.velocity.linear.any() and not waypoint.velocity.angular.any()


def test_a_path_grows_by_its_waypoints():
    path = horus.NavPath()
    assert path.get_waypoints() == [] and path.total_length == 0
    late = horus.Waypoint(3, 4)
    late.time_from_start = 2.5
    for waypoint in (horus.Waypoint(0, 0), late, horus.Waypoint(3, 8, 1.0).with_stop()):
        path.add_waypoint(waypoint)
    assert path.waypoint_count == 3 and path.total_length == 9.0 and path.duration_seconds == 2.5
    late.pose.x = 100.0  # The path has a copy.
    assert [(w.pose.x, w.pose.y) for w in path.get_waypoints()] == [(0, 0), (3, 4), (3, 8)]
    assert path.get_waypoints()[2].stop_required and path.get_waypoints()[2].pose.theta == 1.0
    path.get_waypoints()[1].pose.x = 7.0  # And gives views.
    assert path.waypoints[1].pose.x == 7.0


def test_a_path_takes_256_waypoints():
    path = path_through(*[(i, 0) for i in range(256)])
    before = bytes(path)
    with pytest.raises(ValueError, match="NavPath.waypoints: 256 values, the capacity is 256"):
        path.add_waypoint(horus.Waypoint())
    assert bytes(path) == before and path.total_length == 255
    assert path.closest_waypoint_index(at(1000, 0)) == 255


@pytest.mark.parametrize("pose, index", [
    (at(-1, 0), 0), (at(3, 1), 1), (at(9, 9), 2), (at(2, 0), 0), (at(4, 2), 1)])
def test_the_closest_waypoint_is_the_first_of_the_nearest(pose, index):
    assert CORNER.closest_waypoint_index(pose) == index


@pytest.mark.parametrize("pose, progress", [
    (at(0, 0), 0.0), (at(-3, -1), 0.0), (at(2, 0), 0.25), (at(2, 1), 0.25), (at(1, -5), 0.125),
    (at(4, 0), 0.5), (at(5, 2), 0.75), (at(4, 4), 1.0), (at(4, 100), 1.0), (at(3, 2), 0.75)])
def test_progress_is_the_length_behind_the_nearest_point(pose, progress):
    assert CORNER.calculate_progress(pose) == pytest.approx(progress)


@pytest.mark.parametrize("path, index, progress", [
    (path_through((1.5, 0), (1.25, 0), (1.25, 0.125)), 0, 0.0),
    (horus.NavPath(), None, 0.0), (path_through((1, 1)), 0, 1.0),
    (path_through((1, 1), (1, 1)), 0, 1.0), (path_through((0, 0), (0, 0), (2, 0)), 2, 0.75)])
def test_a_path_may_be_short_or_have_no_length(path, index, progress):
    assert path.closest_waypoint_index(at(1.5, 0)) == index
    assert path.calculate_progress(at(1.5, 0)) == progress


# 0.3 m to the right, then 0.1 m up; off the origin, with sides of unequal length.
@pytest.mark.parametrize("pose, progress", [
    (at(1, 1), 0.0), (at(1.15, 1), 0.375), (at(1.3, 1), 0.75), (at(1.3, 1.05), 0.875),
    (at(1.15, 0), 0.375), (at(9, 9), 1.0), (at(-1.15, -1), 0.0)])
def test_progress_counts_length_and_not_waypoints(pose, progress):
    path = path_through((1, 1), (1.3, 1), (1.3, 1.1))
    assert path.calculate_progress(pose) == pytest.approx(progress)


def test_a_plan_is_made_of_bare_poses():
    plan = horus.PathPlan.from_waypoints([(1, 2, 0.5), [3, 4, -0.5]], 5, 6, 0.25)
    assert plan.goal_pose.tolist() == [5, 6, 0.25] and plan.waypoint_count == 2
    assert horus.PathPlan.from_waypoints([]).goal_pose.tolist() == [0, 0, 0]
    plan.add_waypoint(7, 8, 0)
    assert [plan.waypoint(i) for i in range(3)] == [(1, 2, 0.5), (3, 4, -0.5), (7, 8, 0)]
    assert all(type(value) is float for value in plan.waypoint(0))
    for index in (-1, 3):
        with pytest.raises(IndexError, match=f"index: {index} is not within 0 to 2"):
            plan.waypoint(index)


def test_a_plan_is_empty_until_it_has_a_waypoint():
    plan = horus.PathPlan(1, 2)
    assert plan.is_empty() is True
    plan.add_waypoint(0, 0, 0)
    assert plan.is_empty() is False
    plan = horus.PathPlan.from_waypoints(iter(()), goal_x=1, goal_y=2)
    assert plan.is_empty() and plan.goal_pose.tolist() == [1, 2, 0]


def test_a_plan_takes_256_waypoints():
    plan = horus.PathPlan.from_waypoints((i, 0, 0) for i in range(256))
    assert plan.waypoint(255) == (255, 0, 0)
    with pytest.raises(ValueError, match="waypoint_data: 256 waypoints, the capacity is 256"):
        plan.add_waypoint(1, 2, 3)
    with pytest.raises(ValueError, match="the capacity is 256"):
        horus.PathPlan.from_waypoints([(0, 0, 0)] * 257)


def test_a_count_from_elsewhere_does_not_lead_past_the_waypoints():
    plan = horus.PathPlan()
    plan.waypoint_count = 60_000
    with pytest.raises(IndexError, match="index: 256 is not within 0 to 255"):
        plan.waypoint(256)
    with pytest.raises(ValueError, match="the capacity is 256"):
        plan.add_waypoint(1, 2, 3)
    raw = np.array(horus.NavPath())
    raw["waypoint_count"] = 60_000
    path = horus.NavPath.from_bytes(raw.tobytes())
    assert len(path.get_waypoints()) == 256 and path.closest_waypoint_index(at(1, 1)) == 0


def test_obstacles_are_collected():
    obstacles = horus.VelocityObstacles()
    assert obstacles.get_obstacles() == []
    for number in range(32):
        obstacles.add_obstacle(horus.VelocityObstacle(number, 1, 2, 3, radius=0.5,
                                                      obstacle_id=number))
    assert obstacles.count == 32
    assert [one.obstacle_id for one in obstacles.get_obstacles()] == list(range(32))
    assert obstacles.get_obstacles()[3].position.tolist() == [3, 1]
    with pytest.raises(ValueError, match="VelocityObstacles.obstacles: 32 values, the capacity"):
        obstacles.add_obstacle(horus.VelocityObstacle())
