// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "rt/base/result.hpp"
#include "shm/interop/mcap_writer.hpp"

namespace horus::service {

/// A new file that grows at its end: written by io_uring, or by pwrite() where that is forbidden.
///
/// Thread safety: one thread at a time.
class Disk : public interop::mcap::Sink {
 public:
  /// kBusy where there is such a file already. Follows no link in its place.
  static Result<std::unique_ptr<Disk>> create(const std::string& path);
  ~Disk() override;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  /// All of it is with the kernel afterwards, or none of it counts: the next call begins where this
  /// one did.
  Status write(std::string_view bytes) override;
  /// Until it is on the disk.
  Status sync();
  std::uint64_t free_bytes() const noexcept;  ///< What the disk has left for this user.

 private:
  struct Ring;
  Disk(int fd, std::string path);
  void make_ring();
  void keep_workers() noexcept;
  Status write_by_uring(std::string_view bytes);
  Status write_plainly(std::string_view bytes, std::uint64_t at);

  int fd_;
  std::string path_;
  std::uint64_t end_ = 0;
  bool asked_ = false;  ///< Whether there may be a ring.
  std::unique_ptr<Ring> ring_;
};

}  // namespace horus::service
