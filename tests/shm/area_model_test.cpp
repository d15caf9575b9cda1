// SPDX-License-Identifier: Apache-2.0
// The protocol of messages that lie in an area (shm/ring.hpp), walked step by step: a writer and a
// reader on an index of three entries and an area of four words, with messages of one and two
// words, so that the area is given away again before the index is, and the other way round.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/model.hpp"

namespace horus::shm {
namespace {

constexpr std::uint64_t kCapacity = 3;
constexpr std::uint64_t kArea = 4;
constexpr std::uint64_t kSent = 7;

enum class Wrong {
  kNothing,
  kReservedAfterPayload,
  kNotReserved,
  kNoOddStamp,
  kNoLookAtReserved,
  kNoLookAtStamp,
  kAreaOneTooLarge
};

struct Entry {
  std::uint64_t stamp = 0;
  std::uint64_t length = 0;
  std::uint64_t position = 0;
  auto operator<=>(const Entry&) const = default;
};

struct State {
  std::array<Entry, kCapacity> index{};
  std::array<std::uint64_t, kArea> area{};
  std::uint64_t committed = 0;
  std::uint64_t reserved = 0;
  struct Writer {
    std::size_t at = 0;
    std::uint64_t n = 0;
    std::uint64_t end = 0;  ///< Of what it has written so far, as it knows by itself.
    auto operator<=>(const Writer&) const = default;
  } writer;
  struct Reader {
    int at = 0;
    std::uint64_t next = 0;
    std::uint64_t count = 0;
    std::uint64_t stamp = 0;
    std::uint64_t length = 0;
    std::uint64_t position = 0;
    std::uint64_t words = 0;
    bool wrong_word = false;
    std::uint64_t received = 0;
    std::uint64_t missed = 0;
    auto operator<=>(const Reader&) const = default;
  } reader;
  std::string fault;
  auto operator<=>(const State&) const = default;
};

/// One and two words, in an order that leaves a word before the area's end now and then.
std::uint64_t length_of(std::uint64_t n) {
  return n % 3 == 0 ? 1 : 2;
}
/// Every word of message n holds this.
std::uint64_t content(std::uint64_t n) {
  return 100 + n;
}

bool write(State& state, Wrong wrong) {
  auto& writer = state.writer;
  if (writer.n == kSent) return false;
  Entry& entry = state.index[writer.n % kCapacity];
  const std::uint64_t length = length_of(writer.n);
  const std::uint64_t left = kArea - writer.end % kArea;
  const std::uint64_t place = length <= left ? writer.end : writer.end + left;
  enum Part { kOdd, kReserve, kPlace, kLength, kFirst, kSecond, kEven, kCount };
  using Order = std::array<Part, 8>;
  const Order order = wrong == Wrong::kReservedAfterPayload
                          ? Order{kOdd, kPlace, kLength, kFirst, kSecond, kReserve, kEven, kCount}
                          : Order{kOdd, kReserve, kPlace, kLength, kFirst, kSecond, kEven, kCount};
  switch (order[writer.at]) {
    case kOdd:
      if (wrong != Wrong::kNoOddStamp) entry.stamp = 2 * writer.n + 1;
      break;
    case kReserve:
      if (wrong != Wrong::kNotReserved) state.reserved = place + length;
      break;
    case kPlace: entry.position = place; break;
    case kLength: entry.length = length; break;
    case kFirst: state.area[place % kArea] = content(writer.n); break;
    case kSecond:
      if (length == 2) state.area[place % kArea + 1] = content(writer.n);
      break;
    case kEven: entry.stamp = 2 * writer.n + 2; break;
    case kCount: state.committed = writer.n + 1; break;
  }
  if (++writer.at == order.size()) {
    writer.at = 0;
    writer.end = place + length;
    ++writer.n;
  }
  return true;
}

/// What take() makes of a message: delivered, or counted as missed.
void finish(State& state, bool whole) {
  auto& reader = state.reader;
  if (whole && (reader.wrong_word || reader.length != length_of(reader.next))) {
    state.fault = "a torn or wrong message was delivered";
  }
  const State::Reader next{.next = reader.next + 1,
                           .received = reader.received + (whole ? 1U : 0U),
                           .missed = reader.missed + (whole ? 0U : 1U)};
  reader = next;
}

bool read(State& state, Wrong wrong) {
  auto& reader = state.reader;
  const Entry& entry = state.index[reader.next % kCapacity];
  switch (reader.at) {
    case 0:
      if (entry.stamp < 2 * reader.next + 2) return false;
      reader.at = 7;
      return true;
    case 7:
      reader.count = state.committed;
      reader.at = 8;
      return true;
    case 8:
      if (state.index[reader.count % kCapacity].stamp == 2 * reader.count + 2) ++reader.count;
      if (reader.count > reader.next + kCapacity) {
        reader.missed += reader.count - kCapacity - reader.next;
        reader.next = reader.count - kCapacity;
      }
      reader.count = 0;
      reader.at = 1;
      return true;
    case 1:
      reader.stamp = entry.stamp;
      if (reader.stamp != 2 * reader.next + 2) {
        finish(state, false);
      } else {
        reader.at = 2;
      }
      return true;
    case 2:
      reader.length = entry.length;
      reader.at = 3;
      return true;
    case 3:
      reader.position = entry.position;
      if (reader.position % kArea + reader.length > kArea) {
        finish(state, false);
      } else {
        reader.at = 4;
      }
      return true;
    case 4:
      reader.wrong_word |=
          state.area[reader.position % kArea + reader.words] != content(reader.next);
      if (++reader.words == reader.length) reader.at = 5;
      return true;
    case 5:
      if (wrong != Wrong::kNoLookAtStamp && entry.stamp != reader.stamp) {
        finish(state, false);
      } else {
        reader.at = 6;
      }
      return true;
    default: {
      const std::uint64_t kept = kArea + (wrong == Wrong::kAreaOneTooLarge ? 1 : 0);
      finish(state, wrong == Wrong::kNoLookAtReserved || state.reserved - reader.position <= kept);
      return true;
    }
  }
}

std::string broken(Wrong wrong) {
  test::Model<State> model{.actors = {[wrong](State& state) { return write(state, wrong); },
                                      [wrong](State& state) { return read(state, wrong); }},
                           .at_end = [](State& state) {
                             if (state.reader.received + state.reader.missed != kSent) {
                               state.fault = "received and missed are not what was sent";
                             }
                           }};
  std::string fault = model.broken(State{});
  // Few states would mean that the walk did not happen.
  EXPECT_TRUE(!fault.empty() || model.seen.size() > 1000U) << model.seen.size();
  return fault;
}

constexpr const char* kTorn = "a torn or wrong message was delivered";

TEST(AreaModel, no_interleaving_delivers_a_torn_message_or_loses_count) {
  EXPECT_EQ(broken(Wrong::kNothing), "");
}

TEST(AreaModel, refuses_a_writer_that_reserves_after_the_payload_or_never) {
  EXPECT_EQ(broken(Wrong::kReservedAfterPayload), kTorn);
  EXPECT_EQ(broken(Wrong::kNotReserved), kTorn);
}

TEST(AreaModel, refuses_a_writer_that_does_not_make_the_stamp_odd) {
  EXPECT_EQ(broken(Wrong::kNoOddStamp), kTorn);
}

TEST(AreaModel, refuses_a_reader_that_does_not_look_at_what_is_reserved) {
  EXPECT_EQ(broken(Wrong::kNoLookAtReserved), kTorn);
  EXPECT_EQ(broken(Wrong::kAreaOneTooLarge), kTorn);
}

TEST(AreaModel, refuses_a_reader_that_does_not_look_at_the_stamp_again) {
  EXPECT_EQ(broken(Wrong::kNoLookAtStamp), kTorn);
}

}  // namespace
}  // namespace horus::shm
