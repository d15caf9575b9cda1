// SPDX-License-Identifier: Apache-2.0
// Files that their owner damaged, made up or never had a right to: refused with an error, and
// everybody else goes on.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <horus/msg/control.hpp>

#include "shm/pool.hpp"
#include "shm/registry.hpp"
#include "shm/ring.hpp"
#include "shm/stats_page.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::files;

constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();

/// Overwrites bytes of a file.
struct Damage {
  std::size_t at;
  std::uint64_t value;
  std::size_t size;
};
std::ostream& operator<<(std::ostream& out, const Damage& damage) {
  return out << damage.value << " at " << damage.at;
}

const std::vector<Damage> kHeaderDamage{
    {offsetof(FileHeader, magic), 0, 8},
    {offsetof(FileHeader, magic), static_cast<std::uint64_t>(Magic::kHold), 8},
    {offsetof(FileHeader, version), kLayoutVersion + 1, 4},
    {offsetof(FileHeader, version), 0, 4}};

class HostileFileTest : public test::ShmTest {
 protected:
  /// A copy of an honest file's bytes, not locked by anybody.
  static void copy(const std::string& from, const std::string& to,
                   std::size_t length = std::numeric_limits<std::size_t>::max()) {
    std::ifstream in{from, std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{in}, {}};
    bytes.resize(std::min(bytes.size(), length));
    std::ofstream{to, std::ios::binary | std::ios::trunc} << bytes;
  }
  static std::string bytes_of(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  static void damage(const std::string& path, const Damage& damage) {
    const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    ASSERT_EQ(::pwrite(file.get(), &damage.value, damage.size, static_cast<off_t>(damage.at)),
              static_cast<ssize_t>(damage.size));
  }
  /// What `open` says of copies of `honest` with one thing wrong in each.
  template <typename Open>
  void expect_refused(const std::string& honest, std::vector<Damage> damages, Open open_file) {
    const std::string path = base.path() + "/copy";
    damages.insert(damages.end(), kHeaderDamage.begin(), kHeaderDamage.end());
    for (const Damage& one : damages) {
      copy(honest, path);
      EXPECT_TRUE(open_file(path)) << "before it was damaged";
      damage(path, one);
      EXPECT_FALSE(open_file(path)) << one;
    }
    for (const std::size_t length : {0U, 1U, 31U, 32U, 63U}) {
      copy(honest, path, length);
      EXPECT_FALSE(open_file(path)) << length << " bytes";
    }
  }
};

TEST_F(HostileFileTest, what_is_no_regular_file_of_the_right_size_is_not_mapped) {
  const std::string path = base.path() + "/file";
  const auto code = [&path] { return test::open_region(path, 64).error().code; };
  EXPECT_EQ(code(), Errc::kNotFound);
  std::ofstream{path} << std::string(63, 'x');
  EXPECT_EQ(code(), Errc::kCorrupt);
  std::ofstream{path} << std::string(64, 'x');
  EXPECT_TRUE(test::open_region(path, 64));

  const std::string good = path + ".good";
  std::filesystem::rename(path, good);
  std::filesystem::create_symlink(good, path);
  EXPECT_FALSE(test::open_region(path, 64)) << "a symbolic link";
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(code(), Errc::kCorrupt);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_EQ(code(), Errc::kCorrupt);
}

TEST_F(HostileFileTest, a_file_with_holes_or_above_the_limit_is_not_mapped) {
  const std::string path = base.path() + "/file";
  std::ofstream{path} << std::string(64, 'x');
  std::filesystem::resize_file(path, 1 << 20);
  const auto sparse = test::open_region(path, 64);
  ASSERT_FALSE(sparse);
  EXPECT_STREQ(sparse.error().what, "shared memory with holes");
  std::filesystem::resize_file(path, Region::kMaxSize + 1);
  EXPECT_STREQ(test::open_region(path, 64).error().what, "shared memory of a wrong kind or size");
  EXPECT_EQ(test::create_region(path, Region::kMaxSize + 1).error().code, Errc::kExhausted);
}

TEST_F(HostileFileTest, a_file_of_a_foreign_user_is_not_mapped) {
  if (::geteuid() != 0) GTEST_SKIP() << "giving a file away needs root";
  const std::string path = base.path() + "/file";
  std::ofstream{path} << std::string(64, 'x');
  ASSERT_EQ(::chown(path.c_str(), 4242, 4242), 0);
  const auto refused = test::open_region(path, 64);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kPermission);
  EXPECT_EQ(refused.error().subject, path + " (uid 4242)");
  ASSERT_EQ(::chown(path.c_str(), 4242, ::getegid()), 0);
  EXPECT_TRUE(test::open_region(path, 64)) << "the directory's group";
}

