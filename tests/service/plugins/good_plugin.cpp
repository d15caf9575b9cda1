// SPDX-License-Identifier: Apache-2.0
// Node types for the tests of the loader and of horusd.

#include <unistd.h>

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include <horus/msg/control.hpp>
#include <horus/plugin.hpp>

namespace {

/// Counts its ticks; takes every kind of parameter.
class Counter : public horus::Node {
 public:
  explicit Counter(horus::PluginContext& context)
      : step_{context.params().get("step", 1)}, label_{context.params().get("label", "none")} {}
  void tick(const horus::Tick&) override { count_ += step_; }

 private:
  int step_;
  std::string label_;
  int count_ = 0;
};

/// Its constructor fails.
class Broken : public horus::Node {
 public:
  explicit Broken(horus::PluginContext&) { throw std::runtime_error("no motor\non the bus"); }
  void tick(const horus::Tick&) override {}
};

/// Its constructor throws what no one should.
class Odd : public horus::Node {
 public:
  explicit Odd(horus::PluginContext&) { throw 42; }
  void tick(const horus::Tick&) override {}
};

/// init() fails.
class Stillborn : public horus::Node {
 public:
  explicit Stillborn(horus::PluginContext&) {}
  void init() override { throw std::runtime_error("the gripper does not answer"); }
  void tick(const horus::Tick&) override {}
};

/// Says on the topic "rested", in nanoseconds of the monotonic clock, when it came to rest; with
/// `beat` a topic of that name must not be silent for longer than 100 ms.
class Rests : public horus::Node {
 public:
  explicit Rests(horus::PluginContext& context) {
    auto publisher = context.topics().publisher<horus::msg::CmdVel>("rested");
    if (!publisher) throw std::runtime_error("cannot publish");
    publisher_ = std::move(publisher).value();
    if (!context.params().get("beat", false)) return;
    auto subscriber = context.topics().subscriber<horus::msg::CmdVel>(
        "beat",
        {.timeout = std::chrono::milliseconds{100}, .fallback = horus::shm::Fallback::kStop});
    if (!subscriber) throw std::runtime_error("cannot subscribe");
    beat_.emplace(std::move(subscriber).value());
  }
  void tick(const horus::Tick&) override {
    if (beat_) beat_->take_latest();
  }
  void enter_safe_state() noexcept override {
    const auto now = horus::to_ns(horus::MonotonicClock::now());
    publisher_.send({.timestamp_ns = static_cast<std::uint64_t>(now)});
  }

 private:
  horus::shm::Publisher<horus::msg::CmdVel> publisher_;
  std::optional<horus::shm::Subscriber<horus::msg::CmdVel>> beat_;
};

/// Waits for messages.
class Listener : public horus::Node {
 public:
  explicit Listener(horus::PluginContext& context) {
    if (context.on().empty()) return;
    auto subscriber = context.topics().subscriber<horus::msg::CmdVel>(context.on());
    if (!subscriber) throw std::runtime_error("cannot subscribe");
    subscriber_ = std::move(subscriber).value();
    context.wake_on(subscriber_);
  }
  void tick(const horus::Tick&) override {
    while (subscriber_.take()) {
    }
  }

 private:
  horus::shm::Subscriber<horus::msg::CmdVel> subscriber_;
};

/// Sends a CmdVel each tick.
class Talker : public horus::Node {
 public:
  explicit Talker(horus::PluginContext& context) {
    auto publisher = context.topics().publisher<horus::msg::CmdVel>("cmd_vel");
    if (!publisher) throw std::runtime_error("cannot publish");
    publisher_ = std::move(publisher).value();
  }
  void tick(const horus::Tick&) override { publisher_.send({}); }

 private:
  horus::shm::Publisher<horus::msg::CmdVel> publisher_;
};

/// Does not come back from its n-th tick, or from the callback `in`: it spins, or sleeps.
class Hanging : public horus::Node {
 public:
  explicit Hanging(horus::PluginContext& context)
      : at_{context.params().get<std::uint64_t>("at", 0)},
        in_{context.params().get("in", "tick")},
        sleeps_{context.params().get("sleeps", false)} {}
  void init() override {
    if (in_ == "init") hang();
  }
  void tick(const horus::Tick& tick) override {
    if (in_ == "tick" && tick.number >= at_) hang();
  }
  void shutdown() override {
    if (in_ == "shutdown") hang();
  }
  void enter_safe_state() noexcept override {
    if (in_ == "safe_state") hang();
  }

 private:
  void hang() const {
    volatile bool for_ever = true;
    while (for_ever) {
      if (sleeps_) ::pause();
    }
  }

  std::uint64_t at_;
  std::string in_;
  bool sleeps_;
};

/// Takes long to begin.
class Slow : public horus::Node {
 public:
  explicit Slow(horus::PluginContext& context)
      : init_ms_{context.params().get<std::uint64_t>("init_ms")} {}
  void init() override { ::usleep(static_cast<useconds_t>(init_ms_ * 1000)); }
  void tick(const horus::Tick&) override {}

 private:
  std::uint64_t init_ms_;
};

/// Does in its ticks what a real-time node may not, as `does` says.
class Untidy : public horus::Node {
 public:
  explicit Untidy(horus::PluginContext& context) : does_{context.params().get("does", "nothing")} {}
  void tick(const horus::Tick&) override {
    if (does_ == "allocates") keep_ = std::make_unique<int>(7);
    if (does_ == "locks") const std::lock_guard lock{mutex_};
    if (does_ == "calls") static_cast<void>(::getppid());
    if (does_ == "sleeps") ::usleep(10);
    if (does_ == "grows") {
      for (std::size_t size = 16; size < 1024; size += 16) kept_.emplace_back(size, 'x');
    }
  }

 private:
  std::string does_;
  std::unique_ptr<int> keep_;
  std::list<std::string> kept_;
  std::mutex mutex_;
};

/// Fails in its first tick.
class Fatal : public horus::Node {
 public:
  explicit Fatal(horus::PluginContext&) {}
  void tick(const horus::Tick&) override { throw std::runtime_error("the arm is gone"); }
};

/// Writes where nothing is, in its n-th tick.
class Crashing : public horus::Node {
 public:
  explicit Crashing(horus::PluginContext& context)
      : at_{context.params().get<std::uint64_t>("at")} {}
  void tick(const horus::Tick& tick) override {
    volatile int* volatile nowhere = nullptr;
    if (tick.number == at_) *nowhere = 1;
  }

 private:
  std::uint64_t at_;
};

}  // namespace

HORUS_PLUGIN(HORUS_NODE(Counter), HORUS_NODE(Broken), HORUS_NODE(Odd), HORUS_NODE(Stillborn),
             HORUS_NODE(Rests), HORUS_NODE(Listener), HORUS_NODE(Talker), HORUS_NODE(Hanging),
             HORUS_NODE(Slow), HORUS_NODE(Fatal), HORUS_NODE(Crashing), HORUS_NODE(Untidy))
