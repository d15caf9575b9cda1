// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"
#include "shm/folder.hpp"

namespace horus::service {

/// Ensures one instance of a program per directory by a lock on a file. The kernel drops the lock
/// when the owner dies, so a file that a crash left behind keeps nobody from starting. No other
/// user can open the file, and so hold the lock.
class InstanceLock {
 public:
  /// Locks the file `path` and writes this process's pid into it. Makes the folder if it is
  /// missing; only this user may write in it. kBusy, with the owner's pid as subject, if a living
  /// process has the lock; else as the system calls fail.
  static Result<InstanceLock> take(const std::string& path);

  InstanceLock(InstanceLock&&) noexcept = default;
  InstanceLock& operator=(InstanceLock&&) noexcept = default;
  ~InstanceLock();  ///< Removes the file, then releases the lock.

 private:
  InstanceLock(shm::FolderPtr folder, std::string name, UniqueFd fd) noexcept
      : folder_{std::move(folder)}, name_{std::move(name)}, fd_{std::move(fd)} {}

  shm::FolderPtr folder_;
  std::string name_;
  UniqueFd fd_;
};

/// Names of the lock files in the runtime folder, of horusd and of horus-pyhost.
inline constexpr const char* kDaemonLock = "horusd.lock";
inline constexpr const char* kSupervisorLock = "pyhost.lock";
/// Removes from `runtime` the locks and sockets of services that were killed. Leaves those of
/// living services, and the note of a crash, which the next start reports.
void remove_left(const std::string& runtime);

/// Makes the base; and the runtime folder if that is `<base>/run`. Fails for a base that belongs to
/// another user, see shm::Base::join().
Status make_places(const std::string& base, const std::string& runtime);

/// Removes those of `folders` that are empty, in order.
void remove_if_empty(std::initializer_list<std::string> folders) noexcept;

/// The folder of this user's sockets and locks: the first one in $RUNTIME_DIRECTORY, else
/// `<base>/run`. Reads the environment: call it before other threads run.
std::string runtime_directory(const std::string& base);

}  // namespace horus::service
