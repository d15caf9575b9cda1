// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <horus/scheduler.hpp>

#include "rt/group_hook.hpp"

namespace horus::test {

/// Waits for a condition; fails the test when it has not come after half a minute.
template <typename Condition>
void wait_until(Condition holds) {
  const TimePoint give_up = MonotonicClock::now() + 30s;
  while (!holds()) {
    ASSERT_LT(MonotonicClock::now(), give_up) << "what the test waits for does not come";
    std::this_thread::yield();
  }
}

/// Swallows the log.
class NullSink final : public LogSink {
 public:
  void write(const LogRecord&) noexcept override {}
  void lost(std::uint64_t) noexcept override {}
};

/// Options for tests: an ordinary process, no spinning, nothing on stderr.
inline SchedulerOptions quiet() {
  static NullSink sink;
  SchedulerOptions options;
  options.spin_limit = 0us;
  options.log = &sink;
  return options;
}

inline NodeConfig named(std::string_view name, Rate rate) {
  return {.name = NodeName::clipped(name), .rate = rate};
}

/// Counts what is done to it; everything may be read while it runs.
class CountingNode final : public Node {
 public:
  void init() override {
    ++inits;
    if (on_init) on_init();
  }
  void tick(const Tick& tick) override {
    ++ticks;
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

  std::function<void()> on_init;
  std::function<void(const Tick&)> on_tick;
  std::function<void()> on_safe_state;
  std::function<void()> on_shutdown;
  std::atomic<int> inits{0};
  std::atomic<int> ticks{0};
  std::atomic<int> shutdowns{0};
  std::atomic<int> safe_states{0};
};

/// An event per ring().
class Signal final : public WakeSource {
 public:
  bool wait_until(TimePoint until) noexcept override {
    while (MonotonicClock::now() < until) {
      if (interrupted_.exchange(false)) return false;
      int waiting = rings_.load();
      if (waiting > 0 && rings_.compare_exchange_strong(waiting, waiting - 1)) return true;
      std::this_thread::yield();
    }
    return false;
  }
  void interrupt() noexcept override {
    ++interrupts;
    interrupted_ = true;
  }
  void ring() noexcept { ++rings_; }

  std::atomic<int> interrupts{0};

 private:
  std::atomic<int> rings_{0};
  std::atomic<bool> interrupted_{false};
};

/// Keeps what is logged; can stall as a full journal does.
class MemorySink final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    while (stall.load()) std::this_thread::yield();
    const std::lock_guard lock{mutex_};
    records_.push_back(record);
  }
  void lost(std::uint64_t count) noexcept override { lost_records += count; }

  /// The first record whose text contains `part`.
  std::optional<LogRecord> find(std::string_view part) {
    const std::lock_guard lock{mutex_};
    for (const LogRecord& record : records_) {
      if (record.text.view().find(part) != std::string_view::npos) return record;
    }
    return std::nullopt;
  }

  std::atomic<bool> stall{false};
  std::atomic<std::uint64_t> lost_records{0};

 private:
  std::mutex mutex_;
  std::vector<LogRecord> records_;
};

/// Counts the calls to all its hooks.
class CountingHooks final : public HookFactory {
 public:
  std::unique_ptr<GroupHook> make(const ThreadRole& /*role*/) override {
    return std::make_unique<Hook>(*this);
  }

  std::atomic<int> started{0};
  std::atomic<int> stopping{0};
  std::atomic<int> entered{0};
  std::atomic<int> left{0};

 private:
  class Hook final : public GroupHook {
   public:
    explicit Hook(CountingHooks& counts) : counts_{counts} {}
    void thread_started() noexcept override { ++counts_.started; }
    void thread_stopping() noexcept override { ++counts_.stopping; }
    Nanos enter(TimePoint) noexcept override {
      ++counts_.entered;
      return 1us;
    }
    void leave(TimePoint) noexcept override { ++counts_.left; }

   private:
    CountingHooks& counts_;
  };
};

/// What the kernel calls a thread of this process.
inline std::string thread_name(int tid) {
  std::ifstream file{"/proc/self/task/" + std::to_string(tid) + "/comm"};
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace horus::test
