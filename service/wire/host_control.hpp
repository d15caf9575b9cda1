// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/log_level.hpp"
#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "service/wire/client.hpp"

namespace horus::wire {

/// To the socket `file` in `folder`. Others may write to the folder: a link in the place of a
/// socket is not followed. Never waits: a host that lets calls pile up does not answer. Fails with
/// kNotFound where nobody listens, kBusy where it does not answer.
Result<Client> connect_to_host(const std::string& folder, const std::string& file);

/// Whether the host of that name is a recorder, which has nothing to stop: "recorder",
/// "recorder-2".
bool is_recorder(std::string_view host) noexcept;

/// A host's socket: `file`, in the first of the folders that has it.
struct HostPlace {
  std::vector<std::string> folders;
  std::string file;
};
/// What an answer's Error says where the host does not do what is asked, with its reason.
inline constexpr const char* kHostRefuses = "the host refuses";
/// The same request to all of them at once: who does not answer keeps none of the others waiting,
/// and all together take about `patience`. One result for each, as of call_host().
std::vector<Status> call_hosts(std::span<const HostPlace> hosts, const Request& request,
                               Nanos patience);

/// Calls the host behind the socket `file` in `folder`, as set_log_level() does.
Status call_host(const std::string& folder, const std::string& file, const Request& request,
                 Nanos patience);

/// Has the host behind the socket `file` in `folder` write a node's lines down to `level`. Takes at
/// most about `patience`. Others may write to the folder: a link in the place of a socket is not
/// followed. Fails with kNotFound where nobody listens or the host has no such node, kPermission
/// where it hangs up.
Status set_log_level(const std::string& folder, const std::string& file, const std::string& node,
                     LogLevel level, Nanos patience);

}  // namespace horus::wire
