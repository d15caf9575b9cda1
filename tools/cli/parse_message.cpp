// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/parse_message.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include <fmt/format.h>

namespace horus::cli {

namespace {

using shm::FieldInfo;
using shm::Kind;
using shm::TypeInfo;
using Bytes = std::span<std::byte>;

constexpr int kMaxDepth = 60;  // What reads a message back gives up at 64.

Error refused(std::string_view field, std::string_view why) {
  return {Errc::kInvalidArgument, "read message", 0,
          Name<200>::clipped(fmt::format("{} {}", field, why))};
}

template <typename T>
void put(Bytes to, T value) noexcept {
  std::memcpy(to.data(), &value, sizeof value);
}

/// The whole number in `json` when it fits T.
template <typename T>
std::optional<T> whole(const MessageJson& json) {
  if (json.is_number_unsigned()) {
    const auto value = json.get<std::uint64_t>();
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
      return static_cast<T>(value);
    }
  } else if (json.is_number_integer()) {
    const auto value = json.get<std::int64_t>();
    if (std::in_range<T>(value)) return static_cast<T>(value);
  }
  return std::nullopt;
}

template <typename T>
Status put_whole(Bytes to, const MessageJson& json, const std::string& name) {
  if (const auto value = whole<T>(json)) {
    put(to, *value);
    return {};
  }
  return refused(name, fmt::format("is {}, not a whole number from {} to {}", json.dump(),
                                   +std::numeric_limits<T>::min(), +std::numeric_limits<T>::max()));
}

template <typename T>
Status put_real(Bytes to, const MessageJson& json, const std::string& name) {
  if (!json.is_number() && !json.is_null()) {
    return refused(name, "is " + json.dump() + ", not a number");
  }
  const double value = json.is_null() ? std::nan("") : json.get<double>();
  const auto narrow = static_cast<T>(value);
  if (std::isfinite(value) && !std::isfinite(narrow)) {
    return refused(name, "is " + json.dump() + ", too large for 32 bits");
  }
  put(to, narrow);
  return {};
}

Status put_text(Bytes to, const MessageJson& json, const std::string& name) {
  if (!json.is_string()) return refused(name, "is " + json.dump() + ", not a text");
  const auto& text = json.get_ref<const std::string&>();
  if (text.size() >= to.size() || text.find('\0') != text.npos) {
    return refused(name, fmt::format("has {} bytes; it holds {}, none of them zero", text.size(),
                                     to.size() - 1));
  }
  std::ranges::fill(to, std::byte{0});
  std::memcpy(to.data(), text.data(), text.size());
  return {};
}

Status put_message(const TypeInfo& type, Bytes to, const MessageJson& json,
                   const std::string& prefix);

Status put_element(const FieldInfo& field, Bytes to, const MessageJson& json,
                   const std::string& name) {
  switch (field.kind) {
    case Kind::kU8: return put_whole<std::uint8_t>(to, json, name);
    case Kind::kI8: return put_whole<std::int8_t>(to, json, name);
    case Kind::kU16: return put_whole<std::uint16_t>(to, json, name);
    case Kind::kI16: return put_whole<std::int16_t>(to, json, name);
    case Kind::kU32: return put_whole<std::uint32_t>(to, json, name);
    case Kind::kI32: return put_whole<std::int32_t>(to, json, name);
    case Kind::kU64: return put_whole<std::uint64_t>(to, json, name);
    case Kind::kI64: return put_whole<std::int64_t>(to, json, name);
    case Kind::kF32: return put_real<float>(to, json, name);
    case Kind::kF64: return put_real<double>(to, json, name);
    case Kind::kText: return put_text(to, json, name);
    case Kind::kMessage: return put_message(*field.nested, to, json, name + ".");
    case Kind::kBool:
      if (!json.is_boolean()) return refused(name, "is " + json.dump() + ", not true or false");
      put(to, static_cast<std::uint8_t>(json.get<bool>()));
      return {};
    case Kind::kPadding: break;
  }
  return refused(name, "is padding");
}

Bytes bytes_of(const FieldInfo& field, Bytes message, std::size_t index = 0) {
  return message.subspan(field.offset + index * field.size, field.size);
}

Status put_field(const TypeInfo& type, const FieldInfo& field, Bytes message,
                 const MessageJson& json, const std::string& name) {
  if (!field.array) return put_element(field, bytes_of(field, message), json, name);
  if (!json.is_array()) return refused(name, "is " + json.dump() + ", not a list");
  if (json.size() > field.count) {
    return refused(name, fmt::format("has {} elements; it holds {}", json.size(), field.count));
  }
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (auto done = put_element(field, bytes_of(field, message, i), json[i],
                                fmt::format("{}[{}]", name, i));
        !done) {
      return done;
    }
  }
  const FieldInfo* counter = shm::find_field(type, field.counted_by);
  if (counter == nullptr) return {};
  return put_element(*counter, bytes_of(*counter, message), json.size(),
                     std::string{counter->name});
}

