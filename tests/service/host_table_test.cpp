// SPDX-License-Identifier: Apache-2.0
#include "service/host_table.hpp"

#include <gmock/gmock.h>

#include <gtest/gtest.h>

namespace horus::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = HostEvent::Kind;

HostEntry entry(const std::string& name, RestartPolicy policy = RestartPolicy::kAlways) {
  HostEntry host;
  host.name = name;
  host.restart = policy;
  return host;
}

HostAction spawn(std::size_t host) {
  return {.kind = HostAction::Kind::kSpawn, .host = host};
}
HostAction terminate(std::size_t host) {
  return {.kind = HostAction::Kind::kTerminate, .host = host};
}
HostAction kill(std::size_t host) {
  return {.kind = HostAction::Kind::kKill, .host = host};
}

class HostTableTest : public ::testing::Test {
 protected:
  std::vector<HostAction> step(Kind kind, std::size_t host = 0, const std::string& reason = "",
                               bool success = false) {
    return table.step({.kind = kind, .host = host, .reason = reason, .success = success}, now);
  }
  std::vector<HostAction> after(Nanos time) {
    now += time;
    return step(Kind::kTime);
  }
  const HostTable::Host& first() const { return table.hosts().front(); }
  void beat(std::uint64_t beats) {
    table.step({.kind = Kind::kHeartbeat, .host = 0, .beats = beats}, now);
  }

  HostTable table{{entry("a")}};
  TimePoint now{1h};
};

TEST_F(HostTableTest, the_start_spawns_every_host) {
  table = HostTable{{entry("a"), entry("b")}};
  EXPECT_THAT(step(Kind::kStart), ElementsAre(spawn(0), spawn(1)));
  EXPECT_EQ(table.ready(), 0U);
  EXPECT_FALSE(table.settled(now));
}

TEST_F(HostTableTest, start_up_is_over_when_every_host_is_ready) {
  table = HostTable{{entry("a"), entry("b")}};
  step(Kind::kStart);
  step(Kind::kReady, 0);
  EXPECT_FALSE(table.settled(now));
  step(Kind::kReady, 1);
  EXPECT_TRUE(table.settled(now));
  EXPECT_EQ(table.ready(), 2U);
}

TEST_F(HostTableTest, start_up_is_over_when_a_host_has_failed_once) {
  step(Kind::kStart);
  step(Kind::kFailed, 0, "ImportError: no module");
  step(Kind::kExited, 0, "exit 1");
  EXPECT_TRUE(table.settled(now));
  EXPECT_EQ(first().reason, "ImportError: no module");
}

TEST_F(HostTableTest, start_up_does_not_wait_for_ever_for_a_host_that_says_nothing) {
  step(Kind::kStart);
  now += HostTable::kReadyPatience;
  EXPECT_TRUE(table.settled(now));
}

TEST_F(HostTableTest, a_host_that_is_killed_is_started_again_after_a_tenth_of_a_second) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_EQ(first().state, HostState::kWaiting);
  EXPECT_EQ(first().reason, "signal 9 (Killed)");
  EXPECT_THAT(after(99ms), IsEmpty());
  EXPECT_THAT(after(1ms), ElementsAre(spawn(0)));
  EXPECT_EQ(first().starts, 2U);
}

TEST_F(HostTableTest, each_end_doubles_the_wait_up_to_half_a_minute) {
  step(Kind::kStart);
  Nanos expected = HostTable::kFirstDelay;
  for (int i = 0; i < 12; ++i) {
    step(Kind::kExited, 0, "exit 1");
    EXPECT_EQ(first().delay, expected);
    EXPECT_THAT(after(expected), ElementsAre(spawn(0)));
    expected = std::min<Nanos>(expected * 2, HostTable::kLongestDelay);
  }
  EXPECT_EQ(first().delay, HostTable::kLongestDelay);
}

TEST_F(HostTableTest, every_healthy_minute_halves_the_next_wait) {
  step(Kind::kStart);
  for (int i = 0; i < 4; ++i) {
    step(Kind::kExited, 0, "exit 1");
    after(first().delay);
  }
  EXPECT_EQ(first().delay, 800ms);
  step(Kind::kReady);
  now += 2 * HostTable::kHealthy;
  step(Kind::kExited, 0, "exit 1");
  EXPECT_EQ(first().delay, 400ms);
}

