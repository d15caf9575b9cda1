// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iterator>

#include "rt/base/counter.hpp"

namespace horus {

/// The counters of a node. A statistics page holds NodeCounters<Counter>; a reader of the page
/// copies it into NodeCounters<std::uint64_t>. What each field means is said in its row of
/// kNodeCounters.
///
/// A new counter needs a field here, a row in kNodeCounters, and the line of code that counts.
/// Restarted hosts, readers, io.horus.Stats, horusctl, OpenMetrics and Python all go through the
/// rows.
template <typename Number>
struct NodeCounters {
  // The first three lie on the cache line that every tick touches, see LatestTick.
  Number ticks{};
  Number messages_sent{};
  Number bytes_sent{};
  Number held{};
  Number skipped{};
  Number carried_ticks{};
  Number carried_skipped{};
  Number misses{};
  Number consecutive_misses{};
  Number overruns{};
  Number errors{};
  Number hangs{};
  Number gil_losses{};
  Number gil_lost_tick{};
  Number gil_long_waits{};
  Number gil_long_waits_off_cpu{};
  Number messages_received{};
  Number messages_dropped{};
  Number messages_missed{};
  Number messages_refused{};
  Number messages_passed_over{};
  Number messages_old{};
  Number inputs_stale{};
  Number fallbacks{};
  Number minor_faults{};
  Number major_faults{};
  Number voluntary_switches{};
  Number involuntary_switches{};
};

/// Properties of a counter, combined by `|`.
enum NodeCounterTraits : unsigned {
  kCarried = 0,    ///< A restarted host continues from the value of its previous life.
  kThisLife = 1,   ///< A restarted host begins at 0, or sets the value itself.
  kMayFall = 2,    ///< The value may fall: OpenMetrics exports it as a gauge.
  kAfterTimes = 4  ///< Its column and its metric come after those of the durations.
};

/// How a counter appears in the table of `horusctl stats`.
struct CounterColumn {
  const char* title = nullptr;  ///< Null: there is no column.
  const char* usual = nullptr;  ///< The column is left out when all cells say this; null: never.
};
/// How OpenMetrics exports a counter.
struct CounterMetric {
  const char* family = nullptr;  ///< Name without "_total"; null: it is not exported.
  const char* label = nullptr;   ///< One more label, e.g. `kind="minor"`; null: none.
};
inline constexpr CounterColumn kNotShown{};
inline constexpr CounterMetric kNotExported{};
constexpr CounterColumn shown_as(const char* title, const char* usual = nullptr) noexcept {
  return {title, usual};
}
constexpr CounterMetric exported_as(const char* family, const char* label = nullptr) noexcept {
  return {family, label};
}

/// One counter of NodeCounters, and how it is shown.
template <typename Number>
struct NodeCounterRow {
  Number NodeCounters<Number>::*count;
  const char* key;     ///< Name in io.horus.Stats and in the JSON of horusctl.
  const char* python;  ///< Key in get_node_stats(); null: it is not there.
  unsigned traits;     ///< NodeCounterTraits.
  const char* help;    ///< One sentence. Users read it if the counter is exported or has a column.
  CounterMetric metric = kNotExported;
  CounterColumn column = kNotShown;
  /// Its description in io.horus.Stats; null: the name says enough.
  const char* note = nullptr;

