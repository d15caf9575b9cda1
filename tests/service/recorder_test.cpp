// SPDX-License-Identifier: Apache-2.0
// What a recorder does with chunks, without topics.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "service/recorder/files.hpp"
#include "service/recorder/host_watch.hpp"
#include "service/recorder/ring.hpp"
#include "shm/interop/mcap_reader.hpp"
#include "shm/stats_page.hpp"

namespace {

std::atomic<int> sync_error{0};          // What the disk says to a sync; 0: it is done.
std::atomic<bool> sync_waits{false};     // For as long as the disk says nothing.
std::atomic<bool> large_is_full{false};  // A file that may not grow: a disk without room.

}  // namespace

/// In the place of the C library's.
extern "C" int fdatasync(int fd) {
  sync_waits.wait(true);
  if (const int error = sync_error; error != 0) {
    errno = error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

extern "C" ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  const ssize_t written = ::syscall(SYS_pwrite64, fd, bytes, size, at);
  if (written < 0 && errno == EFBIG && large_is_full) errno = ENOSPC;
  return written;
}
extern "C" ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return ::pwrite64(fd, bytes, size, at);
}

namespace horus::service {
namespace {

namespace mcap = interop::mcap;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A chunk of one message, number `number`.
mcap::Chunk chunk_of(std::uint32_t number, bool declares = false, std::size_t bytes = 10) {
  mcap::Chunk chunk;
  if (declares) {
    chunk.add(mcap::Schema{.id = 1, .name = "s", .encoding = "protobuf", .data = "d"});
    chunk.add(mcap::Channel{.id = 1, .schema = 1, .topic = "/t", .encoding = "protobuf"});
  }
  const std::string data(bytes, 'x');
  chunk.add(mcap::Message{.channel = 1, .sequence = number, .log_ns = 1000 + number, .data = data});
  return chunk;
}

std::vector<std::uint32_t> numbers_in(const std::string& path) {
  auto reader = mcap::Reader::open(path);
  EXPECT_TRUE(reader) << path;
  std::vector<std::uint32_t> numbers;
  while (reader) {
    const auto message = reader.value().next();
    if (!message) continue;
    if (!message.value()) break;
    EXPECT_TRUE(reader.value().channels().contains(message.value()->channel));
    numbers.push_back(message.value()->sequence);
  }
  return numbers;
}

std::vector<std::uint64_t> sizes(const std::vector<mcap::Chunk>& chunks) {
  std::vector<std::uint64_t> all;
  for (const auto& chunk : chunks) all.push_back(chunk.messages);
  return all;
}

/// In memory, and gone after the test.
class Folder {
 public:
  Folder() {
    char name[] = "/dev/shm/horus-recorder-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Writes beyond it fail, until the end of this object.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FileLimit() { EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

const auto kSilent = [](const std::string&) {};

TEST(Ring, keeps_what_came_within_its_time) {
  Ring ring{10s, 1 << 20};
  const TimePoint start{};
  EXPECT_THAT(ring.push(chunk_of(0), start, 0), IsEmpty());
  EXPECT_THAT(ring.push(chunk_of(1), start + 10s, 0), IsEmpty());
  EXPECT_THAT(sizes(ring.push(chunk_of(2), start + 11s, 0)), ElementsAre(1));
  EXPECT_THAT(sizes(ring.take()), ElementsAre(1, 1));
  EXPECT_THAT(ring.take(), IsEmpty());
}

TEST(Ring, lets_go_of_what_is_too_old_also_when_nothing_comes) {
  Ring ring{10s, 1 << 20};
  const TimePoint start{};
  EXPECT_THAT(ring.push(chunk_of(0), start, 0), IsEmpty());
  EXPECT_THAT(ring.push(chunk_of(1), start + 5s, 0), IsEmpty());
  EXPECT_THAT(ring.expire(start + 10s), IsEmpty());
  EXPECT_THAT(sizes(ring.expire(start + 11s)), ElementsAre(1));
  EXPECT_THAT(sizes(ring.expire(start + 100s)), ElementsAre(1));
  EXPECT_THAT(ring.take(), IsEmpty());
}

TEST(Ring, keeps_no_more_bytes_than_it_may_with_those_that_wait_elsewhere) {
  const std::uint64_t one = bytes_of(chunk_of(0, false, 100));
  Ring ring{10s, 3 * one};
  const TimePoint now{};
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_THAT(ring.push(chunk_of(i, false, 100), now, 0), IsEmpty());
  }
  EXPECT_THAT(sizes(ring.push(chunk_of(3, false, 100), now, 0)), ElementsAre(1));
  EXPECT_THAT(sizes(ring.push(chunk_of(4, false, 100), now, one)), ElementsAre(1, 1));
  // The newest stays, however large it is.
  EXPECT_THAT(sizes(ring.push(chunk_of(5, false, 10000), now, 0)), ElementsAre(1, 1));
  EXPECT_THAT(sizes(ring.take()), ElementsAre(1));
}

TEST(Files, made_on_demand_end_where_they_are_told_to_and_are_whole) {
  const Folder folder;
  const std::string path = folder.path() + "/run.mcap";
  auto files = Files::start({.path = path, .on_demand = true}, {}, kSilent);
  ASSERT_TRUE(files);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/run_0.mcap"));
  files.value()->end_file({});
  // The chunk that declares the channel is in no file; who comes later needs it all the same.
  files.value()->declare(chunk_of(0, true));
  files.value()->push(chunk_of(1));
  files.value()->push(chunk_of(2));
  files.value()->end_file({{"horus.trigger", {{"reason", "asked for"}}}});
  files.value()->push(chunk_of(3));
  ASSERT_TRUE(files.value()->stop({}));
  const auto ended = files.value()->ended();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].path, "");
  EXPECT_EQ(ended[1].path, folder.path() + "/run_0.mcap");
  EXPECT_EQ(ended[1].messages, 2U);
  EXPECT_THAT(numbers_in(folder.path() + "/run_0.mcap"), ElementsAre(1, 2));
  EXPECT_THAT(numbers_in(folder.path() + "/run_1.mcap"), ElementsAre(3));
  for (const char* name : {"/run_0.mcap", "/run_1.mcap"}) {
    const auto found = mcap::check(folder.path() + name);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found.value().whole);
    EXPECT_EQ(found.value().undescribed, 0U);
  }
}

