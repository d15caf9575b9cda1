// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/record_trigger.hpp"

#include <poll.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rt/base/printable.hpp"
#include "service/wire/host_control.hpp"
#include "service/wire/interfaces.hpp"
#include "shm/names.hpp"
#include "shm/stats_page.hpp"
#include "tools/cli/service_client.hpp"

namespace horus::cli {
namespace {

constexpr Nanos kPatience = 2s;  // To connect and send; after that the user is told of the wait.
constexpr Nanos kWriting = 60s;  // To write the file.

/// A recorder that was asked and has not answered yet.
struct Asked {
  std::string host;
  std::int64_t pid;
  wire::Client client;
};

/// Prints what a recorder has answered. Returns the exit code, and whether it counts: the answer of
/// a host that is no recorder, or keeps nothing in memory, does not.
std::pair<int, bool> tell_answer(const std::string& host, const Result<wire::Reply>& reply,
                                 Output& output) {
  const auto failed = [](const std::string& what, ExitCode code = kError) {
    return std::pair{fail(code, "record trigger: " + what), true};
  };
  if (!reply && reply.error().code != Errc::kNotFound) {
    return failed(printable(host) + ": " + error_line(reply.error()));
  }
  if (!reply) return failed(printable(host) + " ended without an answer");
  const wire::Reply& answer = reply.value();
  const auto text = [&answer](const char* key) {
    const auto found = answer.parameters.find(key);
    const bool is_one = found != answer.parameters.end() && found->is_string();
    return is_one ? found->get<std::string>() : std::string{};
  };
  if (answer.error == wire::error::kPermissionDenied) {
    return failed("only root, the base's owner and the user who records may", kNoPermission);
  }
  if (answer.error == wire::error::kNotWritten) {
    return failed(printable(text("file")) +
                  " is not whole on the disk: " + printable(text("message")));
  }
  if (answer.error == wire::error::kRecorderEnds) {
    return failed(printable(host) + " ended before its file did");
  }
  // Any other error: the host is no recorder in spite of its name, or it keeps nothing in memory.
  if (!answer.error.empty()) return {kError, false};
  const std::string made = text("file");
  const auto count = answer.parameters.find("messages");
  const bool counted = count != answer.parameters.end() && count->is_number_unsigned();
  output.write(made.empty() ? "nothing was sent since the last file: no new one\n"
                            : fmt::format("{}: {} messages\n", printable(made),
                                          counted ? count->get<std::uint64_t>() : 0));
  return {kOk, true};
}

/// Asks all recorders that run. Reports those that cannot be reached, and raises `worst` for them.
std::vector<Asked> ask_recorders(std::optional<int>& worst) {
  std::vector<Asked> asked;
  // One deadline for all: a recorder that does not accept cannot use up the time of the others.
  const TimePoint until = MonotonicClock::now() + kPatience;
  const auto left = [until] { return std::max<Nanos>(until - MonotonicClock::now(), 1ms); };
  for (const std::string& base : base_directories()) {
    for (const shm::StatsPage& page : shm::StatsPage::open_all(base)) {
      const std::string host{page.host().name.view()};
      if (!page.alive() || !wire::is_recorder(host)) continue;
      const std::string file = shm::escape(host) + std::string{shm::kSocketSuffix};
      auto client = wire::connect_to_host(base + "/hosts", file);
      Status sent = client ? client.value().send({.method = wire::method::kRecorderTrigger}, left())
                           : Status{client.error()};
      // A recorder that has hung up may have sent its reason before; it is received later.
      if (client && !sent && sent.error().code == Errc::kNotFound) sent = {};
      if (!sent) worst = std::max(worst.value_or(kOk), fail(sent.error()));
      if (sent) asked.push_back({host, page.host().pid.value(), std::move(client).value()});
    }
  }
  return asked;
}

/// Tells the user which recorders it waits for, with their pids: any member of the group could have
/// taken a recorder's name.
void tell_waits(const std::vector<Asked>& asked) {
  std::string whom;
  for (const Asked& one : asked) {
    whom += fmt::format("{}{} (pid {})", whom.empty() ? "" : ", ", printable(one.host), one.pid);
  }
  warn_of("record trigger: waits for " + whom +
          " to write its file, for 60 s at most (Ctrl+C: go on without)");
}

/// Waits until one of the recorders answers, 200 ms at most.
void wait_for_answer(const std::vector<Asked>& asked) {
  constexpr int kTurnMs = 200;
  std::vector<pollfd> all;
  for (const Asked& one : asked) {
    all.push_back({.fd = one.client.fd(), .events = POLLIN, .revents = 0});
  }
  ::poll(all.data(), all.size(), kTurnMs);
}

}  // namespace

int trigger_recorders(Output& output) {
  std::optional<int> worst;
  std::vector<Asked> asked = ask_recorders(worst);
  const TimePoint begun = MonotonicClock::now();
  const TimePoint until = begun + kWriting;
  bool said = false;
  while (!asked.empty() && output.wanted() && MonotonicClock::now() < until) {
    wait_for_answer(asked);
    if (!said && MonotonicClock::now() - begun >= kPatience) {
      said = true;
      tell_waits(asked);
    }
    std::erase_if(asked, [&](Asked& one) {
      const auto reply = one.client.receive(Nanos{});
      if (!reply && reply.error().code == Errc::kBusy) return false;
      const auto [code, counts] = tell_answer(one.host, reply, output);
      if (counts) worst = std::max(worst.value_or(kOk), code);
      return true;
    });
  }
  for (const Asked& one : asked) {
    const int code = fail(kError, "record trigger: " + printable(one.host) + " has not answered" +
                                      (output.wanted() ? " within 60 s" : "") +
                                      "; see 'horusctl status' for what keeps it");
    worst = std::max(worst.value_or(kOk), code);
  }
  if (worst) return *worst;
  return fail(kNotRunning, "record trigger: nobody records with --last (horusctl help record)");
}

}  // namespace horus::cli
