// SPDX-License-Identifier: Apache-2.0
#include "service/wire/interfaces.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>

#include "service/wire/stats_fields.hpp"

namespace horus::wire {

const Interface kServiceInterface{"org.varlink.service", R"(# What every Varlink service answers.
interface org.varlink.service

# Who this is, and which interfaces it has.
method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

# The definition of one interface.
method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
error PermissionDenied ()
error ExpectedMore ()
)"};

namespace {

constexpr std::size_t kColumns = 100;

/// `head` and the fields of a view in parentheses: in one line if they fit, else one field per
/// line.
template <typename T>
std::string record(std::string head) {
  std::string line;
  std::string lines;
  for (const Field<T>& field : kFields<T>) {
    const std::string text = field.key + std::string{": "} + kMemberTypes.at(field.member.index());
    line += (line.empty() ? "" : ", ") + text;
    lines += (lines.empty() ? "\n  " : ",\n  ") + text;
  }
  const bool fits = head.size() + line.size() + 2 <= kColumns;
  return std::move(head) + "(" + (fits ? line : lines + "\n") + ")";
}

/// The notes of the counters in kNodeCounters as comment lines of the description.
std::string counter_notes() {
  std::string text = "#";
  std::size_t begin = 0;
  for (const auto& row : kNodeCounters<std::uint64_t>) {
    if (row.note == nullptr) continue;
    std::istringstream words{std::string{row.key} + ": " + row.note};
    for (std::string word; words >> word;) {
      if (text.size() - begin + 1 + word.size() > kColumns) {
        text += "\n#";
        begin = text.size() - 1;
      }
      text += " " + word;
    }
  }
  return text;
}

const std::string kStatsText =
    R"(# Statistics of every host and node. Reading
# them costs a real-time thread nothing. Clients ignore fields that they do not know.
interface io.horus.Stats

# Durations. min to max are in microseconds; buckets are pairs [index, count] (the grammar has no
# list of lists) of scheme "ll5": nanoseconds, exact below 32, then 32 buckets for each power of two
# up to 2^36.
)" + record<HistogramView>("type Histogram ") +
    R"(

# What was counted lately; since the start in a host that is younger. missed: messages that were
# overwritten while the node wanted them. gil_waits: of 100 ms and more. old: ticks whose first
# message was sent ten periods and more before.
)" + record<WindowView>("type Window ") +
    R"(

# A real-time setting that was wanted and not granted. severity: info, warning, error.
)" + record<DegradationView>("type Degradation ") +
    R"(

# The garbage collector of a Python host. forced: collected without enough slack.
)" + record<GcView>("type Generation ") +
    R"(

# An input that is older than timeout_s. publisher: the node that sent what is newest; came: there
# is such a message, and age_s is its age; else it is since when the input is stale. stops: it has
# asked for an emergency stop.
)" + record<StaleView>("type Stale ") +
    R"(

# lateness: start - release; execution: finish - start; response: finish - release.
# misses: response > deadline; overruns: execution > budget; skipped: whole releases given up.
# busy_in: the callback that has been running for busy_s, where that is long; else empty.
)" + counter_notes() +
    R"(
# safety: starting, disarmed, armed, degraded, safe, estopped or stopped; held: messages that were
# refused as an actuator might not act.
# inputs_stale: times that an input became older than its subscription's time-out; fallbacks:
# receives that gave its fallback; stale: those inputs that are so now. rung: how far its misses in
# a row have led: warned, degraded, isolated or stopped; empty: not at all. rung_s: since when;
# rung_misses: so many led to it; rung_recover good ticks in a row take it back, rung_good so far.
# ticks and skipped contain what earlier lives of the host counted: carried_*.
)" + record<NodeView>("type Node ") +
    R"(

# silent_s: since a host counted last, of a living one about a second at most. asks_realtime: what
# the machine does not grant is a fault. kind: cpp or python. ready: each periodic node has ticked.
# rss_bytes: resident memory, measured about once a second. gc_objects: an estimate of the objects
# that Python's garbage collector knows, which may read too high after many were freed at once.
# gc_freezes: how often a freeze took the place of a collection that had no slack. Both are 0 in a
# C++ host.
# safety: of the whole host; stop_cause and stop_text: why it is at rest, else empty.
# rejected_files: of others, in shared memory, which it did not use: damaged, foreign, or too many.
)" + record<HostView>("type Host ") +
    R"(

