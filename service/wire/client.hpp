// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include <horus/result.hpp>
#include <horus/time.hpp>

#include "rt/base/unique_fd.hpp"
#include "service/wire/varlink.hpp"

namespace horus::wire {

/// A connection to a service's socket.
///
/// Thread safety: one thread. Not RT-safe. All calls block up to their `timeout`.
class Client {
 public:
  /// Connects to the Unix socket `path`. With a `timeout` of 0 it does not wait at all. A reply of
  /// more than `most_bytes` will be refused.
  /// \errors kNotFound: there is no socket, or nobody listens on it; kPermission: this user may not
  /// use it; kBusy: the service did not accept within `timeout`; kInvalidArgument: `path` is too
  /// long for a socket.
  static Result<Client> connect(const std::string& path, Nanos timeout,
                                std::size_t most_bytes = kMaxReplyBytes);

  /// Sends one request.
  /// \errors kBusy: the service does not read within `timeout`; kNotFound: it hung up.
  Status send(const Request& request, Nanos timeout);
  /// Waits for the next reply. `timeout` holds for the whole reply: a service that sends it slowly
  /// does not extend it.
  /// \errors kBusy: no whole reply within `timeout`; kNotFound: the service hung up; kCorrupt or
  /// kExhausted: what came is no reply, see parse_reply().
  Result<Reply> receive(Nanos timeout);
  /// send() and one receive(), together within `timeout`. A reply with an error of the service is a
  /// value here: see Reply::error.
  Result<Reply> call(const Request& request, Nanos timeout);

  /// The socket, for poll().
  int fd() const noexcept { return fd_.get(); }

 private:
  Client(UniqueFd fd, std::size_t most_bytes) : fd_{std::move(fd)}, reader_{most_bytes} {}

  UniqueFd fd_;
  MessageReader reader_;
};

}  // namespace horus::wire
