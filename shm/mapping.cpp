// SPDX-License-Identifier: Apache-2.0
#include "shm/mapping.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <boost/interprocess/exceptions.hpp>

namespace horus::shm {
namespace {

namespace bi = boost::interprocess;

/// The interface that Boost needs of something that can be mapped.
struct Mappable {
  int fd;
  bi::mapping_handle_t get_mapping_handle() const { return {fd, false}; }
};

enum class Use : std::uint8_t { kFree, kEntering, kMapped };

struct Row {
  std::atomic<Use> use{Use::kFree};
  std::atomic<bool> lost{false};
  bool writable = false;
  int fd = 0;
  std::byte* begin = nullptr;
  // Other threads may read these two while the row gets a new user. Then the sum may include the
  // row's last user.
  std::atomic<std::size_t> size{0};
  std::atomic<std::uint64_t> peer{0};
};

constinit std::array<Row, Mapping::kMaxMappings> table{};
constinit std::atomic<std::size_t> used{0};       // Rows below this were in use at some time.
constinit std::atomic<std::size_t> free_from{0};  // Where to look for a free row first.
// Bytes mapped, summed over the peers whose numbers have the same remainder. So no single peer of
// them has mapped more than the sum.
constinit std::array<std::atomic<std::size_t>, 1024> mapped_by{};
struct sigaction previous {};

/// Replaces a mapping by private zeros. Async-signal-safe.
void free_row(Row& row) noexcept {
  // A peer's zeros stay read-only, as its file was; a process with locked memory pays nothing for
  // them.
  const int protection = row.writable ? PROT_READ | PROT_WRITE : PROT_READ;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  // If even this fails, the fault comes again; nothing better can be done. A system call in place
  // of mmap(): ThreadSanitizer takes mmap() for a write to the whole region, beside other threads
  // that use it.
  static_cast<void>(
      ::syscall(SYS_mmap, row.begin, row.size.load(), protection, kFlags, -1, off_t{}));
  // release: a thread that sees the flag reads zeros.
  row.lost.store(true, std::memory_order_release);
}

Row* find(const void* address) noexcept {
  const auto* at = static_cast<const std::byte*>(address);
  // acquire, twice: the row is complete.
  const std::size_t rows = used.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < rows; ++i) {
    Row& row = table[i];
    if (row.use.load(std::memory_order_acquire) != Use::kMapped) continue;
    if (at >= row.begin && at < row.begin + row.size) return &row;
  }
  return nullptr;
}

std::atomic<std::size_t>& mapped_like(std::uint64_t peer) noexcept {
  return mapped_by[(peer >> 1U) % mapped_by.size()];  // Its lowest bit is always set.
}

std::size_t mapped_of(std::uint64_t peer) noexcept {
  std::size_t sum = 0;
  const std::size_t rows = used.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < rows; ++i) {
    const Row& row = table[i];
    if (row.use.load(std::memory_order_acquire) != Use::kMapped) continue;
    // relaxed, both: only a sum.
    if (row.peer.load(std::memory_order_relaxed) != peer) continue;
    sum += row.size.load(std::memory_order_relaxed);
  }
  return sum;
}

/// Whether `size` more bytes of the peer may be mapped. Walks the rows only if the peer, or one
/// with the same remainder, has mapped nearly the limit.
bool is_within_budget(std::uint64_t peer, std::size_t size) noexcept {
  // relaxed: only a sum.
  const std::size_t most = mapped_like(peer).load(std::memory_order_relaxed);
  return most + size <= Mapping::kMaxPeerBytes || mapped_of(peer) + size <= Mapping::kMaxPeerBytes;
}

void pass_on(int signal, siginfo_t* info, void* context) noexcept {
  if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(signal, info, context);
  const bool sent = info->si_code <= 0;  // By kill(). A real fault must not be ignored.
  if (previous.sa_handler == SIG_IGN && sent) return;
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    return previous.sa_handler(signal);
  }
  ::sigaction(SIGBUS, &previous, nullptr);
  ::raise(SIGBUS);
}

void on_sigbus(int signal, siginfo_t* info, void* context) noexcept {
  const int saved = errno;
  Row* row = info->si_code > 0 ? find(info->si_addr) : nullptr;
  if (row != nullptr) {
    free_row(*row);
  } else {
    pass_on(signal, info, context);
  }
  errno = saved;
}

