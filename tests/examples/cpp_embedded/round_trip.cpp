// SPDX-License-Identifier: Apache-2.0
// A program with a scheduler of its own: its node sends orders on `there`, expects each of them
// back on `back`, and ends the program when 100 have come home unchanged.
#include <cstdint>
#include <cstdio>

#include <horus/msg/control.hpp>
#include <horus/scheduler.hpp>
#include <horus/topic.hpp>

namespace {

using namespace horus::literals;       // NOLINT(google-build-using-namespace): 200_hz
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): 30s

constexpr std::uint64_t kOrders = 100;
constexpr horus::Nanos kPatience = 30s;

horus::msg::CmdVel order_of(std::uint64_t number) noexcept {
  horus::msg::CmdVel order{};
  order.linear = 0.25F * static_cast<float>(number);
  order.angular = -0.125F * static_cast<float>(number);
  order.timestamp_ns = 1'700'000'000'000'000'000U + number;
  return order;
}

class RoundTrip final : public horus::Node {
 public:
  RoundTrip(horus::shm::Publisher<horus::msg::CmdVel> there,
            horus::shm::Subscriber<horus::msg::CmdVel> back) noexcept
      : there_{std::move(there)}, back_{std::move(back)} {}

  void attach(horus::Scheduler& scheduler) noexcept { scheduler_ = &scheduler; }

  void tick(const horus::Tick&) override {
    // The other side may not listen yet: the same order goes out until it is back.
    while (const auto order = back_.take()) {
      if (order->timestamp_ns != order_of(home_).timestamp_ns) continue;  // An earlier copy of it.
      const auto sent = order_of(home_);
      if (order->linear != sent.linear || order->angular != sent.angular) {
        changed_ = true;
        scheduler_->request_stop();
      }
      ++home_;
    }
    if (home_ >= kOrders) scheduler_->request_stop();
    there_.send(order_of(home_));
  }

  bool complete() const noexcept { return home_ >= kOrders && !changed_; }
  std::uint64_t home() const noexcept { return home_; }

 private:
  horus::shm::Publisher<horus::msg::CmdVel> there_;
  horus::shm::Subscriber<horus::msg::CmdVel> back_;
  horus::Scheduler* scheduler_ = nullptr;
  std::uint64_t home_ = 0;
  bool changed_ = false;
};

int complain(const horus::Error& error) {
  const auto subject = error.subject.view();
  std::fprintf(stderr, "round_trip: %s: %.*s\n", error.what, static_cast<int>(subject.size()),
               subject.data());
  return 1;
}

}  // namespace

int main() {
  auto topics = horus::shm::Session::open();
  if (!topics) return complain(topics.error());
  auto there = topics.value()->publisher<horus::msg::CmdVel>("there");
  if (!there) return complain(there.error());
  auto back = topics.value()->subscriber<horus::msg::CmdVel>("back");
  if (!back) return complain(back.error());

  RoundTrip node{std::move(there).value(), std::move(back).value()};
  horus::Scheduler scheduler{{}};
  node.attach(scheduler);
  const auto added =
      scheduler.add(node, {.name = horus::NodeName::clipped("round_trip"), .rate = 200_hz});
  if (!added) return complain(added.error());

  const auto started = scheduler.start();
  if (!started) return complain(started.error());
  scheduler.wait(kPatience);

  if (!node.complete()) {
    std::fprintf(stderr, "round_trip: only %llu of %llu orders came back intact\n",
                 static_cast<unsigned long long>(node.home()),
                 static_cast<unsigned long long>(kOrders));
    return 1;
  }
  std::printf("%llu orders went there and back intact\n", static_cast<unsigned long long>(kOrders));
  return 0;
}
