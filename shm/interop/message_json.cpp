// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/message_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "shm/interop/elements.hpp"
#include "shm/varying.hpp"

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

std::string message_line(const MessageJson& message) {
  return message.dump(-1, ' ', /*ensure_ascii=*/true, MessageJson::error_handler_t::replace);
}

}  // namespace horus::interop
