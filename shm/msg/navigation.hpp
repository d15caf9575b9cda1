// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"
#include "shm/msg/geometry.hpp"

namespace horus::msg {

struct NavGoal {
  Pose2D target_pose{};
  double tolerance_position{0.1};
  double tolerance_angle{0.1};
  double timeout_seconds{30.0};
  std::uint8_t priority{1};
  std::uint32_t goal_id{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<NavGoal>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(NavGoal, target_pose, "", "Where the base shall be, and how turned.", 0),
      HORUS_FIELD(NavGoal, tolerance_position, "m", "How near counts as there.", 32),
      HORUS_FIELD(NavGoal, tolerance_angle, "rad", "How near counts as turned.", 40),
      HORUS_FIELD(NavGoal, timeout_seconds, "s", "0: none.", 48),
      HORUS_FIELD(NavGoal, priority, "", "The higher goes first.", 56),
      HORUS_FIELD(NavGoal, goal_id, "", "Names the goal in its result.", 60),
      HORUS_FIELD(NavGoal, timestamp_ns, "ns", "Nanoseconds since 1970.", 64),
  };
  static constexpr std::array kArgs{shm::arg("x", "target_pose.x"),
                                    shm::arg("y", "target_pose.y"),
                                    shm::arg("theta", "target_pose.theta"),
                                    shm::arg("position_tolerance", "tolerance_position"),
                                    shm::arg("angle_tolerance", "tolerance_angle"),
                                    shm::arg("timeout", "timeout_seconds"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<NavGoal, 72, 8>(
      "NavGoal", "nav_goal", "Where a base shall go.", kFields, kArgs);
  return kType;
}

struct GoalResult {
  std::uint32_t goal_id{};
  std::uint8_t status{};
  double distance_to_goal{};
  double eta_seconds{};
  float progress{};
  std::uint8_t error_message[64]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<GoalResult>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(GoalResult, goal_id, "", "Of the goal.", 0),
      HORUS_FIELD(
          GoalResult, status, "",
          "0 pending, 1 active, 2 succeeded, 3 aborted, 4 cancelled, 5 preempted, 6 timed out.", 4),
      HORUS_FIELD(GoalResult, distance_to_goal, "m", "What is left.", 8),
      HORUS_FIELD(GoalResult, eta_seconds, "s", "Until it is reached.", 16),
      HORUS_FIELD(GoalResult, progress, "", "0 to 1.", 24),
      HORUS_TEXT(GoalResult, error_message, "", "Why it failed.", 28),
      HORUS_FIELD(GoalResult, timestamp_ns, "ns", "Nanoseconds since 1970.", 96),
  };
  static constexpr std::array kArgs{shm::arg("goal_id"), shm::arg("status"), shm::arg("progress"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<GoalResult, 104, 8>(
      "GoalResult", "nav_result", "How far a goal is.", kFields, kArgs);
  return kType;
}

struct Waypoint {
  Pose2D pose{};
  Twist velocity{};
  double time_from_start{};
  float curvature{};
  shm::Flag stop_required{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Waypoint>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Waypoint, pose, "", "Where the base is then, and how turned.", 0),
      HORUS_FIELD(Waypoint, velocity, "", "With which it is passed.", 32),
      HORUS_FIELD(Waypoint, time_from_start, "s", "When it is passed.", 88),
      HORUS_FIELD(Waypoint, curvature, "1/m", "Of the path there; positive to the left.", 96),
      HORUS_FIELD(Waypoint, stop_required, "", "Whether the base stops there.", 100),
  };
  static constexpr std::array kArgs{shm::arg("x", "pose.x"), shm::arg("y", "pose.y"),
                                    shm::arg("theta", "pose.theta")};
  static const shm::TypeInfo kType = shm::make_type<Waypoint, 104, 8>(
      "Waypoint", "waypoint", "One point of a path.", kFields, kArgs);
  return kType;
}

struct NavPath {
  Waypoint waypoints[256]{};
  std::uint16_t waypoint_count{};
  double total_length{};
  double duration_seconds{};
  std::uint8_t frame_id[32]{};
  std::uint8_t algorithm[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<NavPath>) noexcept {
  static const std::array kFields{
      HORUS_COUNTED(NavPath, waypoints, "", "In the order of travel.", "waypoint_count", 0),
      HORUS_FIELD(NavPath, waypoint_count, "", "0 to 256.", 26624),
      HORUS_FIELD(NavPath, total_length, "m", "Along the path.", 26632),
      HORUS_FIELD(NavPath, duration_seconds, "s", "From the first to the last point.", 26640),
      HORUS_TEXT(NavPath, frame_id, "", "Coordinate frame.", 26648),
      HORUS_TEXT(NavPath, algorithm, "", "Who planned it.", 26680),
      HORUS_FIELD(NavPath, timestamp_ns, "ns", "Nanoseconds since 1970.", 26712),
  };
  static const shm::TypeInfo kType = shm::make_type<NavPath, 26720, 8>(
      "NavPath", "nav_path", "A path of up to 256 points.", kFields, {});
  return kType;
}

struct VelocityObstacle {
  double position[2]{};
  double velocity[2]{};
  float radius{};
  float time_horizon{1.0F};
  std::uint32_t obstacle_id{};
};

inline const shm::TypeInfo& type_info(shm::Tag<VelocityObstacle>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(VelocityObstacle, position, "m", "x, y.", 0),
      HORUS_FIELD(VelocityObstacle, velocity, "m/s", "x, y.", 16),
      HORUS_FIELD(VelocityObstacle, radius, "m", "Of the circle that it fills.", 32),
      HORUS_FIELD(VelocityObstacle, time_horizon, "s", "How far ahead it counts.", 36),
      HORUS_FIELD(VelocityObstacle, obstacle_id, "", "Which obstacle.", 40),
  };
  static constexpr std::array kArgs{shm::arg("px", "position[0]"),
                                    shm::arg("py_", "position[1]"),
                                    shm::arg("vx", "velocity[0]"),
                                    shm::arg("vy", "velocity[1]"),
                                    shm::arg("radius"),
                                    shm::arg("time_horizon"),
                                    shm::arg("obstacle_id")};
  static const shm::TypeInfo kType = shm::make_type<VelocityObstacle, 48, 8>(
      "VelocityObstacle", "velocity_obstacle", "Something that moves and is to be avoided.",
      kFields, kArgs);
  return kType;
}

struct VelocityObstacles {
  VelocityObstacle obstacles[32]{};
  std::uint8_t count{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<VelocityObstacles>) noexcept {
  static const std::array kFields{
      HORUS_COUNTED(VelocityObstacles, obstacles, "", "Those that are known now.", "count", 0),
      HORUS_FIELD(VelocityObstacles, count, "", "0 to 32.", 1536),
      HORUS_FIELD(VelocityObstacles, timestamp_ns, "ns", "Nanoseconds since 1970.", 1544),
  };
  static const shm::TypeInfo kType = shm::make_type<VelocityObstacles, 1552, 8>(
      "VelocityObstacles", "velocity_obstacles", "Up to 32 obstacles that move.", kFields, {});
  return kType;
}

struct PathPlan {
  float waypoint_data[768]{};
  float goal_pose[3]{};
  std::uint16_t waypoint_count{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<PathPlan>) noexcept {
  static const std::array kFields{
      shm::in_part(HORUS_FIELD(PathPlan, waypoint_data, "m, rad",
                               "x, y, theta of one point after the other.", 0)),
      HORUS_FIELD(PathPlan, goal_pose, "m, rad", "x, y, theta.", 3072),
      HORUS_FIELD(PathPlan, waypoint_count, "", "Points in use, 0 to 256.", 3084),
      HORUS_FIELD(PathPlan, timestamp_ns, "ns", "Nanoseconds since 1970.", 3088),
  };
  static constexpr std::array kArgs{
      shm::arg("goal_x", "goal_pose[0]"), shm::arg("goal_y", "goal_pose[1]"),
      shm::arg("goal_theta", "goal_pose[2]"), shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<PathPlan, 3096, 8>(
      "PathPlan", "path_plan", "A path of up to 256 bare poses.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg
