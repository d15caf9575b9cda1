// SPDX-License-Identifier: Apache-2.0
#include "shm/stats_page.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "shm/base.hpp"
#include "shm/log_page.hpp"
#include "shm/sweep.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::ChildProcess;

class StatsPageTest : public test::ShmTest {
 protected:
  Result<StatsPage> create(const std::vector<std::string>& nodes) {
    return StatsPage::create(base.path(), "robot/base", nodes);
  }
  std::string path() const { return base.path() + "/hosts/robot%2Fbase.stats"; }
};

TEST_F(StatsPageTest, others_read_what_the_owner_writes_in_place) {
  auto page = create({"arm", "leg"}).value();
  const StatsPage seen = StatsPage::open(base.path(), "robot/base").value();
  EXPECT_TRUE(seen.alive());
  EXPECT_EQ(seen.host().name, "robot/base");
  EXPECT_EQ(seen.host().pid.value(), ::getpid());
  EXPECT_EQ(seen.host().lives.value(), 1U);
  ASSERT_EQ(seen.nodes().size(), 2U);
  EXPECT_EQ(seen.nodes()[1].name, "leg");
  page.nodes()[1].ticks.add(3);
  EXPECT_EQ(seen.nodes()[1].ticks.value(), 3U);
}

TEST_F(StatsPageTest, a_host_that_lives_is_not_replaced_and_its_pid_is_named) {
  ChildProcess host{{"host", base.path(), "robot/base"}};
  ASSERT_EQ(host.line(), "ready");
  const auto refused = create({"arm"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kBusy);
  EXPECT_EQ(refused.error().subject, "robot/base (pid " + std::to_string(host.pid()) + ")");
}

TEST_F(StatsPageTest, a_page_that_names_another_host_than_its_file_is_refused) {
  const auto page = create({"arm"}).value();
  const std::string copy = base.path() + "/hosts/other.stats";
  std::filesystem::copy_file(path(), copy);
  const auto refused = StatsPage::open(base.path(), "other");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kVersionMismatch);
  EXPECT_EQ(refused.error().subject, copy);
  EXPECT_TRUE(StatsPage::open(base.path(), "robot/base"));
}

TEST_F(StatsPageTest, a_name_that_a_page_cannot_hold_is_refused) {
  EXPECT_TRUE(StatsPage::create(base.path(), std::string(63, 'x'), {}));
  for (const std::string& name : {std::string(64, 'x'), std::string{}}) {
    const auto refused = StatsPage::create(base.path(), name, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
  }
}

TEST_F(StatsPageTest, a_page_that_was_removed_is_not_made_again_where_another_has_its_name) {
  auto page = create({"arm"}).value();
  std::filesystem::remove(path());
  ChildProcess host{{"host", base.path(), "robot/base"}};
  ASSERT_EQ(host.line(), "ready");
  const Status kept = page.keep(Base::join(base.path()).value()->hosts());
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, Errc::kBusy);
  EXPECT_EQ(StatsPage::open(base.path(), "robot/base").value().host().pid.value(), host.pid());
}

TEST_F(StatsPageTest, a_successor_carries_the_counts_of_a_killed_host_on) {
  for (std::uint64_t life = 1; life <= 2; ++life) {
    ChildProcess host{{"host", base.path(), "robot/base"}};
    ASSERT_EQ(host.line(), "ready");
    host.kill();
    EXPECT_FALSE(StatsPage::open(base.path(), "robot/base").value().alive());
  }
  const auto page = create({"leg", "arm"}).value();
  EXPECT_EQ(page.host().lives.value(), 3U);
  EXPECT_EQ(page.nodes()[0].ticks.value(), 0U);
  EXPECT_EQ(page.nodes()[1].ticks.value(), 14U);
  EXPECT_EQ(page.nodes()[1].carried_ticks.value(), 14U);
}

