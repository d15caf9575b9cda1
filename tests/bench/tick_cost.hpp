// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "rt/rate_group.hpp"

/// What the machinery around a tick costs, apart from the node and from any wait.
namespace horus::bench {

/// One round: nanoseconds a tick, medians, on a warm cache.
struct TickCost {
  double ours_ns = 0;   ///< RateGroup::tick() of one empty node, the clock read before it included.
  double floor_ns = 0;  ///< Two clock reads around an empty virtual call.
};

class IdleNode final : public Node {
 public:
  void tick(const Tick& tick) override { asm volatile("" : : "r"(&tick) : "memory"); }
};

/// Too few for many others to run meanwhile.
inline constexpr int kTicksAtOnce = 2'000;
inline constexpr int kTimes = 100;

/// The mean over a few calls of `call`.
template <typename Call>
double ns_each(Call call) {
  const TimePoint begin = MonotonicClock::now();
  for (int i = 0; i < kTicksAtOnce; ++i) call();
  return static_cast<double>((MonotonicClock::now() - begin).count()) / kTicksAtOnce;
}

inline double middle(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + kTimes / 2);
  return values[kTimes / 2];
}

inline TickCost tick_cost() {
  Clock& clock = system_clock();
  RunControl control;
  IdleNode node;
  LogChannel log;
  const auto stats = std::make_unique<NodeStats>();
  std::vector<std::unique_ptr<NodeRunner>> runners;
  // A second is so long that a preemption is no miss: its log line is not part of a tick.
  runners.push_back(std::make_unique<NodeRunner>(
      node, NodeConfig{.name = NodeName::clipped("idle"), .rate = Rate::from_hz(1)}, *stats,
      RunnerContext{.clock = clock, .control = control, .log = &log}));
  RateGroup group{std::move(runners)};
  group.init();
  Node* bare = &node;
  asm volatile("" : "+r"(bare));  // The compiler shall not know which node it is.
  std::vector<double> ours;
  std::vector<double> floor;
  for (int i = 0; i < kTimes; ++i) {
    ours.push_back(ns_each([&] {
      const TimePoint now = clock.now();
      group.tick(now, now, Nanos{-1});
    }));
    floor.push_back(ns_each([&] {
      const TimePoint start = clock.now();
      bare->tick({.release = start, .start = start});
      static_cast<void>(clock.now());
    }));
  }
  return {.ours_ns = middle(ours), .floor_ns = middle(floor)};
}

}  // namespace horus::bench
