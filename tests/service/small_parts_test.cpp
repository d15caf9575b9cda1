// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <horus/params.hpp>

#include "rt/run_guard.hpp"
#include "service/host_process.hpp"
#include "service/instance_lock.hpp"
#include "service/journal.hpp"
#include "service/log_limit.hpp"
#include "service/notify.hpp"
#include "service/peer.hpp"
#include "service/robot.hpp"
#include "service/status_line.hpp"
#include "service/token_bucket.hpp"
#include "shm/log_page.hpp"

namespace horus::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SourceLogLimit, lets_the_first_lines_pass_and_counts_the_rest) {
  SourceLogLimit limit;
  const TimePoint now{1h};
  for (std::uint32_t i = 0; i < SourceLogLimit::kPerWindow; ++i) {
    EXPECT_TRUE(limit.decide("motor", now).pass);
  }
  EXPECT_FALSE(limit.decide("motor", now).pass);
  EXPECT_FALSE(limit.decide("motor", now + 1s).pass);
  const auto later = limit.decide("motor", now + SourceLogLimit::kWindow);
  EXPECT_TRUE(later.pass);
  EXPECT_EQ(later.suppressed, 2U);
}

TEST(SourceLogLimit, one_source_does_not_silence_another) {
  SourceLogLimit limit;
  for (std::uint32_t i = 0; i < 2 * SourceLogLimit::kPerWindow; ++i)
    limit.decide("motor", TimePoint{1h});
  EXPECT_TRUE(limit.decide("imu", TimePoint{1h}).pass);
}

/// A journal whose lines are kept, in an own base.
class KeptJournalTest : public ::testing::Test {
 protected:
  KeptJournalTest() { journal_.keep(base_, "rover"); }
  ~KeptJournalTest() override { std::filesystem::remove_all(base_); }

  /// The line with that text, from the page that has it.
  std::pair<std::string, shm::LogLine> kept(std::string_view text) {
    for (const TimePoint end = MonotonicClock::now() + 60s; MonotonicClock::now() < end;) {
      for (const shm::LogPage& page : shm::LogPage::open_all(base_)) {
        for (const shm::LogLine& line : page.after(0)) {
          if (line.text.view() == text) return {page.host(), line};
        }
      }
      std::this_thread::yield();
    }
    return {};
  }

  const std::string base_ = "/dev/shm/horus-kept-test-" + std::to_string(::getpid());
  Journal journal_{"test"};
};

TEST_F(KeptJournalTest, a_line_about_a_host_or_node_is_found_by_its_name_and_stays_whole) {
  journal_.say_about("planner", "plan", LogLevel::kWarning, "degraded: [7]: node 'plan'");
  journal_.say_about("planner", "", LogLevel::kError, "failed: host 'planner'");
  const auto [host, line] = kept("degraded: [7]: node 'plan'");
  EXPECT_EQ(host, "rover") << "the other's page is another process's";
  EXPECT_EQ(line.node.view(), "plan");
  EXPECT_EQ(line.in_tick, 0U);
  EXPECT_EQ(kept("failed: host 'planner'").second.node.view(), "planner");
}

TEST_F(KeptJournalTest, a_line_of_a_host_stays_in_its_own_page) {
  journal_.say(LogLevel::kInfo, "plan[12]: on my way", "planner");
  const auto [host, line] = kept("on my way");
  EXPECT_EQ(host, "planner");
  EXPECT_EQ(line.node.view(), "plan");
  EXPECT_EQ(line.tick, 12U);
}

TEST(TokenBucket, gives_the_burst_and_then_the_rate) {
  const TimePoint start{1h};
  TokenBucket bucket{50, 100, start};
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(bucket.take(start));
  EXPECT_FALSE(bucket.take(start));
  EXPECT_TRUE(bucket.take(start + 20ms));
  EXPECT_FALSE(bucket.take(start + 20ms));
  EXPECT_FALSE(bucket.full(start + 1s));
  EXPECT_TRUE(bucket.full(start + 3s));
}

