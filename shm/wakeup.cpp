// SPDX-License-Identifier: Apache-2.0
#include "shm/wakeup.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include <horus/topic.hpp>

#include "shm/deferred_bells.hpp"

namespace horus::shm {
namespace {

constexpr std::size_t kMaxDeferred = 64;

// The bells that this thread rings after its tick; null: it rings them at once.
thread_local constinit DeferredBells::State* deferred = nullptr;

}  // namespace

/// A shared pointer keeps each bell mapped: the sleeper may die before the tick is over.
struct DeferredBells::State {
  std::size_t count = 0;
  std::array<std::shared_ptr<Bell>, kMaxDeferred> bells{};
};

void Bell::ring() noexcept {
  file()->word.fetch_add(1, std::memory_order_seq_cst);
  ::syscall(SYS_futex, &file()->word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

bool Bell::has_time(TimePoint now) noexcept {
  constexpr std::uint64_t kMost = 50;
  constexpr std::uint64_t kMask = 0xffff;
  const auto ms = static_cast<std::uint64_t>(to_ns(now) / 1'000'000);
  // relaxed, all: a few rings more or less do no harm.
  const std::uint64_t rings = rings_.load(std::memory_order_relaxed);
  if (rings >> 16 != ms) {
    rings_.store(ms << 16 | 1, std::memory_order_relaxed);
    return true;
  }
  if ((rings & kMask) >= kMost) return false;
  rings_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Bell::wait(std::uint32_t seen, TimePoint until) noexcept {
  const std::int64_t ns = to_ns(until);
  const timespec at{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC.
  ::syscall(SYS_futex, &file()->word, FUTEX_WAIT_BITSET, seen, &at, nullptr,
            FUTEX_BITSET_MATCH_ANY);
}

bool rings_later(const std::shared_ptr<Bell>& bell) noexcept {
  if (deferred == nullptr) return false;
  const auto end = deferred->bells.begin() + static_cast<std::ptrdiff_t>(deferred->count);
  return std::find(deferred->bells.begin(), end, bell) != end;
}

void ring_or_defer(const std::shared_ptr<Bell>& bell) noexcept {
  if (rings_later(bell)) return;
  if (deferred == nullptr || deferred->count == kMaxDeferred) {
    bell->ring();
    return;
  }
  deferred->bells[deferred->count++] = bell;
}

bool defers_bells() noexcept {
  return deferred != nullptr;
}

DeferredBells::DeferredBells() noexcept
    : state_{std::make_unique<State>()}, outer_{std::exchange(deferred, state_.get())} {}

DeferredBells::~DeferredBells() {
  ring();
  deferred = outer_;
}

void DeferredBells::ring() noexcept {
  const std::size_t count = std::exchange(state_->count, 0);
  for (std::size_t i = 0; i < count; ++i) std::exchange(state_->bells[i], nullptr)->ring();
}

}  // namespace horus::shm
