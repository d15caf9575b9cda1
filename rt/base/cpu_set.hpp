// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

#include <string>
#include <string_view>

#include "rt/base/result.hpp"

namespace horus {

/// A set of CPU indices, 0 to kMaxCpus - 1. Not for executors: parse(), text() and the sets that
/// are read from the system allocate or read files.
class CpuSet {
 public:
  static constexpr int kMaxCpus = CPU_SETSIZE;

  CpuSet() noexcept { CPU_ZERO(&set_); }
  /// The set of one CPU; empty if the index is out of range.
  static CpuSet of(int cpu) noexcept;

  /// Parses the kernel's list format, e.g. "2-3,5". Empty text is the empty set.
  /// Fails with kInvalidArgument on anything else, a reversed range included.
  /// Source: Documentation/admin-guide/kernel-parameters.rst, "cpu lists".
  static Result<CpuSet> parse(std::string_view text);

  /// The CPUs that the calling thread may run on.
  static CpuSet allowed() noexcept;
  /// The CPUs that are online. Empty if /sys cannot be read.
  static CpuSet online() noexcept;
  /// The CPUs named by isolcpus= or an isolated partition. Empty if /sys cannot be read.
  static CpuSet isolated() noexcept;

  bool contains(int cpu) const noexcept {
    return cpu >= 0 && cpu < kMaxCpus && CPU_ISSET(cpu, &set_);
  }
  bool empty() const noexcept { return CPU_COUNT(&set_) == 0; }
  int count() const noexcept { return CPU_COUNT(&set_); }
  /// The lowest CPU; -1 when empty.
  int first() const noexcept;
  /// The highest CPU; -1 when empty.
  int last() const noexcept;
  CpuSet intersect(const CpuSet& other) const noexcept;
  /// The CPUs of this set that are not in `other`.
  CpuSet without(const CpuSet& other) const noexcept;
  /// The set in the kernel's list format, e.g. "2-3,5"; what parse() reads.
  std::string text() const;
  const cpu_set_t& native() const noexcept { return set_; }

  friend bool operator==(const CpuSet& a, const CpuSet& b) noexcept {
    return CPU_EQUAL(&a.set_, &b.set_);
  }

 private:
  cpu_set_t set_;
};

}  // namespace horus
