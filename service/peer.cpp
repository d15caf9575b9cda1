// SPDX-License-Identifier: Apache-2.0
#include "service/peer.hpp"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace horus::service {
namespace {

constexpr int kBacklog = 64;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return Error::from_errno("name socket (its path is too long)", path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Result<Peer> Peer::of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return Error::from_errno("ask who a client is");
  }
  Peer peer{.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid, .groups = {}};
  // NGROUPS_MAX of the kernel is 65,536; who is in more than this many is judged by the others.
  peer.groups.resize(1024);
  size = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
  const bool known =
      ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size) == 0;
  peer.groups.resize(known ? size / sizeof(gid_t) : 0);
  return peer;
}

bool Peer::in_group(gid_t group) const noexcept {
  return gid == group || std::ranges::find(groups, group) != groups.end();
}

bool Access::granted(const Peer& peer) const noexcept {
  return peer.uid == 0 || peer.uid == ::geteuid() || (group && peer.in_group(*group));
}

std::optional<gid_t> find_group(const std::string& name) {
  std::array<char, 16384> buffer{};
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::nullopt : std::optional{found->gr_gid};
}

Result<UniqueFd> listen_at(const std::string& path, const Access& access) {
  const auto address = address_of(path);
  if (!address) return address.error();
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return Error::from_errno("create socket", path);
  ::unlink(path.c_str());
  static constexpr mode_t kOwnerOnly = 0600;
  static constexpr mode_t kOwnerAndGroup = 0660;
  // On the descriptor: the name gets this mode from its first moment.
  if (::fchmod(fd.get(), kOwnerOnly) != 0) return Error::from_errno("protect socket", path);
  const sockaddr* name = reinterpret_cast<const sockaddr*>(&address.value());
  if (::bind(fd.get(), name, sizeof(sockaddr_un)) != 0) {
    return Error::from_errno("create socket", path);
  }
  if (access.group && ::chown(path.c_str(), static_cast<uid_t>(-1), *access.group) == 0 &&
      ::chmod(path.c_str(), kOwnerAndGroup) != 0) {
    return Error::from_errno("open socket to its group", path);
  }
  if (::listen(fd.get(), kBacklog) != 0) return Error::from_errno("listen", path);
  return fd;
}

bool is_listening_at(int fd, const std::string& path) noexcept {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  int listening = 0;
  socklen_t flag_size = sizeof listening;
  struct stat status {};
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &flag_size) == 0 &&
         listening == 1 && ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
         address.sun_family == AF_UNIX && path == address.sun_path &&
         ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace horus::service
