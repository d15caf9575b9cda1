// SPDX-License-Identifier: Apache-2.0
#include "shm/path_walk.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <climits>
#include <optional>
#include <string_view>
#include <vector>

#include "shm/folder.hpp"

namespace horus::shm {
namespace {

constexpr int kMaxLinks = 16;
constexpr const char* kServiceUser = "horus";  // The name that the package uses.

/// Appends the names of `path` in reverse order, so that the first one is at the back.
void push_names(std::vector<std::string>& names, std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.rfind('/');
    const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    if (!name.empty() && name != ".") names.emplace_back(name);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
  }
}

/// The uid in the name of a user's base. None for the services' base: on a machine without their
/// user it belongs to whoever has it.
std::optional<uid_t> named_owner(std::string_view path) noexcept {
  const std::string_view prefix = "/dev/shm/horus-";
  if (!path.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = path.substr(prefix.size());
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), uid);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  return whole ? std::optional{uid} : std::nullopt;
}

/// Whether this user may make the folder. A base that another user has to own is not made: that
/// user would be shut out of it.
bool may_make(const std::string& path, uid_t self) noexcept {
  if (path == kServiceBase) return service_user().value_or(self) == self;
  return may_own(path, self);
}

class Walk {
 public:
  Walk(const std::string& path, std::optional<mode_t> mode) : path_{path}, mode_{mode} {
    if (path.starts_with('/'))
      to_root();
    else
      here_ = UniqueFd{::openat(AT_FDCWD, ".", kStep | O_DIRECTORY)};
    push_names(names_, path);
  }

