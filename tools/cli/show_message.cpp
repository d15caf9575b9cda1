// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/show_message.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "shm/depth_image.hpp"
#include "shm/image.hpp"
#include "shm/payload_state.hpp"
#include "shm/point_cloud.hpp"
#include "shm/tensor.hpp"
#include "shm/varying.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

using shm::FieldInfo;
using shm::Kind;

constexpr std::size_t kMaxShown = 16;  // Elements of an array, for people.

template <typename T>
T load(std::span<const std::byte> bytes) noexcept {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string text_of(std::span<const std::byte> bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
  return {reinterpret_cast<const char*>(bytes.data()),
          static_cast<std::size_t>(end - bytes.begin())};
}

MessageJson element(const FieldInfo& field, std::span<const std::byte> bytes) {
  switch (field.kind) {
    case Kind::kU8: return load<std::uint8_t>(bytes);
    case Kind::kI8: return load<std::int8_t>(bytes);
    case Kind::kU16: return load<std::uint16_t>(bytes);
    case Kind::kI16: return load<std::int16_t>(bytes);
    case Kind::kU32: return load<std::uint32_t>(bytes);
    case Kind::kI32: return load<std::int32_t>(bytes);
    case Kind::kU64: return load<std::uint64_t>(bytes);
    case Kind::kI64: return load<std::int64_t>(bytes);
    case Kind::kF32: return as_written(load<float>(bytes));
    case Kind::kF64: return load<double>(bytes);
    case Kind::kBool: return load<std::uint8_t>(bytes) != 0;
    case Kind::kText: return text_of(bytes);
    case Kind::kMessage: return typed_message(*field.nested, bytes);
    case Kind::kPadding: break;
  }
  return nullptr;
}

/// How many elements of an array are in use: the word of whoever sent it, so never more than fit.
std::size_t used(const shm::TypeInfo& type, const FieldInfo& field,
                 std::span<const std::byte> message) {
  if (field.counted_by.empty()) return field.count;
  const auto counter = std::ranges::find(type.fields, field.counted_by, &FieldInfo::name);
  if (counter == type.fields.end()) return field.count;
  const MessageJson count = element(*counter, message.subspan(counter->offset, counter->size));
  if (!count.is_number_unsigned()) return field.count;
  return std::min<std::size_t>(count.get<std::size_t>(), field.count);
}

std::string scalar_text(const MessageJson& value) {
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  return message_line(value);
}

bool is_nested(const MessageJson& value) {
  if (value.is_object()) return !value.empty();
  if (!value.is_array()) return false;
  return std::any_of(value.begin(), value.end(),
                     [](const MessageJson& one) { return one.is_structured(); });
}

std::string flat_array(const MessageJson& array) {
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(array.size(), kMaxShown); ++i) {
    text += (i == 0 ? "" : ", ") + scalar_text(array[i]);
  }
  if (array.size() > kMaxShown) text += fmt::format(", ... {} more", array.size() - kMaxShown);
  return text + "]";
}

void add_lines(std::string& text, const MessageJson& value, std::size_t indent) {
  std::size_t index = 0;
  for (const auto& [key, child] : value.items()) {
    if (value.is_array() && index == kMaxShown) {
      text += std::string(indent, ' ') + fmt::format("... {} more\n", value.size() - kMaxShown);
      return;
    }
    ++index;
    text += std::string(indent, ' ') + (value.is_array() ? "-" : printable(key) + ":");
    if (is_nested(child)) {
      text += "\n";
      add_lines(text, child, indent + 2);
    } else {
      text += " " + (child.is_array() ? flat_array(child) : scalar_text(child)) + "\n";
    }
  }
}

}  // namespace

double as_written(float value) {
  return std::isfinite(value) ? std::strtod(fmt::format("{}", value).c_str(), nullptr)
                              : static_cast<double>(value);
}

MessageJson typed_message(const shm::TypeInfo& type, std::span<const std::byte> bytes) {
  MessageJson json = MessageJson::object();
  for (const FieldInfo& field : type.fields) {
    if (field.kind == Kind::kPadding) continue;
    const auto at = [&](std::size_t index) {
      return element(field, bytes.subspan(field.offset + index * field.size, field.size));
    };
    MessageJson& value = json[std::string{field.name}];
    if (!field.array) {
      value = at(0);
      continue;
    }
    value = MessageJson::array();
    for (std::size_t i = 0; i < used(type, field, bytes); ++i) value.push_back(at(i));
  }
  return json;
}

Result<MessageJson> whole_message(const shm::TypeInfo& type, std::span<const std::byte> bytes) {
  const auto layout = shm::TailLayout::of_message(type, bytes);
  if (!layout) {
    return Error{Errc::kCorrupt, "read message: its arrays do not end where it does", 0,
                 Name<200>::clipped(fmt::format("{}, {} bytes", type.name, bytes.size()))};
  }
  MessageJson json = typed_message(type, bytes);
  for (std::size_t i = 0; i < type.tails.size(); ++i) {
    FieldInfo one;
    one.kind = type.tails[i].kind;
    MessageJson& value = json[std::string{type.tails[i].name}] = MessageJson::array();
    for (std::size_t k = 0; k < layout->count(i); ++k) {
      const std::size_t at = layout->offset(i) + k * type.tails[i].size;
      value.push_back(element(one, bytes.subspan(at, type.tails[i].size)));
    }
  }
  return json;
}

namespace {

void say_image(MessageJson& json, const shm::Image& image) {
  json = {{"height", image.height()},
          {"width", image.width()},
          {"encoding", shm::info(image.encoding()).name},
          {"step", image.step()}};
}

void say_cloud(MessageJson& json, const shm::PointCloud& cloud) {
  json["fields"] = MessageJson::array();
  for (std::uint32_t field = 0; field < cloud.fields(); ++field) {
    json["fields"].push_back(cloud.field_name(field));
  }
  json["is_dense"] = cloud.is_dense();
}

void say_depth(MessageJson& json, const shm::DepthImage& image) {
  json["depth_scale"] = as_written(image.scale());
  json["min_depth"] = image.min_depth();
  json["max_depth"] = image.max_depth();
}

}  // namespace

MessageJson payload_message(const shm::Payload& payload) {
  const auto& state = payload.state();
  const auto is = [&state](const shm::PayloadKind& kind) { return &state->kind == &kind; };
  const auto shape = payload.shape();
  MessageJson json{{"shape", std::vector<std::uint64_t>(shape.begin(), shape.end())},
                   {"dtype", shm::name_of(payload.dtype())}};
  if (is(shm::Image::kind())) say_image(json, shm::Image{state});
  if (is(shm::PointCloud::kind())) say_cloud(json, shm::PointCloud{state});
  if (is(shm::DepthImage::kind())) say_depth(json, shm::DepthImage{state});
  if (is(shm::Tensor::kind())) return json;
  const shm::StampedPayload stamped{state};
  json["timestamp_ns"] = stamped.timestamp_ns();
  json["frame_id"] = stamped.frame_id();
  return json;
}

std::string message_text(const MessageJson& message) {
  if (!is_nested(message)) {
    return (message.is_array() ? flat_array(message) : scalar_text(message)) + "\n";
  }
  std::string text;
  add_lines(text, message, 0);
  return text;
}

std::string message_line(const MessageJson& message) {
  return message.dump(-1, ' ', /*ensure_ascii=*/true, MessageJson::error_handler_t::replace);
}

}  // namespace horus::cli
