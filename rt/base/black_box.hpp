// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <horus/text.hpp>
#include <horus/time.hpp>

#include "rt/base/counter.hpp"
#include "rt/base/seqlock.hpp"

namespace horus {

/// The kinds of events; kEventKinds explains each. The numbers are stored in files: never change
/// the meaning of one, and add new ones at the end.
enum class EventKind : std::uint32_t {
  kNone,
  kMiss,
  kOverrun,
  kError,
  kState,
  kHang,
  kGc,
  kGil,
  kDrop,
  kConfig,
  kStart,
  kEnd,
  kCrash,
  kFlush,
};

/// The name and meaning of one kind of event, for the writer, readers, tools and the manual. A new
/// kind needs a new row.
struct EventKindRow {
  EventKind kind;
  std::string_view name;
  std::array<std::string_view, 3> numbers;  ///< The names of Event::numbers; empty: unused.
  std::string_view meaning;                 ///< One sentence for people.
};
inline constexpr std::array kEventKinds{
    EventKindRow{EventKind::kMiss,
                 "miss",
                 {"response_us", "deadline_us", "left_out"},
                 "A tick was over after its deadline; the text says what took the time."},
    EventKindRow{EventKind::kOverrun,
                 "overrun",
                 {"execution_us", "budget_us", "left_out"},
                 "A tick ran longer than its budget; the text says what took the time."},
    EventKindRow{EventKind::kError,
                 "error",
                 {"in_a_row", "left_out", ""},
                 "A callback failed; the text has the exception's type and message."},
    EventKindRow{EventKind::kState,
                 "state",
                 {"from", "to", ""},
                 "A node's state changed; the text names the new one."},
    EventKindRow{EventKind::kHang,
                 "hang",
                 {"silent_ms", "step", ""},
                 "A node's thread was silent: 1 over its limit, 2 over twice, 3 taken for hung."},
    EventKindRow{EventKind::kGc,
                 "gc",
                 {"pause_us", "generation", "forced"},
                 "A garbage collection had no slack, or took 10 ms or more."},
    EventKindRow{EventKind::kGil,
                 "gil",
                 {"wait_us", "off_cpu", ""},
                 "A tick waited for the GIL for 100 ms or more; off_cpu: its holder had no CPU."},
    EventKindRow{EventKind::kDrop,
                 "drop",
                 {"missed", "refused", ""},
                 "Within about a second messages were overwritten unread, or refused at send."},
    EventKindRow{EventKind::kConfig,
                 "config",
                 {"", "", ""},
                 "Something was changed while it ran; the text says what."},
    EventKindRow{EventKind::kStart,
                 "start",
                 {"pid", "life", "unclean"},
                 "The host began; unclean: the one before it did not say its end."},
    EventKindRow{EventKind::kEnd,
                 "end",
                 {"pid", "code", ""},
                 "The host ended; the text says why. code: 0 where it was asked to."},
    EventKindRow{EventKind::kCrash,
                 "crash",
                 {"signal", "address", ""},
                 "The process crashed, in the node and tick that are named."},
    EventKindRow{
        EventKind::kFlush, "flush", {"", "", ""}, "This copy was written; the text says why."},
};

/// The row of a kind; null for a number that this version does not know.
const EventKindRow* find_kind(EventKind kind) noexcept;
/// The row of a kind by its name; null for an unknown name.
const EventKindRow* find_kind(std::string_view name) noexcept;
/// The name of a kind; "unknown" for one that this version does not know.
std::string_view to_text(EventKind kind) noexcept;

/// One event, as it lies in memory and in files.
struct Event {
  std::uint64_t sequence = 0;             ///< Counts the events of a box; 1 for the first.
  std::int64_t at_ns = 0;                 ///< When it happened, monotonic.
  std::uint64_t tick = 0;                 ///< Number of the node's tick, if `in_tick` is 1.
  EventKind kind = EventKind::kNone;      ///< What happened.
  std::uint32_t in_tick = 0;              ///< 1: it belongs to the tick numbered `tick`.
  std::array<std::int64_t, 3> numbers{};  ///< Their meaning depends on the kind: EventKindRow.
  NodeName node{};                        ///< The node it concerns; empty: the host itself.
  Name<200> text{};                       ///< Details for people; may be empty.
};
static_assert(sizeof(Event) == 320);

/// The numbers of an event with their names. Empty for kinds that this version does not know.
/// Allocates.
std::vector<std::pair<std::string_view, std::int64_t>> numbers_of(const Event& event);

/// The same instant on two clocks. Converts monotonic times of a black box to wall-clock times.
struct ClockPair {
  std::int64_t monotonic_ns = 0;
  std::int64_t wall_ns = 0;  ///< Since 1970.

