// SPDX-License-Identifier: Apache-2.0
#include "service/crash_place.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace horus::service {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CrashPlaceTest : public ::testing::Test {
 protected:
  CrashPlaceTest() {
    std::string pattern = "/tmp/horus-crash-XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  ~CrashPlaceTest() override { std::filesystem::remove_all(folder); }

  /// A service that crashes.
  void crash() const {
    const pid_t child = ::fork();
    if (child == 0) {
      tell_crashes(CrashPlace::open(folder).value().note());
      ::raise(SIGFPE);
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
  }

  std::string folder;
};

TEST_F(CrashPlaceTest, that_is_new_tells_of_no_crash) {
  const auto place = CrashPlace::open(folder);
  EXPECT_THAT(describe_crash(place.value().last()).summary, IsEmpty());
}

TEST_F(CrashPlaceTest, tells_the_next_service_once) {
  crash();
  const LastCrash crash = describe_crash(CrashPlace::open(folder).value().last());
  EXPECT_EQ(crash.summary,
            "crashed last time: Floating point exception (signal 8) outside of any node");
  ASSERT_THAT(crash.frames, Not(IsEmpty()));
  EXPECT_THAT(testing::PrintToString(crash.frames), HasSubstr("libc.so.6+0x"));
  EXPECT_THAT(testing::PrintToString(crash.frames), HasSubstr(" gsignal+0x"));
  EXPECT_THAT(describe_crash(CrashPlace::open(folder).value().last()).summary, IsEmpty());
}

TEST_F(CrashPlaceTest, goes_with_a_service_that_was_killed_and_stays_after_a_crash) {
  const auto own = shm::Folder::own(folder);
  ASSERT_TRUE(own);
  const shm::Folder& there = *own.value();
  CrashPlace::remove_untold(there);
  ASSERT_TRUE(CrashPlace::open(folder));
  CrashPlace::remove_untold(there);
  EXPECT_FALSE(there.has("crash"));
  crash();
  CrashPlace::remove_untold(there);
  EXPECT_THAT(describe_crash(CrashPlace::open(folder).value().last()).summary, Not(IsEmpty()));
}

TEST_F(CrashPlaceTest, names_the_node) {
  CrashNote note;
  note.signal = SIGSEGV;
  note.node = NodeName::clipped("arm");
  note.tick = 30;
  EXPECT_THAT(describe_crash(note).summary, IsEmpty()) << "it was not complete";
  note.complete = 1;
  EXPECT_EQ(describe_crash(note).summary,
            "crashed last time: Segmentation fault (signal 11) in node 'arm', tick 30");
}

TEST_F(CrashPlaceTest, believes_no_number_of_a_note) {
  CrashNote note;
  note.complete = 1;
  note.frames = 4'000'000'000U;
  note.maps.fill('-');
  EXPECT_EQ(describe_crash(note).frames.size(), note.frame.size());
}

TEST_F(CrashPlaceTest, is_gone_after_a_clean_end) {
  CrashPlace::open(folder).value().remove();
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(CrashPlaceTest, follows_no_link) {
  std::ofstream{folder + "/other"} << "mine";
  std::filesystem::create_symlink(folder + "/other", folder + "/crash");
  EXPECT_FALSE(CrashPlace::open(folder));
  EXPECT_EQ(std::filesystem::file_size(folder + "/other"), 4U);
}

}  // namespace
}  // namespace horus::service
