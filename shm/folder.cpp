// SPDX-License-Identifier: Apache-2.0
#include "shm/folder.hpp"

#include <poll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include <horus/time.hpp>

#include "shm/names.hpp"
#include "shm/path_walk.hpp"

namespace horus::shm {
namespace {

constexpr int kTries = 8;  // Others may change the same names at the same time.
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

Error refusal(const char* what, const std::string& path, uid_t owner) noexcept {
  const std::string text = path + " (uid " + std::to_string(owner) + ")";
  return {Errc::kPermission, what, 0, Name<200>::clipped(text)};
}

/// Raises the soft limit of open files to the hard one. Many systems keep it low only for the sake
/// of programs that use select().
bool raise_limit() noexcept {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= files.rlim_max) return false;
  files.rlim_cur = files.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &files) == 0;
}

template <typename Open>
UniqueFd opened(Open open) noexcept {
  int fd = open();
  if (fd < 0 && errno == EMFILE) {
    if (raise_limit()) {
      fd = open();
    } else {
      errno = EMFILE;
    }
  }
  return UniqueFd{fd};
}

struct CloseStream {
  void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};
using Stream = std::unique_ptr<DIR, CloseStream>;

Stream stream_of(int folder) noexcept {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  UniqueFd again = opened([&] { return ::openat(folder, ".", kFlags); });
  Stream stream{again ? ::fdopendir(again.get()) : nullptr};
  if (stream) again.release();
  return stream;
}

/// The next name, valid until the next call; empty at the end.
std::string_view next_of(DIR* stream) noexcept {
  // readdir() is safe here: nobody shares the stream.
  while (const dirent* const entry = ::readdir(stream)) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name{entry->d_name};
    if (name != "." && name != "..") return name;
  }
  return {};
}

/// The mount that the file lies in; on a kernel that does not number mounts, the file system.
std::optional<std::uint64_t> mount_of(int fd) noexcept {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0) return std::nullopt;
  if ((status.stx_mask & STATX_MNT_ID) != 0) return status.stx_mnt_id;
  return (std::uint64_t{status.stx_dev_major} << 32U) | status.stx_dev_minor;
}

}  // namespace

Result<FolderPtr> Folder::hold(UniqueFd fd, std::string path) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return Error::from_errno("look at", path);
  std::shared_ptr<Folder> folder{new Folder};
  folder->fd_ = std::move(fd);
  folder->path_ = std::move(path);
  folder->owner_ = status.st_uid;
  folder->group_ = status.st_gid;
  folder->mode_ = status.st_mode;
  return FolderPtr{std::move(folder)};
}

Result<FolderPtr> Folder::base(const std::string& path) {
  auto reached = walk(path, mode_for_base(path));
  if (!reached) return reached.error();
  auto folder = hold(std::move(reached).value(), path);
  if (!folder) return folder;
  const Folder& found = *folder.value();
  const uid_t self = ::geteuid();
  if (found.owner_ != self && (self == 0 || !is_service(path, found.owner_, found.group_))) {
    return refusal(
        "base directory is not this user's (give each user one by HORUS_BASE, or run as its "
        "owner)",
        path, found.owner_);
  }
  if ((found.mode_ & S_IWOTH) != 0) {
    return refusal("base directory may be written by anybody (chmod o-w)", path, found.owner_);
  }
  // Without the sticky bit the group could rename and remove what is in it.
  const bool loose = (found.mode_ & S_IWGRP) != 0 && (found.mode_ & S_ISVTX) == 0;
  if (loose && (!found.ours() || ::fchmod(found.fd(), (found.mode_ & 07777U) | S_ISVTX) != 0)) {
    return refusal("base directory lacks the sticky bit (chmod +t)", path, found.owner_);
  }
  return folder;
}

Result<FolderPtr> Folder::own(const std::string& path) {
  auto reached = walk(path, kOwnFolder);
  if (!reached) return reached.error();
  auto folder = hold(std::move(reached).value(), path);
  if (!folder) return folder;
  const Folder& found = *folder.value();
  if (!found.ours()) {
    return refusal("folder is not this user's", path, found.owner_);
  }
  if ((found.mode_ & kOthersWrite) != 0) {
    return refusal("folder may be written by others (chmod go-w)", path, found.owner_);
  }
  return folder;
}

Result<FolderPtr> Folder::look(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd = opened([&] { return ::open(path.c_str(), kFlags); });  // by path: to look only
  if (!fd) return cannot_enter(AT_FDCWD, path.c_str(), path);
  return hold(std::move(fd), path);
}

UniqueFd Folder::enter(const std::string& name) const noexcept {
  // Not openat2(): a service's sandbox that restricts set-group-ID (RestrictSUIDSGID=) forbids it.
  if (name == "." || name == ".." || name.find('/') != std::string::npos) {
    errno = EINVAL;
    return {};
  }
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd entered = opened([&] { return ::openat(fd(), name.c_str(), kFlags); });
  if (entered && mount_of(entered.get()) != mount_of(fd())) {
    errno = EXDEV;
    return {};
  }
  return entered;
}

