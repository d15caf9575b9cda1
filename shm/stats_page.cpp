// SPDX-License-Identifier: Apache-2.0
#include "shm/stats_page.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <mutex>  // not RT: see StatsPage::State
#include <new>
#include <optional>
#include <utility>

#include "shm/base.hpp"
#include "shm/names.hpp"
#include "shm/region.hpp"

namespace horus::shm {
namespace {

/// How long to wait for another process of this user, which may be stopped while it becomes a host.
constexpr int kPatienceMs = 250;
// Differs for every layout of the statistics; see stats_layout.cmake.
constexpr std::uint64_t kStatsHash = HORUS_STATS_LAYOUT;

struct PageHeader {
  FileHeader file;
  std::uint32_t nodes = 0;
  std::uint32_t pad = 0;
  StopWord stop{};
};
static_assert(sizeof(PageHeader) == 64 && offsetof(PageHeader, stop) == 40);

/// Sets the stop word of a new life. A stop of the predecessor that nobody has released stays in
/// force. The counts begin where no earlier life has been.
void begin(StopWord& word, const StopWord* past) noexcept {
  const auto now = static_cast<std::uint64_t>(to_ns(MonotonicClock::now()));
  std::uint64_t began = now;
  std::uint64_t stops = now;
  if (past != nullptr) {
    const std::uint64_t before = past->stops.load();
    began = stops = std::max(now, before + 1);
    if (before > past->began.load()) stops = began + 1;
    word.since_ns.store(std::max<std::int64_t>(past->since_ns.load(), 0));
  }
  word.began.store(began);
  word.stops.store(stops);
}

std::size_t size_for(std::size_t nodes) noexcept {
  return sizeof(PageHeader) + sizeof(HostStats) + nodes * (sizeof(NodeStats) + sizeof(LateTicks));
}

/// How many nodes the page has, of which at most `most` are mapped; nullopt when its numbers are
/// impossible.
std::optional<std::uint32_t> nodes_of(const Region& region, std::size_t most) noexcept {
  const auto& header = *region.as<const PageHeader>();
  const std::uint32_t nodes = read_once(header.nodes);
  const std::size_t mapped = size_for(std::min<std::size_t>(nodes, most));
  const bool sound = is_a(header.file, Magic::kStats) && header.file.hash == kStatsHash &&
                     nodes <= StatsPage::kMaxNodes && mapped <= region.bytes().size();
  return sound ? std::optional{nodes} : std::nullopt;
}

/// Excludes other processes of this user that want to become a host. Other users cannot open it.
class HostsLock {
 public:
  explicit HostsLock(const Folder& folder)
      : folder_{folder},
        name_{"." + std::to_string(::geteuid()) + ".lock"},
        lock_{folder.lock(name_, kPatienceMs)} {}
  ~HostsLock() {
    if (lock_) folder_.unlock(name_, std::move(lock_).value());
  }
  HostsLock(const HostsLock&) = delete;
  HostsLock& operator=(const HostsLock&) = delete;

  bool held() const noexcept { return static_cast<bool>(lock_); }
  const Error& error() const noexcept { return lock_.error(); }

