// SPDX-License-Identifier: Apache-2.0
// Writes every built-in message type as Markdown: what shm/msg/README.md is. With a file as its
// argument it says by its exit code whether that is what it would write.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include <horus/message.hpp>

#include "shm/schema.hpp"

namespace {

using namespace horus::shm;

constexpr std::string_view kHead =
    "# msg: every message type\n\n"
    "One struct and one table each, which everything else is made from: the Python class, "
    "what `horusctl topic echo` shows, the layout's hash, and this page (`cmake --build "
    "build/debug --target write_message_table`). A new message is a declaration here and "
    "its name in `shm/message.cpp`; one of your own is [no part of this "
    "tree](../README.md#a-message-of-your-own).\n\n"
    "Little-endian, laid out as C does. `s32` is text of at most 31 bytes and a zero; "
    "`bool` is a byte of which every value but 0 is true. `[16:joint_count]`: of 16 "
    "elements, `joint_count` are in use. `[*:width*height]`: so many elements behind the fields, "
    "each such array at the next multiple of 8 bytes. A message starts with the values that its "
    "constructor shows, in C++ as in Python. A value that does not fit is refused "
    "(ValueError), never cut. Every field but such a count can be assigned in Python; what "
    "else is read-only there is computed.\n";

template <typename T>
std::string number(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isinf(value)) return "inf";
  }
  std::array<char, 32> text{};
  std::string result(text.data(), std::to_chars(text.data(), text.data() + 32, value).ptr);
  const bool whole = result.find_first_of(".e") == std::string::npos;
  return std::is_floating_point_v<T> && whole ? result + ".0" : result;
}

std::string value_of(const FieldInfo& field, const std::byte* at) {
  switch (field.kind) {
    case Kind::kU8: return number<std::uint8_t>(at);
    case Kind::kI8: return number<std::int8_t>(at);
    case Kind::kU16: return number<std::uint16_t>(at);
    case Kind::kI16: return number<std::int16_t>(at);
    case Kind::kU32: return number<std::uint32_t>(at);
    case Kind::kI32: return number<std::int32_t>(at);
    case Kind::kU64: return number<std::uint64_t>(at);
    case Kind::kI64: return number<std::int64_t>(at);
    case Kind::kF32: return number<float>(at);
    case Kind::kF64: return number<double>(at);
    case Kind::kBool: return *at == std::byte{0} ? "False" : "True";
    case Kind::kText: return "'" + std::string(reinterpret_cast<const char*>(at)) + "'";
    case Kind::kMessage:
    case Kind::kPadding: break;
  }
  return "None";
}

bool is_tail(const TypeInfo& type, std::string_view name) {
  return std::ranges::count(type.tails, name, &TailInfo::name) != 0;
}

std::string signature(const TypeInfo& type) {
  std::string text = std::string(type.name) + "(";
  for (const ArgInfo& argument : type.args) {
    if (!text.ends_with('(')) text += ", ";
    text += argument.name;
    if (argument.base != nullptr) text += "=None";
    if (is_tail(type, argument.path)) text += "=b''";
    const auto member = find_member(type, argument.path);
    if (argument.required || !member) continue;
    const bool array = member->field->array && !member->element;
    const std::byte* const at = type.initial.data() + member->offset;
    text += "=" + (array ? "None" : value_of(*member->field, at));
  }
  return text + ")";
}

/// In what the neutral message is another one than the initial: ", but enable=False".
std::string neutral_of(const TypeInfo& type) {
  std::string text;
  for (const FieldInfo& field : type.fields) {
    const auto initial = type.initial.subspan(field.offset, field.size);
    const auto neutral = type.neutral.subspan(field.offset, field.size);
    if (std::ranges::equal(initial, neutral)) continue;
    text += (text.empty() ? ", but " : ", ") + std::string(field.name) + "=" +
            value_of(field, neutral.data());
  }
  return text;
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// As a schema calls it; nested types by their names alone.
std::string kind_of(const FieldInfo& field) {
  if (field.kind == Kind::kPadding) return "padding";
  FieldInfo alone = field;
  alone.nested = nullptr;
  if (field.nested != nullptr) alone.kind = Kind::kU8;
  const TypeInfo holder{.fields = {&alone, 1}};
  std::string text = schema_of(holder);  // "{name:kind@offset}0/0"
  text = text.substr(field.name.size() + 2);
  text.resize(text.find('@'));
  if (field.nested == nullptr) return text;
  return "[" + std::string(field.nested->name) + "](#" + lower(field.nested->name) + ")" +
         text.substr(2);
}

std::string kind_of(const TypeInfo& type, const TailInfo& tail) {
  const TypeInfo holder{.fields = type.fields.first(0), .tails = {&tail, 1}};
  const std::string text = schema_of(holder);  // "{;name:kind[*:by]}0/0"
  const std::size_t begin = text.find(':') + 1;
  return text.substr(begin, text.find('}') - begin);
}

std::string table() {
  std::string text{kHead};
  for (const TypeInfo* type : all_types()) {
    text += "\n## " + std::string(type->name) + "\n\n" + std::string(type->doc) + "\n\n";
    text += std::to_string(type->size) + " bytes, alignment " + std::to_string(type->align);
    if (!type->tails.empty()) text += ", and arrays";
    if (!type->default_topic.empty()) text += ", topic `" + std::string(type->default_topic) + "`";
    text += "\n\n`" + signature(*type) + "`\n\n";
    if (!type->neutral.empty()) {
      text += "Neutral (`fallback=\"zero\"`): its defaults, and 0 for what has none" +
              neutral_of(*type) + ".\n\n";
    }
    text += "| Offset | Field | Kind | Unit | |\n|---|---|---|---|---|\n";
    for (const FieldInfo& field : type->fields) {
      text += "| " + std::to_string(field.offset) + " | " + std::string(field.name) + " | " +
              kind_of(field) + " | " + std::string(field.unit) + " | " + std::string(field.doc) +
              " |\n";
    }
    for (const TailInfo& tail : type->tails) {
      text += "| | " + std::string(tail.name) + " | `" + kind_of(*type, tail) + "` | " +
              std::string(tail.unit) + " | " + std::string(tail.doc) + " |\n";
    }
  }
  return text;
}

}  // namespace

int main(int count, char** values) {
  if (count == 1) {
    std::cout << table();
    return 0;
  }
  std::ifstream file{values[1], std::ios::binary};
  if (table() == std::string{std::istreambuf_iterator<char>{file}, {}}) return 0;
  std::cerr << values[1] << " is stale: build the target write_message_table\n";
  return 1;
}
