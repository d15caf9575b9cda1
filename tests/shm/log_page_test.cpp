// SPDX-License-Identifier: Apache-2.0
#include "shm/log_page.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "shm/clean.hpp"
#include "shm/sweep.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

class LogPageTest : public test::ShmTest {
 protected:
  Result<LogPage> create() { return LogPage::create(base.path(), "robot/base"); }
  std::string path() const { return base.path() + "/hosts/robot%2Fbase.log"; }
  static LogLine line(const std::string& text) {
    return {.at_us = 5, .level = LogLevel::kWarning, .text = Name<384>::clipped(text)};
  }
  std::vector<std::string> texts(std::uint64_t after = 0) {
    std::vector<std::string> all;
    for (const LogPage& page : LogPage::open_all(base.path())) {
      for (const LogLine& one : page.after(after)) all.emplace_back(one.text.view());
    }
    return all;
  }
};

TEST_F(LogPageTest, others_read_what_was_written_in_its_order) {
  LogPage page = create().value();
  page.write(line("one"));
  page.write(line("two"));
  const auto pages = LogPage::open_all(base.path());
  ASSERT_EQ(pages.size(), 1U);
  EXPECT_EQ(pages[0].host(), "robot/base");
  EXPECT_TRUE(pages[0].alive());
  EXPECT_EQ(pages[0].count(), 2U);
  EXPECT_EQ(texts(), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(texts(1), std::vector<std::string>{"two"});
  EXPECT_EQ(pages[0].after(0)[0].level, LogLevel::kWarning);
}

TEST_F(LogPageTest, keeps_the_last_thousand) {
  LogPage page = create().value();
  for (int i = 0; i < 1234; ++i) page.write(line(std::to_string(i)));
  const auto all = texts();
  ASSERT_EQ(all.size(), LogPage::kLines);
  EXPECT_EQ(all.front(), "234");
  EXPECT_EQ(all.back(), "1233");
}

TEST_F(LogPageTest, a_successor_goes_on_where_a_dead_one_ended) {
  std::optional<LogPage> page = create().value();
  EXPECT_EQ(create().error().code, Errc::kBusy);
  page->write(line("before"));
  page.reset();
  LogPage next = create().value();
  next.write(line("after"));
  EXPECT_EQ(texts(), (std::vector<std::string>{"before", "after"}));
}

TEST_F(LogPageTest, a_successor_numbers_on_so_that_who_follows_misses_nothing_and_repeats_nothing) {
  std::optional<LogPage> page = create().value();
  for (int i = 0; i < 1234; ++i) page->write(line(std::to_string(i)));
  page.reset();
  LogPage next = create().value();
  EXPECT_EQ(next.count(), 1234U);
  next.write(line("after"));
  EXPECT_EQ(texts(1234), std::vector<std::string>{"after"});
  EXPECT_EQ(texts(1233), (std::vector<std::string>{"1233", "after"}));
}

TEST_F(LogPageTest, who_follows_reads_all_of_a_host_that_began_afresh_and_nothing_twice) {
  LogMark mark;
  const auto read = [&] {
    std::vector<std::string> all;
    for (const LogPage& page : LogPage::open_all(base.path())) {
      for (const LogLine& one : page.after(mark)) {
        all.emplace_back(one.text.view());
        mark.number = one.number;
      }
    }
    return all;
  };
  std::optional<LogPage> page = create().value();
  page->write(line("one"));
  EXPECT_EQ(read(), std::vector<std::string>{"one"});
  // A crash: its successor's log is the same one.
  page.reset();
  page = create().value();
  page->write(line("two"));
  EXPECT_EQ(read(), std::vector<std::string>{"two"});
  EXPECT_EQ(page->end().number, 2U);
  page->remove();
  page.reset();
  // A clean end: by the next look this one has more lines than the one before.
  page = create().value();
  for (const char* const text : {"a", "b", "c"}) page->write(line(text));
  EXPECT_EQ(read(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(read().empty());
}

TEST_F(LogPageTest, a_clean_end_takes_it_away) {
  LogPage page = create().value();
  page.remove();
  EXPECT_TRUE(LogPage::open_all(base.path()).empty());
}

TEST_F(LogPageTest, somebody_removes_it_and_it_has_its_name_again_with_a_later_line) {
  LogPage page = create().value();
  page.write(line("before"));
  std::filesystem::remove(path());
  const auto comes_back = [&] {
    return test::eventually([&] {
      page.write(line("after"));
      return std::filesystem::exists(path());
    });
  };
  ASSERT_TRUE(comes_back());
  EXPECT_EQ(texts(page.count() - 1), std::vector<std::string>{"after"});
  std::filesystem::remove_all(base.path());
  ASSERT_TRUE(comes_back());
  EXPECT_TRUE(LogPage::open_all(base.path()).at(0).alive());
  LogPage other = LogPage::create(base.path(), "other").value();
  other.remove();
  other.write(line("after its end"));
  EXPECT_EQ(LogPage::open_all(base.path()).size(), 1U);
}

TEST_F(LogPageTest, what_is_no_log_is_none) {
  LogPage page = create().value();
  page.write(line("one"));
  const int file = ::open(path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::pwrite(file, "XXXX", 4, 0), 4);
  ::close(file);
  EXPECT_TRUE(LogPage::open_all(base.path()).empty());
}

TEST_F(LogPageTest, a_page_that_lies_about_its_count_harms_nobody) {
  LogPage page = create().value();
  page.write(line("one"));
  const int file = ::open(path().c_str(), O_RDWR | O_CLOEXEC);
  const std::uint64_t most = ~std::uint64_t{};
  ASSERT_EQ(::pwrite(file, &most, sizeof most, 32), 8);
  ::close(file);
  EXPECT_TRUE(texts().empty());
}

TEST_F(LogPageTest, the_dead_ones_are_swept_and_cleaned) {
  { const LogPage page = create().value(); }
  EXPECT_EQ(sweep(base.path(), /*hosts_too=*/false), 0U);
  EXPECT_EQ(sweep(base.path(), /*hosts_too=*/true), 1U);
  { const LogPage page = create().value(); }
  EXPECT_EQ(clean(base.path(), /*dry_run=*/false).value().size(), 1U);
  EXPECT_TRUE(LogPage::open_all(base.path()).empty());
  const LogPage living = create().value();
  EXPECT_EQ(sweep(base.path(), /*hosts_too=*/true), 0U);
  EXPECT_TRUE(clean(base.path(), /*dry_run=*/false).value().empty());
}

}  // namespace
}  // namespace horus::shm
