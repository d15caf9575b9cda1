// SPDX-License-Identifier: Apache-2.0
// The operations that a test kills at any of their instructions.
#include <signal.h>
#include <sys/wait.h>

#include <map>

#include <horus/image.hpp>

#include "rt/base/seqlock.hpp"
#include "shm/payload_state.hpp"
#include "shm/stats_page.hpp"
#include "tests/shm/actor_roles.hpp"
#include "tests/shm/stepped.hpp"
#include "tests/shm/storm.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::test {
namespace {

/// Everything that an operation may need; it is there before the first stop.
struct Stage {
  explicit Stage(std::string base_path) : base{std::move(base_path)} {}
  std::string base;
  std::unique_ptr<shm::Session> session;
  shm::Publisher<Checked> publisher;
  shm::RawPublisher generic;
  shm::Subscriber<Checked> subscriber;
  shm::ImagePublisher camera;
  shm::ImageSubscriber viewer;
  shm::Image image;
  std::optional<shm::StatsPage> page;
  PairLock* lock = nullptr;
  std::array<std::byte, Varied::kLargest> buffer{};

  void open() {
    session = shm::Session::open(base).value();
    publisher = session->publisher<Checked>("t").value();
    generic =
        session->publish("generic", shm::generic_type(), {.max_size = Varied::kLargest}).value();
    subscriber = session->subscriber<Checked>("t").value();
    camera = session->publisher<shm::Image>("camera").value();
    viewer = session->subscriber<shm::Image>("camera").value();
  }
  void send(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t n = from; n < to; ++n) publisher.send(Checked::of(n));
  }
  /// Until what it takes is held: the pool's owner knows this process.
  void hold_one() {
    while (!image || !image.state()->peer) {
      viewer.wait_until(MonotonicClock::now() + 1s);
      if (auto next = viewer.take()) image = next;
    }
    image = {};
  }
};

using Act = void (*)(Stage&);
struct Operation {
  Act prepare;
  Act act;
};

const std::map<std::string, Operation>& operations() {
  constexpr Act kOpen = [](Stage& stage) { stage.open(); };
  static const std::map<std::string, Operation> kOperations{
      {"send",
       {[](Stage& stage) {
          stage.open();
          stage.send(0, 3);
        },
        [](Stage& stage) { stage.send(3, 4); }}},
      {"send_generic",
       {[](Stage& stage) {
          stage.open();
          stage.generic.send(Varied::of(0, stage.buffer));
          Varied::of(1, stage.buffer);
        },
        [](Stage& stage) {
          stage.generic.send({stage.buffer.data(), Varied::length_of(1)});
        }}},
      {"take",
       {[](Stage& stage) {
          stage.open();
          stage.send(0, 3);
          stage.subscriber.take();
        },
        [](Stage& stage) { stage.subscriber.take(); }}},
      {"wait",
       {kOpen, [](Stage& stage) { stage.subscriber.wait_until(MonotonicClock::now() + 100us); }}},
      {"loan",
       {kOpen,
        [](Stage& stage) {
          stage.image = shm::Image::make(*stage.session, 48, 64, shm::Encoding::kMono8).value();
        }}},
      {"send_image",
       {[](Stage& stage) {
          stage.open();
          stage.image = shm::Image::make(*stage.session, 48, 64, shm::Encoding::kMono8).value();
        },
        [](Stage& stage) { stage.camera.send(stage.image); }}},
      {"hold_and_release",
       {[](Stage& stage) {
          stage.open();
          stage.hold_one();
          while (!stage.viewer.has_message()) stage.viewer.wait_until(MonotonicClock::now() + 1s);
        },
        [](Stage& stage) {
          stage.image = stage.viewer.take();
          stage.image = {};
        }}},
      {"open", {[](Stage&) {}, kOpen}},
      {"close",
       {[](Stage& stage) {
          stage.open();
          stage.image = shm::Image::make(*stage.session, 48, 64, shm::Encoding::kMono8).value();
        },
        [](Stage& stage) {
          stage.image = {};
          stage.viewer = {};
          stage.camera = {};
          stage.subscriber = {};
          stage.generic = {};
          stage.publisher = {};
          stage.session = nullptr;
        }}},
      {"stats",
       {[](Stage& stage) {
          const std::string node = "arm";
          stage.page = shm::StatsPage::create(stage.base, "robot", {&node, 1}).value();
        },
        [](Stage& stage) {
          NodeStats& stats = stage.page->nodes()[0];
          stats.ticks.add(1);
          stats.lateness.record(1us);
          stats.last_release_ns.set(99);
        }}},
      {"seqlock",
       {[](Stage& stage) {
          stage.lock = &PairLock::map(stage.base);
          stage.lock->value.store({7, ~std::uint64_t{7}});
        },
        [](Stage& stage) {
          stage.lock->value.store({8, ~std::uint64_t{8}});
        }}},
  };
  return kOperations;
}

[[noreturn]] void run(const Operation& operation, const std::string& base) {
  Stage stage{base};
  operation.prepare(stage);
  say(std::to_string(::getpid()));
  std::string line;
  std::getline(std::cin, line);
  // What stands between the two is what the tracer counts.
  ::raise(SIGSTOP);
  operation.act(stage);
  ::raise(SIGSTOP);
  ::pause();
  ::_exit(0);
}

}  // namespace

int stepped(const std::string& base) {
  std::string name;
  while (std::getline(std::cin, name)) {
    const pid_t child = ::fork();
    if (child == 0) run(operations().at(name), base);
    ::waitpid(child, nullptr, 0);
    say("dead");
  }
  return 0;
}

}  // namespace horus::test
