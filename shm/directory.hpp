// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/time.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::shm {

/// The names in `path` that end with `suffix`; empty when it cannot be read.
inline std::vector<std::string> list_directory(const std::string& path, std::string_view suffix) {
  std::vector<std::string> names;
  struct Close {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory{::opendir(path.c_str())};
  if (!directory) return names;
  // readdir() is safe here: nobody shares the stream.
  while (const dirent* entry = ::readdir(directory.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name{entry->d_name};
    if (name != "." && name != ".." && name.ends_with(suffix)) names.emplace_back(name);
  }
  return names;
}

inline std::string path_in(const std::string& directory, std::string_view name) {
  std::string path = directory;
  path += '/';
  path += name;
  return path;
}

/// While one lives, nobody changes together with us what the files of a directory mean together:
/// whether a topic still has participants, who a host is. The kernel's lock, which it drops with a
/// dying process. For set-up only: it waits.
///
/// Not for ever: who holds it may be stopped, or be another user of the group who means no good.
/// Without the lock (held() is false) one may still join, and must not remove what others made.
class DirectoryLock {
 public:
  enum class Kind { kShared = LOCK_SH, kExclusive = LOCK_EX };

  DirectoryLock(const std::string& path, Kind kind) noexcept
      : fd_{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)} {
    constexpr Nanos kPatience = 2s;
    constexpr int kLookEveryMs = 2;
    const TimePoint end = MonotonicClock::now() + kPatience;
    while (fd_ && ::flock(fd_.get(), static_cast<int>(kind) | LOCK_NB) != 0) {
      if (MonotonicClock::now() > end) fd_.reset();
      ::poll(nullptr, 0, kLookEveryMs);
    }
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock() {
    // By name, as a child that was forked meanwhile has the descriptor, too.
    if (fd_) ::flock(fd_.get(), LOCK_UN);
  }
  bool held() const noexcept { return static_cast<bool>(fd_); }

 private:
  UniqueFd fd_;
};

}  // namespace horus::shm
