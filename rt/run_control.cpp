// SPDX-License-Identifier: Apache-2.0
#include "rt/run_control.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace horus {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

/// Returns when the word is no longer `seen`, at `until`, or without a reason.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen, TimePoint until) noexcept {
  const timespec at{.tv_sec = to_ns(until) / 1'000'000'000,
                    .tv_nsec = to_ns(until) % 1'000'000'000};
  // FUTEX_WAIT_BITSET takes an absolute instant of CLOCK_MONOTONIC.
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, seen, &at, nullptr,
            FUTEX_BITSET_MATCH_ANY);
}

void raise(std::atomic<std::uint32_t>& word, std::uint32_t event) noexcept {
  // relaxed: see RunControl::stopping().
  word.fetch_or(event, std::memory_order_relaxed);
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, std::numeric_limits<int>::max());
}

}  // namespace

void RunControl::request_stop() noexcept {
  raise(word_, kStop);
}

void RunControl::announce_end() noexcept {
  raise(word_, kEnd);
}

void RunControl::announce_logged() noexcept {
  raise(word_, kLogged);
}

void RunControl::announce_shut_down() noexcept {
  raise(word_, kShutDown);
}

void RunControl::stop_because(StopReason reason, std::string_view node,
                              std::string_view error) noexcept {
  std::uint32_t free = kFree;
  // relaxed: only the first thread passes; what it writes is published below.
  if (claim_.compare_exchange_strong(free, kWriting, std::memory_order_relaxed)) {
    cause_ = {
        .reason = reason, .node = NodeName::clipped(node), .error = Name<384>::clipped(error)};
    // release: a thread that sees kWritten also sees the cause.
    claim_.store(kWritten, std::memory_order_release);
  }
  request_stop();
}

void RunControl::end_at(TimePoint end) noexcept {
  // relaxed: see end().
  end_ns_.store(to_ns(end), std::memory_order_relaxed);
}

bool RunControl::wait(std::uint32_t events, TimePoint until) noexcept {
  // relaxed: see stopping().
  std::uint32_t word = 0;
  while (((word = word_.load(std::memory_order_relaxed)) & events) == 0) {
    if (MonotonicClock::now() >= until) return false;
    futex_wait(word_, word, until);
  }
  return true;
}

StopReport RunControl::report() const {
  // acquire: shows us the cause.
  if (claim_.load(std::memory_order_acquire) == kWritten) {
    return {.reason = cause_.reason,
            .node = std::string{cause_.node.view()},
            .error = std::string{cause_.error.view()}};
  }
  return {.reason = stopping() ? StopReason::kRequested : StopReason::kDuration,
          .node = {},
          .error = {}};
}

}  // namespace horus