TEST_F(HostileFileTest, a_base_directory_that_anybody_may_write_to_is_refused) {
  ASSERT_EQ(::chmod(base.path().c_str(), 01777), 0);
  const auto refused = Session::open(base.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kPermission);
  EXPECT_FALSE(StatsPage::create(base.path(), "arm", {}));
}

TEST_F(HostileFileTest, a_damaged_ring_is_not_read) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 4}).value();
  const std::string ring = files(topic_path("t"), ".ring").at(0);
  const auto open_ring = [](const std::string& path) {
    const auto region = test::open_region(path, sizeof(RingHeader));
    return region && view_of(region.value(), type_info(Tag<Checked>{}).hash, false).has_value();
  };
  expect_refused(ring,
                 {{offsetof(FileHeader, hash), 1, 8},
                  {offsetof(RingHeader, capacity), 0, 4},
                  {offsetof(RingHeader, capacity), 3, 4},
                  {offsetof(RingHeader, capacity), 8, 4},
                  {offsetof(RingHeader, capacity), 1U << 31, 4},
                  {offsetof(RingHeader, slot_size), 0, 4},
                  {offsetof(RingHeader, slot_size), 63, 4},
                  {offsetof(RingHeader, slot_size), 0xffffffc0U, 4},
                  {offsetof(RingHeader, max_size), 0xffffffffU, 4},
                  {offsetof(RingHeader, max_size), 4096, 4}},
                 open_ring);
}

TEST_F(HostileFileTest, damaged_rings_and_cursors_beside_a_good_one_disturb_nobody) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 4}).value();
  auto subscriber = session->subscriber<Checked>("t").value();
  const std::string ring = files(topic_path("t"), ".ring").at(0);
  const std::string cursor = files(topic_path("t"), ".sub").at(0);
  for (std::size_t i = 0; i < kHeaderDamage.size(); ++i) {
    const std::string name = topic_path("t") + "/t.1-1-" + std::to_string(i);
    copy(ring, name + ".ring");
    damage(name + ".ring", kHeaderDamage[i]);
    copy(cursor, name + ".sub");
    damage(name + ".sub", kHeaderDamage[i]);
  }
  std::ofstream{topic_path("t") + "/t.short.ring"} << "x";
  std::filesystem::create_directory(topic_path("t") + "/t.directory.sub");
  const auto other = open();
  auto late = other->subscriber<Checked>("t").value();
  for (std::uint64_t n = 0; n < 10; ++n) {
    EXPECT_TRUE(publisher.send(Checked::of(n)));
    EXPECT_EQ(subscriber.take()->number, n);
    EXPECT_EQ(late.take()->number, n);
  }
  EXPECT_EQ(late.publishers(), 1U);
  EXPECT_EQ(find_topic(base.path(), "t").value().publishers.size(), 1U);
}

