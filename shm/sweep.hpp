// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/time.hpp"
#include "shm/base.hpp"

namespace horus::shm {

/// Removes what dead processes left under a base: rings, cursors, pools, holds, bells, empty
/// topics, and the pages and sockets of this user's programs without a name, which no successor
/// carries on: the last few stay, to be looked at. Only of this user's, and in his base of
/// anybody's. A piece at a time, as anybody may have filled the folders.
///
/// Thread safety: one thread at a time.
class Sweep {
 public:
  /// `hosts_too`: also their statistics, as after a clean stop.
  explicit Sweep(std::shared_ptr<const Base> base, bool hosts_too = false);

  /// Goes on for about `patience`. Whether everything was looked at.
  bool go_on(Nanos patience);
  std::uint32_t removed() const noexcept { return removed_; }

 private:
  enum class Kind : std::uint8_t { kOwned, kSockets, kUnnamed, kTopics, kDeclared };
  struct Part {
    FolderPtr folder;
    Kind kind = Kind::kOwned;
    std::vector<std::string_view> suffixes{};  ///< Of kOwned.
  };
  /// Whether all names of the part were looked at before `end`; the same of its types, and of its
  /// hosts without a name.
  bool list(const Part& part, TimePoint end);
  bool drop_types(const Part& part, TimePoint end);
  bool drop_unnamed(const Part& part, TimePoint end);
  void look_at(const Part& part, const std::string& name);
  void note_unnamed(const Folder& hosts, const std::string& name);

  std::shared_ptr<const Base> base_;
  std::vector<Part> parts_;  ///< The last one first.
  std::unique_ptr<Listing> listing_;
  std::vector<std::string> names_;               ///< Of the listing, not yet looked at.
  std::vector<std::string> keys_;                ///< Of types in this part, which come last.
  std::map<std::string, std::int64_t> unnamed_;  ///< Dead hosts, and when they began.
  bool listed_ = false;                          ///< All names of this part were looked at.
  std::uint32_t removed_ = 0;
};

/// A sweep that ends after half a second: the next one goes on. Returns how many files went.
std::uint32_t sweep(const std::string& base, bool hosts_too = false);

}  // namespace horus::shm
