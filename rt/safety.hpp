// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <horus/node.hpp>
#include <horus/scheduler.hpp>
#include <horus/time.hpp>

#include "rt/base/safety.hpp"
#include "rt/base/seqlock.hpp"
#include "rt/base/stop_words.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus {

/// The emergency stop and the safe state of a run (RT-12). Both bring the run to rest. A rest holds
/// until it is released.
///
/// Thread safety: all calls from any thread; use() once, before executors run.
/// Progress: lock-free, RT-safe.
/// Invariants:
///   (1) One word says all: whether the run is at rest, whether by an emergency stop, the episode
///       of rest, and how often a rest was requested.
///   (2) A release takes back the requests that its caller has seen, and none that came later.
class Safety {
 public:
  using View = Rest;  ///< The state of rest at one instant.
  /// Memory outside of this object that it uses. Each may be null, and outlives this object.
  struct Places {
    StopWord* own = nullptr;            ///< Tells other hosts of emergency stops here.
    const StopWords* others = nullptr;  ///< The hosts whose emergency stops this run obeys.
    Seqlock<StopNote>* note = nullptr;  ///< Where the reason of a rest is shown.
    std::span<NodeStats> nodes{};       ///< The nodes; a rest shuts the outputs of actuators.
  };

  /// Takes over `places`. Requests that came before are kept, and shown there now. If the host's
  /// earlier life was stopped and not released, the run is stopped here.
  void use(const Places& places) noexcept;

  /// Also async-signal-safe. Requests the emergency stop: the whole robot comes to rest, and its
  /// actuators are disarmed. Their outputs are shut when the call returns. The reason is kept
  /// unless an earlier emergency stop of this episode has given one. `node` is the cause, if a node
  /// is.
  void request_stop(StopCause cause, std::string_view text, std::string_view node = {}) noexcept;
  /// Requests safe state after a fault: this run comes to rest, other hosts do not. The reason is
  /// kept unless this episode has one.
  void request_safe_state(StopCause cause, std::string_view text,
                          std::string_view node = {}) noexcept;
  /// Another host requested a stop at `since_ns`, or is held by one that was requested then: this
  /// run stops as well. It shows the same instant in its own StopWord, for hosts that start later,
  /// but does not count a stop of its own (RT-13).
  void follow(std::int64_t since_ns) noexcept;
  /// Looks at the other hosts' stop words, one load for each, and follows a stop. Returns whether
  /// the run is at rest afterwards.
  bool obey() noexcept {
    const View view = look();
    if (places_.others == nullptr || view.stopped()) return view.resting();
    return follow_others() || view.resting();
  }

  /// The present state.
  View look() const noexcept { return {word_.load()}; }
  /// obey(), then look(): all that there is to release, stops of other hosts included.
  View obeyed() noexcept {
    obey();
    return look();
  }
  std::uint32_t episode() const noexcept { return look().episode(); }
  /// Why the run is at rest. Nothing when it is not, and while the reason is being written.
  std::optional<StopNote> note() const noexcept;
  /// Releases the rest in `seen`. Returns false when something was requested since: the run then
  /// stays at rest. If `seen` was not at rest, returns whether the run still is not.
  bool release(View seen) noexcept;

 private:
  static constexpr std::uint64_t kEpisode = std::uint64_t{1} << Rest::kEpisodeAt;
  static constexpr std::uint64_t kRequest = std::uint64_t{1} << 33U;

  bool follow_others() noexcept;
  void shut_outputs() noexcept;
  StopWord* own_word() const noexcept;
  void hold(std::int64_t since_ns) noexcept;
  View ask(std::uint64_t bits) noexcept;
  void keep(View view, StopCause cause, std::string_view text, std::string_view node) noexcept;

  Places places_{};
  Seqlock<StopNote> own_note_{};
  StopWord early_{};  // Used instead of places_.own before use(), or when that is null.
  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::uint64_t> noted_{0};  // Episode of the kept reason * 2, + 1 if that is a stop.
  std::atomic<bool> noting_{false};      // A thread is writing the reason.
};

}  // namespace horus
