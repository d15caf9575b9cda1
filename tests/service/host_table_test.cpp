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
HostAction abort(std::size_t host) {
  return {.kind = HostAction::Kind::kAbort, .host = host};
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
  void ends_by_sigterm() {
    table.step({.kind = Kind::kExited, .host = 0, .reason = "signal 15", .terminated = true}, now);
  }
  std::vector<HostAction> after(Nanos time) {
    now += time;
    return step(Kind::kTime);
  }
  void start_within(Nanos time) {
    HostEntry given = entry("a");
    given.start_timeout = time;
    table = HostTable{{given}};
    step(Kind::kStart);
  }
  /// As after(), in the supervisor's rounds; what the last one asks for.
  std::vector<HostAction> silence(Nanos time) {
    std::vector<HostAction> actions = step(Kind::kTime);
    for (Nanos passed{}; passed < time; passed += 100ms) actions = after(100ms);
    return actions;
  }
  static constexpr Nanos kSilence = HostTable::kWatchdog + HostTable::kHangTimeout;
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

TEST_F(HostTableTest, of_a_host_that_starts_again_both_its_start_and_its_end_are_told) {
  step(Kind::kStart);
  EXPECT_EQ(first().why(), "");
  step(Kind::kStage, 0, "importing module 'map'");
  EXPECT_EQ(first().why(), "importing module 'map'");
  step(Kind::kFailed, 0, "ImportError: no module");
  EXPECT_EQ(first().why(), "ImportError: no module") << "it will not come";
  step(Kind::kExited, 0, "exit 1");
  EXPECT_EQ(first().why(), "ImportError: no module");
  after(HostTable::kFirstDelay);
  EXPECT_EQ(first().why(), "it ended before: ImportError: no module");
  step(Kind::kStage, 0, "importing module 'map'");
  EXPECT_EQ(first().why(), "it ended before: ImportError: no module; now importing module 'map'");
  step(Kind::kReady);
  EXPECT_EQ(first().why(), "ImportError: no module") << "how it ended last";
}

TEST_F(HostTableTest, start_up_does_not_wait_for_another_start_of_a_host_that_has_failed) {
  step(Kind::kStart);
  step(Kind::kExited, 0, "exit 1");
  EXPECT_THAT(after(HostTable::kFirstDelay), ElementsAre(spawn(0)));
  EXPECT_TRUE(table.settled(now));
}

TEST_F(HostTableTest, minutes_of_a_start_are_no_minutes_of_health) {
  step(Kind::kStart);
  step(Kind::kExited, 0, "exit 1");
  EXPECT_THAT(after(HostTable::kFirstDelay), ElementsAre(spawn(0)));
  silence(10min);
  step(Kind::kExited, 0, "exit 1");
  EXPECT_THAT(silence(2 * HostTable::kFirstDelay - 100ms), IsEmpty());
  EXPECT_THAT(silence(100ms), ElementsAre(spawn(0)));
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
    expected = std::min<Nanos>(expected * 2, 30s);
  }
  EXPECT_EQ(first().delay, 30s);
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
  step(Kind::kReady);
  step(Kind::kExited, 0, "exit 0", /*success=*/true);
  EXPECT_EQ(first().state, HostState::kEnded);
  EXPECT_THAT(after(1h), IsEmpty());
}

TEST_F(HostTableTest, an_end_before_it_was_ready_in_this_life_is_a_failure) {
  table = HostTable{{entry("a", RestartPolicy::kOnFailure)}};
  step(Kind::kStart);
  for (const char* life : {"first", "second", "third"}) {
    if (std::string_view{life} == "third") step(Kind::kReady);
    step(Kind::kExited, 0, "it ended (exit code 0)", /*success=*/true);
    if (std::string_view{life} == "third") break;
    EXPECT_TRUE(first().ended_badly) << life;
    EXPECT_EQ(first().reason, "it ended before it was ready (exit code 0)") << life;
    EXPECT_THAT(after(first().delay), ElementsAre(spawn(0))) << life;
  }
  EXPECT_FALSE(first().ended_badly);
  EXPECT_EQ(first().state, HostState::kEnded);
  EXPECT_EQ(first().reason, "it ended (exit code 0)");
}

TEST_F(HostTableTest, that_a_host_was_ready_counts_for_that_life) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kExited, 0, "signal 9 (Killed)");
  after(first().delay);
  step(Kind::kExited, 0, "it ended (exit code 0)", /*success=*/true);
  EXPECT_TRUE(first().ended_badly);
}

TEST_F(HostTableTest, what_a_host_said_of_its_end_stays_where_it_was_not_ready) {
  step(Kind::kStart);
  step(Kind::kFailed, 0, "why");
  step(Kind::kExited, 0, "it ended (exit code 0)", /*success=*/true);
  EXPECT_EQ(first().reason, "why");
}

