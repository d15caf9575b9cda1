// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"

namespace horus::cli {

/// A child process whose standard output is read here. The destructor ends it by SIGTERM and waits
/// for it.
class Child {
 public:
  /// `words`: the program, which is looked for in $PATH, and its arguments. kNotFound where there
  /// is no such program. `quiet`: its standard error is discarded.
  static Result<Child> start(const std::vector<std::string>& words, bool quiet = false);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  /// The descriptor to read its standard output from.
  int output() const noexcept { return output_.get(); }
  /// Waits for the end of the process. Whether its exit code is 0. Call once at most.
  bool ended_well() noexcept;

 private:
  Child(pid_t pid, UniqueFd output) noexcept;

  pid_t pid_;
  UniqueFd output_;
};

}  // namespace horus::cli
