// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <horus/message.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

#include "rt/base/unique_fd.hpp"
#include "shm/names.hpp"
#include "shm/open_details.hpp"
#include "shm/region.hpp"
#include "shm/schema.hpp"

namespace horus::test {

/// Options with details, for one call: they refer to `details`.
inline shm::TopicOptions with(shm::TopicOptions options, const shm::OpenDetails& details) {
  options.details = &details;
  return options;
}

/// A message whose every word follows from its number: what is torn shows.
struct Checked {
  std::uint64_t number{};
  std::uint64_t words[15]{};

  static Checked of(std::uint64_t number) noexcept {
    Checked message{.number = number};
    for (std::uint64_t& word : message.words) word = number * 0x9e3779b97f4a7c15U;
    return message;
  }
  bool whole() const noexcept {
    for (const std::uint64_t word : words) {
      if (word != number * 0x9e3779b97f4a7c15U) return false;
    }
    return true;
  }
};

inline const shm::TypeInfo& type_info(shm::Tag<Checked>) noexcept {
  static const std::array kFields{HORUS_FIELD(Checked, number, "", ""),
                                  HORUS_FIELD(Checked, words, "", "")};
  static const shm::TypeInfo kType = shm::make_type<Checked>("Checked", "", "", kFields, {});
  return kType;
}

/// A directory under /dev/shm of one's own, gone at the end.
class TemporaryBase {
 public:
  TemporaryBase() {
    const char* parent = std::getenv(kParent);
    std::string pattern =
        std::string{parent != nullptr ? parent : "/dev/shm"} + "/horus-test-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryBase(const TemporaryBase&) = delete;
  TemporaryBase& operator=(const TemporaryBase&) = delete;
  ~TemporaryBase() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
    if (shared_) ::unsetenv(kParent);
  }
  const std::string& path() const noexcept { return path_; }
  /// For a death test, whose process cleans up nothing: its base is made in this one.
  void share() {
    ::setenv(kParent, path_.c_str(), 1);
    shared_ = true;
  }

 private:
  static constexpr const char* kParent = "HORUS_TEST_BASE";
  bool shared_ = false;
  std::string path_;
};

/// Waits for what another thread or process does, without a say in when. False after a minute:
/// it does not happen.
template <typename Condition>
bool eventually(Condition condition) {
  const TimePoint end = MonotonicClock::now() + std::chrono::minutes{1};
  while (!condition()) {
    if (MonotonicClock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

/// The files in `directory` that end with `suffix`, whole paths.
inline std::vector<std::string> files(const std::string& directory, std::string_view suffix) {
  std::vector<std::string> found;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator{directory, none}) {
    const std::string path = entry.path();
    if (path.ends_with(suffix)) found.push_back(path);
  }
  return found;
}

inline shm::FolderPtr folder_of(const std::string& path) {
  return shm::Folder::look(path.substr(0, path.rfind('/'))).value();
}
inline std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}
inline Result<shm::Region> open_region(const std::string& path, std::size_t least,
                                       bool writable = false) {
  return shm::Region::open(folder_of(path), name_of(path), least, writable);
}
/// A file of somebody else's making: locked by this process, and of that name.
inline Result<shm::Region> create_region(const std::string& path, std::size_t size) {
  auto region = shm::Region::create(folder_of(path), size, 0640);
  EXPECT_TRUE(!region || region.value().publish(name_of(path)));
  return region;
}

class ShmTest : public ::testing::Test {
 protected:
  std::unique_ptr<shm::Session> open() {
    auto session = shm::Session::open(base.path());
    EXPECT_TRUE(session) << session.error().what;
    return std::move(session).value();
  }
  /// The folder of a topic's files, which may have others in it.
  std::string topic_path(const std::string& topic) const {
    std::array<char, 8> number{};
    std::snprintf(number.data(), number.size(), "%02x",
                  static_cast<unsigned>(shm::hash_of(shm::file_key(topic)) % 32));
    return base.path() + "/topics/" + number.data();
  }
  std::string type_path(const std::string& topic) const {
    return topic_path(topic) + "/" + shm::file_key(topic) + ".type";
  }

  TemporaryBase base;
};

/// shm_child (tests/shm/child.cpp) in a role: another process, which can be told lines, and killed.
class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> arguments) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) std::abort();
    arguments.insert(arguments.begin(), SHM_CHILD);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    EXPECT_EQ(::posix_spawn(&pid_, SHM_CHILD, &actions, nullptr, argv.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    in_ = UniqueFd{in[1]};
    out_ = UniqueFd{out[0]};
    ::close(in[0]);
    ::close(out[1]);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill(); }

  pid_t pid() const noexcept { return pid_; }
  /// The next line that it says; empty when it ends.
  std::string line() {
    std::string text;
    char c = '\0';
    while (::read(out_.get(), &c, 1) == 1 && c != '\n') text += c;
    return text;
  }
  void tell(std::string_view text) {
    const std::string line = std::string{text} + "\n";
    EXPECT_EQ(::write(in_.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
  /// Returns once all its threads stand; SIGSTOP alone says so before they do.
  void stop() const {
    EXPECT_EQ(::kill(pid_, SIGSTOP), 0);
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED), 0);
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    reap();
  }
  /// Lets it end by itself (its input ends) and returns its exit code, -1 for a signal.
  int end() {
    in_.reset();
    return reap();
  }

 private:
  int reap() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  pid_t pid_ = 0;
  UniqueFd in_;
  UniqueFd out_;
};

}  // namespace horus::test
