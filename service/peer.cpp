// SPDX-License-Identifier: Apache-2.0
#include "service/peer.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "shm/folder.hpp"
#include "shm/names.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {
namespace {

constexpr std::size_t kLongestGroup = 16 << 20;
constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path);

/// Sets group and mode of a socket in a folder that only we can enter, so that no other user can
/// connect before they are set.
Status give_rights(const shm::Folder& folder, const std::string& name, const Access& access) {
  const bool shared = access.group && ::fchownat(folder.fd(), name.c_str(), static_cast<uid_t>(-1),
                                                 *access.group, AT_SYMLINK_NOFOLLOW) == 0;
  if (shared || ::fchmodat(folder.fd(), name.c_str(), S_IRUSR | S_IWUSR, 0) == 0) return {};
  return Error::from_errno("close socket to others", folder.path_of(name));
}

}  // namespace

Result<Peer> Peer::of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return Error::from_errno("ask who a client is");
  }
  Peer peer{.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid, .groups = {}};
  // The kernel's NGROUPS_MAX is 65,536. For a user in more than 1024 groups the call fails, and
  // only its user and primary group count.
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
  std::vector<char> buffer(16384);
  group entry{};
  group* found = nullptr;
  // ERANGE: the list of members does not fit.
  while (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE &&
         buffer.size() < kLongestGroup) {
    buffer.resize(buffer.size() * 4);
  }
  return found == nullptr ? std::nullopt : std::optional{found->gr_gid};
}

Result<UniqueFd> listen_at(const std::string& path, const Access& access) {
  // Clients must be able to connect by this path, which sun_path limits.
  if (path.size() >= kLongestPath) {
    errno = ENAMETOOLONG;
    return Error::from_errno("name socket (its path is too long)", path);
  }
  const std::size_t slash = path.rfind('/');
  const std::string name = path.substr(slash + 1);
  const auto folder = shm::Folder::own(path.substr(0, slash));
  if (!folder) return folder.error();
  // The socket is made in a hidden folder that only we can enter, gets its rights there, and is
  // then renamed to its place. So no other user can connect before it has its rights.
  const std::string hidden = "." + shm::make_identity();
  const auto made = folder.value()->folder(hidden, 0700);
  if (!made) return made.error();
  const shm::Folder& inside = *made.value();
  auto listener = shm::listen_in(inside, name);
  if (listener) {
    if (const Status given = give_rights(inside, name, access); !given) listener = given.error();
  }
  if (listener && ::renameat(inside.fd(), name.c_str(), folder.value()->fd(), name.c_str()) != 0) {
    listener = Error::from_errno("name socket", path);
  }
  inside.discard(name);
  folder.value()->discard(hidden);
  return listener;
}

bool is_listening_at(int fd, const std::string& path) noexcept {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  int listening = 0;
  socklen_t flag_size = sizeof listening;
  struct stat status {};
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &flag_size) != 0 || listening != 1 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      address.sun_family != AF_UNIX) {
    return false;
  }
  // listen_at() bound it in a hidden folder and renamed it, so only the last name can agree.
  const std::string_view bound{address.sun_path, ::strnlen(address.sun_path, kLongestPath)};
  const auto name = [](std::string_view whole) { return whole.substr(whole.rfind('/') + 1); };
  return name(bound) == name(path) && ::lstat(path.c_str(), &status) == 0 &&
         S_ISSOCK(status.st_mode) && status.st_uid == ::geteuid();
}

}  // namespace horus::service
