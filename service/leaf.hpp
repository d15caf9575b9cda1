// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// A cgroup of one's own below the service's: what a host starts, stays in it and ends with it.
class Leaf {
 public:
  Leaf() = default;
  Leaf(Leaf&& other) noexcept;
  Leaf& operator=(Leaf&& other) noexcept;
  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;
  ~Leaf();  ///< Kills what is left inside, and removes the folder.

  explicit operator bool() const noexcept { return !folder_.empty(); }
  /// Where a process that writes "0" moves itself to.
  int procs() const noexcept { return procs_.get(); }
  /// Every process inside ends at once. False where the kernel has no cgroup.kill.
  bool kill() const noexcept;

 private:
  friend class Leaves;
  std::string folder_;
  UniqueFd procs_;
};

/// The part of the cgroup tree that systemd has delegated to this service.
class Leaves {
 public:
  /// Moves this process into a leaf of its own, `supervisor`, as the rule of no inner processes
  /// wants. Nothing without delegation (user.delegate or trusted.delegate on the cgroup): then
  /// hosts share the service's cgroup.
  static std::optional<Leaves> take();

  /// With three quarters of the processes and threads that the service may have. An empty Leaf when
  /// it cannot be made: the host runs without.
  Leaf make(const std::string& host) const noexcept;

 private:
  explicit Leaves(std::string folder) : folder_{std::move(folder)} {}
  std::string folder_;
};

}  // namespace horus::service
