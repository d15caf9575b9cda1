// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus::shm {

/// One host's statistics in `<base>/hosts/<name>.stats`: its owner writes in place, others map
/// it read-only.
class StatsPage {
 public:
  /// Creates the page with room for `node_names`. Where a dead host of the same name left one,
  /// its counters are carried over by node name (carried_ticks/-_skipped set, lives + 1) and the
  /// new page replaces it. kBusy with the owner's pid when a living process has it.
  static Result<StatsPage> create(const std::string& base, std::string_view host,
                                  std::span<const std::string> node_names);
  /// Maps another's page; checks everything before it is used.
  static Result<StatsPage> open(const std::string& path);
  /// Every page under `base`, alive or not; unreadable ones are left out.
  static std::vector<StatsPage> open_all(const std::string& base);

  StatsPage(StatsPage&&) noexcept;
  StatsPage& operator=(StatsPage&&) noexcept;
  ~StatsPage();  ///< A created page stays for the successor; see remove().

  HostStats& host() noexcept;  ///< Of a created page only.
  std::span<NodeStats> nodes() noexcept;
  const HostStats& host() const noexcept;
  std::span<const NodeStats> nodes() const noexcept;
  /// Whether the owner lives: it holds the file's lock.
  bool alive() const noexcept;
  /// Clean stop: the name goes.
  void remove() noexcept;

 private:
  struct State;
  explicit StatsPage(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace horus::shm