# Why a robot is not healthy: who and how much, and what to do. health: degraded or failed.
type Reason (health: string, host: string, node: string, text: string, advice: string)
type HostState (name: string, kind: string, state: string, pid: int)

type ExpectedHost (name: string, kind: string)

# The statistics now; of one node only, if it is named. truncated: there are more nodes, or more
# hosts that the configuration does not name, than a reply holds.
)" + record<StatsView>("method Get(node: ?string) -> ") +
    R"(

# The statistics again and again (more), every interval_ms, at least 50; 1000 if absent. Who reads
# too slowly misses some, and so does who asks for more in a second than one user may.
)" + record<StatsView>("method Subscribe(interval_ms: ?int, node: ?string) -> ") +
    R"(

# How the robot is: healthy, degraded or failed, and why, the worst first. notes: what the machine
# does not grant, and nobody asked for; what was not judged.
method Health() -> (
  status: string,
  ready: bool,
  reasons: []Reason,
  notes: []string,
  hosts: []HostState
)

# What the configuration in force expects to run. base: the directory of its shared memory.
method Describe() -> (
  version: string,
  pid: int,
  base: string,
  config: []string,
  hosts: []ExpectedHost
)

error NoSuchNode (node: string)
error TooManyRequests (limit: string)
)";

}  // namespace

const Interface kStatsInterface{"io.horus.Stats", kStatsText};

const Interface kControlInterface{"io.horus.Control",
                                  R"(# Changes what runs. For root, the service's
# own user and the group horus-admin.
interface io.horus.Control

# Reads the configuration again; returns when it is in force. message says what changed.
method Reload() -> (message: string)

# From now on the node's lines are written down to that level: error, warning, info or debug. A
# restart forgets it. Each Python host answers this, of this interface, in a socket of its own.
method SetLogLevel(node: string, level: string) -> ()

# The emergency stop: every host of the robot comes to rest, and stays there over restarts until it
# is released. Group horus may, too, by the socket estop.sock.
method Estop(why: ?string) -> ()

# The reason of the stop is gone, as the caller says: the nodes leave their safe state, and are
# disarmed. Refused while what the robot knows of it is not gone, here or in a host of its
# configuration; MayRelease tells of that, and changes nothing.
method Release(reason: string) -> ()
method MayRelease() -> ()

# Lets an actuator act, or every one; forbids it. Arming is refused where one is not ready, or at
# rest: then none is armed.
method Arm(node: ?string) -> ()
method Disarm(node: ?string) -> ()

# What keeps it from being done.
error Refused (message: string)

# Writes a copy of every black box now. file: where it is; empty: no host has an event.
method FlushBlackBox() -> (file: string)

# The copy could not be written; message says why.
error NotKept (message: string)

# No living host has a node of that name, or its host does not answer.
error NoSuchNode (node: string)

# The configuration was refused and the running one stays.
error ReloadRejected (message: string)
)"};

const Interface kRecorderInterface{"io.horus.Recorder",
                                   R"(# Each recorder answers this in a socket
# of its own, beside its statistics. For root, the base's owner and the recorder's own user.
interface io.horus.Recorder

# Writes what the recorder keeps in memory to a file; returns when the file has its end. Without a
# file nothing was there.
method Trigger() -> (file: string, messages: int)

# It keeps nothing in memory: what it takes is in its file already.
error NoRing ()

# The file is not on the disk, or not all of it; it has no name where none could be made.
error NotWritten (file: string, message: string)

# It came to its end before that file did.
error Ends ()
)"};

const Interface* find_interface(std::string_view name) noexcept {
  static constexpr std::array kAll{&kServiceInterface, &kStatsInterface, &kControlInterface,
                                   &kRecorderInterface};
  const auto* found = std::find_if(kAll.begin(), kAll.end(),
                                   [&](const Interface* one) { return one->name == name; });
  return found == kAll.end() ? nullptr : *found;
}

}  // namespace horus::wire
