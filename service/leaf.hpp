// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// A cgroup of its own for one host, below the service's. Whatever the host starts stays in it, and
/// can be killed together.
class Leaf {
 public:
  Leaf() = default;
  Leaf(Leaf&& other) noexcept;
  Leaf& operator=(Leaf&& other) noexcept;
  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;
  ~Leaf();  ///< Kills what is left inside, and removes the folder.

  explicit operator bool() const noexcept { return !folder_.empty(); }
  /// Descriptor of cgroup.procs: a process that writes "0" to it moves itself into this cgroup.
  int procs() const noexcept { return procs_.get(); }
  /// Kills every process inside. False for an empty Leaf, or if the kernel has no cgroup.kill.
  bool kill() const noexcept;

 private:
  friend class Leaves;
  std::string folder_;
  UniqueFd procs_;
};

/// The part of the cgroup tree that systemd has delegated to this service.
class Leaves {
 public:
  /// Moves this process into a cgroup of its own, `supervisor`: a cgroup with children and
  /// controllers must hold no processes itself (cgroups(7), "no internal processes"). Nothing
  /// without delegation (user.delegate or trusted.delegate on the cgroup): then all hosts share the
  /// service's cgroup.
  static std::optional<Leaves> take();

  /// A cgroup for `host`, limited to three quarters of the processes and threads that the service
  /// may have. If it cannot be made, an empty Leaf: the host runs without.
  Leaf make(const std::string& host) const noexcept;

 private:
  explicit Leaves(std::string folder) : folder_{std::move(folder)} {}
  std::string folder_;
};

}  // namespace horus::service
