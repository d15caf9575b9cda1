// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <horus/result.hpp>

#include "rt/base/late_ticks.hpp"
#include "rt/base/stop_words.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::shm {

class Folder;

/// Suffix of a host's socket, which may lie beside its statistics.
inline constexpr std::string_view kSocketSuffix = ".sock";

/// One host's statistics in `<base>/hosts/<name>.stats`. Its owner writes in place; others map it
/// read-only.
///
/// Thread safety: keep() and remove() from any thread; they exclude each other.
class StatsPage {
 public:
  static constexpr std::string_view kSuffix = ".stats";
  static constexpr std::size_t kMaxNodes = 1024;
  /// How many pages of the folder are looked at, as the whole group may fill it.
  static constexpr std::size_t kMaxEntries = 1024;
  /// How many nodes open_all() maps in all pages together: 440 MiB.
  static constexpr std::size_t kMaxNodesOpen = 4096;

  /// Creates the page with room for `node_names`. If a dead host of the same name left one, its
  /// counters are carried over by node name (carried_ticks/-_skipped set, lives + 1), and the new
  /// page replaces it. kBusy, with the owner's pid, when a living process has it; kInvalidArgument
  /// for more than kMaxNodes nodes, or a name that is empty or too long.
  static Result<StatsPage> create(const std::string& base, std::string_view host,
                                  std::span<const std::string> node_names);
  /// Maps the page of another host, with at most `most_nodes` of its nodes. Everything is checked
  /// before it is used: a regular file with one name, of an owner who may have pages here.
  static Result<StatsPage> open(const std::string& base, std::string_view host,
                                std::size_t most_nodes = kMaxNodes);
  /// The same in a folder of hosts that is already open, for a caller that opens many pages.
  static Result<StatsPage> open(const std::shared_ptr<const Folder>& folder, std::string_view host,
                                std::size_t most_nodes);
  /// The names of the hosts that have a page under `base`, living or dead, sorted. `cut` is set to
  /// whether there are more than the limits allow.
  static std::vector<std::string> hosts(const std::string& base, bool* cut = nullptr);
  static std::vector<std::string> hosts(const Folder& folder, bool* cut = nullptr);
  /// Every page under `base`, except those that cannot be read and those beyond the limits.
  static std::vector<StatsPage> open_all(const std::string& base);

  StatsPage(StatsPage&&) noexcept;
  StatsPage& operator=(StatsPage&&) noexcept;
  ~StatsPage();  ///< The file of a created page stays for its successor; see remove().

  HostStats& host() noexcept;  ///< Only on a created page; so for the next two.
  std::span<NodeStats> nodes() noexcept;
  std::span<LateTicks> late() noexcept;
  const HostStats& host() const noexcept;
  /// The stop word lies at a fixed place of the page, whatever the layout of the statistics is.
  StopWord& stop_word() noexcept;  ///< Only on a created page.
  const StopWord& stop_word() const noexcept;
  std::span<const NodeStats> nodes() const noexcept;
  /// One for each node, in the same order. Empty if not all nodes were mapped.
  std::span<const LateTicks> late() const noexcept;
  /// Whether the page has more nodes than were mapped.
  bool clipped() const noexcept;
  /// Whether the owner lives: it holds the file's lock.
  bool alive() const noexcept;
  /// For a created page, from another thread: if somebody removed the file's name, the page is made
  /// again in `hosts`. kBusy if another living process is this host by now.
  Status keep(const std::shared_ptr<const Folder>& hosts);
  /// For a created page: adds a degradation that its readers should know, or updates its severity.
  /// Ignored when the table is full.
  void degrade(const DegradationRecord& record) noexcept;
  /// Ends the degradations of this feature. A text that a reader may be reading is not changed:
  /// only its severity becomes that of an information.
  void relieve(std::string_view feature) noexcept;
  /// For a clean stop: removes the file's name.
  void remove() noexcept;
  /// Removes the page with this file name in the folder of hosts, if no living process has it.
  static bool remove_dead(const Folder& hosts, const std::string& name);

 private:
  struct State;
  explicit StatsPage(std::unique_ptr<State> state) noexcept;
  static Result<StatsPage> open_in(const std::shared_ptr<const Folder>& folder,
                                   const std::string& name, std::size_t most_nodes);
  std::unique_ptr<State> state_;
};

/// A listening socket of this name. Nobody can connect before its mode is set. Removes what has the
/// name.
Result<UniqueFd> listen_in(const Folder& folder, const std::string& name);
/// Whether the file is the socket of a host that is dead.
bool is_left_socket(const Folder& hosts, const std::string& name) noexcept;

}  // namespace horus::shm
