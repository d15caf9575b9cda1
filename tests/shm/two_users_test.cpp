// SPDX-License-Identifier: Apache-2.0
// A base directory as the service has it, shared by two users of one group: what the one owns the
// other can read and not change.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>

#include "shm/registry.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::ChildProcess;
using test::files;

// Need not exist on this machine.
constexpr uid_t kOwner = 61001;
constexpr uid_t kOther = 61002;
constexpr uid_t kStranger = 61003;
constexpr gid_t kGroup = 61000;

class TwoUsersTest : public test::ShmTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
    own(base.path(), kOwner, kGroup, 03770);
  }
  static void own(const std::string& path, uid_t uid, gid_t gid, mode_t mode) {
    ASSERT_EQ(::lchown(path.c_str(), uid, gid), 0);
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }
  std::vector<std::string> as(uid_t uid, std::vector<std::string> role, gid_t gid = kGroup) const {
    std::vector<std::string> arguments{"as", std::to_string(uid), std::to_string(gid), role[0],
                                       base.path()};
    arguments.insert(arguments.end(), role.begin() + 1, role.end());
    return arguments;
  }
  /// What another of the group hears who opens a session and the topic "t".
  std::string opened_by(uid_t uid, gid_t gid = kGroup) const {
    ChildProcess child{as(uid, {"open"}, gid)};
    const std::string said = child.line();
    child.end();
    return said;
  }
  /// Another of the group makes the folder of the topic "t" before anybody has it: what he puts
  /// there is not removed by the sweep of others.
  void squat() const {
    ASSERT_EQ(opened_by(kOwner), "open");
    ASSERT_EQ(::mkdir(topic_path("t").c_str(), 01770), 0);
    own(topic_path("t"), kOther, kGroup, 01770);
  }
  /// What the intruder could do, a line each, and how many files and folders it tried.
  std::pair<std::vector<std::string>, int> intrusions() const {
    ChildProcess intruder{as(kOther, {"intruder"})};
    EXPECT_EQ(intruder.line(), "ready");
    intruder.tell("try");
    std::vector<std::string> done;
    std::string line;
    while (!(line = intruder.line()).empty()) {
      if (line.starts_with("tried ")) return {done, std::stoi(line.substr(6))};
      done.push_back(line);
    }
    ADD_FAILURE() << "the intruder ended";
    return {done, 0};
  }
};

TEST_F(TwoUsersTest, f57_nobody_can_write_remove_or_rename_what_another_user_owns) {
  ChildProcess owner{as(kOwner, {"owner"})};
  ASSERT_EQ(owner.line(), "ready");
  for (const char* kind : {".ring", ".sub", ".pool", ".hold", ".bell", ".stats", "type"}) {
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{base.path()}) {
      count += entry.path().string().ends_with(kind) ? 1 : 0;
    }
    EXPECT_GT(count, 0) << kind;
  }
  const auto [done, tried] = intrusions();
  EXPECT_EQ(done, std::vector<std::string>{});
  // Four folders, two topics, two types, two rings, two cursors, a pool, a hold, a bell, a page.
  EXPECT_GE(tried, 16);
  owner.tell("send");
  EXPECT_EQ(owner.line(), "sent");
}

TEST_F(TwoUsersTest, two_users_of_the_group_exchange_messages) {
  ChildProcess sleeper{as(kOther, {"sleeper"})};
  ASSERT_EQ(sleeper.line(), "ready");
  ChildProcess sender{as(kOwner, {"sender"})};
  ASSERT_EQ(sender.line(), "ready");
  for (int n = 0; n < 100; ++n) {
    sender.tell("send");
    sleeper.tell("take");
    ASSERT_EQ(sleeper.line(), std::to_string(n));
  }
}

