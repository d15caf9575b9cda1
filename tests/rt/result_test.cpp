// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>

#include <gtest/gtest.h>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"

namespace horus {
namespace {

TEST(Result, holds_a_value_or_an_error) {
  const Result<int> good{7};
  ASSERT_TRUE(good);
  EXPECT_EQ(good.value(), 7);
  const Result<int> bad{Error{Errc::kNotFound, "look", 0, {}}};
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Errc::kNotFound);
}

TEST(Result, moves_a_value_out) {
  Result<std::unique_ptr<int>> result{std::make_unique<int>(3)};
  EXPECT_EQ(*std::move(result).value(), 3);
}

TEST(Status, is_success_until_it_is_an_error) {
  EXPECT_TRUE(Status{});
  const Status failed{Error{Errc::kBusy, "lock", EAGAIN, {}}};
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().os_errno, EAGAIN);
}

TEST(ResultDeathTest, reading_the_wrong_side_aborts) {
  const Result<int> bad{Error{}};
  EXPECT_DEATH(static_cast<void>(bad.value()), "value\\(\\) of a Result that failed");
  EXPECT_DEATH(static_cast<void>(Result<int>{1}.error()), "check failed");
  EXPECT_DEATH(static_cast<void>(Status{}.error()), "check failed");
}

TEST(Error, takes_its_code_from_errno) {
  struct Case {
    int number;
    Errc code;
  };
  constexpr std::array kCases{Case{EINVAL, Errc::kInvalidArgument},
                              Case{ENOENT, Errc::kNotFound},
                              Case{EACCES, Errc::kPermission},
                              Case{EPERM, Errc::kPermission},
                              Case{EEXIST, Errc::kBusy},
                              Case{ENOSPC, Errc::kExhausted},
                              Case{EMFILE, Errc::kExhausted},
                              Case{EIO, Errc::kSystem}};
  for (const auto& [number, code] : kCases) {
    errno = number;
    const Error error = Error::from_errno("try", "subject");
    EXPECT_EQ(error.code, code) << number;
    EXPECT_EQ(error.os_errno, number);
    EXPECT_EQ(error.subject.view(), "subject");
  }
}

TEST(Result, says_its_error_when_its_value_is_wanted) {
  const Result<int> failed =
      Error{Errc::kNotFound, "open topic", ENOENT, Name<200>::clipped("cmd")};
  EXPECT_DEATH(static_cast<void>(failed.value()),
               "value\\(\\) of a Result that failed: open topic: cmd: No such file or directory");
  EXPECT_DEATH(static_cast<void>(Result<int>{Error{.what = "start"}}.value()),
               "value\\(\\) of a Result that failed: start\n");
}

TEST(UniqueFd, closes_when_it_goes_and_only_once) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  UniqueFd reader{ends[0]};
  {
    UniqueFd writer{ends[1]};
    UniqueFd moved{std::move(writer)};
    EXPECT_FALSE(writer);  // NOLINT(bugprone-use-after-move): empty is what is promised.
    EXPECT_TRUE(moved);
  }
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0) << "the writing end is closed";
}

}  // namespace
}  // namespace horus