 private:
  const Folder& folder_;
  const std::string name_;
  Result<UniqueFd> lock_;
};

std::string file_of(std::string_view host) {
  return escape(host) + std::string{StatsPage::kSuffix};
}

void carry(NodeStats& node, const NodeStats& past) noexcept {
  for (const auto& row : kNodeCounters<Counter>) {
    if (!row.is(kThisLife)) (node.*row.count).add((past.*row.count).value());
  }
  node.degrades.add(past.degrades.value());
  node.carried_ticks.set(past.ticks.value());
  node.carried_skipped.set(past.skipped.value());
  node.lateness.carry(past.lateness.snapshot());
  node.execution.carry(past.execution.snapshot());
  node.response.carry(past.response.snapshot());
  node.skipped_response.carry(past.skipped_response.snapshot());
  node.gil_wait.carry(past.gil_wait.snapshot());
  node.gil_lost.carry(past.gil_lost.snapshot());
  node.awaited.carry(past.awaited.snapshot());
  for (std::size_t i = 0; i < kSnapshots; ++i) {
    for (const auto& row : kRecentCounts<Counter>) {
      (node.snapshots[i].*row.count).set((past.snapshots[i].*row.count).value());
    }
  }
  carry(node.failures, past.failures);
}

/// Carries over what the last minute before a restart is judged by.
void carry(HostStats& host, const HostStats& past) noexcept {
  host.lives.set(past.lives.value());
  host.snapshots.set(past.snapshots.value());
  for (std::size_t i = 0; i < kSnapshots; ++i) {
    host.snapshot[i].at_ns.set(past.snapshot[i].at_ns.value());
    host.snapshot[i].lives.set(past.snapshot[i].lives.value());
    host.snapshot[i].gc_forced.set(past.snapshot[i].gc_forced.value());
  }
}

}  // namespace

struct StatsPage::State {
  Region region;
  std::string name;         ///< File name of a created page; empty once it is to have none.
  mutable std::mutex keep;  // not RT: the helper thread, and who removes the page
  bool created = false;
  bool clipped = false;
  std::uint32_t count = 0;  ///< Nodes. Kept here: another process may change it in the file.

