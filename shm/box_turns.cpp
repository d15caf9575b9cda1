// SPDX-License-Identifier: Apache-2.0
#include "shm/box_turns.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace horus::shm {

BoxTurns::BoxTurns(FolderPtr hosts, const std::vector<std::string>& names, const BoxRank& rank)
    : hosts_{std::move(hosts)} {
  std::set<std::string> configured;
  for (const std::string& host : rank.configured) configured.insert(BlackBoxPage::file_of(host));
  for (const std::string& name : names) {
    struct stat status {};
    if (::fstatat(hosts_->fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    Order order = configured.contains(name) ? Order::kConfigured : Order::kOther;
    if (status.st_uid == rank.user) order = Order::kOwn;
    files_.push_back({order, name, static_cast<std::size_t>(status.st_size)});
  }
  std::ranges::sort(files_, [](const File& a, const File& b) {
    return std::tie(a.order, a.name) < std::tie(b.order, b.name);
  });
}

bool BoxTurns::next() {
  return ++at_ < files_.size();
}

std::optional<BoxView> BoxTurns::open() {
  const File& file = files_[at_];
  std::size_t most = kOtherBytes;
  if (file.order == Order::kOther) {
    // Larger than any box: it need not be kept for the next copy either.
    if (file.size > kOtherBytes) return std::nullopt;
    if (others_ == kOthers || file.size > kOtherBytes - other_bytes_) {
      leave();
      return std::nullopt;
    }
    // The file may grow from now on: read no more than was checked.
    most = file.size;
    ++others_;
    other_bytes_ += file.size;
  }
  return BoxView::open(hosts_, file.name, most);
}

std::vector<std::string> box_files(const Folder& hosts, const BoxRank& rank) {
  const auto listed = hosts.list(BlackBoxPage::kSuffix, kMostBoxFiles);
  std::set<std::string> files{listed.begin(), listed.end()};
  for (const std::string& host : rank.configured) {
    std::string file = BlackBoxPage::file_of(host);
    if (hosts.has(file)) files.insert(std::move(file));
  }
  return {files.begin(), files.end()};
}

}  // namespace horus::shm
