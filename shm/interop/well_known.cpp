// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/well_known.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include <horus/msg/geometry.hpp>
#include <horus/msg/navigation.hpp>
#include <horus/msg/sensors.hpp>

namespace horus::interop {

namespace {

using protozero::pbf_reader;
using protozero::pbf_writer;

constexpr std::uint64_t kNsInSecond = 1'000'000'000;

// The viewers' messages, with the numbers that they have there.

ProtoField one(std::string name, std::uint32_t number, ProtoType type, std::string of = {}) {
  return {.name = std::move(name), .number = number, .type = type, .of = std::move(of)};
}
ProtoField many(std::string name, std::uint32_t number, ProtoType type, std::string of = {}) {
  return {std::move(name), number, type, std::move(of), /*repeated=*/true};
}
ProtoField time_at(std::uint32_t number) {
  return one("timestamp", number, ProtoType::kMessage, "google.protobuf.Timestamp");
}
ProtoField frame_at(std::uint32_t number) {
  return one("frame_id", number, ProtoType::kString);
}
ProtoField pose_at(std::uint32_t number) {
  return one("pose", number, ProtoType::kMessage, "foxglove.Pose");
}

ProtoMessage timestamp() {
  return {"Timestamp", {one("seconds", 1, ProtoType::kInt64), one("nanos", 2, ProtoType::kInt32)}};
}
ProtoMessage vector3() {
  return {"Vector3",
          {one("x", 1, ProtoType::kDouble), one("y", 2, ProtoType::kDouble),
           one("z", 3, ProtoType::kDouble)}};
}
ProtoMessage quaternion() {
  return {"Quaternion",
          {one("x", 1, ProtoType::kDouble), one("y", 2, ProtoType::kDouble),
           one("z", 3, ProtoType::kDouble), one("w", 4, ProtoType::kDouble)}};
}
ProtoMessage pose() {
  return {"Pose",
          {one("position", 1, ProtoType::kMessage, "foxglove.Vector3"),
           one("orientation", 2, ProtoType::kMessage, "foxglove.Quaternion")}};
}
ProtoMessage packed_element_field() {
  return {
      "PackedElementField",
      {one("name", 1, ProtoType::kString), one("offset", 2, ProtoType::kFixed32),
       one("type", 3, ProtoType::kEnum, "foxglove.PackedElementField.NumericType")},
      {{"NumericType",
        {"UNKNOWN", "UINT8", "INT8", "UINT16", "INT16", "UINT32", "INT32", "FLOAT32", "FLOAT64"}}}};
}
ProtoMessage laser_scan() {
  return {"LaserScan",
          {time_at(1), frame_at(2), pose_at(3), one("start_angle", 4, ProtoType::kDouble),
           one("end_angle", 5, ProtoType::kDouble), many("ranges", 6, ProtoType::kDouble),
           many("intensities", 7, ProtoType::kDouble)}};
}
ProtoMessage pose_in_frame() {
  return {"PoseInFrame", {time_at(1), frame_at(2), pose_at(3)}};
}
ProtoMessage location_fix() {
  return {
      "LocationFix",
      {one("latitude", 1, ProtoType::kDouble), one("longitude", 2, ProtoType::kDouble),
       one("altitude", 3, ProtoType::kDouble), many("position_covariance", 4, ProtoType::kDouble),
       one("position_covariance_type", 5, ProtoType::kEnum,
           "foxglove.LocationFix.PositionCovarianceType"),
       time_at(6), frame_at(7)},
      {{"PositionCovarianceType", {"UNKNOWN", "APPROXIMATED", "DIAGONAL_KNOWN", "KNOWN"}}}};
}
ProtoMessage compressed_image() {
  return {"CompressedImage",
          {time_at(1), one("data", 2, ProtoType::kBytes), one("format", 3, ProtoType::kString),
           frame_at(4)}};
}
ProtoMessage raw_image() {
  return {"RawImage",
          {time_at(1), one("width", 2, ProtoType::kFixed32), one("height", 3, ProtoType::kFixed32),
           one("encoding", 4, ProtoType::kString), one("step", 5, ProtoType::kFixed32),
           one("data", 6, ProtoType::kBytes), frame_at(7)}};
}
ProtoMessage point_cloud() {
  return {"PointCloud",
          {time_at(1), frame_at(2), pose_at(3), one("point_stride", 4, ProtoType::kFixed32),
           many("fields", 5, ProtoType::kMessage, "foxglove.PackedElementField"),
           one("data", 6, ProtoType::kBytes)}};
}

ProtoMessage log() {
  return {"Log",
          {time_at(1), one("level", 2, ProtoType::kEnum, "foxglove.Log.Level"),
           one("message", 3, ProtoType::kString), one("name", 4, ProtoType::kString),
           one("file", 5, ProtoType::kString), one("line", 6, ProtoType::kFixed32)},
          {{"Level", {"UNKNOWN", "DEBUG", "INFO", "WARNING", "ERROR", "FATAL"}}}};
}

struct Declared {
  std::string_view name;  ///< Including the package.
  ProtoMessage (*message)();
};
/// A message stands before those that need it.
constexpr std::array kDeclared{
    Declared{"google.protobuf.Timestamp", timestamp},
    Declared{"foxglove.Vector3", vector3},
    Declared{"foxglove.Quaternion", quaternion},
    Declared{"foxglove.Pose", pose},
    Declared{"foxglove.PackedElementField", packed_element_field},
    Declared{"foxglove.LaserScan", laser_scan},
    Declared{"foxglove.Log", log},
    Declared{"foxglove.PoseInFrame", pose_in_frame},
    Declared{"foxglove.LocationFix", location_fix},
    Declared{"foxglove.CompressedImage", compressed_image},
    Declared{"foxglove.RawImage", raw_image},
    Declared{"foxglove.PointCloud", point_cloud},
};

std::string package_of(std::string_view name) {
  return std::string{name.substr(0, name.rfind('.'))};
}
/// The file of a message. "google/protobuf/timestamp.proto" must have the name by which it is known
/// everywhere.
std::string file_of(std::string_view name) {
  if (name == "google.protobuf.Timestamp") return "google/protobuf/timestamp.proto";
  std::string file{name};
  std::ranges::replace(file, '.', '/');
  return file + ".proto";
}

/// Appends the declared messages that `name` consists of, then itself, each once.
void collect(std::string_view name, std::vector<const Declared*>& all) {
  const auto* const found = std::ranges::find(kDeclared, name, &Declared::name);
  if (found == kDeclared.end() || std::ranges::find(all, found) != all.end()) return;
  for (const ProtoField& field : found->message().fields) {
    if (field.type == ProtoType::kMessage) collect(field.of, all);
  }
  all.push_back(found);
}

// Our messages.

template <typename T>
T head_of(std::span<const std::byte> message) noexcept {
  T value;
  std::memcpy(&value, message.data(), sizeof value);
  return value;
}

template <typename T, typename Change>
bool change(FieldDecoder& message, Change set) {
  T value = head_of<T>(message.head());
  set(value);
  std::memcpy(message.head().data(), &value, sizeof value);
  return true;
}

template <std::size_t kSize>
void add_text(pbf_writer& out, std::uint32_t number, const std::uint8_t (&text)[kSize]) {
  out.add_string(number, utf8_of(std::as_bytes(std::span{text})));
}

template <std::size_t kSize>
void read_text(pbf_reader& in, std::uint8_t (&text)[kSize]) {
  const std::string_view view = bytes_of(in);
  std::ranges::fill(text, std::uint8_t{0});
  std::ranges::copy(view.substr(0, kSize), std::ranges::begin(text));
}

/// Reads numbers, as many as there is room for.
template <typename T, std::size_t kSize>
void read_doubles(pbf_reader& in, T (&numbers)[kSize]) {
  std::size_t i = 0;
  each_double(in, [&](double number) {
    if (i < kSize) numbers[i++] = static_cast<T>(number);
  });
}

constexpr std::array<std::string_view, 4> kScanFields{"timestamp_ns", "angle_min", "angle_max",
                                                      "ranges"};
void encode_scan(pbf_writer& out, std::span<const std::byte> message) {
  const auto scan = head_of<msg::LaserScan>(message);
  add_time(out, 1, scan.timestamp_ns);
  add_pose(out, 3);
  out.add_double(4, static_cast<double>(scan.angle_min));
  out.add_double(5, static_cast<double>(scan.angle_max));
  std::array<double, std::size(decltype(scan.ranges){})> ranges{};
  std::copy(std::begin(scan.ranges), std::end(scan.ranges), ranges.begin());
  out.add_packed_double(6, ranges.begin(), ranges.end());
}
bool decode_scan(pbf_reader& in, FieldDecoder& message) {
  return change<msg::LaserScan>(message, [&in](msg::LaserScan& scan) {
    switch (in.tag()) {
      case 1: scan.timestamp_ns = read_time(in); break;
      case 4: scan.angle_min = static_cast<float>(double_of(in)); break;
      case 5: scan.angle_max = static_cast<float>(double_of(in)); break;
      case 6: read_doubles(in, scan.ranges); break;
      default: in.skip();
    }
  });
}

constexpr std::array<std::string_view, 2> kStampFields{"timestamp_ns", "frame_id"};
/// For types that begin with a time stamp, a frame and a pose. Viewers draw their form of the pose;
/// ours is written as well, and that one is read.
template <typename T>
bool decode_stamp(pbf_reader& in, FieldDecoder& message) {
  return change<T>(message, [&in](T& stamped) {
    switch (in.tag()) {
      case 1: stamped.timestamp_ns = read_time(in); break;
      case 2: read_text(in, stamped.frame_id); break;
      default: in.skip();
    }
  });
}
void encode_odometry(pbf_writer& out, std::span<const std::byte> message) {
  const auto odometry = head_of<msg::Odometry>(message);
  add_time(out, 1, odometry.timestamp_ns);
  add_text(out, 2, odometry.frame_id);
  add_pose(out, 3, odometry.pose.x, odometry.pose.y, odometry.pose.theta);
}
void encode_pose_stamped(pbf_writer& out, std::span<const std::byte> message) {
  const auto stamped = head_of<msg::PoseStamped>(message);
  add_time(out, 1, stamped.timestamp_ns);
  add_text(out, 2, stamped.frame_id);
  pbf_writer pose{out, 3};
  {
    pbf_writer position{pose, 1};
    position.add_double(1, stamped.pose.position.x);
    position.add_double(2, stamped.pose.position.y);
    position.add_double(3, stamped.pose.position.z);
  }
  pbf_writer orientation{pose, 2};
  orientation.add_double(1, stamped.pose.orientation.x);
  orientation.add_double(2, stamped.pose.orientation.y);
  orientation.add_double(3, stamped.pose.orientation.z);
  orientation.add_double(4, stamped.pose.orientation.w);
}

constexpr std::array<std::string_view, 5> kFixFields{"timestamp_ns", "latitude", "longitude",
                                                     "altitude", "position_covariance"};
void encode_fix(pbf_writer& out, std::span<const std::byte> message) {
  constexpr std::int32_t kKnown = 3;
  const auto fix = head_of<msg::NavSatFix>(message);
  out.add_double(1, fix.latitude);
  out.add_double(2, fix.longitude);
  out.add_double(3, fix.altitude);
  out.add_packed_double(4, std::begin(fix.position_covariance), std::end(fix.position_covariance));
  // Our numbers are the same as theirs. Values that they do not have are shown as unknown.
  const std::uint8_t type = fix.position_covariance_type;
  out.add_enum(5, type <= kKnown ? type : 0);
  add_time(out, 6, fix.timestamp_ns);
}
bool decode_fix(pbf_reader& in, FieldDecoder& message) {
  return change<msg::NavSatFix>(message, [&in](msg::NavSatFix& fix) {
    switch (in.tag()) {
      case 1: fix.latitude = double_of(in); break;
      case 2: fix.longitude = double_of(in); break;
      case 3: fix.altitude = double_of(in); break;
      case 4: read_doubles(in, fix.position_covariance); break;
      case 6: fix.timestamp_ns = read_time(in); break;
      default: in.skip();
    }
  });
}

constexpr std::array<std::string_view, 4> kPictureFields{"timestamp_ns", "format", "frame_id",
                                                         "data"};
void encode_picture(pbf_writer& out, std::span<const std::byte> message) {
  const auto picture = head_of<msg::CompressedImage>(message);
  add_time(out, 1, picture.timestamp_ns);
  const std::size_t at = sizeof picture;
  const std::size_t size = std::min<std::size_t>(picture.data_count, message.size() - at);
  out.add_bytes(2, reinterpret_cast<const char*>(message.data() + at), size);
  add_text(out, 3, picture.format);
  add_text(out, 4, picture.frame_id);
}
bool decode_picture(pbf_reader& in, FieldDecoder& message) {
  return change<msg::CompressedImage>(message, [&](msg::CompressedImage& picture) {
    switch (in.tag()) {
      case 1: picture.timestamp_ns = read_time(in); break;
      case 2: {
        message.set_tail("data", std::as_bytes(std::span{bytes_of(in)}));
        break;
      }
      case 3: read_text(in, picture.format); break;
      case 4: read_text(in, picture.frame_id); break;
      default: in.skip();
    }
  });
}

template <typename T>
const shm::TypeInfo& type() noexcept {
  return type_info(shm::Tag<T>{});
}

}  // namespace

const WellKnown* find_well_known(const shm::TypeInfo& of) noexcept {
  static const std::array kAll{
      WellKnown{type<msg::LaserScan>(), "foxglove.LaserScan", kScanFields, encode_scan,
                decode_scan},
      WellKnown{type<msg::Odometry>(), "foxglove.PoseInFrame", kStampFields, encode_odometry,
                decode_stamp<msg::Odometry>},
      WellKnown{type<msg::PoseStamped>(), "foxglove.PoseInFrame", kStampFields, encode_pose_stamped,
                decode_stamp<msg::PoseStamped>},
      WellKnown{type<msg::NavSatFix>(), "foxglove.LocationFix", kFixFields, encode_fix, decode_fix},
      WellKnown{type<msg::CompressedImage>(), "foxglove.CompressedImage", kPictureFields,
                encode_picture, decode_picture},
  };
  const auto* const found = std::ranges::find_if(
      kAll, [&of](const WellKnown& known) { return known.type.hash == of.hash; });
  return found == kAll.end() ? nullptr : found;
}

std::vector<ProtoFile> well_known_files(std::string_view schema, std::vector<ProtoField> further,
                                        std::vector<ProtoMessage> nested) {
  std::vector<const Declared*> all;
  collect(schema, all);
  std::vector<ProtoFile> files;
  for (const Declared* const declared : all) {
    ProtoFile file{.name = file_of(declared->name), .package = package_of(declared->name)};
    ProtoMessage message = declared->message();
    for (const ProtoField& field : message.fields) {
      if (field.type != ProtoType::kMessage) continue;
      const std::string needed = file_of(field.of);
      if (std::ranges::find(file.needs, needed) == file.needs.end()) file.needs.push_back(needed);
    }
    file.messages.push_back(std::move(message));
    files.push_back(std::move(file));
  }
  ProtoFile& last = files.back();
  if (!nested.empty()) {
    ProtoFile own{.name = "horus/" + last.messages.front().name + ".proto", .package = "horus"};
    own.messages = std::move(nested);
    last.needs.push_back(own.name);
    files.insert(files.end() - 1, std::move(own));
  }
  std::vector<ProtoField>& fields = files.back().messages.front().fields;
  for (ProtoField& field : further) {
    // The viewers' message may have a field of this name: rename ours, as readers go by the number.
    if (std::ranges::find(fields, field.name, &ProtoField::name) != fields.end()) {
      field.name = "horus_" + field.name;
    }
    fields.push_back(std::move(field));
  }
  return files;
}

void add_time(pbf_writer& out, std::uint32_t number, std::uint64_t ns) {
  pbf_writer time{out, number};
  time.add_int64(1, static_cast<std::int64_t>(ns / kNsInSecond));
  time.add_int32(2, static_cast<std::int32_t>(ns % kNsInSecond));
}

std::uint64_t read_time(pbf_reader& in) {
  std::uint64_t ns = 0;
  const auto number = [](pbf_reader& field) {
    return static_cast<std::uint64_t>(
        read_as(field, protozero::pbf_wire_type::varint, &pbf_reader::get_int64));
  };
  for (pbf_reader time = message_of(in); time.next();) {
    switch (time.tag()) {
      case 1: ns += number(time) * kNsInSecond; break;
      case 2: ns += number(time); break;
      default: time.skip();
    }
  }
  return ns;
}

void add_pose(pbf_writer& out, std::uint32_t number, double x, double y, double theta) {
  pbf_writer pose{out, number};
  {
    pbf_writer position{pose, 1};
    position.add_double(1, x);
    position.add_double(2, y);
  }
  // Source: a turn by theta about z is (0, 0, sin(theta / 2), cos(theta / 2)).
  pbf_writer orientation{pose, 2};
  orientation.add_double(3, std::sin(theta / 2));
  orientation.add_double(4, std::cos(theta / 2));
}

}  // namespace horus::interop
