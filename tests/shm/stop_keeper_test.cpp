// SPDX-License-Identifier: Apache-2.0
#include "shm/stop_keeper.hpp"

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <set>
#include <vector>

#include <horus/msg/control.hpp>

#include "rt/base/stop_latch.hpp"
#include "shm/hosts_watch.hpp"
#include "tests/support/open_count.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

/// A run that does nothing but stop.
class FakeSide final : public StopSide {
 public:
  std::optional<StopNote> stopped() noexcept override {
    const std::scoped_lock lock{mutex_};
    return note_;
  }
  void stop(StopCause cause, std::string_view text) noexcept override {
    const std::scoped_lock lock{mutex_};
    note_ = StopNote{.cause = cause, .text = Name<160>::clipped(text)};
  }
  void follow(std::int64_t since_ns) noexcept override {
    const std::scoped_lock lock{mutex_};
    followed_.insert(since_ns);
  }
  bool follows(std::int64_t since_ns) {
    const std::scoped_lock lock{mutex_};
    return followed_.contains(since_ns);
  }
  void forget() {
    const std::scoped_lock lock{mutex_};
    followed_.clear();
  }
  std::uint64_t seen() noexcept override {
    if (on_seen) on_seen();
    return 7;
  }
  Status may_release() noexcept override {
    return lasts ? Status{Error{Errc::kBusy, "go on", 0, {}}} : Status{};
  }
  Status release(std::uint64_t seen) noexcept override {
    EXPECT_EQ(seen, 7U);
    if (on_release) on_release();
    const std::scoped_lock lock{mutex_};
    if (refuses) return Error{Errc::kBusy, "release", 0, {}};
    note_.reset();
    return {};
  }
  bool ending() noexcept override { return ends; }
  void tell(const std::string& /*text*/) noexcept override { told = true; }
  std::atomic<bool> told{false};
  std::atomic<bool> refuses{false};
  std::atomic<bool> lasts{false};
  std::atomic<bool> ends{false};
  std::function<void()> on_seen;
  std::function<void()> on_release;

 private:
  std::mutex mutex_;
  std::optional<StopNote> note_;
  std::set<std::int64_t> followed_;
};

class StopKeeperTest : public test::ShmTest {
 protected:
  StatsPage page(const std::string& host) {
    return StatsPage::create(base.path(), host, std::vector<std::string>{"node"}).value();
  }
  /// Waits until the keeper has looked so often, by a page that it knows or finds.
  bool looks(StatsPage& page, int times) {
    for (; times > 0; --times) {
      const auto since = to_ns(MonotonicClock::now());
      page.stop_word().since_ns.store(since);
      if (!test::eventually([&] { return side.follows(since); })) return false;
    }
    return true;
  }
  StopKeeper::Options options() const { return {.base = base.path(), .host = "me"}; }
  std::string latch() const { return base.path() + "/state/rover.stop"; }

  StopWords words;
  FakeSide side;
};

TEST_F(StopKeeperTest, obeys_who_lives_until_it_is_released) {
  StatsPage other = page("other");
  other.stop_word().stops.fetch_add(1);
  StopKeeper keeper{options(), words, side};
  EXPECT_GE(words.look(), 0) << "before the first tick";
  EXPECT_TRUE(keeper.release());
  EXPECT_EQ(words.look(), -1);
  other.stop_word().stops.fetch_add(1);
  EXPECT_GE(words.look(), 0);
}

TEST_F(StopKeeperTest, hears_who_is_the_robots_however_many_names_others_leave) {
  StatsPage arm = page("arm");
  StatsPage script = page("script");
  for (int i = 0; i < 1100; ++i) {  // The newest are listed first.
    std::ofstream{base.path() + "/hosts/" + std::to_string(i) + ".log"};
  }
  {
    StopKeeper keeper{options(), words, side};
    EXPECT_TRUE(looks(script, 1)) << "a log is no host";
    EXPECT_FALSE(side.told);
  }
  side.forget();
  for (int i = 0; i < 1100; ++i) {
    std::ofstream{base.path() + "/hosts/" + std::to_string(i) + ".stats"};
  }
  auto its = options();
  its.robots = {"arm"};
  StopKeeper keeper{its, words, side};
  EXPECT_TRUE(looks(arm, 1));
  EXPECT_TRUE(side.told) << "the script may go unheard";
}

