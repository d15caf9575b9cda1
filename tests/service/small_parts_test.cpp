// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>

#include "service/host_process.hpp"
#include "service/instance_lock.hpp"
#include "service/log_limit.hpp"
#include "service/params.hpp"
#include "service/status_line.hpp"
#include "service/token_bucket.hpp"

namespace horus::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LogLimit, lets_the_first_lines_pass_and_counts_the_rest) {
  LogLimit limit;
  const TimePoint now{1h};
  for (std::uint32_t i = 0; i < LogLimit::kPerWindow; ++i) {
    EXPECT_TRUE(limit.decide("motor", now).pass);
  }
  EXPECT_FALSE(limit.decide("motor", now).pass);
  EXPECT_FALSE(limit.decide("motor", now + 1s).pass);
  const auto later = limit.decide("motor", now + LogLimit::kWindow);
  EXPECT_TRUE(later.pass);
  EXPECT_EQ(later.suppressed, 2U);
}

TEST(LogLimit, one_source_does_not_silence_another) {
  LogLimit limit;
  for (std::uint32_t i = 0; i < 2 * LogLimit::kPerWindow; ++i) limit.decide("motor", TimePoint{1h});
  EXPECT_TRUE(limit.decide("imu", TimePoint{1h}).pass);
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

class InstanceLockTest : public ::testing::Test {
 protected:
  InstanceLockTest() : folder_{::testing::TempDir() + "horus-lock-" + std::to_string(::getpid())} {
    EXPECT_TRUE(make_folders(folder_ + "/run"));
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

}  // namespace
}  // namespace horus::service
