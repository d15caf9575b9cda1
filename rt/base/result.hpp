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

/// The kinds of errors that callers tell apart. Details are in the text of Error.
enum class Errc {
  kInvalidArgument,  ///< The caller's value is wrong (Python: ValueError).
  kTypeMismatch,     ///< A type or layout differs from what is there (Python: TypeError).
  kNotFound,         ///< No such file, node or topic.
  kPermission,       ///< The kernel or a policy refused.
  kBusy,             ///< Another user holds it: try later, or stop that user.
  kExhausted,        ///< No memory, space or free block.
  kVersionMismatch,  ///< Another version of a layout, protocol or plug-in ABI.
  kCorrupt,          ///< Shared memory or a file that breaks its own rules.
  kSystem,           ///< Any other refusal of the kernel; os_errno says which.
};

/// Why an operation failed. RT-safe to make and to copy: it allocates nothing and is trivially
/// copyable.
struct Error {
  Errc code = Errc::kSystem;
  const char* what = "";  ///< The action that failed: static text, lower case, no full stop.
  int os_errno = 0;       ///< errno at the failure, or 0.
  Name<200> subject{};    ///< What the action was about: a path, a topic, both type names.

  /// Makes an Error from the present errno. Call it before anything else can change errno.
  static Error from_errno(const char* what, std::string_view subject = {}) noexcept;
};

/// The code for `os_errno`; kSystem for a number that no other code covers. Remembers a shortage
/// for last_shortage().
[[nodiscard]] Errc errc_of(int os_errno) noexcept;

/// The latest errno that errc_of() mapped to kExhausted on this thread since forget_shortage(); 0:
/// none. For callers that catch an exception from foreign code, which carries no Error.
[[nodiscard]] int last_shortage() noexcept;
/// Clears last_shortage() of the calling thread.
void forget_shortage() noexcept;

inline Error Error::from_errno(const char* what, std::string_view subject) noexcept {
  const int number = errno;
  return {errc_of(number), what, number, Name<200>::clipped(subject)};
}

/// The error as one line for people: "open topic: cmd_vel: Permission denied". Allocates.
std::string describe(const Error& error);

/// Prints `error` on stderr and aborts. Result::value() calls it when there is no value.
[[noreturn]] void no_value(const Error& error) noexcept;

/// A value or an Error. Test it with operator bool before reading a side. Reading the wrong side is
/// a bug: it aborts the process with a message on stderr.
template <typename T>
class [[nodiscard]] Result {
 public:
  // Implicit, so that a function can return a plain value or a plain Error.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_{std::in_place_index<1>, error} {}

  /// True when there is a value.
  explicit operator bool() const noexcept { return state_.index() == 0; }

  /// The value. Aborts when there is none.
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
  /// Returns by value, so that `for (auto& x : f().value())` does not iterate over a dead
  /// temporary.
  T value() && {
    if (const Error* const error = std::get_if<1>(&state_)) [[unlikely]]
      no_value(*error);
    return std::move(*std::get_if<0>(&state_));
  }
  /// The error. Aborts when there is a value.
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
