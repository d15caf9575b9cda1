// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <horus/result.hpp>

#include "shm/black_box_page.hpp"
#include "shm/box_turns.hpp"

namespace horus::shm {

/// The folder for copies of black boxes: /var/lib/horus/blackbox for the services' base, else
/// $XDG_STATE_HOME/horus/blackbox, or ~/.local/state/horus/blackbox. Empty if there is no home.
std::string box_folder(const std::string& base);

/// How many copies are kept of one robot, and of all robots in one folder.
inline constexpr std::size_t kCopiesKept = 10;
inline constexpr std::size_t kAllCopiesKept = 100;

/// Somebody who waits for a copy, and may lose patience.
class CopyWaiter {
 public:
  /// Asked before each piece that is not the user's own: true leaves out the rest.
  virtual bool late() noexcept = 0;

 protected:
  ~CopyWaiter() = default;
};

struct BoxOrder {
  std::string base;
  std::string folder;
  std::string robot;
  std::string why;
  BoxRank rank{};
  CopyWaiter* waiter = nullptr;  ///< Null: the copy may take as long as it needs.
};
struct KeptBoxes {
  std::string file;                 ///< Path of the copy; empty if there was no box.
  std::vector<std::string> left{};  ///< Files of boxes that were left out, for the next copy.
};

/// Copies the boxes under `base` that have an event into one file of `folder`, and adds to each an
/// event that says `why`. Removes older copies of that robot. A robot is called by its C++ host's
/// name; all hosts without a name count as one robot. One piece is in memory at a time. Waits for
/// the disk.
Result<KeptBoxes> flush_boxes(const BoxOrder& order);
/// The robot's name if no configuration gives it.
std::string robot_of(const std::string& base);

/// The boxes in a copy that anybody may have written; as much as can be read.
Result<std::vector<HostEvents>> read_copy(const std::string& path);
/// The path of the newest copy in `folder`; nullopt if there is none.
std::optional<std::string> latest_copy(const std::string& folder);

}  // namespace horus::shm
