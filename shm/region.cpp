// SPDX-License-Identifier: Apache-2.0
#include "shm/region.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <functional>
#include <string_view>
#include <utility>

namespace horus::shm {
namespace {

struct flock whole_file(short type) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

/// Takes the OFD write lock without waiting.
bool lock_owner(int fd) noexcept {
  struct flock lock = whole_file(F_WRLCK);
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/// Whether anybody but this open file holds the lock.
bool is_locked(int fd) noexcept {
  struct flock lock = whole_file(F_RDLCK);
  return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

UniqueFd open_peer(const std::string& path, bool writable) noexcept {
  // No link is followed, and a pipe that somebody put there makes nobody wait.
  constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  return UniqueFd{::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | kFlags)};
}

/// This user, root, or who the directory belongs to.
bool owner_allowed(const struct stat& file, const std::string& path) noexcept {
  if (file.st_uid == ::geteuid() || file.st_uid == 0) return true;
  struct stat directory {};
  if (::stat(path.substr(0, path.rfind('/')).c_str(), &directory) != 0) return false;
  return file.st_uid == directory.st_uid || file.st_gid == directory.st_gid;
}

/// Whose file it is, by the identity that its name begins with; never 0.
std::uint64_t peer_of(std::string_view path) noexcept {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return std::hash<std::string_view>{}(name.substr(0, name.find('.'))) | 1U;
}

bool has_holes(const struct stat& file) noexcept {
  return file.st_blocks * 512 < file.st_size;
}

Error refused(Errc code, const char* what, const std::string& path) noexcept {
  return {code, what, 0, Name<200>::clipped(path)};
}

}  // namespace

bool owner_alive(const std::string& path) noexcept {
  const UniqueFd fd = open_peer(path, false);
  return fd && is_locked(fd.get());
}

Result<Region> Region::create(const std::string& directory, std::size_t size, int mode) {
  if (size > kMaxSize) {
    return refused(Errc::kExhausted, "reserve more than 1 GiB of shared memory in", directory);
  }
  Region region;
  region.fd_ = UniqueFd{
      ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, static_cast<mode_t>(mode))};
  if (!region.fd_) return Error::from_errno("create shared memory in", directory);
  // The mode is part of the protocol and not a matter of the process's umask.
  if (::fchmod(region.fd_.get(), static_cast<mode_t>(mode)) != 0) {
    return Error::from_errno("set the mode of shared memory in", directory);
  }
  // Reserved now: a full file system is an error here and not a SIGBUS later.
  if (const int error = ::posix_fallocate(region.fd_.get(), 0, static_cast<off_t>(size));
      error != 0) {
    errno = error;
    return Error::from_errno("reserve shared memory in", directory);
  }
  if (!lock_owner(region.fd_.get())) return Error::from_errno("lock shared memory in", directory);
  auto mapped = Mapping::make(region.fd_.get(), size, true, directory);
  if (!mapped) return mapped.error();
  region.map_ = std::move(mapped).value();
  return region;
}

Status Region::publish(const std::string& path, bool replace) {
  const std::string self = "/proc/self/fd/" + std::to_string(fd_.get());
  std::string target = path;
  if (replace) {
    target += "." + std::to_string(::getpid()) + ".new";
    ::unlink(target.c_str());
  }
  if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return Error::from_errno("name shared memory", path);
  }
  if (replace && ::rename(target.c_str(), path.c_str()) != 0) {
    const Error error = Error::from_errno("replace shared memory", path);
    ::unlink(target.c_str());
    return error;
  }
  path_ = path;
  return {};
}

Result<Region> Region::open(const std::string& path, std::size_t least, bool writable) {
  Region region;
  region.fd_ = open_peer(path, writable);
  if (!region.fd_) return Error::from_errno("open shared memory", path);
  struct stat status {};
  if (::fstat(region.fd_.get(), &status) != 0) return Error::from_errno("look at", path);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size == 0 || size < least || size > kMaxSize) {
    return refused(Errc::kCorrupt, "shared memory of a wrong kind or size", path);
  }
  if (!owner_allowed(status, path)) {
    return refused(Errc::kPermission, "shared memory of a foreign user",
                   path + " (uid " + std::to_string(status.st_uid) + ")");
  }
  // A hole would be a page that the file system may be unable to give: a SIGBUS in waiting.
  if (has_holes(status)) {
    return refused(Errc::kCorrupt, "shared memory with holes", path);
  }
  auto mapped = Mapping::make(region.fd_.get(), size, writable, path, peer_of(path));
  if (!mapped) return mapped.error();
  region.map_ = std::move(mapped).value();
  region.path_ = path;
  return region;
}

bool Region::alive() const noexcept {
  if (!fd_ || !map_ || map_->lost() || !is_locked(fd_.get())) return false;
  struct stat status {};
  return ::fstat(fd_.get(), &status) == 0 &&
         static_cast<std::size_t>(status.st_size) >= map_->size() && !has_holes(status);
}

std::uint64_t Region::inode() const noexcept {
  struct stat status {};
  return fd_ && ::fstat(fd_.get(), &status) == 0 ? status.st_ino : 0;
}

bool Region::is_named() const noexcept {
  struct stat mine {};
  struct stat named {};
  return fd_ && ::fstat(fd_.get(), &mine) == 0 && ::lstat(path_.c_str(), &named) == 0 &&
         mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

void Region::unlink() noexcept {
  if (is_named()) ::unlink(path_.c_str());
}

}  // namespace horus::shm
