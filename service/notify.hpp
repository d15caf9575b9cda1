// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <horus/time.hpp>

#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// Messages to systemd, see sd_notify(3). Without $NOTIFY_SOCKET they do nothing. From any thread;
/// but a call may block while PID 1 is busy, so never from a real-time thread. Errors are ignored.
namespace notify {

/// Whether this process runs as a service under systemd ($NOTIFY_SOCKET is set), and so not in a
/// terminal.
bool supervised() noexcept;

/// READY=1: the start is over.
void ready(const std::string& status);
/// The line that `systemctl status` shows.
void status(const std::string& status);
/// The start goes on, and may take `grace` from now whatever TimeoutStartSec= says.
void starting(const std::string& status, Nanos grace);
/// STOPPING=1: the stop has begun, and may take `grace` from now whatever TimeoutStopSec= says;
/// 0: as the unit says.
void stopping(const std::string& status, Nanos grace = {});
/// To be sent last before an exit with an error: STATUS= and ERRNO=.
void failed(const std::string& status, int os_errno);
/// WATCHDOG=1: this process works.
void watchdog();
/// Has systemd end this process at once by SIGABRT, as after a missed watchdog ping.
void watchdog_trigger();
/// The longest time between two watchdog() calls that systemd allows; nothing: no watchdog for this
/// process.
std::optional<Nanos> watchdog_interval();

/// Has systemd keep a duplicate of `fd` under `name`; take_stored_fds() gets it after a restart.
void store(int fd, std::string_view name);
/// Has systemd close all descriptors that it keeps under `name`.
void forget(std::string_view name);

}  // namespace notify

/// A descriptor that systemd kept over a restart.
struct StoredFd {
  std::string name;  ///< As store() gave it.
  UniqueFd fd;
};
/// Takes the descriptors that systemd passes by $LISTEN_FDS; empty without it. Removes the
/// variables from the environment, so call it once and before other threads run.
std::vector<StoredFd> take_stored_fds();

}  // namespace horus::service
