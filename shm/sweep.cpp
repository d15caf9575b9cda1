// SPDX-License-Identifier: Apache-2.0
#include "shm/sweep.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "shm/black_box_page.hpp"
#include "shm/host_board.hpp"
#include "shm/log_page.hpp"
#include "shm/names.hpp"
#include "shm/region.hpp"
#include "shm/stats_page.hpp"
#include "shm/topic_type.hpp"

namespace horus::shm {
namespace {

/// How long a sweep may take, so that nobody who fills the folders can delay the end of a process.
/// The next one goes on with what is left.
constexpr Nanos kLongestSweep = 500ms;
constexpr std::size_t kAtOnce = 256;        // Names read at once.
constexpr std::size_t kTypesAtOnce = 1024;  // The folder is listed twice for all of these.
/// Most types of one folder that a sweep looks at.
constexpr std::size_t kMostTypes = 4096;
/// Most dead hosts without a name that a sweep looks at.
constexpr std::size_t kMostUnnamed = 1024;

/// The files of a host except its black box. The socket is last: it counts as left only when the
/// page is gone.
constexpr std::array<std::string_view, 4> kOfHosts{StatsPage::kSuffix, LogPage::kSuffix,
                                                   HostBoard::kSuffix, kSocketSuffix};

bool is_alive(const Folder& hosts, const std::string& host) {
  return std::ranges::any_of(kOfHosts, [&](std::string_view suffix) {
    return suffix != kSocketSuffix && owner_alive(hosts, host + std::string{suffix});
  });
}

/// Removes a file of a dead host that has no successor. Whether it is gone.
bool drop(const Folder& hosts, const std::string& name) {
  if (!hosts.owns(name)) return false;
  if (name.ends_with(StatsPage::kSuffix)) return StatsPage::remove_dead(hosts, name);
  if (name.ends_with(kSocketSuffix) ? !is_left_socket(hosts, name) : owner_alive(hosts, name)) {
    return false;
  }
  return hosts.discard(name);
}

}  // namespace

Sweep::Sweep(std::shared_ptr<const Base> base, bool hosts_too) : base_{std::move(base)} {
  if (base_->declared()) parts_.push_back({.folder = base_->declared(), .kind = Kind::kDeclared});
  for (FolderPtr& folder : base_->topic_folders()) {
    parts_.push_back({.folder = std::move(folder), .kind = Kind::kTopics});
  }
  const auto owned = [this](const FolderPtr& folder, std::vector<std::string_view> suffixes) {
    if (folder) parts_.push_back({.folder = folder, .suffixes = std::move(suffixes)});
  };
  std::vector<std::string_view> of_hosts{".new"};
  if (hosts_too)
    of_hosts.insert(of_hosts.end(), {StatsPage::kSuffix, LogPage::kSuffix, HostBoard::kSuffix});
  owned(base_->hosts(), std::move(of_hosts));
  if (hosts_too && base_->hosts())
    parts_.push_back({.folder = base_->hosts(), .kind = Kind::kSockets});
  if (!hosts_too && base_->hosts())
    parts_.push_back({.folder = base_->hosts(), .kind = Kind::kUnnamed});
  owned(base_->pools(), {".pool", ".hold"});
  owned(base_->bells(), {".bell"});
}

bool Sweep::go_on(Nanos patience) {
  const TimePoint end = MonotonicClock::now() + patience;
  while (!parts_.empty()) {
    const Part& part = parts_.back();
    if (!list(part, end) || !drop_types(part, end) || !drop_unnamed(part, end)) return false;
    listing_.reset();
    listed_ = false;
    parts_.pop_back();
  }
  return true;
}

bool Sweep::list(const Part& part, TimePoint end) {
  while (!listed_) {
    if (!listing_) listing_ = std::make_unique<Listing>(*part.folder);
    if (names_.empty()) names_ = listing_->next(kAtOnce);
    listed_ = names_.empty();
    for (; !names_.empty(); names_.pop_back()) {
      if (MonotonicClock::now() >= end) return false;
      look_at(part, names_.back());
    }
  }
  return true;
}

bool Sweep::drop_types(const Part& part, TimePoint end) {
  while (!keys_.empty()) {
    if (MonotonicClock::now() >= end) return false;
    const std::size_t left = keys_.size() - std::min(keys_.size(), kTypesAtOnce);
    const auto first = keys_.begin() + static_cast<std::ptrdiff_t>(left);
    removed_ += drop_unused_types(*part.folder, *part.folder, {first, keys_.end()});
    keys_.resize(left);
  }
  return true;
}

void Sweep::note_unnamed(const Folder& hosts, const std::string& name) {
  const auto suffix =
      std::ranges::find_if(kOfHosts, [&name](std::string_view its) { return name.ends_with(its); });
  if (suffix == kOfHosts.end()) return;
  const std::string host = name.substr(0, name.size() - suffix->size());
  if (!is_unnamed(host) || !hosts.owns(name) || is_alive(hosts, host)) return;
  if (unnamed_.size() >= kMostUnnamed && !unnamed_.contains(host)) return;
  struct stat status {};
  if (::fstatat(hosts.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  // By the time at which their files got their names, as for black boxes: so the same hosts are
  // kept.
  std::int64_t& began = unnamed_[host];
  const std::int64_t at = status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec;
  began = std::max(began, at);
}

bool Sweep::drop_unnamed(const Part& part, TimePoint end) {
  while (unnamed_.size() > kUnnamedKept) {
    if (MonotonicClock::now() >= end) return false;
    const auto oldest =
        std::ranges::min_element(unnamed_, {}, [](const auto& host) { return host.second; });
    for (const std::string_view suffix : kOfHosts) {
      removed_ += drop(*part.folder, oldest->first + std::string{suffix}) ? 1U : 0U;
    }
    unnamed_.erase(oldest);
  }
  unnamed_.clear();
  return true;
}

void Sweep::look_at(const Part& part, const std::string& name) {
  const Folder& folder = *part.folder;
  const bool type = name.ends_with(kTypeSuffix) && !name.starts_with('.');
  switch (part.kind) {
    case Kind::kOwned: {
      const auto ends = [&name](std::string_view suffix) { return name.ends_with(suffix); };
      if (std::ranges::none_of(part.suffixes, ends) || owner_alive(folder, name)) return;
      break;
    }
    case Kind::kSockets:
      if (!is_left_socket(folder, name)) return;
      break;
    case Kind::kUnnamed: note_unnamed(folder, name); return;
    case Kind::kTopics:
      if (type) {
        if (keys_.size() < kMostTypes) keys_.emplace_back(key_of(name));
        return;
      }
      // Removes dead participants, and files of other names, which nobody would look for.
      if ((is_participant(name) || name.ends_with(kWantSuffix)) && owner_alive(folder, name)) {
        return;
      }
      break;
    case Kind::kDeclared: {
      // Removed if its declarer is dead, and nobody takes part in the topic.
      const std::string key{key_of(name)};
      const auto there = base_->topic_folder(key);
      if (!type || !there || owner_alive(folder, name)) return;
      if (has_living({there.value(), part.folder, key})) return;
      break;
    }
  }
  removed_ += folder.discard(name) ? 1U : 0U;
}

std::uint32_t sweep(const std::string& base, bool hosts_too) {
  // If there is no base, do not make one.
  if (const auto there = Base::look(base); !there) return 0;
  const auto joined = Base::join(base);
  if (!joined) return 0;
  Sweep all{joined.value(), hosts_too};
  all.go_on(kLongestSweep);
  return all.removed();
}

}  // namespace horus::shm
