// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// One instance of a program per directory: a file that is locked by the kernel for as long as
/// its owner lives, so that a file which a crash left behind stops nobody.
class InstanceLock {
 public:
  /// kBusy, with the owner's pid as subject, when a living process has it.
  static Result<InstanceLock> take(const std::string& path);

  InstanceLock(InstanceLock&&) noexcept = default;
  InstanceLock& operator=(InstanceLock&&) noexcept = default;
  ~InstanceLock();  ///< Removes the file, then lets go.

 private:
  InstanceLock(std::string path, UniqueFd fd) noexcept
      : path_{std::move(path)}, fd_{std::move(fd)} {}

  std::string path_;
  UniqueFd fd_;
};

/// Makes `path` and what is above it, for this user and its group. Existing folders stay as they
/// are.
Status make_folders(const std::string& path);

/// Removes those of `folders` that nothing lies in, in order.
void remove_if_empty(std::initializer_list<std::string> folders) noexcept;

/// Where this user's sockets and locks lie: $RUNTIME_DIRECTORY, else `<base>/run`.
std::string runtime_directory(const std::string& base);

}  // namespace horus::service
