// SPDX-License-Identifier: Apache-2.0
#include "shm/stats_page.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "shm/directory.hpp"
#include "shm/names.hpp"
#include "shm/region.hpp"

namespace horus::shm {
namespace {

constexpr std::uint32_t kMaxNodes = 1024;
// Changes when the layout of the statistics does.
constexpr std::uint64_t kStatsHash = sizeof(HostStats) * 1'000'003U + sizeof(NodeStats);

struct PageHeader {
  FileHeader file;
  std::uint32_t nodes = 0;
  std::array<std::uint8_t, 28> pad{};
};
static_assert(sizeof(PageHeader) == 64);

std::size_t size_for(std::size_t nodes) noexcept {
  return sizeof(PageHeader) + sizeof(HostStats) + nodes * sizeof(NodeStats);
}

/// How many nodes a page holds; nothing when it breaks its rules.
std::optional<std::uint32_t> nodes_of(const Region& region) noexcept {
  const auto& header = *region.as<const PageHeader>();
  const std::uint32_t nodes = read_once(header.nodes);
  const bool sound = is_a(header.file, Magic::kStats) && header.file.hash == kStatsHash &&
                     nodes <= kMaxNodes && size_for(nodes) <= region.bytes().size();
  return sound ? std::optional{nodes} : std::nullopt;
}

void carry(NodeStats& node, const NodeStats& past) noexcept {
  const auto add = [](Counter& to, const Counter& from) { to.add(from.value()); };
  add(node.ticks, past.ticks);
  add(node.skipped, past.skipped);
  add(node.misses, past.misses);
  add(node.overruns, past.overruns);
  add(node.errors, past.errors);
  add(node.messages_sent, past.messages_sent);
  add(node.messages_received, past.messages_received);
  add(node.messages_dropped, past.messages_dropped);
  node.carried_ticks.set(past.ticks.value());
  node.carried_skipped.set(past.skipped.value());
  node.lateness.carry(past.lateness.snapshot());
  node.execution.carry(past.execution.snapshot());
  node.response.carry(past.response.snapshot());
  node.skipped_response.carry(past.skipped_response.snapshot());
  node.gil_wait.carry(past.gil_wait.snapshot());
  add(node.gil_losses, past.gil_losses);
  add(node.gil_long_waits, past.gil_long_waits);
  add(node.gil_long_waits_off_cpu, past.gil_long_waits_off_cpu);
  node.gil_lost.carry(past.gil_lost.snapshot());
}

}  // namespace

struct StatsPage::State {
  Region region;
  bool created = false;
  std::uint32_t count = 0;  ///< Nodes; not read again from a file that another writes.

  HostStats& host() const noexcept { return *region.as<HostStats>(sizeof(PageHeader)); }
  std::span<NodeStats> nodes() const noexcept {
    return {region.as<NodeStats>(sizeof(PageHeader) + sizeof(HostStats)), count};
  }
};

StatsPage::StatsPage(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
StatsPage::StatsPage(StatsPage&&) noexcept = default;
StatsPage& StatsPage::operator=(StatsPage&&) noexcept = default;
StatsPage::~StatsPage() = default;

Result<StatsPage> StatsPage::create(const std::string& base, std::string_view host,
                                    std::span<const std::string> node_names) {
  if (node_names.size() > kMaxNodes) {
    return Error{Errc::kInvalidArgument, "more than 1,024 nodes in one host", 0,
                 Name<200>::clipped(host)};
  }
  const std::string directory = base + "/hosts";
  if (auto made = make_base(base); !made) return made.error();
  if (auto made = make_directories(directory, kSharedDirectory); !made) return made.error();
  const std::string path = directory + "/" + escape(host) + ".stats";
  // Of two processes that want to be one host, one comes second.
  const DirectoryLock one_at_a_time{directory, DirectoryLock::Kind::kExclusive};
  if (!one_at_a_time.held()) {
    return Error{Errc::kBusy, "another process keeps the folder of the hosts locked", 0,
                 Name<200>::clipped(directory)};
  }
  auto past = StatsPage::open(path);
  // Alive, whatever it wrote: it may be of another version.
  if (owner_alive(path)) {
    const std::string pid =
        past ? " (pid " + std::to_string(past.value().host().pid.value()) + ")" : "";
    return Error{Errc::kBusy, "a living process is this host already", 0,
                 Name<200>::clipped(std::string{host} + pid)};
  }

  auto region = Region::create(directory, size_for(node_names.size()), kFileMode);
  if (!region) return region.error();
  auto state = std::make_unique<State>();
  state->region = std::move(region).value();
  state->created = true;
  state->count = static_cast<std::uint32_t>(node_names.size());
  *state->region.as<PageHeader>() = {.file = {.magic = Magic::kStats,
                                              .pid = ::getpid(),
                                              .size = size_for(node_names.size()),
                                              .hash = kStatsHash},
                                     .nodes = static_cast<std::uint32_t>(node_names.size())};
  HostStats& stats = state->host();
  stats.name = NodeName::clipped(host);
  stats.pid.set(::getpid());
  stats.lives.set(1);
  for (std::size_t i = 0; i < node_names.size(); ++i) {
    state->nodes()[i].name = NodeName::clipped(node_names[i]);
  }
  if (past) {
    stats.lives.set(past.value().host().lives.value() + 1);
    for (NodeStats& node : state->nodes()) {
      const auto before = std::as_const(past.value()).nodes();
      const auto same = std::ranges::find(before, node.name, &NodeStats::name);
      if (same != before.end()) carry(node, *same);
    }
  }
  if (auto named = state->region.publish(path, /*replace=*/true); !named) return named.error();
  return StatsPage{std::move(state)};
}

Result<StatsPage> StatsPage::open(const std::string& path) {
  auto region = Region::open(path, size_for(0));
  if (!region) return region.error();
  const auto nodes = nodes_of(region.value());
  if (!nodes) {
    return Error{Errc::kVersionMismatch, "statistics of another version, or damaged", 0,
                 Name<200>::clipped(path)};
  }
  auto state = std::make_unique<State>();
  state->region = std::move(region).value();
  state->count = *nodes;
  return StatsPage{std::move(state)};
}

std::vector<StatsPage> StatsPage::open_all(const std::string& base) {
  std::vector<StatsPage> pages;
  const std::string directory = base + "/hosts";
  auto names = list_directory(directory, ".stats");
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (auto page = open(path_in(directory, name))) pages.push_back(std::move(page).value());
  }
  return pages;
}

HostStats& StatsPage::host() noexcept {
  return state_->host();
}
std::span<NodeStats> StatsPage::nodes() noexcept {
  return state_->nodes();
}
const HostStats& StatsPage::host() const noexcept {
  return state_->host();
}
std::span<const NodeStats> StatsPage::nodes() const noexcept {
  return state_->nodes();
}
bool StatsPage::alive() const noexcept {
  return state_->created || state_->region.alive();
}
void StatsPage::remove() noexcept {
  state_->region.unlink();
}

}  // namespace horus::shm
