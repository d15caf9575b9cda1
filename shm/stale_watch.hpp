// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <horus/topic.hpp>

#include "rt/base/tick_stats.hpp"
#include "shm/freshness.hpp"
#include "shm/layout.hpp"

namespace horus::shm {

/// The state that a subscription with a timeout needs for it; see Fallback. RT-safe except the
/// constructor.
///
/// Thread safety: the subscriber's thread.
class StaleWatch {
 public:
  struct Plan {
    std::string_view topic;
    Nanos timeout{};
    Fallback fallback = Fallback::kNone;
    std::span<const std::byte> value;  ///< The fallback of kValue and kZero; copied.
    std::size_t max_size = 0;          ///< Bytes of the largest message.
  };
  explicit StaleWatch(const Plan& plan);

  /// Sets the node whose ticks pace the fallback and whose statistics are told; null: none.
  void belongs_to(NodeStats* node) noexcept;
  /// Begins a call of the subscriber. `ns_per_cycle` 0: not known yet.
  void look(std::uint64_t now, double ns_per_cycle) noexcept;
  /// If no time counts yet, the input's age counts from `now`.
  void begin(std::uint64_t now) noexcept { fresh.begin(now); }
  /// Notes a message that was taken; `publisher` is its node.
  void hear(std::uint64_t sent, std::uint64_t now, const NodeName& publisher) noexcept;
  /// With kHold: stores the message as the fallback.
  void keep(std::span<const std::byte> message) noexcept;
  bool holds() const noexcept { return fallback_ == Fallback::kHold; }

  /// Sets whether the input is stale. A change begins or ends an episode, and is counted.
  void settle(bool stale, std::uint64_t now, CursorFile& cursor) noexcept;
  bool stale() const noexcept { return stale_; }
  /// Whether give() would return a message.
  bool due(std::uint64_t now) const noexcept;
  /// While stale: copies the fallback into `buffer`, if one is due, and returns its length; else
  /// -1.
  std::ptrdiff_t give(std::span<std::byte> buffer, std::uint64_t now, CursorFile& cursor) noexcept;
  /// Whether the last call returned the fallback.
  bool gave() const noexcept { return gave_; }
  /// Whether the fallback was given in this tick.
  bool gave_in_this_tick() const noexcept;
  /// True once in each stale episode: releases an event node's tick.
  bool wakes() noexcept { return stale_ && !std::exchange(woken_, true); }

  Freshness fresh;
  const RingHeader* source = nullptr;  ///< The ring that the newest message came from.
  bool source_isolated = false;        ///< Its node is isolated, or was when the ring went.

 private:
  void tell(std::uint64_t now, CursorFile& cursor) noexcept;
  void tell_node(std::int64_t since_ns, std::int64_t newest_ns) noexcept;

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  const Fallback fallback_;
  const Name<208> topic_;
  NodeName publisher_{};
  NodeStats* node_ = nullptr;
  std::vector<std::byte> value_;  // The fallback; as large as the largest message.
  std::size_t length_ = 0;
  bool has_value_ = false;
  bool stale_ = false;
  bool woken_ = false;
  bool gave_ = false;
  std::uint64_t given_in_ = kNever;  // The tick of the node in which it was last given.
  std::uint64_t given_at_ = 0;
};

}  // namespace horus::shm
