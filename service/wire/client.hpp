// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "rt/base/unique_fd.hpp"
#include "service/wire/varlink.hpp"

namespace horus::wire {

/// A connection to a service's socket.
///
/// Thread safety: one thread.
class Client {
 public:
  /// Fails with kNotFound when there is no socket or nobody behind it, kPermission when this user
  /// may not, kBusy when the service did not accept within `timeout`; with none it does not wait
  /// at all. A reply longer than `most_bytes` is refused.
  static Result<Client> connect(const std::string& path, Nanos timeout,
                                std::size_t most_bytes = kMaxReplyBytes);

  /// Sends one request. Fails with kBusy when the service does not read within `timeout`.
  Status send(const Request& request, Nanos timeout);
  /// Waits for the next reply. Fails with kBusy after `timeout`, kNotFound when the service hung
  /// up, kCorrupt or kExhausted when what came is no reply. Who goes on sending does not extend it.
  Result<Reply> receive(Nanos timeout);
  /// send() and the first receive(). A reply that is an error of the service is a value here.
  Result<Reply> call(const Request& request, Nanos timeout);

  int fd() const noexcept { return fd_.get(); }

 private:
  Client(UniqueFd fd, std::size_t most_bytes) : fd_{std::move(fd)}, reader_{most_bytes} {}

  UniqueFd fd_;
  MessageReader reader_;
};

}  // namespace horus::wire
