// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"
#include "shm/layout.hpp"
#include "shm/mapping.hpp"

namespace horus::shm {

/// Of every file but bells: its owner writes, its group reads.
inline constexpr int kFileMode = 0640;

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
  static Result<Region> create(const std::string& directory, std::size_t size, int mode);
  /// Gives the file its name. kBusy when the name exists and `replace` is false.
  Status publish(const std::string& path, bool replace = false);

  /// Maps a peer's file read-only (or a bell, writable) after it has been checked: a regular
  /// file of an allowed owner (this user, root, the directory's owner or group), at least `least`
  /// and at most kMaxSize bytes, all of its blocks allocated. kPermission or kCorrupt otherwise;
  /// kExhausted when this process has mapped Mapping::kMaxPeerBytes of this peer's files, which
  /// begin with the same identity.
  static Result<Region> open(const std::string& path, std::size_t least, bool writable = false);

  std::span<std::byte> bytes() const noexcept {
    if (!map_) return {};
    return {map_->data(), map_->size()};
  }
  template <typename T>
  T* as(std::size_t offset = 0) const noexcept {
    return reinterpret_cast<T*>(bytes().data() + offset);
  }
  const std::string& path() const noexcept { return path_; }
  explicit operator bool() const noexcept { return map_ != nullptr; }

  /// Whether somebody holds the owner's lock, and the file is as long as it was and has no holes.
  /// On a region opened with open().
  bool alive() const noexcept;
  /// Of the file, which has it to itself as long as it is open anywhere; 0: no file.
  std::uint64_t inode() const noexcept;
  /// Whether `path` still names this file.
  bool is_named() const noexcept;
  /// Removes the name, if it is still this file's.
  void unlink() noexcept;

  static constexpr std::size_t kMaxSize = std::size_t{1} << 30;

 private:
  UniqueFd fd_;  // Outlives the mapping.
  std::unique_ptr<Mapping> map_;
  std::string path_;
};

/// Whether a living process owns the file at `path`, whatever is in it; false where there is none.
bool owner_alive(const std::string& path) noexcept;

}  // namespace horus::shm
