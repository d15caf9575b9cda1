// SPDX-License-Identifier: Apache-2.0
// The part of NodeRunner that writes into the host's black box. Never runs in a good tick.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "rt/node_runner.hpp"

namespace horus {

void NodeRunner::keep(EventKind kind, std::string_view text,
                      const std::array<std::int64_t, 3>& numbers) noexcept {
  if (box_ == nullptr) return;
  box_->write({.tick = source_.tick,
               .kind = kind,
               .in_tick = 1,
               .numbers = numbers,
               .node = config_.name,
               .text = Name<200>::clipped(text)});
}

/// Sets the node's state, and keeps the change as an event outside of a tick. From any thread.
void NodeRunner::set_state(NodeState state) noexcept {
  const NodeState before = stats_.state.value();
  stats_.state.set(state);
  if (box_ == nullptr || state == before) return;
  box_->write({.kind = EventKind::kState,
               .numbers = {static_cast<std::int64_t>(before), static_cast<std::int64_t>(state)},
               .node = config_.name,
               .text = Name<200>::clipped(to_text(state))});
}

/// A tick that missed its deadline and overran its budget is one event, the miss.
void NodeRunner::keep_late(const TickTiming& timing, const Bad& bad) noexcept {
  if (box_ == nullptr) return;
  const auto left_out = late_events_.admit(timing.finish);
  if (!left_out) return;
  std::array<char, 200> text{};
  const auto before = bad.before != nullptr ? bad.before->config().name.view() : "";
  const std::size_t size = bad.kept != nullptr ? describe_cause(*bad.kept, before, text) : 0;
  const std::string_view cause{text.data(), size};
  if (bad.verdict.missed) {
    return keep(EventKind::kMiss, cause,
                {timing.response() / 1us, tick_.budget.deadline / 1us, *left_out});
  }
  keep(EventKind::kOverrun, cause,
       {(timing.execution() - timing.lost) / 1us, tick_.budget.execution / 1us, *left_out});
}

void NodeRunner::keep_failure(TimePoint now) noexcept {
  if (box_ == nullptr) return;
  const auto left_out = error_events_.admit(now);
  if (!left_out) return;
  std::array<char, 200> text{};
  const std::string_view error = error_.view();
  // Messages of Python exceptions begin with the type already.
  const bool said = error.starts_with(error_type_.view());
  const std::string_view type = said ? std::string_view{} : error_type_.view();
  const int length = std::snprintf(
      text.data(), text.size(), "%.*s%s%.*s", static_cast<int>(type.size()), type.data(),
      type.empty() ? "" : ": ", static_cast<int>(error.size()), error.data());
  const std::string_view all{
      text.data(), std::min(static_cast<std::size_t>(std::max(length, 0)), text.size() - 1)};
  keep(EventKind::kError, all, {failures_.in_a_row, *left_out});
}

}  // namespace horus