TEST_F(HostTableTest, a_program_and_what_it_starts_may_end_before_they_are_ready) {
  HostEntry program = entry("a", RestartPolicy::kOnFailure);
  HostEntry spawned = program;
  program.script = true;
  spawned.shares_stdout = true;
  for (const HostEntry& one : {program, spawned}) {
    table = HostTable{{one}};
    step(Kind::kStart);
    step(Kind::kExited, 0, "it ended (exit code 0)", /*success=*/true);
    EXPECT_EQ(first().state, HostState::kEnded);
    EXPECT_FALSE(first().ended_badly);
    EXPECT_EQ(first().reason, "it ended (exit code 0)");
  }
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
  EXPECT_THAT(after(HostTable::kStopTimeout + HostTable::kGrace - 1ns), IsEmpty());
  EXPECT_THAT(after(1ns), ElementsAre(kill(0)));
  EXPECT_THAT(after(1s), IsEmpty());
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_TRUE(table.finished());
  EXPECT_TRUE(first().failed);
  EXPECT_FALSE(first().was_down);
  EXPECT_EQ(first().reason, "ignored SIGTERM, killed");
}

TEST_F(HostTableTest, a_stop_during_the_wait_for_a_restart_is_the_end) {
  step(Kind::kStart);
  step(Kind::kExited, 0, "exit 1");
  EXPECT_THAT(step(Kind::kStop), IsEmpty());
  EXPECT_TRUE(table.finished());
}

TEST_F(HostTableTest, a_host_whose_heartbeat_stands_still_is_aborted_killed_and_started_again) {
  step(Kind::kStart);
  step(Kind::kReady);
  beat(7);
  silence(kSilence - 100ms);
  beat(7);
  EXPECT_THAT(silence(100ms), ElementsAre(abort(0))) << "its fault handler writes the stacks";
  EXPECT_THAT(silence(HostTable::kLastWords - 100ms), IsEmpty());
  EXPECT_THAT(silence(100ms), ElementsAre(kill(0)));
  EXPECT_THAT(silence(1s), IsEmpty());
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_EQ(first().reason, "hang: its process does not move any more");
  EXPECT_THAT(after(HostTable::kFirstDelay), ElementsAre(spawn(0)));
}

TEST_F(HostTableTest, a_second_life_is_watched_as_the_first_was) {
  step(Kind::kStart);
  for (int life = 0; life < 2; ++life) {
    step(Kind::kReady);
    EXPECT_THAT(silence(kSilence), ElementsAre(abort(0)));
    EXPECT_THAT(silence(HostTable::kLastWords), ElementsAre(kill(0)));
    step(Kind::kExited, 0, "signal 9 (Killed)");
    EXPECT_THAT(after(30s), ElementsAre(spawn(0)));
  }
  step(Kind::kExited, 0, "exit code 3");
  EXPECT_EQ(first().reason, "exit code 3") << "not that of the lives before";
}

TEST_F(HostTableTest, a_heart_that_counts_from_anew_beats) {
  step(Kind::kStart);
  step(Kind::kReady);
  beat(7);
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_THAT(after(HostTable::kFirstDelay), ElementsAre(spawn(0)));
  step(Kind::kReady);
  EXPECT_THAT(silence(kSilence - 100ms), IsEmpty());
  beat(1);
  EXPECT_THAT(silence(100ms), IsEmpty());
}

TEST_F(HostTableTest, a_heartbeat_that_moves_again_in_time_saves_the_host) {
  step(Kind::kStart);
  step(Kind::kReady);
  EXPECT_THAT(silence(kSilence - 100ms), IsEmpty());
  beat(8);
  EXPECT_THAT(silence(100ms), IsEmpty());
}

TEST_F(HostTableTest, the_hosts_own_times_decide_what_silence_is_a_hang) {
  HostEntry given = entry("a");
  given.watchdog = 500ms;
  given.hang_timeout = 3s;
  table = HostTable{{given}};
  step(Kind::kStart);
  step(Kind::kReady);
  EXPECT_THAT(silence(3400ms), IsEmpty());
  EXPECT_THAT(silence(100ms), ElementsAre(abort(0)));
}

TEST_F(HostTableTest, a_heartbeat_is_given_three_seconds_at_least) {
  HostEntry given = entry("a");
  given.watchdog = given.hang_timeout = 10ms;
  table = HostTable{{given}};
  step(Kind::kStart);
  step(Kind::kReady);
  EXPECT_THAT(silence(HostTable::kLeastSilence - 100ms), IsEmpty());
  EXPECT_THAT(silence(100ms), ElementsAre(abort(0)));
}

TEST_F(HostTableTest, a_standstill_of_the_supervisor_is_no_hosts) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kTime);
  EXPECT_THAT(after(1h), IsEmpty()) << "the whole machine stood still";
  EXPECT_THAT(silence(kSilence - 200ms), IsEmpty());
  EXPECT_THAT(silence(200ms), ElementsAre(abort(0)));
}