Status put_member(const shm::Member& at, Bytes message, const MessageJson& json,
                  const std::string& name) {
  if (at.element) {
    return put_element(*at.field, message.subspan(at.offset, at.field->size), json, name);
  }
  return put_field(*at.holder, *at.field, message.subspan(at.offset - at.field->offset), json,
                   name);
}

std::optional<shm::Member> argument(const TypeInfo& type, std::string_view name) {
  const auto found = std::ranges::find(type.args, name, &shm::ArgInfo::name);
  return found == type.args.end() ? std::nullopt : shm::find_member(type, found->path);
}

std::string names_of(const TypeInfo& type) {
  std::string names;
  for (const FieldInfo& field : type.fields) {
    if (field.kind == Kind::kPadding) continue;
    names.append(names.empty() ? "" : ", ").append(field.name);
  }
  return names;
}

Status put_message(const TypeInfo& type, Bytes to, const MessageJson& json,
                   const std::string& prefix) {
  if (!json.is_object()) {
    return refused(prefix.empty() ? type.name : prefix.substr(0, prefix.size() - 1),
                   "is " + json.dump() + ", not an object");
  }
  for (const auto& [key, value] : json.items()) {
    const std::string name = prefix + key;
    Status done;
    if (const FieldInfo* field = shm::find_field(type, key)) {
      done = put_field(type, *field, to, value, name);
    } else if (const auto member = argument(type, key)) {
      done = put_member(*member, to, value, name);
    } else {
      done = refused(name, fmt::format("is not in {}: {}", type.name, names_of(type)));
    }
    if (!done) return done;
  }
  return {};
}

}  // namespace

Result<MessageJson> parse_json(const std::string& text) {
  bool too_deep = false;
  const auto within = [&too_deep](int depth, MessageJson::parse_event_t, MessageJson&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  try {
    auto json = MessageJson::parse(text, within);
    if (!too_deep) return json;
    return Error{Errc::kInvalidArgument, "read JSON", 0,
                 Name<200>::clipped(fmt::format("nested in more than {} levels", kMaxDepth))};
  } catch (const MessageJson::exception& error) {  // Of syntax, or of a number beyond all bounds.
    // "[json.exception.parse_error.101] parse error at line 1, column 3: ..."
    const std::string_view what = error.what();
    return Error{Errc::kInvalidArgument, "read JSON", 0,
                 Name<200>::clipped(what.substr(std::min(what.find("] ") + 2, what.size())))};
  }
}

Result<std::vector<std::byte>> typed_bytes(const TypeInfo& type, const MessageJson& json) {
  std::vector<std::byte> message{type.initial.begin(), type.initial.end()};
  message.resize(type.size);
  if (auto done = put_message(type, message, json, ""); !done) return done.error();
  return message;
}

std::vector<std::byte> generic_bytes(const MessageJson& json) {
  std::vector<std::uint8_t> packed;
  MessageJson::to_msgpack(json, packed);
  const auto bytes = std::as_bytes(std::span{packed});
  return {bytes.begin(), bytes.end()};
}

}  // namespace horus::cli
