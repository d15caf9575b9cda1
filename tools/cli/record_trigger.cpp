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
#include "tools/cli/where.hpp"

namespace horus::cli {
namespace {

constexpr Nanos kPatience = 2s;  // To be let in.
constexpr Nanos kWriting = 60s;  // Up to a file's end.

/// A recorder that is to answer.
struct Asked {
  std::string host;
  std::int64_t pid;
  wire::Client client;
};

/// What a recorder answered: the exit code, and true where it was to be asked at all.
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
  // A host of that name that is no recorder; or one that keeps nothing.
  if (!answer.error.empty()) return {kError, false};
  const std::string made = text("file");
  const auto count = answer.parameters.find("messages");
  const bool counted = count != answer.parameters.end() && count->is_number_unsigned();
  output.write(made.empty() ? "nothing was sent since the last file: no new one\n"
                            : fmt::format("{}: {} messages\n", printable(made),
                                          counted ? count->get<std::uint64_t>() : 0));
  return {kOk, true};
}

/// All that run; who cannot be reached is told, and raises `worst`.
std::vector<Asked> ask_recorders(std::optional<int>& worst) {
  std::vector<Asked> asked;
  // One that does not accept keeps nobody from the others.
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
      // Who hung up may have said why.
      if (client && !sent && sent.error().code == Errc::kNotFound) sent = {};
      if (!sent) worst = std::max(worst.value_or(kOk), fail(sent.error()));
      if (sent) asked.push_back({host, page.host().pid.value(), std::move(client).value()});
    }
  }
  return asked;
}

/// Anybody of the group may take a recorder's name: who waits is told for whom.
void tell_waits(const std::vector<Asked>& asked) {
  std::string whom;
  for (const Asked& one : asked) {
    whom += fmt::format("{}{} (pid {})", whom.empty() ? "" : ", ", printable(one.host), one.pid);
  }
  warn_of("record trigger: waits for " + whom +
          " to write its file, for 60 s at most (Ctrl+C: go on without)");
}

/// Until one of them says something, or some time is over.
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
