// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "shm/layout.hpp"
#include "shm/region.hpp"

namespace horus::shm {

/// The longest wait on a bell: what a lost ring costs.
inline constexpr Nanos kMaxBellWait = 10ms;

/// A futex word that others ring. One a process; every subscriber of it that sleeps waits here.
///
/// Protocol (all seq_cst, so that one of the two sees the other): the sleeper sets its flag, reads
/// the word, looks at the stamp of its next message once more, waits; the publisher makes that
/// stamp even, looks at the flags, and only then touches a bell.
class Bell {
 public:
  explicit Bell(Region region) noexcept : region_{std::move(region)} {}

  std::uint32_t word() const noexcept { return file()->word.load(std::memory_order_seq_cst); }
  /// RT-safe: one futex wake.
  void ring() noexcept;
  /// Waits while the word is `seen`, until `until` at most.
  void wait(std::uint32_t seen, TimePoint until) noexcept;
  /// The name goes; on one's own bell.
  void unlink() noexcept { region_.unlink(); }

 private:
  BellFile* file() const noexcept { return region_.as<BellFile>(); }
  Region region_;
};

/// Rings `bell` now, or after the tick where this thread defers.
void ring_or_defer(const std::shared_ptr<Bell>& bell) noexcept;

}  // namespace horus::shm
