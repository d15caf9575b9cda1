// SPDX-License-Identifier: Apache-2.0
// Another process for the tests of shm: shm_child ROLE BASE [TOPIC]. Says on its output how far it
// has come, does on its input's lines what its role says, ends with its input.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <horus/image.hpp>
#include <horus/message.hpp>
#include <horus/msg/navigation.hpp>

#include "shm/leave.hpp"
#include "shm/pool.hpp"
#include "shm/stats_page.hpp"
#include "tests/support/shm_fixture.hpp"

namespace {

using namespace horus;
using horus::test::Checked;

void say(const std::string& text) {
  std::cout << text << std::endl;
}

/// Sends a message for each line.
int publish(shm::Session& session, const std::string& topic) {
  auto publisher = session.publisher<Checked>(topic).value();
  say("ready");
  std::string line;
  for (std::uint64_t n = 0; std::getline(std::cin, line); ++n) publisher.send(Checked::of(n));
  return 0;
}

/// Leaves, and does not end.
int leave(shm::Session& session, const std::string& topic) {
  auto publisher = session.publisher<Checked>(topic).value();
  shm::leave_at_once(session.base() + "/");
  say("left");
  std::string line;
  std::getline(std::cin, line);
  ::_exit(0);
}

/// For each line, a process that says its pid and sends at full speed until it is killed. Forks
/// of this one, which has no session: starting a program a hundred times takes too long.
int flood(const std::string& base, const std::string& topic) {
  std::string line;
  while (std::getline(std::cin, line)) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto session = shm::Session::open(base).value();
      auto publisher = session->publisher<Checked>(topic, {.capacity = 4}).value();
      say(std::to_string(::getpid()));
      for (std::uint64_t n = 0;; ++n) publisher.send(Checked::of(n));
    }
    ::waitpid(child, nullptr, 0);
    say("dead");
  }
  return 0;
}

/// Waits for messages and says each one's number.
int subscribe(shm::Session& session, const std::string& topic) {
  auto subscriber = session.subscriber<Checked>(topic).value();
  say("ready");
  std::string line;
  while (std::getline(std::cin, line)) {
    while (!subscriber.wait_until(MonotonicClock::now() + 10s)) {
    }
    say(std::to_string(subscriber.take()->number));
  }
  return 0;
}

/// Sends a frame of one colour for each line, "COLOUR [HEIGHT WIDTH]": mono8 of 48 x 64, or rgb8.
int camera(shm::Session& session, const std::string& topic) {
  auto publisher = session.publisher<shm::Image>(topic).value();
  say("ready");
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words{line};
    int colour = 0;
    std::uint32_t height = 0;
    std::uint32_t width = 0;
    words >> colour;
    const bool large = static_cast<bool>(words >> height >> width);
    const auto encoding = large ? shm::Encoding::kRgb8 : shm::Encoding::kMono8;
    auto image =
        shm::Image::make(session, large ? height : 48, large ? width : 64, encoding).value();
    std::ranges::fill(image.writable(), static_cast<std::byte>(colour));
    say(publisher.send(image) ? "sent" : "refused");
  }
  return 0;
}

/// Takes frames, says the colour of each, and keeps the newest.
int viewer(shm::Session& session, const std::string& topic) {
  auto subscriber = session.subscriber<shm::Image>(topic).value();
  shm::Image image;
  say("ready");
  std::string line;
  while (std::getline(std::cin, line)) {
    while (!subscriber.wait_until(MonotonicClock::now() + 10s)) {
    }
    image = subscriber.take();
    say(!image              ? "missed"
        : image.read_only() ? std::to_string(static_cast<int>(image.bytes()[0]))
                            : "writable");
  }
  return 0;
}

/// Forks a child that outlives it; says the child's pid.
int fork_and_wait(shm::Session& session, const std::string& topic) {
  auto publisher = session.publisher<Checked>(topic).value();
  publisher.send(Checked::of(1));
  const pid_t child = ::fork();
  if (child == 0) {
    publisher.send(Checked::of(2));  // Into nothing, and no fault.
    ::pause();
    ::_exit(0);
  }
  say(std::to_string(child));
  ::pause();
  return 0;
}