TEST(Files, made_on_demand_tell_at_once_that_they_cannot_be_made) {
  const Folder folder;
  EXPECT_FALSE(
      Files::start({.path = folder.path() + "/none/run.mcap", .on_demand = true}, {}, kSilent));
}

TEST(Files, of_which_the_newest_are_kept) {
  const Folder folder;
  auto files = Files::start({.path = folder.path() + "/run.mcap", .keep = 2, .on_demand = true}, {},
                            kSilent);
  ASSERT_TRUE(files);
  for (std::uint32_t i = 0; i < 4; ++i) {
    files.value()->push(chunk_of(i, i == 0));
    files.value()->end_file({});
  }
  ASSERT_TRUE(files.value()->stop({}));
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/run_1.mcap"));
  EXPECT_THAT(numbers_in(folder.path() + "/run_2.mcap"), ElementsAre(2));
  EXPECT_THAT(numbers_in(folder.path() + "/run_3.mcap"), ElementsAre(3));
}

TEST(Files, say_what_a_full_disk_keeps_from_them_and_count_what_it_cost) {
  const Folder folder;
  auto files = Files::start(
      {.path = folder.path() + "/run.mcap", .min_free = ~std::uint64_t{0}, .most_queued = 1}, {},
      kSilent);
  ASSERT_TRUE(files);
  files.value()->push(chunk_of(0, true));
  while (files.value()->trouble().second.empty()) std::this_thread::yield();
  EXPECT_THAT(files.value()->trouble().second, ::testing::HasSubstr("min_free"));
  files.value()->push(chunk_of(1));
  files.value()->push(chunk_of(2));
  EXPECT_EQ(files.value()->trouble().first, 1U);
  EXPECT_FALSE(files.value()->stop({}));
  EXPECT_EQ(files.value()->totals().lost, 3U);
  // What is there is a whole file, with the losses in its notes.
  auto reader = mcap::Reader::open(folder.path() + "/run.mcap");
  ASSERT_TRUE(reader);
  const auto message = reader.value().next();
  ASSERT_TRUE(message);
  EXPECT_FALSE(message.value().has_value());
  EXPECT_TRUE(reader.value().whole());
  EXPECT_EQ(reader.value().notes().at("horus.lost").at("/t"), "3");
}

