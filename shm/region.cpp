// SPDX-License-Identifier: Apache-2.0
#include "shm/region.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string_view>
#include <utility>

#include "shm/names.hpp"

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

/// Whether anybody but the holder of this open file has the lock.
bool is_locked(int fd) noexcept {
  struct flock lock = whole_file(F_RDLCK);
  return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/// Whether the file belongs to this user, root, or the folder's owner or group.
bool owner_allowed(const struct stat& file, const Folder& folder) noexcept {
  return file.st_uid == ::geteuid() || file.st_uid == 0 || file.st_uid == folder.owner() ||
         file.st_gid == folder.group();
}

/// A number for the peer that owns the file, from its user and the identity in its name; never 0.
std::uint64_t peer_of(uid_t user, std::string_view name) noexcept {
  const bool of_topic = name.ends_with(".ring") || name.ends_with(".sub");
  const std::string_view identity = of_topic ? identity_of(name) : key_of(name);
  return (std::hash<std::string_view>{}(identity) ^ user) | 1U;
}

bool has_holes(const struct stat& file) noexcept {
  return file.st_blocks * 512 < file.st_size;
}

/// Copies whole words, as other threads write them as atomics.
void copy_words(const std::byte* from, std::byte* to, std::size_t size) noexcept {
  const auto copy = [&]<typename Word>(std::size_t at, Word /*of*/) {
    auto& word = *reinterpret_cast<Word*>(const_cast<std::byte*>(from + at));
    // relaxed: each is a number of its own.
    const Word value = std::atomic_ref{word}.load(std::memory_order_relaxed);
    std::memcpy(to + at, &value, sizeof value);
  };
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) copy(at, std::uint64_t{});
  for (; at + 4 <= size; at += 4) copy(at, std::uint32_t{});
}

/// Returns the errno, or 0. Above RLIMIT_FSIZE the kernel would end the process by SIGXFSZ.
int reserve(int fd, std::size_t size) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur) return EFBIG;
  return ::posix_fallocate(fd, 0, static_cast<off_t>(size));
}

Error refused(Errc code, const char* what, const std::string& path) noexcept {
  return {code, what, 0, Name<200>::clipped(path)};
}

}  // namespace

std::string room_in(const Folder& folder, std::size_t wanted) {
  struct statvfs there {};
  if (::fstatvfs(folder.fd(), &there) != 0) return folder.path();
  constexpr double kMb = 1e6;
  const auto mb = [&there](auto blocks) {
    return static_cast<double>(blocks) * static_cast<double>(there.f_frsize) / kMb;
  };
  std::array<char, 100> text{};
  std::snprintf(text.data(), text.size(), "%.3g MB wanted, %.1f of %.1f MB free in ",
                static_cast<double>(wanted) / kMb, mb(there.f_bavail), mb(there.f_blocks));
  return text.data() + folder.path();
}

bool owner_alive(const Folder& folder, const std::string& name) noexcept {
  const UniqueFd fd = folder.open(name, O_RDONLY);
  if (fd) return is_locked(fd.get());
  // Out of descriptors: it cannot be seen whether the owner lives, so it may.
  return errc_of(errno) == Errc::kExhausted;
}

Result<Region> Region::create(FolderPtr folder, std::size_t size, int mode) {
  const std::string& where = folder->path();
  if (size > kMaxSize) {
    return refused(Errc::kExhausted, "reserve more than 1 GiB of shared memory in", where);
  }
  Region region;
  region.fd_ = folder->open_unnamed(static_cast<mode_t>(mode));
  if (!region.fd_) return Error::from_errno("create shared memory in", where);
  // The mode is part of the protocol: set it whatever the process's umask is.
  if (::fchmod(region.fd_.get(), static_cast<mode_t>(mode)) != 0) {
    return Error::from_errno("set the mode of shared memory in", where);
  }
  // Reserve the pages now: a full file system is then an error here, and not a SIGBUS later.
  if (const int error = reserve(region.fd_.get(), size); error != 0) {
    errno = error;
    return Error::from_errno("reserve shared memory",
                             error == ENOSPC ? room_in(*folder, size) : where);
  }
  if (!lock_owner(region.fd_.get())) return Error::from_errno("lock shared memory in", where);
  auto mapped = Mapping::make(region.fd_.get(), size, true, where);
  if (!mapped) return mapped.error();
  region.map_ = std::move(mapped).value();
  region.owner_ = ::geteuid();
  region.folder_ = std::move(folder);
  return region;
}

