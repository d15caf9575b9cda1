// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "rt/base/check.hpp"
#include "rt/base/name.hpp"

namespace horus {

/// What a caller branches on. Everything finer is in Error's text.
enum class Errc {
  kInvalidArgument,  ///< The caller's value is wrong (Python: ValueError).
  kTypeMismatch,     ///< A type or layout differs from what is there (Python: TypeError).
  kNotFound,         ///< No such file, node or topic.
  kPermission,       ///< The kernel or a policy refused.
  kBusy,             ///< Somebody else holds it: try later, or stop the other.
  kExhausted,        ///< No memory, space or free block.
  kVersionMismatch,  ///< Another version of a layout, protocol or plug-in ABI.
  kCorrupt,          ///< Shared memory or a file that breaks its own rules.
  kSystem,           ///< Any other refusal of the kernel; os_errno says which.
};

/// Why something failed: no allocation, trivially copyable, fit for any thread.
struct Error {
  Errc code = Errc::kSystem;
  const char* what = "";  ///< Static text: the action that failed, lower case, no full stop.
  int os_errno = 0;       ///< errno at the failure, or 0.
  Name<200> subject{};    ///< What it was about: a path, a topic, both type names.

  /// Captures errno; call it before anything else can change it.
  static Error from_errno(const char* what, std::string_view subject = {}) noexcept;
};

/// The code that `os_errno` stands for.
[[nodiscard]] Errc errc_of(int os_errno) noexcept;

/// The errno of the last kExhausted that errc_of() gave on this thread since forget_shortage(); 0:
/// none. For who gets an exception of another's in place of an Error.
[[nodiscard]] int last_shortage() noexcept;
void forget_shortage() noexcept;

inline Error Error::from_errno(const char* what, std::string_view subject) noexcept {
  const int number = errno;
  return {errc_of(number), what, number, Name<200>::clipped(subject)};
}

/// An error in one line for people: "open topic: cmd_vel: Permission denied". Allocates.
std::string describe(const Error& error);

/// Says what `error` is and aborts.
[[noreturn]] void no_value(const Error& error) noexcept;

/// A value or an Error. Reading the wrong side aborts, and says what the error was: that is a bug,
/// not an outcome.
template <typename T>
class [[nodiscard]] Result {
 public:
  // Implicit, so that a function returns its value, or an Error, as it is.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_{std::in_place_index<1>, error} {}

  explicit operator bool() const noexcept { return state_.index() == 0; }

  T& value() & {
    if (const Error* const error = std::get_if<1>(&state_)) [[unlikely]]
      no_value(*error);
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    if (const Error* const error = std::get_if<1>(&state_)) [[unlikely]]
      no_value(*error);
    return *std::get_if<0>(&state_);
  }
  /// By value, so that what a temporary held outlives it in a range-for.
  T value() && {
    if (const Error* const error = std::get_if<1>(&state_)) [[unlikely]]
      no_value(*error);
    return std::move(*std::get_if<0>(&state_));
  }
  const Error& error() const {
    HORUS_CHECK(state_.index() == 1);
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_{error} {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const noexcept { return !error_.has_value(); }
  const Error& error() const {
    HORUS_CHECK(error_.has_value());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace horus