TEST(Files, of_a_disk_that_fails_go_on_in_another_one_and_tell_whoever_asked) {
  const Folder folder;
  auto files = Files::start({.path = folder.path() + "/run.mcap", .on_demand = true}, {}, kSilent);
  ASSERT_TRUE(files);
  sync_error = EIO;
  files.value()->push(chunk_of(0, true));
  EXPECT_EQ(files.value()->end_file({}), 1U);
  std::vector<Files::Ended> first;
  while ((first = files.value()->ended()).empty()) std::this_thread::yield();
  EXPECT_EQ(first[0].number, 1U);
  EXPECT_EQ(first[0].path, folder.path() + "/run_0.mcap");
  EXPECT_THAT(first[0].error, ::testing::HasSubstr("Input/output error"));
  EXPECT_THAT(files.value()->trouble().second, ::testing::HasSubstr("Input/output error"));
  sync_error = 0;
  files.value()->push(chunk_of(1));
  EXPECT_EQ(files.value()->end_file({}), 2U);
  std::vector<Files::Ended> second;
  while ((second = files.value()->ended()).empty()) std::this_thread::yield();
  EXPECT_EQ(second[0].number, 2U);
  EXPECT_EQ(second[0].error, "");
  EXPECT_EQ(files.value()->trouble().second, "");
  EXPECT_FALSE(files.value()->stop({})) << "not all of it is there";
}

