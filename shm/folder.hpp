// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <horus/result.hpp>
#include <horus/time.hpp>

#include "rt/base/unique_fd.hpp"

namespace horus::shm {

class Folder;
using FolderPtr = std::shared_ptr<const Folder>;

/// Mode of a folder in which the group may add files and nobody may remove another's. Without
/// set-group-ID, which a service's sandbox refuses (RestrictSUIDSGID=): the services have the same
/// group as their own.
inline constexpr mode_t kSharedFolder = 01770;
/// Mode of a folder that its owner alone writes and its group reads.
inline constexpr mode_t kOwnFolder = 0750;

/// A folder whose owner was checked, held by its descriptor. Everything below a base directory is
/// reached through one, by a single name at a time, so that nobody can redirect an access by
/// renaming, replacing or linking. No link is followed, and no mount is entered (SHM-8).
///
/// Thread safety: any thread. None of it is RT-safe.
class Folder {
 public:
  /// The base directory at `path`, to work in; made if it is missing. kPermission unless it belongs
  /// to this user, or to the service (for any user but root), and if somebody who is not trusted
  /// could have put another in its place (SHM-8).
  static Result<FolderPtr> base(const std::string& path);
  /// A folder at `path` that only this user may write to; made if it is missing.
  static Result<FolderPtr> own(const std::string& path);
  /// A folder to look at only, of any owner.
  static Result<FolderPtr> look(const std::string& path);

  /// A folder in this one, of the same owner. If this user is that owner, it is made if it is
  /// missing, and what others put in its place is moved aside.
  Result<FolderPtr> folder(const std::string& name, mode_t mode) const;
  /// The same, without making it. If this user owns it, rights of others to write beyond `mode` are
  /// removed.
  Result<FolderPtr> existing(const std::string& name, mode_t mode = kSharedFolder) const;

  /// Opens an existing file, to be checked before it is trusted. Never waits, not even for a pipe.
  UniqueFd open(const std::string& name, int access) const noexcept;
  /// A file without a name.
  UniqueFd open_unnamed(mode_t mode) const noexcept;
  /// Names an open file. kBusy if the name is taken.
  Status link(int file, const std::string& name) const;
  /// Renames within this folder. kBusy if `to` is taken.
  Status rename(const std::string& from, const std::string& to) const;
  /// Removes `name`, whatever it is, if it or this folder is this user's. A folder of another user
  /// in which something lies cannot be removed: it is renamed to a name that nobody looks for.
  /// False if the name is still there.
  bool discard(const std::string& name) const noexcept;
  bool has(const std::string& name) const noexcept;  ///< Whether there is anything of that name.
  /// Whether `name` exists and belongs to this user.
  bool owns(const std::string& name) const noexcept;
  /// Removes everything in the folder, whoever made it, as far as this user may; what is mounted
  /// there stays. False if something is left after `patience`, for example because others keep
  /// adding.
  bool clear(Nanos patience) const;
  /// Exchanges what the two names refer to, atomically. False if one does not exist.
  bool exchange(const std::string& one, const std::string& other) const noexcept;
  bool unlink(const std::string& name) const noexcept;
  /// Whether `name` refers to the open file `fd`.
  bool names(const std::string& name, int fd) const noexcept;

  /// Locks a file of this name, which is made if it is missing. No other user can open it, and the
  /// kernel drops the lock with its holder. kBusy when another process of this user still has it
  /// after `patience_ms` milliseconds. Waits.
  Result<UniqueFd> lock(const std::string& name, int patience_ms) const;
  /// Removes the name of such a lock, then releases it.
  void unlock(const std::string& name, UniqueFd held) const noexcept;

  /// The names that end with `suffix`; nullopt when the folder cannot be read now. Only the first
  /// `most` entries are looked at, as others may fill the folder; in shared memory these are the
  /// newest.
  std::optional<std::vector<std::string>> entries(std::string_view suffix,
                                                  std::size_t most = kMostEntries) const;
  static constexpr std::size_t kMostEntries = 16384;
  /// The names of one topic's key that end with `suffix`, among the first kMostEntries.
  std::vector<std::string> of_key(std::string_view key, std::string_view suffix) const;
  /// As entries(), but empty when the folder cannot be read.
  std::vector<std::string> list(std::string_view suffix, std::size_t most = kMostEntries) const {
    return entries(suffix, most).value_or(std::vector<std::string>{});
  }

  /// For error messages only: files are reached by descriptor.
  const std::string& path() const noexcept { return path_; }
  std::string path_of(std::string_view name) const;
  int fd() const noexcept { return fd_.get(); }
  uid_t owner() const noexcept { return owner_; }
  gid_t group() const noexcept { return group_; }
  /// Whether its owner is this user.
  bool ours() const noexcept;
  /// Whether its group has any rights here.
  bool shared() const noexcept { return (mode_ & 0070U) != 0; }

 private:
  Folder() = default;
  static Result<FolderPtr> hold(UniqueFd fd, std::string path);
  bool narrow(mode_t mode) const noexcept;
  bool is_empty() const;
  UniqueFd enter(const std::string& name) const noexcept;
  /// Puts a new folder in the place of whatever has its name.
  Status claim(const std::string& name, mode_t mode) const;

  UniqueFd fd_;
  std::string path_;
  uid_t owner_ = 0;
  gid_t group_ = 0;
  mode_t mode_ = 0;
};

/// Reads the names in a folder piece by piece.
class Listing {
 public:
  explicit Listing(const Folder& folder) noexcept;
  /// Whether the folder can be read now.
  explicit operator bool() const noexcept { return stream_ != nullptr; }
  /// Up to `most` further names; empty at the end.
  std::vector<std::string> next(std::size_t most);

 private:
  struct Close {
    void operator()(DIR* stream) const noexcept { ::closedir(stream); }
  };
  std::unique_ptr<DIR, Close> stream_;
};

/// The base directory of the services.
inline constexpr const char* kServiceBase = "/dev/shm/horus";

}  // namespace horus::shm