  static ClockPair now() noexcept;
  /// The wall-clock time of the monotonic instant `at_ns`, in microseconds since 1970.
  std::int64_t wall_us(std::int64_t at_ns) const noexcept;
};

/// Head of a ring of events in shared memory. Any thread of its host writes, all processes read.
/// Zeroed memory is an empty ring.
struct BlackBoxHead {
  /// How many events were started. Event n, the first being 0, lies at place n mod places.
  std::atomic<std::uint64_t> claimed{0};
  /// Events dropped, because an earlier writer was still busy in their place.
  std::atomic<std::uint64_t> lost{0};
  Seqlock<ClockPair> clocks{};  ///< Updated about once a second.
  Counter lives{};              ///< Lives of the host that wrote to it; 1 in the first.
  NodeName host{};              ///< Name of the host.
  std::uint64_t pad = 0;
};
static_assert(sizeof(BlackBoxHead) % 8 == 0);

/// A place for one event. It works like a Seqlock whose sequence also tells which event it holds.
struct BlackBoxPlace {
  static constexpr std::size_t kWords = sizeof(Event) / 8;

  std::atomic<std::uint64_t> stamp{0};  ///< 2n+1 while event n is written, 2n+2 when complete.
  std::array<std::atomic<std::uint64_t>, kWords> words{};

  /// A copy of the event; nothing while it is written, and when stamp and event do not match.
  std::optional<Event> load() const noexcept;
  /// Writes event `n` and completes the stamp. The caller has claimed the place, or is the box's
  /// only user.
  void store(std::uint64_t n, const Event& event) noexcept;
};
static_assert(sizeof(BlackBoxPlace) == 8 + sizeof(Event));

/// The complete events in `places`, in order of their numbers. The memory need not be trusted: at
/// most one event of each number is returned. Allocates.
std::vector<Event> events_of(std::span<const BlackBoxPlace> places);

/// Writes and reads one ring of events.
///
/// Thread safety: write() from any thread, and from a signal handler; set_clocks() from one thread
/// at a time; restore() before all other calls.
/// Progress: write() is wait-free. It claims the next place. If another writer has been busy in
/// that place for a whole round of the ring, the event is dropped and counted as lost. A writer
/// that dies during write() makes its place unusable until the next life.
class BlackBox {
 public:
  /// `head` and `places` outlive the box.
  BlackBox(BlackBoxHead& head, std::span<BlackBoxPlace> places) noexcept
      : head_{head}, places_{places} {}

  /// RT-safe: no system call, no lock, no allocation. Writes one event. Sets its sequence number,
  /// and its time if that is 0.
  void write(Event event) noexcept;
  /// RT-safe. Writes an event of the host itself that happens now.
  void write(EventKind kind, std::string_view text,
             const std::array<std::int64_t, 3>& numbers = {}) noexcept;
  /// Puts back what an earlier life has written, under its old numbers. If there is not room for
  /// all, the latest are kept. `events` is in order of the numbers.
  void restore(std::span<const Event> events) noexcept;
  /// Notes the present time on both clocks. Call it again and again: the wall clock may be set.
  void set_clocks() noexcept { head_.clocks.store(ClockPair::now()); }

  /// See events_of().
  std::vector<Event> events() const { return events_of(places_); }
  BlackBoxHead& head() const noexcept { return head_; }

 private:
  BlackBoxHead& head_;
  const std::span<BlackBoxPlace> places_;
};

/// Limits the rate of one kind of event: a burst of kBurst, then one a second. So a node that fails
/// in every tick cannot push the events of other nodes out of the ring.
///
/// Thread safety: one thread. RT-safe.
class EventLimit {
 public:
  static constexpr std::int64_t kBurst = 32;

  /// Whether an event at `now` may be written. Nothing: it is to be left out. Otherwise the number
  /// of events that were left out since the last admitted one.
  std::optional<std::int64_t> admit(TimePoint now) noexcept;

 private:
  std::int64_t left_ = kBurst;  // How many may be written now.
  std::int64_t left_out_ = 0;
  TimePoint filled_{};
};

}  // namespace horus
