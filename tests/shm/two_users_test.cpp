// SPDX-License-Identifier: Apache-2.0
// A base directory as the service has it, shared by two users of one group: what the one owns the
// other can read and not change.
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>

#include "shm/base.hpp"
#include "shm/registry.hpp"
#include "shm/stats_page.hpp"
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
    // A machine of one's own, with the service's user and its base.
    std::filesystem::remove(base.path());
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777"), 0);
    std::ofstream{"/dev/shm/passwd"} << "root:x:0:0::/:/bin/sh\nhorus:x:61001:61000::/:/bin/sh\n";
    ASSERT_EQ(::mount("/dev/shm/passwd", "/etc/passwd", nullptr, MS_BIND, nullptr), 0);
    std::filesystem::create_directory(base.path());
    std::filesystem::create_directory(kServiceBase);
    ASSERT_EQ(::mount(base.path().c_str(), kServiceBase, nullptr, MS_BIND, nullptr), 0);
    own(base.path(), kOwner, kGroup, 03770);
  }
  static void own(const std::string& path, uid_t uid, gid_t gid, mode_t mode) {
    ASSERT_EQ(::lchown(path.c_str(), uid, gid), 0);
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }
  std::vector<std::string> as(uid_t uid, std::vector<std::string> role, gid_t gid = kGroup) const {
    std::vector<std::string> arguments{"as", std::to_string(uid), std::to_string(gid), role[0],
                                       kServiceBase};
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
  ASSERT_EQ(opened_by(kOwner), "open") << "the base's owner makes its folders";
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
  const auto expect_refused = [&](uid_t who, gid_t group, const char* what, uid_t named) {
    const std::string said = opened_by(who, group);
    EXPECT_TRUE(said.starts_with(what)) << said;
    EXPECT_NE(said.find("/dev/shm/horus (uid " + std::to_string(named) + ")"), std::string::npos)
        << said;
    EXPECT_TRUE(files(base.path(), "").empty()) << "nothing was made in it";
  };
  own(base.path(), kStranger, kStranger, 0755);
  expect_refused(kOwner, kGroup, "base directory is not this user's", kStranger);
  expect_refused(0, 0, "base directory is not this user's", kStranger);
  own(base.path(), kStranger, kGroup, 03770);
  expect_refused(kOwner, kGroup, "base directory is not this user's", kStranger);
  own(base.path(), kOwner, kGroup, 03770);
  expect_refused(0, 0, "base directory is not this user's", kOwner);
  own(base.path(), kOwner, kGroup, 03777);
  expect_refused(kOwner, kGroup, "base directory may be written by anybody", kOwner);
}

TEST_F(TwoUsersTest, a_base_that_is_closed_to_a_user_is_named_itself) {
  own(base.path(), kStranger, kStranger, 0700);
  const std::string said = opened_by(kOther);
  EXPECT_NE(said.find("/dev/shm/horus (uid 61003)"), std::string::npos) << said;
}

TEST_F(TwoUsersTest, root_makes_no_base_that_another_user_would_have_to_own) {
  ASSERT_EQ(::umount(kServiceBase), 0);
  ASSERT_TRUE(std::filesystem::remove(kServiceBase));
  for (const char* path : {kServiceBase, "/dev/shm/horus-61003", "/dev/shm/horus-61003/robot"}) {
    const auto joined = Base::join(path);
    ASSERT_FALSE(joined) << path;
    EXPECT_EQ(joined.error().code, Errc::kPermission) << path;
    EXPECT_FALSE(std::filesystem::exists(path)) << path;
  }
  EXPECT_FALSE(std::filesystem::exists("/dev/shm/horus-61003"));
  EXPECT_EQ(opened_by(kOwner), "open") << "its user makes it";
}

TEST_F(TwoUsersTest, f19_what_another_made_in_the_place_of_a_folder_goes_aside_and_leads_nowhere) {
  const std::string victim = "/dev/shm/victim";
  std::filesystem::create_directory(victim);
  for (const char* name : {"type", "t.1-1-0.0.ring", "a.bell", "b.pool", "c.stats", "d.new"}) {
    std::ofstream{victim + "/" + name} << "precious";
  }
  own(victim, kOwner, kGroup, 0700);
  for (const char* name : {"topics", "pools", "bells", "hosts", "declared"}) {
    const std::string path = base.path() + "/" + name;
    std::filesystem::create_symlink(victim, path);
    ASSERT_EQ(::lchown(path.c_str(), kOther, kGroup), 0);
  }
  EXPECT_EQ(opened_by(kOwner), "open");
  std::filesystem::remove_all(base.path() + "/pools");
  std::filesystem::create_directories(base.path() + "/pools/full");
  own(base.path() + "/pools", kOther, kGroup, 0700);
  EXPECT_EQ(opened_by(kOwner), "open") << "a folder in which something lies";
  EXPECT_EQ(files(victim, "").size(), 6U);
  EXPECT_EQ(opened_by(kOther), "open") << "the others find what the owner has made";
}

