// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <horus/text.hpp>

/// Errors without exceptions. What may fail returns a Result, which holds a value or an Error:
///
///   auto orders = topics.subscriber<horus::msg::CmdVel>("cmd_vel");
///   if (!orders) return orders.error();
///   orders_ = std::move(orders).value();
///
/// In a constructor, which cannot return one:
/// `orders_{horus::or_throw(topics.subscriber<...>(...))}`.

/// Aborts with file and line on stderr when `condition` is false, in every build. Only for bugs of
/// the program itself; wrong input gets an Error.
#define HORUS_CHECK(condition)                                                           \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

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

/// The code for `os_errno`; kSystem for a number that no other code covers.
[[nodiscard]] Errc errc_of(int os_errno) noexcept;

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

/// The value of `result`. Throws std::runtime_error with describe()'s text if there is none: for
/// the constructor of a node, whose exception horusd reports with the node's place in the
/// configuration.
template <typename T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error{describe(result.error())};  // not RT: a constructor.
  return std::move(result).value();
}
inline void or_throw(const Status& status) {
  if (!status) throw std::runtime_error{describe(status.error())};  // not RT: a constructor.
}

}  // namespace horus
