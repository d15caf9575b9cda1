// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/sibling_thread.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "rt/base/unique_fd.hpp"

namespace horus::py {
namespace {

/// Up to 255 bytes of /proc/self/task/<thread>/<file>. Allocates nothing. Empty where the thread
/// has ended or the file cannot be read.
std::array<char, 256> read_line(pid_t thread, const char* file) noexcept {
  std::array<char, 256> text{};
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/self/task/%d/%s", thread, file);
  const UniqueFd descriptor{::open(path.data(), O_RDONLY | O_CLOEXEC)};
  const ssize_t length =
      descriptor.get() >= 0 ? ::read(descriptor.get(), text.data(), text.size() - 1) : 0;
  if (length <= 0) text[0] = '\0';
  return text;
}

}  // namespace

std::optional<CpuShare> cpu_share_of(pid_t thread) noexcept {
  const auto text = read_line(thread, "schedstat");
  long long ran = 0;
  long long waited = 0;
  if (std::sscanf(text.data(), "%lld %lld", &ran, &waited) != 2) return std::nullopt;
  return CpuShare{.ran = Nanos{ran}, .waited = Nanos{waited}};
}

}  // namespace horus::py
