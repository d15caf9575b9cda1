// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/show_message.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include <horus/image.hpp>
#include <horus/payload.hpp>
#include <horus/point_cloud.hpp>

#include "rt/base/printable.hpp"
#include "shm/payload_state.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

constexpr std::size_t kMaxShown = 16;  // Elements of an array that the text shows.

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

}  // namespace horus::cli
