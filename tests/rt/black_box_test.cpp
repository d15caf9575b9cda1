// SPDX-License-Identifier: Apache-2.0
#include "rt/base/black_box.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace horus {
namespace {

struct BlackBoxTest : ::testing::Test {
  void write(int count) {
    for (int i = 0; i < count; ++i) box.write(EventKind::kConfig, std::to_string(i), {i, i, i});
  }

  BlackBoxHead head{};
  std::vector<BlackBoxPlace> places = std::vector<BlackBoxPlace>(8);
  BlackBox box{head, places};
};

TEST_F(BlackBoxTest, zeroed_memory_is_an_empty_one) {
  EXPECT_TRUE(box.events().empty());
}

TEST_F(BlackBoxTest, what_was_written_is_read) {
  box.write({.at_ns = 7,
             .tick = 12,
             .kind = EventKind::kMiss,
             .in_tick = 1,
             .numbers = {1, 2, 3},
             .node = NodeName::clipped("arm"),
             .text = Name<200>::clipped("why")});
  const auto events = box.events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].sequence, 1U);
  EXPECT_EQ(events[0].at_ns, 7);
  EXPECT_EQ(events[0].tick, 12U);
  EXPECT_EQ(events[0].kind, EventKind::kMiss);
  EXPECT_EQ(events[0].numbers[2], 3);
  EXPECT_EQ(events[0].node, "arm");
  EXPECT_EQ(events[0].text, "why");
}

TEST_F(BlackBoxTest, the_latest_are_kept_in_their_order) {
  write(21);
  const auto events = box.events();
  ASSERT_EQ(events.size(), 8U);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence, 14 + i);
  EXPECT_EQ(events.back().text, "20");
  EXPECT_EQ(head.lost.load(), 0U);
}

TEST_F(BlackBoxTest, an_event_without_a_time_gets_the_time) {
  const TimePoint before = MonotonicClock::now();
  write(1);
  EXPECT_GE(box.events()[0].at_ns, to_ns(before));
}

TEST_F(BlackBoxTest, a_place_that_is_still_written_is_left_to_its_writer) {
  write(1);
  places[1].stamp.store(2 * 1 + 1);  // A writer that stands still.
  write(10);
  // Event 1, which is not complete, and event 9, whose place that is.
  EXPECT_EQ(head.lost.load(), 2U);
  for (const Event& event : box.events()) EXPECT_NE(event.sequence % 8, 2U);
  EXPECT_EQ(places[1].stamp.load(), 3U);
}

TEST_F(BlackBoxTest, a_writer_that_comes_late_does_not_overwrite_newer_ones) {
  write(9);
  head.claimed.store(0);
  write(1);
  EXPECT_EQ(head.lost.load(), 1U);
  EXPECT_EQ(box.events().back().sequence, 9U);
}

TEST_F(BlackBoxTest, a_successor_goes_on) {
  write(12);
  const auto past = box.events();
  BlackBoxHead next_head{};
  std::vector<BlackBoxPlace> fewer(4);
  BlackBox next{next_head, fewer};
  next.restore(past);
  next.write(EventKind::kStart, "again");
  const auto events = next.events();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events.front().sequence, 10U);
  EXPECT_EQ(events.back().sequence, 13U);
  EXPECT_EQ(events.back().text, "again");
}

TEST_F(BlackBoxTest, what_lies_is_not_read) {
  write(8);
  std::memset(static_cast<void*>(&places[2]), 0xff, sizeof(BlackBoxPlace));
  places[3].stamp.store(2);      // Another event's number.
  places[4].stamp.store(~1ULL);  // Beyond every number.
  places[5].words[0].store(~0ULL);
  EXPECT_EQ(box.events().size(), 4U);
}

TEST_F(BlackBoxTest, the_same_event_twice_is_read_once) {
  write(2);
  std::memcpy(static_cast<void*>(&places[5]), static_cast<const void*>(places.data()),
              sizeof(BlackBoxPlace));
  EXPECT_EQ(box.events().size(), 2U);
}

