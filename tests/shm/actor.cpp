// SPDX-License-Identifier: Apache-2.0
// Another process for the proofs of shm: shm_actor [as UID GID] ROLE BASE [ARGUMENTS]. Says on its
// output how far it has come, does on its input's lines what its role says, ends with its input.
#include <grp.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>
#include <random>

#include <horus/image.hpp>

#include "shm/payload_state.hpp"
#include "tests/shm/actor_roles.hpp"
#include "tests/shm/storm.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::test {
namespace {

std::string text_of(const Error& error) {
  return std::string{error.what} + ": " + std::string{error.subject.view()} + " (" +
         std::to_string(error.os_errno) + ")";
}

/// Sends at full speed until it is told to stop, or killed.
int storm_publisher(const std::string& base) {
  const Storm& storm = Storm::map(base);
  const auto session = shm::Session::open(base).value();
  auto typed = session->publisher<Checked>("typed").value();
  auto generic =
      session->publish("generic", shm::generic_type(), {.max_size = Varied::kLargest}).value();
  std::mt19937 random{static_cast<unsigned>(::getpid())};
  std::uniform_int_distribution<int> bursts{1, 300};
  std::array<std::byte, Varied::kLargest> buffer{};
  std::string line;
  say("ready");
  std::getline(std::cin, line);
  for (std::uint64_t n = 0; storm.stop == 0;) {
    for (int left = bursts(random); left > 0; --left, ++n) {
      typed.send(Checked::of(n));
      generic.send(Varied::of(n, buffer));
    }
    ::sched_yield();
  }
  say("stopped");
  std::getline(std::cin, line);
  return 0;
}

/// Takes what there is, looks whether it is whole, and counts in its place of the storm.
int storm_subscriber(const std::string& base, std::size_t place) {
  Storm& storm = Storm::map(base);
  Storm::Reader& mine = storm.readers[place];
  const auto session = shm::Session::open(base).value();
  // Every other one wants the newest messages only.
  const std::uint32_t depth = place % 2 == 0 ? 0 : 16;
  auto typed = session->subscriber<Checked>("typed", {.depth = depth}).value();
  const shm::TopicOptions options{.max_size = Varied::kLargest, .depth = depth};
  auto generic = session->subscribe("generic", shm::generic_type(), options).value();
  std::array<std::byte, Varied::kLargest> buffer{};
  say("ready");
  while (mine.empty == 0) {
    const bool no_more = storm.no_more != 0;
    bool any = false;
    for (int left = 64; left > 0; --left) {
      const auto message = typed.take();
      if (message && !message->whole()) ++mine.torn;
      const std::ptrdiff_t length = generic.take(buffer);
      if (length >= 0 && !Varied::whole({buffer.data(), static_cast<std::size_t>(length)})) {
        ++mine.torn;
      }
      any = any || message || length >= 0;
    }
    mine.received[0] = typed.counts().received;
    mine.passed_over[0] = typed.counts().passed_over;
    mine.missed[0] = typed.counts().missed;
    mine.publishers[0] = typed.publishers();
    mine.received[1] = generic.counts().received;
    mine.passed_over[1] = generic.counts().passed_over;
    mine.missed[1] = generic.counts().missed;
    mine.publishers[1] = generic.publishers();
    if (!any && no_more) mine.empty = 1;
    if (!any) ::sched_yield();
  }
  std::string line;
  std::getline(std::cin, line);
  return 0;
}

/// Opens a topic and says why it cannot.
int open_topic(const std::string& base) {
  auto session = shm::Session::open(base);
  if (!session) {
    say(text_of(session.error()));
    return 1;
  }
  const auto publisher = session.value()->publisher<Checked>("t");
  say(publisher ? "open" : text_of(publisher.error()));
  return 0;
}

/// Has so many topics, for as long as its input lasts, under a limit of open files that it raises.
int topics(const std::string& base, int first, int count) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(1024, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const TimePoint begin = MonotonicClock::now();
  const auto session = shm::Session::open(base).value();
  std::vector<shm::Publisher<Checked>> publishers;
  for (int i = first; i < first + count; ++i) {
    auto made = session->publisher<Checked>("many/" + std::to_string(i), {.capacity = 2});
    if (!made) {
      say(text_of(made.error()));
      return 1;
    }
    publishers.push_back(std::move(made).value());
    publishers.back().send(Checked::of(static_cast<std::uint64_t>(i)));
  }
  say(std::to_string(to_ns(MonotonicClock::now() - begin) / 1'000'000));
  std::string line;
  std::getline(std::cin, line);
  return 0;
}

void say_whether_it_goes_on(shm::Publisher<Checked>& publisher,
                            shm::Subscriber<Checked>& subscriber) {
  bool all = true;
  for (std::uint64_t n = 0; n < 5000; ++n) {
    publisher.send(Checked::of(n));
    const auto message = subscriber.take();
    all = all && message && message->number == n;
  }
  say(all ? "goes on" : "stopped");
}

/// Runs out of file descriptors with a topic open, and goes on with it.
int few_files(const std::string& base) {
  const auto session = shm::Session::open(base).value();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  const rlimit limit{.rlim_cur = 40, .rlim_max = 40};
  ::setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<shm::Publisher<Checked>> more;
  for (int i = 0; i < 40; ++i) {
    auto made = session->publisher<Checked>("more/" + std::to_string(i), {.capacity = 2});
    if (!made) {
      say(text_of(made.error()));
      break;
    }
    more.push_back(std::move(made).value());
  }
  say_whether_it_goes_on(publisher, subscriber);
  return 0;
}

/// A base on a file system of 1 MiB that only this process sees, filled to its last page.
int brim(const std::string& base) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
      ::mount("tmpfs", base.c_str(), "tmpfs", 0, "size=1m,mode=0700") != 0) {
    say("no rights");
    return 0;
  }
  const auto session = shm::Session::open(base).value();
  auto publisher = session->publisher<Checked>("t", {.capacity = 64}).value();
  auto subscriber = session->subscriber<Checked>("t").value();
  auto camera = session->publisher<shm::Image>("camera").value();
  auto viewer = session->subscriber<shm::Image>("camera").value();
  const UniqueFd filler{::open((base + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  const std::array<char, 4096> page{};
  while (::write(filler.get(), page.data(), page.size()) > 0) {
  }
  say(std::to_string(errno));
  const auto more = session->publisher<Checked>("more");
  say(more ? "made" : text_of(more.error()));
  const auto listener = session->subscriber<Checked>("t");
  say(listener ? "made" : text_of(listener.error()));
  const auto image = shm::Image::make(*session, 48, 64, shm::Encoding::kMono8);
  say(image ? "made" : text_of(image.error()));
  say_whether_it_goes_on(publisher, subscriber);
  return 0;
}

/// Takes frames, keeps them all, says how many it has.
int viewer(const std::string& base) {
  const auto session = shm::Session::open(base).value();
  auto subscriber = session->subscriber<shm::Image>("camera").value();
  std::vector<shm::Image> held;
  say("ready");
  std::string line;
  while (std::getline(std::cin, line)) {
    subscriber.wait_until(MonotonicClock::now() + 10s);
    // A copy holds nothing: the pool's owner does not know this process yet.
    if (auto image = subscriber.take(); image && image.state()->peer) held.push_back(image);
    say(std::to_string(held.size()));
  }
  return 0;
}

/// Gives up root for a user and a group, for good.
int become(char** argv) {
  const UniqueFd self{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  const auto uid = static_cast<uid_t>(std::stoul(argv[2]));
  const auto gid = static_cast<gid_t>(std::stoul(argv[3]));
  if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0 ||
      ::setresuid(uid, uid, uid) != 0) {
    return 3;
  }
  argv[3] = argv[0];
  // By descriptor: the folder that it lies in may be closed to that user.
  ::fexecve(self.get(), argv + 3, environ);
  return 3;
}

int play(const std::string& role, const std::string& base, std::span<char*> more) {
  if (role == "storm-publisher") return storm_publisher(base);
  if (role == "storm-subscriber") return storm_subscriber(base, std::stoul(more[0]));
  if (role == "open") return open_topic(base);
  if (role == "topics") return topics(base, std::stoi(more[0]), std::stoi(more[1]));
  if (role == "few-files") return few_files(base);
  if (role == "brim") return brim(base);
  if (role == "viewer") return viewer(base);
  if (role == "stepped") return stepped(base);
  if (role == "owner") return owner(base);
  if (role == "intruder") return intruder(base);
  if (role == "bell-ringer") return bell_ringer(base);
  if (role == "sender") return sender(base);
  if (role == "sleeper") return sleeper(base);
  return 2;
}

}  // namespace
}  // namespace horus::test

int main(int argc, char** argv) {
  const std::string role = argc > 1 ? argv[1] : "";
  if (role == "as" && argc > 5) return horus::test::become(argv);
  if (argc < 3) return 2;
  return horus::test::play(role, argv[2], {argv + 3, static_cast<std::size_t>(argc - 3)});
}
