// SPDX-License-Identifier: Apache-2.0
// Those who share a base directory with another user: an honest one, and one who is not.
#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <horus/image.hpp>

#include "shm/payload_state.hpp"
#include "shm/stats_page.hpp"
#include "tests/shm/actor_roles.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::test {
namespace {

/// This process's files; those with fixed names are its own, too.
std::vector<std::string> own_files(const std::string& base, const std::string& suffix) {
  const std::string identity = std::to_string(::getpid()) + "-";
  std::vector<std::string> own;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{base}) {
    const std::string name = entry.path().filename();
    const bool fixed = suffix == ".stats" || suffix == "type";
    const bool mine =
        fixed || name.starts_with(identity) || name.find("." + identity) != std::string::npos;
    if (mine && name.ends_with(suffix)) own.push_back(entry.path());
  }
  return own;
}

long sleeps() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

/// What the kernel must refuse for a file or folder of another.
void attempt(const std::string& path, bool bell) {
  const auto expect_refused = [&path](const char* what, bool done) {
    if (done) {
      say(std::string{what} + " " + path);
    } else if (errno != EACCES && errno != EPERM) {
      say(std::string{what} + " failed with " + std::to_string(errno) + " " + path);
    }
  };
  const auto opens = [&path](int flags) {
    return static_cast<bool>(UniqueFd{::open(path.c_str(), flags | O_CLOEXEC)});
  };
  if (!std::filesystem::is_directory(path)) {
    if (!opens(O_RDONLY)) say("cannot read " + path);
    if (bell && !opens(O_RDWR)) say("cannot ring " + path);
    if (!bell) {
      expect_refused("opened for writing", opens(O_RDWR));
      expect_refused("opened for writing only", opens(O_WRONLY));
      expect_refused("truncated", ::truncate(path.c_str(), 0) == 0);
    }
    expect_refused("unlinked", ::unlink(path.c_str()) == 0);
  }
  expect_refused("changed the mode of", ::chmod(path.c_str(), 0666) == 0);
  expect_refused("renamed", ::rename(path.c_str(), (path + "-").c_str()) == 0);
}

}  // namespace

int owner(const std::string& base) {
  const auto session = shm::Session::open(base).value();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  auto camera = session->publisher<shm::Image>("camera").value();
  auto viewer = session->subscriber<shm::Image>("camera").value();
  const std::string node = "arm";
  const auto page = shm::StatsPage::create(base, "robot", {&node, 1}).value();
  shm::Image held;
  while (!held || !held.state()->peer) {
    camera.send(shm::Image::make(*session, 48, 64, shm::Encoding::kMono8).value());
    if (auto next = viewer.take()) held = next;
  }
  say("ready");
  std::string line;
  for (std::uint64_t n = 0; std::getline(std::cin, line); ++n) {
    if (line.starts_with("shrink ")) {
      for (const auto& path : own_files(base, line.substr(7))) {
        std::filesystem::resize_file(path, 0);
      }
    }
    if (line.starts_with("punch ")) {
      for (const auto& path : own_files(base, line.substr(6))) {
        const UniqueFd file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
        ::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                    static_cast<off_t>(std::filesystem::file_size(path)));
      }
    }
    publisher.send(Checked::of(n));
    camera.send(shm::Image::make(*session, 48, 64, shm::Encoding::kMono8).value());
    say("sent");
  }
  return 0;
}

int intruder(const std::string& base) {
  std::string line;
  say("ready");
  while (std::getline(std::cin, line)) {
    int files = 0;
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{base}) {
      paths.push_back(entry.path());
    }
    for (const std::string& path : paths) {
      struct stat status {};
      if (::lstat(path.c_str(), &status) != 0 || status.st_uid == ::geteuid()) continue;
      attempt(path, path.ends_with(".bell"));
      ++files;
    }
    say("tried " + std::to_string(files));
  }
  return 0;
}

int bell_ringer(const std::string& base) {
  std::vector<std::atomic<std::uint32_t>*> words;
  for (const std::string& path : files(base + "/bells", ".bell")) {
    const UniqueFd file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    void* memory = ::mmap(nullptr, 4, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) return 1;
    words.push_back(static_cast<std::atomic<std::uint32_t>*>(memory));
  }
  say("ready");
  std::string line;
  while (std::getline(std::cin, line)) {
    std::uint32_t noise = 1;
    for (int left = std::stoi(line); left > 0; --left) {
      for (auto* word : words) {
        // Also back to what the sleeper has seen, so that a ring between is lost.
        word->store(noise % 3 == 0 ? 0 : noise * 2654435761U);
        ::syscall(SYS_futex, word, FUTEX_WAKE, 1 << 30, nullptr, nullptr, 0);
      }
      ++noise;
    }
    say("rung");
  }
  return 0;
}

int sender(const std::string& base) {
  const auto session = shm::Session::open(base).value();
  auto publisher = session->publisher<Checked>("t").value();
  say("ready");
  std::string line;
  for (std::uint64_t n = 0; std::getline(std::cin, line); ++n) publisher.send(Checked::of(n));
  return 0;
}

int sleeper(const std::string& base) {
  const auto session = shm::Session::open(base).value();
  auto subscriber = session->subscriber<Checked>("t").value();
  say("ready");
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "take") {
      while (!subscriber.wait_until(MonotonicClock::now() + 10s)) {
      }
      say(std::to_string(subscriber.take()->number));
      continue;
    }
    const TimePoint until = MonotonicClock::now() + std::chrono::milliseconds{std::stoi(line)};
    const long before = sleeps();
    say("waiting");
    const bool found = subscriber.wait_until(until);
    say(found                           ? "found"
        : MonotonicClock::now() < until ? "early"
                                        : std::to_string(sleeps() - before));
  }
  return 0;
}

}  // namespace horus::test
