// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/message_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include <horus/message.hpp>

namespace horus::interop {

namespace {

using shm::FieldInfo;
using shm::Kind;

std::string text_of(std::span<const std::byte> bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
  return {reinterpret_cast<const char*>(bytes.data()),
          static_cast<std::size_t>(end - bytes.begin())};
}

MessageJson element(const FieldInfo& field, std::span<const std::byte> bytes) {
  if (field.kind == Kind::kText) return text_of(bytes);
  if (field.kind == Kind::kMessage) return typed_message(*field.nested, bytes);
  return shm::with_number(field.kind, [bytes]<typename T>(T) -> MessageJson {
    const T value = shm::element_at<T>(bytes.data());
    if constexpr (std::is_same_v<T, float>) return as_written(value);
    return value;
  });
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
    for (std::size_t i = 0; i < used(type, field, bytes.data()); ++i) value.push_back(at(i));
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

std::string message_line(const MessageJson& message) {
  return message.dump(-1, ' ', /*ensure_ascii=*/true, MessageJson::error_handler_t::replace);
}

}  // namespace horus::interop