TEST_F(StatsPageTest, a_successor_carries_every_count_of_a_node_on) {
  using Count = Counter NodeStats::*;
  static constexpr std::array<Count, 20> kCounts{&NodeStats::ticks,
                                                 &NodeStats::skipped,
                                                 &NodeStats::misses,
                                                 &NodeStats::overruns,
                                                 &NodeStats::errors,
                                                 &NodeStats::messages_sent,
                                                 &NodeStats::bytes_sent,
                                                 &NodeStats::messages_received,
                                                 &NodeStats::messages_dropped,
                                                 &NodeStats::messages_missed,
                                                 &NodeStats::messages_passed_over,
                                                 &NodeStats::messages_old,
                                                 &NodeStats::messages_refused,
                                                 &NodeStats::inputs_stale,
                                                 &NodeStats::fallbacks,
                                                 &NodeStats::degrades,
                                                 &NodeStats::hangs,
                                                 &NodeStats::gil_losses,
                                                 &NodeStats::gil_long_waits,
                                                 &NodeStats::gil_long_waits_off_cpu};
  using Times = Histogram NodeStats::*;
  static constexpr std::array<Times, 6> kTimes{&NodeStats::lateness, &NodeStats::execution,
                                               &NodeStats::response, &NodeStats::skipped_response,
                                               &NodeStats::gil_wait, &NodeStats::gil_lost};
  {
    auto page = create({"arm"}).value();
    NodeStats& arm = page.nodes()[0];
    for (std::size_t i = 0; i < kCounts.size(); ++i) (arm.*kCounts[i]).add(10 + i);
    for (std::size_t i = 0; i < kTimes.size(); ++i) {
      (arm.*kTimes[i]).record(Nanos{static_cast<std::int64_t>(i) + 1});
    }
  }
  const auto page = create({"arm"}).value();
  const NodeStats& arm = page.nodes()[0];
  for (std::size_t i = 0; i < kCounts.size(); ++i) {
    EXPECT_EQ((arm.*kCounts[i]).value(), 10 + i) << "counter " << i;
  }
  for (std::size_t i = 0; i < kTimes.size(); ++i) {
    const HistogramSnapshot times = (arm.*kTimes[i]).snapshot();
    EXPECT_EQ(times.count(), 1U) << "histogram " << i;
    EXPECT_EQ(times.max_ns, static_cast<std::int64_t>(i) + 1) << "histogram " << i;
  }
  EXPECT_EQ(arm.carried_ticks.value(), 10U);
  EXPECT_EQ(arm.carried_skipped.value(), 11U);
}

TEST_F(StatsPageTest, a_successor_carries_the_last_minute_on) {
  using Count = Counter NodeCounts::*;
  static constexpr std::array<Count, 10> kCounts{
      &NodeCounts::ticks,     &NodeCounts::skipped, &NodeCounts::misses, &NodeCounts::overruns,
      &NodeCounts::errors,    &NodeCounts::hangs,   &NodeCounts::missed, &NodeCounts::refused,
      &NodeCounts::gil_waits, &NodeCounts::old};
  const TimePoint then = MonotonicClock::now() - 30s;
  {
    auto page = create({"arm"}).value();
    NodeStats& arm = page.nodes()[0];
    arm.ticks.add(5);
    page.host().gc.generation[1].forced.add(2);
    take_snapshot(page.host(), page.nodes(), then);
    for (std::size_t i = 0; i < kCounts.size(); ++i) (arm.snapshots[0].*kCounts[i]).set(10 + i);
    arm.ticks.add(1);
  }
  const auto page = create({"leg", "arm"}).value();
  const HostStats& host = page.host();
  ASSERT_EQ(host.snapshots.value(), 2U) << "and one of the moment of the restart";
  EXPECT_EQ(host.snapshot[0].at_ns.value(), to_ns(then));
  EXPECT_EQ(host.snapshot[0].lives.value(), 1U);
  EXPECT_EQ(host.snapshot[0].gc_forced.value(), 2U);
  EXPECT_EQ(host.snapshot[1].lives.value(), 1U);
  EXPECT_EQ(host.lives.value(), 2U);
  const NodeStats& arm = page.nodes()[1];
  for (std::size_t i = 0; i < kCounts.size(); ++i) {
    EXPECT_EQ((arm.snapshots[0].*kCounts[i]).value(), 10 + i) << "counter " << i;
  }
  EXPECT_EQ(arm.snapshots[1].ticks.value(), 6U);
}