TEST(LineSplitter, gives_whole_lines_and_cuts_those_without_end) {
  LineSplitter splitter;
  EXPECT_THAT(splitter.feed("one\ntw"), ElementsAre("one"));
  EXPECT_THAT(splitter.feed("o\n\n"), ElementsAre("two", ""));
  EXPECT_THAT(splitter.feed("rest"), IsEmpty());
  EXPECT_EQ(splitter.rest(), "rest");
  EXPECT_EQ(splitter.feed(std::string(LineSplitter::kMaxLine + 1, 'x')).size(), 1U);
}

TEST(TellsCrash, only_a_line_of_this_crash_does) {
  const std::string_view end = "crashed: Aborted (signal 6)";
  EXPECT_TRUE(tells_crash("crashed in node 'arm', tick 7: Aborted (signal 6)", end));
  EXPECT_TRUE(tells_crash("crashed outside of any node: Aborted (signal 6)", end));
  EXPECT_TRUE(tells_crash("crashed outside of any node: Aborted (signal 6) at address 0x0", end));
  for (const char* const line :
       {"crashed", "crashed into the wall", "crashed into the wall: Aborted (signal 6)",
        "crashed in node 'arm': Aborted (signal 6)", "crashed outside of any node",
        "crashed outside of any node: Aborted (signal 6), or not",
        "crashed in node 'arm', tick 7: Segmentation fault (signal 11) at address 0x0"}) {
    EXPECT_FALSE(tells_crash(line, end)) << line;
  }
  const std::string_view failed = "its program ended itself as failed (exit code 3)";
  EXPECT_FALSE(tells_crash("crashed in node 'arm', tick 7: Aborted (signal 6)", failed));
}

std::string failure(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Params, whole_numbers_serve_as_floating_point_ones) {
  const Params params{"motor", {{"kp", std::int64_t{2}}}};
  EXPECT_DOUBLE_EQ(params.get("kp", 0.5), 2.0);
  EXPECT_DOUBLE_EQ(params.get("ki", 0.5), 0.5);
}

TEST(Params, a_wrong_one_is_named_with_its_node) {
  const Params params{"motor", {{"kp", std::string{"much"}}, {"poles", std::int64_t{300}}}};
  EXPECT_EQ(failure([&] { params.get<double>("kp"); }),
            "node 'motor': parameter 'kp' must be a number");
  EXPECT_EQ(failure([&] { params.get<std::uint8_t>("poles"); }),
            "node 'motor': parameter 'poles' must be from 0 to 255");
  EXPECT_EQ(failure([&] { params.get<bool>("poles"); }),
            "node 'motor': parameter 'poles' must be true or false");
  EXPECT_EQ(failure([&] { params.get<std::string>("can"); }),
            "node 'motor': parameter 'can' is missing");
}

TEST(Params, knows_which_nobody_asked_for) {
  const Params params{"motor", {{"kp", 1.0}, {"pk", 1.0}}};
  params.get("kp", 0.0);
  EXPECT_EQ(params.unasked(), "pk");
  EXPECT_TRUE(params.has("pk"));
  EXPECT_EQ(params.unasked(), "");
}

TEST(StatusLine, tells_rights_misses_wake_ups_and_pauses) {
  StatusFacts facts;
  const auto node = std::make_unique<NodeStats>();
  node->period_ns.set(1'000'000);
  node->ticks.add(3'600'000);
  node->misses.add(3);
  node->lateness.record(18us);
  facts.python_total = 3;
  facts.python_ready = 2;
  const auto gc = std::make_unique<GcStats>();
  gc->generation[2].longest_ns.set(2'100'000);
  add_nodes(facts, {node.get(), 1});
  add_pauses(facts, *gc);
  EXPECT_EQ(status_line(facts),
            "RT full | 1000 Hz | miss 3/3.6M | wake p99 18us max 18us | py 2/3, gc max 2.1ms");
}

TEST(StatusLine, names_what_was_not_granted_and_the_last_refusal) {
  StatusFacts facts;
  facts.degraded = {"fifo", "memlock"};
  facts.note = "reload rejected: robot.toml:1: x";
  EXPECT_EQ(status_line(facts), "RT DEGRADED(fifo,memlock) | reload rejected: robot.toml:1: x");
  facts.realtime = false;
  EXPECT_THAT(status_line(facts), ::testing::StartsWith("RT off"));
}

