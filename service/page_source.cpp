// SPDX-License-Identifier: Apache-2.0
#include "service/page_source.hpp"

#include <algorithm>
#include <utility>

namespace horus::service {

PageWalk::PageWalk(std::string base, std::vector<std::string> configured)
    : base_{std::move(base)}, names_{std::move(configured)}, configured_{names_.size()} {
  for (std::string& host : shm::StatsPage::hosts(base_)) {
    const auto end = names_.begin() + static_cast<std::ptrdiff_t>(configured_);
    if (std::find(names_.begin(), end, host) == end) names_.push_back(std::move(host));
  }
}

const shm::StatsPage* PageWalk::next() {
  page_.reset();
  while (next_ < names_.size()) {
    const bool configured = next_ < configured_;
    const bool enough =
        others_ == stats_limit::kOtherHosts || next_ == configured_ + stats_limit::kOtherTries;
    if (!configured && enough) {
      truncated_ = true;
      return nullptr;
    }
    const std::size_t most =
        configured ? stats_limit::kNodes : std::min(stats_limit::kOtherNodes, other_nodes_);
    auto page = shm::StatsPage::open(base_, names_[next_++], most);
    if (!page) continue;
    page_ = std::move(page).value();
    if (!configured) {
      ++others_;
      other_nodes_ -= page_->nodes().size();
    }
    truncated_ = truncated_ || page_->clipped();
    return &*page_;
  }
  return nullptr;
}

std::optional<wire::HostView> PageSource::next_host() {
  page_ = walk_.next();
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
