// SPDX-License-Identifier: Apache-2.0
// Runs a scheduler whose node marks the begin and the end of a stretch of its loop by a system call
// that nobody else makes, for a tracer to look at what lies between.
#include <unistd.h>

#include <memory>
#include <vector>

#include <horus/scheduler.hpp>

#include "rt/base/late_ticks.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/clock.hpp"
#include "rt/stats_block.hpp"

namespace {

using namespace horus;  // NOLINT(google-build-using-namespace): a program's own file.

class NullSink final : public LogSink {
 public:
  void write(const LogRecord&) noexcept override {}
  void lost(std::uint64_t) noexcept override {}
};

/// Does in its ticks what a real-time node may do: computes, logs, is late now and then.
class Probe final : public Node {
 public:
  static constexpr std::uint64_t kFirst = 10;
  static constexpr std::uint64_t kLast = 310;

  void tick(const Tick& tick) override {
    if (tick.number == kFirst || tick.number == kLast) static_cast<void>(::getppid());
    if (tick.number % 10 == 0) log(LogLevel::kInfo, "still here");
    if (tick.number % 100 == 50) system_clock().spin_until(tick.deadline() + 1us);
    if (tick.number == kLast + 1) scheduler->request_stop();
  }

  Scheduler* scheduler = nullptr;
};

}  // namespace

int main() {
  NullSink sink;
  SchedulerOptions options;
  options.log = &sink;
  options.profile = {.fifo = true, .lock_memory = true};
  const RtReport report = apply(options.profile);
  Probe node;
  Scheduler scheduler{options};
  node.scheduler = &scheduler;
  if (!scheduler.add(node, {.name = NodeName::clipped("probe"), .rate = 1000_hz})) return 1;
  const auto host = std::make_unique<HostStats>();
  std::vector<NodeStats> nodes(1);
  std::vector<LateTicks> late(1);
  if (!scheduler.start({.host = host.get(), .nodes = nodes, .late = late})) return 1;
  return scheduler.wait(30s).reason == StopReason::kRequested ? 0 : 1;
}
