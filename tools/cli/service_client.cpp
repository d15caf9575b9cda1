// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/service_client.hpp"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <horus/topic.hpp>

#include "rt/base/printable.hpp"
#include "service/wire/interfaces.hpp"
#include "service/wire/stats_codec.hpp"
#include "shm/base.hpp"
#include "shm/folder.hpp"
#include "shm/log_page.hpp"
#include "shm/path_walk.hpp"
#include "shm/stats_page.hpp"
#include "tools/cli/output.hpp"

namespace horus::cli {

namespace {

constexpr const char* kServiceRuntime = "/run/horus";
constexpr const char* kJoinGroup =
    " (join the group: adduser $USER horus-stats for statistics, horus-admin for control; then log "
    "in again)";
/// A service answers at once, from its housekeeping thread. After this time it is stuck.
constexpr Nanos kTimeout = 5s;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? std::string{} : std::string{value};
}

void add_once(std::vector<std::string>& list, std::string entry) {
  if (std::find(list.begin(), list.end(), entry) == list.end()) list.push_back(std::move(entry));
}

Result<wire::Json> ask(wire::Client& client, const char* method) {
  auto reply = client.call({.method = method}, kTimeout);
  if (!reply) return reply.error();
  if (!reply.value().error.empty()) {
    const bool refused = reply.value().error == wire::error::kPermissionDenied;
    return Error{refused ? Errc::kPermission : Errc::kSystem, "the service answered with", 0,
                 Name<200>::clipped(reply.value().error)};
  }
  return std::move(reply.value().parameters);
}

/// Adds the living hosts of `pages` that are not among `hosts`, the service's.
void merge(std::vector<wire::HostView>& hosts, std::vector<wire::HostView> pages) {
  for (wire::HostView& page : pages) {
    const bool known = std::any_of(hosts.begin(), hosts.end(), [&](const wire::HostView& host) {
      return host.name == page.name && host.pid == page.pid;
    });
    if (page.alive && !known) hosts.push_back(std::move(page));
  }
}

}  // namespace

std::vector<std::string> socket_directories(const Places& places) {
  if (!places.socket_dir.empty()) return {places.socket_dir};
  std::vector<std::string> directories;
  // systemd separates several directories by colons; the first is the service's own.
  const std::string runtime = variable("RUNTIME_DIRECTORY");
  if (!runtime.empty()) directories.push_back(runtime.substr(0, runtime.find(':')));
  add_once(directories, shm::default_base() + "/run");
  add_once(directories, kServiceRuntime);
  return directories;
}

std::vector<std::string> base_directories() {
  std::vector<std::string> bases{shm::default_base()};
  if (variable("HORUS_BASE").empty()) add_once(bases, shm::kServiceBase);
  return bases;
}

Result<std::unique_ptr<shm::Session>> join(const std::string& base) {
  const auto folder = shm::Folder::look(base);
  const bool service = folder && folder.value()->owner() != 0 &&
                       shm::is_service(base, folder.value()->owner(), folder.value()->group());
  if (::geteuid() == 0 && service) {
    const uid_t user = folder.value()->owner();
    const gid_t group = folder.value()->group();
    if (::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 ||
        ::setresuid(user, user, user) != 0) {
      return Error::from_errno("become the owner of", base);
    }
  }
  return shm::Session::open(base);
}

Result<wire::Client> connect(const Places& places, const char* name) {
  Error worst{Errc::kNotFound, "find a service", 0, Name<200>::clipped(places.socket_dir)};
  for (const std::string& directory : socket_directories(places)) {
    auto client = wire::Client::connect(directory + "/" + name, kTimeout);
    if (client) return client;
    if (client.error().code != Errc::kNotFound) worst = client.error();
  }
  return worst;
}

Status use_memory_of(const Places& places) {
  if (places.socket_dir.empty()) return {};
  auto client = connect(places, wire::kStatsSocket);
  if (!client) return client.error();
  const auto described = ask(client.value(), wire::method::kStatsDescribe);
  if (!described) return described.error();
  const auto base = described.value().find("base");
  if (base == described.value().end() || !base->is_string()) {
    return Error{Errc::kVersionMismatch, "find the shared memory of another version's service", 0,
                 Name<200>::clipped(places.socket_dir)};
  }
  // NOLINTBEGIN(concurrency-mt-unsafe): one thread
  ::setenv("HORUS_BASE", base->get_ref<const std::string&>().c_str(), 1);
  ::unsetenv("HORUS_NAMESPACE");
  // NOLINTEND(concurrency-mt-unsafe)
  return {};
}