Result<FolderPtr> Folder::existing(const std::string& name, mode_t mode) const {
  UniqueFd fd = enter(name);
  if (!fd) return cannot_enter(this->fd(), name.c_str(), path_of(name));
  auto entered = hold(std::move(fd), path_of(name));
  if (!entered) return entered;
  const Folder& found = *entered.value();
  if (found.owner_ != owner_) {
    return refusal("folder is not the base's owner's", found.path_, found.owner_);
  }
  const bool sticky = (found.mode_ & S_ISVTX) != 0;
  const bool loose = (found.mode_ & S_IWOTH) != 0 || ((found.mode_ & S_IWGRP) != 0 && !sticky);
  // A folder made by an older version may also be open to the group.
  const bool too_wide = ours() && (found.mode_ & ~mode & kOthersWrite) != 0;
  if ((loose || too_wide) && (!ours() || !found.narrow(mode))) {
    return refusal("folder may be written by others", found.path_, found.owner_);
  }
  return entered;
}

bool Folder::narrow(mode_t mode) const noexcept {
  // Try to keep set-group-ID; a service's sandbox refuses any mode with it, even if it is set
  // already.
  return ::fchmod(fd(), mode | (mode_ & S_ISGID)) == 0 || ::fchmod(fd(), mode) == 0;
}

Result<FolderPtr> Folder::folder(const std::string& name, mode_t mode) const {
  auto found = existing(name, mode);
  for (int tried = 0; !found && ours() && tried < kTries; ++tried) {
    if (found.error().code == Errc::kExhausted) break;
    if (auto claimed = claim(name, mode); !claimed) return claimed.error();
    found = existing(name, mode);
  }
  return found;
}

Status Folder::claim(const std::string& name, mode_t mode) const {
  const std::string fresh = "." + make_identity() + ".new";
  if (::mkdirat(fd(), fresh.c_str(), 0700) != 0) {
    return Error::from_errno("create folder", path_of(name));
  }
  const UniqueFd made = enter(fresh);
  struct stat status {};
  // Give it the group of this folder, if this process may: others of that group would be shut out.
  const bool given =
      made && ::fstat(made.get(), &status) == 0 &&
      (status.st_gid == group_ || ::fchown(made.get(), static_cast<uid_t>(-1), group_) == 0);
  const bool marked = given && (mode_ & S_ISGID) != 0 && ::fchmod(made.get(), mode | S_ISGID) == 0;
  if (!made || (!marked && ::fchmod(made.get(), mode) != 0) || ::fstat(made.get(), &status) != 0 ||
      status.st_uid != owner_) {
    const Error error = Error::from_errno("create folder", path_of(name));
    discard(fresh);
    return error;
  }
  if (rename(fresh, name)) return {};
  // Something has the name. If it is a good folder, another process of this user was first: keep
  // it.
  if (!existing(name)) exchange(fresh, name);
  discard(fresh);
  return {};
}

UniqueFd Folder::open(const std::string& name, int access) const noexcept {
  constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  return opened([&] { return ::openat(fd(), name.c_str(), access | kFlags, 0600); });
}

UniqueFd Folder::open_unnamed(mode_t mode) const noexcept {
  return opened([&] { return ::openat(fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode); });
}

