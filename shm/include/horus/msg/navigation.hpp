// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <horus/message.hpp>
#include <horus/msg/geometry.hpp>

/// Where a robot is, where it goes, and maps. How a declaration reads: <horus/message.hpp>.
namespace horus::msg {

struct Odometry {
  Pose2D pose{};
  Twist twist{};
  double pose_covariance[36]{};
  double twist_covariance[36]{};
  std::uint8_t frame_id[32]{};
  std::uint8_t child_frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Odometry>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Odometry, pose, "", "Of child_frame_id in frame_id.", 0),
      HORUS_FIELD(Odometry, twist, "", "Of child_frame_id, in its own axes.", 32),
      HORUS_FIELD(Odometry, pose_covariance, "m^2, rad^2", "Row-major, 6 x 6.", 88),
      HORUS_FIELD(Odometry, twist_covariance, "m^2/s^2, rad^2/s^2", "Row-major, 6 x 6.", 376),
      HORUS_TEXT(Odometry, frame_id, "", "Of the pose.", 664),
      HORUS_TEXT(Odometry, child_frame_id, "", "Of the twist.", 696),
      HORUS_FIELD(Odometry, timestamp_ns, "ns", "Nanoseconds since 1970.", 728),
  };
  static constexpr std::array kArgs{shm::arg("x", "pose.x"),
                                    shm::arg("y", "pose.y"),
                                    shm::arg("theta", "pose.theta"),
                                    shm::arg("linear_velocity", "twist.linear[0]"),
                                    shm::arg("angular_velocity", "twist.angular[2]"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<Odometry, 736, 8>(
      "Odometry", "odom", "Where a base believes it is, and how it moves.", kFields, kArgs);
  return kType;
}

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

struct OccupancyGrid {
  float resolution{0.05F};
  std::uint32_t width{};
  std::uint32_t height{};
  Pose2D origin{};
  std::uint8_t frame_id[32]{};
  std::uint8_t metadata[64]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::VaryingInfo& type_info(shm::Tag<OccupancyGrid>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(OccupancyGrid, resolution, "m", "Edge of a cell.", 0),
      HORUS_FIELD(OccupancyGrid, width, "", "Cells along x.", 4),
      HORUS_FIELD(OccupancyGrid, height, "", "Cells along y.", 8),
      HORUS_FIELD(OccupancyGrid, origin, "", "Of the outer corner of cell (0, 0).", 16),
      HORUS_TEXT(OccupancyGrid, frame_id, "", "Coordinate frame.", 48),
      HORUS_TEXT(OccupancyGrid, metadata, "", "What the map's maker has to say.", 80),
      HORUS_FIELD(OccupancyGrid, timestamp_ns, "ns", "Nanoseconds since 1970.", 144),
  };
  static constexpr std::array kTails{
      shm::filled(HORUS_TAIL(std::int8_t, data, "",
                             "Row-major: -1 unknown, 0 free to 100 occupied.", "width", "height"),
                  -1)};
  static constexpr std::array kArgs{shm::arg("width"), shm::arg("height"), shm::arg("resolution")};
  static const shm::VaryingInfo kType = shm::with_tails(
      shm::stamped(shm::make_type<OccupancyGrid, 152, 8>(
          "OccupancyGrid", "occupancy_grid", "A map of cells, free or occupied.", kFields, kArgs)),
      kTails);
  return kType;
}

/// Begins with the fields of the OccupancyGrid to which its costs belong.
struct CostMap {
  float resolution{0.05F};
  std::uint32_t width{};
  std::uint32_t height{};
  Pose2D origin{};
  std::uint8_t frame_id[32]{};
  std::uint8_t metadata[64]{};
  std::uint64_t timestamp_ns{};
  float inflation_radius{0.55F};
  float cost_scaling_factor{10.0F};
  std::uint8_t lethal_cost{253};
};

inline const shm::VaryingInfo& type_info(shm::Tag<CostMap>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(CostMap, resolution, "m", "Edge of a cell.", 0),
      HORUS_FIELD(CostMap, width, "", "Cells along x.", 4),
      HORUS_FIELD(CostMap, height, "", "Cells along y.", 8),
      HORUS_FIELD(CostMap, origin, "", "Of the outer corner of cell (0, 0).", 16),
      HORUS_TEXT(CostMap, frame_id, "", "Coordinate frame.", 48),
      HORUS_TEXT(CostMap, metadata, "", "What the map's maker has to say.", 80),
      HORUS_FIELD(CostMap, timestamp_ns, "ns", "Nanoseconds since 1970.", 144),
      HORUS_FIELD(CostMap, inflation_radius, "m", "How far an obstacle makes its cells dear.", 152),
      HORUS_FIELD(CostMap, cost_scaling_factor, "1/m", "How fast the cost falls with distance.",
                  156),
      HORUS_FIELD(CostMap, lethal_cost, "", "Of a cell in which one collides.", 160),
  };
  static constexpr std::array kTails{
      shm::filled(HORUS_TAIL(std::int8_t, data, "",
                             "Row-major: -1 unknown, 0 free to 100 occupied.", "width", "height"),
                  -1),
      shm::filled(HORUS_TAIL(std::uint8_t, costs, "",
                             "Row-major: 0 free, lethal_cost, 255 unknown, as all are at first.",
                             "width", "height"),
                  -1)};
  static const std::array kArgs{shm::base("grid", type_info(shm::Tag<OccupancyGrid>{})),
                                shm::arg("inflation_radius")};
  static const shm::VaryingInfo kType = shm::with_tails(
      shm::make_type<CostMap, 168, 8>("CostMap", "cost_map",
                                      "What it costs to be in each cell of a map.", kFields, kArgs),
      kTails);
  return kType;
}

}  // namespace horus::msg
