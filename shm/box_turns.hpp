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

/// Whose boxes come first. Any member of the group may leave boxes, of any size.
struct BoxRank {
  /// Hosts that a configuration names; their boxes come second, whoever owns them.
  std::vector<std::string> configured{};
  /// The user whose boxes come first.
  uid_t user = ::geteuid();
};

/// Goes through the boxes of a folder, one in memory at a time: first the user's, then those of
/// configured hosts, then some others.
class BoxTurns {
 public:
  /// How many boxes of others are looked at, whatever is in them, and how many bytes in all.
  static constexpr std::size_t kOthers = 8;
  static constexpr std::size_t kOtherBytes = std::size_t{64} << 20U;

  /// `names`: the files to go through.
  BoxTurns(FolderPtr hosts, const std::vector<std::string>& names, const BoxRank& rank);

  /// Goes to the next file; false after the last one.
  bool next();
  /// Whether the current file is the user's own.
  bool own() const noexcept { return files_[at_].order == Order::kOwn; }
  const std::string& file() const noexcept { return files_[at_].name; }
  /// The current box; nullopt if it cannot be read, or if others have had their share.
  std::optional<BoxView> open();
  /// Notes that the current box is left out.
  void leave() { left_.push_back(file()); }
  /// The files that were left out and may be boxes.
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

/// The files of boxes in `hosts`: those of all configured hosts, and about kMostBoxFiles others.
inline constexpr std::size_t kMostBoxFiles = 1024;
std::vector<std::string> box_files(const Folder& hosts, const BoxRank& rank);

}  // namespace horus::shm
