// SPDX-License-Identifier: Apache-2.0
#include "tests/support/no_alloc.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HORUS_SANITIZED 1
// A sanitizer has an allocator of its own, and tells us of its use.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*,
                                                                           std::size_t),
                                                         void (*on_free)(const volatile void*));
#else
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);
}
#endif

namespace horus::test {
namespace {

thread_local int t_forbidden = 0;

void check(const char* what) noexcept {
  if (t_forbidden == 0) return;
  t_forbidden = 0;  // What follows may allocate.
  static_cast<void>(!::write(STDERR_FILENO, what, std::strlen(what)));
  std::abort();
}

void on_allocation() noexcept {
  check("allocation in a real-time loop\n");
}
void on_release() noexcept {
  check("release of memory in a real-time loop\n");
}

#if defined(HORUS_SANITIZED)
const int kInstalled = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { on_allocation(); },
    [](const volatile void* block) {
      if (block != nullptr) on_release();
    });
#endif

class NoAllocHook final : public GroupHook {
 public:
  Nanos enter(TimePoint release) noexcept override {
    // The trap stays set between the ticks: the loop around them is held to the same rule.
    if (release == TimePoint{}) {
      trap_.reset();
    } else if (!trap_) {
      trap_.emplace();
    }
    return Nanos{-1};
  }

 private:
  std::optional<NoAlloc> trap_;
};

}  // namespace

NoAlloc::NoAlloc() noexcept {
  ++t_forbidden;
}
NoAlloc::~NoAlloc() {
  --t_forbidden;
}

std::unique_ptr<GroupHook> NoAllocHooks::make(const ThreadRole& /*role*/) {
  return std::make_unique<NoAllocHook>();
}

}  // namespace horus::test

#if !defined(HORUS_SANITIZED)
// In place of the C library's, which these call: operator new ends here as well.
extern "C" {

void* malloc(std::size_t size) {
  horus::test::on_allocation();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  horus::test::on_allocation();
  return __libc_calloc(count, size);
}
void* realloc(void* block, std::size_t size) {
  horus::test::on_allocation();
  return __libc_realloc(block, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  horus::test::on_allocation();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return memalign(alignment, size);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  *block = memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}
void free(void* block) {
  if (block != nullptr) horus::test::on_release();
  __libc_free(block);
}

}  // extern "C"
#endif