void in_child() noexcept {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);  // by path: of the system
  for (Row& row : table) {
    if (row.use.load(std::memory_order_relaxed) != Use::kMapped) continue;
    ::dup3(null, row.fd, O_CLOEXEC);
    free_row(row);
  }
  ::close(null);
}

bool install() noexcept {
  struct sigaction ours {};
  ours.sa_sigaction = on_sigbus;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  ::sigemptyset(&ours.sa_mask);
  ::sigaction(SIGBUS, &ours, &previous);
  return ::pthread_atfork(nullptr, nullptr, in_child) == 0;
}

}  // namespace

Result<std::unique_ptr<Mapping>> Mapping::make(int fd, std::size_t size, bool writable,
                                               const std::string& path, std::uint64_t peer) {
  static const bool kInstalled = install();
  if (!kInstalled) {
    return Error{Errc::kExhausted, "prepare for forks", ENOMEM, Name<200>::clipped(path)};
  }
  if (peer != 0 && !is_within_budget(peer, size)) {
    return Error{Errc::kExhausted, "map more than 4 GiB of one peer's shared memory", 0,
                 Name<200>::clipped(path)};
  }
  try {
    std::unique_ptr<Mapping> mapping{
        new Mapping{bi::mapped_region{Mappable{fd}, writable ? bi::read_write : bi::read_only, 0,
                                      size, nullptr, MAP_SHARED | MAP_POPULATE}}};
    if (!mapping->enter(fd, peer)) {
      return Error{Errc::kExhausted, "map more than 16,384 files of shared memory", 0,
                   Name<200>::clipped(path)};
    }
    return mapping;
  } catch (const bi::interprocess_exception& error) {
    return Error{errc_of(error.get_native_error()), "map shared memory", error.get_native_error(),
                 Name<200>::clipped(path)};
  }
}

bool Mapping::enter(int fd, std::uint64_t peer) noexcept {
  // relaxed: a hint; all rows are tried, from there on.
  const std::size_t begin = free_from.load(std::memory_order_relaxed);
  for (std::size_t looked = 0; looked < kMaxMappings; ++looked) {
    const std::size_t i = (begin + looked) % kMaxMappings;
    Row& row = table[i];
    Use free = Use::kFree;
    if (row.use.load(std::memory_order_relaxed) != free) continue;  // relaxed: a hint
    // acquire: the row's last user is done with it.
    if (!row.use.compare_exchange_strong(free, Use::kEntering, std::memory_order_acquire)) continue;
    row.lost.store(false, std::memory_order_relaxed);
    row.writable = region_.get_mode() == bi::read_write;
    row.fd = fd;
    row.begin = data();
    row.size.store(size(), std::memory_order_relaxed);
    row.peer.store(peer, std::memory_order_relaxed);
    // release: whoever sees the row in use sees it complete.
    row.use.store(Use::kMapped, std::memory_order_release);
    std::size_t rows = used.load(std::memory_order_relaxed);
    while (rows <= i && !used.compare_exchange_weak(rows, i + 1, std::memory_order_release)) {
    }
    if (peer != 0) mapped_like(peer).fetch_add(size(), std::memory_order_relaxed);
    free_from.store(i + 1, std::memory_order_relaxed);
    row_ = i;
    return true;
  }
  return false;
}

Mapping::~Mapping() {
  if (row_ >= kMaxMappings) return;
  Row& row = table[row_];
  const std::uint64_t peer = row.peer.load(std::memory_order_relaxed);
  if (peer != 0) mapped_like(peer).fetch_sub(size(), std::memory_order_relaxed);
  // release: until here the addresses are this mapping's.
  row.use.store(Use::kFree, std::memory_order_release);
  free_from.store(row_, std::memory_order_relaxed);
}

Status Mapping::show(int fd, const std::string& path) noexcept {
  constexpr int kFlags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
  // A system call in place of mmap(): ThreadSanitizer would take mmap() for a write to words that
  // other threads go on writing atomically, in the old file or in the new one.
  const long shown =
      ::syscall(SYS_mmap, data(), size(), PROT_READ | PROT_WRITE, kFlags, fd, off_t{0});
  return shown == -1 ? Status{Error::from_errno("map shared memory", path)} : Status{};
}

bool Mapping::lost() const noexcept {
  // acquire: see free_row().
  return table[row_].lost.load(std::memory_order_acquire);
}

}  // namespace horus::shm