Status Region::publish(const std::string& name) {
  if (auto linked = folder_->link(fd_.get(), name); !linked) return linked;
  name_ = name;
  return {};
}

Status Region::replace(const std::string& name) {
  constexpr int kTries = 8;  // Others may make and remove the name at the same time.
  for (int tried = 0; tried < kTries; ++tried) {
    auto linked = publish(name);
    if (linked || linked.error().code != Errc::kBusy) return linked;
    const std::string fresh = "." + make_identity() + ".new";
    if (linked = folder_->link(fd_.get(), fresh); !linked) return linked;
    const bool done = folder_->exchange(fresh, name);
    const Error error = Error::from_errno("replace shared memory", folder_->path_of(name));
    folder_->discard(fresh);
    if (done) {
      name_ = name;
      return {};
    }
    if (error.code != Errc::kNotFound) return error;
  }
  return refused(Errc::kBusy, "replace shared memory", folder_->path_of(name));
}

Status Region::renew(FolderPtr folder, const std::string& name) {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return Error::from_errno("look at", path());
  auto made = create(std::move(folder), map_->size(), static_cast<int>(status.st_mode & 07777U));
  if (!made) return made.error();
  Region fresh = std::move(made).value();
  copy_words(map_->data(), fresh.map_->data(), map_->size());
  if (auto named = fresh.replace(name); !named) return named;
  // Keep the number of the descriptor: a forked child knows it (see in_child() in mapping.cpp).
  // dup3() closes the old file, and its lock goes with it.
  auto shown = map_->show(fresh.fd_.get(), fresh.path());
  if (shown && ::dup3(fresh.fd_.get(), fd_.get(), O_CLOEXEC) < 0) {
    shown = Error::from_errno("lock shared memory in", fresh.path());
  }
  if (!shown) {
    fresh.unlink();
    return shown;
  }
  folder_ = std::move(fresh.folder_);
  name_ = name;
  return {};
}

Result<Region> Region::open(FolderPtr folder, const std::string& name, std::size_t least,
                            bool writable, std::size_t most) {
  Region region;
  const std::string path = folder->path_of(name);
  region.fd_ = folder->open(name, writable ? O_RDWR : O_RDONLY);
  if (!region.fd_) return Error::from_errno("open shared memory", path);
  struct stat status {};
  if (::fstat(region.fd_.get(), &status) != 0) return Error::from_errno("look at", path);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size == 0 || size < least || size > kMaxSize) {
    return refused(Errc::kCorrupt, "shared memory of a wrong kind or size", path);
  }
  if (!owner_allowed(status, *folder)) {
    return refused(Errc::kPermission, "shared memory of a foreign user",
                   path + " (uid " + std::to_string(status.st_uid) + ")");
  }
  if (status.st_nlink > 1) {
    return refused(Errc::kCorrupt, "shared memory with a second name", path);
  }
  // A hole is a page that the file system may be unable to provide: a SIGBUS later.
  if (has_holes(status)) {
    return refused(Errc::kCorrupt, "shared memory with holes", path);
  }
  auto mapped = Mapping::make(region.fd_.get(), std::min(size, most), writable, path,
                              peer_of(status.st_uid, name));
  if (!mapped) return mapped.error();
  region.map_ = std::move(mapped).value();
  region.owner_ = status.st_uid;
  region.folder_ = std::move(folder);
  region.name_ = name;
  return region;
}

bool Region::alive() const noexcept {
  if (!locked() || map_->lost()) return false;
  struct stat status {};
  return ::fstat(fd_.get(), &status) == 0 &&
         static_cast<std::size_t>(status.st_size) >= map_->size() && !has_holes(status);
}

bool Region::locked() const noexcept {
  return fd_ && map_ && is_locked(fd_.get());
}

std::uint64_t Region::inode() const noexcept {
  struct stat status {};
  return fd_ && ::fstat(fd_.get(), &status) == 0 ? status.st_ino : 0;
}

bool Region::is_named() const noexcept {
  return fd_ && folder_ && folder_->names(name_, fd_.get());
}

void Region::unlink() noexcept {
  if (is_named()) folder_->unlink(name_);
}

std::string Region::path() const {
  return folder_ ? folder_->path_of(name_) : std::string{};
}

}  // namespace horus::shm