TEST_F(StopKeeperTest, finds_who_comes_later_and_lets_go_of_the_dead) {
  StopKeeper keeper{options(), words, side};
  EXPECT_EQ(words.look(), -1);
  test::ChildProcess host{{"host", base.path(), "late"}};
  ASSERT_EQ(host.line(), "ready");
  host.kill();
  {
    StatsPage other = page("later");
    other.stop_word().stops.fetch_add(1);
    EXPECT_TRUE(test::eventually([&] { return words.look() >= 0; }));
  }
  EXPECT_TRUE(test::eventually([&] { return words.look() < 0; }));
  EXPECT_FALSE(side.stopped()) << "the death of another host is no stop";
}

TEST_F(StopKeeperTest, stops_where_who_keeps_the_robots_state_dies) {
  StopKeeper::Options supervised = options();
  supervised.owner = "robot";
  std::optional<StatsPage> owner{page("robot")};
  std::optional<StatsPage> recorder{page("recorder")};
  StopKeeper keeper{supervised, words, side};
  recorder->stop_word().stops.fetch_add(1);
  EXPECT_GE(words.look(), 0);
  recorder.reset();
  EXPECT_TRUE(test::eventually([&] { return words.look() < 0; }));
  EXPECT_FALSE(side.stopped()) << "another host's death is none of the robot's";
  owner.reset();
  EXPECT_TRUE(test::eventually([&] { return side.stopped().has_value(); }));
  EXPECT_EQ(side.stopped()->cause, StopCause::kOwner);
}

TEST_F(StopKeeperTest, stops_at_its_start_where_nobody_keeps_the_robots_state) {
  const StatsPage other = page("other");
  StopKeeper::Options supervised = options();
  supervised.owner = "robot";
  supervised.owner_patience = 10ms;
  const StopKeeper keeper{supervised, words, side};
  ASSERT_TRUE(side.stopped()) << "before the first tick";
  EXPECT_EQ(side.stopped()->cause, StopCause::kOwner);
}

TEST_F(StopKeeperTest, waits_for_nobody_where_the_run_ends_before_it_has_begun) {
  StopKeeper::Options supervised = options();
  supervised.owner = "robot";
  supervised.owner_patience = std::chrono::hours{1};
  side.ends = true;
  const StopKeeper keeper{supervised, words, side};
  EXPECT_TRUE(side.stopped());
}

TEST_F(StopKeeperTest, waits_for_who_keeps_the_robots_state_to_start) {
  StopKeeper::Options supervised = options();
  supervised.owner = "robot";
  supervised.owner_patience = 60s;
  std::optional<StopKeeper> keeper;
  std::thread starts{[&] { keeper.emplace(supervised, words, side); }};
  const StatsPage owner = page("robot");
  starts.join();
  EXPECT_FALSE(side.stopped());
}

TEST_F(StopKeeperTest, follows_who_is_held_by_a_stop_of_a_host_that_is_gone) {
  StatsPage other = page("other");
  other.stop_word().since_ns.store(50);
  StopKeeper keeper{options(), words, side};
  EXPECT_TRUE(side.follows(50)) << "before the first tick";
  EXPECT_EQ(words.look(), -1) << "it has asked for none itself";
  EXPECT_TRUE(keeper.release());
  const auto later = to_ns(MonotonicClock::now());
  other.stop_word().since_ns.store(later);
  EXPECT_TRUE(test::eventually([&] { return side.follows(later); }));
}

TEST_F(StopKeeperTest, is_not_stopped_again_by_who_is_late_to_follow_what_it_has_released) {
  const auto asked = to_ns(MonotonicClock::now());
  StatsPage late = page("late");
  StatsPage mark = page("mark");
  StopKeeper keeper{options(), words, side};
  ASSERT_TRUE(keeper.release());
  late.stop_word().since_ns.store(asked);
  const auto since = to_ns(MonotonicClock::now());
  // Looked at after the other one.
  mark.stop_word().since_ns.store(since);
  EXPECT_TRUE(test::eventually([&] { return side.follows(since); }));
  EXPECT_FALSE(side.follows(asked));
}

