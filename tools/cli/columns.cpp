// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/columns.hpp"

#include <array>

namespace horus::cli {

using wire::NodeView;

namespace {

using enum Metric;

constexpr std::array kColumns{
    NodeColumn{"CLASS", nullptr, kNone, nullptr, nullptr,
               "What makes it tick: tick (a rate), event (a message), compute (a rate, on a thread "
               "of its own), async, best_effort.",
               &NodeView::node_class},
    NodeColumn{"STATE", "running", kNone, nullptr, nullptr,
               "Where in its life it is, or the callback that takes long.", &NodeView::state},
    NodeColumn{"RATE", nullptr, kGauge, "horus_node_rate_hertz", nullptr,
               "Ticks per second that are wanted.", &NodeView::rate_hz},
    NodeColumn{"TICKS", nullptr, kCounter, "horus_ticks", nullptr, "Ticks.", &NodeView::ticks},
    NodeColumn{"SKIPPED", nullptr, kCounter, "horus_ticks_skipped", nullptr,
               "Whole releases given up.", &NodeView::skipped},
    NodeColumn{"MISSES", nullptr, kCounter, "horus_node_deadline_miss", nullptr,
               "Ticks that ended after their deadline.", &NodeView::misses},
    NodeColumn{nullptr, nullptr, kGauge, "horus_node_consecutive_miss", nullptr,
               "Deadline misses in a row, now.", &NodeView::consecutive_misses},
    NodeColumn{"OVERRUNS", nullptr, kCounter, "horus_node_budget_overrun", nullptr,
               "Ticks that ran longer than their budget.", &NodeView::overruns},
    NodeColumn{"ERRORS", "0", kCounter, "horus_node_errors", nullptr,
               "Ticks that ended in an exception.", &NodeView::errors},
    NodeColumn{"HANGS", "0", kCounter, "horus_node_hangs", nullptr,
               "Silences that were longer than the watchdog's limit.", &NodeView::hangs},
    NodeColumn{"DROPPED", "0", kCounter, "horus_node_messages_dropped", nullptr,
               "Messages overwritten before they were taken, refused at send, or not used.",
               &NodeView::dropped},
    NodeColumn{nullptr, nullptr, kCounter, "horus_node_messages_passed_over", nullptr,
               "Messages that a newer one made superfluous, as the subscription's depth says.",
               &NodeView::passed_over},
    NodeColumn{"STALE", "0", kCounter, "horus_node_inputs_stale", nullptr,
               "Times that an input became older than its subscription's time-out.",
               &NodeView::inputs_stale},
    NodeColumn{nullptr, nullptr, kCounter, "horus_node_fallbacks", nullptr,
               "Receives that gave a fallback in place of an input that was too old.",
               &NodeView::fallbacks},
    NodeColumn{"RUNG", "", kNone, nullptr, nullptr,
               "How far its misses in a row have led: warned, degraded, isolated or stopped.",
               &NodeView::rung},
    NodeColumn{"LATENESS", nullptr, kHistogram, "horus_wakeup_latency_seconds", nullptr,
               "Start of a tick after its release.", &NodeView::lateness},
    NodeColumn{"EXECUTION", nullptr, kHistogram, "horus_node_exec_seconds", nullptr,
               "End of a tick after its start.", &NodeView::execution},
    NodeColumn{nullptr, nullptr, kHistogram, "horus_node_response_seconds", nullptr,
               "End of a tick after its release.", &NodeView::response},
    NodeColumn{"GIL WAIT", "-", kHistogram, "horus_py_gil_wait_seconds", nullptr,
               "Wait of a Python node for the interpreter lock.", &NodeView::gil_wait},
    NodeColumn{"GIL LOST", "-", kHistogram, "horus_py_gil_lost_seconds", nullptr,
               "What ticks of a Python node lost while other threads had the interpreter lock.",
               &NodeView::gil_lost},
    NodeColumn{nullptr, nullptr, kCounter, "horus_py_gil_losses", nullptr,
               "Ticks that lost the interpreter lock before they were done.",
               &NodeView::gil_losses},
    NodeColumn{nullptr, nullptr, kCounter, "horus_py_gil_long_waits", nullptr,
               "Waits for the interpreter lock of 100 ms and more.", &NodeView::gil_long_waits},
    NodeColumn{nullptr, nullptr, kCounter, "horus_py_gil_long_waits_off_cpu", nullptr,
               "Those in which the thread that had the lock was kept from running.",
               &NodeView::gil_long_waits_off_cpu},
    NodeColumn{nullptr, nullptr, kCounter, "horus_node_messages", "direction=\"sent\"", "Messages.",
               &NodeView::sent},
    NodeColumn{nullptr, nullptr, kCounter, "horus_node_messages", "direction=\"received\"",
               "Messages.", &NodeView::received},
    NodeColumn{nullptr, nullptr, kCounter, "horus_node_sent_bytes", nullptr,
               "Bytes of the messages that were sent; of a frame, all of it.",
               &NodeView::bytes_sent},
    NodeColumn{nullptr, nullptr, kCounter, "horus_thread_page_faults", "kind=\"minor\"",
               "Page faults of the node's thread since its first release.",
               &NodeView::minor_faults},
    NodeColumn{nullptr, nullptr, kCounter, "horus_thread_page_faults", "kind=\"major\"",
               "Page faults of the node's thread since its first release.",
               &NodeView::major_faults},
    NodeColumn{nullptr, nullptr, kCounter, "horus_thread_ctxt_switches", "kind=\"voluntary\"",
               "Context switches of the node's thread since its first release.",
               &NodeView::voluntary_switches},
    NodeColumn{nullptr, nullptr, kCounter, "horus_thread_ctxt_switches", "kind=\"involuntary\"",
               "Context switches of the node's thread since its first release.",
               &NodeView::involuntary_switches},
    NodeColumn{nullptr, nullptr, kCounter, "horus_thread_cpu_seconds", nullptr,
               "CPU time of the node's thread since its first release.", &NodeView::cpu_time_s},
    NodeColumn{nullptr, nullptr, kGauge, "horus_thread_rt_priority", nullptr,
               "SCHED_FIFO priority that is wanted; 0: none.", &NodeView::priority},
};

}  // namespace

std::span<const NodeColumn> node_columns() {
  return kColumns;
}

}  // namespace horus::cli
