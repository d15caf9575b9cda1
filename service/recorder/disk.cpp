// SPDX-License-Identifier: Apache-2.0
#include "service/recorder/disk.hpp"

#include <fcntl.h>
#include <liburing.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <horus/result.hpp>

namespace horus::service {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;  // Bytes of one request.
constexpr unsigned kDepth = 8;                        // Requests at once.
// Flags to try, first those that only newer kernels know. No IORING_SETUP_SINGLE_ISSUER: one thread
// makes the ring of the first file, and another uses it. Source: io_uring_setup(2).
constexpr std::array kFlags{IORING_SETUP_COOP_TASKRUN, 0U};

}  // namespace

struct Disk::Ring {
  ~Ring() {
    if (made) ::io_uring_queue_exit(&ring);
  }
  /// Waits for a completion: the request's number, and its result (bytes, or -errno).
  std::pair<std::uint64_t, int> completed() noexcept {
    io_uring_cqe* event = nullptr;
    int waited = -EINTR;
    while (waited == -EINTR) waited = ::io_uring_wait_cqe(&ring, &event);
    // A failure must end the process: the kernel may still read the bytes, so the caller could
    // neither free them nor go on.
    HORUS_CHECK(waited == 0);
    const std::pair result{::io_uring_cqe_get_data64(event), event->res};
    ::io_uring_cqe_seen(&ring, event);
    return result;
  }
  io_uring ring{};
  bool made = false;
};

Disk::Disk(int fd, std::string path) : fd_{fd}, path_{std::move(path)} {}

/// Makes the io_uring at the first write. If the kernel refuses, there is none.
void Disk::make_ring() {
  if (std::exchange(asked_, true)) return;
  for (const unsigned flags : kFlags) {
    auto ring = std::make_unique<Ring>();
    const int result = ::io_uring_queue_init(kDepth, &ring->ring, flags);
    ring->made = result == 0;
    if (ring->made) ring_ = std::move(ring);
    if (ring_) keep_workers();
    if (result != -EINVAL) return;
  }
}

/// Keeps the kernel's worker threads of this ring to this thread's CPUs. By default they run on all
/// CPUs, those of real-time threads included.
void Disk::keep_workers() noexcept {
  cpu_set_t cpus{};
  if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0) return;
  // An error is ignored: an older kernel cannot be told.
  static_cast<void>(::io_uring_register_iowq_aff(&ring_->ring, sizeof cpus, &cpus));
}

Disk::~Disk() {
  ring_.reset();
  ::close(fd_);
}

Result<std::unique_ptr<Disk>> Disk::create(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0) return Error::from_errno("create recording", path);
  // The lock tells a program that deletes recordings that this one is in use. A file system without
  // locks is no error.
  static_cast<void>(::flock(fd, LOCK_SH | LOCK_NB));
  return std::unique_ptr<Disk>{new Disk{fd, path}};
}

Status Disk::write(std::string_view bytes) {
  make_ring();
  if (const Status written = ring_ ? write_by_uring(bytes) : write_plainly(bytes, end_); !written) {
    const Error error = written.error();
    // A part of it may be in the file, which is no valid record. If cutting it off fails as well,
    // readers stop there.
    static_cast<void>(::ftruncate(fd_, static_cast<off_t>(end_)) == 0);
    return error;
  }
  end_ += bytes.size();
  return {};
}

Status Disk::write_by_uring(std::string_view bytes) {
  std::array<std::string_view, kDepth> pieces{};
  std::array<int, kDepth> results{};
  std::uint64_t at = end_;
  while (!bytes.empty()) {
    unsigned running = 0;
    for (; running < kDepth && !bytes.empty(); ++running) {
      pieces[running] = bytes.substr(0, kPiece);
      io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_->ring);
      ::io_uring_prep_write(entry, fd_, pieces[running].data(),
                            static_cast<unsigned>(pieces[running].size()), at + running * kPiece);
      ::io_uring_sqe_set_data64(entry, running);
      bytes.remove_prefix(pieces[running].size());
    }
    const int submitted = ::io_uring_submit(&ring_->ring);
    const unsigned given = static_cast<unsigned>(std::max(submitted, 0));
    std::fill(results.begin() + given, results.end(), -EAGAIN);
    for (unsigned done = 0; done < given; ++done) {
      const auto [piece, result] = ring_->completed();
      results.at(piece) = result;
    }
    // The ring still holds requests that it did not submit, and would submit them with the next
    // ones. It is given up.
    if (given < running) ring_.reset();
    for (unsigned i = 0; i < running; at += pieces[i++].size()) {
      if (results.at(i) == static_cast<int>(pieces.at(i).size())) continue;
      // The request failed or wrote only a part: pwrite() writes it again, or says why it fails.
      if (const Status rest = write_plainly(pieces[i], at); !rest) return rest;
    }
    if (ring_ == nullptr) return write_plainly(bytes, at);
  }
  return {};
}

Status Disk::write_plainly(std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(fd_, bytes.data(), std::min(bytes.size(), kPiece), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written == 0) errno = ENOSPC;
    if (written <= 0) return Error::from_errno("write recording", path_);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += static_cast<std::uint64_t>(written);
  }
  return {};
}

Status Disk::sync() {
  return ::fdatasync(fd_) == 0 ? Status{} : Status{Error::from_errno("write recording", path_)};
}

std::uint64_t Disk::free_bytes() const noexcept {
  struct statvfs info {};
  // If this fails the disk is not full but gone; the next write reports that.
  if (::fstatvfs(fd_, &info) != 0) return ~std::uint64_t{0};
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace horus::service
