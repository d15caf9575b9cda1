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

/// The folders of a base directory, each held.
///
/// Thread safety: any thread; none of it is for an executor.
class Base {
 public:
  /// To work in: a base's owner makes what is missing.
  static Result<std::shared_ptr<Base>> join(const std::string& path);
  /// To look only.
  static Result<std::shared_ptr<Base>> look(const std::string& path);

  const std::string& path() const noexcept { return root_->path(); }
  /// Whether this user may put away what others left, too.
  bool ours() const noexcept { return root_->ours(); }

  /// Whether each of its folders is still in its place: somebody may have removed one.
  bool is_whole() const;
  /// Why this base, which was removed and made again, is closed to those who could enter it before.
  const std::optional<Error>& shut() const noexcept { return shut_; }

  /// Of a default base: by the time of its last change those who may not look into it see that
  /// somebody lives there.
  void show_life() const;

  /// The folder of foreground services' sockets and locks, in a base of this user's.
  Status make_run() const;

  // None where it is missing, which only looking meets.
  const FolderPtr& pools() const noexcept { return pools_; }
  const FolderPtr& bells() const noexcept { return bells_; }
  const FolderPtr& hosts() const noexcept { return hosts_; }
  /// Types that the owner of the base has set; nobody else writes here. May be missing.
  const FolderPtr& declared() const noexcept { return declared_; }

  /// Where the files of a topic lie, with those of others: SHM-14.
  Result<FolderPtr> topic_folder(const std::string& key) const;
  /// All of them that there are.
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
