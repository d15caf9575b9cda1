// SPDX-License-Identifier: Apache-2.0
#include "rt/base/patient_writer.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include <gtest/gtest.h>

#include "rt/base/unique_fd.hpp"

namespace horus {
namespace {

class PatientWriterTest : public ::testing::Test {
 protected:
  static constexpr int kSize = 8192;  // Two pages: a line does not fill it.

  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    read_ = UniqueFd{ends[0]};
    write_ = UniqueFd{ends[1]};
    ASSERT_GT(::fcntl(write_.get(), F_SETPIPE_SZ, kSize), 0);
  }
  std::string read_all() {
    std::array<char, 2 * kSize> text{};
    const ssize_t size = ::read(read_.get(), text.data(), text.size());
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  void fill() { ASSERT_EQ(::write(write_.get(), std::string(kSize, '-').data(), kSize), kSize); }

  UniqueFd read_;
  UniqueFd write_;
};

TEST_F(PatientWriterTest, writes_a_line) {
  PatientWriter writer{write_.get()};
  EXPECT_EQ(writer.write("one\n"), 0U);
  EXPECT_EQ(read_all(), "one\n");
}

TEST_F(PatientWriterTest, a_reader_that_stalls_loses_lines_and_is_told_how_many) {
  PatientWriter writer{write_.get()};
  fill();
  EXPECT_EQ(writer.write("one\n"), 0U);
  EXPECT_EQ(writer.write("two\n"), 0U);
  EXPECT_EQ(read_all(), std::string(kSize, '-'));
  EXPECT_EQ(writer.write("three\n"), 2U);
  EXPECT_EQ(writer.write("four\n"), 0U) << "they are told once";
  EXPECT_EQ(read_all(), "three\nfour\n");
}

TEST_F(PatientWriterTest, what_was_lost_is_told_later_where_there_is_no_room_to_tell_it) {
  PatientWriter writer{write_.get()};
  fill();
  writer.tell("7 were lost\n", 7);
  EXPECT_EQ(writer.write("one\n"), 0U);
  EXPECT_EQ(read_all(), std::string(kSize, '-'));
  EXPECT_EQ(writer.write("two\n"), 8U);
  writer.tell("8 were lost\n", 8);
  EXPECT_EQ(writer.write("three\n"), 0U);
  EXPECT_EQ(read_all(), "two\n8 were lost\nthree\n");
}

TEST_F(PatientWriterTest, a_reader_that_is_gone_keeps_nobody) {
  ::signal(SIGPIPE, SIG_IGN);
  read_ = UniqueFd{};
  PatientWriter writer{write_.get()};
  EXPECT_EQ(writer.write("one\n"), 0U);
  EXPECT_EQ(writer.write("two\n"), 0U);
  ::signal(SIGPIPE, SIG_DFL);
}

TEST_F(PatientWriterTest, what_is_longer_than_the_pipe_goes_as_far_as_it_takes) {
  EXPECT_FALSE(write_within(write_.get(), std::string(2 * kSize, 'x'), Nanos{}));
  EXPECT_EQ(read_all(), std::string(kSize, 'x'));
}

}  // namespace
}  // namespace horus