TEST(EventKinds, each_has_one_row_and_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (const EventKindRow& row : kEventKinds) {
    EXPECT_TRUE(names.insert(row.name).second);
    EXPECT_EQ(find_kind(row.name), &row);
    EXPECT_EQ(find_kind(row.kind), &row);
    EXPECT_FALSE(row.meaning.empty());
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(EventKind::kFlush));
  EXPECT_EQ(to_text(static_cast<EventKind>(~0U)), "unknown");
}

TEST(ClockPair, tells_the_time_of_an_event) {
  const ClockPair pair{.monotonic_ns = 5'000'000, .wall_ns = 1'700'000'000'000'000'000};
  EXPECT_EQ(pair.wall_us(6'000'000), 1'700'000'000'001'000);
  EXPECT_EQ(pair.wall_us(4'000'000), 1'699'999'999'999'000);
}

TEST(EventLimit, lets_a_burst_pass_and_then_one_a_second) {
  EventLimit limit;
  TimePoint now = from_ns(10'000'000'000);
  for (int i = 0; i < EventLimit::kBurst; ++i) EXPECT_EQ(limit.admit(now), 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limit.admit(now), std::nullopt);
  now += 1s;
  EXPECT_EQ(limit.admit(now), 5);
  EXPECT_EQ(limit.admit(now), std::nullopt);
  now += 1h;
  EXPECT_EQ(limit.admit(now), 1);
  for (int i = 1; i < EventLimit::kBurst; ++i) EXPECT_EQ(limit.admit(now), 0);
  EXPECT_EQ(limit.admit(now), std::nullopt);
}

/// Every number and letter of an event says which one it is: a torn one does not agree with itself.
Event self_same(std::int64_t value) {
  Event event{.at_ns = value, .tick = static_cast<std::uint64_t>(value), .kind = EventKind::kDrop};
  event.numbers = {value, value, value};
  event.text = Name<200>::clipped(std::string(199, static_cast<char>('a' + value % 26)));
  return event;
}
bool agrees(const Event& event) {
  const std::int64_t value = event.at_ns;
  return event.tick == static_cast<std::uint64_t>(value) && event.numbers[0] == value &&
         event.numbers[1] == value && event.numbers[2] == value &&
         event.text == std::string(199, static_cast<char>('a' + value % 26));
}

/// Some threads write a small box, another process reads it: nothing torn is ever read, and no
/// event is lost unseen.
TEST(BlackBoxStress, nothing_torn_is_read_by_another_process) {
  constexpr std::size_t kPlaces = 4;
  constexpr int kWriters = 3;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::uint32_t kReads = 10'000;  // Each takes a hundred times as long.
#else
  constexpr std::uint32_t kReads = 500'000;
#endif
  struct Shared {
    BlackBoxHead head{};
    std::array<BlackBoxPlace, kPlaces> places{};
    std::atomic<std::uint32_t> reads{0};
    std::atomic<bool> over{false};
  };
  void* const memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& shared = *new (memory) Shared;
  const pid_t reader = ::fork();
  if (reader == 0) {
    bool sound = true;
    do {
      for (const BlackBoxPlace& place : shared.places) {
        const auto event = place.load();
        sound = sound && (!event || agrees(*event));
      }
      shared.reads.fetch_add(1);
    } while (!shared.over.load());
    ::_exit(sound ? 0 : 1);
  }
  ASSERT_GT(reader, 0);
  BlackBox box{shared.head, shared.places};
  while (shared.reads.load() == 0) std::this_thread::yield();
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&box, &shared, w] {
      // As long as it takes, so that reads and writes meet.
      for (std::int64_t i = 1; shared.reads.load() < kReads; ++i) {
        box.write(self_same(i * kWriters + w));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  shared.over.store(true);
  int status = 0;
  ::waitpid(reader, &status, 0);
  EXPECT_EQ(status, 0) << "the reader saw a torn event";
  for (const BlackBoxPlace& place : shared.places) EXPECT_EQ(place.stamp.load() & 1U, 0U);
  for (const Event& event : box.events()) EXPECT_TRUE(agrees(event));
  ::munmap(memory, sizeof(Shared));
}

}  // namespace
}  // namespace horus
