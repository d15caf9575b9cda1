// SPDX-License-Identifier: Apache-2.0
// The hold protocol of shm/pool.hpp, walked step by step: one block, its owner, the owner's helper
// thread, and one holder in another process.
#include <array>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/model.hpp"

namespace horus::shm {
namespace {

enum class Wrong {
  kNothing,
  kLooksBeforeCounting,   // The holder checks the generation, then counts the block.
  kScansBeforeMoving,     // The owner scans, then moves the generation.
  kSaysBeforeScanning,    // The helper acknowledges a holder that no scan looks at yet.
  kCopiesWithoutChecking  // An unacknowledged holder copies and does not check again.
};

constexpr int kReuses = 2;
constexpr int kTakes = 2;

struct State {
  std::uint64_t generation = 1;
  std::uint64_t described = 1;  // By the newest descriptor in the ring.
  std::array<std::uint64_t, 2> payload{1, 1};
  bool listed = false;        // In the owner's list of holders.
  bool acknowledged = false;  // In the owner's file.
  int count = 0;              // In the holder's file.
  struct Owner {
    int at = 0;
    int tries = 0;
    int reused = 0;
    bool looks = false;
    auto operator<=>(const Owner&) const = default;
  } owner;
  struct Holder {
    int at = 0;
    int takes = 0;
    std::uint64_t wanted = 0;
    std::array<std::uint64_t, 2> read{};
    auto operator<=>(const Holder&) const = default;
  } holder;
  std::string fault;
  auto operator<=>(const State&) const = default;
};

/// Tries to take the block for a new frame; writes and sends the frame where it may.
bool own(State& state, Wrong wrong) {
  auto& owner = state.owner;
  const bool scans_first = wrong == Wrong::kScansBeforeMoving;
  const int move = scans_first ? 2 : 0;
  const int list = scans_first ? 0 : 1;
  if (owner.reused == kReuses || (owner.at == 0 && owner.tries == kReuses + 3)) return false;
  if (owner.at == move) {
    ++state.generation;
  } else if (owner.at == list) {
    owner.looks = state.listed;
  } else if (owner.at == list + 1) {
    if (owner.looks && state.count != 0) {  // Held: left alone, its generation stays moved.
      ++owner.tries;
      owner.at = 0;
      return true;
    }
  } else if (owner.at < 5) {
    state.payload[static_cast<std::size_t>(owner.at) - 3] = state.generation;
  } else {
    state.described = state.generation;
    ++owner.reused;
    owner.at = -1;
    owner.looks = false;
  }
  ++owner.at;
  return true;
}

bool acknowledge(State& state, Wrong wrong) {
  bool& first = wrong == Wrong::kSaysBeforeScanning ? state.acknowledged : state.listed;
  bool& second = wrong == Wrong::kSaysBeforeScanning ? state.listed : state.acknowledged;
  if (second) return false;
  (first ? second : first) = true;
  return true;
}

void look_at(State& state, const char* fault) {
  if (state.holder.read[0] != state.holder.wanted || state.holder.read[1] != state.holder.wanted) {
    state.fault = fault;
  }
}

void done(State& state) {
  state.holder = {.takes = state.holder.takes + 1};
}

/// Takes the newest frame: holds it where its holds count, and copies it where they do not yet.
bool hold(State& state, Wrong wrong) {
  auto& holder = state.holder;
  enum At { kTake, kAsk, kCount, kCheck, kRead, kReadOn, kRelease, kUndo, kCopy, kCopyOn, kVerify };
  const bool looks_first = wrong == Wrong::kLooksBeforeCounting;
  switch (holder.at) {
    case kTake:
      if (holder.takes == kTakes) return false;
      holder.wanted = state.described;
      holder.at = kAsk;
      break;
    case kAsk: holder.at = !state.acknowledged ? kCopy : looks_first ? kCheck : kCount; break;
    case kCount:
      ++state.count;
      holder.at = looks_first ? kRead : kCheck;
      break;
    case kCheck:
      if (state.generation == holder.wanted) {
        holder.at = looks_first ? kCount : kRead;
      } else if (looks_first) {
        done(state);
      } else {
        holder.at = kUndo;
      }
      break;
    case kRead:
    case kCopy:
      holder.read[0] = state.payload[0];
      ++holder.at;
      break;
    case kReadOn:
    case kCopyOn:
      holder.read[1] = state.payload[1];
      ++holder.at;
      break;
    case kRelease: look_at(state, "a held frame was overwritten"); [[fallthrough]];
    case kUndo:
      --state.count;
      done(state);
      break;
    default:
      if (wrong == Wrong::kCopiesWithoutChecking || state.generation == holder.wanted) {
        look_at(state, "a torn copy was delivered");
      }
      done(state);
  }
  return true;
}

std::string broken(Wrong wrong) {
  test::Model<State> model{.actors = {[wrong](State& state) { return own(state, wrong); },
                                      [wrong](State& state) { return acknowledge(state, wrong); },
                                      [wrong](State& state) { return hold(state, wrong); }},
                           .at_end = [](State& state) {
                             if (state.count != 0) state.fault = "a hold was left behind";
                           }};
  std::string fault = model.broken(State{});
  EXPECT_TRUE(!fault.empty() || model.seen.size() > 1000U) << model.seen.size();
  return fault;
}

TEST(PoolModel, no_interleaving_overwrites_a_held_frame) {
  EXPECT_EQ(broken(Wrong::kNothing), "");
}

TEST(PoolModel, refuses_a_holder_that_checks_the_generation_before_it_counts_the_block) {
  EXPECT_EQ(broken(Wrong::kLooksBeforeCounting), "a held frame was overwritten");
}

TEST(PoolModel, refuses_an_owner_that_scans_before_it_moves_the_generation) {
  EXPECT_EQ(broken(Wrong::kScansBeforeMoving), "a held frame was overwritten");
}

TEST(PoolModel, refuses_a_holder_that_is_acknowledged_before_it_is_scanned) {
  EXPECT_EQ(broken(Wrong::kSaysBeforeScanning), "a held frame was overwritten");
}

TEST(PoolModel, refuses_a_copy_whose_generation_is_not_checked_after_it) {
  EXPECT_EQ(broken(Wrong::kCopiesWithoutChecking), "a torn copy was delivered");
}

}  // namespace
}  // namespace horus::shm