/// Forks a child that destroys what it has of its parent's.
int fork_and_destroy(std::unique_ptr<shm::Session> session, const std::string& topic) {
  auto publisher = session->publisher<Checked>(topic).value();
  auto subscriber = session->subscriber<Checked>(topic).value();
  if (::fork() == 0) {
    publisher = {};
    subscriber = {};
    session = nullptr;
    ::_exit(0);
  }
  int status = -1;
  ::wait(&status);
  publisher.send(Checked::of(1));
  say(status == 0 && subscriber.take().has_value() ? "intact" : "broken");
  return 0;
}

/// A host of one node, which has ticked seven times.
int host(const std::string& base, const std::string& name) {
  const std::string node = "arm";
  auto page = shm::StatsPage::create(base, name, {&node, 1});
  if (!page) {
    say(std::string{page.error().what} + ": " + std::string{page.error().subject.view()});
    return 1;
  }
  page.value().nodes()[0].ticks.set(page.value().nodes()[0].ticks.value() + 7);
  say("ready");
  std::string line;
  std::getline(std::cin, line);
  return 0;
}

/// Answers each map with its costs on TOPIC/costs, twice the occupancy, until it is ended.
int cost_maker(shm::Session& session, const std::string& topic) {
  auto maps = session.subscribe(topic, type_info(shm::Tag<msg::OccupancyGrid>{})).value();
  auto costs = session.publish(topic + "/costs", type_info(shm::Tag<msg::CostMap>{})).value();
  std::vector<std::uint64_t> taken(maps.max_size() / 8);
  std::vector<std::uint64_t> built(costs.max_size() / 8);
  const auto bytes = std::as_writable_bytes(std::span{taken});
  say("ready");
  for (;;) {
    const std::ptrdiff_t size = maps.take_until(bytes, MonotonicClock::now() + 60s);
    if (size < 0) return 1;
    const auto map =
        shm::MessageView<msg::OccupancyGrid>::of(bytes.first(static_cast<std::size_t>(size)));
    if (!map) return 1;
    msg::CostMap head{.resolution = map->head().resolution,
                      .width = map->head().width,
                      .height = map->head().height,
                      .origin = map->head().origin};
    std::ranges::copy(map->head().frame_id, head.frame_id);
    const auto answer =
        shm::MessageBuilder<msg::CostMap>::in(std::as_writable_bytes(std::span{built}), head);
    if (!answer) return 1;
    const auto cells = map->tail<std::int8_t>("data");
    std::ranges::copy(cells, answer->tail<std::int8_t>("data").begin());
    std::ranges::transform(cells, answer->tail<std::uint8_t>("costs").begin(), [](int cell) {
      return static_cast<std::uint8_t>(cell < 0 ? 255 : 2 * cell);
    });
    costs.send(answer->bytes());
  }
}

/// A base on a file system of 1 MiB that only this process sees.
int full(const std::string& base) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
      ::mount("tmpfs", base.c_str(), "tmpfs", 0, "size=1m,mode=0700") != 0) {
    say("no rights");
    return 0;
  }
  auto session = shm::Session::open(base).value();
  auto small = session->publisher<Checked>("small", {.capacity = 8}).value();
  auto big = session->publisher<Checked>("big", {.capacity = 1U << 16});
  say(big ? "made" : std::string{big.error().what} + " " + std::to_string(big.error().os_errno));
  say(small.send(Checked::of(1)) ? "goes on" : "stopped");
  auto image = shm::Image::make(*session, 1000, 1000, shm::Encoding::kMono8);
  say(image ? "made" : image.error().code == Errc::kExhausted ? "exhausted" : "other");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string role = argv[1];
  const std::string base = argv[2];
  const std::string topic = argc > 3 ? argv[3] : "";
  if (role == "full") return full(base);
  if (role == "host") return host(base, topic);
  if (role == "flood") return flood(base, topic);
  auto session = shm::Session::open(base).value();
  if (role == "publish") return publish(*session, topic);
  if (role == "leave") return leave(*session, topic);
  if (role == "subscribe") return subscribe(*session, topic);
  if (role == "cost-maker") return cost_maker(*session, topic);
  if (role == "camera") return camera(*session, topic);
  if (role == "viewer") return viewer(*session, topic);
  if (role == "fork") return fork_and_wait(*session, topic);
  if (role == "fork-destroy") return fork_and_destroy(std::move(session), topic);
  return 2;
}
