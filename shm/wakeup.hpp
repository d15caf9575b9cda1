// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
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
  /// Whether it may be rung now: 50 times a millisecond, of all publishers of this process.
  /// RT-safe.
  bool has_time(TimePoint now) noexcept;
  /// Waits while the word is `seen`, until `until` at most.
  void wait(std::uint32_t seen, TimePoint until) noexcept;
  /// The name goes; on one's own bell.
  void unlink() noexcept { region_.unlink(); }
  /// On one's own bell, whose name somebody may have taken away.
  bool is_named() const noexcept { return region_.is_named(); }
  Status renew(FolderPtr folder, const std::string& name) {
    return region_.renew(std::move(folder), name);
  }

 private:
  BellFile* file() const noexcept { return region_.as<BellFile>(); }
  Region region_;
  std::atomic<std::uint64_t> rings_{0};  ///< The millisecond, and in the low 16 bits how many.
};

/// Rings `bell` now, or after the tick where this thread defers.
void ring_or_defer(const std::shared_ptr<Bell>& bell) noexcept;
/// Whether it rings after this tick already.
bool rings_later(const std::shared_ptr<Bell>& bell) noexcept;
/// Whether this thread defers: it is an executor's, and must not wait.
bool defers_bells() noexcept;

}  // namespace horus::shm
