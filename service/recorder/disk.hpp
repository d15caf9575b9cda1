// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <horus/result.hpp>

#include "shm/interop/mcap_writer.hpp"

namespace horus::service {

/// A new file that is only appended to, by io_uring, or by pwrite() if io_uring is not available.
///
/// Thread safety: one thread at a time. Calls block on the disk.
class Disk : public interop::mcap::Sink {
 public:
  /// Makes the file. kBusy if there is a file of that name already; a symbolic link in its place is
  /// not followed. Takes a shared flock() on it as a sign that it is being written.
  static Result<std::unique_ptr<Disk>> create(const std::string& path);
  ~Disk() override;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  /// Appends all of `bytes`. On an error nothing counts as written: the file is cut back, and the
  /// next call begins at the same place. Success means that the kernel has the bytes, not the disk.
  Status write(std::string_view bytes) override;
  /// Waits until all written bytes are on the disk (fdatasync(2)).
  Status sync();
  /// Free bytes that this user may use; the largest number if the disk does not say.
  std::uint64_t free_bytes() const noexcept;

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
  bool asked_ = false;          ///< make_ring() was called.
  std::unique_ptr<Ring> ring_;  ///< Null: pwrite() is used.
};

}  // namespace horus::service
