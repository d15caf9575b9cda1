// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"
#include "shm/folder.hpp"

namespace horus::service {

/// One instance of a program per directory: a file that is locked by the kernel for as long as
/// its owner lives, so that a file which a crash left behind stops nobody. No other user can open
/// it, and so hold the lock.
class InstanceLock {
 public:
  /// kBusy, with the owner's pid as subject, when a living process has it. Makes the folder, which
  /// is this user's alone.
  static Result<InstanceLock> take(const std::string& path);

  InstanceLock(InstanceLock&&) noexcept = default;
  InstanceLock& operator=(InstanceLock&&) noexcept = default;
  ~InstanceLock();  ///< Removes the file, then lets go.

 private:
  InstanceLock(shm::FolderPtr folder, std::string name, UniqueFd fd) noexcept
      : folder_{std::move(folder)}, name_{std::move(name)}, fd_{std::move(fd)} {}

  shm::FolderPtr folder_;
  std::string name_;
  UniqueFd fd_;
};

inline constexpr const char* kDaemonLock = "horusd.lock";
inline constexpr const char* kSupervisorLock = "pyhost.lock";
/// Removes from `runtime` what services that were killed have left; a crash stays for the next one
/// to tell.
void remove_left(const std::string& runtime);

/// The base, and in it the folder of sockets and locks where that is its place.
Status make_places(const std::string& base, const std::string& runtime);

/// Removes those of `folders` that nothing lies in, in order.
void remove_if_empty(std::initializer_list<std::string> folders) noexcept;

/// Where this user's sockets and locks lie: $RUNTIME_DIRECTORY, else `<base>/run`.
std::string runtime_directory(const std::string& base);

}  // namespace horus::service
