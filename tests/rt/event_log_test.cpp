// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <horus/log.hpp>

#include "rt/log_queue.hpp"

namespace horus {
namespace {

class Memory final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override { records.push_back(record); }
  void lost(std::uint64_t count) noexcept override { lost_counts.push_back(count); }

  std::vector<LogRecord> records;
  std::vector<std::uint64_t> lost_counts;
};

/// Logs through `channel` as an executor thread does.
template <typename Body>
void as_executor(LogChannel& channel, Body body) {
  std::thread thread{[&] {
    bind_log_channel(&channel);
    body();
    bind_log_channel(nullptr);
  }};
  thread.join();
}

TEST(Log, from_an_executor_names_the_running_node_and_tick) {
  Memory sink;
  LogQueue queue{sink};
  const NodeName node = NodeName::clipped("arm");
  LogChannel& channel = queue.add_channel();
  as_executor(channel, [&] {
    const LogSource source{&node, 7};
    channel.source = &source;
    log(LogLevel::kWarning, "late");
    channel.source = nullptr;
    log(LogLevel::kInfo, "idle");
  });
  EXPECT_TRUE(sink.records.empty()) << "only drain() calls the sink";
  queue.drain();
  ASSERT_EQ(sink.records.size(), 2U);
  EXPECT_EQ(sink.records[0].text.view(), "late");
  EXPECT_EQ(sink.records[0].node.view(), "arm");
  EXPECT_EQ(sink.records[0].tick, 7U);
  EXPECT_EQ(sink.records[0].level, LogLevel::kWarning);
  EXPECT_TRUE(sink.records[1].node.empty());
  EXPECT_LE(sink.records[0].at, sink.records[1].at);
}

TEST(Log, from_an_executor_drops_and_counts_what_does_not_fit) {
  Memory sink;
  LogQueue queue{sink};
  LogChannel& channel = queue.add_channel();
  as_executor(channel, [] {
    for (std::size_t i = 0; i < LogChannel::kRecords + 5; ++i) log(LogLevel::kInfo, "again");
  });
  queue.drain();
  EXPECT_EQ(sink.records.size(), LogChannel::kRecords);
  EXPECT_EQ(sink.lost_counts, std::vector<std::uint64_t>{5});
  queue.drain();
  EXPECT_EQ(sink.lost_counts.size(), 1U) << "told once";
}

TEST(Log, from_another_thread_goes_to_the_same_sink) {
  Memory sink;
  LogQueue queue{sink};
  log(LogLevel::kError, "from main");
  queue.drain();
  ASSERT_EQ(sink.records.size(), 1U);
  EXPECT_EQ(sink.records[0].text.view(), "from main");
}

TEST(Log, clips_a_text_that_is_too_long) {
  Memory sink;
  LogQueue queue{sink};
  log(LogLevel::kInfo, std::string(1000, 'x'));
  queue.drain();
  EXPECT_EQ(sink.records[0].text.view().size(), 383U);
}

TEST(Log, is_drained_when_the_queue_goes) {
  Memory sink;
  {
    LogQueue queue{sink};
    log(LogLevel::kInfo, "last words");
  }
  EXPECT_EQ(sink.records.size(), 1U);
}

TEST(Log, without_a_queue_goes_to_stderr_with_its_level) {
  ::testing::internal::CaptureStderr();
  log(LogLevel::kWarning, "nobody listens");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::MatchesRegex("..:..:..\\.... warning: nobody listens\n"));
}

TEST(Log, without_a_queue_goes_to_the_latest_that_was_made_for_it) {
  Memory outer;
  Memory inner;
  {
    const LogScope all{outer};
    log(LogLevel::kInfo, "1");
    std::optional<LogScope> first{outer};
    const LogScope second{inner};
    log(LogLevel::kInfo, "2");
    first.reset();
    log(LogLevel::kInfo, "3");
  }
  ::testing::internal::CaptureStderr();
  log(LogLevel::kInfo, "4");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::EndsWith(" 4\n"));
  ASSERT_EQ(outer.records.size(), 1U);
  EXPECT_EQ(outer.records[0].text.view(), "1");
  ASSERT_EQ(inner.records.size(), 2U);
  EXPECT_EQ(inner.records[1].text.view(), "3");
}

