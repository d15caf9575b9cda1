// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "service/stats_limit.hpp"
#include "service/stats_reply.hpp"
#include "shm/folder.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {

/// Walks over the statistics pages of a base: first those of the configured hosts, then a limited
/// number of others, because any member of the group may make pages (see stats_limit). Only one
/// page is mapped at a time.
///
/// Thread safety: one thread.
class PageWalk {
 public:
  /// `configured` are the hosts' names. Without a base the walk is done() at once.
  PageWalk(const std::string& base, std::vector<std::string> configured);

  /// The next page; null: there are no more. It is valid until the next call.
  const shm::StatsPage* next();
  /// Looks at one file only, which takes a bounded time. Null: it was no page, or the walk is
  /// done().
  const shm::StatsPage* step();
  /// Whether the configuration names the host of the latest page.
  bool is_configured() const noexcept { return next_ <= configured_; }
  bool done() const noexcept { return done_; }
  /// Whether a limit has left out pages so far, or nodes of one of them.
  bool truncated() const noexcept { return truncated_; }

 private:
  shm::FolderPtr folder_;           ///< Of the pages; null: there is none.
  std::vector<std::string> names_;  ///< Of all hosts, the configured ones first.
  std::size_t configured_;          ///< How many of `names_` are configured.
  std::size_t next_ = 0;            ///< Index of the next name.
  std::size_t others_ = 0;          ///< Pages of other hosts so far.
  std::size_t other_nodes_ = stats_limit::kAllOtherNodes;  ///< How many more of others' are read.
  std::optional<shm::StatsPage> page_;
  bool truncated_ = false;
  bool done_ = false;
};

/// The statistics of all pages that PageWalk visits.
class PageSource final : public StatsSource {
 public:
  PageSource(const std::string& base, std::vector<std::string> configured)
      : walk_{base, std::move(configured)} {}

  std::optional<wire::HostView> next_host() override;
  bool done() const override { return walk_.done(); }
  std::optional<wire::NodeView> next_node(const std::string& wanted) override;
  bool truncated() const override { return walk_.truncated(); }

 private:
  PageWalk walk_;
  const shm::StatsPage* page_ = nullptr;
  bool alive_ = false;    ///< Whether the owner of `page_` lived when it was opened.
  std::size_t node_ = 0;  ///< Index of the next node.
};

}  // namespace horus::service
