// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "rt/base/counter.hpp"
#include "rt/base/time.hpp"

namespace horus {

/// Why a tick is kept.
enum class LateReason : std::uint32_t {
  kSlowest,  ///< The slowest of its minute.
  kOverran,  ///< Its budget.
  kMissed,   ///< Its deadline.
  kSkipped,  ///< Releases before it were given up.
};

/// A tick that was late, and what took its time. One writer per word: the node's thread, but for
/// `around`, which the host's supervising thread writes.
struct LateTick {
  Counter number{};
  Cell<LateReason> reason{};
  Cell<std::int32_t> gil_lost_to{};  ///< The Linux thread that had the GIL; 0: not known.
  Counter skipped{};                 ///< Releases before it that were given up.
  Gauge release_ns{};   ///< Monotonic; where it is kept for those, of the first of them.
  Gauge limit_ns{};     ///< The deadline or budget that it broke; 0: none.
  Gauge lateness_ns{};  ///< Start - release; the next four are parts of it.
  Gauge behind_ns{};    ///< In ticks of earlier releases in its thread.
  Gauge gil_wait_ns{};
  Gauge collected_before_ns{};  ///< In collections since the tick before it.
  Gauge before_ns{};            ///< In the ticks of nodes that came before it in its thread,
  Cell<std::int32_t> before{};  ///< of which that one was late first, or took longest; -1: none.
  Gauge execution_ns{};         ///< Finish - start; the next two are parts of it.
  Gauge gil_lost_ns{};
  Gauge collecting_ns{};
  std::array<Counter, 3> collections{};  ///< In it, of each generation.
  Gauge objects{};                       ///< That the collector looks after: an estimate.
  Counter sent{};                        ///< Messages,
  Counter bytes{};                       ///< and what they were in all.

  /// What the kernel counted for its thread around it.
  struct Around {
    Gauge window_ns{};   ///< So long; 0: not looked at yet.
    Gauge off_cpu_ns{};  ///< Ready to run, without a CPU.
    Counter preemptions{};
    Counter minor_faults{};
    Counter major_faults{};
  } around{};
};

/// The late ticks of one node, the latest kMost of them.
struct LateTicks {
  static constexpr std::size_t kMost = 256;

  Counter count{};  ///< Of all lives; the latest is at count - 1.
  std::array<LateTick, kMost> ticks{};

  LateTick& at(std::uint64_t index) noexcept { return ticks[index % kMost]; }
  const LateTick& at(std::uint64_t index) const noexcept { return ticks[index % kMost]; }
};
static_assert(sizeof(LateTicks) % 8 == 0);

void copy(LateTick& to, const LateTick& from) noexcept;
/// Takes over what an earlier life of the node kept.
void carry(LateTicks& to, const LateTicks& past) noexcept;

/// What a late tick's time went to.
struct LateCause {
  enum class Kind : std::uint8_t {
    kOwn,        ///< The tick's own work.
    kBefore,     ///< Ticks of other nodes before it in its thread.
    kBehind,     ///< Ticks of earlier releases in its thread.
    kGilWait,    ///< Waiting for the GIL.
    kGilLost,    ///< Without the GIL, in the middle of it.
    kCollector,  ///< Collecting garbage.
    kCollected,  ///< Collecting garbage, before it.
    kNoCpu,      ///< Ready to run, without a CPU.
    kWakeUp,     ///< Woken late, for no reason that is known.
  };
  static constexpr std::size_t kKinds = 9;
  Kind kind = Kind::kOwn;
  Nanos took{};
  Nanos of{};  ///< Of so much from its release to its end; of an overrun: from its start.
};

/// The largest part.
LateCause cause_of(const LateTick& tick) noexcept;
/// "12.4 of 13.1 ms: full collection"; `before`: the name of that node, may be empty, as may the
/// node whose thread had the GIL. Writes to `text`, with its end, and returns how much.
std::size_t describe_cause(const LateTick& tick, std::string_view before, std::span<char> text,
                           std::string_view holder = {}) noexcept;
/// The oldest generation that was collected in it; -1: none.
int oldest_collected(const LateTick& tick) noexcept;

}  // namespace horus
