// SPDX-License-Identifier: Apache-2.0
// The GIL's protocol and ours on top of it, walked step by step: a tick that begins, drops the GIL
// for I/O and comes back, a plain thread that computes, and the helper. No wait has a time-out, so
// that whatever nobody looks after is a state in which nobody can move.
#include <string>

#include <gtest/gtest.h>

#include "tests/support/model.hpp"

namespace horus::py {
namespace {

constexpr const char* kStranded = "a thread that dropped the GIL waits for somebody to take it";
constexpr const char* kUnasked = "a thread waits for the GIL, and nobody asks for it";

enum class Wrong {
  kNothing,
  kBeginsInSilence,   // The tick does not say that it waits.
  kAsksOutsideMutex,  // Between the helper's look and its request the GIL may change hands.
  kFreesNobody,       // No look at a thread that dropped the GIL for nobody.
  kFreesOnce,         // One look: that thread may be on its way to its wait.
  kMixesRequestsUp,   // A free GIL that answered one request is taken for the next one's answer.
};

constexpr int kNobody = 0;
constexpr int kTick = 1;
constexpr int kPlain = 2;
constexpr int kTickEnd = 10;
constexpr int kPlainEnd = 3;

struct Gil {
  bool locked = false;
  int last = kNobody;
  int switches = 0;
  bool drop_request = false;
  bool mutex = false;     // Held by the helper, between two of its steps.
  int sleeps = kNobody;   // On the condition, until the GIL is dropped.
  int dropper = kNobody;  // It dropped the GIL on request, and waits until another one takes it.
  auto operator<=>(const Gil&) const = default;
};

struct State {
  Gil gil;
  bool ticking = false;  // The phase: the tick has had the GIL.
  bool waiting = false;
  int tick = 0;  // Where each of the three is.
  int plain = 0;
  int progress = 0;  // Of the plain thread.
  bool rested = false;
  int helper = 0;
  bool request_out = false;
  int requested_at = 0;
  bool saw_free = false;
  std::string fault;
  auto operator<=>(const State&) const = default;
};

/// take_gil(): true once it has it.
bool take(Gil& gil, int who) {
  gil.sleeps = gil.sleeps == who ? kNobody : gil.sleeps;
  if (gil.locked) {
    gil.sleeps = who;
    return false;
  }
  gil.locked = true;
  if (gil.last != who) {
    gil.last = who;
    ++gil.switches;
    gil.dropper = kNobody;
  }
  gil.drop_request = false;
  return true;
}

bool can_take(const Gil& gil, int who) {
  return !gil.mutex && gil.sleeps != who;
}

/// The first half of drop_gil(); true where the second half follows, on request.
bool drop(Gil& gil) {
  gil.locked = false;
  gil.sleeps = kNobody;
  return gil.drop_request;
}

void wait_for_taker(Gil& gil, int who) {
  if (gil.last != who) return;
  gil.drop_request = false;
  gil.dropper = who;
}

bool step_tick(State& state, Wrong wrong) {
  Gil& gil = state.gil;
  switch (state.tick) {
    case 0: state.waiting = wrong != Wrong::kBeginsInSilence; break;
    case 1:
    case 6:
      if (!can_take(gil, kTick)) return false;
      if (!take(gil, kTick)) return true;
      break;
    case 2:
      state.waiting = false;
      state.ticking = true;
      break;
    case 3:  // I/O.
    case 8:
      if (gil.mutex) return false;
      state.tick += drop(gil) ? 1 : 2;
      return true;
    case 4:
    case 9: wait_for_taker(gil, kTick); break;
    case 5:  // What it reads comes from the plain thread.
      if (gil.dropper == kTick || state.progress < 2) return false;
      break;
    case 7: state.ticking = false; break;
    default: return false;
  }
  ++state.tick;
  return true;
}

bool step_plain(State& state) {
  Gil& gil = state.gil;
  switch (state.plain) {
    case 0:
      if (gil.dropper == kPlain || !can_take(gil, kPlain)) return false;
      if (!take(gil, kPlain)) return true;
      state.plain = 1;
      return true;
    case 1:  // The evaluation loop: nothing but a request has it drop the GIL before the end.
      if (!gil.drop_request && state.progress < 2) {
        ++state.progress;
        return true;
      }
      if (gil.mutex || (!gil.drop_request && state.tick < kTickEnd)) return false;
      state.plain = drop(gil) ? 2 : kPlainEnd;
      return true;
    case 2:
      wait_for_taker(gil, kPlain);
      state.plain = 0;
      return true;
    default: return false;
  }
}

/// Once it leaves by itself, whenever that is.
bool step_rest(State& state) {
  if (state.rested || state.plain != 1 || state.gil.mutex || state.gil.drop_request) return false;
  state.rested = true;
  drop(state.gil);
  state.plain = 0;
  return true;
}

void free_dropper(State& state, Wrong wrong) {
  Gil& gil = state.gil;
  const bool out = state.request_out && gil.switches == state.requested_at;
  state.request_out = out;
  if (state.waiting || !out) {
    state.saw_free = false;
  } else if (gil.locked) {
    // It was free, and nobody else has taken it: the thread that dropped it is through.
    if (state.saw_free) state.request_out = false;
    state.saw_free = false;
  } else if (wrong != Wrong::kFreesNobody) {
    state.saw_free = true;
    gil.dropper = kNobody;
    if (wrong == Wrong::kFreesOnce) state.request_out = false;
  }
}

bool step_helper(State& state, Wrong wrong) {
  Gil& gil = state.gil;
  const State before = state;
  if (state.helper == 0 && state.tick == kTickEnd) return false;  // No seat is taken: it has ended.
  if (state.helper == 1) {
    gil.drop_request = true;
    state.request_out = true;
    state.requested_at = gil.switches;
    if (wrong != Wrong::kMixesRequestsUp) state.saw_free = false;
    gil.mutex = false;
    free_dropper(state, wrong);
    state.helper = 0;
    return true;
  }
  // A tick that has dropped the GIL may want it, or not: the helper asks for it in any case.
  const bool wants = state.waiting || state.ticking;
  if (wants && gil.locked && gil.last != kTick && !gil.drop_request) {
    gil.mutex = wrong != Wrong::kAsksOutsideMutex;
    state.helper = 1;
    return true;
  }
  if (wants && !gil.locked) gil.sleeps = kNobody;
  free_dropper(state, wrong);
  return state != before;
}

std::string broken(Wrong wrong, std::size_t* states = nullptr) {
  test::Model<State> model{
      .actors = {[wrong](State& state) { return step_tick(state, wrong); }, step_plain, step_rest,
                 [wrong](State& state) { return step_helper(state, wrong); }},
      .at_end = [](State& state) {
        if (state.gil.dropper != kNobody) {
          state.fault = kStranded;
        } else if (state.tick != kTickEnd || state.plain != kPlainEnd) {
          state.fault = kUnasked;
        }
      }};
  std::string fault = model.broken(State{});
  if (states != nullptr) *states = model.seen.size();
  return fault;
}

TEST(GilModel, every_thread_comes_to_its_end) {
  std::size_t states = 0;
  EXPECT_EQ(broken(Wrong::kNothing, &states), "");
  EXPECT_GT(states, 400U);
}

TEST(GilModel, refuses_a_tick_that_does_not_say_that_it_waits) {
  EXPECT_EQ(broken(Wrong::kBeginsInSilence), kUnasked);
}

TEST(GilModel, refuses_a_request_that_is_not_made_under_the_mutex_of_the_look) {
  EXPECT_EQ(broken(Wrong::kAsksOutsideMutex), kStranded);
}

TEST(GilModel, refuses_a_helper_that_frees_nobody_or_looks_only_once) {
  EXPECT_EQ(broken(Wrong::kFreesNobody), kStranded);
  EXPECT_EQ(broken(Wrong::kFreesOnce), kStranded);
}

TEST(GilModel, refuses_to_take_the_answer_to_one_request_for_that_to_the_next) {
  EXPECT_EQ(broken(Wrong::kMixesRequestsUp), kStranded);
}

}  // namespace
}  // namespace horus::py
