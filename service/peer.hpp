// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// The process at the other end of a Unix socket when it connected, as the kernel says.
struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups{};  ///< Supplementary groups; empty if the kernel does not say.

  /// Asks the kernel (SO_PEERCRED, SO_PEERGROUPS). Fails if `socket` is no connected Unix socket.
  static Result<Peer> of(int socket);
  /// Whether `group` is its own or one of its supplementary groups.
  bool in_group(gid_t group) const noexcept;
};

/// Who may use a socket: root, this process's user, and the members of a group.
struct Access {
  std::optional<gid_t> group;  ///< Nothing: no group, as the machine does not have it.
  bool granted(const Peer& peer) const noexcept;
};

/// The id of a group; nothing: the machine does not have it. Reads the user database, so it may
/// block.
std::optional<gid_t> find_group(const std::string& name);

/// Makes a listening Unix socket at `path`. Its mode is 0660 and its group `access.group` if that
/// group exists and this user may give files to it, else 0600. Makes the folder if it is missing,
/// and replaces whatever lies at `path`: the caller holds the instance lock. Fails for a path that
/// is too long, a folder that another user owns, and as the system calls do.
Result<UniqueFd> listen_at(const std::string& path, const Access& access);
/// Whether `fd`, which systemd kept over a restart, still is the listening socket at `path`.
bool is_listening_at(int fd, const std::string& path) noexcept;

}  // namespace horus::service
