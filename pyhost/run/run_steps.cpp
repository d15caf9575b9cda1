// SPDX-License-Identifier: Apache-2.0
// A run without threads, for tick_once(): each call ticks every node once, on the caller's thread.
#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/gil.hpp"
#include "pyhost/node/running_tick.hpp"
#include "pyhost/payload/session.hpp"
#include "pyhost/run/run.hpp"
#include "rt/log_queue.hpp"
#include "rt/node_runner.hpp"
#include "rt/rt_profile.hpp"

namespace horus::py {
namespace {

/// The runs without threads whose nodes have not shut down. With the GIL.
std::vector<Run*>& stepped_runs() {
  static auto* const the_runs = new std::vector<Run*>;
  return *the_runs;
}

/// Counts the runs without threads that have ended, so that a thread can wait for the next.
///
/// Thread safety: any thread.
class EndedSteps {
 public:
  /// Leaked: a thread may use it after main() has returned.
  static EndedSteps& instance() {
    static auto* const the_one = new EndedSteps;
    return *the_one;
  }
  std::uint64_t now() {
    const std::lock_guard lock{mutex_};
    return count_;
  }
  void add() {
    const std::lock_guard lock{mutex_};
    ++count_;
    changed_.notify_all();
  }
  /// Waits until a run ends after now() returned `before`. False when `patience` is over; 0: waits
  /// for ever. Without the GIL.
  bool await_next(std::uint64_t before, Nanos patience) {
    std::unique_lock lock{mutex_};
    const auto has_ended = [&] { return count_ != before; };
    if (patience != Nanos{}) return changed_.wait_for(lock, patience, has_ended);
    changed_.wait(lock, has_ended);
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t count_ = 0;
};

}  // namespace

struct Run::Steps {
  struct Step {
    std::unique_ptr<NodeRunner> runner;
    std::unique_ptr<PortSource> source;  ///< Of an event node; else null.
  };

