// SPDX-License-Identifier: Apache-2.0
// A process is killed at every instruction of what it does with shared memory: a tracer steps
// through the operation, so the product has no marks for it.
#include <sys/ptrace.h>

#include <algorithm>
#include <fstream>
#include <random>

#include <horus/image.hpp>

#include "shm/registry.hpp"
#include "shm/stats_page.hpp"
#include "tests/shm/stepped.hpp"
#include "tests/shm/storm.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::ChildProcess;
using test::files;
using test::Varied;

/// A process under the tracer, stopped before its operation.
class Victim {
 public:
  Victim(ChildProcess& zygote, const std::string& operation) : zygote_{zygote} {
    zygote.tell(operation);
    pid_ = std::stoi(zygote.line());
    traced_ = ::ptrace(PTRACE_SEIZE, pid_, nullptr, PTRACE_O_TRACESYSGOOD) == 0;
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  ~Victim() { kill(); }

  pid_t pid() const noexcept { return pid_; }
  bool traced() const noexcept { return traced_; }
  void begin() {
    zygote_.tell("go");
    EXPECT_TRUE(stopped_by(SIGSTOP));
  }
  /// Goes on for `steps` instructions (PTRACE_SINGLESTEP), or system calls' begins and ends
  /// (PTRACE_SYSCALL). Returns how many it has made when the operation is over before that.
  std::size_t go(std::size_t steps, __ptrace_request request) {
    for (std::size_t step = 0; step < steps; ++step) {
      if (::ptrace(request, pid_, nullptr, nullptr) != 0 || stopped_by(SIGSTOP)) return step;
    }
    return steps;
  }
  /// It is gone with all its threads when this returns.
  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (traced_ && ::waitpid(pid_, &status, __WALL) == pid_ && WIFSTOPPED(status)) {
    }
    EXPECT_EQ(zygote_.line(), "dead");
    pid_ = 0;
  }

 private:
  bool stopped_by(int signal) const {
    int status = 0;
    return ::waitpid(pid_, &status, __WALL) == pid_ && WIFSTOPPED(status) &&
           WSTOPSIG(status) == signal;
  }

  ChildProcess& zygote_;
  pid_t pid_ = 0;
  bool traced_ = false;
};

/// What those see who live on: a publisher and a subscriber of each kind of topic.
class KillTest : public test::ShmTest, public ::testing::WithParamInterface<const char*> {
 protected:
  static constexpr const char* kPoints = "HORUS_KILL_POINTS";
  // A sanitizer makes a life many times as long.
  static constexpr Nanos kEnough = 20s;

