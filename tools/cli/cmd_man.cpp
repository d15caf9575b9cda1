// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <fmt/format.h>

#include "rt/base/version.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/describe_options.hpp"

namespace horus::cli {

namespace {

/// Text as roff takes it: hyphens that can be copied, no line that looks like a request.
std::string roff(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string command_section(const Command& command) {
  const CommandUsage usage = describe_options(command);
  std::string text = fmt::format(".SS {}{}\n{}.\n", roff(command.name), roff(usage.synopsis),
                                 roff(command.summary));
  for (const OptionUsage& option : usage.options) {
    text += fmt::format(".TP\n.B {}\n{}.\n", roff(option.spelling), roff(option.text));
  }
  if (!usage.footer.empty()) text += ".PP\n" + roff(usage.footer) + "\n";
  return text;
}

constexpr std::string_view kHead = R"(.SH NAME
horusctl, horus \- look after a HORUS robot
.SH SYNOPSIS
.B horusctl
.RB [ \-\-socket\-dir
.IR DIR ]
.I command
\&...
.SH DESCRIPTION
.B horusctl
asks the service by its sockets and reads statistics pages and topics in shared memory. Where no
service runs, it shows the hosts in the user's own shared memory, such as a Python program that
calls
.BR horus.run () .
.B horus
is the same program.
.SH OPTIONS
.TP
.BI \-\-socket\-dir " DIR"
Directory of the service's sockets. Else $RUNTIME_DIRECTORY, the user's own and /run/horus are
tried, in this order.
.SH COMMANDS
)";

constexpr std::string_view kTail = R"(.SH EXIT STATUS
.TP
.B 0
Done; status: healthy; doctor: all is well.
.TP
.B 1
Failed; status: degraded; doctor: warnings.
.TP
.B 2
Wrong usage; status: failed; doctor: failures.
.TP
.B 3
Nothing runs.
.TP
.B 4
No permission.
.SH ENVIRONMENT
.TP
.B HORUS_BASE
Directory in shared memory, in place of /dev/shm/horus\-UID.
.TP
.B HORUS_NAMESPACE
A level below it, for several robots on one machine.
.TP
.B RUNTIME_DIRECTORY
Where to look for the sockets first.
.TP
.B COLUMNS
Width of tables when standard output is no terminal.
.SH EXAMPLES
.EX
horusctl stats \-\-watch
horusctl stats \-\-json | jq '.hosts[].nodes[] | {name, misses}'
horusctl topic echo cmd_vel \-\-once
horusctl status \-\-wait 30
horusctl doctor
.EE
.SH SEE ALSO
.BR horusd (8),
.BR horus.toml (5)
)";

}  // namespace

Action declare_man(CLI::App&, const Places&) {
  return [](Output& output) {
    std::string text = fmt::format(".TH HORUSCTL 1 \"\" \"HORUS {}\" \"HORUS\"\n", kVersion);
    text += kHead;
    for (const Command& command : commands()) text += command_section(command);
    text += kTail;
    output.write(text);
    return static_cast<int>(kOk);
  };
}

}  // namespace horus::cli
