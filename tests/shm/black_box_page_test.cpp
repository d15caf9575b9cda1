// SPDX-License-Identifier: Apache-2.0
#include "shm/black_box_page.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "shm/black_box_store.hpp"
#include "shm/clean.hpp"
#include "shm/sweep.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

namespace fs = std::filesystem;

class BlackBoxPageTest : public test::ShmTest {
 protected:
  static constexpr std::size_t kSmall = std::size_t{64} << 10U;

  Result<BlackBoxPage> create(const std::string& host = "robot/base", std::size_t bytes = kSmall) {
    return BlackBoxPage::create(base.path(), host, bytes);
  }
  std::string path() const { return base.path() + "/hosts/robot%2Fbase.blackbox"; }
  HostEvents read() const {
    auto boxes = BlackBoxPage::read_all(base.path());
    EXPECT_EQ(boxes.size(), 1U);
    return boxes.empty() ? HostEvents{} : std::move(boxes.front());
  }
  static std::vector<std::string> kinds(const HostEvents& box) {
    std::vector<std::string> names;
    for (const Event& event : box.events) names.emplace_back(to_text(event.kind));
    return names;
  }
  using Names = std::vector<std::string>;
};

TEST_F(BlackBoxPageTest, begins_with_its_start_and_others_read_it) {
  BlackBoxPage page = create().value();
  page.box().write(EventKind::kConfig, "changed");
  const HostEvents box = read();
  EXPECT_EQ(box.host, "robot/base");
  EXPECT_TRUE(box.alive);
  EXPECT_EQ(box.lives, 1U);
  EXPECT_EQ(kinds(box), (Names{"start", "config"}));
  EXPECT_EQ(box.events[0].numbers[0], ::getpid());
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  EXPECT_GE(static_cast<std::size_t>(status.st_size), kSmall - 4096);
  EXPECT_EQ(create().error().code, Errc::kBusy);
}

TEST_F(BlackBoxPageTest, outlives_its_host_and_a_successor_goes_on) {
  std::optional<BlackBoxPage> page = create().value();
  EXPECT_FALSE(page->follows_a_death());
  page->box().write(EventKind::kError, "bent");
  page.reset();
  EXPECT_TRUE(read().died());
  BlackBoxPage next = create().value();
  EXPECT_TRUE(next.follows_a_death());
  const HostEvents box = read();
  EXPECT_EQ(kinds(box), (Names{"start", "error", "start"}));
  EXPECT_EQ(box.lives, 2U);
  EXPECT_TRUE(box.began_after_a_death());
  EXPECT_EQ(box.events.back().sequence, 3U);
}

TEST_F(BlackBoxPageTest, who_said_his_end_did_not_die) {
  std::optional<BlackBoxPage> page = create().value();
  page->end("asked to", 0);
  page.reset();
  EXPECT_FALSE(read().died());
  BlackBoxPage next = create().value();
  EXPECT_FALSE(next.follows_a_death());
  EXPECT_FALSE(read().began_after_a_death());
}

