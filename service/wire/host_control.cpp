// SPDX-License-Identifier: Apache-2.0
#include "service/wire/host_control.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "rt/base/unique_fd.hpp"
#include "service/wire/interfaces.hpp"

namespace horus::wire {

bool is_recorder(std::string_view host) noexcept {
  const std::string_view name{kRecorderHost};
  if (!host.starts_with(name)) return false;
  host.remove_prefix(name.size());
  return host.empty() || (host.size() > 1 && host.front() == '-' &&
                          host.find_first_not_of("0123456789", 1) == host.npos);
}

namespace {

/// The longest answer of a host that is accepted. An honest one is a line of text.
constexpr std::size_t kMostBytes = std::size_t{64} << 10U;

}  // namespace

Result<Client> connect_to_host(const std::string& folder, const std::string& file) {
  const std::string path = folder + "/" + file;
  const UniqueFd there{::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  const UniqueFd socket{there ? ::openat(there.get(), file.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)
                              : -1};
  if (!socket) return Error::from_errno("find the host's socket", path);
  // Connect by the descriptor: somebody may have replaced the file of that name by now.
  auto client =
      Client::connect("/proc/self/fd/" + std::to_string(socket.get()), Nanos{}, kMostBytes);
  if (!client) {
    Error error = client.error();
    if (error.code == Errc::kBusy) error = {Errc::kBusy, "call a host that does not answer", 0, {}};
    error.subject = Name<200>::clipped(path);  // Instead of the path below /proc.
    return error;
  }
  return client;
}

namespace {

/// The result of a call from the host's reply. `place` names the host in an error.
Status status_of(const Result<Reply>& reply, const std::string& place) {
  if (!reply && reply.error().code == Errc::kNotFound) {
    return Error{Errc::kPermission, "the host refuses this user", 0, Name<200>::clipped(place)};
  }
  if (!reply) return reply.error();
  if (reply.value().error.empty()) return {};
  const auto message = reply.value().parameters.find("message");
  if (reply.value().error == error::kSafetyRefused && message != reply.value().parameters.end() &&
      message->is_string()) {
    return Error{Errc::kBusy, kHostRefuses, 0, Name<200>::clipped(message->get<std::string>())};
  }
  return Error{Errc::kNotFound, "the host answered with", 0,
               Name<200>::clipped(reply.value().error)};
}

Result<Client> connect_to(const HostPlace& host) {
  Result<Client> client = Error{Errc::kNotFound, "find the host's socket", 0, {}};
  for (const std::string& folder : host.folders) {
    client = connect_to_host(folder, host.file);
    if (client || client.error().code != Errc::kNotFound) break;
  }
  return client;
}

}  // namespace

std::vector<Status> call_hosts(std::span<const HostPlace> hosts, const Request& request,
                               Nanos patience) {
  const TimePoint until = MonotonicClock::now() + patience;
  const auto left = [until] { return std::max(until - MonotonicClock::now(), Nanos{}); };
  std::vector<Result<Client>> clients;
  for (const HostPlace& host : hosts) {
    auto client = connect_to(host);
    // A small message fits into the socket's buffer, so no time is needed. An error is ignored: a
    // host that has hung up may have replied before.
    if (client) static_cast<void>(client.value().send(request, Nanos{}));
    clients.push_back(std::move(client));
  }
  std::vector<Status> results;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    results.push_back(clients[i] ? status_of(clients[i].value().receive(left()), hosts[i].file)
                                 : Status{clients[i].error()});
  }
  return results;
}

Status call_host(const std::string& folder, const std::string& file, const Request& request,
                 Nanos patience) {
  const TimePoint until = MonotonicClock::now() + patience;
  auto client = connect_to_host(folder, file);
  if (!client) return client.error();
  return status_of(client.value().call(request, until - MonotonicClock::now()),
                   folder + "/" + file);
}

Status set_log_level(const std::string& folder, const std::string& file, const std::string& node,
                     LogLevel level, Nanos patience) {
  return call_host(folder, file,
                   {.method = method::kControlSetLogLevel,
                    .parameters = {{"node", node}, {"level", to_text(level)}}},
                   patience);
}

}  // namespace horus::wire
