// SPDX-License-Identifier: Apache-2.0
#include "shm/clean.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <unordered_set>
#include <utility>

#include "shm/base.hpp"
#include "shm/black_box_page.hpp"
#include "shm/host_board.hpp"
#include "shm/log_page.hpp"
#include "shm/names.hpp"
#include "shm/region.hpp"
#include "shm/stats_page.hpp"
#include "shm/topic_type.hpp"

namespace horus::shm {
namespace {

/// Goes through a base and lists, or removes, what dead processes left.
class Cleaner {
 public:
  explicit Cleaner(bool dry_run) noexcept : dry_run_{dry_run} {}

  /// Handles the files that end with `suffix` and have a dead owner.
  void files(const FolderPtr& folder, std::string_view suffix) {
    if (!folder) return;
    for (const std::string& name : folder->list(suffix)) {
      if (dead(*folder, name)) take(*folder, name, [&] { return folder->discard(name); });
    }
  }
  void pages(const FolderPtr& hosts) {
    if (!hosts) return;
    for (const std::string& name : hosts->list(kSocketSuffix)) {
      if (!hosts->owns(name) || !is_left_socket(*hosts, name)) continue;
      take(*hosts, name, [&] { return hosts->discard(name); });
    }
    for (const std::string& name : hosts->list(StatsPage::kSuffix)) {
      if (!dead(*hosts, name)) continue;
      take(*hosts, name, [&] { return StatsPage::remove_dead(*hosts, name); });
    }
  }
  /// Handles the participants of topics, and then the types that no participant needs any more.
  void topics(const FolderPtr& folder) {
    std::vector<std::string> types;
    std::unordered_set<std::string> needed;  // Keys of topics whose participants stay.
    for (const std::string& name : folder->list("")) {
      if (name.ends_with(kTypeSuffix)) {
        if (!name.starts_with('.') && folder->owns(name)) types.push_back(name);
      } else if (dead(*folder, name)) {
        take(*folder, name, [&] { return folder->discard(name); });
      } else if (is_participant(name)) {
        needed.emplace(key_of(name));
      }
    }
    for (const std::string& name : types) {
      const std::string key{key_of(name)};
      if (needed.contains(key)) continue;
      take(*folder, name, [&] { return drop_unused_types(*folder, *folder, {key}) > 0; });
    }
  }
  void declared(const Base& base) {
    const FolderPtr& folder = base.declared();
    if (!folder) return;
    for (const std::string& name : folder->list(kTypeSuffix)) {
      const std::string key{key_of(name)};
      const auto topics = base.topic_folder(key);
      if (!topics || !dead(*folder, name)) continue;
      if (has_living(TopicPlace{topics.value(), folder, key})) continue;
      take(*folder, name, [&] { return folder->discard(name); });
    }
  }

  std::vector<Leftover> found() && { return std::move(found_); }

 private:
  static bool dead(const Folder& folder, const std::string& name) noexcept {
    return folder.owns(name) && !owner_alive(folder, name);
  }

  template <typename Remove>
  void take(const Folder& folder, const std::string& name, Remove remove) {
    struct stat status {};
    if (::fstatat(folder.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (!dry_run_ && !remove()) return;
    constexpr std::uint64_t kBlock = 512;
    found_.push_back({.path = folder.path_of(name),
                      .bytes = static_cast<std::uint64_t>(status.st_blocks) * kBlock});
  }

  bool dry_run_;
  std::vector<Leftover> found_;
};

}  // namespace

Result<std::vector<Leftover>> clean(const std::string& base, bool dry_run) {
  // If there is no base, do not make one.
  if (const auto there = Base::look(base); !there) {
    if (there.error().code == Errc::kNotFound) return std::vector<Leftover>{};
    return there.error();
  }
  const auto joined = Base::join(base);
  if (!joined) return joined.error();
  const Base& folders = *joined.value();
  Cleaner cleaner{dry_run};
  for (const FolderPtr& folder : folders.topic_folders()) cleaner.topics(folder);
  cleaner.declared(folders);
  cleaner.files(folders.pools(), ".pool");
  cleaner.files(folders.pools(), ".hold");
  cleaner.files(folders.bells(), ".bell");
  cleaner.files(folders.hosts(), ".new");
  cleaner.files(folders.hosts(), LogPage::kSuffix);
  cleaner.files(folders.hosts(), BlackBoxPage::kSuffix);
  cleaner.files(folders.hosts(), HostBoard::kSuffix);
  cleaner.pages(folders.hosts());
  return std::move(cleaner).found();
}

}  // namespace horus::shm
