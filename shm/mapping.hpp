// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/interprocess/mapped_region.hpp>

#include "rt/base/result.hpp"

namespace horus::shm {

/// A mapping of shared memory that survives what others do to the file.
///
/// Every one stands in a table of this process that a signal handler and a forked child walk:
///   - a page that its owner took away (SIGBUS): the whole mapping becomes private zeros, which no
///     check of ours takes for a message, and is lost(); other addresses go to the handler before
///     ours (SHM-4);
///   - a forked child: its mappings become private zeros and its descriptors /dev/null, so that it
///     neither writes for its parent nor keeps the parent's locks alive (SHM-5).
///
/// Thread safety: any thread.
class Mapping {
 public:
  static constexpr std::size_t kMaxMappings = 16384;
  /// Of one peer, bytes.
  static constexpr std::size_t kMaxPeerBytes = std::size_t{4} << 30;

  /// Maps the first `size` bytes of `fd`, which must stay open until the mapping goes. `peer`: any
  /// number that is the owner's alone; 0: this process itself, which has no budget.
  static Result<std::unique_ptr<Mapping>> make(int fd, std::size_t size, bool writable,
                                               const std::string& path, std::uint64_t peer = 0);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::byte* data() const noexcept { return static_cast<std::byte*>(region_.get_address()); }
  std::size_t size() const noexcept { return region_.get_size(); }
  /// Whether the bytes are not the file's any more.
  bool lost() const noexcept;
  /// The same addresses show what `fd` holds, which has as many bytes, from now on; on one's own.
  Status show(int fd, const std::string& path) noexcept;

 private:
  explicit Mapping(boost::interprocess::mapped_region region) noexcept
      : region_{std::move(region)} {}
  bool enter(int fd, std::uint64_t peer) noexcept;

  boost::interprocess::mapped_region region_;
  std::size_t row_ = kMaxMappings;  ///< In the table.
};

}  // namespace horus::shm