TEST_F(TwoUsersTest, a_ring_of_a_foreign_bell_costs_a_wake_up_and_no_message) {
  ChildProcess sleeper{as(kOwner, {"sleeper"})};
  ASSERT_EQ(sleeper.line(), "ready");
  ChildProcess sender{as(kOwner, {"sender"})};
  ASSERT_EQ(sender.line(), "ready");
  ChildProcess ringer{as(kOther, {"bell-ringer"})};
  ASSERT_EQ(ringer.line(), "ready");

  constexpr int kRings = 1000;
  sleeper.tell("300");
  ASSERT_EQ(sleeper.line(), "waiting");
  ringer.tell(std::to_string(kRings));
  ASSERT_EQ(ringer.line(), "rung");
  const std::string slept = sleeper.line();
  ASSERT_TRUE(slept != "found" && slept != "early") << slept;
  // One sleep a ring, and one each 10 ms, which is the bound of a wait on a bell.
  EXPECT_LE(std::stol(slept), kRings + 31 + 10);

  ringer.tell("100000");
  for (int n = 0; n < 200; ++n) {
    sender.tell("send");
    sleeper.tell("take");
    ASSERT_EQ(sleeper.line(), std::to_string(n));
  }
  ASSERT_EQ(ringer.line(), "rung");
}

TEST_F(TwoUsersTest, f18_a_bell_that_a_foreign_user_shrinks_costs_the_bound_of_a_wait) {
  ChildProcess sleeper{as(kOwner, {"sleeper"})};
  ASSERT_EQ(sleeper.line(), "ready");
  ChildProcess sender{as(kOwner, {"sender"})};
  ASSERT_EQ(sender.line(), "ready");
  for (const std::string& bell : files(base.path() + "/bells", ".bell")) {
    std::filesystem::resize_file(bell, 0);
  }
  for (int n = 0; n < 20; ++n) {
    sender.tell("send");
    sleeper.tell("take");
    ASSERT_EQ(sleeper.line(), std::to_string(n));
  }
}

TEST_F(TwoUsersTest, f19_a_base_of_a_foreign_user_is_refused_and_he_is_named) {
  own(base.path(), kStranger, kStranger, 0755);
  EXPECT_EQ(opened_by(kOwner),
            "base directory is not this user's: " + base.path() + " (uid 61003) (0)");
  own(base.path(), kOwner, kGroup, 03777);
  EXPECT_EQ(opened_by(kOwner),
            "base directory is not this user's: " + base.path() + " (uid 61001) (0)");
}

TEST_F(TwoUsersTest, f19_a_folder_of_a_topic_that_its_maker_closed_is_an_error_that_names_it) {
  squat();
  std::ofstream{topic_path("t") + "/type"} << "x";
  own(topic_path("t"), kOther, kGroup, 0700);
  const std::string said = opened_by(kOwner);
  EXPECT_NE(said.find(topic_path("t")), std::string::npos) << said;
  EXPECT_NE(said.find("(13)"), std::string::npos) << said;
}

TEST_F(TwoUsersTest, f19_a_type_file_of_a_foreign_user_is_refused_and_he_is_named) {
  squat();
  const std::string type = topic_path("t") + "/type";
  std::ofstream{type} << std::string(4096, 'x');
  own(type, kStranger, kStranger, 0644);
  EXPECT_EQ(opened_by(kOwner), "shared memory of a foreign user: " + type + " (uid 61003) (0)");
}

TEST_F(TwoUsersTest, f19_what_is_no_file_under_the_name_of_a_type_is_refused) {
  squat();
  const std::string type = topic_path("t") + "/type";
  const auto expect_refused = [&](const char* what) {
    EXPECT_EQ(::lchown(type.c_str(), kStranger, kGroup), 0);
    const std::string said = opened_by(kOwner);
    EXPECT_NE(said.find(type), std::string::npos) << what << ": " << said;
    std::filesystem::remove_all(type);
  };
  ASSERT_EQ(::mkfifo(type.c_str(), 0666), 0);
  expect_refused("a pipe");
  std::filesystem::create_symlink("/etc/passwd", type);
  expect_refused("a symbolic link");
  ASSERT_EQ(::mknod(type.c_str(), S_IFCHR | 0666, ::makedev(1, 5)), 0);
  expect_refused("a device");
  ASSERT_EQ(::mkdir(type.c_str(), 0777), 0);
  expect_refused("a folder");
  EXPECT_EQ(opened_by(kOwner), "open") << "nothing is left of it";
}

TEST_F(TwoUsersTest, f19_what_can_be_swept_away_is_in_nobody_s_way) {
  squat();
  own(topic_path("t"), kOwner, kGroup, 01770);
  ASSERT_EQ(::mkfifo((topic_path("t") + "/type").c_str(), 0666), 0);
  EXPECT_EQ(opened_by(kOwner), "open");
}

}  // namespace
}  // namespace horus::shm
