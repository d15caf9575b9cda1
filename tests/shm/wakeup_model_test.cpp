// SPDX-License-Identifier: Apache-2.0
// The wake-up protocol of shm/wakeup.hpp, walked step by step: a publisher that sends once and a
// sleeper whose wait has no bound, so that a lost ring is a state in which nobody can move.
#include <array>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/model.hpp"

namespace horus::shm {
namespace {

enum class Wrong { kNothing, kFlagBeforeMessage, kLookBeforeFlag, kWordAfterLook };

struct State {
  int complete = 0;
  bool sleeping = false;
  int word = 0;
  int publisher = 0;
  bool saw_sleeper = false;
  int sleeper = 0;
  int seen = 0;
  bool awake = false;
  std::string fault;
  auto operator<=>(const State&) const = default;
};

bool send(State& state, Wrong wrong) {
  const int message = wrong == Wrong::kFlagBeforeMessage ? 1 : 0;
  if (state.publisher == 3) return false;
  if (state.publisher == message) {
    state.complete = 1;
  } else if (state.publisher == 2) {
    if (state.saw_sleeper) ++state.word;  // And wakes: see the last step of wait().
  } else {
    state.saw_sleeper = state.sleeping;
  }
  ++state.publisher;
  return true;
}

bool wait(State& state, Wrong wrong) {
  enum Part { kFlag, kWord, kLook };
  using Order = std::array<Part, 3>;
  const Order order = wrong == Wrong::kLookBeforeFlag  ? Order{kLook, kFlag, kWord}
                      : wrong == Wrong::kWordAfterLook ? Order{kFlag, kLook, kWord}
                                                       : Order{kFlag, kWord, kLook};
  if (state.awake) return false;
  if (state.sleeper == 3) {  // FUTEX_WAIT: goes on when the word is another.
    state.awake = state.word != state.seen;
    return state.awake;
  }
  switch (order[static_cast<std::size_t>(state.sleeper++)]) {
    case kFlag: state.sleeping = true; break;
    case kWord: state.seen = state.word; break;
    case kLook: state.awake = state.complete == 1; break;
  }
  return true;
}

std::string broken(Wrong wrong) {
  test::Model<State> model{.actors = {[wrong](State& state) { return send(state, wrong); },
                                      [wrong](State& state) { return wait(state, wrong); }},
                           .at_end = [](State& state) {
                             if (!state.awake) state.fault = "a sleeper was not woken";
                           }};
  return model.broken(State{});
}

TEST(WakeupModel, no_interleaving_leaves_a_sleeper_with_a_message) {
  EXPECT_EQ(broken(Wrong::kNothing), "");
}

TEST(WakeupModel, refuses_a_publisher_that_looks_at_the_flag_before_its_message_counts) {
  EXPECT_EQ(broken(Wrong::kFlagBeforeMessage), "a sleeper was not woken");
}

TEST(WakeupModel, refuses_a_sleeper_that_looks_for_a_message_before_it_says_that_it_sleeps) {
  EXPECT_EQ(broken(Wrong::kLookBeforeFlag), "a sleeper was not woken");
}

TEST(WakeupModel, refuses_a_sleeper_that_reads_the_word_after_its_last_look) {
  EXPECT_EQ(broken(Wrong::kWordAfterLook), "a sleeper was not woken");
}

}  // namespace
}  // namespace horus::shm