  RunControl control;
  std::vector<Step> steps;                  ///< By the nodes' order=.
  TimePoint epoch = MonotonicClock::now();  ///< When the run began.
  bool running = false;                     ///< An init(), a step or a shutdown() is under way.
};

void Run::prepare_steps() {
  crashes_.emplace();
  open_page();
  for (std::size_t i = 0; i < nodes_.size(); ++i) prepare_node(i);
  await_publishers();
  steps_ = std::make_shared<Steps>();
  steps_->control.safety().use({.own = &page_->stop_word(),
                                .others = &others_,
                                .note = &page_->host().stop,
                                .nodes = page_->nodes()});
  open_socket();
  keep_stops();
  publish(report_.degraded, page_->host());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    NodeObject& node = node_object(nodes_[i]);
    const NodeSpec& spec = node.node->spec;
    Steps::Step step;
    if (spec.config.node_class == NodeClass::kEvent) {
      step.source = std::make_unique<PortSource>(node.ports->port(spec.on));
    }
    step.runner = std::make_unique<NodeRunner>(
        *node.node, config_of(spec), page_->nodes()[i],
        RunnerContext{.clock = system_clock(),
                      .control = steps_->control,
                      .max_deadline_misses = settings_.max_deadline_misses,
                      .may_arm_at_start = page_->host().lives.value() <= 1,
                      .box = box()});
    steps_->steps.push_back(std::move(step));
  }
  std::ranges::stable_sort(steps_->steps, {},
                           [](const auto& step) { return step.runner->config().order; });
  // relaxed: one number, nothing is published through it.
  clock_start_ns.store(to_ns(steps_->epoch), std::memory_order_relaxed);
  stepped_runs().push_back(this);
  steps_->running = true;
  const LogScope kept{log_};
  for (const auto& [runner, source] : steps_->steps) {
    const LogNaming named{runner->source()};
    if (!runner->init()) break;
  }
  end_step();
}

void Run::step() {
  if (steps_->running) {
    throw std::runtime_error("tick_once() is under way, in another thread or around this call");
  }
  steps_->running = true;
  const LogScope kept{log_};
  steps_->control.safety().obey();
  for (const auto& [runner, source] : steps_->steps) {
    if (steps_->control.stopping()) break;
    const LogNaming named{runner->source()};
    const TimePoint now = system_clock().now();
    // An event node ticks only when its port has new data.
    if (source == nullptr || source->wait_until(now)) runner->run(now, now);
  }
  end_step();
}

void Run::end_step() {
  steps_->running = false;
  serve_safe_states();
  if (!steps_->control.stopping()) return;
  stopped_ = steps_->control.report();
  end_steps();
  raise_what_ended_it();
}

void Run::stop_steps() noexcept {
  steps_->control.request_stop();
  // Otherwise the step that is under way ends the run.
  if (!steps_->running) end_steps();
}

void Run::end_steps() noexcept {
  steps_->running = true;  // So that a shutdown() that calls stop() does not end the run again.
  const LogScope kept{log_};
  for (const auto& [runner, source] : steps_->steps) {
    const LogNaming named{runner->source()};
    runner->shutdown();
  }
  serve_safe_states();
  let_stops_go();
  if (async_loop_ != nullptr) AsyncLoop::close(std::move(async_loop_));
  std::erase(stepped_runs(), this);
  steps_.reset();
  for (const pybind11::object& node : nodes_) node_object(node).node->release();
  tell_end();
  unname_pages(ended_in_order());
  crashes_.reset();
  socket_.reset();
  page_is_public_ = false;
  EndedSteps::instance().add();
}

TimePoint Run::epoch() const noexcept {
  return steps_ != nullptr ? steps_->epoch : scheduler_->epoch();
}

Safety* Run::stepped_safety() noexcept {
  return steps_ != nullptr ? &steps_->control.safety() : nullptr;
}

Status Run::may_release_steps() const noexcept {
  Status may{};
  for (const auto& step : steps_->steps) {
    if (may) may = step.runner->may_be_released();
  }
  return may;
}

Status Run::release_steps(Safety::View seen) noexcept {
  if (seen.resting()) {
    for (const auto& step : steps_->steps) step.runner->hold_at_rest();
  }
  if (!steps_->control.safety().release(seen)) {
    return Error{Errc::kBusy, "release a robot that was stopped again meanwhile", 0, {}};
  }
  for (const auto& step : steps_->steps) step.runner->end_rest();
  return {};
}

Status Run::arm_steps(std::string_view node, bool arms) noexcept {
  const Error unknown{Errc::kNotFound, "find node", 0, Name<200>::clipped(node)};
  if (steps_ == nullptr) return unknown;
  bool known = node.empty();
  Status first{};
  for (const auto& step : steps_->steps) {
    if (first && arms) first = step.runner->serves();
  }
  for (const auto& [runner, source] : steps_->steps) {
    if (!node.empty() && runner->config().name != node) continue;
    known = true;
    if (!arms) runner->disarm();
    if (arms && first) first = runner->arm();
  }
  if (!known) return unknown;
  if (!first) static_cast<void>(arm_steps(node, false));
  return first;
}

std::vector<Run*> stepped_runs_under_way() {
  return stepped_runs();
}

void stop_stepped_runs() noexcept {
  auto& the_runs = stepped_runs();
  while (!the_runs.empty()) {
    Run* const run = the_runs.back();
    const Nanos patience = run->stop_timeout();
    const std::uint64_t before = EndedSteps::instance().now();
    run->stop_steps();
    if (std::ranges::find(the_runs, run) == the_runs.end()) continue;
    bool came = false;
    {
      // Another thread is in a step, and ends the run after it. It needs the GIL for that.
      const GilRelease others_run;
      came = EndedSteps::instance().await_next(before, patience);
    }
    if (!came) std::erase(the_runs, run);  // The step hangs: leave this run behind.
  }
}

void forget_stepped_runs_after_fork() noexcept {
  for (Run* const run : stepped_runs()) run->forget_after_fork();
  stepped_runs().clear();
}

}  // namespace horus::py