TEST_F(TwoUsersTest, f19_what_others_leave_among_the_files_of_topics_is_swept_and_in_nobodys_way) {
  ASSERT_EQ(opened_by(kOwner), "open");
  const std::string victim = "/dev/shm/victim";
  std::filesystem::create_directory(victim);
  std::ofstream{victim + "/old.ring"} << "precious";
  own(victim, kOwner, kGroup, 0700);
  const std::string type = type_path("t");
  const auto goes = [&](const char* what) {
    ASSERT_EQ(::lchown(type.c_str(), kOther, kGroup), 0);
    EXPECT_EQ(opened_by(kOwner), "open") << what;
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(type))) << what;
  };
  std::ofstream{type} << std::string(4096, 'x');
  goes("nonsense");
  ASSERT_EQ(::mkfifo(type.c_str(), 0666), 0);
  goes("a pipe");
  std::filesystem::create_symlink(victim, type);
  goes("a link");
  ASSERT_EQ(::mknod(type.c_str(), S_IFCHR | 0666, ::makedev(1, 5)), 0);
  goes("a device");
  std::filesystem::create_directories(type + "/full");
  ASSERT_EQ(::chown((type + "/full").c_str(), kOther, kGroup), 0);
  goes("a folder in which something lies");
  EXPECT_EQ(files(victim, "").size(), 1U);
}

TEST_F(TwoUsersTest, f19_a_folder_that_another_user_made_before_the_owner_is_refused) {
  std::filesystem::create_directory(base.path() + "/topics");
  own(base.path() + "/topics", kOther, kGroup, 01770);
  const std::string said = opened_by(kStranger);
  EXPECT_NE(said.find("/dev/shm/horus/topics"), std::string::npos) << said;
  EXPECT_NE(said.find("(uid 61002)"), std::string::npos) << said;
}

TEST_F(TwoUsersTest, a_mount_below_the_base_is_not_entered) {
  ASSERT_EQ(opened_by(kOwner), "open");
  const std::string mounted = "/dev/shm/mounted";
  std::filesystem::create_directory(mounted);
  own(mounted, kOwner, kGroup, 01770);
  std::ofstream{mounted + "/x.1-1-0.0.ring"} << "precious";
  const std::string folder = kServiceBase + topic_path("t").substr(base.path().size());
  ASSERT_EQ(::mount(mounted.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr), 0);
  EXPECT_NE(opened_by(kOwner), "open");
  EXPECT_EQ(files(mounted, "").size(), 1U);
  ASSERT_EQ(::umount(folder.c_str()), 0);
  EXPECT_EQ(opened_by(kOwner), "open");
}

TEST_F(TwoUsersTest, places_that_others_take_are_not_the_owners) {
  ChildProcess owner{as(kOwner, {"owner"})};
  ASSERT_EQ(owner.line(), "ready");
  const std::string ring = files(topic_path("t"), ".ring").at(0);
  std::vector<Region> taken;
  for (int i = 0; i < 64; ++i) {
    const std::string path = topic_path("t") + "/t.1-1-0." + std::to_string(i) + ".ring";
    taken.push_back(Region::create(test::folder_of(path), 256, kFileMode).value());
    ASSERT_TRUE(taken.back().publish(test::name_of(path)));
    own(path, kOther, kGroup, 0640);
  }
  EXPECT_EQ(opened_by(kOwner), "open");
  EXPECT_NE(opened_by(kOther), "open") << "his own count";
}

TEST_F(TwoUsersTest, a_page_of_another_user_keeps_no_host_from_its_name) {
  ASSERT_EQ(opened_by(kOwner), "open");
  const std::string page = base.path() + "/hosts/robot.stats";
  const auto becomes_host = [&](const char* what) {
    ChildProcess host{as(kOwner, {"owner"})};
    EXPECT_EQ(host.line(), "ready") << what;
    const auto shown = StatsPage::open(kServiceBase, "robot");
    ASSERT_TRUE(shown) << what;
    EXPECT_EQ(shown.value().host().pid.value(), host.pid()) << what;
    EXPECT_EQ(shown.value().host().lives.value(), 1U) << what << ": nothing is carried over";
    host.kill();
    std::filesystem::remove(page);
  };
  {
    ChildProcess other{as(kOther, {"owner"})};
    ASSERT_EQ(other.line(), "ready");
    becomes_host("a living process of another user");
  }
  std::filesystem::create_directories(page + "/full");
  own(page, kOther, kGroup, 0700);
  becomes_host("a folder in which something lies");
  std::filesystem::create_symlink("/etc/passwd", page);
  ASSERT_EQ(::lchown(page.c_str(), kOther, kGroup), 0);
  becomes_host("a link");
  const std::string lock = base.path() + "/hosts/." + std::to_string(kOwner) + ".lock";
  std::ofstream{lock} << "";
  own(lock, kOther, kGroup, 0666);
  const UniqueFd held{::open(lock.c_str(), O_RDWR | O_CLOEXEC)};
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  becomes_host("a lock that another user holds");
}

}  // namespace
}  // namespace horus::shm
