// SPDX-License-Identifier: Apache-2.0
// The protocol of a topic that refuses (shm/publisher.cpp, shm/discovery.cpp), walked step by step:
// a publisher that sends again what was refused, on a ring of two slots, and a subscriber that was
// there first and finds the ring at any time.
#include <array>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/model.hpp"

namespace horus::shm {
namespace {

constexpr std::uint64_t kCapacity = 2;
constexpr std::uint64_t kSent = 5;

enum class Wrong { kNothing, kOneTooMany, kToldBeforeRead, kUnknownIsNobody, kRowBeforeNumber };

struct Slot {
  std::uint64_t stamp = 0;
  std::uint64_t word = 0;
  auto operator<=>(const Slot&) const = default;
};

struct State {
  std::array<Slot, kCapacity> slots{};
  bool row_is_ours = false;
  std::uint64_t row_taken = 77;  ///< What another ring left there.
  struct Writer {
    int at = 0;
    std::uint64_t n = 0;
    bool found = false;
    std::uint64_t taken = 0;
    auto operator<=>(const Writer&) const = default;
  } writer;
  struct Reader {
    int attached = 0;
    int at = 0;
    std::uint64_t next = 0;
    std::uint64_t word = 0;
    auto operator<=>(const Reader&) const = default;
  } reader;
  std::string fault;
  auto operator<=>(const State&) const = default;
};

bool write(State& state, Wrong wrong) {
  auto& writer = state.writer;
  if (writer.n == kSent) return false;
  Slot& slot = state.slots[writer.n % kCapacity];
  const std::uint64_t limit = kCapacity + (wrong == Wrong::kOneTooMany ? 1 : 0);
  switch (writer.at) {
    case 0: writer.found = state.row_is_ours; break;
    case 1:
      writer.taken = writer.found                       ? state.row_taken
                     : wrong == Wrong::kUnknownIsNobody ? writer.n
                                                        : 0;
      break;
    case 2:
      if (writer.taken < writer.n && writer.n - writer.taken >= limit) {
        // Refused, and sent again when the answer may be another.
        if (writer.found == state.row_is_ours &&
            writer.taken == (writer.found ? state.row_taken : 0)) {
          return false;
        }
        writer.at = 0;
        return true;
      }
      break;
    case 3: slot.stamp = 2 * writer.n + 1; break;
    case 4: slot.word = writer.n; break;
    default:
      slot.stamp = 2 * writer.n + 2;
      writer = {.n = writer.n + 1};
      return true;
  }
  ++writer.at;
  return true;
}

bool attach(State& state, Wrong wrong) {
  if (state.reader.attached == 2) return false;
  const bool number = (state.reader.attached == 0) != (wrong == Wrong::kRowBeforeNumber);
  if (number) {
    state.row_taken = 0;
  } else {
    state.row_is_ours = true;
  }
  ++state.reader.attached;
  return true;
}

bool read(State& state, Wrong wrong) {
  auto& reader = state.reader;
  if (reader.attached != 2) return false;
  const Slot& slot = state.slots[reader.next % kCapacity];
  const auto tell = [&state, &reader] { state.row_taken = reader.next + 1; };
  const bool complete = slot.stamp == 2 * reader.next + 2;
  switch (reader.at) {
    case 0:
      if (slot.stamp < 2 * reader.next + 2) return false;
      if (wrong == Wrong::kToldBeforeRead) tell();
      break;
    case 1:
    case 3:
      if (!complete) state.fault = "a message was lost";
      break;
    case 2: reader.word = slot.word; break;
    default:
      if (reader.word != reader.next) state.fault = "a wrong message was delivered";
      tell();
      reader = {.attached = 2, .next = reader.next + 1};
      return true;
  }
  ++reader.at;
  return true;
}

std::string broken(Wrong wrong) {
  test::Model<State> model{.actors = {[wrong](State& state) { return write(state, wrong); },
                                      [wrong](State& state) { return attach(state, wrong); },
                                      [wrong](State& state) { return read(state, wrong); }},
                           .at_end = [](State& state) {
                             if (state.reader.next != kSent) state.fault = "a message is stuck";
                           }};
  std::string fault = model.broken(State{});
  // Few states would mean that the walk did not happen.
  EXPECT_TRUE(!fault.empty() || model.seen.size() > 300U) << model.seen.size();
  return fault;
}

TEST(RefuseModel, no_interleaving_loses_a_message_or_stops) {
  EXPECT_EQ(broken(Wrong::kNothing), "");
}

TEST(RefuseModel, refuses_a_publisher_that_counts_one_slot_too_many) {
  EXPECT_EQ(broken(Wrong::kOneTooMany), "a message was lost");
}

TEST(RefuseModel, refuses_a_publisher_that_takes_who_has_not_found_the_ring_for_nobody) {
  EXPECT_EQ(broken(Wrong::kUnknownIsNobody), "a message was lost");
}

TEST(RefuseModel, refuses_a_subscriber_that_tells_its_number_before_it_has_read) {
  EXPECT_EQ(broken(Wrong::kToldBeforeRead), "a message was lost");
}

TEST(RefuseModel, refuses_a_row_that_is_given_to_a_ring_before_its_number) {
  EXPECT_EQ(broken(Wrong::kRowBeforeNumber), "a message was lost");
}

}  // namespace
}  // namespace horus::shm
