// SPDX-License-Identifier: Apache-2.0
#include "shm/message.hpp"

#include <algorithm>
#include <array>

#include "shm/declare.hpp"
#include "shm/msg/audio.hpp"
#include "shm/msg/camera.hpp"
#include "shm/msg/cmd_vel.hpp"
#include "shm/msg/control.hpp"
#include "shm/msg/diagnostics.hpp"
#include "shm/msg/force.hpp"
#include "shm/msg/geometry.hpp"
#include "shm/msg/geometry_stamped.hpp"
#include "shm/msg/imu.hpp"
#include "shm/msg/input.hpp"
#include "shm/msg/joint_state.hpp"
#include "shm/msg/landmarks.hpp"
#include "shm/msg/laser_scan.hpp"
#include "shm/msg/navigation.hpp"
#include "shm/msg/odometry.hpp"
#include "shm/msg/perception.hpp"
#include "shm/msg/planes.hpp"
#include "shm/msg/safety.hpp"
#include "shm/msg/sensors.hpp"
#include "shm/msg/time.hpp"
#include "shm/msg/tracking.hpp"

namespace horus::shm {
namespace {

constexpr std::uint64_t kFnvOffset = 0xcbf29ce484222325U;
constexpr std::uint64_t kFnvPrime = 0x100000001b3U;

void mix(std::uint64_t& hash, std::string_view text) noexcept {
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * kFnvPrime;
  hash *= kFnvPrime;  // A separator: ("ab", "c") is not ("a", "bc").
}

void mix(std::uint64_t& hash, std::uint64_t number) noexcept {
  for (int shift = 0; shift < 64; shift += 8) {
    hash = (hash ^ ((number >> shift) & 0xffU)) * kFnvPrime;
  }
}

template <Message... Types>
std::span<const TypeInfo* const> table() noexcept {
  static const std::array kTypes{&type_info(Tag<Types>{})...};
  return kTypes;
}

}  // namespace

namespace detail {

std::uint64_t layout_hash(const TypeInfo& type) noexcept {
  std::uint64_t hash = kFnvOffset;
  mix(hash, type.name);
  mix(hash, std::uint64_t{type.size});
  for (const FieldInfo& field : type.fields) {
    mix(hash, field.name);
    mix(hash, static_cast<std::uint64_t>(field.kind));
    mix(hash, std::uint64_t{field.offset});
    mix(hash, std::uint64_t{field.size});
    mix(hash, std::uint64_t{field.count});
    if (field.nested != nullptr) mix(hash, field.nested->hash);
  }
  return hash;
}

}  // namespace detail

std::span<const TypeInfo* const> all_types() noexcept {
  using namespace msg;
  return table<Point3, Vector3, Quaternion, Pose2D, Twist, TransformStamped, Pose3D, PoseStamped,
               PoseWithCovariance, TwistWithCovariance, Accel, AccelStamped, CmdVel, MotorCommand,
               DifferentialDriveCommand, ServoCommand, PidConfig, TrajectoryPoint, JointCommand,
               LaserScan, Imu, Odometry, JointState, RangeSensor, BatteryState, NavSatFix,
               MagneticField, Temperature, FluidPressure, Illuminance, NavGoal, GoalResult,
               Waypoint, NavPath, VelocityObstacle, VelocityObstacles, PathPlan, BoundingBox2D,
               BoundingBox3D, Detection, Detection3D, SegmentationMask, TrackedObject,
               TrackingHeader, Landmark, Landmark3D, LandmarkArray, PointField, PlaneDetection,
               PlaneArray, CameraInfo, RegionOfInterest, StereoInfo, Heartbeat, DiagnosticStatus,
               DiagnosticValue, DiagnosticReport, ResourceUsage, NodeHeartbeat, EmergencyStop,
               SafetyStatus, WrenchStamped, ImpedanceParameters, ForceCommand, ContactInfo,
               HapticFeedback, Clock, TimeReference, SimSync, RateRequest, KeyboardInput,
               JoystickInput, AudioFrame>();
}

const TypeInfo* find_type(std::string_view name) noexcept {
  const auto types = all_types();
  const auto found =
      std::ranges::find_if(types, [name](const TypeInfo* type) { return type->name == name; });
  return found == types.end() ? nullptr : *found;
}

}  // namespace horus::shm