Status Folder::link(int file, const std::string& name) const {
  const std::string self = "/proc/self/fd/" + std::to_string(file);
  if (::linkat(AT_FDCWD, self.c_str(), fd(), name.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  return Error::from_errno("name shared memory", path_of(name));
}

Status Folder::rename(const std::string& from, const std::string& to) const {
  if (::renameat2(fd(), from.c_str(), fd(), to.c_str(), RENAME_NOREPLACE) == 0) return {};
  return Error::from_errno("rename", path_of(to));
}

bool Folder::exchange(const std::string& one, const std::string& other) const noexcept {
  return ::renameat2(fd(), one.c_str(), fd(), other.c_str(), RENAME_EXCHANGE) == 0;
}

bool Folder::unlink(const std::string& name) const noexcept {
  return ::unlinkat(fd(), name.c_str(), 0) == 0;
}

bool Folder::discard(const std::string& name) const noexcept {
  if (unlink(name) || ::unlinkat(fd(), name.c_str(), AT_REMOVEDIR) == 0) return true;
  const bool in_use = errno == ENOTEMPTY || errno == EBUSY;
  return in_use && !name.starts_with('.') && rename(name, "." + make_identity() + ".junk");
}

bool Folder::clear(Nanos patience) const {
  const TimePoint end = MonotonicClock::now() + patience;
  // Moves what lies deeper up into this folder: so a deep tree, which others may have made, costs
  // neither descriptors nor stack.
  for (bool progress = true; progress;) {
    progress = false;
    for (const std::string& name : list("")) {
      if (MonotonicClock::now() >= end) return is_empty();
      if (unlink(name)) {
        progress = true;
        continue;
      }
      const auto inner = hold(enter(name), path_of(name));
      if (!inner) continue;
      for (const std::string& child : inner.value()->list("")) {
        if (MonotonicClock::now() >= end) break;
        const std::string up = "." + make_identity();
        progress |=
            inner.value()->unlink(child) || ::renameat2(inner.value()->fd(), child.c_str(), fd(),
                                                        up.c_str(), RENAME_NOREPLACE) == 0;
      }
      progress |= ::unlinkat(fd(), name.c_str(), AT_REMOVEDIR) == 0;
    }
  }
  return is_empty();
}

bool Folder::is_empty() const {
  const auto left = entries("");
  return left && left->empty();
}

bool Folder::has(const std::string& name) const noexcept {
  struct stat status {};
  return ::fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

bool Folder::owns(const std::string& name) const noexcept {
  struct stat status {};
  return ::fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         status.st_uid == ::geteuid();
}

bool Folder::names(const std::string& name, int file) const noexcept {
  struct stat by_name {};
  struct stat by_fd {};
  return ::fstat(file, &by_fd) == 0 &&
         ::fstatat(fd(), name.c_str(), &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
         by_fd.st_ino == by_name.st_ino && by_fd.st_dev == by_name.st_dev;
}

Result<UniqueFd> Folder::lock(const std::string& name, int patience_ms) const {
  constexpr int kLookEveryMs = 2;
  const TimePoint end = MonotonicClock::now() + std::chrono::milliseconds{patience_ms};
  for (int strangers = 0;;) {
    UniqueFd file = open(name, O_RDWR | O_CREAT);
    struct stat status {};
    const bool sound = file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
                       status.st_uid == ::geteuid() && status.st_nlink <= 1;
    if (!sound) {
      // For a file that could be opened but is not this user's, errno says nothing.
      const Error error =
          file ? refusal("lock is not a file of this user's", path_of(name), status.st_uid)
               : Error::from_errno("open lock", path_of(name));
      if (error.code == Errc::kExhausted || ++strangers > kTries) return error;
      discard(name);
      continue;
    }
    // A file made by an older version may be open to the group.
    if (::fchmod(file.get(), 0600) != 0) return Error::from_errno("open lock", path_of(name));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
      // Its last holder may have removed the name between our open() and our lock.
      if (names(name, file.get())) return file;
      continue;
    }
    if (errno != EWOULDBLOCK) return Error::from_errno("lock", path_of(name));
    if (MonotonicClock::now() >= end) {
      return Error{Errc::kBusy, "another process has the lock", 0,
                   Name<200>::clipped(path_of(name))};
    }
    ::poll(nullptr, 0, kLookEveryMs);
  }
}

void Folder::unlock(const std::string& name, UniqueFd held) const noexcept {
  if (!held) return;
  unlink(name);
  // Unlock explicitly: a child that was forked meanwhile also has the descriptor.
  ::flock(held.get(), LOCK_UN);
}

std::optional<std::vector<std::string>> Folder::entries(std::string_view suffix,
                                                        std::size_t most) const {
  const Stream stream = stream_of(fd());
  if (!stream) return std::nullopt;
  std::vector<std::string> names;
  // Copies only names that are wanted: they may be few among many.
  for (std::size_t seen = 0; seen < most; ++seen) {
    const std::string_view name = next_of(stream.get());
    if (name.empty()) break;
    if (name.ends_with(suffix)) names.emplace_back(name);
  }
  return names;
}

std::vector<std::string> Folder::of_key(std::string_view key, std::string_view suffix) const {
  std::vector<std::string> names;
  const Stream stream = stream_of(fd());
  for (std::size_t seen = 0; stream && seen < kMostEntries; ++seen) {
    const std::string_view name = next_of(stream.get());
    if (name.empty()) break;
    if (name.ends_with(suffix) && key_of(name) == key) names.emplace_back(name);
  }
  return names;
}

Listing::Listing(const Folder& folder) noexcept : stream_{stream_of(folder.fd()).release()} {}

std::vector<std::string> Listing::next(std::size_t most) {
  std::vector<std::string> names;
  while (stream_ && names.size() < most) {
    const std::string_view name = next_of(stream_.get());
    if (name.empty()) break;
    names.emplace_back(name);
  }
  return names;
}

std::string Folder::path_of(std::string_view name) const {
  std::string path = path_;
  path += '/';
  path += name;
  return path;
}

bool Folder::ours() const noexcept {
  return owner_ == ::geteuid();
}

}  // namespace horus::shm
