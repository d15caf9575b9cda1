// SPDX-License-Identifier: Apache-2.0
// How a subscription begins (shm/session.cpp, shm/meet.cpp), walked step by step: a publisher
// opens, sends and closes, or is killed, while a subscriber opens. From the constructor's return
// on, each message is received or counted as missed.
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/model.hpp"

namespace horus::shm {
namespace {

constexpr std::uint64_t kCapacity = 2;
constexpr std::uint64_t kSent = 4;

enum class Wrong {
  kNothing,
  kLooksBeforeItsRing,     ///< The publisher looks for cursors before its ring has a name.
  kClosesAtOnce,           ///< It does not wait until who it knows has found its ring.
  kNoSecondLook,           ///< The subscriber does not look again once its cursor has a name.
  kReturnsAtOnce,          ///< Its constructor does not wait until it is known.
  kLateFromTheNewest,      ///< A ring that comes later is read from what it has sent by then.
  kMissedWithoutCounting,  ///< What was overwritten is left out, and that is all.
};

struct State {
  std::uint64_t sent = 0;
  bool ring_named = false;
  bool ring_gone = false;
  bool cursor_named = false;
  bool found = false;  ///< The cursor's row has the ring.
  struct Publisher {
    int at = 0;
    bool knows = false;
    bool dead = false;
    int stopped = 0;  ///< 1: it is; 2: it was, and goes on.
    bool moves() const { return !dead && stopped != 1; }
    auto operator<=>(const Publisher&) const = default;
  } publisher;
  struct Subscriber {
    int at = 0;
    std::uint64_t next = 0;
    std::uint64_t counted = 0;  ///< Received or missed, of what was sent after the return.
    auto operator<=>(const Subscriber&) const = default;
  } subscriber;
  bool returned = false;
  bool named_it = false;       ///< The constructor's patience ended, and it named who was stopped.
  std::uint64_t due_from = 0;  ///< The first message after the constructor's return.
  std::string fault;
  auto operator<=>(const State&) const = default;
};

bool ring_is_seen(const State& state) {
  return state.ring_named && !state.ring_gone;
}

bool publish(State& state, Wrong wrong) {
  auto& publisher = state.publisher;
  if (!publisher.moves() || state.ring_gone) return false;
  switch (publisher.at) {
    case 0:
    case 1: {
      const bool names = (publisher.at == 0) != (wrong == Wrong::kLooksBeforeItsRing);
      if (names) {
        state.ring_named = true;
      } else {
        publisher.knows = state.cursor_named;
      }
      ++publisher.at;
      return true;
    }
    default: break;
  }
  if (state.sent < kSent) {
    if (state.returned && !publisher.knows && !state.named_it)
      state.fault = "who waits for a message is not known";
    ++state.sent;
    return true;
  }
  if (publisher.knows && !state.found && wrong != Wrong::kClosesAtOnce) return false;
  state.ring_gone = true;
  return true;
}

/// The publisher's helper thread, which a new cursor wakes.
bool notice_cursor(State& state) {
  auto& publisher = state.publisher;
  if (!publisher.moves() || state.ring_gone || publisher.at < 2) return false;
  if (publisher.knows || !state.cursor_named) return false;
  publisher.knows = true;
  return true;
}

bool kill(State& state) {
  if (state.publisher.dead || state.ring_gone || state.publisher.at < 2) return false;
  state.publisher.dead = true;
  return true;
}

bool stop_or_go_on(State& state) {
  if (state.publisher.dead || state.publisher.stopped == 2) return false;
  ++state.publisher.stopped;
  return true;
}

void attach(State& state, bool late, Wrong wrong) {
  const bool newest = !late || wrong == Wrong::kLateFromTheNewest;
  state.subscriber.next = newest ? state.sent : 0;
  state.found = true;
}

bool open_subscriber(State& state, Wrong wrong) {
  auto& subscriber = state.subscriber;
  switch (subscriber.at) {
    case 0:
      if (ring_is_seen(state)) attach(state, false, wrong);
      break;
    case 1: state.cursor_named = true; break;
    case 2:
      if (ring_is_seen(state) && !state.found && wrong != Wrong::kNoSecondLook) {
        attach(state, true, wrong);
      }
      break;
    case 3: {
      const bool known = !state.found || state.publisher.knows || state.publisher.dead;
      state.named_it = !known && state.publisher.stopped == 1;
      if (!known && !state.named_it && !state.ring_gone && wrong != Wrong::kReturnsAtOnce) {
        return false;
      }
      state.returned = true;
      state.due_from = state.sent;
      break;
    }
    default: return false;
  }
  ++subscriber.at;
  return true;
}

/// The subscriber's helper thread, which a new ring wakes from the first look on.
bool notice_ring(State& state, Wrong wrong) {
  if (state.subscriber.at == 0 || state.found || !ring_is_seen(state)) return false;
  attach(state, true, wrong);
  return true;
}

bool take(State& state, Wrong wrong) {
  auto& subscriber = state.subscriber;
  if (!state.returned || !state.found || subscriber.next == state.sent) return false;
  const auto count = [&state, &subscriber] {
    if (subscriber.next >= state.due_from) ++subscriber.counted;
    ++subscriber.next;
  };
  while (state.sent - subscriber.next > kCapacity) {
    if (wrong == Wrong::kMissedWithoutCounting) {
      ++subscriber.next;
    } else {
      count();
    }
  }
  count();
  return true;
}

std::string broken(Wrong wrong) {
  test::Model<State> model{
      .actors = {[wrong](State& state) { return publish(state, wrong); }, notice_cursor, kill,
                 stop_or_go_on, [wrong](State& state) { return open_subscriber(state, wrong); },
                 [wrong](State& state) { return notice_ring(state, wrong); },
                 [wrong](State& state) { return take(state, wrong); }},
      .at_end = [](State& state) {
        if (!state.returned) state.fault = "the constructor does not return";
        if (state.subscriber.counted != state.sent - state.due_from) {
          state.fault = "a message is neither received nor missed";
        }
      }};
  std::string fault = model.broken(State{});
  // Few states would mean that the walk did not happen.
  EXPECT_TRUE(!fault.empty() || model.seen.size() > 300U) << model.seen.size();
  return fault;
}

TEST(ColdStartModel, no_interleaving_loses_a_message_uncounted) {
  EXPECT_EQ(broken(Wrong::kNothing), "");
}

TEST(ColdStartModel, refuses_a_publisher_that_looks_before_it_can_be_seen) {
  EXPECT_EQ(broken(Wrong::kLooksBeforeItsRing), "who waits for a message is not known");
}

TEST(ColdStartModel, refuses_a_publisher_that_closes_before_its_ring_is_found) {
  EXPECT_EQ(broken(Wrong::kClosesAtOnce), "a message is neither received nor missed");
}

TEST(ColdStartModel, refuses_a_subscriber_that_does_not_look_again_once_it_can_be_seen) {
  EXPECT_EQ(broken(Wrong::kNoSecondLook), "who waits for a message is not known");
}

TEST(ColdStartModel, refuses_a_constructor_that_returns_before_it_is_known) {
  EXPECT_EQ(broken(Wrong::kReturnsAtOnce), "who waits for a message is not known");
}

TEST(ColdStartModel, refuses_a_late_ring_that_is_read_from_its_newest) {
  EXPECT_EQ(broken(Wrong::kLateFromTheNewest), "a message is neither received nor missed");
}

TEST(ColdStartModel, refuses_to_leave_out_what_was_overwritten) {
  EXPECT_EQ(broken(Wrong::kMissedWithoutCounting), "a message is neither received nor missed");
}

}  // namespace
}  // namespace horus::shm
