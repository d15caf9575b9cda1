// SPDX-License-Identifier: Apache-2.0
// horus-recorder writes topics to files. `horusctl record` takes its options from the user, checks
// them, and runs it.
#include <sched.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include <horus/topic.hpp>

#include "rt/base/log_text.hpp"
#include "rt/base/printable.hpp"
#include "rt/base/version.hpp"
#include "service/describe.hpp"
#include "service/notify.hpp"
#include "service/program.hpp"
#include "service/recorder/recorder.hpp"
#include "service/signals.hpp"

namespace horus::service {
namespace {

namespace mcap = interop::mcap;

constexpr const char* kProgram = "horus-recorder";
void say(const std::string& line) {
  // The journal has times of its own.
  const std::string time = notify::supervised() ? std::string{} : time_of_day(wall_clock_us());
  std::fprintf(stderr, "%s%s: %s\n", time.c_str(), kProgram, line.c_str());
}

/// The options with the configuration's files as attachments.
FilesOptions with_config(const RecorderOptions& options) {
  FilesOptions all = options.files;
  for (const std::string& path : options.config) {
    std::ifstream file{path, std::ios::binary};
    all.attachments[path] = {std::istreambuf_iterator<char>{file}, {}};
  }
  return all;
}

/// What is noted in each file about the machine and the configuration.
mcap::Notes system_notes(const RecorderOptions& options) {
  mcap::Notes notes{{"horus", kVersion}};
  utsname names{};
  if (::uname(&names) == 0) {
    notes["kernel"] = std::string{names.release} + " " + names.version;
    notes["machine"] = names.machine;
    notes["host"] = names.nodename;
  }
  std::getline(std::ifstream{"/proc/cmdline"}, notes["cmdline"]);
  std::uint32_t crc = 0;
  for (const auto& [path, text] : with_config(options).attachments) {
    crc = mcap::crc_of(text, crc);
  }
  if (!options.config.empty()) notes["config_crc32"] = std::to_string(crc);
  return notes;
}

std::string size_text(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

/// Prints what was recorded, and what was lost.
void report(const Files::Totals& totals, const std::map<std::string, Intake::Losses>& topics,
            double seconds) {
  std::string paths = totals.paths.empty() ? "no file" : printable(totals.paths.front());
  if (totals.paths.size() > 1) paths += " to " + printable(totals.paths.back());
  char time[32];
  std::snprintf(time, sizeof time, "%.1f s", seconds);
  std::printf("%s: %llu messages of %zu topics, %s, %s\n", paths.c_str(),
              static_cast<unsigned long long>(totals.messages), topics.size(),
              size_text(totals.bytes).c_str(), time);
  for (const auto& [name, losses] : topics) {
    if (losses.missed > 0) {
      std::printf("  %s: %llu messages were overwritten before they were taken\n",
                  printable(name).c_str(), static_cast<unsigned long long>(losses.missed));
    }
    if (losses.refused > 0) {
      std::printf(
          "  %s: %llu messages could not be written: they break their format, or a file has "
          "no more channels\n",
          printable(name).c_str(), static_cast<unsigned long long>(losses.refused));
    }
  }
  if (totals.lost > 0) {
    std::printf("  %llu messages were lost since the disk was too slow or full\n",
                static_cast<unsigned long long>(totals.lost));
  }
}

int run(const RecorderOptions& options) {
  // First, as threads inherit the CPUs of the thread that starts them.
  if (options.cpus && ::sched_setaffinity(0, sizeof(cpu_set_t), &options.cpus->native()) != 0) {
    say("cannot keep to CPU " + options.cpus->text() + ": " + errno_text(errno));
  }
  // No teller: its warnings, such as of names that look alike, are for programs with topics of
  // their own. A recorder takes every topic.
  auto session = shm::Session::open(options.base, /*declares=*/false, /*teller=*/nullptr);
  if (!session) return static_cast<int>(refuse(kProgram, session.error(), Exit::kFailure));
  auto presence = Presence::create(*session.value());
  if (!presence) return static_cast<int>(refuse(kProgram, presence.error(), Exit::kFailure));
  auto files = Files::start(with_config(options), system_notes(options), say);
  if (!files) return static_cast<int>(refuse(kProgram, files.error(), Exit::kFailure));
  const TimePoint begin = MonotonicClock::now();
  Intake intake{std::move(session).value(), options.selection, say};
  intake.look();
  if (options.for_program) {
    std::puts("ready");
    std::fflush(stdout);
  }
  notify::ready("records to " + options.files.path);
  Recorder recorder{options, intake, *files.value(), *presence.value()};
  const Status stopped = recorder.run(End{options});
  if (files.value()->left_behind()) {
    // The thread is still in a call of the disk, and uses `files`: end without destructors.
    const auto exit = static_cast<int>(refuse(kProgram, stopped.error(), Exit::kFailure));
    presence.value().reset();
    std::fflush(nullptr);
    ::_exit(exit);
  }
  report(files.value()->totals(), intake.losses(),
         std::chrono::duration<double>(MonotonicClock::now() - begin).count());
  if (!stopped) return static_cast<int>(refuse(kProgram, stopped.error(), Exit::kFailure));
  return static_cast<int>(Exit::kOk);
}

}  // namespace
}  // namespace horus::service

int main(int argc, char** argv) {
  using namespace horus::service;
  hold_signals();
  // The reader of our output may be gone; the file must get its end nevertheless.
  ::signal(SIGPIPE, SIG_IGN);
  RecorderOptions options;
  if (const auto exit = parse_options(argc, argv, options)) return static_cast<int>(*exit);
  // Only the recorder of the service (with --config) notifies systemd. Another one, which inherited
  // $NOTIFY_SOCKET from a service that started it, must not speak for that service.
  if (options.config.empty()) ::unsetenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
  return run(options);
}
