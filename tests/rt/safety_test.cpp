// SPDX-License-Identifier: Apache-2.0
#include "rt/safety.hpp"

#include <atomic>
#include <compare>
#include <fstream>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/model.hpp"

namespace horus {
namespace {

using test::Model;

std::vector<SafetyState> all_states() {
  std::vector<SafetyState> states;
  for (std::size_t i = 0; i < kSafetyStates; ++i) states.push_back(static_cast<SafetyState>(i));
  return states;
}

std::vector<SafetyEvent> all_events() {
  std::vector<SafetyEvent> events;
  for (std::size_t i = 0; i < kSafetyEvents; ++i) events.push_back(static_cast<SafetyEvent>(i));
  return events;
}

/// The table of SAFETY.md, as the code has it.
std::string table() {
  std::ostringstream text;
  text << "| state |";
  for (const SafetyEvent event : all_events()) text << " " << to_text(event) << " |";
  text << "\n|---|";
  for (std::size_t i = 0; i < kSafetyEvents; ++i) text << "---|";
  text << "\n";
  for (const SafetyState state : all_states()) {
    text << "| " << to_text(state) << " |";
    for (const SafetyEvent event : all_events()) {
      const SafetyState next = after(state, event);
      text << " " << (next == state ? "" : to_text(next)) << " |";
    }
    text << "\n";
  }
  return text.str();
}

TEST(SafetyTable, is_the_one_that_the_documentation_shows) {
  std::ifstream file{SAFETY_PAGE};
  ASSERT_TRUE(file) << SAFETY_PAGE;
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_NE(page.str().find(table()), std::string::npos) << "write there:\n" << table();
}

TEST(SafetyTable, leaves_a_latched_state_by_a_release_or_the_end_only) {
  for (const SafetyState state : all_states()) {
    if (!is_latched(state)) continue;
    for (const SafetyEvent event : all_events()) {
      const bool opens = event == SafetyEvent::kRelease || event == SafetyEvent::kEnd;
      const SafetyState next = after(state, event);
      EXPECT_EQ(is_latched(next), !opens) << to_text(state) << ", " << to_text(event);
      EXPECT_FALSE(may_act(next)) << to_text(state) << ", " << to_text(event);
    }
  }
}

TEST(SafetyTable, lets_act_by_arm_only) {
  for (const SafetyState state : all_states()) {
    if (may_act(state)) continue;
    for (const SafetyEvent event : all_events()) {
      const bool armed = state == SafetyState::kDisarmed && event == SafetyEvent::kArm;
      EXPECT_EQ(may_act(after(state, event)), armed) << to_text(state) << ", " << to_text(event);
    }
  }
}

TEST(SafetyTable, stops_whatever_has_not_ended) {
  for (const SafetyState state : all_states()) {
    const SafetyState wanted =
        state == SafetyState::kStopped ? SafetyState::kStopped : SafetyState::kEstopped;
    EXPECT_EQ(after(state, SafetyEvent::kStop), wanted) << to_text(state);
    EXPECT_EQ(after(state, SafetyEvent::kEnd), SafetyState::kStopped) << to_text(state);
  }
}

/// Two nodes, the run's word, and all who act on them; each step is one atomic access.
struct RunModel {
  struct Node {
    SafetyState state = SafetyState::kDisarmed;
    bool shut = true;
    int followed = 0;      // The episode.
    bool entered = false;  // Its safe state, in this episode.
    int seen = 0;          // The episode that the armer has seen.
    int arming = 0;        // Where the armer is: 0 not begun, 1 to step, 2 to open, 3 to look.
    friend auto operator<=>(const Node&, const Node&) = default;
  };
  Node node{};
  int episode = 0;  // Odd: at rest.
  int requests = 0;
  int stops_left = 3;
  int releases_left = 3;
  int arms_left = 3;
  int stopping = 0;   // 1: has asked, and is to shut the outputs.
  int releasing = 0;  // 1: has looked; 2: nodes are held; 3: the word is released.
  int seen_episode = 0;
  int seen_requests = 0;
  bool armed_since = false;  // Somebody armed it since the last stop that was told.
  std::string fault;
  friend auto operator<=>(const RunModel&, const RunModel&) = default;
};

/// What a wrong variant leaves out.
struct Variant {
  bool armer_looks_again = true;
  bool whole_rest = true;  // The armer sees a rest that has begun and ended.
  bool release_compares = true;
  bool stop_shuts = true;
  bool follow_steps = true;
  bool release_disarms = true;
};

bool stop_step(RunModel& s, const Variant& v) {
  if (s.stopping == 1) {
    s.stopping = 0;
    if (v.stop_shuts) s.node.shut = true;
    return true;
  }
  if (s.stops_left == 0) return false;
  --s.stops_left;
  ++s.requests;
  if (s.episode % 2 == 0) ++s.episode;
  s.armed_since = false;
  s.stopping = 1;
  return true;
}

bool arm_step(RunModel& s, const Variant& v) {
  RunModel::Node& node = s.node;
  switch (node.arming) {
    case 0:
      if (s.arms_left == 0) return false;
      --s.arms_left;
      node.seen = s.episode;
      if (s.episode % 2 == 0) node.arming = 1;
      return true;
    case 1:
      node.state = after(node.state, SafetyEvent::kArm);
      node.arming = may_act(node.state) ? 2 : 0;
      if (node.arming == 2 && s.episode == node.seen) s.armed_since = true;
      return true;
    case 2:
      node.shut = false;
      node.arming = 3;
      return true;
    default:
      node.arming = 0;
      if (v.armer_looks_again && (s.episode != node.seen && (v.whole_rest || s.episode % 2 == 1))) {
        node.shut = true;
        node.state = after(node.state, SafetyEvent::kDisarm);
      }
      return true;
  }
}

bool release_step(RunModel& s, const Variant& v) {
  switch (s.releasing) {
    case 0:
      if (s.releases_left == 0 || s.episode % 2 == 0) return false;
      --s.releases_left;
      s.seen_episode = s.episode;
      s.seen_requests = s.requests;
      s.releasing = 1;
      return true;
    case 1:
      if (v.release_disarms) s.node.state = after(s.node.state, SafetyEvent::kStop);
      s.releasing = 2;
      return true;
    case 2: {
      const bool same = s.seen_episode == s.episode && s.seen_requests == s.requests;
      if (v.release_compares && !same) {
        s.releasing = 0;
        return true;
      }
      if (!same) s.fault = "a release took back a stop that it had not seen";
      if (s.episode % 2 == 1) ++s.episode;
      s.releasing = 3;
      return true;
    }
    default:
      s.node.state = after(s.node.state, SafetyEvent::kRelease);
      s.releasing = 0;
      return true;
  }
}

/// The node's own thread: follows, then ticks.
bool tick_step(RunModel& s, const Variant& v) {
  RunModel::Node& node = s.node;
  if (node.followed != s.episode) {
    node.followed = s.episode;
    if (v.follow_steps) {
      node.state =
          after(node.state, s.episode % 2 == 1 ? SafetyEvent::kStop : SafetyEvent::kRelease);
    }
    node.entered = s.episode % 2 == 1;
    return true;
  }
  if (s.episode % 2 == 1 && !node.entered) s.fault = "a rest went by a node that does not hang";
  // Told: nobody is in the middle of a stop or of an arming.
  const bool told = s.stopping == 0 && node.arming == 0;
  if (told && s.episode % 2 == 1 && !node.shut) s.fault = "its outputs are open at rest";
  if (told && s.episode % 2 == 1 && may_act(node.state)) s.fault = "it ticks as armed at rest";
  if (told && !s.armed_since && !node.shut) s.fault = "it acts, and nobody has armed it since";
  if (told && !s.armed_since && may_act(node.state)) {
    s.fault = "it is told that it is armed, and nobody has armed it since";
  }
  return false;
}

std::string walk(const Variant& variant, std::size_t* seen = nullptr) {
  Model<RunModel> model;
  model.actors = {[&](RunModel& s) { return stop_step(s, variant); },
                  [&](RunModel& s) { return arm_step(s, variant); },
                  [&](RunModel& s) { return release_step(s, variant); },
                  [&](RunModel& s) {
                    const bool moved = tick_step(s, variant);
                    return moved || !s.fault.empty();
                  }};
  const std::string broken = model.broken({});
  if (seen != nullptr) *seen = model.seen.size();
  return broken;
}

TEST(SafetyModel, arms_nobody_after_a_stop_in_any_order_of_events) {
  std::size_t states = 0;
  EXPECT_EQ(walk({}, &states), "");
  EXPECT_GT(states, 20'000U) << "as many as three stops, releases and armings make";
  RecordProperty("states", static_cast<int>(states));
}

TEST(SafetyModel, refuses_each_wrong_variant) {
  EXPECT_NE(walk({.armer_looks_again = false}), "");
  EXPECT_NE(walk({.whole_rest = false}), "");
  EXPECT_NE(walk({.release_compares = false}), "");
  EXPECT_NE(walk({.stop_shuts = false}), "");
  EXPECT_NE(walk({.follow_steps = false}), "");
  EXPECT_NE(walk({.release_disarms = false}), "");
}

TEST(Safety, holds_a_rest_until_it_is_released) {
  Safety safety;
  EXPECT_FALSE(safety.obey());
  EXPECT_FALSE(safety.note());
  safety.request_safe_state(StopCause::kMisses, "late", "arm");
  ASSERT_TRUE(safety.look().resting());
  EXPECT_FALSE(safety.look().stopped());
  const auto note = safety.note();
  ASSERT_TRUE(note);
  EXPECT_EQ(note->cause, StopCause::kMisses);
  EXPECT_EQ(note->node, "arm");
  EXPECT_EQ(note->text, "late");
  EXPECT_EQ(safety.episode(), 1U);
  safety.request_safe_state(StopCause::kHang, "later");
  EXPECT_EQ(safety.episode(), 1U) << "the same rest";
  EXPECT_EQ(safety.note()->text, "late") << "the first reason stays";
  EXPECT_TRUE(safety.release(safety.look()));
  EXPECT_FALSE(safety.obey());
  EXPECT_EQ(safety.episode(), 2U);
}

TEST(Safety, tells_an_emergency_stop_in_the_place_of_the_fault_before_it) {
  Safety safety;
  safety.request_safe_state(StopCause::kMisses, "late");
  safety.request_stop(StopCause::kCall, "fire");
  EXPECT_TRUE(safety.look().stopped());
  EXPECT_EQ(safety.episode(), 1U) << "one rest";
  EXPECT_EQ(safety.note()->text, "fire");
  safety.request_safe_state(StopCause::kMisses, "late again");
  EXPECT_EQ(safety.note()->text, "fire");
}

TEST(Safety, releases_nothing_that_was_asked_for_since) {
  Safety safety;
  safety.request_stop(StopCause::kCall, "one");
  const Safety::View seen = safety.look();
  safety.request_stop(StopCause::kCall, "two");
  EXPECT_FALSE(safety.release(seen));
  EXPECT_TRUE(safety.look().stopped());
  EXPECT_TRUE(safety.release(safety.look()));
}

TEST(Safety, tells_others_of_its_stops_and_obeys_theirs) {
  StopWord mine;
  StopWord theirs;
  StopWords others;
  const int row = others.add(theirs, theirs.stops.load());
  ASSERT_GE(row, 0);
  Safety safety;
  safety.use({.own = &mine, .others = &others});
  EXPECT_FALSE(safety.obey());
  theirs.stops.fetch_add(1);
  EXPECT_TRUE(safety.obey());
  EXPECT_TRUE(safety.look().stopped());
  EXPECT_EQ(safety.note()->cause, StopCause::kPeer);
  EXPECT_EQ(mine.stops.load(), 0U) << "who obeys asks nobody to obey him";
  EXPECT_TRUE(safety.release(safety.look()));
  EXPECT_TRUE(safety.obey()) << "the other one stops yet";
  others.release(row, 1);
  EXPECT_TRUE(safety.release(safety.look()));
  EXPECT_FALSE(safety.obey());
  safety.request_stop(StopCause::kCall, "mine");
  EXPECT_EQ(mine.stops.load(), 1U);
  others.remove(row);
  theirs.stops.fetch_add(1);
  EXPECT_EQ(others.look(), -1);
}

TEST(Safety, shows_who_comes_later_that_a_stop_of_another_host_holds_it) {
  StopWord mine;
  StopWord theirs;
  StopWords others;
  const int row = others.add(theirs, 0);
  Safety safety;
  safety.use({.own = &mine, .others = &others});
  theirs.since_ns.store(50);
  theirs.stops.fetch_add(1);
  ASSERT_TRUE(safety.obey());
  EXPECT_EQ(mine.since_ns.load(), 50) << "when that one was asked for";
  safety.follow(70);
  EXPECT_EQ(mine.since_ns.load(), 70);
  safety.follow(60);
  EXPECT_EQ(mine.since_ns.load(), 70) << "the latest one";
  EXPECT_EQ(mine.stops.load(), 0U);
  others.release(row, 1);
  ASSERT_TRUE(safety.release(safety.look()));
  EXPECT_EQ(mine.since_ns.load(), -70) << "over, and still known";
  safety.request_stop(StopCause::kCall, "mine");
  EXPECT_GT(mine.since_ns.load(), 70);
  theirs.since_ns.store(-80);
  EXPECT_EQ(others.since(row), 80);
}

TEST(Safety, is_held_from_the_start_by_what_held_it_when_it_ended) {
  StopWord mine;
  mine.since_ns.store(40);
  Safety safety;
  safety.use({.own = &mine});
  EXPECT_TRUE(safety.look().stopped());
  EXPECT_EQ(safety.note()->cause, StopCause::kPeer);
  EXPECT_EQ(mine.stops.load(), 0U) << "it was no stop of its own";
  EXPECT_EQ(mine.since_ns.load(), 40);
}

TEST(Safety, tells_of_what_came_before_it_had_a_word) {
  StopWord mine;
  Safety follower;
  follower.follow(30);
  follower.use({.own = &mine});
  EXPECT_EQ(mine.stops.load(), 0U);
  EXPECT_EQ(mine.since_ns.load(), 30);
  StopWord own;
  Safety caller;
  caller.request_stop(StopCause::kLatch, "so it is written");
  ASSERT_TRUE(caller.release(caller.look()));
  caller.follow(20);
  caller.request_stop(StopCause::kCall, "fire");
  caller.use({.own = &own});
  EXPECT_EQ(own.stops.load(), 1U);
  EXPECT_GT(own.since_ns.load(), 30);
}

TEST(StopWords, have_a_place_for_so_many_and_give_it_again) {
  StopWords words;
  std::vector<StopWord> hosts(StopWords::kMost + 1);
  for (std::size_t i = 0; i < StopWords::kMost; ++i) ASSERT_EQ(words.add(hosts[i], 0), int(i));
  EXPECT_EQ(words.add(hosts.back(), 0), -1);
  hosts[5].stops.fetch_add(1);
  EXPECT_EQ(words.look(), 5);
  words.remove(5);
  EXPECT_EQ(words.look(), -1);
  EXPECT_EQ(words.add(hosts.back(), 0), 5);
}

}  // namespace
}  // namespace horus
