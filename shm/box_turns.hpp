// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "shm/black_box_page.hpp"

namespace horus::shm {

/// Whose boxes come first. Anybody of the group may leave some, of any size.
struct BoxRank {
  /// Hosts that a configuration names, whoever owns their boxes.
  std::vector<std::string> configured{};
  /// Whose boxes are not others'.
  uid_t user = ::geteuid();
};

/// Boxes of a folder one after the other, one of them in memory at a time: those of the user,
/// those of configured hosts, then only some others.
class BoxTurns {
 public:
  /// Others' that are looked at, whatever is in them, and all their bytes.
  static constexpr std::size_t kOthers = 8;
  static constexpr std::size_t kOtherBytes = std::size_t{64} << 20U;

  /// Of the files `names`.
  BoxTurns(FolderPtr hosts, const std::vector<std::string>& names, const BoxRank& rank);

  /// Goes to the next file; false: that was the last one.
  bool next();
  /// The user's own.
  bool own() const noexcept { return files_[at_].order == Order::kOwn; }
  const std::string& file() const noexcept { return files_[at_].name; }
  /// Nothing where there is none to read, or where others had their share.
  std::optional<BoxView> open();
  /// This one is not kept now.
  void leave() { left_.push_back(file()); }
  /// The files that were left out, all that may be boxes.
  std::vector<std::string> take_left() noexcept { return std::move(left_); }

 private:
  enum class Order { kOwn, kConfigured, kOther };
  struct File {
    Order order;
    std::string name;
    std::size_t size;
  };

  const FolderPtr hosts_;
  std::vector<File> files_;
  std::size_t at_ = static_cast<std::size_t>(-1);
  std::size_t others_ = 0;
  std::size_t other_bytes_ = 0;
  std::vector<std::string> left_;
};

/// The files of boxes in `hosts`: those of configured hosts, and of others about kMostBoxFiles.
inline constexpr std::size_t kMostBoxFiles = 1024;
std::vector<std::string> box_files(const Folder& hosts, const BoxRank& rank);

}  // namespace horus::shm
