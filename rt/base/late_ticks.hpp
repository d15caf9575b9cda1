// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <horus/time.hpp>

#include "rt/base/counter.hpp"

namespace horus {

/// Why the record of a tick is kept.
enum class LateReason : std::uint32_t {
  kSlowest,  ///< It was in time, but the slowest of its minute.
  kOverran,  ///< It ran longer than its budget.
  kMissed,   ///< It missed its deadline.
  kSkipped,  ///< Releases right before it were given up.
};

/// The record of one tick that was late, or the slowest of its minute, and where its time went.
///
/// Thread safety: one writer per word, readers in any thread or process. The host's supervising
/// thread writes `around`, the node's thread everything else.
struct LateTick {
  Counter number{};                  ///< The tick's number.
  Cell<LateReason> reason{};         ///< Why the record is kept.
  Cell<std::int32_t> gil_lost_to{};  ///< The Linux thread that had the GIL; 0: not known.
  Counter skipped{};                 ///< Releases right before it that were given up.
  Gauge release_ns{};           ///< Its release, monotonic. For kSkipped: the first one given up.
  Gauge limit_ns{};             ///< The deadline or budget that it exceeded; 0: none.
  Gauge lateness_ns{};          ///< Start - release_ns.
  Gauge behind_ns{};            ///< Part of the lateness: earlier releases still ran in its thread.
  Gauge gil_wait_ns{};          ///< Part of the lateness: its thread waited for the GIL.
  Gauge collected_before_ns{};  ///< Garbage collections since the node's last tick began.
  Gauge before_ns{};            ///< Part of the lateness: nodes before it in its thread ticked.
  Cell<std::int32_t> before{};  ///< Index of the one of them to blame, in its host; -1: none.
  Gauge execution_ns{};         ///< Finish - start - awaited.
  Gauge gil_lost_ns{};          ///< Part of the execution: another thread had the GIL.
  Gauge collecting_ns{};        ///< Part of the execution: garbage collections.
  std::array<Counter, 3> collections{};  ///< Garbage collections during the tick, by generation.
  Gauge objects{};                       ///< Objects that the collector tracks, an estimate.
  Counter sent{};                        ///< Messages that the tick sent.
  Counter bytes{};                       ///< Bytes of those messages.

  /// What the kernel counted for the thread in a window of about a second around the tick.
  struct Around {
    Gauge window_ns{};       ///< Length of the window; 0: not filled in yet.
    Gauge off_cpu_ns{};      ///< Time in the window that it was ready to run but had no CPU.
    Counter preemptions{};   ///< Involuntary context switches in the window.
    Counter minor_faults{};  ///< Page faults in the window without disk access.
    Counter major_faults{};  ///< Page faults in the window that needed the disk.
  } around{};
};

/// The latest kMost records of one node. Zeroed memory is empty.
struct LateTicks {
  static constexpr std::size_t kMost = 256;

  Counter count{};  ///< Records made in all lives. The latest one is at(count - 1).
  std::array<LateTick, kMost> ticks{};

  /// The place of record `index`. Only the latest kMost records are still there.
  LateTick& at(std::uint64_t index) noexcept { return ticks[index % kMost]; }
  const LateTick& at(std::uint64_t index) const noexcept { return ticks[index % kMost]; }
};
static_assert(sizeof(LateTicks) % 8 == 0);

/// Copies a record word by word.
void copy(LateTick& to, const LateTick& from) noexcept;
/// Copies what an earlier life of the node kept.
void carry(LateTicks& to, const LateTicks& past) noexcept;

/// What took most of a late tick's time.
struct LateCause {
  enum class Kind : std::uint8_t {
    kOwn,        ///< The tick's own work.
    kBefore,     ///< Ticks of other nodes before it in its thread, at the same release.
    kBehind,     ///< Ticks of earlier releases in its thread.
    kGilWait,    ///< Waiting for the GIL before the tick.
    kGilLost,    ///< Waiting for the GIL during the tick, after losing it.
    kCollector,  ///< Garbage collection during the tick.
    kCollected,  ///< Garbage collection before the tick.
    kNoCpu,      ///< Ready to run, but without a CPU.
    kWakeUp,     ///< Woken late for an unknown reason.
  };
  static constexpr std::size_t kKinds = 9;
  Kind kind = Kind::kOwn;
  Nanos took{};  ///< How long that took.
  Nanos of{};    ///< The whole: from release to end; for an overrun from start to end.
};

/// The largest part of the tick's time. The record may be corrupt: all values are clamped.
LateCause cause_of(const LateTick& tick) noexcept;
/// RT-safe. Writes e.g. "12.4 of 13.1 ms: full collection" to `text`, cut to its size and with a
/// terminating zero. Returns the length without the zero. `before` is the name of the node
/// LateTick::before, `holder` that of the node whose thread had the GIL; both may be empty. `text`
/// must not be empty.
std::size_t describe_cause(const LateTick& tick, std::string_view before, std::span<char> text,
                           std::string_view holder = {}) noexcept;
/// The oldest generation that was collected during the tick; -1: none.
int oldest_collected(const LateTick& tick) noexcept;

}  // namespace horus
