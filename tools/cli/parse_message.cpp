// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/parse_message.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <horus/message.hpp>

namespace horus::cli {

namespace {

using shm::FieldInfo;
using shm::Kind;
using shm::TypeInfo;
using Bytes = std::span<std::byte>;

constexpr int kMaxDepth = 60;  // Readers of a message give up at 64 levels.

Error refused(std::string_view field, std::string_view why) {
  return {Errc::kInvalidArgument, "read message", 0,
          Name<200>::clipped(fmt::format("{} {}", field, why))};
}

template <typename T>
void put(Bytes to, T value) noexcept {
  std::memcpy(to.data(), &value, sizeof value);
}

/// The whole number in `json`, if it fits T.
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

/// JSON has neither NaN nor infinity, so null stands for both. Where a new message has infinity (a
/// limit that is not set), null keeps it; elsewhere it is NaN.
template <typename T>
Status put_real(Bytes to, const MessageJson& json, const std::string& name) {
  T initial;
  std::memcpy(&initial, to.data(), sizeof initial);
  if (json.is_null() && std::isinf(initial)) return {};
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

Status put_bool(Bytes to, const MessageJson& json, const std::string& name) {
  if (!json.is_boolean()) return refused(name, "is " + json.dump() + ", not true or false");
  put(to, static_cast<std::uint8_t>(json.get<bool>()));
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
  if (field.kind == Kind::kPadding) return refused(name, "is padding");
  if (field.kind == Kind::kText) return put_text(to, json, name);
  if (field.kind == Kind::kMessage) return put_message(*field.nested, to, json, name + ".");
  return shm::with_number(field.kind, [&]<typename T>(T) -> Status {
    if constexpr (std::is_same_v<T, bool>) {
      return put_bool(to, json, name);
    } else if constexpr (std::is_floating_point_v<T>) {
      return put_real<T>(to, json, name);
    } else {
      return put_whole<T>(to, json, name);
    }
  });
}

Bytes bytes_of(const FieldInfo& field, Bytes message, std::size_t index = 0) {
  return message.subspan(field.offset + index * field.size, field.size);
}

/// The place that the constructor's argument `name` sets; with &ArgInfo::also, its second place.
std::optional<shm::Member> argument(const TypeInfo& type, std::string_view name,
                                    std::string_view shm::ArgInfo::*place = &shm::ArgInfo::path) {
  const auto found = std::ranges::find(type.args, name, &shm::ArgInfo::name);
  return found == type.args.end() ? std::nullopt : shm::find_member(type, (*found).*place);
}

/// The field that a key names as a whole, by the field's name or by an argument's; null: none.
const FieldInfo* field_of(const TypeInfo& type, std::string_view key) {
  if (const FieldInfo* const field = shm::find_field(type, key)) return field;
  const auto member = argument(type, key);
  return member && member->holder == &type && !member->element ? member->field : nullptr;
}

/// Whether the field's counter ("joint_count") counts the elements of other lists as well.
bool shares_count(const TypeInfo& type, const FieldInfo& field) {
  return std::ranges::count(type.fields, field.counted_by, &FieldInfo::counted_by) > 1;
}

/// Checks that all lists with one counter have the same length, and the length that the counter has
/// where it is given.
Status check_lengths(const TypeInfo& type, const MessageJson& json, const std::string& prefix) {
  for (const FieldInfo& counter : type.fields) {
    std::optional<std::uint64_t> length;
    std::string first{counter.name};
    if (json.contains(first)) length = whole<std::uint64_t>(json[first]);
    for (const auto& [key, value] : json.items()) {
      const FieldInfo* const list = field_of(type, key);
      if (list == nullptr || list->counted_by != counter.name || !value.is_array()) continue;
      if (shares_count(type, *list) && value.empty()) continue;
      if (length && *length != value.size()) {
        return refused(prefix + key, fmt::format("has {} elements, where {} has {}; lists that "
                                                 "belong together have one length",
                                                 value.size(), first, *length));
      }
      if (!length) first = key;
      length = value.size();
    }
  }
  return {};
}

/// Checks that a counter is not larger than the capacity of its lists.
Status check_count(const TypeInfo& type, const FieldInfo& counter, const MessageJson& json,
                   const std::string& name) {
  const auto count = whole<std::uint64_t>(json);
  for (const FieldInfo& list : type.fields) {
    if (list.counted_by != counter.name || !count || *count <= list.count) continue;
    return refused(name, fmt::format("is {}; {} holds {}", *count, list.name, list.count));
  }
  return {};
}

Status put_field(const TypeInfo& type, const FieldInfo& field, Bytes message,
                 const MessageJson& json, const std::string& name) {
  if (!field.array) {
    if (auto good = check_count(type, field, json, name); !good) return good;
    return put_element(field, bytes_of(field, message), json, name);
  }
  if (!json.is_array()) return refused(name, "is " + json.dump() + ", not a list");
  if (json.size() > field.count) {
    return refused(name, fmt::format("has {} elements; it holds {}", json.size(), field.count));
  }
  if (field.is_whole() && json.size() != field.count) {
    return refused(name, fmt::format("has {} elements; it takes {}", json.size(), field.count));
  }
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (auto done = put_element(field, bytes_of(field, message, i), json[i],
                                fmt::format("{}[{}]", name, i));
        !done) {
      return done;
    }
  }
  const FieldInfo* counter = shm::find_field(type, field.counted_by);
  // An empty list does not set a counter that other lists share.
  if (counter == nullptr || (json.empty() && shares_count(type, field))) return {};
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

std::string names_of(const TypeInfo& type) {
  std::string names;
  for (const FieldInfo& field : type.fields) {
    if (field.kind == Kind::kPadding) continue;
    names.append(names.empty() ? "" : ", ").append(field.name);
  }
  for (const shm::TailInfo& tail : type.tails) names.append(", ").append(tail.name);
  return names;
}

Status put_message(const TypeInfo& type, Bytes to, const MessageJson& json,
                   const std::string& prefix) {
  if (!json.is_object()) {
    return refused(prefix.empty() ? type.name : prefix.substr(0, prefix.size() - 1),
                   "is " + json.dump() + ", not an object");
  }
  if (auto agree = check_lengths(type, json, prefix); !agree) return agree;
  for (const auto& [key, value] : json.items()) {
    const std::string name = prefix + key;
    Status done;
    if (const FieldInfo* field = shm::find_field(type, key)) {
      done = put_field(type, *field, to, value, name);
    } else if (const auto member = argument(type, key)) {
      done = put_member(*member, to, value, name);
      const auto second = argument(type, key, &shm::ArgInfo::also);
      if (done && second) done = put_member(*second, to, value, name);
    } else {
      done = refused(name, fmt::format("is not in {}: {}", type.name, names_of(type)));
    }
    if (!done) return done;
  }
  return {};
}

/// The JSON of each tail; null where the tail is not named.
using TailValues = std::array<MessageJson, shm::kMaxTails>;

/// Whether one counter holds the tail's length, so that the list sets it. Otherwise the length is a
/// product of two fields.
bool set_by_length(const shm::TailInfo& tail) {
  return tail.counted_by[1].empty();
}

/// Moves the values of the tails out of `json` into `tails`. A counter that is the length of such a
/// list is removed from `json` and written to `message`. A key that names a base ("grid") is first
/// replaced by the fields and tails in it.
Status take_tails(const TypeInfo& type, MessageJson& json, Bytes message, TailValues& tails) {
  for (const shm::ArgInfo& arg : type.args) {
    const std::string name{arg.name};
    if (arg.base == nullptr || !json.contains(name)) continue;
    const MessageJson base = json[name];
    if (!base.is_object()) return refused(name, "is " + base.dump() + ", not an object");
    json.erase(name);
    for (const auto& [key, value] : base.items()) json[key] = value;
  }
  for (std::size_t i = 0; i < type.tails.size(); ++i) {
    const shm::TailInfo& tail = type.tails[i];
    const std::string name{tail.name};
    if (!json.contains(name)) {
      // Only the list sets the tail's length: without it a counter that is given is ignored.
      if (set_by_length(tail)) json.erase(std::string{tail.counted_by[0]});
      continue;
    }
    tails[i] = std::move(json[name]);
    json.erase(name);
    if (!tails[i].is_array()) return refused(name, "is " + tails[i].dump() + ", not a list");
    if (!set_by_length(tail)) continue;
    const FieldInfo& counter = *find_field(type, tail.counted_by[0]);
    json.erase(std::string{counter.name});
    if (auto done = put_element(counter, bytes_of(counter, message), tails[i].size(),
                                std::string{counter.name});
        !done) {
      return done;
    }
  }
  return {};
}

/// Appends the tails to the head in `message`, which says how long they are.
Status put_tails(const TypeInfo& type, const TailValues& tails, std::vector<std::byte>& message) {
  if (type.tails.empty()) return {};
  const auto layout = shm::TailLayout::of(type, message);
  if (!layout) {
    return refused(type.name, fmt::format("is larger than {} bytes", shm::kMaxMessage));
  }
  message.resize(layout->size());
  for (std::size_t i = 0; i < type.tails.size(); ++i) {
    const shm::TailInfo& tail = type.tails[i];
    FieldInfo one;
    one.kind = tail.kind;
    const Bytes bytes = Bytes{message}.subspan(layout->offset(i), layout->count(i) * tail.size);
    if (tails[i].is_null()) {
      std::ranges::fill(bytes, static_cast<std::byte>(tail.fill));
      continue;
    }
    if (tails[i].size() != layout->count(i)) {
      return refused(tail.name,
                     fmt::format("has {} elements; {} x {} is {}", tails[i].size(),
                                 tail.counted_by[0], tail.counted_by[1], layout->count(i)));
    }
    for (std::size_t k = 0; k < layout->count(i); ++k) {
      if (auto done = put_element(one, bytes.subspan(k * tail.size, tail.size), tails[i][k],
                                  fmt::format("{}[{}]", tail.name, k));
          !done) {
        return done;
      }
    }
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
  } catch (const MessageJson::exception& error) {  // A syntax error, or a number out of range.
    // "[json.exception.parse_error.101] parse error at line 1, column 3: ..."
    const std::string_view what = error.what();
    return Error{Errc::kInvalidArgument, "read JSON", 0,
                 Name<200>::clipped(what.substr(std::min(what.find("] ") + 2, what.size())))};
  }
}

Result<std::vector<std::byte>> typed_bytes(const TypeInfo& type, const MessageJson& json) {
  std::vector<std::byte> message{type.initial.begin(), type.initial.end()};
  message.resize(type.size);
  MessageJson head = json;
  TailValues tails;
  if (head.is_object()) {
    if (auto taken = take_tails(type, head, message, tails); !taken) return taken.error();
  }
  if (auto done = put_message(type, message, head, ""); !done) return done.error();
  if (auto done = put_tails(type, tails, message); !done) return done.error();
  return message;
}

std::vector<std::byte> generic_bytes(const MessageJson& json) {
  std::vector<std::uint8_t> packed;
  MessageJson::to_msgpack(json, packed);
  const auto bytes = std::as_bytes(std::span{packed});
  return {bytes.begin(), bytes.end()};
}

}  // namespace horus::cli