Result<wire::HealthView> fetch_health(const Places& places) {
  auto client = connect(places, wire::kStatsSocket);
  if (client) {
    const auto health = ask(client.value(), wire::method::kStatsHealth);
    if (!health) return health.error();
    return wire::health_from_json(health.value());
  }
  // With --socket-dir only that robot is meant, so no other hosts are judged.
  if (!places.socket_dir.empty()) return client.error();
  wire::HealthView health = wire::judge(read_pages(), {});
  if (health.hosts.empty()) return client.error();
  if (client.error().code == Errc::kPermission) {
    health.notes.push_back("a service that you may not read is not judged: " +
                           error_line(client.error()) + kJoinGroup);
  }
  return health;
}

std::string service_version(const Places& places) {
  auto client = connect(places, wire::kStatsSocket);
  if (!client) return {};
  const auto info = ask(client.value(), wire::method::kGetInfo);
  if (!info) return {};
  const auto found = info.value().find("version");
  const bool text = found != info.value().end() && found->is_string();
  return text ? found->get<std::string>() : std::string{};
}

Result<wire::StatsView> fetch_stats(const Places& places) {
  auto client = connect(places, wire::kStatsSocket);
  if (!client && !places.socket_dir.empty()) return client.error();
  if (!client) {
    wire::StatsView stats = wire::stats_of(read_pages());
    const bool runs = std::any_of(stats.hosts.begin(), stats.hosts.end(),
                                  [](const wire::HostView& host) { return host.alive; });
    if (!runs) return client.error();
    return stats;
  }
  const auto json = ask(client.value(), wire::method::kStatsGet);
  if (!json) return json.error();
  auto stats = wire::stats_from_json(json.value());
  if (stats && places.socket_dir.empty()) merge(stats.value().hosts, read_pages());
  return stats;
}

std::vector<wire::HostView> read_pages() {
  std::vector<wire::HostView> hosts;
  for (const std::string& base : base_directories()) {
    for (const shm::StatsPage& page : shm::StatsPage::open_all(base)) {
      hosts.push_back(wire::read_host(page.host(), page.nodes(), page.alive()));
    }
  }
  return hosts;
}

bool with_page(const std::string& node, const PageVisit& visit) {
  const auto is_it = [&node](const NodeStats& one) { return one.name.view() == node; };
  for (const bool alive : {true, false}) {
    for (const std::string& base : base_directories()) {
      for (const shm::StatsPage& page : shm::StatsPage::open_all(base)) {
        const auto nodes = page.nodes();
        const auto found = std::ranges::find_if(nodes, is_it);
        // A clipped page is read without the parts that follow the nodes, such as the late ticks.
        if (found == nodes.end() || page.alive() != alive || page.clipped()) continue;
        visit(page, static_cast<std::size_t>(found - nodes.begin()));
        return true;
      }
    }
  }
  return false;
}

std::string last_end(std::string_view host) {
  const std::string start = "host '" + std::string{host} + "' ended: ";
  shm::LogLine last;
  for (const std::string& base : base_directories()) {
    for (const shm::LogPage& page : shm::LogPage::open_all(base)) {
      for (const shm::LogLine& line : page.after(0)) {
        const bool ends = line.node.view() == host && line.text.view().starts_with(start);
        if (ends && line.at_us >= last.at_us) last = line;
      }
    }
  }
  return std::string{last.text.view().substr(std::min(start.size(), last.text.view().size()))};
}

namespace {

int fail_to_find() {
  const std::string base = base_directories().front();
  // If the base may not be read, there may be hosts: report that instead.
  const auto looked = shm::Base::look(base);
  if (!looked && looked.error().code == Errc::kPermission) return fail(looked.error());
  return fail(kNotRunning,
              "nothing runs here: no service answers, no host has statistics in " + base +
                  " (start one: systemctl start horus, horus launch FILE, or a Python program)");
}

}  // namespace

int fail_to_reach(const Error& error) {
  switch (error.code) {
    case Errc::kNotFound:
      if (error.subject.view().empty()) return fail_to_find();
      return fail(kNotRunning,
                  "no service answers in " + printable(std::string{error.subject.view()}));
    case Errc::kPermission: return fail(kNoPermission, error_line(error) + kJoinGroup);
    default: return fail(kError, error_line(error));
  }
}

}  // namespace horus::cli