TEST_F(StopKeeperTest, follows_a_stop_of_a_host_that_died_before_a_tick_saw_it) {
  std::optional<StatsPage> other{page("other")};
  StopKeeper keeper{options(), words, side};
  const auto since = to_ns(MonotonicClock::now());
  other->stop_word().since_ns.store(-since);  // Only the count tells it.
  other->stop_word().stops.fetch_add(1);
  other.reset();
  EXPECT_TRUE(test::eventually([&] { return side.follows(since); }));
}

TEST_F(StopKeeperTest, follows_a_stop_of_a_host_that_came_and_died_unseen) {
  const auto before = to_ns(MonotonicClock::now());
  { page("old").stop_word().since_ns.store(before); }
  StopKeeper keeper{options(), words, side};
  const auto since = to_ns(MonotonicClock::now());
  { page("short").stop_word().since_ns.store(since); }
  EXPECT_TRUE(test::eventually([&] { return side.follows(since); }));
  EXPECT_FALSE(side.follows(before)) << "it died before this host was there";
}

TEST_F(StopKeeperTest, opens_no_page_of_the_dead_while_nothing_changes) {
  { const StatsPage dead = page("dead"); }
  StatsPage mark = page("mark");
  StopKeeper keeper{options(), words, side};
  test::OpenCount opens{base.path() + "/hosts/dead.stats"};
  int quiet = 0;
  EXPECT_TRUE(test::eventually([&] {
    if (!looks(mark, 1)) return true;
    quiet = opens.take() == 0 ? quiet + 1 : 0;
    return quiet == 5;
  }));
  EXPECT_EQ(quiet, 5);
}

TEST_F(StopKeeperTest, goes_on_to_follow_what_a_dead_host_left_until_it_is_released) {
  StatsPage mark = page("mark");
  StopKeeper keeper{options(), words, side};
  const auto since = to_ns(MonotonicClock::now());
  { page("short").stop_word().since_ns.store(since); }
  ASSERT_TRUE(test::eventually([&] { return side.follows(since); }));
  for (int time = 0; time < 3; ++time) {
    // The folder is not read meanwhile, but perhaps once.
    ASSERT_TRUE(looks(mark, 4));
    side.forget();
    ASSERT_TRUE(looks(mark, 2));
    EXPECT_TRUE(side.follows(since));
  }
  ASSERT_TRUE(keeper.release());
  side.forget();
  ASSERT_TRUE(looks(mark, 3));
  EXPECT_FALSE(side.follows(since));
}

TEST_F(StopKeeperTest, finds_who_comes_in_a_base_that_took_the_others_place) {
  StatsPage before = page("before");
  StopKeeper keeper{options(), words, side};
  ASSERT_TRUE(looks(before, 5)) << "it knows the folder";
  const std::string aside = base.path() + ".aside";
  std::filesystem::rename(base.path(), aside);
  StatsPage other = page("other");
  other.stop_word().stops.fetch_add(1);
  EXPECT_TRUE(test::eventually([&] { return words.look() >= 0; }));
  std::filesystem::remove_all(aside);
}

class HostsWatchTest : public test::ShmTest {};

TEST_F(HostsWatchTest, asks_for_one_more_reading_after_the_tick_in_which_something_came) {
  const StatsPage page =
      StatsPage::create(base.path(), "a", std::vector<std::string>{"node"}).value();
  HostsWatch watch{base.path()};
  const TimePoint first = MonotonicClock::now();
  TimePoint last = first;
  ASSERT_TRUE(watch.changed());
  while (watch.changed()) last = MonotonicClock::now();
  EXPECT_GE(last - first, 10ms) << "a tick of the kernel's clock";
  const StatsPage another =
      StatsPage::create(base.path(), "b", std::vector<std::string>{"node"}).value();
  EXPECT_TRUE(watch.changed());
}

TEST_F(HostsWatchTest, sees_a_base_that_is_removed_and_made_again) {
  const auto come = [&] {
    return StatsPage::create(base.path(), "a", std::vector<std::string>{"node"}).value();
  };
  HostsWatch watch{base.path()};
  { const StatsPage page = come(); }
  while (watch.changed()) {
  }
  std::filesystem::remove_all(base.path() + "/hosts");
  EXPECT_TRUE(watch.changed());
  const StatsPage page = come();
  EXPECT_TRUE(watch.changed());
}