TEST_F(HostTableTest, a_host_that_says_that_it_hangs_is_killed_once_it_has_told_its_stacks) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kHang, 0, "node 'a' has been in its tick for 11000 ms");
  EXPECT_THAT(silence(HostTable::kLastWords - 100ms), IsEmpty());
  step(Kind::kHangTold);
  EXPECT_THAT(silence(0ms), ElementsAre(kill(0)));
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_EQ(first().reason, "hang: node 'a' has been in its tick for 11000 ms");
  EXPECT_THAT(after(HostTable::kFirstDelay), ElementsAre(spawn(0)));
  step(Kind::kReady);
  EXPECT_THAT(silence(5s), IsEmpty()) << "its next life is another one";
}

TEST_F(HostTableTest, a_host_that_cannot_tell_its_stacks_is_killed_all_the_same) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kHang, 0, "why");
  EXPECT_THAT(silence(HostTable::kLastWords), ElementsAre(kill(0)));
}

TEST_F(HostTableTest, the_first_reason_of_a_life_stays) {
  step(Kind::kStart);
  step(Kind::kHang, 0, "why");
  step(Kind::kFailed, 0, "something else");
  step(Kind::kHang, 0, "something else");
  EXPECT_EQ(first().reason, "hang: why");
}

TEST_F(HostTableTest, a_start_may_take_for_ever) {
  step(Kind::kStart);
  EXPECT_THAT(silence(10min), IsEmpty());
}

TEST_F(HostTableTest, a_start_that_takes_longer_than_its_timeout_is_a_hang) {
  start_within(5s);
  step(Kind::kStage, 0, "importing slow.py");
  EXPECT_THAT(silence(5s - 100ms), IsEmpty());
  EXPECT_THAT(silence(100ms), ElementsAre(abort(0)));
  step(Kind::kExited, 0, "signal 6 (Aborted)");
  EXPECT_EQ(first().reason, "hang: not ready in time, still importing slow.py");
}

TEST_F(HostTableTest, a_standstill_of_the_supervisor_is_no_part_of_a_start) {
  start_within(5s);
  step(Kind::kTime);
  EXPECT_THAT(after(1h), IsEmpty());
  EXPECT_THAT(silence(5s - 100ms), IsEmpty());
  EXPECT_THAT(silence(100ms), ElementsAre(abort(0)));
}

TEST_F(HostTableTest, the_time_in_a_debugger_is_no_part_of_a_start) {
  start_within(5s);
  EXPECT_THAT(silence(2s), IsEmpty());
  step(Kind::kHeld);
  for (Nanos held{}; held < 1min; held += 100ms) {
    // Whoever sees it as well adds nothing.
    EXPECT_THAT(after(100ms), IsEmpty());
    step(Kind::kHeld);
    step(Kind::kHeld);
  }
  EXPECT_THAT(silence(3s - 100ms), IsEmpty());
  EXPECT_THAT(silence(100ms), ElementsAre(abort(0)));
}

TEST_F(HostTableTest, the_time_between_two_debuggers_is_part_of_a_start) {
  start_within(5s);
  step(Kind::kHeld);
  EXPECT_THAT(silence(3s), IsEmpty());
  step(Kind::kHeld);
  EXPECT_THAT(silence(2s - 100ms), IsEmpty());
  EXPECT_THAT(silence(100ms), ElementsAre(abort(0)));
}

TEST_F(HostTableTest, a_stop_without_a_timeout_waits_for_ever_unless_somebody_is_in_a_hurry) {
  table = HostTable{{entry("a")}, 0s};
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kStop);
  EXPECT_THAT(silence(10min), IsEmpty());
  EXPECT_THAT(step(Kind::kHurry), ElementsAre(kill(0)));
  EXPECT_THAT(step(Kind::kHurry), IsEmpty());
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_EQ(first().reason, "killed: the stop was not to wait");
}

TEST_F(HostTableTest, why_a_host_hangs_is_told_although_it_had_to_be_killed_in_the_stop) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kStop);
  step(Kind::kHang, 0, "node 'n' has been in its tick for 2 s");
  EXPECT_THAT(step(Kind::kHurry), ElementsAre(kill(0)));
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_EQ(first().reason, "hang: node 'n' has been in its tick for 2 s");
}

TEST_F(HostTableTest, a_kill_in_a_stop_is_of_a_hang_only_where_the_host_hangs) {
  for (const bool hangs : {true, false}) {
    table = HostTable{{entry("a")}};
    step(Kind::kStart);
    step(Kind::kReady);
    step(Kind::kStop);
    if (hangs) step(Kind::kHang, 0, "why");
    const Nanos patience = HostTable::kStopTimeout + HostTable::kGrace;
    EXPECT_THAT(silence(hangs ? HostTable::kLastWords : patience), ElementsAre(kill(0)));
    EXPECT_EQ(first().hangs(), hangs);
  }
}