TEST_F(HostileFileTest, among_thousands_of_files_peers_are_found_and_what_was_sent_before_is_past) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Checked>("t").value();
  for (std::uint64_t n = 0; n < 3; ++n) publisher.send(Checked::of(n));
  // More than one look tries, and listed first, as they are newer.
  for (int i = 0; i < 3'000; ++i) {
    std::ofstream{topic_path("t") + "/t.1-1-0." + std::to_string(i) + ".ring"};
  }
  auto subscriber = other->subscriber<Checked>("t", {.history = 0, .waits = false}).value();
  for (int i = 0; i < 3'000; ++i) {
    std::ofstream{topic_path("t") + "/t.1-1-0." + std::to_string(i) + ".sub"};
  }
  auto second = session->publisher<Checked>("t").value();
  ASSERT_TRUE(test::eventually([&] { return subscriber.publishers() == 2; }));
  ASSERT_TRUE(test::eventually([&] { return second.subscribers() == 1; }));
  publisher.send(Checked::of(3));
  EXPECT_EQ(subscriber.take()->number, 3U);
}

TEST_F(HostileFileTest, a_ring_whose_messages_are_not_what_it_says_loses_them_and_blocks_nobody) {
  const auto session = open();
  auto liar = session->publisher<Checked>("t", {.capacity = 4}).value();
  auto honest = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  const std::string ring = files(topic_path("t"), ".ring").at(0);
  const std::string other = files(topic_path("t"), ".ring").at(1);
  const auto region = test::open_region(ring, 0).value();
  std::uint64_t sent = 0;
  for (const Damage& lie : {Damage{offsetof(RingHeader, committed), 3, 8},  // Nothing is there.
                            Damage{offsetof(RingHeader, committed), 1U << 20, 8},
                            Damage{sizeof(RingHeader) + offsetof(SlotHeader, length), kHuge, 8},
                            Damage{sizeof(RingHeader) + offsetof(SlotHeader, length), 0, 8},
                            Damage{offsetof(RingHeader, committed), kHuge, 8}}) {
    damage(ring, lie);
    damage(other, lie.at < sizeof(RingHeader) ? Damage{lie.at, 0, 8} : lie);
    // Repairs the committed number of both, and adds a message to each.
    honest.send(Checked::of(++sent));
    ASSERT_TRUE(test::eventually([&] {
      const auto message = subscriber.take();
      EXPECT_TRUE(!message || message->whole());
      return message && message->number == sent;
    })) << lie;
  }
}

TEST_F(HostileFileTest, a_cursor_may_name_any_bell) {
  const auto session = open();
  const auto victim = open();
  auto subscriber = victim->subscriber<Checked>("t").value();
  const std::string honest = files(topic_path("t"), ".sub").at(0);
  // Locked by the living: a copy would be a dead one's.
  for (const char* bell : {"../topics/t/type", "/etc/passwd", ".", "..", "", "nothing.bell"}) {
    std::filesystem::remove(topic_path("t") + "/t.1-1-0.0.sub");
    auto region = Region::create(test::folder_of(honest), sizeof(CursorFile), 0640).value();
    std::memcpy(region.bytes().data(), test::open_region(honest, 0).value().bytes().data(),
                sizeof(CursorFile));
    region.as<CursorFile>()->bell = Name<72>::clipped(bell);
    region.as<CursorFile>()->sleeping = 1;
    ASSERT_TRUE(region.publish("t.1-1-0.0.sub"));
    auto publisher = session->publisher<Checked>("t").value();
    EXPECT_TRUE(publisher.send(Checked::of(1))) << bell;
  }
}

TEST_F(HostileFileTest, f17_a_damaged_type_file_is_made_again_by_its_owner) {
  const auto session = open();
  { auto publisher = session->publisher<msg::CmdVel>("t").value(); }
  auto keeper = session->publisher<msg::CmdVel>("t").value();
  const std::string type = type_path("t");
  const std::string honest = bytes_of(type);
  keeper = {};
  std::vector<Damage> damages{
      {offsetof(FileHeader, hash), 1, 8},          {offsetof(TypeFile, max_size), 0, 4},
      {offsetof(TypeFile, max_size), 8, 4},        {offsetof(TypeFile, max_size), 0xffffffffU, 4},
      {offsetof(TypeFile, capacity), 0, 4},        {offsetof(TypeFile, capacity), 7, 4},
      {offsetof(TypeFile, capacity), 1U << 31, 4}, {offsetof(TypeFile, refuses), 2, 4}};
  damages.insert(damages.end(), kHeaderDamage.begin(), kHeaderDamage.end());
  for (const Damage& one : damages) {
    std::ofstream{type, std::ios::binary} << honest;
    damage(type, one);
    ASSERT_NE(bytes_of(type), honest) << one;
    auto publisher = session->publisher<msg::CmdVel>("t");
    ASSERT_TRUE(publisher) << one << ": " << publisher.error().what;
    EXPECT_EQ(bytes_of(type), honest) << one;
    publisher.value() = {};
    EXPECT_FALSE(std::filesystem::exists(type)) << "it goes with the last participant";
  }
}

