// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "rt/base/safety.hpp"
#include "rt/base/seqlock.hpp"
#include "rt/base/stop_words.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"

namespace horus {

/// Whether a run may act: its emergency stop and its safe state, which hold until somebody
/// releases them.
///
/// Thread safety: any thread; use() once, before executors run. Progress: lock-free, RT-safe.
/// Invariants:
///   (1) one word says all: whether the run is at rest, whether by an emergency stop, which
///       episode of rest it is, and how often it was asked for.
///   (2) a release takes back what its caller has seen, and nothing that was asked for since.
class Safety {
 public:
  /// What a run was asked for, at one instant.
  struct View {
    std::uint64_t word = 0;
    bool resting() const noexcept { return (word & kResting) != 0; }
    bool stopped() const noexcept { return (word & kEstopped) != 0; }
    /// Odd while at rest; moves with each rest and each release.
    std::uint32_t episode() const noexcept {
      return static_cast<std::uint32_t>((word >> kEpisodeAt) & kEpisodes);
    }
  };
  /// Where it lives outside: each may be null, and outlives this.
  struct Places {
    StopWord* own = nullptr;            ///< By which others learn of a stop here.
    const StopWords* others = nullptr;  ///< Those that this run obeys.
    Seqlock<StopNote>* note = nullptr;  ///< The reason.
    std::span<NodeStats> nodes{};       ///< Whose outputs a rest shuts.
  };

  void use(const Places& places) noexcept;

  /// Async-signal-safe, too. The emergency stop: everything of the robot comes to rest, and is
  /// disarmed. The first reason of an episode stays.
  void request_stop(StopCause cause, std::string_view text, std::string_view node = {}) noexcept;
  /// A fault: everything of this run comes to rest.
  void request_safe_state(StopCause cause, std::string_view text,
                          std::string_view node = {}) noexcept;
  /// Another host was stopped at `since_ns`, or is held by a stop that was asked for then. Who
  /// comes later learns of it here, too.
  void follow(std::int64_t since_ns) noexcept;
  /// Looks at the other hosts' words, one load for each. True where the run is at rest.
  bool obey() noexcept {
    const View view = look();
    if (places_.others == nullptr || view.stopped()) return view.resting();
    return follow_others() || view.resting();
  }

  View look() const noexcept { return {word_.load()}; }
  /// What there is to release once obey() was called.
  View obeyed() noexcept {
    obey();
    return look();
  }
  std::uint32_t episode() const noexcept { return look().episode(); }
  /// Of a run at rest; nothing while it is being written.
  std::optional<StopNote> note() const noexcept;
  /// False where something was asked for since `seen`.
  bool release(View seen) noexcept;

 private:
  // The word: bits 0 and 1, 31 bits of episode, 31 bits that count what was asked for.
  static constexpr std::uint64_t kResting = 1;
  static constexpr std::uint64_t kEstopped = 2;
  static constexpr int kEpisodeAt = 2;
  static constexpr std::uint64_t kEpisodes = (std::uint64_t{1} << 31U) - 1;
  static constexpr std::uint64_t kEpisode = std::uint64_t{1} << kEpisodeAt;
  static constexpr std::uint64_t kRequest = std::uint64_t{1} << 33U;

  bool follow_others() noexcept;
  void shut_outputs() noexcept;
  StopWord* own_word() const noexcept;
  void hold(std::int64_t since_ns) noexcept;
  View ask(std::uint64_t bits) noexcept;
  void keep(View view, StopCause cause, std::string_view text, std::string_view node) noexcept;

  Places places_{};
  Seqlock<StopNote> own_note_{};
  StopWord early_{};  // In the place of the own one, before use().
  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::uint64_t> noted_{0};  // The episode whose reason is kept, and how far it went.
  std::atomic<bool> noting_{false};
};

}  // namespace horus
