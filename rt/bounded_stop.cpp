// SPDX-License-Identifier: Apache-2.0
#include "rt/bounded_stop.hpp"

#include <cstdio>
#include <utility>

#include <horus/log.hpp>

namespace horus {
namespace {

// How long the last log lines may take to be written.
constexpr Nanos kLastWords = 500ms;

}  // namespace

void BoundedStop::look() noexcept {
  const bool hurried = guard_ != nullptr && guard_->hurried();
  const StopStep step = watch_.look(MonotonicClock::now(), hurried, control_.shut_down());
  asking_ |= step == StopStep::kAsk;
  if (asking_) ask(hurried);
  if (step == StopStep::kShutDown) shut_down_others();
  if (step == StopStep::kGiveUp) give_up();
}

/// Reports and interrupts each blocked callback once. After one that was interrupted, the thread's
/// next callback may block as well.
void BoundedStop::ask(bool hurried) noexcept {
  for (Watched& watched : groups_) {
    const auto call = blocked_call(*watched.group, clock_.now());
    if (!call) continue;
    const bool waits = call->in == NodeActivity::kNone;
    // The watchdog keeps forgiving the time of a tick that awaits something, so it is not known
    // since when it does.
    const bool awaits = !waits && watched.group->runners().front()->awaits();
    // Between two callbacks a thread is without one for a moment. Only if that is so at two looks
    // in a row, it waits.
    if (std::exchange(watched.waited, waits) != waits && waits) continue;
    if (!waits && !awaits && !hurried && call->since < watch_.patience()) continue;
    // relaxed: see Progress.
    const auto began =
        waits || awaits
            ? 0
            : watched.group->progress().expected_since_ns.load(std::memory_order_relaxed);
    if (std::exchange(watched.asked_ns, began) == began) continue;
    char text[160];
    if (waits) {
      std::snprintf(text, sizeof text, "the stop waits for node '%.64s': its thread cannot run",
                    call->node.view().data());
    } else if (awaits) {
      std::snprintf(text, sizeof text, "the stop waits for node '%.64s': its %s awaits something",
                    call->node.view().data(), to_text(call->in));
    } else {
      std::snprintf(text, sizeof text, "the stop waits for node '%.64s': in its %s for %.1f s",
                    call->node.view().data(), to_text(call->in),
                    std::chrono::duration<double>(call->since).count());
    }
    log(LogLevel::kWarning, text);
    if (guard_ != nullptr && !awaits) guard_->interrupt(*call);
  }
  if (guard_ != nullptr) ask_owner(hurried);
}

void BoundedStop::ask_owner(bool hurried) noexcept {
  const auto call = guard_->own_call();
  const bool blocks = call && (hurried || call->since >= watch_.patience());
  if (std::exchange(owner_asked_, blocks) || !blocks) return;
  char text[200];
  std::snprintf(text, sizeof text,
                "the stop waits for %s: in its %s for %.1f s, on the thread that called run()",
                who(*call).view().data(), where(*call),
                std::chrono::duration<double>(call->since).count());
  log(LogLevel::kWarning, text);
  guard_->interrupt_own_call();
}

void BoundedStop::shut_down_others() noexcept {
  shuts_down_ = true;
  // On a thread of its own: what it calls may block as well.
  auto started = RtThread::start(
      {.name = ThreadName::clipped("horus-shutdown")},
      [](void* self) {
        auto& stop = *static_cast<BoundedStop*>(self);
        for (const Watched& watched : stop.groups_) {
          // A thread that is not blocked shuts its nodes down itself.
          const auto call = blocked_call(*watched.group, stop.clock_.now());
          if (call && call->in != NodeActivity::kNone) {
            watched.group->shut_down_others(stop.calls_);
          }
        }
        stop.control_.announce_shut_down();
      },
      this);
  if (!started) return control_.announce_shut_down();
  thread_.emplace(std::move(started).value());
}

/// The callback to name as the one that does not return. A running one is preferred to one that
/// waits for the GIL or awaits something: it may be what the other one waits for.
std::optional<BlockedCall> BoundedStop::first_blocked() const noexcept {
  std::optional<BlockedCall> first;
  bool first_waits = false;
  for (const Watched& watched : groups_) {
    const auto call = blocked_call(*watched.group, clock_.now());
    if (!call || (first && !first_waits)) continue;
    first = call;
    first_waits = call->in == NodeActivity::kNone || watched.group->runners().front()->awaits();
  }
  // relaxed: see RateGroup::shut_down_others().
  const NodeRunner* const called = calls_.load(std::memory_order_relaxed);
  if (first) return first;
  if (called != nullptr) {
    return BlockedCall{.node = called->config().name, .in = NodeActivity::kShutdown};
  }
  if (const auto rests = watchdog_.resting()) return rests;
  return guard_ != nullptr ? guard_->own_call() : std::nullopt;
}

void BoundedStop::give_up() noexcept {
  const auto first = first_blocked();
  if (!first || guard_ == nullptr) return;
  char text[200];
  std::snprintf(text, sizeof text, "%s does not come back from its %s: the process ends without it",
                who(*first).view().data(), where(*first));
  log(LogLevel::kError, text);
  control_.announce_end();
  // Bounded, because a reader of the log may stall.
  static_cast<void>(control_.wait(RunControl::kLogged, MonotonicClock::now() + kLastWords));
  // The callback may have returned meanwhile.
  if (first_blocked()) guard_->give_up(*first);
}

void BoundedStop::join() noexcept {
  if (thread_) thread_->join();
}

}  // namespace horus
