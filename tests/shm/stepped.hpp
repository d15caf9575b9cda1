// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <cstdlib>
#include <string>

#include "rt/base/seqlock.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::test {

/// A seqlock in a file, whose value's second half is the first one's complement.
struct PairLock {
  struct Pair {
    std::uint64_t first;
    std::uint64_t second;
  };
  Seqlock<Pair> value;

  static PairLock& map(const std::string& base) {
    const UniqueFd file{::open((base + "/seqlock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!file || ::ftruncate(file.get(), sizeof(PairLock)) != 0) std::abort();
    void* memory =
        ::mmap(nullptr, sizeof(PairLock), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) std::abort();
    return *static_cast<PairLock*>(memory);
  }
};

}  // namespace horus::test
