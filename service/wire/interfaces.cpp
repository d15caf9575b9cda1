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

# Durations. min to max are in microseconds; buckets are [index, count] pairs of scheme "ll5":
# nanoseconds, exact below 32, then 32 buckets for each power of two up to 2^36.
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
  buckets: [][]int
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

# lateness: start - release; execution: finish - start; response: finish - release.
# misses: response > deadline; overruns: execution > budget; skipped: whole releases given up.
# ticks and skipped contain what earlier lives of the host counted: carried_*.
type Node (
  name: string,
  class: string,
  state: string,
  rate_hz: float,
  ticks: int,
  skipped: int,
  carried_ticks: int,
  carried_skipped: int,
  misses: int,
  consecutive_misses: int,
  overruns: int,
  errors: int,
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
  gil_lost_us: ?Histogram,
  gil_losses: int,
  gil_lost_tick: int,
  gil_lost_to: int,
  gil_long_waits: int,
  gil_long_waits_off_cpu: int,
  sent: int,
  received: int,
  dropped: int,
  minor_faults: int,
  major_faults: int,
  voluntary_switches: int,
  involuntary_switches: int,
  cpu_time_s: float,
  last_cpu: int
)

# kind: cpp or python. ready: each periodic node has ticked. rss_bytes: resident memory, measured
# about once a second. gc_objects: an estimate of the objects that Python's garbage collector
# knows, which may read too high after many were freed at once. gc_freezes: how often a freeze
# took the place of a collection that had no slack. Both are 0 in a C++ host.
type Host (
  name: string,
  pid: int,
  alive: bool,
  ready: bool,
  kind: string,
  lives: int,
  uptime_s: float,
  rss_bytes: int,
  gc_objects: int,
  gc_freezes: int,
  degradations: []Degradation,
  gc: ?[]Generation,
  nodes: []Node
)

type ExpectedHost (name: string, kind: string)

# The statistics now; of one node only, if it is named.
method Get(node: ?string) -> (
  version: string,
  monotonic_us: int,
  boot_id: string,
  hosts: []Host
)

# The statistics again and again (more), every interval_ms, at least 50; 1000 if absent. Who reads
# too slowly misses some.
method Subscribe(interval_ms: ?int, node: ?string) -> (
  version: string,
  monotonic_us: int,
  boot_id: string,
  hosts: []Host
)

# What the configuration in force expects to run.
method Describe() -> (
  version: string,
  pid: int,
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

# The configuration was refused and the running one stays.
error ReloadRejected (message: string)
)"};

const Interface* find_interface(std::string_view name) noexcept {
  static constexpr std::array kAll{&kServiceInterface, &kStatsInterface, &kControlInterface};
  const auto* found = std::find_if(kAll.begin(), kAll.end(),
                                   [&](const Interface* one) { return one->name == name; });
  return found == kAll.end() ? nullptr : *found;
}

}  // namespace horus::wire
