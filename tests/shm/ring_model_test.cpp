// SPDX-License-Identifier: Apache-2.0
// The slot protocol of shm/ring.hpp and shm/subscriber.cpp, walked step by step: a writer and a
// reader on a ring of two slots, two words a message, of which the reader wants both or the newest.
// The writer may die before each step.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/model.hpp"

namespace horus::shm {
namespace {

constexpr std::uint64_t kCapacity = 2;
constexpr std::uint64_t kSent = 5;
constexpr std::uint64_t kAll = 100;  // Of the depth.

enum class Wrong {
  kNothing,
  kNoOddStamp,
  kCompleteBeforePayload,
  kCountedTooEarly,
  kNoSecondLook,
  kOnlyTheCount,
  kForgetsPassedOver
};

struct Slot {
  std::uint64_t stamp = 0;
  std::array<std::uint64_t, 2> words{};
  auto operator<=>(const Slot&) const = default;
};

struct State {
  std::array<Slot, kCapacity> slots{};
  std::uint64_t committed = 0;
  struct Writer {
    int at = 0;
    std::uint64_t n = 0;
    bool dead = false;
    auto operator<=>(const Writer&) const = default;
  } writer;
  struct Reader {
    int at = 0;
    std::uint64_t next = 0;
    std::uint64_t count = 0;
    std::uint64_t stamp = 0;
    std::array<std::uint64_t, 2> words{};
    std::uint64_t received = 0;
    std::uint64_t missed = 0;
    std::uint64_t passed_over = 0;
    auto operator<=>(const Reader&) const = default;
  } reader;
  std::uint64_t depth = kAll;
  std::string fault;
  auto operator<=>(const State&) const = default;
};

/// Both words of message n hold this.
std::uint64_t content(std::uint64_t n) {
  return 100 + n;
}

bool write(State& state, Wrong wrong) {
  auto& writer = state.writer;
  if (writer.n == kSent || writer.dead) return false;
  Slot& slot = state.slots[writer.n % kCapacity];
  enum Part { kOdd, kFirst, kSecond, kEven, kCount };
  using Order = std::array<Part, 5>;
  const Order order =
      wrong == Wrong::kCompleteBeforePayload ? Order{kOdd, kEven, kCount, kFirst, kSecond}
      : wrong == Wrong::kCountedTooEarly     ? Order{kOdd, kCount, kFirst, kSecond, kEven}
                                             : Order{kOdd, kFirst, kSecond, kEven, kCount};
  switch (order[static_cast<std::size_t>(writer.at)]) {
    case kOdd:
      if (wrong != Wrong::kNoOddStamp) slot.stamp = 2 * writer.n + 1;
      break;
    case kFirst: slot.words[0] = content(writer.n); break;
    case kSecond: slot.words[1] = content(writer.n); break;
    case kEven: slot.stamp = 2 * writer.n + 2; break;
    case kCount: state.committed = writer.n + 1; break;
  }
  if (++writer.at == 5) {
    writer.at = 0;
    ++writer.n;
  }
  return true;
}

bool die(State& state) {
  if (state.writer.n == kSent || state.writer.dead) return false;
  state.writer.dead = true;
  return true;
}

/// What take() makes of a slot: delivered, or counted as missed.
void finish(State& state, bool whole) {
  auto& reader = state.reader;
  if (whole &&
      (reader.words[0] != content(reader.next) || reader.words[1] != content(reader.next))) {
    state.fault = "a torn or wrong message was delivered";
  }
  ++(whole ? reader.received : reader.missed);
  ++reader.next;
  reader.at = 0;
  reader.stamp = 0;
  reader.words = {};
}

bool read(State& state, Wrong wrong) {
  auto& reader = state.reader;
  const Slot& slot = state.slots[reader.next % kCapacity];
  const std::uint64_t complete = 2 * reader.next + 2;
  switch (reader.at) {
    case 0:
      if (slot.stamp < complete) return false;
      reader.at = slot.stamp == complete ? 7 : 5;
      return true;
    case 1:
      reader.stamp = slot.stamp;
      if (reader.stamp != complete) {
        finish(state, false);
      } else {
        reader.at = 2;
      }
      return true;
    case 2:
      reader.words[0] = slot.words[0];
      reader.at = 3;
      return true;
    case 3:
      reader.words[1] = slot.words[1];
      reader.at = 4;
      return true;
    case 4: finish(state, wrong == Wrong::kNoSecondLook || slot.stamp == reader.stamp); return true;
    case 5:
      reader.count = state.committed;
      reader.at = 6;
      return true;
    case 6: {
      if (state.slots[reader.count % kCapacity].stamp == 2 * reader.count + 2) ++reader.count;
      const std::uint64_t there = std::max(reader.count, reader.next) - reader.next;
      const std::uint64_t wanted = reader.count - std::min(there, state.depth);
      const std::uint64_t oldest =
          std::max(reader.next, reader.count > kCapacity ? reader.count - kCapacity : 0);
      if (there != 0) {
        const std::uint64_t next = std::max(wanted, oldest);
        if (wrong != Wrong::kForgetsPassedOver) reader.passed_over += wanted - reader.next;
        reader.missed += next - wanted;
        reader.next = next;
      }
      reader.count = 0;
      reader.at = there != 0 ? 1 : 0;
      return true;
    }
    default: {
      const std::uint64_t beyond = reader.next + std::min(state.depth, kCapacity);
      reader.at = state.slots[beyond % kCapacity].stamp >= 2 * beyond + 2 ? 5 : 1;
      return true;
    }
  }
}

/// What complete() says.
std::uint64_t sent(const State& state, Wrong wrong) {
  const std::uint64_t n = state.committed;
  const bool one_more = state.slots[n % kCapacity].stamp == 2 * n + 2;
  return one_more && wrong != Wrong::kOnlyTheCount ? n + 1 : n;
}

std::string broken(Wrong wrong, std::uint64_t depth = kAll) {
  test::Model<State> model{
      .actors = {[wrong](State& state) { return write(state, wrong); }, die,
                 [wrong](State& state) { return read(state, wrong); }},
      .at_end = [wrong](State& state) {
        const State::Reader& reader = state.reader;
        if (reader.received + reader.passed_over + reader.missed != sent(state, wrong)) {
          state.fault = "received, passed over and missed are not what was sent";
        } else if (state.depth == kAll && reader.passed_over != 0) {
          state.fault = "what was wanted was passed over";
        }
      }};
  State initial;
  initial.depth = depth;
  std::string fault = model.broken(initial);
  // Few states would mean that the walk did not happen.
  EXPECT_TRUE(!fault.empty() || model.seen.size() > 300U) << model.seen.size();
  return fault;
}

TEST(RingModel, no_interleaving_delivers_a_torn_message_or_loses_count) {
  EXPECT_EQ(broken(Wrong::kNothing), "");
  EXPECT_EQ(broken(Wrong::kNothing, 1), "");
}

TEST(RingModel, refuses_a_reader_that_does_not_count_what_it_passes_over) {
  EXPECT_EQ(broken(Wrong::kForgetsPassedOver, 1),
            "received, passed over and missed are not what was sent");
}

TEST(RingModel, refuses_a_writer_that_does_not_make_the_stamp_odd) {
  EXPECT_EQ(broken(Wrong::kNoOddStamp), "a torn or wrong message was delivered");
}

TEST(RingModel, refuses_a_writer_that_completes_a_message_before_its_payload) {
  EXPECT_EQ(broken(Wrong::kCompleteBeforePayload), "a torn or wrong message was delivered");
}

TEST(RingModel, refuses_a_writer_that_counts_a_message_before_it_is_complete) {
  EXPECT_EQ(broken(Wrong::kCountedTooEarly),
            "received, passed over and missed are not what was sent");
}

TEST(RingModel, refuses_to_forget_a_message_that_its_writer_died_before_counting) {
  EXPECT_EQ(broken(Wrong::kOnlyTheCount), "received, passed over and missed are not what was sent");
}

TEST(RingModel, refuses_a_reader_that_does_not_look_at_the_stamp_again) {
  EXPECT_EQ(broken(Wrong::kNoSecondLook), "a torn or wrong message was delivered");
}

}  // namespace
}  // namespace horus::shm
