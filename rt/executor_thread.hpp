// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "rt/executor.hpp"
#include "rt/plan.hpp"
#include "rt/rate_group.hpp"
#include "rt/rt_thread.hpp"

namespace horus {

/// One executor thread of a run.
struct ExecutorThread {
  ExecutorThread(GroupPlan its_plan, std::vector<std::unique_ptr<NodeRunner>> runners,
                 std::unique_ptr<GroupHook> hook, const ExecutorContext& context)
      : plan{std::move(its_plan)},
        group{std::move(runners)},
        executor{plan.period, group, std::move(hook), context} {}

  static void run(void* thread) { static_cast<ExecutorThread*>(thread)->executor.run(); }

  const GroupPlan plan;
  RateGroup group;
  Executor executor;
  std::optional<RtThread> os_thread;
};

/// "hx-motor" for a thread of one node, "hx-500Hz" for one of several. `first`: its first node.
inline ThreadName thread_name(const GroupPlan& plan, std::string_view first) {
  char text[96];
  if (plan.nodes.size() == 1) {
    std::snprintf(text, sizeof text, "hx-%.*s", static_cast<int>(first.size()), first.data());
  } else {
    std::snprintf(text, sizeof text, "hx-%.6gHz", 1e9 / static_cast<double>(plan.period.count()));
  }
  return ThreadName::clipped(text);
}

}  // namespace horus
