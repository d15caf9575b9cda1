// SPDX-License-Identifier: Apache-2.0
#include "shm/leave.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "shm/folder.hpp"
#include "shm/sweep.hpp"

namespace horus::shm {
namespace {

std::atomic<bool> is_leaving{false};

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

/// Releases the owner's lock of every file of this process below `base`.
void unlock_all(const std::string& base) {
  const auto root = Folder::look(base);
  if (!root) return;
  // The path as the kernel spells it: the user's may end with a slash, or contain a link.
  std::array<char, 4096> spelled{};
  const std::string self = "/proc/self/fd/" + std::to_string(root.value()->fd());
  const auto spelled_length = ::readlink(self.c_str(), spelled.data(), spelled.size());
  if (spelled_length <= 0) return;
  std::string below{spelled.data(), static_cast<std::size_t>(spelled_length)};
  below += '/';
  const std::unique_ptr<DIR, CloseFolder> folder{
      ::opendir("/proc/self/fd")};  // by path: the kernel's own
  if (!folder) return;
  // One thread reads this stream.
  while (const dirent* entry = ::readdir(folder.get())) {  // NOLINT(concurrency-mt-unsafe)
    std::array<char, 4096> target{};
    const auto length =
        ::readlinkat(::dirfd(folder.get()), entry->d_name, target.data(), target.size());
    if (length <= 0) continue;
    const std::string_view path{target.data(), static_cast<std::size_t>(length)};
    if (!path.starts_with(below)) continue;
    struct flock whole {};
    whole.l_type = F_UNLCK;
    ::fcntl(std::atoi(entry->d_name), F_OFD_SETLK, &whole);
  }
}

}  // namespace

bool leaving() noexcept {
  // relaxed: a helper thread that sees it late ends with the process anyway.
  return is_leaving.load(std::memory_order_relaxed);
}

void leave_at_once(const std::string& base) noexcept {
  is_leaving.store(true, std::memory_order_relaxed);
  unlock_all(base);
  // Removes the files, which now have no living owner, as after a crash.
  sweep(base);
}

}  // namespace horus::shm
