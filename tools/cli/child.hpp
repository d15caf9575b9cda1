// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::cli {

/// Another program whose standard output we read. Ends with this object.
class Child {
 public:
  /// `words`: the program, looked for in $PATH, and its arguments. kNotFound where it is not there.
  /// `quiet`: what it says on standard error is nobody's.
  static Result<Child> start(const std::vector<std::string>& words, bool quiet = false);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  int output() const noexcept { return output_.get(); }
  /// Waits for its end. Whether it ended with 0.
  bool ended_well() noexcept;

 private:
  Child(pid_t pid, UniqueFd output) noexcept;

  pid_t pid_;
  UniqueFd output_;
};

}  // namespace horus::cli
