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

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::shm {

class Folder;
using FolderPtr = std::shared_ptr<const Folder>;

/// Of a folder in which the group may add files, and nobody removes another's. Not set-group-ID,
/// which a service's sandbox refuses (RestrictSUIDSGID=): the services have the same group as
/// their own.
inline constexpr mode_t kSharedFolder = 01770;
/// Of a folder that its owner alone writes and its group reads.
inline constexpr mode_t kOwnFolder = 0750;

/// A folder whose owner was checked, held by its descriptor. Everything below a base directory is
/// reached through one, by a single name at a time: what others rename, replace or link meanwhile
/// leads nowhere else. No link is followed, and no mount is entered.
///
/// Thread safety: any thread.
class Folder {
 public:
  /// The base directory at `path`, to work in: made where there is none. kPermission unless it is
  /// this user's, or the service's for who is not root; and where somebody whom we do not trust
  /// could have put another in its place (SHM-8).
  static Result<FolderPtr> base(const std::string& path);
  /// A folder at `path` in which nobody but this user writes: made where there is none.
  static Result<FolderPtr> own(const std::string& path);
  /// To look only, whoever it belongs to.
  static Result<FolderPtr> look(const std::string& path);

  /// A folder in this one, of the same owner. For that owner it is made where there is none, and
  /// what others put in its place goes aside.
  Result<FolderPtr> folder(const std::string& name, mode_t mode) const;
  /// The same, where there is one. Its owner takes away what others may write beyond `mode`.
  Result<FolderPtr> existing(const std::string& name, mode_t mode = kSharedFolder) const;

  /// A file that is there, to be looked at before it is trusted. A pipe makes nobody wait.
  UniqueFd open(const std::string& name, int access) const noexcept;
  /// A file without a name.
  UniqueFd open_unnamed(mode_t mode) const noexcept;
  /// Names an open file. kBusy where the name is taken.
  Status link(int file, const std::string& name) const;
  /// Within this folder; kBusy where `to` is taken.
  Status rename(const std::string& from, const std::string& to) const;
  /// `name` goes, whatever it is, where it or this folder is this user's. False where it stays: a
  /// folder of another's in which something lies goes aside, under a name that nobody looks for.
  bool discard(const std::string& name) const noexcept;
  bool has(const std::string& name) const noexcept;
  /// Whether `name` is this user's.
  bool owns(const std::string& name) const noexcept;
  /// Everything in it goes, whoever made it, as far as this user may: what is mounted there stays.
  /// False where something is left after `patience`, as where others keep adding.
  bool clear(Nanos patience) const;
  /// Both names change what they name, at once.
  bool exchange(const std::string& one, const std::string& other) const noexcept;
  bool unlink(const std::string& name) const noexcept;
  /// Whether `name` is the open file `fd`.
  bool names(const std::string& name, int fd) const noexcept;

  /// A file that is locked by this process: no other user can open it, and the kernel lets go of
  /// it with its holder. kBusy when another process of this user has it after `patience_ms`.
  Result<UniqueFd> lock(const std::string& name, int patience_ms) const;
  /// Takes the name of such a lock away, then lets go.
  void unlock(const std::string& name, UniqueFd held) const noexcept;

  /// The names that end with `suffix`; nothing when it cannot be read now. Of a folder that others
  /// fill, the first `most` entries are looked at: in shared memory the newest ones.
  std::optional<std::vector<std::string>> entries(std::string_view suffix,
                                                  std::size_t most = kMostEntries) const;
  static constexpr std::size_t kMostEntries = 16384;
  /// Those of one topic's key that end with `suffix`, of as many entries: nothing is kept of what
  /// others have put beside them.
  std::vector<std::string> of_key(std::string_view key, std::string_view suffix) const;
  /// The same, for whom a folder that cannot be read is an empty one.
  std::vector<std::string> list(std::string_view suffix, std::size_t most = kMostEntries) const {
    return entries(suffix, most).value_or(std::vector<std::string>{});
  }

  /// For messages, and for nothing else.
  const std::string& path() const noexcept { return path_; }
  std::string path_of(std::string_view name) const;
  int fd() const noexcept { return fd_.get(); }
  uid_t owner() const noexcept { return owner_; }
  gid_t group() const noexcept { return group_; }
  /// Whether its owner is this user.
  bool ours() const noexcept;
  /// Whether its group may come in.
  bool shared() const noexcept { return (mode_ & 0070U) != 0; }

 private:
  Folder() = default;
  static Result<FolderPtr> hold(UniqueFd fd, std::string path);
  bool narrow(mode_t mode) const noexcept;
  bool is_empty() const;
  UniqueFd enter(const std::string& name) const noexcept;
  /// A fresh folder in the place of whatever has its name.
  Status claim(const std::string& name, mode_t mode) const;

  UniqueFd fd_;
  std::string path_;
  uid_t owner_ = 0;
  gid_t group_ = 0;
  mode_t mode_ = 0;
};

/// The names in a folder, a piece at a time.
class Listing {
 public:
  explicit Listing(const Folder& folder) noexcept;
  /// Whether the folder can be read now.
  explicit operator bool() const noexcept { return stream_ != nullptr; }
  /// At most `most` more; none at the end.
  std::vector<std::string> next(std::size_t most);

 private:
  struct Close {
    void operator()(DIR* stream) const noexcept { ::closedir(stream); }
  };
  std::unique_ptr<DIR, Close> stream_;
};

/// Where the services have theirs.
inline constexpr const char* kServiceBase = "/dev/shm/horus";

}  // namespace horus::shm
