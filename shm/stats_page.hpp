// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/late_ticks.hpp"
#include "rt/base/result.hpp"
#include "rt/base/stop_words.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::shm {

class Folder;

/// Of a host's socket, which may lie beside its statistics.
inline constexpr std::string_view kSocketSuffix = ".sock";

/// One host's statistics in `<base>/hosts/<name>.stats`: its owner writes in place, others map
/// it read-only.
class StatsPage {
 public:
  static constexpr std::string_view kSuffix = ".stats";
  static constexpr std::size_t kMaxNodes = 1024;
  /// Of the folder, which the whole group may fill, so many pages are looked at.
  static constexpr std::size_t kMaxEntries = 1024;
  /// Of all pages that open_all() opens: 440 MiB.
  static constexpr std::size_t kMaxNodesOpen = 4096;

  /// Creates the page with room for `node_names`. Where a dead host of the same name left one,
  /// its counters are carried over by node name (carried_ticks/-_skipped set, lives + 1) and the
  /// new page replaces it. kBusy with the owner's pid when a living process has it.
  static Result<StatsPage> create(const std::string& base, std::string_view host,
                                  std::span<const std::string> node_names);
  /// Maps another's page, of its nodes at most `most_nodes`; checks everything before it is used:
  /// a regular file of one name, and of an owner who may have pages here.
  static Result<StatsPage> open(const std::string& base, std::string_view host,
                                std::size_t most_nodes = kMaxNodes);
  /// The same, of the folder of hosts: who opens many pages looks for it once.
  static Result<StatsPage> open(const std::shared_ptr<const Folder>& folder, std::string_view host,
                                std::size_t most_nodes);
  /// The names of the hosts that have a page under `base`, alive or not, sorted. `cut`: whether
  /// there are more.
  static std::vector<std::string> hosts(const std::string& base, bool* cut = nullptr);
  static std::vector<std::string> hosts(const Folder& folder, bool* cut = nullptr);
  /// Every page under `base`; unreadable ones are left out, and what is beyond the limits.
  static std::vector<StatsPage> open_all(const std::string& base);

  StatsPage(StatsPage&&) noexcept;
  StatsPage& operator=(StatsPage&&) noexcept;
  ~StatsPage();  ///< A created page stays for the successor; see remove().

  HostStats& host() noexcept;  ///< Of a created page only.
  std::span<NodeStats> nodes() noexcept;
  std::span<LateTicks> late() noexcept;
  const HostStats& host() const noexcept;
  /// At a fixed place of the page, whatever the layout of the statistics is.
  StopWord& stop_word() noexcept;  ///< Of a created page only.
  const StopWord& stop_word() const noexcept;
  std::span<const NodeStats> nodes() const noexcept;
  /// Of the nodes in the same order. Empty where not all nodes were mapped.
  std::span<const LateTicks> late() const noexcept;
  /// Whether the page has more nodes than were mapped.
  bool clipped() const noexcept;
  /// Whether the owner lives: it holds the file's lock.
  bool alive() const noexcept;
  /// On one's own page, from another thread: where somebody took its name away, it has it again in
  /// `hosts`.
  Status keep(const std::shared_ptr<const Folder>& hosts);
  /// On one's own page: what its reader should know beside what the machine did not grant.
  void degrade(const DegradationRecord& record) noexcept;
  /// What degrade() told of this feature is over. A text that a reader may be at is not changed: it
  /// becomes an information.
  void relieve(std::string_view feature) noexcept;
  /// Clean stop: the name goes.
  void remove() noexcept;
  /// Takes away a page of this user's in the folder of hosts, by its file's name, unless a living
  /// process has it by now.
  static bool remove_dead(const Folder& hosts, const std::string& name);

 private:
  struct State;
  explicit StatsPage(std::unique_ptr<State> state) noexcept;
  static Result<StatsPage> open_in(const std::shared_ptr<const Folder>& folder,
                                   const std::string& name, std::size_t most_nodes);
  std::unique_ptr<State> state_;
};

/// A socket `name` that listens, nobody's before it has its rights. What has the name goes.
Result<UniqueFd> listen_in(const Folder& folder, const std::string& name);
/// Whether the file is the socket of a host that is dead.
bool is_left_socket(const Folder& hosts, const std::string& name) noexcept;

}  // namespace horus::shm
