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

/// The statistics pages of a base: those of configured hosts, then only some others, as anybody of
/// the group may make more. One is mapped at a time.
class PageWalk {
 public:
  PageWalk(const std::string& base, std::vector<std::string> configured);

  /// The next one, until the call after this; null: there is none.
  const shm::StatsPage* next();
  /// The same of one file, which may be no page: null before done(). It costs what a page costs.
  const shm::StatsPage* step();
  /// Whether the configuration names the host of the latest one.
  bool is_configured() const noexcept { return next_ <= configured_; }
  /// That was all.
  bool done() const noexcept { return done_; }
  /// So far: there are more pages, or more nodes in one of them.
  bool truncated() const noexcept { return truncated_; }

 private:
  shm::FolderPtr folder_;           ///< Null: there is none.
  std::vector<std::string> names_;  ///< The configured ones first.
  std::size_t configured_;
  std::size_t next_ = 0;
  std::size_t others_ = 0;
  std::size_t other_nodes_ = stats_limit::kAllOtherNodes;  ///< That may still come.
  std::optional<shm::StatsPage> page_;
  bool truncated_ = false;
  bool done_ = false;
};

/// The statistics of all these pages.
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
  bool alive_ = false;  ///< Its owner.
  std::size_t node_ = 0;
};

}  // namespace horus::service
