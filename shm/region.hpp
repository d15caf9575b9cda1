// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"
#include "shm/folder.hpp"
#include "shm/layout.hpp"
#include "shm/mapping.hpp"

namespace horus::shm {

/// Of every file but bells: its owner writes, its group reads.
inline constexpr int kFileMode = 0640;

/// "6.3 MB wanted, 1.0 of 16.8 MB free in FOLDER": where its file system has no room.
std::string room_in(const Folder& folder, std::size_t wanted);

/// A file in shared memory, mapped: one's own (writable) or a peer's (read-only).
///
/// The owner holds an OFD write lock on its file from before it has a name until it dies: that
/// lock, which the kernel drops, is the only sign of life (SHM-3).
class Region {
 public:
  Region() = default;

  /// A new file of `size` zeroed bytes without a name, its pages reserved and populated, locked.
  /// Nobody sees it before publish(). kExhausted when the file system is full, and for more than
  /// kMaxSize bytes.
  static Result<Region> create(FolderPtr folder, std::size_t size, int mode);
  /// Gives the file its name in its folder. kBusy when the name is taken.
  Status publish(const std::string& name);
  /// Gives the file its name, and what has it now goes: whatever it is, where this user may.
  Status replace(const std::string& name);
  /// For one's own file whose name somebody took away: its bytes get another file, called `name` in
  /// `folder`, at the same addresses. Of what other threads write meanwhile, some may be lost.
  Status renew(FolderPtr folder, const std::string& name);

  /// Maps a peer's file read-only (or a bell, writable) after it has been checked: a regular
  /// file of one name and of an allowed owner (this user, root, the folder's owner or group), at
  /// least `least` and at most kMaxSize bytes, all of its blocks allocated. kPermission or kCorrupt
  /// otherwise; kExhausted when this process has mapped Mapping::kMaxPeerBytes of this peer's
  /// files, which have the same user and identity. Of a larger file the first `most` bytes are
  /// mapped.
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
  /// For messages.
  std::string path() const;
  const FolderPtr& folder() const noexcept { return folder_; }
  uid_t owner() const noexcept { return owner_; }
  explicit operator bool() const noexcept { return map_ != nullptr; }

  /// Whether somebody holds the owner's lock, and the file is as long as it was and has no holes.
  /// On a region opened with open().
  bool alive() const noexcept;
  /// Whether somebody holds the owner's lock, and nothing more.
  bool locked() const noexcept;
  /// Of the file, which has it to itself as long as it is open anywhere; 0: no file.
  std::uint64_t inode() const noexcept;
  /// Whether its name is still this file's.
  bool is_named() const noexcept;
  /// Removes the name, if it is still this file's.
  void unlink() noexcept;

  static constexpr std::size_t kMaxSize = std::size_t{1} << 30;

 private:
  UniqueFd fd_;  // Outlives the mapping.
  std::unique_ptr<Mapping> map_;
  FolderPtr folder_;
  std::string name_;
  uid_t owner_ = 0;
};

/// Whether a living process owns the file, whatever is in it; false where there is none.
bool owner_alive(const Folder& folder, const std::string& name) noexcept;

}  // namespace horus::shm
