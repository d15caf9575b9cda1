// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "rt/base/histogram.hpp"
#include "service/wire/stats_view.hpp"

namespace horus::cli::test {

inline wire::HistogramView histogram(std::initializer_list<Nanos> durations) {
  const auto histogram = std::make_unique<Histogram>();
  for (const Nanos duration : durations) histogram->record(duration);
  return wire::read_histogram(*histogram);
}

inline wire::NodeView motor() {
  wire::NodeView node;
  node.name = "motor";
  node.node_class = "tick";
  node.state = "running";
  node.rate_hz = 1000;
  node.ticks = 7707;
  node.skipped = 3;
  node.misses = 2;
  node.overruns = 1;
  node.lateness = histogram({700ns, 700ns, 662us});
  node.execution = histogram({2us, 2us, 12us});
  return node;
}

inline wire::NodeView planner() {
  wire::NodeView node;
  node.name = "plan";
  node.node_class = "tick";
  node.state = "running";
  node.rate_hz = 50;
  node.ticks = 353;
  node.lateness = histogram({20us});
  node.execution = histogram({40us});
  node.gil_wait = histogram({4us, 90us});
  node.gil_lost = histogram({50us});
  node.gil_losses = 2;
  node.gil_long_waits = 6;
  node.gil_long_waits_off_cpu = 5;
  return node;
}

/// A C++ host with a node, and a Python host with a node and a collector that ran.
inline wire::StatsView robot() {
  wire::HostView rover;
  rover.name = "rover";
  rover.kind = "cpp";
  rover.pid = 512;
  rover.alive = true;
  rover.ready = true;
  rover.lives = 1;
  rover.uptime_s = 7.7;
  rover.nodes = {motor()};
  wire::HostView python = rover;
  python.name = "planner";
  python.kind = "python";
  python.pid = 515;
  python.nodes = {planner()};
  python.rss_bytes = 90'000'000;
  python.gc_objects = 12'345;
  python.gc_freezes = 6;
  python.gc.resize(3);
  for (std::size_t i = 0; i < 3; ++i) python.gc[i].generation = static_cast<std::int64_t>(i);
  python.gc[2].collections = 1;
  python.gc[2].pause = histogram({15ms});
  python.gc[2].longest_us = 15'000;
  python.gc[2].longest_tick = 77;
  return wire::stats_of({rover, python});
}

}  // namespace horus::cli::test