TEST_F(StopKeeperTest, releases_no_stop_of_another_host_that_came_meanwhile) {
  StatsPage other = page("other");
  other.stop_word().stops.fetch_add(1);
  StopKeeper::Options kept = options();
  kept.latch = latch();
  StopKeeper keeper{kept, words, side};
  side.stop(StopCause::kPeer, "another host has stopped");
  ASSERT_TRUE(test::eventually([&] { return std::filesystem::exists(latch()); }));
  side.on_seen = [&] { other.stop_word().stops.fetch_add(1); };
  const Status released = keeper.release();
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().code, Errc::kBusy);
  EXPECT_GE(words.look(), 0);
  EXPECT_TRUE(side.stopped()) << "nobody was let go meanwhile";
  EXPECT_TRUE(std::filesystem::exists(latch())) << "a restart would forget it";
  side.on_seen = nullptr;
  EXPECT_TRUE(keeper.release());
  EXPECT_EQ(words.look(), -1);
}

TEST_F(StopKeeperTest, keeps_the_latch_where_the_run_is_stopped_again_meanwhile) {
  StopKeeper::Options kept = options();
  kept.latch = latch();
  StopKeeper keeper{kept, words, side};
  side.stop(StopCause::kCall, "fire");
  ASSERT_TRUE(test::eventually([&] { return std::filesystem::exists(latch()); }));
  side.refuses = true;
  EXPECT_FALSE(keeper.release());
  EXPECT_TRUE(std::filesystem::exists(latch()));
}

TEST_F(StopKeeperTest, writes_no_latch_once_more_while_it_is_released) {
  StopKeeper::Options kept = options();
  kept.latch = latch();
  StopKeeper keeper{kept, words, side};
  side.stop(StopCause::kCall, "fire");
  ASSERT_TRUE(test::eventually([&] { return std::filesystem::exists(latch()); }));
  side.on_release = [&] {
    // The run is stopped yet, and the latch is gone: its thread looks meanwhile.
    const TimePoint until = MonotonicClock::now() + 3 * StopKeeper::kLook;
    while (MonotonicClock::now() < until && !std::filesystem::exists(latch())) {
      std::this_thread::yield();
    }
  };
  EXPECT_TRUE(keeper.release());
  EXPECT_FALSE(std::filesystem::exists(latch()));
}

TEST_F(StopKeeperTest, keeps_latch_and_others_stops_while_the_reason_is_there) {
  StopKeeper::Options kept = options();
  kept.latch = latch();
  StopKeeper keeper{kept, words, side};
  StatsPage other = page("other");
  other.stop_word().stops.fetch_add(1);
  side.stop(StopCause::kDevice, "a button");
  ASSERT_TRUE(
      test::eventually([&] { return std::filesystem::exists(latch()) && words.look() >= 0; }));
  side.lasts = true;
  side.on_release = [] { FAIL() << "it was asked to go on"; };
  const auto written = std::filesystem::last_write_time(latch());
  EXPECT_FALSE(keeper.release());
  EXPECT_EQ(std::filesystem::last_write_time(latch()), written);
  EXPECT_TRUE(words.look() >= 0 && side.stopped());
  side.lasts = false;
  side.on_release = nullptr;
  EXPECT_TRUE(keeper.release());
  EXPECT_FALSE(std::filesystem::exists(latch()));
}

TEST_F(StopKeeperTest, stops_where_a_host_dies_that_it_cannot_do_without_but_not_where_it_ends) {
  StopKeeper::Options needing = options();
  needing.critical = {"eyes"};
  StopKeeper keeper{needing, words, side};
  {
    StatsPage eyes = page("eyes");
    eyes.stop_word().stops.fetch_add(1);
    EXPECT_TRUE(test::eventually([&] { return words.look() >= 0; }));
    eyes.host().safety.set(SafetyState::kStopped);
  }
  EXPECT_TRUE(test::eventually([&] { return words.look() < 0; }));
  EXPECT_FALSE(side.stopped()) << "it said that it ends";
  {
    StatsPage eyes = page("eyes");
    eyes.stop_word().stops.fetch_add(1);
    EXPECT_TRUE(test::eventually([&] { return words.look() >= 0; }));
  }
  EXPECT_TRUE(test::eventually([&] { return side.stopped().has_value(); }));
  EXPECT_EQ(side.stopped()->cause, StopCause::kHost);
}

