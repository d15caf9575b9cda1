// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>

#include <horus/message.hpp>
#include <horus/msg/control.hpp>
#include <horus/msg/geometry.hpp>
#include <horus/msg/navigation.hpp>
#include <horus/msg/perception.hpp>
#include <horus/msg/sensors.hpp>

namespace horus::shm {
namespace {

/// Removes "[3]" from the end of a path's segment, and sets `index`.
bool cut_index(std::string_view& segment, std::uint32_t& index) noexcept {
  if (!segment.ends_with(']')) return false;
  const auto open = segment.find('[');
  if (open == std::string_view::npos) return false;
  const auto* const end = segment.data() + segment.size() - 1;
  const auto [rest, error] = std::from_chars(segment.data() + open + 1, end, index);
  segment = segment.substr(0, open);
  return error == std::errc{} && rest == end;
}

template <typename... Types>
requires((Message<Types> || VaryingMessage<Types>)&&...) std::span<const TypeInfo* const> all_of()
noexcept {
  static const std::array<const TypeInfo*, sizeof...(Types)> kTypes{&type_info(Tag<Types>{})...};
  return kTypes;
}

}  // namespace

std::span<const TypeInfo* const> all_types() noexcept {
  using namespace msg;
  return all_of<Point3, Vector3, Quaternion, Pose2D, Twist, TransformStamped, Pose3D, PoseStamped,
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
                JoystickInput, AudioFrame, CompressedImage, OccupancyGrid, CostMap, TactileArray>();
}

const FieldInfo* find_field(const TypeInfo& type, std::string_view name) noexcept {
  const auto found = std::ranges::find(type.fields, name, &FieldInfo::name);
  return found == type.fields.end() ? nullptr : &*found;
}

std::optional<Member> find_member(const TypeInfo& type, std::string_view path) noexcept {
  Member found{.holder = &type};
  for (;;) {
    const auto dot = path.find('.');
    std::string_view segment = path.substr(0, dot);
    std::uint32_t index = 0;
    found.element = cut_index(segment, index);
    found.field = find_field(*found.holder, segment);
    if (found.field == nullptr || index >= found.field->count) return std::nullopt;
    found.offset += found.field->offset + index * found.field->size;
    if (dot == std::string_view::npos) return found;
    if (found.field->nested == nullptr) return std::nullopt;
    found.holder = found.field->nested;
    path.remove_prefix(dot + 1);
  }
}

std::size_t used(const TypeInfo& type, const FieldInfo& field, const std::byte* message) noexcept {
  if (field.counted_by.empty()) return field.count;
  const FieldInfo* const counter = find_field(type, field.counted_by);
  if (counter == nullptr || counter->size > sizeof(std::uint64_t)) return field.count;
  std::uint64_t count = 0;
  std::memcpy(&count, message + counter->offset, counter->size);  // Little-endian.
  return std::min<std::uint64_t>(count, field.count);
}

const TypeInfo* find_type(std::string_view name) noexcept {
  const auto types = all_types();
  const auto found =
      std::ranges::find_if(types, [name](const TypeInfo* type) { return type->name == name; });
  return found == types.end() ? nullptr : *found;
}

}  // namespace horus::shm