  /// How many lives an operation of `steps` steps is worth; stepping through it is what takes time.
  static std::size_t kill_points(std::size_t steps) {
    const char* text = std::getenv(kPoints);
    if (text != nullptr) return std::max<std::size_t>(std::stoul(text), 1);
    return std::clamp<std::size_t>(400'000 / std::max<std::size_t>(steps, 1), 10, 150);
  }
  /// Whether the subscribers are to know the victim's rings before it goes on.
  bool opens_before() const {
    const std::string operation = GetParam();
    return operation != "open" && operation != "stats" && operation != "seqlock";
  }
  void drain() {
    while (const auto message = watch.take()) EXPECT_TRUE(message->whole());
    std::ptrdiff_t length = 0;
    while ((length = generic_watch.take(buffer)) >= 0) {
      EXPECT_TRUE(Varied::whole({buffer.data(), static_cast<std::size_t>(length)}));
    }
    while (viewer.take()) {
    }
  }
  /// A session looks at its topics when their folders change, and else five times a second.
  void make_them_look() const {
    for (const char* topic : {"t", "generic"}) {
      const std::string path = topic_path(topic) + "/look";
      std::ofstream{path};
      std::filesystem::remove(path);
    }
  }
  bool attached(std::uint32_t publishers) {
    return test::eventually([&] {
      make_them_look();
      drain();
      return watch.publishers() == publishers && generic_watch.publishers() == publishers;
    });
  }
  std::uint64_t sent_by(const char* topic, pid_t pid) const {
    for (const auto& ring : find_topic(base.path(), topic).value().publishers) {
      if (ring.pid != pid) continue;
      EXPECT_FALSE(ring.alive);
      return ring.sent;
    }
    return 0;
  }
  /// Files that a process has left behind.
  std::vector<std::string> left_by(pid_t pid) const {
    std::vector<std::string> left;
    const std::string identity = std::to_string(pid) + "-";
    for (const auto& entry : std::filesystem::recursive_directory_iterator{base.path()}) {
      const std::string name = entry.path().filename();
      if (name.starts_with(identity) || name.find("." + identity) != std::string::npos) {
        left.push_back(name);
      }
    }
    return left;
  }

  void everybody_goes_on(pid_t dead) {
    typed_sent += sent_by("t", dead);
    generic_sent += sent_by("generic", dead);
    ASSERT_TRUE(steady.send(Checked::of(typed_sent++)));
    ASSERT_TRUE(generic_steady.send(Varied::of(++generic_sent, buffer)));
    {
      // Opens the topic anew, and sweeps.
      const auto fresh = open();
      EXPECT_EQ(left_by(dead), std::vector<std::string>{});
      auto publisher = fresh->publisher<Checked>("t").value();
      ASSERT_TRUE(publisher.send(Checked::of(typed_sent++)));
      ASSERT_TRUE(test::eventually([&] {
        drain();
        return watch.counts().received + watch.counts().missed >= typed_sent;
      }));
    }
    ASSERT_TRUE(attached(1));
    ASSERT_EQ(watch.counts().received + watch.counts().missed, typed_sent);
    ASSERT_EQ(generic_watch.counts().received + generic_watch.counts().missed, generic_sent);
    statistics_are_readable();
    seqlock_is_whole();
  }
  void statistics_are_readable() {
    const auto page = StatsPage::open(base.path(), "robot");
    if (!page) return;
    EXPECT_FALSE(page.value().alive());
    const NodeStats& node = std::as_const(page.value()).nodes()[0];
    EXPECT_GE(node.ticks.value(), ticks);
    EXPECT_LE(node.ticks.value(), ticks + 1);
    EXPECT_LE(node.lateness.snapshot().count(), node.ticks.value());
    ticks = node.ticks.value();
  }
  void seqlock_is_whole() {
    if (std::string{GetParam()} != "seqlock") return;
    auto& lock = test::PairLock::map(base.path()).value;
    // Nothing where the writer died inside, after so many looks and not later.
    const auto pair = lock.load();
    EXPECT_TRUE(!pair || pair->second == ~pair->first);
    lock.store({9, ~std::uint64_t{9}});
    ASSERT_TRUE(lock.load());
    EXPECT_EQ(lock.load()->first, 9U);
  }

  /// A life of the victim that ends after so many steps, and then so many instructions.
  std::size_t live(std::size_t steps, __ptrace_request request, std::size_t more) {
    SCOPED_TRACE(std::string{GetParam()} + " killed after " + std::to_string(steps) +
                 " steps and " + std::to_string(more));
    Victim victim{zygote, GetParam()};
    if (!victim.traced()) {
      skipped = true;
      return 0;
    }
    EXPECT_TRUE(attached(opens_before() ? 2 : 1));
    victim.begin();
    const std::size_t made = victim.go(steps, request);
    if (made == steps) victim.go(more, PTRACE_SINGLESTEP);
    const pid_t pid = victim.pid();
    victim.kill();
    everybody_goes_on(pid);
    return made;
  }
  /// Every so-many-th step of the operation is the victim's last, in a life of its own; up to
  /// `more` instructions after it.
  void kill_at_each_step(__ptrace_request request, std::size_t more = 0) {
    const std::size_t steps = live(std::size_t{1} << 24, request, 0);
    if (skipped) GTEST_SKIP() << "tracing is not allowed here";
    const auto seed = std::random_device{}();
    std::mt19937 random{seed};
    const std::size_t stride = std::max<std::size_t>(steps / kill_points(steps), 1);
    std::vector<std::size_t> ends;
    for (std::size_t last = random() % stride; last < steps; last += stride) ends.push_back(last);
    // Whatever there is no time for, the rest lies everywhere in the operation.
    std::shuffle(ends.begin(), ends.end(), random);
    const TimePoint enough = MonotonicClock::now() + kEnough;
    std::size_t lives = 0;
    for (const std::size_t last : ends) {
      live(last, request, more == 0 ? 0 : random() % more);
      ++lives;
      const bool in_time = MonotonicClock::now() < enough || std::getenv(kPoints) != nullptr;
      if (HasFailure() || !in_time) break;
    }
    std::cout << GetParam() << ": " << steps << " steps, " << lives << " of " << ends.size()
              << " lives, seed " << seed << std::endl;
  }

  std::unique_ptr<Session> session = open();
  Publisher<Checked> steady = session->publisher<Checked>("t").value();
  Subscriber<Checked> watch = session->subscriber<Checked>("t").value();
  RawPublisher generic_steady =
      session->publish("generic", generic_type(), {.max_size = Varied::kLargest}).value();
  RawSubscriber generic_watch =
      session->subscribe("generic", generic_type(), {.max_size = Varied::kLargest}).value();
  ImageSubscriber viewer = session->subscriber<Image>("camera").value();
  std::array<std::byte, Varied::kLargest> buffer{};
  std::uint64_t typed_sent = 0;
  std::uint64_t generic_sent = 0;
  std::uint64_t ticks = 0;
  bool skipped = false;
  ChildProcess zygote{{"stepped", base.path()}};
};

using KillInstructionTest = KillTest;

TEST_P(KillInstructionTest, f12_f56_whatever_instruction_is_the_last_the_others_go_on) {
#if defined(__SANITIZE_THREAD__)
  if (std::string{"loan"} == GetParam()) {
    GTEST_SKIP() << "to step through the sanitizer's part of it takes minutes, and shows no race";
  }
#endif
  kill_at_each_step(PTRACE_SINGLESTEP);
}

INSTANTIATE_TEST_SUITE_P(, KillInstructionTest,
                         ::testing::Values("send", "send_generic", "take", "wait", "loan",
                                           "send_image", "stats", "seqlock"),
                         [](const auto& operation) { return std::string{operation.param}; });

using KillSetUpTest = KillTest;

TEST_P(KillSetUpTest, f12_whatever_system_call_is_the_last_the_others_go_on) {
  kill_at_each_step(PTRACE_SYSCALL);
}

TEST_P(KillSetUpTest, f12_whatever_instruction_is_the_last_the_others_go_on) {
  // To step through all of them takes seconds a life: some system call, and on from there.
  kill_at_each_step(PTRACE_SYSCALL, 300);
}

INSTANTIATE_TEST_SUITE_P(, KillSetUpTest, ::testing::Values("open", "close"),
                         [](const auto& operation) { return std::string{operation.param}; });

/// A camera beside those who look, that never stops.
class KillHolderTest : public KillTest {
 protected:
  KillHolderTest() {
    feeder = std::thread{[this] {
      auto camera = session->publisher<Image>("camera").value();
      while (!stop) {
        auto image = Image::make(*session, 48, 64, Encoding::kMono8);
        if (!image || !camera.send(image.value())) ++refused;
        ::sched_yield();
      }
    }};
  }
  ~KillHolderTest() override {
    stop = true;
    feeder.join();
  }
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0};
  std::thread feeder;
};

TEST_P(KillHolderTest, f13_whatever_instruction_is_the_last_its_block_comes_back) {
  kill_at_each_step(PTRACE_SINGLESTEP);
  EXPECT_EQ(refused, 0);
  // Blocks that stayed held would have made the camera's process add pools.
  const std::string mine = std::to_string(::getpid()) + "-";
  const auto pools = files(base.path() + "/pools", ".pool");
  EXPECT_EQ(std::ranges::count_if(pools,
                                  [&mine](const std::string& path) {
                                    return path.find("/" + mine) != std::string::npos;
                                  }),
            1);
}

INSTANTIATE_TEST_SUITE_P(, KillHolderTest, ::testing::Values("hold_and_release"),
                         [](const auto& operation) { return std::string{operation.param}; });

}  // namespace
}  // namespace horus::shm
