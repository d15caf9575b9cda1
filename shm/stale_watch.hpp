// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "rt/base/tick_stats.hpp"
#include "shm/fallback.hpp"
#include "shm/layout.hpp"

namespace horus::shm {

/// What a subscription that has a time-out keeps for it. RT-safe but for its construction.
///
/// Thread safety: the subscriber's thread.
class StaleWatch {
 public:
  struct Plan {
    std::string_view topic;
    Nanos timeout{};
    Fallback fallback = Fallback::kNone;
    std::span<const std::byte> value;  ///< Of kValue and kZero.
    std::size_t max_size = 0;          ///< Of a message.
  };
  explicit StaleWatch(const Plan& plan);

  /// Whose ticks count, and where it is told; null: no node's.
  void belongs_to(NodeStats* node) noexcept;
  /// At the beginning of each call. `ns_per_cycle` 0: not known yet.
  void look(std::uint64_t now, double ns_per_cycle) noexcept;
  /// The silence counts from `now` on at the latest.
  void begin(std::uint64_t now) noexcept { fresh.begin(now); }
  /// A message was taken; `publisher` is its node.
  void hear(std::uint64_t sent, std::uint64_t now, const NodeName& publisher) noexcept;
  /// kHold gives it from now on.
  void keep(std::span<const std::byte> message) noexcept;
  bool holds() const noexcept { return fallback_ == Fallback::kHold; }

  /// The input is fresh, or stale: an episode ends, or begins.
  void settle(bool stale, std::uint64_t now, CursorFile& cursor) noexcept;
  bool stale() const noexcept { return stale_; }
  /// Whether give() would give something.
  bool due(std::uint64_t now) const noexcept;
  /// Of a stale input: the fallback, where it is due; else nothing.
  std::ptrdiff_t give(std::span<std::byte> buffer, std::uint64_t now, CursorFile& cursor) noexcept;
  /// Whether the last call gave the fallback.
  bool gave() const noexcept { return gave_; }
  /// Whether the fallback was given in this tick.
  bool gave_in_this_tick() const noexcept;
  /// Once in each episode.
  bool wakes() noexcept { return stale_ && !std::exchange(woken_, true); }

  Freshness fresh;
  const RingHeader* source = nullptr;  ///< Of the ring that the newest message came from.
  bool source_isolated = false;        ///< Its node is isolated, or was when the ring went.

 private:
  void tell(std::uint64_t now, CursorFile& cursor) noexcept;
  void tell_node(std::int64_t since_ns, std::int64_t newest_ns) noexcept;

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  const Fallback fallback_;
  const Name<208> topic_;
  NodeName publisher_{};
  NodeStats* node_ = nullptr;
  std::vector<std::byte> value_;  // As large as the largest message.
  std::size_t length_ = 0;
  bool has_value_ = false;
  bool stale_ = false;
  bool woken_ = false;
  bool gave_ = false;
  std::uint64_t given_in_ = kNever;  // The node's tick.
  std::uint64_t given_at_ = 0;
};

}  // namespace horus::shm
