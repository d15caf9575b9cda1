// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <horus/result.hpp>
#include <horus/time.hpp>

#include "shm/layout.hpp"
#include "shm/region.hpp"

namespace horus::shm {

/// The longest wait on a bell. It bounds the delay if a wake-up was lost.
inline constexpr Nanos kMaxBellWait = 10ms;

/// A futex word that other processes increment to wake this one. A process has one bell; all of its
/// sleeping subscribers wait on it.
///
/// Protocol (all seq_cst, so that one of the two sides sees the other): a sleeper sets its flag,
/// reads the word, looks at the stamp of its next message once more, and waits. A publisher makes
/// that stamp even, looks at the flags, and only then touches a bell.
///
/// Thread safety: word(), ring(), has_time() and wait() from any thread; the others are for the
/// session that owns the bell.
class Bell {
 public:
  explicit Bell(Region region) noexcept : region_{std::move(region)} {}

  std::uint32_t word() const noexcept { return file()->word.load(std::memory_order_seq_cst); }
  /// RT-safe: increments the word and wakes all who wait, with one system call.
  void ring() noexcept;
  /// RT-safe. Whether it may be rung now: all publishers of this process together may ring it 50
  /// times in a millisecond. Counts this ring.
  bool has_time(TimePoint now) noexcept;
  /// Waits while the word is `seen`, at most until `until`. May return early.
  void wait(std::uint32_t seen, TimePoint until) noexcept;
  /// Removes its name; for one's own bell.
  void unlink() noexcept { region_.unlink(); }
  /// For one's own bell: false if somebody removed its name.
  bool is_named() const noexcept { return region_.is_named(); }
  Status renew(FolderPtr folder, const std::string& name) {
    return region_.renew(std::move(folder), name);
  }

 private:
  BellFile* file() const noexcept { return region_.as<BellFile>(); }
  Region region_;
  std::atomic<std::uint64_t> rings_{0};  ///< High bits: the millisecond; low 16: rings in it.
};

/// Rings `bell` now, or after the tick if this thread defers bells (see DeferredBells).
void ring_or_defer(const std::shared_ptr<Bell>& bell) noexcept;
/// Whether this thread will ring it after the tick anyway.
bool rings_later(const std::shared_ptr<Bell>& bell) noexcept;
/// Whether this thread defers bells: it is then an executor's, and must not wait.
bool defers_bells() noexcept;

}  // namespace horus::shm
