// SPDX-License-Identifier: Apache-2.0
#include "service/foreign_hand.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <filesystem>
#include <list>

#include "service/describe.hpp"
#include "shm/path_walk.hpp"

namespace horus::service {
namespace {

namespace fs = std::filesystem;
using Hand = std::optional<std::string>;

/// Symbolic links on one path: the kernel's own limit (MAXSYMLINKS).
constexpr int kMaxLinks = 40;

bool is_trusted(uid_t uid) {
  return uid == 0 || uid == ::geteuid() || shm::service_user() == uid;
}

Hand unseen(const std::string& path, int number) {
  return "cannot see who may change " + path + ": " + errno_text(number);
}

/// What is wrong with one entry on the way. `last`: it is what is loaded or searched, not a folder
/// above that.
Hand judge(const std::string& path, const struct stat& status, bool last) {
  if (!is_trusted(status.st_uid)) {
    return path + " belongs to user " + std::to_string(status.st_uid) +
           ", who could change what is loaded: chown root it";
  }
  if (S_ISLNK(status.st_mode)) return std::nullopt;  // Its rights mean nothing.
  const bool keeps_entries = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0 && !last;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0 || keeps_entries) return std::nullopt;
  const bool all = (status.st_mode & S_IWOTH) != 0;
  return path + " can be written by " +
         (all ? std::string{"anybody"} : "group " + std::to_string(status.st_gid)) +
         ", who could change what is loaded: chmod go-w it";
}

/// Follows `path` component by component, links included, as the kernel would, and judges each
/// entry.
class PathWalk {
 public:
  PathWalk(const std::string& path, bool may_be_missing) : may_be_missing_{may_be_missing} {
    put_in_front(fs::absolute(path));
  }

  Hand walk() {
    auto hand = look("/");
    while (!hand && !ahead_.empty()) hand = step();
    return hand;
  }

 private:
  void put_in_front(const fs::path& path) {
    std::list<fs::path> names{path.begin(), path.end()};
    std::erase_if(names, [](const fs::path& name) { return name.empty() || name == "."; });
    ahead_.splice(ahead_.begin(), names);
  }

  Hand step() {
    const fs::path name = ahead_.front();
    ahead_.pop_front();
    if (name.has_root_directory()) {
      here_ = "/";
      return std::nullopt;
    }
    if (name == "..") {
      here_ = here_.parent_path();
      return std::nullopt;
    }
    const fs::path next = here_ / name;
    if (auto hand = look(next.string())) return hand;
    if (!S_ISLNK(status_.st_mode)) {
      here_ = next;
      return std::nullopt;
    }
    if (++links_ > kMaxLinks) return unseen(next.string(), ELOOP);
    std::error_code error;
    put_in_front(fs::read_symlink(next, error));
    return error ? unseen(next.string(), error.value()) : std::nullopt;
  }

  Hand look(const std::string& path) {
    if (::lstat(path.c_str(), &status_) == 0) return judge(path, status_, ahead_.empty());
    if (!may_be_missing_ || (errno != ENOENT && errno != ENOTDIR)) return unseen(path, errno);
    // It does not exist: a user who may add an entry to this folder could make it.
    ahead_.clear();
    if (::lstat(here_.c_str(), &status_) != 0) return unseen(here_.string(), errno);
    auto hand = judge(here_.string(), status_, true);
    if (!hand) return hand;
    return path +
           " does not exist, and whoever makes it decides what is loaded: make it, or take "
           "it out (" +
           *hand + ")";
  }

  std::list<fs::path> ahead_;
  fs::path here_ = "/";  ///< The folder reached so far, with all links resolved.
  struct stat status_ {};
  int links_ = 0;
  bool may_be_missing_;
};

}  // namespace

Hand foreign_hand(const std::string& path) {
  struct stat status {};
  const bool given = path.starts_with("/dev/fd/") && ::stat(path.c_str(), &status) == 0;
  if (given && status.st_nlink == 0) return std::nullopt;
  return PathWalk{path, /*may_be_missing=*/false}.walk();
}

Hand foreign_maker(const std::string& folder) {
  return PathWalk{folder, /*may_be_missing=*/true}.walk();
}

}  // namespace horus::service
