// SPDX-License-Identifier: Apache-2.0
#include "rt/watchdog.hpp"

#include <algorithm>
#include <cstdio>

#include "rt/event_log.hpp"

namespace horus {
namespace {

constexpr Nanos kLeastLimit = 100ms;
constexpr Nanos kLimitWithoutPeriod = 1s;
constexpr int kPeriodsOfSilence = 10;
constexpr Nanos kShortestInterval = 5ms;
constexpr Nanos kLongestInterval = 250ms;

struct Debt {
  Nanos silent{};
  int running = -1;
};

constexpr Silence next_step(Silence silence) noexcept {
  return silence == Silence::kHung ? silence : static_cast<Silence>(static_cast<int>(silence) + 1);
}

/// What the executor owes at `now`; nothing when it is idle.
std::optional<Debt> debt(const Progress& progress, TimePoint now) noexcept {
  // relaxed: see Progress.
  const auto since = progress.owed_since_ns.load(std::memory_order_relaxed);
  if (since == Progress::kNothingOwed) return std::nullopt;
  return Debt{.silent = now - from_ns(since),
              .running = progress.running.load(std::memory_order_relaxed)};
}

}  // namespace

Nanos silence_limit(const NodeConfig& config, Nanos fallback) noexcept {
  if (config.watchdog) return *config.watchdog;
  if (fallback > Nanos{}) return fallback;
  if (!config.rate || config.node_class == NodeClass::kEvent) return kLimitWithoutPeriod;
  return std::max(kLeastLimit, kPeriodsOfSilence * config.rate->period());
}

Watchdog::Watchdog(Clock& clock, RunControl& control, Nanos fallback)
    : clock_{clock}, control_{control}, fallback_{fallback}, interval_{kLongestInterval} {}

void Watchdog::watch(RateGroup& group) {
  Watched watched{.group = &group, .limits = {}, .longest_limit = Nanos{}};
  for (const auto& runner : group.runners()) {
    const Nanos limit = silence_limit(runner->config(), fallback_);
    watched.limits.push_back(limit);
    watched.longest_limit = std::max(watched.longest_limit, limit);
    interval_ = std::clamp(limit / 4, kShortestInterval, interval_);
  }
  watched_.push_back(std::move(watched));
}

Silence Watchdog::judge(const Watched& watched, TimePoint now) noexcept {
  const auto owed = debt(watched.group->progress(), now);
  if (!owed) return Silence::kMoves;
  const Nanos limit = owed->running < 0 ? watched.longest_limit
                                        : watched.limits[static_cast<std::size_t>(owed->running)];
  return judge_silence(owed->silent, limit);
}

bool Watchdog::alive() const noexcept {
  const TimePoint now = clock_.now();
  return std::all_of(watched_.begin(), watched_.end(), [now](const Watched& watched) {
    return judge(watched, now) < Silence::kUnhealthy;
  });
}

void Watchdog::look() noexcept {
  const TimePoint now = clock_.now();
  for (Watched& watched : watched_) {
    // RT-8: after a stall of the whole machine an executor has time to show that it
    // moves again.
    const Silence silence = std::min(judge(watched, now), next_step(watched.seen));
    const auto owed = debt(watched.group->progress(), now);
    if (silence > watched.seen && owed) {
      // relaxed: a number on its own.
      if (watched.seen == Silence::kMoves) expirations_.fetch_add(1, std::memory_order_relaxed);
      act(watched, silence, owed->silent);
    }
    watched.seen = silence;
  }
}

void Watchdog::act(Watched& watched, Silence silence, Nanos silent) noexcept {
  // relaxed: see Progress.
  const int running = watched.group->progress().running.load(std::memory_order_relaxed);
  const auto& runners = watched.group->runners();
  const auto name = runners[static_cast<std::size_t>(std::max(running, 0))]->config().name.view();
  static constexpr const char* kFollows[] = {"", "", "; the host counts as unhealthy",
                                             "; it is isolated, the others go into safe state"};
  char text[256];
  std::snprintf(text, sizeof text, "node '%.*s' %s for %lld ms%s", static_cast<int>(name.size()),
                name.data(), running < 0 ? "has not been started" : "has been running",
                static_cast<long long>(silent.count() / 1'000'000),
                kFollows[static_cast<std::size_t>(silence)]);
  log(silence == Silence::kWarned ? LogLevel::kWarning : LogLevel::kError, text);
  if (silence == Silence::kHung) isolate(*watched.group, running);
}

void Watchdog::isolate(RateGroup& group, int running) noexcept {
  control_.request_safe_state();
  // The other nodes of the hung thread cannot follow the request themselves. What waits for its
  // start is no node's fault: none is isolated then.
  for (std::size_t i = 0; i < group.runners().size(); ++i) {
    NodeRunner& runner = *group.runners()[i];
    if (static_cast<int>(i) == running) {
      runner.isolate();
    } else {
      runner.node().enter_safe_state();
    }
  }
}

void Watchdog::take_usage_base() noexcept {
  for (Watched& watched : watched_) {
    const auto tid = watched.group->runners().front()->stats().tid.value();
    if (const auto usage = read_thread_usage(tid)) watched.usage_base = *usage;
  }
}

void Watchdog::store_usage() noexcept {
  for (Watched& watched : watched_) {
    const auto tid = watched.group->runners().front()->stats().tid.value();
    const auto usage = read_thread_usage(tid);
    if (!usage) continue;
    for (const auto& runner : watched.group->runners()) {
      store_thread_usage(*usage, watched.usage_base, runner->stats().thread);
    }
  }
}

}  // namespace horus
