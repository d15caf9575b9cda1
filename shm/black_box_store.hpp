// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/result.hpp"
#include "shm/black_box_page.hpp"
#include "shm/box_turns.hpp"

namespace horus::shm {

/// Where copies of black boxes lie: /var/lib/horus/blackbox for the services' base, else
/// $XDG_STATE_HOME/horus/blackbox, or ~/.local/state/horus/blackbox. Empty where there is no home.
std::string box_folder(const std::string& base);

/// So many copies are kept of one robot, and of all robots in a folder.
inline constexpr std::size_t kCopiesKept = 10;
inline constexpr std::size_t kAllCopiesKept = 100;

/// Who waits for a copy.
class CopyWaiter {
 public:
  /// Asked before each piece of what is not the user's own: whether the rest is left.
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
  CopyWaiter* waiter = nullptr;  ///< Null: nobody is ever late.
};
struct KeptBoxes {
  std::string file;                 ///< Its path; empty where there is no box.
  std::vector<std::string> left{};  ///< The boxes' files that are not in it, for the next copy.
};

/// A copy of the boxes under `base` that have an event, in one file of `folder`, with an event of
/// each that says `why`; older ones of that robot go. A robot has its C++ host's name; all hosts
/// that have none are one robot. One piece is in memory at a time. Waits for the disk.
Result<KeptBoxes> flush_boxes(const BoxOrder& order);
/// The robot's name, where no configuration says it.
std::string robot_of(const std::string& base);

/// What is in a copy, whoever wrote it; as much as can be read.
Result<std::vector<HostEvents>> read_copy(const std::string& path);
/// The path of the youngest copy in `folder`; nothing where there is none.
std::optional<std::string> latest_copy(const std::string& folder);

}  // namespace horus::shm
