// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/time.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// What a service tells systemd; nothing happens where there is no $NOTIFY_SOCKET. A call may
/// wait while PID 1 is busy: never from a real-time thread.
namespace notify {

/// Whether a service manager waits for this process's word: it is a service, and nobody sits in
/// front of it.
bool supervised() noexcept;

void ready(const std::string& status);
void status(const std::string& status);
/// The start goes on: it may take `grace` from now, whatever the unit says.
void starting(const std::string& status, Nanos grace);
/// `grace`: the stop may take so long, whatever the unit says; 0: what the unit says.
void stopping(const std::string& status, Nanos grace = {});
/// The last word before an exit: STATUS= and ERRNO=.
void failed(const std::string& status, int os_errno);
void watchdog();
/// Ends this process at once by SIGABRT, as a watchdog time-out does.
void watchdog_trigger();
/// How often systemd wants a ping at most, or nothing: no watchdog for this process.
std::optional<Nanos> watchdog_interval();

/// Has systemd keep a duplicate of `fd` for the next life of the service.
void store(int fd, std::string_view name);
/// Has systemd let go of all that it keeps by this name.
void forget(std::string_view name);

}  // namespace notify

/// A descriptor that systemd kept.
struct StoredFd {
  std::string name;
  UniqueFd fd;
};
/// Takes what $LISTEN_FDS passes to this process; empty without it. Once, at the start.
std::vector<StoredFd> take_stored_fds();

}  // namespace horus::service