TEST_F(HostileFileTest, a_damaged_pool_is_not_mapped) {
  std::filesystem::create_directories(base.path() + "/pools");
  std::filesystem::create_directories(base.path() + "/honest/pools");
  const auto own =
      OwnPool::create(test::folder_of(base.path() + "/honest/pools/"), "1-1-0", 100).value();
  const std::string honest = files(base.path() + "/honest/pools", ".pool").at(0);
  const std::string pool =
      base.path() + "/pools/" + std::filesystem::path{honest}.filename().string();
  const auto open_pool = [&](const std::string& path) {
    std::filesystem::copy_file(path, pool, std::filesystem::copy_options::overwrite_existing);
    return bool{PeerPool::open(test::folder_of(pool), test::name_of(pool), "2-2-0")};
  };
  expect_refused(honest,
                 {{offsetof(PoolHeader, id), own->id() + 1, 4},
                  {offsetof(PoolHeader, blocks), 0, 4},
                  {offsetof(PoolHeader, blocks), 0xffffffffU, 4},
                  {offsetof(PoolHeader, block_size), 4097, 8},
                  {offsetof(PoolHeader, block_size), kHuge, 8},
                  {offsetof(PoolHeader, block_size), kHuge / 16 + 2, 8}},
                 open_pool);
}

TEST_F(HostileFileTest, damaged_holds_are_not_acknowledged) {
  std::filesystem::create_directories(base.path() + "/pools");
  const auto pool = OwnPool::create(test::folder_of(base.path() + "/pools/"), "1-1-0", 100).value();
  const auto peer =
      PeerPool::open(test::folder_of(base.path() + "/pools/"),
                     test::name_of(files(base.path() + "/pools", ".pool").at(0)), "2-2-0")
          .value();
  const std::string honest = files(base.path() + "/pools", ".hold").at(0);
  const std::string prefix = honest.substr(0, honest.rfind("2-2-0"));
  for (std::size_t i = 0; i < kHeaderDamage.size(); ++i) {
    const std::string path = prefix + "3-3-" + std::to_string(i) + ".hold";
    copy(honest, path);
    damage(path, kHeaderDamage[i]);
  }
  std::ofstream{prefix + "short.hold"} << "x";
  pool->attend();
  EXPECT_TRUE(peer->acknowledged());
  for (std::uint32_t i = 0; i < kPoolBlocks; ++i) EXPECT_TRUE(pool->take());
}

TEST_F(HostileFileTest, damaged_statistics_are_not_shown) {
  const std::vector<std::string> nodes{"arm"};
  const auto page = StatsPage::create(base.path(), "robot", nodes).value();
  const std::string named = base.path() + "/hosts/robot.stats";
  const std::string honest = base.path() + "/honest";
  std::filesystem::copy_file(named, honest);
  const auto open_page = [&](const std::string& path) {
    std::filesystem::copy_file(path, named, std::filesystem::copy_options::overwrite_existing);
    return bool{StatsPage::open(base.path(), "robot")};
  };
  const std::size_t count_at = sizeof(FileHeader);
  expect_refused(honest,
                 {{offsetof(FileHeader, hash), 1, 8},
                  {count_at, 2, 4},
                  {count_at, 1025, 4},
                  {count_at, 0xffffffffU, 4}},
                 open_page);
}

}  // namespace
}  // namespace horus::shm