TEST_F(HostTableTest, after_a_long_healthy_time_the_wait_is_the_first_again) {
  step(Kind::kStart);
  step(Kind::kExited, 0, "exit 1");
  after(first().delay);
  step(Kind::kReady);
  now += 24h;
  step(Kind::kExited, 0, "exit 1");
  EXPECT_EQ(first().delay, HostTable::kFirstDelay);
}

TEST_F(HostTableTest, on_failure_does_not_start_a_host_again_that_ended_well) {
  table = HostTable{{entry("a", RestartPolicy::kOnFailure)}};
  step(Kind::kStart);
  step(Kind::kExited, 0, "exit 0", /*success=*/true);
  EXPECT_EQ(first().state, HostState::kEnded);
  EXPECT_THAT(after(1h), IsEmpty());
}

TEST_F(HostTableTest, on_failure_starts_a_host_again_that_failed) {
  table = HostTable{{entry("a", RestartPolicy::kOnFailure)}};
  step(Kind::kStart);
  step(Kind::kExited, 0, "exit 1");
  EXPECT_THAT(after(HostTable::kFirstDelay), ElementsAre(spawn(0)));
}

TEST_F(HostTableTest, never_means_never) {
  table = HostTable{{entry("a", RestartPolicy::kNever)}};
  step(Kind::kStart);
  step(Kind::kExited, 0, "signal 11 (Segmentation fault)");
  EXPECT_EQ(first().state, HostState::kEnded);
  EXPECT_TRUE(table.settled(now));
}

TEST_F(HostTableTest, a_stop_terminates_and_does_not_start_again) {
  step(Kind::kStart);
  step(Kind::kReady);
  EXPECT_THAT(step(Kind::kStop), ElementsAre(terminate(0)));
  EXPECT_FALSE(table.finished());
  step(Kind::kExited, 0, "exit 0", /*success=*/true);
  EXPECT_TRUE(table.finished());
  EXPECT_THAT(after(1h), IsEmpty());
}

TEST_F(HostTableTest, a_host_that_ignores_the_stop_is_killed_once_and_the_others_are_not) {
  table = HostTable{{entry("deaf"), entry("b")}};
  step(Kind::kStart);
  EXPECT_THAT(step(Kind::kStop), ElementsAre(terminate(0), terminate(1)));
  step(Kind::kExited, 1, "exit 0", /*success=*/true);
  EXPECT_THAT(after(HostTable::kGrace - 1ns), IsEmpty());
  EXPECT_THAT(after(1ns), ElementsAre(kill(0)));
  EXPECT_THAT(after(1s), IsEmpty());
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_TRUE(table.finished());
  EXPECT_EQ(first().reason, "ignored SIGTERM, killed");
}

TEST_F(HostTableTest, a_stop_during_the_wait_for_a_restart_is_the_end) {
  step(Kind::kStart);
  step(Kind::kExited, 0, "exit 1");
  EXPECT_THAT(step(Kind::kStop), IsEmpty());
  EXPECT_TRUE(table.finished());
}

TEST_F(HostTableTest, a_host_whose_heartbeat_stands_still_is_killed_and_started_again) {
  step(Kind::kStart);
  step(Kind::kReady);
  beat(7);
  EXPECT_THAT(after(HostTable::kHang - 1ns), IsEmpty());
  beat(7);
  EXPECT_THAT(after(1ns), ElementsAre(kill(0)));
  EXPECT_THAT(after(1s), IsEmpty());
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_EQ(first().reason, "its heartbeat stood still");
  EXPECT_THAT(after(HostTable::kFirstDelay), ElementsAre(spawn(0)));
}

TEST_F(HostTableTest, a_heartbeat_that_moves_again_in_time_saves_the_host) {
  step(Kind::kStart);
  step(Kind::kReady);
  now += HostTable::kHang - 1ns;
  beat(8);
  EXPECT_THAT(after(HostTable::kHang - 1ns), IsEmpty());
}

TEST_F(HostTableTest, a_ready_that_comes_after_the_end_changes_nothing) {
  step(Kind::kStart);
  step(Kind::kExited, 0, "exit 1");
  step(Kind::kReady);
  EXPECT_EQ(first().state, HostState::kWaiting);
}

}  // namespace
}  // namespace horus::service
