// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/interprocess/mapped_region.hpp>

#include <horus/result.hpp>

namespace horus::shm {

/// A mapping of shared memory that survives what others do to the file.
///
/// Each mapping has a row in a table of this process, which a signal handler and a forked child
/// walk:
///   - If its owner took a page away (SIGBUS), the whole mapping becomes private zeros, which no
///     check takes for a message, and lost() is true. A fault at another address goes to the
///     handler that was there before (SHM-4).
///   - In a forked child, mappings become private zeros and their descriptors /dev/null, so that
///     the child neither writes for its parent nor keeps the parent's locks alive (SHM-5).
///
/// Thread safety: any thread.
class Mapping {
 public:
  static constexpr std::size_t kMaxMappings = 16384;
  /// The most bytes that one peer's files may take in this process.
  static constexpr std::size_t kMaxPeerBytes = std::size_t{4} << 30;

  /// Maps the first `size` bytes of `fd`, which must stay open as long as the mapping. `peer`: a
  /// number that identifies the file's owner, for the limit above; 0: this process itself, which
  /// has no limit. kExhausted above the limit, and for more than kMaxMappings.
  static Result<std::unique_ptr<Mapping>> make(int fd, std::size_t size, bool writable,
                                               const std::string& path, std::uint64_t peer = 0);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::byte* data() const noexcept { return static_cast<std::byte*>(region_.get_address()); }
  std::size_t size() const noexcept { return region_.get_size(); }
  /// Whether the mapping was replaced by zeros.
  bool lost() const noexcept;
  /// For one's own file: from now on the same addresses show `fd`, a file of the same size.
  Status show(int fd, const std::string& path) noexcept;

 private:
  explicit Mapping(boost::interprocess::mapped_region region) noexcept
      : region_{std::move(region)} {}
  bool enter(int fd, std::uint64_t peer) noexcept;

  boost::interprocess::mapped_region region_;
  std::size_t row_ = kMaxMappings;  ///< Index in the table; kMaxMappings: none.
};

}  // namespace horus::shm
