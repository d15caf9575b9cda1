// SPDX-License-Identifier: Apache-2.0
#include "shm/sweep.hpp"

#include <algorithm>
#include <utility>

#include "shm/host_board.hpp"
#include "shm/names.hpp"
#include "shm/region.hpp"
#include "shm/stats_page.hpp"
#include "shm/topic_type.hpp"

namespace horus::shm {
namespace {

/// Whoever fills the folders keeps nobody from ending: what is left the next start goes on with.
constexpr Nanos kLongest = 500ms;
constexpr std::size_t kAtOnce = 256;        // Names.
constexpr std::size_t kTypesAtOnce = 1024;  // The folder is listed twice for all of them.
/// Types of one folder that a sweep looks at.
constexpr std::size_t kMostTypes = 4096;

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
  if (hosts_too) of_hosts.insert(of_hosts.end(), {".stats", ".log", HostBoard::kSuffix});
  owned(base_->hosts(), std::move(of_hosts));
  if (hosts_too && base_->hosts())
    parts_.push_back({.folder = base_->hosts(), .kind = Kind::kSockets});
  owned(base_->pools(), {".pool", ".hold"});
  owned(base_->bells(), {".bell"});
}

bool Sweep::go_on(Nanos patience) {
  const TimePoint end = MonotonicClock::now() + patience;
  while (!parts_.empty()) {
    if (!list(parts_.back(), end) || !drop_types(parts_.back(), end)) return false;
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
    case Kind::kTopics:
      if (type) {
        if (keys_.size() < kMostTypes) keys_.emplace_back(key_of(name));
        return;
      }
      // And what nobody would look for.
      if ((is_participant(name) || name.ends_with(kWantSuffix)) && owner_alive(folder, name)) {
        return;
      }
      break;
    case Kind::kDeclared: {
      // Its declarer is gone, and no topic needs it.
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
  // Where there is none, none is made.
  if (const auto there = Base::look(base); !there) return 0;
  const auto joined = Base::join(base);
  if (!joined) return 0;
  Sweep all{joined.value(), hosts_too};
  all.go_on(kLongest);
  return all.removed();
}

}  // namespace horus::shm
