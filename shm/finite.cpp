// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <horus/message.hpp>

namespace horus::shm {
namespace {

/// The first number that is not finite. Its path is built from the innermost field outwards.
struct Odd {
  bool found = false;
  std::string* path = nullptr;  ///< Null: the caller does not need the path.

  void at(std::string_view name, std::size_t index, bool array) const {
    if (path == nullptr) return;
    std::string here{name};
    if (array) here += "[" + std::to_string(index) + "]";
    *path = path->empty() ? here : here + "." + *path;
  }
};

template <typename Number>
std::size_t first_odd(const std::byte* at, std::size_t count, bool limit) noexcept {
  constexpr Number kNone = std::numeric_limits<Number>::infinity();
  for (std::size_t i = 0; i < count; ++i) {
    Number number;
    std::memcpy(&number, at + i * sizeof number, sizeof number);
    if (!std::isfinite(number) && !(limit && number == kNone)) return i;
  }
  return count;
}

/// The index of the first element that is not finite; `count` if all are. With `limit`, infinity is
/// allowed.
std::size_t first_odd(Kind kind, const std::byte* at, std::size_t count, bool limit) noexcept {
  if (kind == Kind::kF32) return first_odd<float>(at, count, limit);
  return kind == Kind::kF64 ? first_odd<double>(at, count, limit) : count;
}

void look_through(const TypeInfo& type, const std::byte* message, Odd& odd) {
  for (const FieldInfo& field : type.fields) {
    const std::size_t count = used(type, field, message);
    const std::byte* const at = message + field.offset;
    if (field.kind != Kind::kMessage) {
      const std::size_t first = first_odd(field.kind, at, count, field.limit);
      odd.found = first != count;
      if (odd.found) return odd.at(field.name, first, field.array);
      continue;
    }
    for (std::size_t i = 0; i < count; ++i) {
      look_through(*field.nested, at + i * field.size, odd);
      if (odd.found) return odd.at(field.name, i, field.array);
    }
  }
}

void look_at(const TypeInfo& type, std::span<const std::byte> message, Odd& odd) {
  const auto layout = TailLayout::of_message(type, message);
  odd.found = !layout;
  if (odd.found) return odd.at("its length", 0, false);
  look_through(type, message.data(), odd);
  for (std::size_t i = 0; i < type.tails.size() && !odd.found; ++i) {
    const TailInfo& tail = type.tails[i];
    const std::size_t first =
        first_odd(tail.kind, message.data() + layout->offset(i), layout->count(i), false);
    odd.found = first != layout->count(i);
    if (odd.found) odd.at(tail.name, first, true);
  }
}

}  // namespace

bool is_finite(const TypeInfo& type, std::span<const std::byte> message) noexcept {
  Odd odd;
  look_at(type, message, odd);
  return !odd.found;
}

std::string first_not_finite(const TypeInfo& type, std::span<const std::byte> message) {
  std::string path;
  Odd odd{.path = &path};
  look_at(type, message, odd);
  return path;
}

}  // namespace horus::shm