TEST(Log, without_a_queue_goes_to_what_its_own_thread_made) {
  Memory own;
  Memory others;
  const LogScope first{own};
  std::thread{[&] {
    const LogScope second{others};
    log(LogLevel::kInfo, "theirs");
  }}.join();
  std::optional<LogScope> later;
  std::thread{[&] { later.emplace(others); }}.join();
  log(LogLevel::kInfo, "mine");
  std::thread{[] { log(LogLevel::kInfo, "of a thread that made none"); }}.join();
  ASSERT_EQ(own.records.size(), 1U);
  EXPECT_EQ(own.records[0].text.view(), "mine");
  ASSERT_EQ(others.records.size(), 2U);
  EXPECT_EQ(others.records[1].text.view(), "of a thread that made none");
}

TEST(Log, of_a_thread_without_a_channel_names_whom_it_was_told) {
  Memory sink;
  const LogScope all{sink};
  const NodeName node = NodeName::clipped("arm");
  Cell<LogLevel> level;
  level.set(LogLevel::kWarning);
  const LogSource source{&node, 7, &level};
  const NodeName leg_name = NodeName::clipped("leg");
  const LogSource leg{&leg_name, 1, nullptr};
  {
    const LogNaming outer{source};
    log(LogLevel::kInfo, "not heard");
    log(LogLevel::kError, "heard");
    {
      const LogNaming inner{leg};
      log(LogLevel::kInfo, "of another");
    }
    log(LogLevel::kError, "as before");
  }
  log(LogLevel::kInfo, "of nobody");
  ASSERT_EQ(sink.records.size(), 4U);
  EXPECT_EQ(sink.records[0].node.view(), "arm");
  EXPECT_EQ(sink.records[0].tick, 7U);
  EXPECT_EQ(sink.records[1].node.view(), "leg");
  EXPECT_EQ(sink.records[2].node.view(), "arm");
  EXPECT_TRUE(sink.records[3].node.empty());
}

TEST(Log, between_ticks_an_executor_s_line_bears_the_name_that_it_is_given) {
  Memory sink;
  LogQueue queue{sink};
  const NodeName arm = NodeName::clipped("arm");
  const NodeName leg = NodeName::clipped("leg");
  const LogSource waits{&arm, 7};
  const LogSource runs{&leg, 1};
  LogChannel& channel = queue.add_channel();
  as_executor(channel, [&] {
    const LogNaming naming{waits};
    log(LogLevel::kInfo, "it waited");
    channel.source = &runs;
    log(LogLevel::kInfo, "another one runs");
    channel.source = nullptr;
  });
  queue.drain();
  ASSERT_EQ(sink.records.size(), 2U);
  EXPECT_EQ(sink.records[0].node.view(), "arm");
  EXPECT_EQ(sink.records[0].tick, 7U);
  EXPECT_EQ(sink.records[1].node.view(), "leg");
}

TEST(StderrSink, names_node_tick_and_losses) {
  ::testing::internal::CaptureStderr();
  stderr_sink().write({.level = LogLevel::kError,
                       .node = NodeName::clipped("arm"),
                       .tick = 3,
                       .text = Name<384>::clipped("failed")});
  stderr_sink().lost(9);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::MatchesRegex("..:..:..\\.... error: arm\\[3\\]: failed\n"
                                      "..:..:..\\.... warning: 9 log messages were lost\n"));
}

TEST(StderrSink, cuts_a_long_line_and_still_ends_it) {
  ::testing::internal::CaptureStderr();
  stderr_sink().write({.node = NodeName::clipped(std::string(63, 'n')),
                       .tick = 18446744073709551615ULL,
                       .text = Name<384>::clipped(std::string(383, 't'))});
  const std::string line = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(line.back(), '\n');
  EXPECT_EQ(line.size(), 13 + 63 + 1 + 20 + 3 + 383 + 1U);
}

}  // namespace
}  // namespace horus
