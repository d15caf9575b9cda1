// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"
#include "shm/folder.hpp"
#include "shm/layout.hpp"
#include "shm/mapping.hpp"

namespace horus::shm {

/// The mode of every file but bells: its owner writes, its group reads.
inline constexpr int kFileMode = 0640;

/// For errors: "6.3 MB wanted, 1.0 of 16.8 MB free in FOLDER".
std::string room_in(const Folder& folder, std::size_t wanted);

/// A mapped file in shared memory: one's own (writable), or a peer's (read-only).
///
/// The owner holds an OFD write lock on its file from before the file has a name until the owner
/// dies. The kernel then drops the lock; it is the only sign of life (SHM-3).
///
/// Thread safety: one thread changes it; the const calls from any thread. None is RT-safe but
/// bytes() and as().
class Region {
 public:
  Region() = default;

  /// Makes a file of `size` zeroed bytes without a name, locked, with its pages reserved and
  /// populated. Nobody else sees it before publish(). kExhausted when the file system is full, and
  /// for more than kMaxSize bytes.
  static Result<Region> create(FolderPtr folder, std::size_t size, int mode);
  /// Gives the file its name in its folder. kBusy when the name is taken.
  Status publish(const std::string& name);
  /// Gives the file its name. Whatever has the name now is removed, if this user may do that. kBusy
  /// if others keep making that name.
  Status replace(const std::string& name);
  /// For one's own file whose name somebody removed: moves its bytes to a new file, called `name`
  /// in `folder`, at the same addresses. Some of what other threads write meanwhile may be lost.
  Status renew(FolderPtr folder, const std::string& name);

  /// Maps a peer's file read-only (or a bell, writable) after checks. It must be a regular file
  /// with one name, of an allowed owner (this user, root, the folder's owner or group), of `least`
  /// to kMaxSize bytes, with all of its blocks allocated; otherwise kPermission or kCorrupt.
  /// kExhausted when this process has mapped Mapping::kMaxPeerBytes of this peer's files, those of
  /// the same user and identity. Of a larger file the first `most` bytes are mapped.
  static Result<Region> open(FolderPtr folder, const std::string& name, std::size_t least,
                             bool writable = false, std::size_t most = kMaxSize);

  std::span<std::byte> bytes() const noexcept {
    if (!map_) return {};
    return {map_->data(), map_->size()};
  }
  template <typename T>
  T* as(std::size_t offset = 0) const noexcept {
    return reinterpret_cast<T*>(bytes().data() + offset);
  }
  /// For error messages only.
  std::string path() const;
  const FolderPtr& folder() const noexcept { return folder_; }
  uid_t owner() const noexcept { return owner_; }
  explicit operator bool() const noexcept { return map_ != nullptr; }

  /// Whether somebody holds the owner's lock, and the file is still as long as it was, without
  /// holes. For a region from open().
  bool alive() const noexcept;
  /// Whether somebody else holds the owner's lock; checks nothing more.
  bool locked() const noexcept;
  /// The file's inode, which no other file has as long as this one is open anywhere; 0: no file.
  std::uint64_t inode() const noexcept;
  /// Whether its name is still this file's.
  bool is_named() const noexcept;
  /// Removes the name, if it is still this file's.
  void unlink() noexcept;

  static constexpr std::size_t kMaxSize = std::size_t{1} << 30;

 private:
  UniqueFd fd_;  // Declared first: the mapping needs it open until the mapping is gone.
  std::unique_ptr<Mapping> map_;
  FolderPtr folder_;
  std::string name_;
  uid_t owner_ = 0;
};

/// Whether a living process holds the owner's lock of the file, whatever its content; false if
/// there is no such file. True if the process is out of descriptors and cannot tell.
bool owner_alive(const Folder& folder, const std::string& name) noexcept;

}  // namespace horus::shm
