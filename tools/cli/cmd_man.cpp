// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "rt/base/version.hpp"
#include "tools/cli/columns.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/describe_options.hpp"

namespace horus::cli {

namespace {

/// Escapes text for roff: hyphens stay hyphens that can be copied, backslashes are literal, and no
/// line looks like a request.
std::string roff(std::string_view text) {
  std::string out;
  bool begins_line = true;
  for (const char c : text) {
    if (begins_line && (c == '.' || c == '\'')) out += "\\&";
    begins_line = c == '\n';
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
tried, in this order. With it every command means the robot whose service answers there, its shared
memory included; launch and run make their sockets there.
.SH COMMANDS
)";

/// The section that explains the columns of `stats`.
std::string columns_section() {
  std::string text =
      ".SH COLUMNS OF STATS\nCounts are since the start; a restart after a crash carries them on. "
      "Of durations: p50, which half of the ticks stayed below, p99 and max. A column that says "
      "nothing unusual is left out.\n";
  for (const NodeColumn& column : node_columns()) {
    if (column.title == nullptr) continue;
    text += fmt::format(".TP\n.B {}\n{}\n", column.title, roff(column.help));
  }
  return text;
}

/// The columns of the other tables. Those whose title explains itself are left out.
constexpr std::array<std::pair<const char*, const char*>, 24> kOtherColumns{{
    {"LIVES", "stats: 1 for the host's first; each start after a crash adds one."},
    {"NOT GRANTED", "stats: what real time needs and this machine refuses; see doctor."},
    {"GEN", "stats: the collector's generation; 2 is a full collection."},
    {"RUNS", "stats: collections of it."},
    {"FORCED", "stats: those for which there was no slack."},
    {"PAUSE", "stats: how long a collection took."},
    {"LONGEST EVER", "stats: the longest of them, and the tick after which it came."},
    {"ORDER", "node list: nodes of one thread tick from the lowest on."},
    {"PRIORITY", "node list: the real-time priority that is wanted; 0: none."},
    {"CPU", "node list: the only one that it may run on; any: as the system likes."},
    {"TID", "node list: its Linux thread."},
    {"BYTES", "topic list: of a message; topic info: sent in all."},
    {"CAPACITY", "topic list: messages that a topic keeps for its readers."},
    {"SENT", "topic list, topic info: messages, of all its publishers that are listed."},
    {"RECEIVED", "topic list, topic info: messages that subscribers have taken."},
    {"DROPPED", "topic list, topic info: messages that were refused at send."},
    {"MISSED", "topic list, topic info: messages overwritten before their subscriber took them."},
    {"TORN", "topic list, topic info: messages whose publisher died while it sent them."},
    {"PROCESS", "topic info: the program's name, or that it is dead."},
    {"DEPTH", "topic info: how many messages a subscription wants at most; all: every one."},
    {"LAG", "topic info: messages that the subscriber has not taken yet."},
    {"AGE", "topic info: how old the first message of a tick is, in 99 of 100 of them at most."},
    {"PASSED OVER", "topic info, node info: messages that newer ones made superfluous."},
    {"LOST", "node info: messages that were refused at send, or missed."},
}};

std::string other_columns_section() {
  std::string text = ".SH COLUMNS OF OTHER TABLES\n";
  for (const auto& [title, help] : kOtherColumns) {
    text += fmt::format(".TP\n.B {}\n{}\n", title, roff(help));
  }
  return text;
}

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
Directory in shared memory, in place of /dev/shm/horus\-UID, and for Python programs in place of
/dev/shm/horus, too: that of the service, which members of group horus find while it runs.
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
    text += columns_section();
    text += other_columns_section();
    text += kTail;
    output.write(text);
    return static_cast<int>(kOk);
  };
}

}  // namespace horus::cli
