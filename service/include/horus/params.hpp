// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// What a node's configuration gives it beside its rate:
///
///   params = { kp = 0.8, port = "/dev/ttyS0", wheels = 4 }
///
///   kp_{params.get("kp", 0.5)}, port_{params.get<std::string>("port")}
namespace horus {

/// The `params` table of one node in the configuration: scalars by name.
///
/// get() throws std::invalid_argument for a parameter that is missing or of the wrong type. Its
/// text names the node and the key; do not catch it, and horusd refuses to start with that text.
/// horusd also refuses parameters that the constructor did not ask for by get() or has(), so that a
/// misspelt gain is not ignored. So ask for every parameter, whatever the others' values are.
///
/// Thread safety: one thread. Even the const calls write: they note which keys were asked for.
/// Not RT-safe.
class Params {
 public:
  using Value = std::variant<bool, std::int64_t, double, std::string>;

  Params() = default;
  /// `node` is the node's name, for error texts.
  Params(std::string node, std::vector<std::pair<std::string, Value>> values)
      : node_{std::move(node)}, values_{std::move(values)} {}

  /// A required parameter. `T` is bool, an integer, a floating-point type or std::string. Throws
  /// std::invalid_argument if it is missing, of another type, or out of the range of an integer
  /// `T`. A whole number in the configuration also serves as a floating-point one.
  template <typename T>
  T get(std::string_view key) const {
    const Value* value = find(key);
    if (value == nullptr) fail(key, "is missing");
    return convert<T>(key, *value);
  }

  /// An optional parameter: `fallback` if it is missing. Throws as above if it is there and does
  /// not fit `T`.
  template <typename T>
  T get(std::string_view key, T fallback) const {
    const Value* value = find(key);
    return value == nullptr ? fallback : convert<T>(key, *value);
  }
  std::string get(std::string_view key, const char* fallback) const {
    return get<std::string>(key, std::string{fallback});
  }

  /// Whether the configuration gives `key`. Counts as asking for it.
  bool has(std::string_view key) const { return find(key) != nullptr; }

  /// For horusd's loader: the first parameter that nobody asked for; empty: none.
  std::string unasked() const {
    for (const auto& [key, value] : values_) {
      if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) return key;
    }
    return {};
  }
  /// For horusd's loader: the keys that were asked for, in order, whether they exist or not.
  const std::vector<std::string>& asked() const noexcept { return asked_; }

 private:
  const Value* find(std::string_view key) const {
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.emplace_back(key);
    for (const auto& [name, value] : values_) {
      if (name == key) return &value;
    }
    return nullptr;
  }

  [[noreturn]] void fail(std::string_view key, const std::string& what) const {
    throw std::invalid_argument("node '" + node_ + "': parameter '" + std::string{key} + "' " +
                                what);
  }

  template <typename T>
  T convert(std::string_view key, const Value& value) const {
    if constexpr (std::same_as<T, bool> || std::same_as<T, std::string>) {
      if (const T* exact = std::get_if<T>(&value)) return *exact;
      fail(key, std::same_as<T, bool> ? "must be true or false" : "must be a text in quotes");
    } else if constexpr (std::integral<T>) {
      if (const auto* number = std::get_if<std::int64_t>(&value)) {
        if (std::in_range<T>(*number)) return static_cast<T>(*number);
        fail(key, "must be from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                      std::to_string(std::numeric_limits<T>::max()));
      }
      fail(key, "must be a whole number");
    } else {
      static_assert(std::floating_point<T>, "a parameter is bool, a number or std::string");
      if (const auto* number = std::get_if<double>(&value)) return static_cast<T>(*number);
      if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<T>(*whole);
      fail(key, "must be a number");
    }
  }

  std::string node_;
  std::vector<std::pair<std::string, Value>> values_;
  mutable std::vector<std::string> asked_;
};

}  // namespace horus