  HostStats& host() const noexcept { return *region.as<HostStats>(sizeof(PageHeader)); }
  std::span<NodeStats> nodes() const noexcept {
    return {region.as<NodeStats>(sizeof(PageHeader) + sizeof(HostStats)), count};
  }
  /// They lie behind all nodes; empty if not all of these are mapped.
  std::span<LateTicks> late() const noexcept {
    if (clipped) return {};
    const std::size_t nodes = sizeof(PageHeader) + sizeof(HostStats) + count * sizeof(NodeStats);
    return {region.as<LateTicks>(nodes), count};
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
  if (host.empty() || NodeName::clipped(host) != host) {
    return Error{Errc::kInvalidArgument, "name a host with more than 63 bytes, or none", 0,
                 Name<200>::clipped(host)};
  }
  const auto joined = Base::join(base);
  if (!joined) return joined.error();
  const FolderPtr& folder = joined.value()->hosts();
  const std::string name = file_of(host);
  // If two processes of one user want to be the same host, the second one fails below.
  const HostsLock lock{*folder};
  if (!lock.held() && lock.error().code == Errc::kExhausted) return lock.error();
  // A page of another user is not continued, whatever it contains. In one's own base it is
  // replaced.
  const bool mine = folder->owns(name);
  auto past = mine ? open_in(folder, name, kMaxNodes) : Error{Errc::kNotFound, "open page", 0, {}};
  // Alive, even if the page cannot be read: its owner may be of another version.
  if ((mine || !folder->ours()) && owner_alive(*folder, name)) {
    const std::string pid =
        past ? " (pid " + std::to_string(past.value().host().pid.value()) + ")" : "";
    return Error{Errc::kBusy, "a living process is this host already", 0,
                 Name<200>::clipped(std::string{host} + pid)};
  }

  auto region = Region::create(folder, size_for(node_names.size()), kFileMode);
  if (!region) return region.error();
  auto state = std::make_unique<State>();
  state->region = std::move(region).value();
  state->created = true;
  state->count = static_cast<std::uint32_t>(node_names.size());
  auto& header = *state->region.as<PageHeader>();
  header.file = {.magic = Magic::kStats,
                 .pid = ::getpid(),
                 .size = size_for(node_names.size()),
                 .hash = kStatsHash};
  header.nodes = static_cast<std::uint32_t>(node_names.size());
  begin(header.stop, past ? &std::as_const(past.value()).stop_word() : nullptr);
  HostStats& stats = state->host();
  stats.name = NodeName::clipped(host);
  stats.pid.set(::getpid());
  stats.lives.set(1);
  for (std::size_t i = 0; i < node_names.size(); ++i) {
    state->nodes()[i].name = NodeName::clipped(node_names[i]);
  }
  if (past) {
    carry(stats, std::as_const(past.value()).host());
    for (NodeStats& node : state->nodes()) {
      const auto before = std::as_const(past.value()).nodes();
      const auto same = std::ranges::find(before, node.name, &NodeStats::name);
      if (same == before.end()) continue;
      carry(node, *same);
      const auto index = static_cast<std::size_t>(&node - state->nodes().data());
      const auto past_index = static_cast<std::size_t>(same - before.begin());
      carry(state->late()[index], std::as_const(past.value()).late()[past_index]);
    }
    // The counters of this life are the differences from this snapshot.
    take_snapshot(stats, state->nodes(), MonotonicClock::now());
    stats.lives.add();
  }
  if (auto named = state->region.replace(name); !named) return named.error();
  state->name = name;
  return StatsPage{std::move(state)};
}

Result<StatsPage> StatsPage::open_in(const FolderPtr& folder, const std::string& name,
                                     std::size_t most_nodes) {
  auto region = Region::open(folder, name, size_for(0), /*writable=*/false, size_for(most_nodes));
  if (!region) return region.error();
  const auto nodes = nodes_of(region.value(), most_nodes);
  if (!nodes) {
    return Error{Errc::kVersionMismatch, "statistics of another version, or damaged", 0,
                 Name<200>::clipped(folder->path_of(name))};
  }
  auto state = std::make_unique<State>();
  state->region = std::move(region).value();
  state->count = static_cast<std::uint32_t>(std::min<std::size_t>(*nodes, most_nodes));
  state->clipped = *nodes > most_nodes;
  // A page that another user has made in the name of a host must not be taken for that host's.
  if (file_of(state->host().name.view()) != name) {
    return Error{Errc::kVersionMismatch, "statistics that name another host than their file", 0,
                 Name<200>::clipped(folder->path_of(name))};
  }
  return StatsPage{std::move(state)};
}

Result<StatsPage> StatsPage::open(const std::string& base, std::string_view host,
                                  std::size_t most_nodes) {
  const auto looked = Base::look(base);
  if (!looked) return looked.error();
  const FolderPtr& folder = looked.value()->hosts();
  if (!folder) return Error{Errc::kNotFound, "open statistics", 0, Name<200>::clipped(host)};
  return open_in(folder, file_of(host), most_nodes);
}

Result<StatsPage> StatsPage::open(const FolderPtr& folder, std::string_view host,
                                  std::size_t most_nodes) {
  return open_in(folder, file_of(host), most_nodes);
}

std::vector<std::string> StatsPage::hosts(const std::string& base, bool* cut) {
  const auto looked = Base::look(base);
  return looked && looked.value()->hosts() ? hosts(*looked.value()->hosts(), cut)
                                           : std::vector<std::string>{};
}

std::vector<std::string> StatsPage::hosts(const Folder& folder, bool* cut) {
  // Logs, sockets and boxes lie there, too; they are not hosts.
  auto names = folder.list("");
  if (cut != nullptr) *cut = names.size() >= Folder::kMostEntries;
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(kSuffix); });
  if (names.size() > kMaxEntries) {
    if (cut != nullptr) *cut = true;
    names.resize(kMaxEntries);
  }
  for (std::string& name : names) {
    name = unescape(std::string_view{name}.substr(0, name.size() - kSuffix.size()));
  }
  std::ranges::sort(names);
  return names;
}

std::vector<StatsPage> StatsPage::open_all(const std::string& base) {
  std::vector<StatsPage> pages;
  std::size_t nodes_left = kMaxNodesOpen;
  for (const std::string& host : hosts(base)) {
    auto page = open(base, host, std::min(nodes_left, kMaxNodes));
    if (!page) continue;
    nodes_left -= page.value().state_->count;
    pages.push_back(std::move(page).value());
  }
  return pages;
}

