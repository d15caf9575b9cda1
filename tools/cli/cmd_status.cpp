// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "rt/base/printable.hpp"
#include "service/wire/interfaces.hpp"
#include "tools/cli/child.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/status.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

struct StatusOptions {
  std::string timeout;
  bool wait = false;
  bool json = false;
};

constexpr Nanos kPoll = 100ms;
constexpr Nanos kReloadTimeout = 60s;

/// Why the service refused to start, as systemd has kept its message; empty: not known.
std::string why_not_started() {
  auto child = Child::start({"systemctl", "show", "--property=Result,StatusText", "horus.service"},
                            /*quiet=*/true);
  if (!child) return {};
  std::string text;
  std::array<char, 4096> block{};
  for (ssize_t count = 0;
       (count = ::read(child.value().output(), block.data(), block.size())) > 0;) {
    text.append(block.data(), static_cast<std::size_t>(count));
  }
  const auto value_of = [&text](std::string_view key) {
    const std::size_t at = text.find(key);
    if (at == std::string::npos) return std::string{};
    const std::size_t begin = at + key.size();
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  const std::string result = value_of("Result=");
  if (!child.value().ended_well() || result.empty() || result == "success") return {};
  const std::string said = value_of("StatusText=");
  return said.empty() ? result : said;
}

/// Reads the status again and again until every host is ready, or until `until`. Returns the last
/// one.
Result<wire::HealthView> wait_until_ready(const Places& places, TimePoint until, Output& output) {
  for (;;) {
    auto status = fetch_health(places);
    const bool settled = status ? status.value().ready : status.error().code == Errc::kPermission;
    const Nanos left = until - MonotonicClock::now();
    if (settled || left <= Nanos{} || !output.wanted()) return status;
    output.wait(std::min(left, kPoll));
  }
}

int run_status(const StatusOptions& options, const Places& places, Output& output) {
  TimePoint until = MonotonicClock::now();
  if (options.wait) {
    const auto timeout = parse_seconds(options.timeout.empty() ? "60" : options.timeout);
    if (!timeout) {
      return fail(kUsage, "--wait: '" + options.timeout +
                              "' is no time (\"500 ms\", \"10 s\"; plain numbers are seconds)");
    }
    until += timeout.value();
  }
  const auto status = wait_until_ready(places, until, output);
  if (!status) {
    const bool nothing = status.error().code == Errc::kNotFound && places.socket_dir.empty();
    const std::string why = nothing ? why_not_started() : "";
    if (!why.empty()) {
      return fail(kNotRunning, "the service does not run any more, or did not start: " + why);
    }
    return fail_to_reach(status.error());
  }
  output.write(options.json ? wire::to_line(status_json(status.value())) + "\n"
                            : status_text(status.value(), output.width()));
  return static_cast<int>(status.value().health);
}

int run_reload(bool wait, const Places& places, Output& output) {
  auto client = connect(places, wire::kControlSocket);
  if (!client && client.error().code == Errc::kNotFound) {
    return fail(kNotRunning, "reload: no service answers (start one: systemctl start horus)");
  }
  if (!client) return fail_to_reach(client.error());
  if (!wait) {
    const auto sent =
        client.value().send({.method = wire::method::kControlReload, .oneway = true}, 5s);
    return sent ? kOk : fail(sent.error());
  }
  const auto reply = client.value().call({.method = wire::method::kControlReload}, kReloadTimeout);
  if (!reply) return fail(reply.error());
  const wire::Reply& answer = reply.value();
  if (answer.error == wire::error::kPermissionDenied) {
    return fail(kNoPermission, "reload: only root, the service's user and group horus-admin may");
  }
  const auto found = answer.parameters.find("message");
  const std::string message =
      found != answer.parameters.end() && found->is_string() ? found->get<std::string>() : "";
  if (!answer.error.empty()) {
    return fail(kError, "reload rejected, the running configuration stays: " +
                            (message.empty() ? answer.error : message));
  }
  if (!message.empty()) output.write(printable(message) + "\n");
  return kOk;
}

}  // namespace

Action declare_status(CLI::App& app, const Places& places) {
  const auto options = std::make_shared<StatusOptions>();
  app.add_flag("--json", options->json, "One line of JSON");
  CLI::Option* wait = app.add_option("--wait", options->timeout,
                                     "First wait until every host is ready (default: 60 s)");
  wait->expected(0, 1)->type_name("TIMEOUT");
  app.footer("Exit status: 0 healthy, 1 degraded, 2 failed, 3 not running, 4 no permission.");
  return [options, &places, wait](Output& output) {
    options->wait = wait->count() != 0;
    return run_status(*options, places, output);
  };
}

Action declare_reload(CLI::App& app, const Places& places) {
  const auto wait = std::make_shared<bool>(false);
  app.add_flag("--wait", *wait, "Return when it is in force; fail when it was rejected");
  return [wait, &places](Output& output) { return run_reload(*wait, places, output); };
}

}  // namespace horus::cli
