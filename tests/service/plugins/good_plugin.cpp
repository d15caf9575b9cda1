// SPDX-License-Identifier: Apache-2.0
// Node types for the tests of the loader and of horusd.

#include <stdexcept>
#include <string>

#include "service/plugin.hpp"
#include "shm/msg/cmd_vel.hpp"

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

/// Does not come back from its n-th tick.
class Hanging : public horus::Node {
 public:
  explicit Hanging(horus::PluginContext& context)
      : at_{context.params().get<std::uint64_t>("at")} {}
  void tick(const horus::Tick& tick) override {
    volatile bool for_ever = tick.number >= at_;
    while (for_ever) {
    }
  }

 private:
  std::uint64_t at_;
};

/// Fails in its first tick.
class Fatal : public horus::Node {
 public:
  explicit Fatal(horus::PluginContext&) {}
  void tick(const horus::Tick&) override { throw std::runtime_error("the arm is gone"); }
};

}  // namespace

HORUS_PLUGIN(HORUS_NODE(Counter), HORUS_NODE(Broken), HORUS_NODE(Odd), HORUS_NODE(Stillborn),
             HORUS_NODE(Listener), HORUS_NODE(Talker), HORUS_NODE(Hanging), HORUS_NODE(Fatal))
