// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "shm/message.hpp"

namespace horus::shm {

/// What a subscription with a time-out gives once what it has is too old.
///
/// It is stale when its newest message was sent longer ago than the time-out. Where none came, the
/// time counts from the first tick of its node; of an event node, from its first wait; of one that
/// is no node's, from its first receive. The time is that of the machine's cycle counter, which all
/// its processes share: neither a field of the message nor the wall clock can move it, and a stamp
/// that lies in the future counts as that of now. It goes on while processes are stopped, so that
/// after a pause of all of them the input is stale until a new message comes.
///
/// A message that is too old is never given as such: it is passed over (kHold gives the newest).
/// While the input is stale the first receive of each tick gives the fallback, and every further
/// one of the tick nothing, so that a loop that takes until there is nothing ends; of a
/// subscription that is no node's it is given once in each time-out. A fallback is no message: it
/// counts in `fallbacks`, not in `received`. The first new message ends it, whoever sent it.
///
/// Where the publisher's own process has taken its node for hung, or isolated it, what it sent is
/// stale at once.
enum class Fallback : std::uint8_t {
  kNone,   ///< Nothing: stale() says it, and it is counted and shown.
  kHold,   ///< The newest message once more.
  kZero,   ///< The message that is neutral, of a type that has one (TypeInfo::neutral).
  kValue,  ///< The one that was given.
  kStop,   ///< Nothing, and once in each time that it becomes stale an emergency stop.
};

/// The bytes of a fallback of kValue, for TopicOptions::value.
template <Message T>
std::span<const std::byte> fallback_of(const T& message) noexcept {
  return std::as_bytes(std::span{&message, 1});
}
template <Message T>
void fallback_of(const T&& message) = delete;  // It would be gone.

/// Whether a time-out and its fallback fit the type: kInvalidArgument that says what does not.
Status check_fallback(const TypeInfo& type, Nanos timeout, Fallback fallback,
                      std::span<const std::byte> value);

/// How old a subscription's input is. Instants are cycle_count()s; pure.
class Freshness {
 public:
  explicit Freshness(Nanos timeout) noexcept : timeout_{timeout} {}

  Nanos timeout() const noexcept { return timeout_; }
  /// Of a cycle; 0: not known yet, and nothing is old.
  void scale(double ns_per_cycle) noexcept { ns_per_cycle_ = ns_per_cycle; }
  /// The silence counts from `at` on, where it does not yet.
  void begin(std::uint64_t at) noexcept {
    if (newest_ == 0) newest_ = at;
  }
  bool begun() const noexcept { return newest_ != 0; }
  void hear(std::uint64_t sent, std::uint64_t now) noexcept {
    newest_ = std::max(newest_, std::min(sent, now));
    heard_ = true;
  }
  /// Whether a message ever came.
  bool heard() const noexcept { return heard_; }
  bool is_old(std::uint64_t sent, std::uint64_t now) const noexcept {
    return age(sent, now) > timeout_;
  }
  bool is_stale(std::uint64_t now) const noexcept { return begun() && is_old(newest_, now); }
  Nanos age(std::uint64_t sent, std::uint64_t now) const noexcept {
    const auto cycles = static_cast<double>(now - std::min(sent, now));
    return Nanos{static_cast<std::int64_t>(cycles * ns_per_cycle_)};
  }
  /// Of the newest message, or of the silence.
  Nanos age(std::uint64_t now) const noexcept { return age(newest_, now); }

 private:
  Nanos timeout_;
  double ns_per_cycle_ = 0;
  std::uint64_t newest_ = 0;
  bool heard_ = false;
};

}  // namespace horus::shm
