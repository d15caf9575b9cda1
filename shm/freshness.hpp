// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <horus/result.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

namespace horus::shm {

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
