// SPDX-License-Identifier: Apache-2.0
#include "service/page_source.hpp"

#include <algorithm>
#include <utility>

#include "shm/base.hpp"

namespace horus::service {

PageWalk::PageWalk(const std::string& base, std::vector<std::string> configured)
    : names_{std::move(configured)}, configured_{names_.size()} {
  const auto looked = shm::Base::look(base);
  if (looked) folder_ = looked.value()->hosts();
  done_ = !folder_;
  if (done_) return;
  for (std::string& host : shm::StatsPage::hosts(*folder_)) {
    const auto end = names_.begin() + static_cast<std::ptrdiff_t>(configured_);
    if (std::find(names_.begin(), end, host) == end) names_.push_back(std::move(host));
  }
}

const shm::StatsPage* PageWalk::next() {
  const shm::StatsPage* page = nullptr;
  while (page == nullptr && !done_) page = step();
  return page;
}

const shm::StatsPage* PageWalk::step() {
  page_.reset();
  const bool configured = next_ < configured_;
  const bool enough =
      others_ == stats_limit::kOtherHosts || next_ == configured_ + stats_limit::kOtherTries;
  done_ = done_ || next_ == names_.size();
  if (done_) return nullptr;
  if (!configured && enough) {
    truncated_ = true;
    done_ = true;
    return nullptr;
  }
  const std::size_t most =
      configured ? stats_limit::kNodes : std::min(stats_limit::kOtherNodes, other_nodes_);
  auto page = shm::StatsPage::open(folder_, names_[next_++], most);
  if (!page) return nullptr;
  page_ = std::move(page).value();
  if (!configured) {
    ++others_;
    other_nodes_ -= page_->nodes().size();
  }
  truncated_ = truncated_ || page_->clipped();
  return &*page_;
}

std::optional<wire::HostView> PageSource::next_host() {
  page_ = walk_.step();
  if (page_ == nullptr) return std::nullopt;
  node_ = 0;
  alive_ = page_->alive();
  return wire::read_host_alone(page_->host(), page_->nodes(), alive_);
}

std::optional<wire::NodeView> PageSource::next_node(const std::string& wanted) {
  while (node_ < page_->nodes().size()) {
    const NodeStats& node = page_->nodes()[node_++];
    if (!wanted.empty() && node.name.view() != wanted) continue;
    return wire::read_node(page_->host(), node, alive_);
  }
  return std::nullopt;
}

}  // namespace horus::service