HostStats& StatsPage::host() noexcept {
  return state_->host();
}
std::span<NodeStats> StatsPage::nodes() noexcept {
  return state_->nodes();
}
std::span<LateTicks> StatsPage::late() noexcept {
  return state_->late();
}
std::span<const LateTicks> StatsPage::late() const noexcept {
  return state_->late();
}
const HostStats& StatsPage::host() const noexcept {
  return state_->host();
}
std::span<const NodeStats> StatsPage::nodes() const noexcept {
  return state_->nodes();
}
StopWord& StatsPage::stop_word() noexcept {
  return state_->region.as<PageHeader>()->stop;
}
const StopWord& StatsPage::stop_word() const noexcept {
  return state_->region.as<const PageHeader>()->stop;
}
bool StatsPage::clipped() const noexcept {
  return state_->clipped;
}
bool StatsPage::alive() const noexcept {
  return state_->created || state_->region.alive();
}
bool StatsPage::remove_dead(const Folder& hosts, const std::string& name) {
  const HostsLock lock{hosts};
  return lock.held() && !owner_alive(hosts, name) && hosts.discard(name);
}
Status StatsPage::keep(const FolderPtr& hosts) {
  const std::scoped_lock lock{state_->keep};
  if (state_->name.empty() || state_->region.is_named()) return {};
  // The name was free for a while, so another process may have taken it.
  const HostsLock taken{*hosts};
  if (!taken.held()) return taken.error();
  if (owner_alive(*hosts, state_->name)) {
    return Error{Errc::kBusy, "a living process is this host by now", 0,
                 Name<200>::clipped(state_->name)};
  }
  return state_->region.renew(hosts, state_->name);
}
void StatsPage::degrade(const DegradationRecord& record) noexcept {
  HostStats& stats = host();
  const std::uint32_t count = stats.degradations.value();
  for (std::uint32_t i = 0; i < count; ++i) {
    DegradationRecord& known = stats.degradation[i];
    if (!(known.feature == record.feature && known.reason == record.reason)) continue;
    known.severity.set(record.severity.value());
    return;
  }
  if (count >= stats.degradation.size()) return;
  stats.degradation[count].feature = record.feature;
  stats.degradation[count].reason = record.reason;
  stats.degradation[count].fix = record.fix;
  stats.degradation[count].severity.set(record.severity.value());
  stats.degradations.set(count + 1);
}
void StatsPage::relieve(std::string_view feature) noexcept {
  HostStats& stats = host();
  for (std::uint32_t i = 0; i < stats.degradations.value(); ++i) {
    DegradationRecord& record = stats.degradation[i];
    if (record.feature.view() == feature) record.severity.set(0);
  }
}
void StatsPage::remove() noexcept {
  const std::scoped_lock lock{state_->keep};
  state_->name.clear();
  state_->region.unlink();
}

Result<UniqueFd> listen_in(const Folder& folder, const std::string& name) {
  constexpr mode_t kSocketMode = 0660;
  constexpr int kBacklog = 64;
  UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  // A path through the folder's descriptor: it is short enough, and cannot be redirected.
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const int length = std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s",
                                   folder.fd(), name.c_str());
  if (!listener) return Error::from_errno("make a socket", name);
  if (length >= static_cast<int>(sizeof address.sun_path)) {
    return Error{Errc::kInvalidArgument, "name a socket", ENAMETOOLONG, Name<200>::clipped(name)};
  }
  folder.discard(name);
  // Nobody can connect before the mode is set, whatever the umask is: the file is private at first.
  const bool bound =
      ::fchmod(listener.get(), S_IRUSR | S_IWUSR) == 0 &&
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::fchmodat(folder.fd(), name.c_str(), kSocketMode, 0) == 0 &&
      ::listen(listener.get(), kBacklog) == 0;
  if (!bound) return Error::from_errno("open socket", name);
  return listener;
}

bool is_left_socket(const Folder& hosts, const std::string& name) noexcept {
  if (!name.ends_with(kSocketSuffix)) return false;
  const std::string host = name.substr(0, name.size() - kSocketSuffix.size());
  return !owner_alive(hosts, host + std::string{StatsPage::kSuffix});
}

}  // namespace horus::shm
