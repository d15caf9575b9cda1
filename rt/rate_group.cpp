// SPDX-License-Identifier: Apache-2.0
#include "rt/rate_group.hpp"

#include <algorithm>
#include <utility>

namespace horus {

RateGroup::RateGroup(std::vector<std::unique_ptr<NodeRunner>> runners)
    : runners_{std::move(runners)} {}

void RateGroup::init() noexcept {
  for (auto& runner : runners_) {
    if (!runner->init()) return;
  }
}

void RateGroup::tick(TimePoint release, TimePoint now, Nanos gil_wait) noexcept {
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    NodeRunner& runner = *runners_[i];
    if (gil_wait >= Nanos{}) runner.record_gil_wait(gil_wait);
    // relaxed: see Progress.
    progress_.running.store(static_cast<int>(i), std::memory_order_relaxed);
    now = runner.run(release, now);
    progress_.owe(now);
  }
  progress_.running.store(-1, std::memory_order_relaxed);
}

void RateGroup::skip(std::uint64_t count) noexcept {
  if (count == 0) return;
  for (auto& runner : runners_) runner->skip(count);
}

void RateGroup::shutdown() noexcept {
  for (auto& runner : runners_) runner->shutdown();
}

bool RateGroup::safe_state_due() const noexcept {
  return std::any_of(runners_.begin(), runners_.end(),
                     [](const auto& runner) { return runner->safe_state_due(); });
}

void RateGroup::follow_safe_state() noexcept {
  for (auto& runner : runners_) runner->follow_safe_state();
}

bool RateGroup::resting(TimePoint now) const noexcept {
  return std::all_of(runners_.begin(), runners_.end(),
                     [now](const auto& runner) { return runner->resumes_at() > now; });
}

}  // namespace horus