TEST_F(StopKeeperTest, is_whole_once_it_has_seen_each_critical_host_ready) {
  StopKeeper::Options needing = options();
  needing.critical = {"eyes"};
  StopKeeper keeper{needing, words, side};
  EXPECT_NE(describe(keeper.is_whole().error()).find("does not run: eyes"), std::string::npos);
  EXPECT_EQ(keeper.release().error().code, Errc::kBusy);
  {
    StatsPage eyes = page("eyes");
    EXPECT_NE(describe(keeper.is_whole().error()).find("is not ready: eyes"), std::string::npos);
    eyes.host().ready.set(1);
    EXPECT_TRUE(keeper.is_whole());
    EXPECT_TRUE(keeper.release());
  }
  // Whether or not its thread has looked meanwhile.
  EXPECT_EQ(keeper.is_whole().error().code, Errc::kBusy);
  ASSERT_TRUE(side.stopped().has_value());
  EXPECT_EQ(side.stopped()->cause, StopCause::kHost);
}

TEST_F(StopKeeperTest, writes_a_stop_to_disk_and_takes_it_back) {
  StopKeeper::Options kept = options();
  kept.latch = latch();
  StopKeeper keeper{kept, words, side};
  side.stop(StopCause::kCall, "fire\nand smoke");
  EXPECT_TRUE(test::eventually([&] { return std::filesystem::exists(latch()); }));
  const auto read = StopLatch::read(latch());
  ASSERT_TRUE(read && read.value());
  EXPECT_EQ(read.value()->cause, StopCause::kCall);
  EXPECT_EQ(read.value()->text, "fire and smoke");
  EXPECT_TRUE(keeper.release());
  EXPECT_FALSE(side.stopped());
  EXPECT_FALSE(std::filesystem::exists(latch()));
  side.stop(StopCause::kCall, "again");
  EXPECT_TRUE(test::eventually([&] { return std::filesystem::exists(latch()); }));
}

TEST_F(StopKeeperTest, has_a_stop_on_disk_before_it_ends) {
  StopKeeper::Options kept = options();
  kept.latch = latch();
  {
    StopKeeper keeper{kept, words, side};
    side.stop(StopCause::kCall, "fire");
  }
  EXPECT_TRUE(std::filesystem::exists(latch())) << "its thread may not have looked since";
}

TEST_F(StopKeeperTest, hears_the_topic_which_stops_and_never_releases) {
  const auto session = Session::open(base.path()).value();
  StopKeeper::Options hearing = options();
  hearing.hears = session.get();
  StopKeeper keeper{hearing, words, side};
  auto sends = session->publisher<msg::EmergencyStop>("estop").value();
  msg::EmergencyStop message;
  message.engaged = Flag{false};
  ASSERT_TRUE(sends.send(message));
  message.engaged = Flag{true};
  std::memcpy(&message.reason, "fire", 4);
  std::memcpy(&message.source, "gate", 4);
  ASSERT_TRUE(sends.send(message));
  EXPECT_TRUE(test::eventually([&] { return side.stopped().has_value(); }));
  EXPECT_EQ(side.stopped()->cause, StopCause::kTopic);
  EXPECT_EQ(side.stopped()->text, "fire (gate)");
  message.engaged = Flag{false};
  ASSERT_TRUE(sends.send(message));
  EXPECT_TRUE(test::eventually([&] { return sends.readers() == 1; }));
  EXPECT_TRUE(side.stopped()) << "no message releases";
}

TEST_F(StopKeeperTest, says_where_a_stop_cannot_be_kept) {
  StopKeeper::Options kept = options();
  kept.latch = base.path() + "/state/rover.stop";
  std::filesystem::create_symlink("/nonexistent", base.path() + "/state");
  StopKeeper keeper{kept, words, side};
  side.stop(StopCause::kCall, "fire");
  EXPECT_TRUE(test::eventually([&] { return side.told.load(); }));
}

TEST_F(StopKeeperTest, a_host_that_was_stopped_and_died_comes_back_stopped) {
  {
    StatsPage before = page("me");
    before.stop_word().stops.fetch_add(1);
  }
  const StatsPage after = page("me");
  EXPECT_GT(after.stop_word().stops.load(), after.stop_word().began.load());
  const auto reached = after.stop_word().stops.load();
  EXPECT_GT(reached, 0U);
}

