// SPDX-License-Identifier: Apache-2.0
#include "service/wire/interfaces.hpp"

#include <algorithm>
#include <array>

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

const Interface kStatsInterface{"io.horus.Stats", R"(# Statistics of every host and node. Reading
# them costs a real-time thread nothing. Clients ignore fields that they do not know.
interface io.horus.Stats

# Durations. min to max are in microseconds; buckets are pairs [index, count] (the grammar has no
# list of lists) of scheme "ll5": nanoseconds, exact below 32, then 32 buckets for each power of two
# up to 2^36.
type Histogram (
  count: int,
  min: float,
  mean: float,
  p50: float,
  p90: float,
  p99: float,
  p999: float,
  max: float,
  scheme: string,
  unit: string,
  buckets: []object
)

# What was counted lately; since the start in a host that is younger. missed: messages that were
# overwritten while the node wanted them. gil_waits: of 100 ms and more. old: ticks whose first
# message was sent ten periods and more before.
type Window (
  ticks: int,
  skipped: int,
  misses: int,
  overruns: int,
  errors: int,
  hangs: int,
  missed: int,
  refused: int,
  gil_waits: int,
  old: int
)

# A real-time setting that was wanted and not granted. severity: info, warning, error.
type Degradation (feature: string, reason: string, severity: string, fix: string)

# The garbage collector of a Python host. forced: collected without enough slack.
type Generation (
  generation: int,
  collections: int,
  forced: int,
  collected: int,
  uncollectable: int,
  pause_us: Histogram,
  longest_us: float,
  longest_tick: int
)

# An input that is older than timeout_s. publisher: the node that sent what is newest; came: there
# is such a message, and age_s is its age; else it is since when the input is stale. stops: it has
# asked for an emergency stop.
type Stale (
  topic: string,
  publisher: string,
  came: bool,
  age_s: float,
  timeout_s: float,
  stops: bool
)

# lateness: start - release; execution: finish - start; response: finish - release.
# misses: response > deadline; overruns: execution > budget; skipped: whole releases given up.
# busy_in: the callback that has been running for busy_s, where that is long; else empty.
# hangs: silences over the watchdog's limit. bytes_sent: of the messages sent; of a frame, all of
# it. dropped: messages missed, or refused at send; missed and refused of those: overwritten while
# the node wanted them, and refused. passed_over: newer ones came, and the depth of the node's
# subscription has no place for so many. old: as in Window.
# safety: starting, disarmed, armed, degraded, safe, estopped or stopped; held: messages that were
# refused as an actuator might not act.
# inputs_stale: times that an input became older than its subscription's time-out; fallbacks:
# receives that gave its fallback; stale: those inputs that are so now. rung: how far its misses in
# a row have led: warned, degraded, isolated or stopped; empty: not at all. rung_s: since when;
# rung_misses: so many led to it; rung_recover good ticks in a row take it back, rung_good so far.
# ticks and skipped contain what earlier lives of the host counted: carried_*.
type Node (
  name: string,
  class: string,
  state: string,
  busy_in: string,
  busy_s: float,
  safety: string,
  actuator: bool,
  held: int,
  rate_hz: float,
  ticks: int,
  skipped: int,
  carried_ticks: int,
  carried_skipped: int,
  misses: int,
  consecutive_misses: int,
  rung: string,
  rung_s: float,
  rung_misses: int,
  rung_good: int,
  rung_recover: int,
  overruns: int,
  errors: int,
  hangs: int,
  last_10s: Window,
  last_minute: Window,
  elapsed_s: float,
  order: int,
  priority: int,
  cpu: int,
  tid: int,
  budget_us: float,
  deadline_us: float,
  lateness_us: Histogram,
  execution_us: Histogram,
  response_us: Histogram,
  skipped_response_us: Histogram,
  gil_wait_us: ?Histogram,
  await_us: ?Histogram,
  gil_lost_us: ?Histogram,
  gil_losses: int,
  gil_lost_tick: int,
  gil_lost_to: int,
  gil_long_waits: int,
  gil_long_waits_off_cpu: int,
  sent: int,
  bytes_sent: int,
  received: int,
  dropped: int,
  missed: int,
  refused: int,
  passed_over: int,
  old: int,
  inputs_stale: int,
  fallbacks: int,
  stale: []Stale,
  minor_faults: int,
  major_faults: int,
  voluntary_switches: int,
  involuntary_switches: int,
  cpu_time_s: float,
  last_cpu: int
)

# silent_s: since a host counted last, of a living one about a second at most. asks_realtime: what
# the machine does not grant is a fault. kind: cpp or python. ready: each periodic node has ticked.
# rss_bytes: resident memory, measured about once a second. gc_objects: an estimate of the objects
# that Python's garbage collector knows, which may read too high after many were freed at once.
# gc_freezes: how often a freeze took the place of a collection that had no slack. Both are 0 in a
# C++ host.
# safety: of the whole host; stop_cause and stop_text: why it is at rest, else empty.
# rejected_files: of others, in shared memory, which it did not use: damaged, foreign, or too many.
type Host (
  name: string,
  pid: int,
  alive: bool,
  ready: bool,
  kind: string,
  lives: int,
  restarts_last_minute: int,
  gc_forced_last_minute: int,
  silent_s: float,
  asks_realtime: bool,
  safety: string,
  stop_cause: string,
  stop_text: string,
  uptime_s: float,
  rss_bytes: int,
  gc_objects: int,
  gc_freezes: int,
  rejected_files: int,
  degradations: []Degradation,
  gc: ?[]Generation,
  nodes: []Node
)

# Why a robot is not healthy: who and how much, and what to do. health: degraded or failed.
type Reason (health: string, host: string, node: string, text: string, advice: string)
type HostState (name: string, kind: string, state: string, pid: int)

type ExpectedHost (name: string, kind: string)

# The statistics now; of one node only, if it is named. truncated: there are more nodes, or more
# hosts that the configuration does not name, than a reply holds.
method Get(node: ?string) -> (
  version: string,
  monotonic_us: int,
  boot_id: string,
  truncated: bool,
  hosts: []Host
)

# The statistics again and again (more), every interval_ms, at least 50; 1000 if absent. Who reads
# too slowly misses some, and so does who asks for more in a second than one user may.
method Subscribe(interval_ms: ?int, node: ?string) -> (
  version: string,
  monotonic_us: int,
  boot_id: string,
  truncated: bool,
  hosts: []Host
)

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
)"};

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
