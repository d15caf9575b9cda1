// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tools/cli/machine.hpp"

namespace horus::cli {

namespace {

constexpr const char* kPython = "/usr/bin/python3";
constexpr Nanos kPythonTimeout = 20s;

/// The errno of setting SCHED_FIFO, tried on a thread that ends right after it; 0: granted.
int try_fifo() {
  int result = 0;
  std::thread{[&result] {
    const sched_param parameter{.sched_priority = 1};
    result = ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &parameter);
  }}.join();
  return result;
}

std::optional<std::uint64_t> lock_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  return limit.rlim_cur;
}

std::uint64_t shm_bytes() {
  struct statvfs shm {};
  if (::statvfs("/dev/shm", &shm) != 0) return 0;
  return static_cast<std::uint64_t>(shm.f_blocks) * shm.f_frsize;
}

/// Reads until the end of the file, until `until`, or until about 64 KiB have been read.
std::string read_all(int fd, TimePoint until) {
  std::string text;
  std::array<char, 4096> chunk{};
  while (text.size() < 16 * chunk.size()) {
    const auto left = std::max<std::int64_t>(to_ns(until - MonotonicClock::now()) / 1'000'000, 0);
    pollfd ready{fd, POLLIN, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(left));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    const ssize_t n = ::read(fd, chunk.data(), chunk.size());
    if (n <= 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(n));
  }
  return text;
}

/// The output of `python3 -c code argument`, with that of standard error; nothing when it cannot be
/// started.
std::optional<std::string> run_python(const std::string& code, const std::string& argument) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  const UniqueFd reader{ends[0]};
  UniqueFd writer{ends[1]};
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDERR_FILENO);
  std::array<std::string, 4> words{kPython, "-c", code, argument};
  std::array<char*, 5> argv{words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                            nullptr};
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, kPython, &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return std::nullopt;
  writer.reset();
  std::string text = read_all(reader.get(), MonotonicClock::now() + kPythonTimeout);
  ::kill(pid, SIGKILL);  // It has ended by itself, or its time is over.
  ::waitpid(pid, nullptr, 0);
  return text;
}

void probe_python(Probes& probes) {
  // This program may lie in a build tree, which has the module beside it.
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string beside = (self.parent_path().parent_path() / "python").string();
  // Take the current directory off the path: root must not import modules that lie there.
  const auto text = run_python(
      "import sys; print('%d.%d' % sys.version_info[:2], flush=True); "
      "sys.path = [p for p in sys.path if p] + sys.argv[1:]; "
      "import horus; print('horus', horus.__version__)",
      beside);
  if (!text) return;
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    lines.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  if (lines.empty()) return;
  probes.python_version = lines.front();
  if (lines.back().starts_with("horus ")) {
    probes.module_version = lines.back().substr(std::strlen("horus "));
  } else if (lines.size() > 1) {
    probes.module_error = lines.back();
  }
}

}  // namespace

Probes probe_machine(const Places& places) {
  Probes probes{.fifo_errno = try_fifo(),
                .lock_limit = lock_limit(),
                .shm_bytes = shm_bytes(),
                .dma_latency_writable = ::access("/dev/cpu_dma_latency", W_OK) == 0,
                .python_version = {},
                .module_version = {},
                .module_error = {},
                .service_version = service_version(places),
                .hosts = {}};
  probe_python(probes);
  if (auto stats = fetch_stats(places)) {
    for (wire::HostView& host : stats.value().hosts) {
      if (host.alive) probes.hosts.push_back(std::move(host));
    }
  }
  return probes;
}

}  // namespace horus::cli
