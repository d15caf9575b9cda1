// SPDX-License-Identifier: Apache-2.0
#include "service/leaf.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string_view>
#include <utility>

namespace horus::service {
namespace {

/// The folder of this process's cgroup; empty without cgroup v2.
std::string own_cgroup() {
  std::ifstream file{"/proc/self/cgroup"};
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("0::/")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return {};
}

bool delegated(const std::string& folder) noexcept {
  for (const char* attribute : {"user.delegate", "trusted.delegate"}) {
    char value = '0';
    if (::getxattr(folder.c_str(), attribute, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

bool write_to(const std::string& path, std::string_view text) noexcept {
  const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// How many processes and threads one host may have, so that the supervisor and the other hosts go
/// on beside a host that starts them without end. 0: the service has no limit.
std::uint64_t share_of_tasks(const std::string& folder) {
  std::ifstream file{folder + "/pids.max"};
  std::uint64_t tasks = 0;
  return file >> tasks ? tasks / 4 * 3 : 0;
}

bool make_folder(const std::string& path) noexcept {
  static constexpr mode_t kMode = 0755;
  return ::mkdir(path.c_str(), kMode) == 0 || errno == EEXIST;
}

}  // namespace

Leaf::Leaf(Leaf&& other) noexcept
    : folder_{std::exchange(other.folder_, {})}, procs_{std::move(other.procs_)} {}

Leaf& Leaf::operator=(Leaf&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(procs_, other.procs_);
  return *this;
}

Leaf::~Leaf() {
  if (folder_.empty()) return;
  kill();
  ::rmdir(folder_.c_str());
}

bool Leaf::kill() const noexcept {
  return !folder_.empty() && write_to(folder_ + "/cgroup.kill", "1");
}

std::optional<Leaves> Leaves::take() {
  const std::string folder = own_cgroup();
  if (folder.empty() || !delegated(folder)) return std::nullopt;
  const std::string own = folder + "/supervisor";
  if (!make_folder(own) || !write_to(own + "/cgroup.procs", "0")) return std::nullopt;
  // If this is refused, the hosts share the service's limit.
  static_cast<void>(write_to(folder + "/cgroup.subtree_control", "+pids"));
  return Leaves{folder};
}

Leaf Leaves::make(const std::string& host) const noexcept {
  Leaf leaf;
  const std::string folder = folder_ + "/host-" + host;
  if (!make_folder(folder)) return leaf;
  leaf.folder_ = folder;
  leaf.procs_ = UniqueFd{::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC)};
  if (!leaf.procs_) return {};  // `leaf` removes the folder.
  const std::uint64_t tasks = share_of_tasks(folder_);
  if (tasks > 0) static_cast<void>(write_to(folder + "/pids.max", std::to_string(tasks)));
  return leaf;
}

}  // namespace horus::service
