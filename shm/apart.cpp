// SPDX-License-Identifier: Apache-2.0
#include "shm/apart.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "shm/folder.hpp"
#include "shm/names.hpp"
#include "shm/path_walk.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

constexpr const char* kMemory = "/dev/shm";
constexpr std::size_t kMostEntries = 4096;  // Names read of /dev/shm, which anybody may fill.

struct Stranger {
  std::string base;
  uid_t user = 0;
  gid_t group = 0;
};

/// A default base of another user in which somebody has shown life. This user may be unable to look
/// into it, or to see its processes: they may be in a container.
std::optional<Stranger> stranger(const Folder& memory, const std::string& base, Nanos since) {
  for (const std::string& name : memory.list("", kMostEntries)) {
    const std::string path = memory.path_of(name);
    struct stat status {};
    if (!is_default_base(path) || base == path || base.starts_with(path + "/")) continue;
    if (::fstatat(memory.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const Nanos changed =
        std::chrono::seconds{status.st_mtim.tv_sec} + Nanos{status.st_mtim.tv_nsec};
    if (S_ISDIR(status.st_mode) && changed > since) {
      return Stranger{.base = path, .user = status.st_uid, .group = status.st_gid};
    }
  }
  return std::nullopt;
}

std::string text_in(const Folder& folder, const std::string& name) {
  const UniqueFd file = folder.open(name, O_RDONLY);
  std::array<char, 1024> text{};
  const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : 0;
  return size > 0 ? std::string{text.data(), static_cast<std::size_t>(size)} : std::string{};
}

bool runs_as(uid_t user, const Folder& process) {
  constexpr std::string_view kField = "\nUid:";
  const std::string status = text_in(process, "status");
  const std::size_t at = status.find(kField);
  // The real uid comes first, the effective one second.
  char* rest = nullptr;
  if (at == std::string::npos) return false;
  std::strtoul(status.c_str() + at + kField.size(), &rest, 10);
  return std::strtoul(rest, nullptr, 10) == user;
}

/// The pid of a process of the user that runs HORUS, found by the name of its helper thread; empty
/// if there is none. For display only.
std::string process_of(uid_t user) {
  const auto processes = Folder::look("/proc");
  if (!processes) return {};
  for (const std::string& pid : processes.value()->list("")) {
    if (pid.front() < '0' || pid.front() > '9') continue;
    const auto process = Folder::look("/proc/" + pid);
    if (!process || !runs_as(user, *process.value())) continue;
    const auto threads = Folder::look("/proc/" + pid + "/task");
    if (!threads) continue;
    const auto helps = [&](const std::string& thread) {
      return text_in(*threads.value(), thread + "/comm") == std::string{kHelperName} + "\n";
    };
    if (std::ranges::any_of(threads.value()->list(""), helps)) return pid;
  }
  return {};
}

bool is_member(gid_t group) {
  if (group == ::getegid()) return true;
  std::array<gid_t, 1024> groups{};
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  return std::find(groups.begin(), groups.begin() + std::max(count, 0), group) !=
         groups.begin() + std::max(count, 0);
}

std::string name_of_group(gid_t group) {
  std::array<char, 16384> buffer{};
  struct group entry {};
  struct group* found = nullptr;
  ::getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->gr_name : "of gid " + std::to_string(group);
}

/// The folder of the services' base; null if there is none that this user may enter.
FolderPtr service_folder() {
  auto folder = Folder::look(kServiceBase);
  return folder ? std::move(folder).value() : nullptr;
}

std::string name_of(uid_t user) {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : "uid " + std::to_string(user);
}

std::string cure_for(const Stranger& stranger) {
  if (::geteuid() == 0) return "run this program as that user, not as root";
  if (stranger.base != kServiceBase) {
    return "run both as one user, or both with HORUS_BASE=/dev/shm/horus, in the service's group";
  }
  const std::string group = name_of_group(stranger.group);
  if (is_member(stranger.group)) {
    return "run this program with HORUS_BASE=" + stranger.base + ", as a member of group " + group;
  }
  return "become a member of group " + group + " ('sudo adduser " + name_of(::geteuid()) + " " +
         group + "', then log in again), and this program finds it by itself";
}

}  // namespace

std::string base_of_program() {
  const char* const chosen = std::getenv("HORUS_BASE");  // NOLINT(concurrency-mt-unsafe): as there
  const bool is_chosen = chosen != nullptr && *chosen != '\0';
  const auto found = is_chosen || ::geteuid() == 0 ? nullptr : service_folder();
  const bool joins = found && is_service(kServiceBase, found->owner(), found->group()) &&
                     is_member(found->group()) && !process_of(found->owner()).empty();
  return joins ? in_namespace(kServiceBase) : default_base();
}

std::string apart_from(const std::string& base, Nanos since) {
  const bool chosen = !is_default_base(base.substr(0, base.find('/', sizeof "/dev/shm/")));
  const auto memory = Folder::look(kMemory);
  if (chosen || !memory) return {};
  const auto other = stranger(*memory.value(), base, since);
  if (!other) return {};
  // The uid in the base's name is not its owner's: in a container uids are numbered differently.
  const bool renumbered = !may_own(other->base, other->user);
  const std::string pid = process_of(other->user);
  const std::string cure =
      renumbered ? "run both with one HORUS_BASE, as /dev/shm/robot" : cure_for(*other);
  return "nobody else is heard in " + base + "; " + name_of(other->user) + " (" +
         (pid.empty() ? "in a container, or hidden" : "pid " + pid) + ") runs HORUS, too, in " +
         other->base + ": " + cure;
}

}  // namespace horus::shm