  constexpr bool is(NodeCounterTraits trait) const noexcept { return (traits & trait) != 0; }
};

template <typename Number, typename Of = NodeCounters<Number>>
inline constexpr NodeCounterRow<Number> kNodeCounters[] = {
    {&Of::held, "held", "messages_held", kThisLife,
     "Messages that were refused as the node might not act."},
    {&Of::ticks, "ticks", "total_ticks", kCarried, "Ticks.", exported_as("horus_ticks"),
     shown_as("TICKS")},
    {&Of::skipped, "skipped", "skipped_ticks", kCarried, "Whole releases given up.",
     exported_as("horus_ticks_skipped"), shown_as("SKIPPED")},
    {&Of::carried_ticks, "carried_ticks", nullptr, kThisLife,
     "Ticks that earlier lives of the host counted."},
    {&Of::carried_skipped, "carried_skipped", nullptr, kThisLife,
     "Skipped releases that earlier lives of the host counted."},
    {&Of::misses, "misses", "deadline_misses", kCarried, "Ticks that ended after their deadline.",
     exported_as("horus_node_deadline_miss"), shown_as("MISSES")},
    {&Of::consecutive_misses, "consecutive_misses", "consecutive_misses", kThisLife | kMayFall,
     "Deadline misses in a row, now.", exported_as("horus_node_consecutive_miss")},
    {&Of::overruns, "overruns", "budget_overruns", kCarried,
     "Ticks that ran longer than their budget.", exported_as("horus_node_budget_overrun"),
     shown_as("OVERRUNS")},
    // Exceptions from init() at a restart, and from shutdown(), count as well.
    {&Of::errors, "errors", "errors_count", kCarried, "Ticks that ended in an exception.",
     exported_as("horus_node_errors"), shown_as("ERRORS", "0")},
    {&Of::hangs, "hangs", nullptr, kCarried, "Silences that were longer than the watchdog's limit.",
     exported_as("horus_node_hangs"), shown_as("HANGS", "0"),
     "silences over the watchdog's limit."},
    {&Of::gil_losses, "gil_losses", "gil_losses", kAfterTimes,
     "Ticks that lost the interpreter lock before they were done.",
     exported_as("horus_py_gil_losses")},
    {&Of::gil_lost_tick, "gil_lost_tick", "gil_lost_longest_tick", kThisLife,
     "The tick of the longest loss that was timed."},
    {&Of::gil_long_waits, "gil_long_waits", "gil_long_waits", kAfterTimes,
     "Waits for the interpreter lock of 100 ms and more.", exported_as("horus_py_gil_long_waits")},
    {&Of::gil_long_waits_off_cpu, "gil_long_waits_off_cpu", "gil_long_waits_off_cpu", kAfterTimes,
     "Those in which the thread that had the lock was kept from running.",
     exported_as("horus_py_gil_long_waits_off_cpu")},
    {&Of::messages_sent, "sent", "messages_sent", kAfterTimes, "Messages.",
     exported_as("horus_node_messages", "direction=\"sent\"")},
    {&Of::bytes_sent, "bytes_sent", nullptr, kAfterTimes,
     "Bytes of the messages that were sent; of a frame, all of it.",
     exported_as("horus_node_sent_bytes"), kNotShown,
     "of the messages sent; of a frame, all of it."},
    {&Of::messages_received, "received", "messages_received", kAfterTimes, "Messages.",
     exported_as("horus_node_messages", "direction=\"received\"")},
    {&Of::messages_dropped, "dropped", "messages_dropped", kCarried,
     "Messages overwritten before they were taken, refused at send, or not used.",
     exported_as("horus_node_messages_dropped"), shown_as("DROPPED", "0"),
     "messages missed, or refused at send; missed and refused of those: overwritten while the node "
     "wanted them, and refused."},
    {&Of::messages_missed, "missed", "messages_missed", kCarried,
     "Messages that a ring overwrote while their reader wanted them."},
    {&Of::messages_refused, "refused", nullptr, kCarried, "Messages that were refused at send."},
    {&Of::messages_passed_over, "passed_over", "messages_passed_over", kCarried,
     "Messages that a newer one made superfluous, as the subscription's depth says.",
     exported_as("horus_node_messages_passed_over"), kNotShown,
     "newer ones came, and the depth of the node's subscription has no place for so many."},
    {&Of::messages_old, "old", "old_message_ticks", kCarried,
     "Ticks whose first message was an old one, see kOldPeriods.", kNotExported, kNotShown,
     "as in Window."},
    {&Of::inputs_stale, "inputs_stale", "stale_inputs", kCarried,
     "Times that an input became older than its subscription's time-out.",
     exported_as("horus_node_inputs_stale"), shown_as("STALE", "0")},
    {&Of::fallbacks, "fallbacks", "fallbacks", kCarried,
     "Receives that gave a fallback in place of an input that was too old.",
     exported_as("horus_node_fallbacks")},
    {&Of::minor_faults, "minor_faults", "minor_faults", kThisLife | kAfterTimes,
     "Page faults of the node's thread since its first release.",
     exported_as("horus_thread_page_faults", "kind=\"minor\"")},
    {&Of::major_faults, "major_faults", "major_faults", kThisLife | kAfterTimes,
     "Page faults of the node's thread since its first release.",
     exported_as("horus_thread_page_faults", "kind=\"major\"")},
    {&Of::voluntary_switches, "voluntary_switches", nullptr, kThisLife | kAfterTimes,
     "Context switches of the node's thread since its first release.",
     exported_as("horus_thread_ctxt_switches", "kind=\"voluntary\"")},
    {&Of::involuntary_switches, "involuntary_switches", "involuntary_switches",
     kThisLife | kAfterTimes, "Context switches of the node's thread since its first release.",
     exported_as("horus_thread_ctxt_switches", "kind=\"involuntary\"")},
};

/// The counters that judge a node's last minute. The page keeps a snapshot of them about each
/// second; the difference of two snapshots is the Window of io.horus.Stats.
template <typename Number>
struct RecentCounts {
  Number ticks{};
  Number skipped{};
  Number misses{};
  Number overruns{};
  Number errors{};
  Number hangs{};
  Number missed{};
  Number refused{};
  Number gil_waits{};
  Number old{};
};

/// One field of RecentCounts, and the counter that it is copied from.
template <typename Number>
struct RecentCountRow {
  Number RecentCounts<Number>::*count;
  Counter NodeCounters<Counter>::*taken_from;
  const char* key;
};

template <typename Number, typename Of = RecentCounts<Number>,
          typename From = NodeCounters<Counter>>
inline constexpr RecentCountRow<Number> kRecentCounts[] = {
    {&Of::ticks, &From::ticks, "ticks"},
    {&Of::skipped, &From::skipped, "skipped"},
    {&Of::misses, &From::misses, "misses"},
    {&Of::overruns, &From::overruns, "overruns"},
    {&Of::errors, &From::errors, "errors"},
    {&Of::hangs, &From::hangs, "hangs"},
    {&Of::missed, &From::messages_missed, "missed"},
    {&Of::refused, &From::messages_refused, "refused"},
    {&Of::gil_waits, &From::gil_long_waits, "gil_waits"},
    {&Of::old, &From::messages_old, "old"},
};

// Each field needs a row, or it would be shown nowhere.
static_assert(sizeof(NodeCounters<Counter>) == std::size(kNodeCounters<Counter>) * sizeof(Counter));
static_assert(sizeof(RecentCounts<Counter>) == std::size(kRecentCounts<Counter>) * sizeof(Counter));

}  // namespace horus
