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

#include "rt/base/counter.hpp"
#include "rt/base/name.hpp"
#include "rt/base/seqlock.hpp"
#include "rt/base/time.hpp"

namespace horus {

/// What an event says. The numbers are kept in files: none changes its meaning, new ones come last.
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

/// What writer, readers, tools and manual know of a kind. A new kind is a new row.
struct EventKindRow {
  EventKind kind;
  std::string_view name;
  std::array<std::string_view, 3> numbers;  ///< What they are; empty: unused.
  std::string_view meaning;
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

/// Null: another version's.
const EventKindRow* find_kind(EventKind kind) noexcept;
const EventKindRow* find_kind(std::string_view name) noexcept;
/// "unknown" of a kind that this version does not know.
std::string_view to_text(EventKind kind) noexcept;

/// Something that happened.
struct Event {
  std::uint64_t sequence = 0;  ///< 1 for its box's first.
  std::int64_t at_ns = 0;      ///< Monotonic.
  std::uint64_t tick = 0;
  EventKind kind = EventKind::kNone;
  std::uint32_t in_tick = 0;  ///< 1: `tick` says which.
  std::array<std::int64_t, 3> numbers{};
  NodeName node{};  ///< Empty: the host itself.
  Name<200> text{};
};
static_assert(sizeof(Event) == 320);

/// Its numbers under their names. Those of another version's kinds have none.
std::vector<std::pair<std::string_view, std::int64_t>> numbers_of(const Event& event);

/// What a wall clock said at one instant of the monotonic one.
struct ClockPair {
  std::int64_t monotonic_ns = 0;
  std::int64_t wall_ns = 0;  ///< Since 1970.

  static ClockPair now() noexcept;
  /// When it was on the wall clock, microseconds since 1970.
  std::int64_t wall_us(std::int64_t at_ns) const noexcept;
};

/// A ring of events in memory that is shared: any thread of its host writes, others read. Zeroed
/// memory is an empty one.
struct BlackBoxHead {
  /// Event n, the first one being 0, lies at place n mod places.
  std::atomic<std::uint64_t> claimed{0};
  std::atomic<std::uint64_t> lost{0};  ///< Their place was being written, a whole round ago.
  Seqlock<ClockPair> clocks{};         ///< About once a second.
  Counter lives{};
  NodeName host{};
  std::uint64_t pad = 0;
};
static_assert(sizeof(BlackBoxHead) % 8 == 0);

struct BlackBoxPlace {
  static constexpr std::size_t kWords = sizeof(Event) / 8;

  std::atomic<std::uint64_t> stamp{0};  ///< 2n+1 while event n is written, 2n+2 when complete.
  std::array<std::atomic<std::uint64_t>, kWords> words{};

  /// What is in it, if that is complete.
  std::optional<Event> load() const noexcept;
  /// Event `n`, of a box that nobody else writes.
  void store(std::uint64_t n, const Event& event) noexcept;
};
static_assert(sizeof(BlackBoxPlace) == 8 + sizeof(Event));

/// The events of places that anybody may have written, in their order.
std::vector<Event> events_of(std::span<const BlackBoxPlace> places);

/// Writes and reads one box.
///
/// Thread safety: write() from any thread, and from a signal handler; restore() before all others.
/// Progress: write() is wait-free: it claims a place, and where somebody has been writing there
/// for a whole round, the event is lost and counted. A writer that dies in the middle costs its
/// place, until the next life.
class BlackBox {
 public:
  BlackBox(BlackBoxHead& head, std::span<BlackBoxPlace> places) noexcept
      : head_{head}, places_{places} {}

  /// RT-safe: no system call, no lock, no allocation. Sets the event's number, and its time where
  /// it has none.
  void write(Event event) noexcept;
  /// RT-safe. Now, of no node.
  void write(EventKind kind, std::string_view text,
             const std::array<std::int64_t, 3>& numbers = {}) noexcept;
  /// What an earlier life has written, under its numbers, as far as there is room.
  void restore(std::span<const Event> events) noexcept;
  /// The wall clock, which may have been set.
  void set_clocks() noexcept { head_.clocks.store(ClockPair::now()); }

  std::vector<Event> events() const { return events_of(places_); }
  BlackBoxHead& head() const noexcept { return head_; }

 private:
  BlackBoxHead& head_;
  const std::span<BlackBoxPlace> places_;
};

/// Lets a burst of events into a box, then one a second with how many were left out: who fails in
/// every tick does not push out what the others had to say.
class EventLimit {
 public:
  static constexpr std::int64_t kBurst = 32;

  /// Nothing: not now. Otherwise how many were left out before this one.
  std::optional<std::int64_t> admit(TimePoint now) noexcept;

 private:
  std::int64_t left_ = kBurst;
  std::int64_t left_out_ = 0;
  TimePoint filled_{};
};

}  // namespace horus
