// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include <horus/node.hpp>

#include "tests/support/manual_clock.hpp"

namespace horus::test {

/// Records what is done to it; each tick takes as long as `durations` says, on the manual clock.
class FakeNode final : public Node {
 public:
  explicit FakeNode(ManualClock& clock) : clock_{clock} {}

  void init() override {
    ++inits;
    if (on_init) on_init();
  }
  void tick(const Tick& tick) override {
    ticks.push_back(tick);
    if (!durations.empty()) {
      clock_.advance(durations.front());
      durations.pop_front();
    }
    if (on_tick) on_tick(tick);
  }
  void shutdown() override {
    ++shutdowns;
    if (on_shutdown) on_shutdown();
  }
  void enter_safe_state() noexcept override {
    ++safe_states;
    if (on_safe_state) on_safe_state();
  }
  void leave_safe_state() noexcept override { ++left_safe_states; }

  std::deque<Nanos> durations;
  std::function<void()> on_init;
  std::function<void(const Tick&)> on_tick;
  std::function<void()> on_safe_state;
  std::function<void()> on_shutdown;
  std::vector<Tick> ticks;
  int inits = 0;
  int shutdowns = 0;
  int safe_states = 0;
  int left_safe_states = 0;

 private:
  ManualClock& clock_;
};

}  // namespace horus::test