TEST(StatusLine, begins_with_the_verdict_and_its_worst_reason) {
  StatusFacts facts;
  facts.verdict.emplace();
  EXPECT_EQ(status_line(facts), "healthy | RT full");
  facts.verdict->health = wire::Health::kDegraded;
  facts.verdict->reasons = {{wire::Health::kDegraded, "rover", "arm", "arm is late", "help it"}};
  EXPECT_EQ(status_line(facts), "degraded: arm is late; help it | RT full");
  facts.verdict->reasons.resize(3);
  EXPECT_EQ(status_line(facts),
            "degraded: arm is late; help it (and 2 more: horusctl status) | RT full");
}

/// What systemd would hear.
class NotifyTest : public ::testing::Test {
 protected:
  NotifyTest() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path_.c_str());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  ~NotifyTest() override {
    ::unsetenv("NOTIFY_SOCKET");
    ::unlink(path_.c_str());
  }
  std::string heard() {
    std::string text(8192, '\0');
    const ssize_t size = ::recv(socket_.get(), text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return text;
  }

  const std::string path_ = ::testing::TempDir() + "horus-notify-" + std::to_string(::getpid());
  UniqueFd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(NotifyTest, a_reason_of_a_few_hundred_characters_is_told_whole) {
  const std::string reason(600, 'x');
  notify::status(reason + "\nend");
  EXPECT_EQ(heard(), "STATUS=" + reason + "?end");
}

TEST_F(NotifyTest, what_is_too_long_is_cut_between_characters_and_says_so) {
  std::string text;
  while (text.size() < 5000) text += "\u00e4";
  for (int i = 0; i < 2; ++i, text.insert(0, "x")) {
    notify::status(text);
    const std::string said = heard();
    EXPECT_LE(said.size(), 2100U);
    EXPECT_TRUE(said.ends_with("\u00e4...")) << said;
  }
}

TEST(StatusPace, is_due_at_once_for_another_reason_and_not_for_another_number) {
  StatusPace pace;
  StatusFacts facts;
  facts.verdict.emplace();
  const TimePoint now{1h};
  EXPECT_TRUE(pace.due(facts, now));
  EXPECT_FALSE(pace.due(facts, now));
  facts.verdict->health = wire::Health::kDegraded;
  facts.verdict->reasons = {{wire::Health::kDegraded, "rover", "arm", "3 misses", ""}};
  EXPECT_TRUE(pace.due(facts, now));
  facts.verdict->reasons[0].text = "4 misses";
  EXPECT_FALSE(pace.due(facts, now));
  facts.verdict->reasons[0].node = "leg";
  EXPECT_TRUE(pace.due(facts, now));
}

TEST(StatusPace, is_due_on_a_change_of_state_and_else_every_five_seconds) {
  StatusPace pace;
  StatusFacts facts;
  const TimePoint now{1h};
  EXPECT_TRUE(pace.due(facts, now));
  facts.misses = 1;
  EXPECT_FALSE(pace.due(facts, now + 1s));
  facts.python_ready = 1;
  EXPECT_TRUE(pace.due(facts, now + 1s));
  EXPECT_FALSE(pace.due(facts, now + 5s));
  EXPECT_TRUE(pace.due(facts, now + 6s));
}

TEST(HangBoard, a_node_that_moves_again_hangs_no_more) {
  HangBoard board;
  board.isolated({.node = NodeName::clipped("arm"), .in = NodeActivity::kTick, .since = 3s});
  EXPECT_EQ(board.hang(), "node 'arm' hangs: it has been in its tick for 3.0 s");
  board.forget_hang();
  EXPECT_FALSE(board.hang());
  board.isolated({.node = NodeName::clipped("arm"), .in = NodeActivity::kSafeState, .since = 3s});
  EXPECT_EQ(board.hang(), "node 'arm' hangs: it has been in its safe_state for 3.0 s");
}

TEST(HangBoard, says_how_long_it_is_when_it_is_asked) {
  HangBoard board;
  board.isolated({.node = NodeName::clipped("arm"), .in = NodeActivity::kTick, .since = 3s});
  EXPECT_EQ(board.hang(MonotonicClock::now() + 1800ms),
            "node 'arm' hangs: it has been in its tick for 4.8 s");
}

TEST(HangBoard, who_is_in_its_tick_is_named_rather_than_who_does_not_get_to_run) {
  const BlockedCall spins{
      .node = NodeName::clipped("spin"), .in = NodeActivity::kTick, .since = 3s};
  const BlockedCall waits{.node = NodeName::clipped("lidar"), .since = 3s};
  for (const bool first : {true, false}) {
    HangBoard board;
    board.isolated(first ? spins : waits);
    board.isolated(first ? waits : spins);
    EXPECT_EQ(board.hang(), "node 'spin' hangs: it has been in its tick for 3.0 s");
  }
}

class InstanceLockTest : public ::testing::Test {
 protected:
  InstanceLockTest() : folder_{::testing::TempDir() + "horus-lock-" + std::to_string(::getpid())} {
    std::filesystem::create_directories(folder_ + "/run");
  }
  ~InstanceLockTest() override { std::filesystem::remove_all(folder_); }

  const std::string folder_;
  const std::string path_ = folder_ + "/run/horusd.lock";
};

TEST_F(InstanceLockTest, a_second_one_is_told_the_owners_process) {
  const auto lock = InstanceLock::take(path_);
  ASSERT_TRUE(lock);
  // flock() binds to the open file, so that a second one in this process is refused as well.
  const auto second = InstanceLock::take(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kBusy);
  EXPECT_EQ(second.error().subject.view(), std::to_string(::getpid()));
}

TEST_F(InstanceLockTest, a_file_without_an_owner_stops_nobody) {
  std::ofstream{path_} << "12345\n";
  EXPECT_TRUE(InstanceLock::take(path_));
}

TEST_F(InstanceLockTest, its_end_removes_the_file) {
  { const auto lock = InstanceLock::take(path_); }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(InstanceLockTest, no_other_user_can_open_it_and_what_he_left_goes) {
  std::ofstream{path_} << "12345\n";
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  struct stat status {};
  {
    const auto lock = InstanceLock::take(path_);
    ASSERT_TRUE(lock);
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
  }
  std::filesystem::create_symlink("/etc/passwd", path_);
  EXPECT_TRUE(InstanceLock::take(path_));
  std::ofstream{path_ + "2"} << "12345\n";
  std::filesystem::create_hard_link(path_ + "2", path_);
  EXPECT_TRUE(InstanceLock::take(path_));
  EXPECT_EQ(std::filesystem::file_size(path_ + "2"), 6U) << "the other name's file is untouched";
}

TEST_F(InstanceLockTest, a_folder_that_others_may_change_is_refused) {
  ASSERT_EQ(::chmod((folder_ + "/run").c_str(), 0775), 0);
  EXPECT_EQ(InstanceLock::take(path_).error().code, Errc::kPermission);
  ASSERT_EQ(::chmod((folder_ + "/run").c_str(), 0755), 0);
  std::filesystem::rename(folder_ + "/run", folder_ + "/real");
  std::filesystem::create_directory_symlink(folder_ + "/real", folder_ + "/run");
  EXPECT_EQ(InstanceLock::take(path_).error().code, Errc::kPermission) << "a link";
  EXPECT_FALSE(listen_at(folder_ + "/run/stats.sock", {}));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/real"));
}

TEST_F(InstanceLockTest, a_socket_has_its_rights_and_its_folder_nothing_else) {
  const std::string path = folder_ + "/run/stats.sock";
  std::ofstream{path} << "in the way";
  const auto listener = listen_at(path, {.group = ::getegid()});
  ASSERT_TRUE(listener);
  struct stat status {};
  ASSERT_EQ(::lstat(path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
  EXPECT_TRUE(is_listening_at(listener.value().get(), path));
  EXPECT_FALSE(is_listening_at(listener.value().get(), folder_ + "/run/control.sock"));
  const std::filesystem::directory_iterator entries{folder_ + "/run"};
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
  const auto own = listen_at(path, {});
  ASSERT_TRUE(own);
  ASSERT_EQ(::lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U) << "of no group";
}

}  // namespace
}  // namespace horus::service
