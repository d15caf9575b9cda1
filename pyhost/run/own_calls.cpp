// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/own_calls.hpp"

namespace horus::py {

void OwnCalls::ask() noexcept {
  left_.fetch_add(1, std::memory_order_relaxed);  // relaxed: await_none() is called later.
}

void OwnCalls::done() noexcept {
  // release: await_none() sees what the call has done.
  left_.fetch_sub(1, std::memory_order_release);
  left_.notify_all();
}

void OwnCalls::begin(const NodeName& node) noexcept {
  ask();
  const std::scoped_lock lock{mutex_};
  current_.emplace(node, MonotonicClock::now());
}

void OwnCalls::end() noexcept {
  {
    const std::scoped_lock lock{mutex_};
    current_.reset();
  }
  done();
}

std::optional<BlockedCall> OwnCalls::current() noexcept {
  const std::scoped_lock lock{mutex_};
  if (!current_) return std::nullopt;
  const auto& [node, since] = *current_;
  return BlockedCall{.node = node,
                     .in = node.empty() ? NodeActivity::kNone : NodeActivity::kSafeState,
                     .since = MonotonicClock::now() - since};
}

void OwnCalls::await_none() noexcept {
  std::uint32_t left = 0;
  // acquire: see done().
  while ((left = left_.load(std::memory_order_acquire)) > 0) {
    left_.wait(left, std::memory_order_acquire);
  }
}

}  // namespace horus::py
