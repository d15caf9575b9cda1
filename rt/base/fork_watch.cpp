// SPDX-License-Identifier: Apache-2.0
#include "rt/base/fork_watch.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace horus {
namespace {

// If there is no memory to register the handler, forked children are not detected. Nothing can be
// done about that.
[[maybe_unused]] const int kWatched = ::pthread_atfork(nullptr, nullptr, [] {
  // relaxed: see ForkWatch.
  fork_generation.fetch_add(1, std::memory_order_relaxed);
});

}  // namespace

std::atomic<std::uint32_t> fork_generation{0};

void end_forked_child(const char* callback, std::string_view node) noexcept {
  char line[320];
  const int length = std::snprintf(
      line, sizeof line,
      "horus: a forked child (pid %d) left %s%s%.*s%s, which goes on in its parent only; the child "
      "ends here: let it end itself, with os._exit() or _exit()\n",
      ::getpid(), callback, node.empty() ? "" : " of node '", static_cast<int>(node.size()),
      node.data(), node.empty() ? "" : "'");
  const auto size = std::min(static_cast<std::size_t>(std::max(length, 0)), sizeof line - 1);
  // If stderr cannot be written, there is no other place to report it.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line, size);
  // _exit() flushes nothing: the buffers are copies of the parent's, which will write them itself.
  ::_exit(1);
}

}  // namespace horus
