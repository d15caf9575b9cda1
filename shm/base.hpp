// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <mutex>  // not RT: set-up and the helper thread only
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shm/folder.hpp"

namespace horus::shm {

/// The folders of a base directory, each held by its descriptor.
///
/// Thread safety: any thread; none of it is RT-safe.
class Base {
 public:
  /// Opens a base to work in. Its owner makes the folders that are missing; for others that is an
  /// error.
  static Result<std::shared_ptr<Base>> join(const std::string& path);
  /// Opens a base to look at only; makes nothing.
  static Result<std::shared_ptr<Base>> look(const std::string& path);

  const std::string& path() const noexcept { return root_->path(); }
  /// Whether this user owns the base, and so may remove what others left in it.
  bool ours() const noexcept { return root_->ours(); }

  /// Whether each of its folders is still in its place; somebody may have removed one.
  bool is_whole() const;
  /// Set if this base was removed and made again, and could not be opened again to all who could
  /// enter it before: the reason.
  const std::optional<Error>& shut() const noexcept { return shut_; }

  /// Updates the time of a default base's last change, by which users who cannot look into it see
  /// that somebody lives there. Does nothing for other bases.
  void show_life() const;

  /// Makes the folder `run` for sockets and locks of foreground services, in a base of this user's.
  Status make_run() const;

  // Each may be null after look(), if it is missing.
  const FolderPtr& pools() const noexcept { return pools_; }
  const FolderPtr& bells() const noexcept { return bells_; }
  const FolderPtr& hosts() const noexcept { return hosts_; }
  /// Types that the base's owner has set; nobody else writes here. May be null after join(), too.
  const FolderPtr& declared() const noexcept { return declared_; }

  /// The folder with the files of a topic; topics share 32 folders, by the hash of their keys
  /// (SHM-14).
  Result<FolderPtr> topic_folder(const std::string& key) const;
  /// All folders of topics that exist.
  std::vector<FolderPtr> topic_folders() const;

 private:
  static constexpr std::size_t kTopicFolders = 32;
  Base() = default;
  Result<FolderPtr> numbered(std::size_t number) const;
  Status make_parts();

  std::optional<Error> shut_;
  bool joined_ = false;
  FolderPtr root_;
  FolderPtr topics_;
  FolderPtr pools_;
  FolderPtr bells_;
  FolderPtr hosts_;
  FolderPtr declared_;
  mutable std::mutex mutex_;  // not RT: set-up and the helper thread only
  mutable std::array<FolderPtr, kTopicFolders> numbered_;
};

}  // namespace horus::shm
