// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "rt/base/unique_fd.hpp"
#include "tools/cli/command.hpp"

namespace horus::cli::test {

/// Points a descriptor at memory, and back again.
class Caught {
 public:
  explicit Caught(int fd)
      : fd_{fd}, before_{::fcntl(fd, F_DUPFD_CLOEXEC, 3)}, memory_{::memfd_create("caught", 0)} {
    ::dup2(memory_.get(), fd_);
  }
  Caught(const Caught&) = delete;
  Caught& operator=(const Caught&) = delete;
  ~Caught() { ::dup2(before_.get(), fd_); }

  std::string text() const {
    std::string text(static_cast<std::size_t>(::lseek(memory_.get(), 0, SEEK_END)), '\0');
    const ssize_t n = ::pread(memory_.get(), text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(n));
    return text;
  }

 private:
  int fd_;
  UniqueFd before_;
  UniqueFd memory_;
};

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

/// What `horusctl words...` prints and returns.
inline Ran run_cli(std::vector<const char*> words) {
  words.insert(words.begin(), "horusctl");
  const Caught out{STDOUT_FILENO};
  const Caught err{STDERR_FILENO};
  Output output;
  const int code = run(static_cast<int>(words.size()), words.data(), output);
  return {code, out.text(), err.text()};
}

}  // namespace horus::cli::test