  Result<UniqueFd> to_end() {
    while (here_ && !names_.empty()) {
      const std::string name = std::move(names_.back());
      names_.pop_back();
      if (auto gone = step(name); !gone) return gone.error();
    }
    if (!here_) return Error::from_errno("enter folder", path_);
    UniqueFd readable{::openat(here_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!readable) return cannot_enter(here_.get(), ".", path_);
    return readable;
  }

 private:
  static constexpr int kStep = O_PATH | O_NOFOLLOW | O_CLOEXEC;

  void to_root() {
    here_ = UniqueFd{::openat(AT_FDCWD, "/", kStep | O_DIRECTORY)};
    so_far_.clear();
  }
  Error refuse(const char* what, uid_t owner) const noexcept {
    const std::string text = so_far_ + " (uid " + std::to_string(owner) + ")";
    return {Errc::kPermission, what, 0, Name<200>::clipped(text)};
  }

  Status step(const std::string& name) {
    UniqueFd next{::openat(here_.get(), name.c_str(), kStep)};
    if (!next && errno == ENOENT && mode_) {
      if (const uid_t self = ::geteuid(); !may_make(so_far_ + '/' + name, self)) {
        so_far_ += '/' + name;
        return refuse("a folder that is not there, and whose name says another owner", self);
      }
      if (::mkdirat(here_.get(), name.c_str(), 0700) == 0) {
        next = UniqueFd{::openat(here_.get(), name.c_str(), kStep | O_DIRECTORY)};
        // Set the mode whatever the umask is; only if it is still the folder that we have made.
        const UniqueFd made{::openat(next.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        struct stat status {};
        if (made && ::fstat(made.get(), &status) == 0 && status.st_uid == ::geteuid()) {
          ::fchmod(made.get(), *mode_);
        }
      } else if (errno == EEXIST) {
        next = UniqueFd{::openat(here_.get(), name.c_str(), kStep)};
      }
    }
    so_far_ += '/';
    so_far_ += name;
    if (!next) return cannot_enter(here_.get(), name.c_str(), so_far_);
    struct stat status {};
    if (::fstat(next.get(), &status) != 0) return Error::from_errno("look at", so_far_);
    if (S_ISLNK(status.st_mode)) return follow(next.get(), status);
    if (auto good = check(status); !good) return good;
    here_ = std::move(next);
    return {};
  }

  Status check(const struct stat& status) const noexcept {
    if (!S_ISDIR(status.st_mode)) {
      errno = ENOTDIR;
      return Error::from_errno("enter folder", so_far_);
    }
    if (!may_own(so_far_, status.st_uid)) {
      return refuse("the folder's name says another owner", status.st_uid);
    }
    if (names_.empty()) return {};  // The last folder is checked by the caller.
    const bool trusted = status.st_uid == 0 || status.st_uid == ::geteuid() ||
                         (::geteuid() != 0 && is_service(so_far_, status.st_uid, status.st_gid));
    const bool open = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (trusted && !open) return {};
    return refuse("the way leads through a folder that others may change", status.st_uid);
  }

  Status follow(int link, const struct stat& status) {
    if (names_.empty()) return refuse("a link stands in the place of a folder", status.st_uid);
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
      return refuse("the way leads through a link of another user", status.st_uid);
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
    if (size <= 0 || ++links_ > kMaxLinks) {
      errno = ELOOP;
      return Error::from_errno("enter folder", so_far_);
    }
    const std::string_view text{target.data(), static_cast<std::size_t>(size)};
    so_far_.resize(so_far_.rfind('/'));
    if (text.starts_with('/')) to_root();
    push_names(names_, text);
    return {};
  }

  const std::string& path_;
  const std::optional<mode_t> mode_;
  UniqueFd here_;
  std::string so_far_;
  std::vector<std::string> names_;
  int links_ = 0;
};

}  // namespace

Error cannot_enter(int dir, const char* name, const std::string& path) noexcept {
  const int number = errno;
  struct stat closed {};
  std::string which = path;
  bool known = number == EACCES;
  if (known && std::string_view{name} == ".") {
    // fstat(), as looking up "." by name needs the right to enter.
    known = ::fstat(dir, &closed) == 0;
  } else if (known && ::fstatat(dir, name, &closed, AT_SYMLINK_NOFOLLOW) != 0) {
    // Even looking it up is forbidden: the folder in which it lies is closed.
    known = ::fstat(dir, &closed) == 0;
    which.resize(which.rfind('/') == std::string::npos ? 0 : which.rfind('/'));
  }
  errno = number;
  if (!known) return Error::from_errno("enter folder", path);
  const bool group = (closed.st_mode & S_IXGRP) != 0 && (closed.st_mode & S_IRGRP) != 0;
  which += " (uid " + std::to_string(closed.st_uid);
  if (group) which += ", gid " + std::to_string(closed.st_gid);
  return {Errc::kPermission,
          group ? "the folder is closed to this user (run as its owner, or join its group)"
                : "the folder is closed to this user (run as its owner)",
          EACCES, Name<200>::clipped(which + ")")};
}

std::optional<uid_t> service_user() noexcept {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwnam_r(kServiceUser, &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::nullopt : std::optional{found->pw_uid};
}

Result<UniqueFd> walk(const std::string& path, std::optional<mode_t> mode) {
  return Walk{path, mode}.to_end();
}

void remove_if_empty(const std::string& path) noexcept {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) return;
  const auto above = walk(path.substr(0, slash + 1), std::nullopt);
  if (above) ::unlinkat(above.value().get(), path.c_str() + slash + 1, AT_REMOVEDIR);
}

mode_t mode_for_base(const std::string& path) noexcept {
  return path == kServiceBase && service_user() == ::geteuid() ? 0750 : 0700;
}

bool is_default_base(const std::string& path) noexcept {
  return path == kServiceBase || named_owner(path).has_value();
}

bool may_own(const std::string& path, uid_t owner) noexcept {
  return named_owner(path).value_or(owner) == owner;
}

bool is_service(const std::string& path, uid_t owner, gid_t group) noexcept {
  if (const auto user = service_user()) return owner == *user;
  const std::string_view base{kServiceBase};
  const bool below = path == base || path.starts_with(std::string{base} + "/");
  return below && group == ::getegid();
}

}  // namespace horus::shm