TEST_F(HostTableTest, who_starts_again_and_is_ended_by_the_stops_signal_has_not_failed) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kExited, 0, "signal 9 (Killed)");
  after(HostTable::kFirstDelay);
  step(Kind::kStop);
  ends_by_sigterm();
  EXPECT_FALSE(table.failed());
}

TEST_F(HostTableTest, who_starts_again_and_crashes_in_the_stop_has_failed) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kExited, 0, "signal 9 (Killed)");
  after(HostTable::kFirstDelay);
  step(Kind::kStop);
  step(Kind::kExited, 0, "crashed");
  EXPECT_TRUE(table.failed());
  EXPECT_EQ(first().reason, "crashed");
}

TEST_F(HostTableTest, who_starts_for_the_first_time_and_is_ended_by_the_stop_was_not_ready) {
  step(Kind::kStart);
  step(Kind::kStop);
  ends_by_sigterm();
  EXPECT_TRUE(table.failed());
  EXPECT_EQ(first().reason, "was not ready yet");
}

TEST_F(HostTableTest, who_is_ready_and_does_not_handle_the_signal_has_failed) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kStop);
  ends_by_sigterm();
  EXPECT_TRUE(table.failed());
}

TEST_F(HostTableTest, a_signal_that_is_not_the_stops_is_a_failure) {
  step(Kind::kStart);
  ends_by_sigterm();
  EXPECT_TRUE(first().ended_badly);
  EXPECT_EQ(first().reason, "signal 15");
}

TEST_F(HostTableTest, who_was_up_and_ended_well_has_not_failed) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kStop);
  step(Kind::kExited, 0, "exit 0", /*success=*/true);
  EXPECT_FALSE(table.failed());
}

TEST_F(HostTableTest, who_crashed_once_and_is_up_again_has_not_failed) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kExited, 0, "signal 9 (Killed)");
  after(HostTable::kFirstDelay);
  step(Kind::kReady);
  step(Kind::kStop);
  step(Kind::kExited, 0, "exit 0", /*success=*/true);
  EXPECT_FALSE(table.failed());
}

TEST_F(HostTableTest, a_program_that_ends_well_before_it_was_ready_has_not_failed) {
  HostEntry program = entry("a");
  program.script = true;
  for (const bool success : {true, false}) {
    table = HostTable{{program}};
    step(Kind::kStart);
    step(Kind::kStop);
    step(Kind::kExited, 0, "exit", success);
    EXPECT_EQ(table.failed(), !success);
  }
}

TEST_F(HostTableTest, who_never_was_ready_has_failed) {
  step(Kind::kStart);
  step(Kind::kStage, 0, "importing slow.py");
  step(Kind::kStop);
  step(Kind::kExited, 0, "exit 0", /*success=*/true);
  EXPECT_TRUE(table.failed());
  EXPECT_EQ(first().reason, "was not ready yet, still importing slow.py");
}

TEST_F(HostTableTest, who_tells_that_it_was_ready_after_the_stop_has_not_failed) {
  step(Kind::kStart);
  step(Kind::kStop);
  EXPECT_THAT(step(Kind::kReady), IsEmpty());
  EXPECT_EQ(first().state, HostState::kStopping);
  step(Kind::kExited, 0, "exit 0", /*success=*/true);
  EXPECT_FALSE(table.failed());
  EXPECT_EQ(first().reason, "exit 0");
}

TEST_F(HostTableTest, who_is_down_when_all_stop_has_failed) {
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kExited, 0, "signal 9 (Killed)");
  step(Kind::kStop);
  EXPECT_TRUE(table.failed());
  EXPECT_TRUE(first().was_down);
}

TEST_F(HostTableTest, who_was_killed_and_is_not_restarted_has_failed) {
  table = HostTable{{entry("a", RestartPolicy::kNever)}};
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kExited, 0, "signal 9 (Killed)");
  EXPECT_TRUE(table.failed());
}

TEST_F(HostTableTest, who_was_done_has_not_failed) {
  table = HostTable{{entry("a", RestartPolicy::kOnFailure)}};
  step(Kind::kStart);
  step(Kind::kReady);
  step(Kind::kExited, 0, "exit 0", /*success=*/true);
  step(Kind::kStop);
  EXPECT_FALSE(table.failed());
}

TEST_F(HostTableTest, a_ready_that_comes_after_the_end_changes_nothing) {
  step(Kind::kStart);
  step(Kind::kExited, 0, "exit 1");
  step(Kind::kReady);
  EXPECT_EQ(first().state, HostState::kWaiting);
}

}  // namespace
}  // namespace horus::service