TEST_F(BlackBoxPageTest, stays_when_a_clean_stop_is_swept) {
  std::optional<BlackBoxPage> page = create().value();
  page.reset();
  sweep(base.path(), /*hosts_too=*/true);
  EXPECT_TRUE(fs::exists(path()));
  BlackBoxPage::remove_dead(base.path());
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(BlackBoxPageTest, of_the_living_nothing_is_removed) {
  BlackBoxPage page = create().value();
  BlackBoxPage::remove_dead(base.path());
  EXPECT_TRUE(fs::exists(path()));
  ASSERT_TRUE(clean(base.path(), /*dry_run=*/false));
  EXPECT_TRUE(fs::exists(path()));
  page.remove();
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(BlackBoxPageTest, cleaning_up_by_hand_takes_a_dead_one) {
  std::optional<BlackBoxPage> page = create().value();
  page.reset();
  ASSERT_TRUE(clean(base.path(), /*dry_run=*/false));
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(BlackBoxPageTest, has_its_name_again_where_somebody_took_it_away) {
  BlackBoxPage page = create().value();
  ASSERT_EQ(::unlink(path().c_str()), 0);
  page.keep(Folder::look(base.path() + "/hosts").value());
  page.box().write(EventKind::kConfig, "after");
  EXPECT_EQ(kinds(read()), (Names{"start", "config"}));
}

TEST_F(BlackBoxPageTest, of_programs_without_a_name_that_were_killed_the_last_few_stay) {
  std::optional<BlackBoxPage> named = create("rover").value();
  named.reset();
  const BlackBoxPage living = create("py-1").value();
  for (int i = 2; i < 9; ++i) ASSERT_TRUE(create("py-" + std::to_string(i)));
  const BlackBoxPage last = create("py-9-2").value();
  std::vector<std::string> hosts;
  for (const HostEvents& box : BlackBoxPage::read_all(base.path())) hosts.push_back(box.host);
  EXPECT_EQ(hosts, (Names{"py-1", "py-6", "py-7", "py-8", "py-9-2", "rover"}));
}

TEST_F(BlackBoxPageTest, another_hosts_box_under_a_name_is_nobodys) {
  std::optional<BlackBoxPage> page = create("thief").value();
  page.reset();
  fs::rename(base.path() + "/hosts/thief.blackbox", path());
  EXPECT_TRUE(BlackBoxPage::read_all(base.path()).empty());
}

/// Bytes of a copy of two hosts.
std::vector<std::byte> two_boxes() {
  HostEvents one{.host = "one", .lives = 3, .clocks = ClockPair::now()};
  HostEvents two{.host = "two"};
  for (std::uint64_t i = 1; i <= 40; ++i) {
    one.events.push_back({.sequence = i, .kind = EventKind::kState});
    two.events.push_back({.sequence = 100 + i, .kind = EventKind::kMiss});
  }
  auto bytes = bytes_of(one);
  const auto more = bytes_of(two);
  bytes.insert(bytes.end(), more.begin(), more.end());
  return bytes;
}

TEST(HostEvents, after_a_mark_are_those_that_came_since) {
  const auto box = [](std::uint64_t first, std::uint64_t last, std::int64_t began_ns) {
    HostEvents made;
    for (std::uint64_t n = first; n <= last; ++n) {
      made.events.push_back({.sequence = n, .at_ns = began_ns + static_cast<std::int64_t>(n)});
    }
    return made;
  };
  const auto numbers = [](std::span<const Event> events) {
    std::vector<std::uint64_t> all;
    for (const Event& event : events) all.push_back(event.sequence);
    return all;
  };
  using Numbers = std::vector<std::uint64_t>;
  constexpr TimePoint kLater = from_ns(1'000'000'000);
  BoxMark mark;
  EXPECT_TRUE(HostEvents{}.after(mark, kLater).empty());
  EXPECT_EQ(numbers(box(1, 3, 100).after(mark, kLater)), (Numbers{1, 2, 3}));
  EXPECT_TRUE(box(1, 3, 100).after(mark, kLater).empty());
  EXPECT_EQ(numbers(box(2, 5, 100).after(mark, kLater)), (Numbers{4, 5}));
  EXPECT_EQ(numbers(box(7, 8, 100).after(mark, kLater)), (Numbers{7, 8})) << "6 was overwritten";
  EXPECT_TRUE(HostEvents{}.after(mark, kLater).empty());
  // A box that began afresh has fewer, as many, or more than were read of the one before.
  EXPECT_EQ(numbers(box(1, 2, 200).after(mark, kLater)), (Numbers{1, 2}));
  EXPECT_EQ(numbers(box(1, 2, 300).after(mark, kLater)), (Numbers{1, 2}));
  EXPECT_EQ(numbers(box(1, 3, 400).after(mark, kLater)), (Numbers{1, 2, 3}));
  EXPECT_TRUE(box(1, 3, 400).after(mark, kLater).empty());
}

TEST(HostEvents, behind_an_event_that_may_be_being_written_nothing_is_read_yet) {
  const auto at = [](std::int64_t ns) { return from_ns(ns) + HostEvents::kBeingWritten; };
  HostEvents box;
  for (const std::uint64_t n : {4U, 5U, 7U, 8U}) {
    box.events.push_back({.sequence = n, .at_ns = static_cast<std::int64_t>(1000 * n)});
  }
  BoxMark mark;
  EXPECT_EQ(box.after(mark, at(6999)).size(), 2U) << "where it begins there is no gap";
  EXPECT_EQ(mark.sequence, 5U);
  EXPECT_TRUE(box.after(mark, at(6999)).empty());
  EXPECT_EQ(mark.sequence, 5U);
  auto whole = box;
  whole.events.insert(whole.events.begin() + 2, {.sequence = 6, .at_ns = 7100});
  BoxMark second = mark;
  EXPECT_EQ(whole.after(second, at(6999)).size(), 3U) << "it came";
  BoxMark third = mark;
  EXPECT_EQ(box.after(third, TimePoint::max()).size(), 2U) << "nobody waits for it";
  EXPECT_EQ(box.after(mark, at(7000)).size(), 2U) << "it does not come any more";
  EXPECT_EQ(mark.sequence, 8U);
}

TEST(BlackBoxBytes, are_read_as_they_were_written) {
  const auto boxes = boxes_in(two_boxes());
  ASSERT_EQ(boxes.size(), 2U);
  EXPECT_EQ(boxes[0].host, "one");
  EXPECT_EQ(boxes[0].lives, 3U);
  EXPECT_NE(boxes[0].clocks.wall_ns, 0);
  EXPECT_EQ(boxes[0].events.size(), 40U);
  EXPECT_EQ(boxes[1].events.back().sequence, 140U);
}

TEST(BlackBoxBytes, cut_off_anywhere_give_what_is_whole) {
  const auto whole = two_boxes();
  std::size_t before = 0;
  for (std::size_t size = whole.size() % 13; size <= whole.size(); size += 13) {
    // In memory that ends there.
    std::vector<std::uint64_t> words((size + 7) / 8);
    const auto copy = std::as_writable_bytes(std::span{words}).first(size);
    std::copy_n(whole.begin(), size, copy.begin());
    std::size_t events = 0;
    for (const HostEvents& box : boxes_in(copy)) events += box.events.size();
    ASSERT_GE(events, before) << size;
    before = events;
  }
  EXPECT_EQ(before, 80U);
}

TEST(BlackBoxBytes, of_a_damaged_box_the_next_one_is_found) {
  auto bytes = two_boxes();
  std::fill_n(bytes.begin(), 8, std::byte{0});
  const auto boxes = boxes_in(bytes);
  ASSERT_EQ(boxes.size(), 1U);
  EXPECT_EQ(boxes[0].host, "two");
}

TEST(BlackBoxBytes, that_lie_do_no_harm) {
  std::mt19937_64 random{7};
  const auto whole = two_boxes();
  for (int round = 0; round < 2000; ++round) {
    auto bytes = whole;
    for (int i = 0; i < 16; ++i) {
      // Headers more often than the rest.
      const std::size_t most = round % 2 == 0 ? 256 : bytes.size();
      bytes[random() % most] = static_cast<std::byte>(random());
    }
    for (const HostEvents& box : boxes_in(bytes)) {
      EXPECT_LE(box.host.size(), 64U);
      for (const Event& event : box.events) EXPECT_LE(event.text.view().size(), 200U);
    }
  }
}

class BlackBoxStoreTest : public BlackBoxPageTest {
 protected:
  BlackBoxStoreTest() { fs::create_directory(base.path() + "/state"); }
  ~BlackBoxStoreTest() override { fs::remove_all(base.path() + "/state"); }
  std::string folder() const { return base.path() + "/state/blackbox"; }
  BoxOrder order(const std::string& robot, const std::string& why) const {
    return {.base = base.path(), .folder = folder(), .robot = robot, .why = why};
  }
  Result<std::string> flush(const std::string& robot = "rover", const std::string& why = "test") {
    auto kept = flush_boxes(order(robot, why));
    if (!kept) return kept.error();
    return kept.value().file;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{folder()}) {
      names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }
};

TEST_F(BlackBoxStoreTest, keeps_every_box_in_one_file_with_the_reason) {
  BlackBoxPage one = create("one").value();
  std::optional<BlackBoxPage> two = create("two").value();
  two.reset();
  const std::string file = flush("rover", "two died").value();
  const auto boxes = read_copy(file).value();
  ASSERT_EQ(boxes.size(), 2U);
  EXPECT_EQ(kinds(boxes[0]), (Names{"start", "flush"}));
  EXPECT_EQ(boxes[1].host, "two");
  EXPECT_EQ(boxes[1].events.back().text, "two died");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  ASSERT_EQ(::stat(folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0750U);
  EXPECT_EQ(latest_copy(folder()), file);
  // The living box goes on as it was.
  EXPECT_EQ(kinds(one.read()), Names{"start"});
}

TEST_F(BlackBoxStoreTest, the_last_ten_of_a_robot_are_kept) {
  BlackBoxPage page = create().value();
  ASSERT_TRUE(flush("other"));
  for (int i = 0; i < 13; ++i) ASSERT_TRUE(flush());
  const auto left = files();
  ASSERT_EQ(left.size(), 11U);
  EXPECT_TRUE(left[0].starts_with("other.000001."));
  EXPECT_TRUE(left[1].starts_with("rover.000005."));
  EXPECT_TRUE(left.back().starts_with("rover.000014."));
}

TEST_F(BlackBoxStoreTest, robots_that_are_named_after_everything_do_not_fill_the_folder) {
  BlackBoxPage page = create().value();
  for (int i = 0; i < 110; ++i) ASSERT_TRUE(flush("run" + std::to_string(i)));
  EXPECT_EQ(files().size(), kAllCopiesKept);
}

TEST_F(BlackBoxStoreTest, hosts_without_a_name_are_one_robot) {
  BlackBoxPage page = create().value();
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(flush("py-" + std::to_string(1000 + i)));
  ASSERT_TRUE(flush("py-rover"));
  const auto left = files();
  EXPECT_EQ(left.size(), 11U);
  EXPECT_TRUE(left[0].starts_with("py-rover."));
  EXPECT_TRUE(left[1].starts_with("py.000003."));
}

TEST_F(BlackBoxStoreTest, where_there_is_no_box_there_is_no_copy) {
  EXPECT_EQ(flush().value(), "");
  EXPECT_FALSE(fs::exists(folder()));
  EXPECT_EQ(latest_copy(folder()), std::nullopt);
  EXPECT_FALSE(flush_boxes({.base = base.path(), .folder = "", .robot = "rover", .why = "none"}));
}

TEST_F(BlackBoxStoreTest, other_files_stay_and_their_names_count_for_nothing) {
  BlackBoxPage page = create().value();
  ASSERT_TRUE(flush());
  for (const char* name : {"rover.blackbox", "rover.x.now.blackbox", "notes",
                           "rover.99999999999999999999.now.blackbox"}) {
    std::ofstream{folder() + "/" + name} << "mine";
  }
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(flush());
  EXPECT_EQ(files().size(), 14U);
}

TEST_F(BlackBoxStoreTest, a_folder_that_others_may_write_is_refused) {
  BlackBoxPage page = create().value();
  fs::create_directory(folder());
  fs::permissions(folder(), fs::perms::all);
  const auto kept = flush();
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, Errc::kPermission);
  EXPECT_TRUE(files().empty());
}

TEST_F(BlackBoxStoreTest, a_link_in_the_folders_place_is_refused) {
  BlackBoxPage page = create().value();
  fs::create_directory(base.path() + "/state/else");
  fs::create_directory_symlink(base.path() + "/state/else", folder());
  EXPECT_FALSE(flush());
  EXPECT_TRUE(fs::is_empty(base.path() + "/state/else"));
}

TEST_F(BlackBoxStoreTest, what_a_writer_that_died_left_is_in_nobodys_way) {
  BlackBoxPage page = create().value();
  ASSERT_TRUE(flush());
  std::ofstream{folder() + "/.new"} << "half";
  ASSERT_TRUE(flush());
  EXPECT_EQ(files().size(), 2U);
  EXPECT_EQ(latest_copy(folder()), folder() + "/" + files().back());
}

TEST_F(BlackBoxStoreTest, several_who_keep_a_copy_at_once_keep_one_each) {
  BlackBoxPage page = create().value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([this] { EXPECT_TRUE(flush()); });
  for (std::thread& thread : threads) thread.join();
  const auto all = files();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_TRUE(all.back().starts_with("rover.000004."));
  for (const std::string& file : all) EXPECT_TRUE(read_copy(folder() + "/" + file));
}

/// Boxes in whose folder this user is another than their owner.
class OthersBoxesTest : public BlackBoxStoreTest {
 protected:
  OthersBoxesTest() {
    order_ = order("rover", "test");
    order_.rank.user = ::geteuid() + 1;
  }
  void leave(const std::string& host, std::size_t bytes = kSmall) {
    BlackBoxPage page = create(host, bytes).value();
    while (page.box().head().claimed.load() * sizeof(BlackBoxPlace) < bytes / 2) {
      page.box().write(EventKind::kState, "more");
    }
  }
  Names kept(const KeptBoxes& boxes) const {
    Names hosts;
    if (boxes.file.empty()) return hosts;
    for (const HostEvents& box : read_copy(boxes.file).value()) hosts.push_back(box.host);
    return hosts;
  }
  BoxOrder order_;
};

TEST_F(OthersBoxesTest, of_others_only_so_many_are_kept_and_the_rest_stays) {
  for (char name = 'a'; name < 'm'; ++name) leave(std::string{name});
  order_.rank.configured = {"l", "k"};
  const KeptBoxes boxes = flush_boxes(order_).value();
  EXPECT_EQ(kept(boxes), (Names{"k", "l", "a", "b", "c", "d", "e", "f", "g", "h"}));
  EXPECT_EQ(boxes.left, (Names{"i.blackbox", "j.blackbox"}));
  BlackBoxPage::remove_dead(base.path(), boxes.left);
  EXPECT_EQ(kept(flush_boxes(order_).value()), (Names{"i", "j"}));
}

TEST_F(OthersBoxesTest, of_others_only_so_many_bytes_are_read) {
  leave("a", std::size_t{40} << 20U);
  leave("b", std::size_t{40} << 20U);
  leave("c");
  const KeptBoxes boxes = flush_boxes(order_).value();
  EXPECT_EQ(kept(boxes), (Names{"a", "c"}));
  EXPECT_EQ(boxes.left, Names{"b.blackbox"});
}

TEST_F(OthersBoxesTest, who_hurries_waits_for_one_piece_and_for_the_users_own) {
  leave("a", std::size_t{4} << 20U);
  leave("b");
  struct : CopyWaiter {
    bool late() noexcept override { return ++asked > 3; }
    int asked = 0;
  } waiter;
  order_.waiter = &waiter;
  const KeptBoxes late = flush_boxes(order_).value();
  EXPECT_EQ(waiter.asked, 5) << "before a box, after each piece, and none once it was late";
  EXPECT_EQ(late.file, "") << "nothing of a box is kept that is not whole";
  EXPECT_EQ(late.left, (Names{"a.blackbox", "b.blackbox"}));
  order_.rank.user = ::geteuid();
  EXPECT_EQ(kept(flush_boxes(order_).value()), (Names{"a", "b"}));
}

TEST_F(BlackBoxStoreTest, a_box_whose_places_are_in_any_order_is_kept_in_the_order_of_events) {
  std::optional<BlackBoxPage> page = create().value();
  const std::size_t places = kSmall / sizeof(BlackBoxPlace);
  for (std::size_t i = 0; i < places + places / 2; ++i) page->box().write(EventKind::kMiss, "x");
  const HostEvents before = page->read();
  const auto boxes = read_copy(flush().value()).value();
  ASSERT_EQ(boxes.size(), 1U);
  ASSERT_EQ(boxes[0].events.size(), before.events.size() + 1);
  EXPECT_EQ(boxes[0].events.front().sequence, before.events.front().sequence);
  EXPECT_EQ(boxes[0].events.back().sequence, before.events.back().sequence + 1);
  EXPECT_EQ(boxes[0].lives, before.lives);
}

TEST_F(BlackBoxStoreTest, what_is_no_copy_is_told) {
  fs::create_directory(folder());
  const std::string other = folder() + "/other";
  std::ofstream{other} << "something else, and long enough to have been a header";
  EXPECT_EQ(read_copy(other).error().code, Errc::kCorrupt);
  EXPECT_EQ(read_copy(folder()).error().code, Errc::kInvalidArgument);
  EXPECT_FALSE(read_copy(folder() + "/none"));
  ASSERT_EQ(::mkfifo((folder() + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_copy(folder() + "/pipe").error().code, Errc::kInvalidArgument);
}

TEST(BoxFolder, is_the_services_or_the_users) {
  ::setenv("XDG_STATE_HOME", "/x/state", 1);
  EXPECT_EQ(box_folder("/dev/shm/horus"), "/var/lib/horus/blackbox");
  EXPECT_EQ(box_folder("/dev/shm/horus-1"), "/x/state/horus/blackbox");
  ::setenv("XDG_STATE_HOME", "relative", 1);
  ::setenv("HOME", "/x/home", 1);
  EXPECT_EQ(box_folder("/dev/shm/horus-1"), "/x/home/.local/state/horus/blackbox");
  ::unsetenv("HOME");
  EXPECT_EQ(box_folder("/dev/shm/horus-1"), "");
}

TEST(BoxSize, has_limits_and_a_default) {
  EXPECT_TRUE(is_box_size(0));
  EXPECT_TRUE(is_box_size(0.0625));
  EXPECT_TRUE(is_box_size(64));
  for (const double wrong : {-1.0, 0.06, 64.1, std::nan("")}) EXPECT_FALSE(is_box_size(wrong));
  EXPECT_EQ(box_bytes(0, kDaemonBoxBytes), std::size_t{4} << 20U);
  EXPECT_EQ(box_bytes(0.5, kBoxBytes), std::size_t{512} << 10U);
}

}  // namespace
}  // namespace horus::shm
