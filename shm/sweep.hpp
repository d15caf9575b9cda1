// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <horus/time.hpp>

#include "shm/base.hpp"

namespace horus::shm {

/// Removes what dead processes left under a base: rings, cursors, pools, holds, bells, empty
/// topics, and the pages and sockets of this user's programs without a name. No successor continues
/// those; the last few stay, to be looked at. Only files of this user; in a base of this user's, of
/// anybody. Works piece by piece, as anybody may have filled the folders.
///
/// Thread safety: one thread at a time.
class Sweep {
 public:
  /// `hosts_too`: also the hosts' statistics, logs and boards, for use after a clean stop.
  explicit Sweep(std::shared_ptr<const Base> base, bool hosts_too = false);

  /// Works for about `patience`. True once everything was looked at.
  bool go_on(Nanos patience);
  std::uint32_t removed() const noexcept { return removed_; }

 private:
  enum class Kind : std::uint8_t { kOwned, kSockets, kUnnamed, kTopics, kDeclared };
  struct Part {
    FolderPtr folder;
    Kind kind = Kind::kOwned;
    std::vector<std::string_view> suffixes{};  ///< For kOwned: the files that are looked at.
  };
  /// These three return whether they were finished before `end`: with all names of the part, with
  /// its types, with its hosts without a name.
  bool list(const Part& part, TimePoint end);
  bool drop_types(const Part& part, TimePoint end);
  bool drop_unnamed(const Part& part, TimePoint end);
  void look_at(const Part& part, const std::string& name);
  void note_unnamed(const Folder& hosts, const std::string& name);

  std::shared_ptr<const Base> base_;
  std::vector<Part> parts_;  ///< Those that are left; taken from the back.
  std::unique_ptr<Listing> listing_;
  std::vector<std::string> names_;               ///< Listed and not yet looked at.
  std::vector<std::string> keys_;                ///< Keys of types in this part; they come last.
  std::map<std::string, std::int64_t> unnamed_;  ///< Dead unnamed hosts, and when they began.
  bool listed_ = false;                          ///< All names of this part were looked at.
  std::uint32_t removed_ = 0;
};

/// A sweep that ends after at most half a second; the next one goes on. Returns how many files it
/// removed.
std::uint32_t sweep(const std::string& base, bool hosts_too = false);

}  // namespace horus::shm
