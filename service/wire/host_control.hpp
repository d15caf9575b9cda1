// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <horus/log.hpp>
#include <horus/result.hpp>
#include <horus/time.hpp>

#include "service/wire/client.hpp"

namespace horus::wire {

/// Connects to the socket `file` in `folder`. Other users may write to the folder, so a symbolic
/// link in place of the socket is not followed. Never waits.
/// \errors kNotFound: nobody listens; kBusy: the host's backlog is full, so it does not answer.
Result<Client> connect_to_host(const std::string& folder, const std::string& file);

/// Whether a host's name is that of a recorder ("recorder", "recorder-2"), which has nothing to
/// stop.
bool is_recorder(std::string_view host) noexcept;

/// A host's socket: `file`, in the first of the folders that has it.
struct HostPlace {
  std::vector<std::string> folders;
  std::string file;
};
/// Error::what of a host that refuses a request; the subject is the host's reason.
inline constexpr const char* kHostRefuses = "the host refuses";
/// Sends the same request to all hosts at once, and waits about `patience` for all answers
/// together, so that a host that does not answer does not delay the others. One result for each
/// host, in order; errors as call_host().
std::vector<Status> call_hosts(std::span<const HostPlace> hosts, const Request& request,
                               Nanos patience);

/// Sends a request to the host behind the socket `file` in `folder`, see connect_to_host(), and
/// waits at most about `patience` for the answer.
/// \errors kNotFound: nobody listens, or the host answered with another error, such as that it has
/// no such node; kPermission: it hung up, as it does for users that may not call it; kBusy with
/// kHostRefuses: it refuses; kBusy: it did not answer in time.
Status call_host(const std::string& folder, const std::string& file, const Request& request,
                 Nanos patience);

/// Has the host behind the socket `file` in `folder` log a node's lines down to `level`. Takes at
/// most about `patience`. Errors as call_host(); kNotFound also if the host has no such node.
Status set_log_level(const std::string& folder, const std::string& file, const std::string& node,
                     LogLevel level, Nanos patience);

}  // namespace horus::wire