TEST_F(StopKeeperTest, a_host_that_anothers_stop_held_comes_back_held) {
  {
    StatsPage before = page("me");
    before.stop_word().since_ns.store(50);
  }
  {
    const StatsPage after = page("me");
    EXPECT_EQ(after.stop_word().since_ns.load(), 50);
    EXPECT_EQ(after.stop_word().stops.load(), after.stop_word().began.load())
        << "it asks for no stop of its own";
  }
  { page("me").stop_word().since_ns.store(-60); }
  EXPECT_EQ(page("me").stop_word().since_ns.load(), 0) << "that one was released";
}

TEST_F(StopKeeperTest, a_life_begins_where_none_before_it_has_been) {
  std::uint64_t reached = 0;
  {
    StatsPage before = page("me");
    before.stop_word().stops.fetch_add(1);
    before.stop_word().began.store(before.stop_word().stops.load());
    reached = before.stop_word().stops.load();
  }
  const StatsPage after = page("me");
  EXPECT_GT(after.stop_word().began.load(), reached);
  EXPECT_EQ(after.stop_word().stops.load(), after.stop_word().began.load());
}

TEST(StopLatch, reads_nothing_where_there_is_none_and_refuses_what_is_no_latch) {
  const test::TemporaryBase folder;
  const std::string path = folder.path() + "/rover.stop";
  const auto none = StopLatch::read(path);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none.value());
  EXPECT_TRUE(StopLatch::clear(path));
  ASSERT_TRUE(StopLatch::check(path));
  ASSERT_TRUE((StopLatch{.cause = StopCause::kTopic, .text = "x"}.write(path)));
  ASSERT_TRUE(StopLatch::read(path).value());
  for (const char* damaged :
       {"", "horus stop 1\n", "horus stop 1\nfire\nx\n", "stop\n", "horus stop 1\ncall\nx"}) {
    std::filesystem::remove(path);
    std::FILE* const file = std::fopen(path.c_str(), "w");
    std::fputs(damaged, file);
    std::fclose(file);
    const auto read = StopLatch::read(path);
    ASSERT_FALSE(read) << damaged;
    EXPECT_EQ(read.error().code, Errc::kCorrupt);
  }
  std::filesystem::remove(path);
  std::filesystem::create_symlink("/etc/hostname", path);
  EXPECT_FALSE(StopLatch::read(path)) << "a link is followed nowhere";
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_FALSE(StopLatch::read(path));
}

TEST(StopLatch, has_the_robots_name_and_no_other_place) {
  EXPECT_EQ(latch_path("/var/lib/horus", "rover").value(), "/var/lib/horus/rover.stop");
  EXPECT_FALSE(latch_path("/var/lib/horus", ""));
  EXPECT_FALSE(latch_path("/var/lib/horus", "../x"));
}

TEST(StopLatch, tells_a_start_of_a_stop_and_of_what_would_forget_one) {
  const test::TemporaryBase folder;
  const auto path = latch_path(folder.path(), "rover");
  const auto lacks = [](const LatchFinding& found) {
    return found.stop.empty() && !found.lack.empty();
  };
  EXPECT_TRUE(look_at_latch(path).stop.empty() && look_at_latch(path).lack.empty());
  EXPECT_TRUE(lacks(look_at_latch(latch_path(folder.path(), "../x")))) << "it has no place";
  ASSERT_TRUE((StopLatch{.cause = StopCause::kCall, .text = "fire"}.write(path.value())));
  const std::string stop = look_at_latch(path).stop;
  EXPECT_EQ(stop, "it was stopped before it started (call): fire");
  // As a run does that begins stopped.
  ASSERT_TRUE((StopLatch{.cause = StopCause::kLatch, .text = stop}.write(path.value())));
  EXPECT_EQ(look_at_latch(path).stop, stop);
  std::filesystem::resize_file(path.value(), 3);
  EXPECT_TRUE(lacks(look_at_latch(path)));
  EXPECT_TRUE(lacks(look_at_latch(latch_path("/dev/null/x", "rover"))));
}

}  // namespace
}  // namespace horus::shm
