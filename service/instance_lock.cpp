// SPDX-License-Identifier: Apache-2.0
#include "service/instance_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

namespace horus::service {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kFolderMode = 0750;

/// The owner of the lock, as it wrote itself into the file.
Error busy(int fd) noexcept {
  std::array<char, 16> pid{};
  const ssize_t count = ::pread(fd, pid.data(), pid.size(), 0);
  std::string_view text{pid.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  text = text.substr(0, text.find('\n'));
  return {Errc::kBusy, "already running", 0, Name<200>::clipped(text)};
}

bool still_there(const std::string& path, int fd) noexcept {
  struct stat by_name {};
  struct stat by_fd {};
  return ::stat(path.c_str(), &by_name) == 0 && ::fstat(fd, &by_fd) == 0 &&
         by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

}  // namespace

Result<InstanceLock> InstanceLock::take(const std::string& path) {
  while (true) {
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode)};
    if (!fd) return Error::from_errno("open lock", path);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return busy(fd.get());
      return Error::from_errno("lock", path);
    }
    // An owner that ended between our open and our lock has removed the name we opened.
    if (!still_there(path, fd.get())) continue;
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd.get(), 0) != 0 ||
        ::write(fd.get(), pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
      return Error::from_errno("write lock", path);
    }
    return InstanceLock{path, std::move(fd)};
  }
}

InstanceLock::~InstanceLock() {
  if (fd_) ::unlink(path_.c_str());
}

Status make_folders(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string folder = path.substr(0, end);
    if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) {
      return Error::from_errno("create folder", folder);
    }
    if (end == std::string::npos) return {};
  }
}

void remove_if_empty(std::initializer_list<std::string> folders) noexcept {
  for (const std::string& folder : folders) ::rmdir(folder.c_str());
}

std::string runtime_directory(const std::string& base) {
  // Before any thread of ours that could change the environment.
  const char* given = std::getenv("RUNTIME_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  if (given == nullptr || *given == '\0') return base + "/run";
  const std::string_view list{given};  // systemd: several are divided by colons; ours is first.
  return std::string{list.substr(0, list.find(':'))};
}

}  // namespace horus::service
