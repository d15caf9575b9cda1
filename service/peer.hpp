// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// Who is at the other end of a Unix socket, as the kernel says.
struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups{};

  static Result<Peer> of(int socket);
  bool in_group(gid_t group) const noexcept;
};

/// Who may use a socket: root, the service's own user, and a group, where it exists.
struct Access {
  std::optional<gid_t> group;
  bool granted(const Peer& peer) const noexcept;
};

std::optional<gid_t> find_group(const std::string& name);

/// A listening socket file, of mode 0660 and group `access.group` where there is that group and
/// this user may give it away, else 0600. Whatever lay at `path` is replaced: the caller holds the
/// instance lock.
Result<UniqueFd> listen_at(const std::string& path, const Access& access);
/// Whether `fd`, kept over a restart, still is the socket at `path`.
bool is_listening_at(int fd, const std::string& path) noexcept;

}  // namespace horus::service
