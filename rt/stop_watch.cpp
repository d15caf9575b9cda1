// SPDX-License-Identifier: Apache-2.0
#include "rt/stop_watch.hpp"

#include <algorithm>

namespace horus {

StopStep StopWatch::look(TimePoint now, bool hurried, bool shut_down) noexcept {
  if (!since_) since_ = now;
  if (given_up_) return StopStep::kWait;
  if (shutting_down_since_) {
    if (!shut_down && now - *shutting_down_since_ < kShutdowns) return StopStep::kWait;
    given_up_ = true;
    return StopStep::kGiveUp;
  }
  const bool over = timeout_ > Nanos{} && now - *since_ >= timeout_;
  // In a hurry too, one look passes between kAsk and kShutDown: interrupted callbacks may return.
  if (!asked_ && (now - *since_ >= patience() || hurried)) {
    asked_ = true;
    return StopStep::kAsk;
  }
  if (!over && !hurried) return StopStep::kWait;
  shutting_down_since_ = now;
  return StopStep::kShutDown;
}

Nanos StopWatch::patience() const noexcept {
  // Half of a short timeout is left for the interrupted callbacks to return.
  return timeout_ > Nanos{} ? std::min<Nanos>(kPatience, timeout_ / 2) : kPatience;
}

std::optional<BlockedCall> blocked_call(const RateGroup& group, TimePoint now) {
  const Progress& progress = group.progress();
  // relaxed throughout: see Progress.
  const NodeActivity activity = progress.activity.load(std::memory_order_relaxed);
  if (activity == NodeActivity::kNone) return std::nullopt;
  const int running = progress.running.load(std::memory_order_relaxed);
  const auto since = progress.expected_since_ns.load(std::memory_order_relaxed);
  const auto index = static_cast<std::size_t>(running < 0 ? 0 : running);
  BlockedCall call{.node = group.runners()[index]->config().name, .in = NodeActivity::kNone};
  if (running >= 0 && since != Progress::kNothingExpected) {
    call.in = activity;
    call.since = now - from_ns(since);
  }
  return call;
}

}  // namespace horus