TEST(Files, without_a_split_go_on_in_a_numbered_one_when_a_write_fails) {
  const Folder folder;
  auto files =
      Files::start({.path = folder.path() + "/run.mcap", .compressed = false}, {}, kSilent);
  ASSERT_TRUE(files);
  files.value()->push(chunk_of(0, true));
  while (files.value()->queued() != 0) std::this_thread::yield();
  {
    const FileLimit limit{50'000};
    files.value()->push(chunk_of(1, false, 100'000));
    while (files.value()->trouble().second.empty()) std::this_thread::yield();
  }
  files.value()->push(chunk_of(2));
  EXPECT_FALSE(files.value()->stop({})) << "the first file has no end";
  ASSERT_EQ(files.value()->totals().paths.size(), 2U);
  EXPECT_THAT(numbers_in(folder.path() + "/run.mcap"), ElementsAre(0));
  EXPECT_THAT(numbers_in(files.value()->totals().paths[1]), ElementsAre(1, 2));
  EXPECT_EQ(files.value()->totals().lost, 0U);
}

TEST(Files, stop_in_time_whatever_the_disk_does) {
  const Folder folder;
  auto files = Files::start({.path = folder.path() + "/run.mcap"}, {}, kSilent);
  ASSERT_TRUE(files);
  sync_waits = true;
  files.value()->push(chunk_of(0, true));
  const Status stopped = files.value()->stop({}, MonotonicClock::now() + 100ms);
  EXPECT_FALSE(stopped);
  EXPECT_TRUE(files.value()->left_behind());
  // It has to outlive its thread, of which nobody knows the end.
  static const Files* const left = files.value().release();
  EXPECT_TRUE(left->left_behind());
  sync_waits = false;
  sync_waits.notify_all();
}

TEST(Files, have_all_attachments_although_the_disk_was_full_at_the_second) {
  const Folder folder;
  auto files = Files::start({.path = folder.path() + "/run.mcap",
                             .attachments = {{"a", "first"}, {"b", std::string(100'000, 'b')}},
                             .on_demand = true},
                            {}, kSilent);
  ASSERT_TRUE(files);
  large_is_full = true;
  {
    const FileLimit limit{50'000};
    files.value()->push(chunk_of(0, true));
    while (files.value()->trouble().second.empty()) std::this_thread::yield();
  }
  large_is_full = false;
  EXPECT_TRUE(files.value()->stop({}));
  std::ifstream file{folder.path() + "/run_0.mcap", std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_THAT(bytes, ::testing::HasSubstr(std::string(100'000, 'b')));
}

TEST(Files, are_locked_while_they_are_made) {
  const Folder folder;
  auto files = Files::start({.path = folder.path() + "/run.mcap"}, {}, kSilent);
  ASSERT_TRUE(files);
  const UniqueFd file{::open((folder.path() + "/run.mcap").c_str(), O_RDONLY | O_CLOEXEC)};
  EXPECT_NE(::flock(file.get(), LOCK_EX | LOCK_NB), 0);
  ASSERT_TRUE(files.value()->stop({}));
  files.value().reset();
  EXPECT_EQ(::flock(file.get(), LOCK_EX | LOCK_NB), 0);
}

/// A process that is a host, until it is killed.
class Host {
 public:
  explicit Host(const std::string& base) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const std::array<std::string, 1> nodes{"n"};
      auto page = shm::StatsPage::create(base, "arm", nodes);
      const char made = page ? '1' : '0';
      EXPECT_EQ(::write(ends[1], &made, 1), 1);
      for (;;) ::pause();
    }
    char made = '0';
    EXPECT_EQ(::read(ends[0], &made, 1), 1);
    EXPECT_EQ(made, '1');
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~Host() { kill(); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

TEST(HostWatch, tells_of_a_death_once_also_where_a_successor_is_there_already) {
  const Folder base;
  HostWatch watch{base.path(), /*misses=*/true};
  Host first{base.path()};
  EXPECT_EQ(watch.look().death, "");
  first.kill();
  EXPECT_EQ(watch.look().death, "host 'arm' died");
  EXPECT_EQ(watch.look().death, "");
  Host second{base.path()};
  EXPECT_EQ(watch.look().death, "") << "that one was told of";
  second.kill();
  const Host third{base.path()};
  EXPECT_EQ(watch.look().death, "host 'arm' died");
  EXPECT_EQ(watch.look().death, "");
}

TEST(HostWatch, what_was_before_it_looked_is_none_of_its_business) {
  const Folder base;
  Host dead{base.path()};
  dead.kill();
  HostWatch watch{base.path(), /*misses=*/true};
  EXPECT_EQ(watch.look().death, "");
  EXPECT_EQ(watch.look().miss, "");
}

TEST(HostWatch, names_the_node_that_missed_where_that_was_asked_for) {
  const Folder base;
  const std::array<std::string, 2> nodes{"good", "bad"};
  auto page = shm::StatsPage::create(base.path(), "arm", nodes);
  ASSERT_TRUE(page);
  page.value().nodes()[1].misses.set(3);
  HostWatch watch{base.path(), /*misses=*/true};
  HostWatch other{base.path(), /*misses=*/false};
  EXPECT_EQ(watch.look().miss, "") << "that was before";
  EXPECT_EQ(watch.look().miss, "");
  EXPECT_EQ(other.look().miss, "");
  page.value().nodes()[1].misses.add();
  EXPECT_EQ(watch.look().miss, "node 'bad' of host 'arm' missed its deadline");
  EXPECT_EQ(watch.look().miss, "");
  EXPECT_EQ(other.look().miss, "");
}

/// Until it is killed.
[[noreturn]] void write_for_ever(const std::string& path) {
  auto files = Files::start({.path = path}, {}, kSilent);
  for (std::uint32_t i = 0; files; ++i) {
    files.value()->push(chunk_of(i, i == 0, 1000));
    // What finds the queue full is lost, which is another test's.
    while (files.value()->queued() > 100'000) std::this_thread::yield();
  }
  ::_exit(1);
}

TEST(Files, of_a_recorder_that_is_killed_at_any_instant_read_to_their_last_chunk) {
  std::minstd_rand random{21};
  for (int round = 0; round < 50; ++round) {
    const Folder folder;
    const std::string path = folder.path() + "/run.mcap";
    const std::uintmax_t size = 100 + random() % 60'000;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_for_ever(path);
    std::error_code none;
    while (std::filesystem::file_size(path, none) < size || none) {
      ASSERT_EQ(::waitpid(child, nullptr, WNOHANG), 0) << "it ended by itself";
      std::this_thread::yield();
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto numbers = numbers_in(path);
    for (std::uint32_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], i);
    const auto found = mcap::check(path);
    ASSERT_TRUE(found);
    EXPECT_EQ(found.value().messages, numbers.size());
    EXPECT_EQ(found.value().damaged_chunks, 0U);
    EXPECT_FALSE(found.value().whole);
  }
}

}  // namespace
}  // namespace horus::service
