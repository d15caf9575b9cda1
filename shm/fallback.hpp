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

/// What a subscription with a timeout returns while its input is stale.
///
/// The input is stale when its newest message was sent longer ago than the timeout. If no message
/// came yet, the time counts from the node's first tick; for an event node, from its first wait;
/// for a subscription outside of nodes, from its first receive. Time is the machine's cycle
/// counter, which all its processes share. Neither a field of the message nor the wall clock can
/// change it, and a send time in the future counts as now. It goes on while processes are stopped:
/// after all of them were paused, the input is stale until a new message comes.
///
/// A message that is too old is never returned as a message: it is passed over (kHold returns the
/// newest one as the fallback). While the input is stale, the first receive of each tick returns
/// the fallback and the further ones return nothing, so that a loop that takes until there is
/// nothing ends. A subscription outside of nodes returns it once per timeout. A fallback is not a
/// message: it counts in `fallbacks`, not in `received`. The first new message, from any publisher,
/// ends the episode.
///
/// If the publisher's process considers its node hung, or has isolated it, its messages are stale
/// at once.
enum class Fallback : std::uint8_t {
  kNone,   ///< Returns nothing; stale() is true, and the statistics show it.
  kHold,   ///< Returns the newest message again.
  kZero,   ///< Returns the type's neutral message; for types that have one (TypeInfo::neutral).
  kValue,  ///< Returns the given message (TopicOptions::value).
  kStop,   ///< Returns nothing, and asks for one emergency stop in each stale episode.
};

/// The bytes of `message`, for TopicOptions::value with kValue. `message` must live that long.
template <Message T>
std::span<const std::byte> fallback_of(const T& message) noexcept {
  return std::as_bytes(std::span{&message, 1});
}
template <Message T>
void fallback_of(const T&& message) = delete;  // A temporary would be gone before it is copied.

/// Whether a timeout and its fallback fit the type; else kInvalidArgument that says what does not.
Status check_fallback(const TypeInfo& type, Nanos timeout, Fallback fallback,
                      std::span<const std::byte> value);

/// Computes how old a subscription's input is. Instants are values of cycle_count(). Pure: it reads
/// no clock.
///
/// Thread safety: one thread at a time.
class Freshness {
 public:
  explicit Freshness(Nanos timeout) noexcept : timeout_{timeout} {}

  Nanos timeout() const noexcept { return timeout_; }
  /// Sets the length of a cycle in ns; 0: not known yet, and every age is then 0.
  void scale(double ns_per_cycle) noexcept { ns_per_cycle_ = ns_per_cycle; }
  /// Without a message, the age counts from `at`; ignored once a time is set.
  void begin(std::uint64_t at) noexcept {
    if (newest_ == 0) newest_ = at;
  }
  bool begun() const noexcept { return newest_ != 0; }
  /// Notes a message that was sent at `sent`.
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
  /// The age of the newest message; before the first one, the time since begin().
  Nanos age(std::uint64_t now) const noexcept { return age(newest_, now); }

 private:
  Nanos timeout_;
  double ns_per_cycle_ = 0;
  std::uint64_t newest_ = 0;
  bool heard_ = false;
};

}  // namespace horus::shm
