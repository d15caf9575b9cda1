// SPDX-License-Identifier: Apache-2.0
#include "shm/stale_watch.hpp"

#include <algorithm>
#include <string>

#include "shm/freshness.hpp"

namespace horus::shm {
namespace {

/// The node's record for this topic, or the first free one. Null: there is no more room.
Seqlock<StaleInput>* place_of(StaleInputs& inputs, const Name<208>& topic) noexcept {
  for (auto& place : inputs.inputs) {
    const auto there = place.load();
    if (there && (there->topic.empty() || there->topic == topic)) return &place;
  }
  return nullptr;
}

}  // namespace

Status check_fallback(const TypeInfo& type, Nanos timeout, Fallback fallback,
                      std::span<const std::byte> value) {
  const auto refuse = [](const std::string& text) -> Status {
    return Error{Errc::kInvalidArgument, "subscribe", 0, Name<200>::clipped(text)};
  };
  const std::string name{type.name};
  if (timeout < Nanos{}) return refuse("timeout must be above 0");
  if (fallback != Fallback::kNone && timeout == Nanos{}) {
    return refuse("a fallback needs a timeout: without one the input is never too old");
  }
  if (fallback == Fallback::kZero && type.neutral.empty()) {
    return refuse("fallback zero: " + name +
                  " has no message that is neutral by its definition; give a message, or 'hold' or "
                  "'stop'");
  }
  if (fallback != Fallback::kValue) return {};
  if (value.empty() || value.size() < type.size) {
    return refuse("the fallback is no " + name + ", which the topic carries");
  }
  return {};
}

StaleWatch::StaleWatch(const Plan& plan)
    : fresh{plan.timeout},
      fallback_{plan.fallback},
      topic_{Name<208>::clipped(plan.topic)},
      value_(plan.max_size),
      length_{plan.value.size()},
      has_value_{fallback_ == Fallback::kValue || fallback_ == Fallback::kZero} {
  std::ranges::copy(plan.value, value_.begin());
}

void StaleWatch::belongs_to(NodeStats* node) noexcept {
  if (node == node_) return;
  node_ = node;
  stale_ = woken_ = false;
  given_in_ = kNever;
  // Clears what an earlier run may have left there.
  tell_node(0, 0);
}

void StaleWatch::look(std::uint64_t now, double ns_per_cycle) noexcept {
  gave_ = false;
  fresh.scale(ns_per_cycle);
  if (fresh.begun() || ns_per_cycle == 0) return;
  if (node_ == nullptr) return fresh.begin(now);
  // Not known yet in the first tick, nor in init() before it.
  const std::int64_t first = node_->first_release_ns.value();
  if (first == 0) return;
  const auto since = static_cast<double>(to_ns(MonotonicClock::now()) - first);
  fresh.begin(now - std::min(static_cast<std::uint64_t>(std::max(since, 0.0) / ns_per_cycle), now));
}

void StaleWatch::hear(std::uint64_t sent, std::uint64_t now, const NodeName& publisher) noexcept {
  fresh.hear(sent, now);
  publisher_ = NodeName::clipped(publisher.view());
}

void StaleWatch::keep(std::span<const std::byte> message) noexcept {
  if (!holds()) return;
  // A message larger than the topic allowed when the subscription began cannot be stored, and a
  // part of it is of no use.
  has_value_ = message.size() <= value_.size();
  if (!has_value_) return;
  length_ = message.size();
  std::copy_n(message.begin(), length_, value_.begin());
}

void StaleWatch::settle(bool stale, std::uint64_t now, CursorFile& cursor) noexcept {
  if (stale == stale_) return;
  stale_ = stale;
  woken_ = false;
  given_in_ = kNever;
  given_at_ = 0;
  if (stale) {
    cursor.stale.add();
    if (node_ != nullptr) {
      node_->inputs_stale.add();
      if (fallback_ == Fallback::kStop) node_->stops_asked.add();
    }
  }
  tell(now, cursor);
}

/// Updates the statistics: since when the input is stale, or that it no longer is.
void StaleWatch::tell(std::uint64_t now, CursorFile& cursor) noexcept {
  const TimePoint at = MonotonicClock::now();
  const std::int64_t since = stale_ ? to_ns(at) : 0;
  cursor.stale_since_ns.set(since);
  tell_node(since, fresh.heard() ? to_ns(at - fresh.age(now)) : 0);
}

void StaleWatch::tell_node(std::int64_t since_ns, std::int64_t newest_ns) noexcept {
  if (node_ == nullptr) return;
  Seqlock<StaleInput>* const place = place_of(node_->stale, topic_);
  if (place == nullptr) return;
  place->store({.topic = topic_,
                .publisher = publisher_,
                .since_ns = since_ns,
                .newest_ns = newest_ns,
                .timeout_ns = fresh.timeout().count(),
                .stops = fallback_ == Fallback::kStop ? 1U : 0U});
}

bool StaleWatch::gave_in_this_tick() const noexcept {
  return stale_ && node_ != nullptr && given_in_ == node_->ticks.value();
}

bool StaleWatch::due(std::uint64_t now) const noexcept {
  if (!stale_ || !has_value_) return false;
  if (node_ != nullptr) return given_in_ != node_->ticks.value();
  return given_at_ == 0 || fresh.is_old(given_at_, now);
}

std::ptrdiff_t StaleWatch::give(std::span<std::byte> buffer, std::uint64_t now,
                                CursorFile& cursor) noexcept {
  if (!due(now) || buffer.size() < length_) return -1;
  given_in_ = node_ != nullptr ? node_->ticks.value() : kNever;
  given_at_ = now;
  gave_ = true;
  cursor.fallbacks.add();
  if (node_ != nullptr) node_->fallbacks.add();
  std::copy_n(value_.begin(), length_, buffer.begin());
  return static_cast<std::ptrdiff_t>(length_);
}

}  // namespace horus::shm