TEST_F(StatsPageTest, a_host_that_ends_stays_readable_until_it_is_removed) {
  {
    auto page = create({"arm"}).value();
    page.nodes()[0].ticks.add(5);
  }
  EXPECT_FALSE(StatsPage::open(base.path(), "robot/base").value().alive());
  EXPECT_EQ(StatsPage::open(base.path(), "robot/base").value().nodes()[0].ticks.value(), 5U);
  EXPECT_EQ(sweep(base.path()), 0U);
  EXPECT_EQ(sweep(base.path(), /*hosts_too=*/true), 1U);

  auto page = create({"arm"}).value();
  EXPECT_EQ(page.host().lives.value(), 1U);
  page.remove();
  EXPECT_EQ(StatsPage::open(base.path(), "robot/base").error().code, Errc::kNotFound);
}

TEST_F(StatsPageTest, of_many_that_want_to_be_one_host_one_is) {
  const std::string arm = "arm";
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> busy{0};
    std::atomic<int> made{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto page = StatsPage::create(base.path(), "one", {&arm, 1});
        ++(page ? made : busy);
        // It stays the host until all have tried.
        test::eventually([&] { return made + busy == 4; });
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(made, 1);
  }
}

TEST_F(StatsPageTest, statistics_of_another_version_are_replaced_when_their_host_is_dead) {
  std::filesystem::create_directories(base.path() + "/hosts");
  std::ofstream{base.path() + "/hosts/robot.stats"} << "from another world";
  const auto page = StatsPage::create(base.path(), "robot", {});
  ASSERT_TRUE(page);
  EXPECT_EQ(page.value().host().lives.value(), 1U);
}

TEST_F(StatsPageTest, every_page_of_a_base_is_found_and_what_is_none_is_left_out) {
  EXPECT_TRUE(StatsPage::open_all(base.path()).empty());
  auto page = create({}).value();
  auto other = StatsPage::create(base.path(), "another", {}).value();
  std::filesystem::create_directory(base.path() + "/hosts/x.stats");
  const auto pages = StatsPage::open_all(base.path());
  ASSERT_EQ(pages.size(), 2U);
  EXPECT_EQ(pages[0].host().name, "another");
}

TEST_F(StatsPageTest, more_nodes_than_a_page_holds_are_refused) {
  EXPECT_EQ(create(std::vector<std::string>(1025, "n")).error().code, Errc::kInvalidArgument);
  EXPECT_TRUE(create(std::vector<std::string>(1024, "n")));
}

TEST_F(StatsPageTest, of_killed_programs_without_a_name_whoever_comes_leaves_the_last_few) {
  const std::string hosts = base.path() + "/hosts/";
  const auto make = [&](const std::string& host) {
    EXPECT_TRUE(LogPage::create(base.path(), host));
    std::ofstream{hosts + host + ".board"} << "";
    std::ofstream{hosts + host + ".sock"} << "";
    return StatsPage::create(base.path(), host, {}).value();
  };
  const StatsPage living = make("py-1");
  for (int i = 2; i < 8; ++i) make("py-" + std::to_string(i));
  make("py-8-2");
  make("py-robot");
  make("robot");
  ASSERT_TRUE(open());
  for (const char* suffix : {".stats", ".log", ".board", ".sock"}) {
    std::vector<std::string> left;
    for (const std::string& path : test::files(base.path() + "/hosts", suffix)) {
      left.push_back(std::filesystem::path{path}.stem());
    }
    std::ranges::sort(left);
    EXPECT_EQ(left,
              (std::vector<std::string>{"py-1", "py-6", "py-7", "py-8-2", "py-robot", "robot"}))
        << suffix;
  }
}

}  // namespace
}  // namespace horus::shm
