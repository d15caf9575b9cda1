// SPDX-License-Identifier: Apache-2.0
#include "rt/base/black_box.hpp"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace horus {
namespace {

/// No box ever has more events: a larger number is corrupt. It also keeps 2n + 2 from overflowing.
constexpr std::uint64_t kMostEvents = std::uint64_t{1} << 62U;

}  // namespace

const EventKindRow* find_kind(EventKind kind) noexcept {
  const auto* const row = std::ranges::find(kEventKinds, kind, &EventKindRow::kind);
  return row != kEventKinds.end() ? row : nullptr;
}

const EventKindRow* find_kind(std::string_view name) noexcept {
  const auto* const row = std::ranges::find(kEventKinds, name, &EventKindRow::name);
  return row != kEventKinds.end() ? row : nullptr;
}

std::vector<std::pair<std::string_view, std::int64_t>> numbers_of(const Event& event) {
  std::vector<std::pair<std::string_view, std::int64_t>> numbers;
  const EventKindRow* const row = find_kind(event.kind);
  for (std::size_t i = 0; row != nullptr && i < row->numbers.size(); ++i) {
    if (!row->numbers[i].empty()) numbers.emplace_back(row->numbers[i], event.numbers[i]);
  }
  return numbers;
}

std::string_view to_text(EventKind kind) noexcept {
  const EventKindRow* const row = find_kind(kind);
  return row != nullptr ? row->name : "unknown";
}

ClockPair ClockPair::now() noexcept {
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  return {.monotonic_ns = to_ns(MonotonicClock::now()),
          .wall_ns = wall.tv_sec * 1'000'000'000 + wall.tv_nsec};
}

std::int64_t ClockPair::wall_us(std::int64_t at_ns) const noexcept {
  // The numbers may come from a corrupt file: divided first, they cannot overflow the sum.
  return wall_ns / 1000 + (at_ns / 1000 - monotonic_ns / 1000);
}

std::optional<Event> BlackBoxPlace::load() const noexcept {
  // acquire: the same protocol as Seqlock::load().
  const std::uint64_t before = stamp.load(std::memory_order_acquire);
  if (before == 0 || (before & 1U) != 0) return std::nullopt;
  std::array<std::uint64_t, kWords> copy{};
  for (std::size_t i = 0; i < kWords; ++i) copy[i] = words[i].load(std::memory_order_acquire);
  if (stamp.load(std::memory_order_relaxed) != before) return std::nullopt;
  Event event;
  std::memcpy(static_cast<void*>(&event), copy.data(), sizeof event);
  // A hostile writer could store a stamp and an event that do not belong together.
  const bool sound = event.sequence == before / 2 && event.sequence <= kMostEvents;
  return sound ? std::optional{event} : std::nullopt;
}

void BlackBoxPlace::store(std::uint64_t n, const Event& event) noexcept {
  std::array<std::uint64_t, kWords> copy{};
  std::memcpy(copy.data(), &event, sizeof event);
  for (std::size_t i = 0; i < kWords; ++i) {
    // release: a thread that sees this word also sees the odd stamp before it.
    words[i].store(copy[i], std::memory_order_release);
  }
  // release: a thread that sees the stamp also sees every word.
  stamp.store(2 * n + 2, std::memory_order_release);
}

std::vector<Event> events_of(std::span<const BlackBoxPlace> places) {
  std::vector<Event> events;
  for (const BlackBoxPlace& place : places) {
    if (const auto event = place.load()) events.push_back(*event);
  }
  std::ranges::sort(events, {}, &Event::sequence);
  const auto same = [](const Event& a, const Event& b) { return a.sequence == b.sequence; };
  events.erase(std::unique(events.begin(), events.end(), same), events.end());
  return events;
}

void BlackBox::write(Event event) noexcept {
  if (event.at_ns == 0) event.at_ns = to_ns(MonotonicClock::now());
  // relaxed: it only has to be unique, which every atomic addition ensures.
  const std::uint64_t n = head_.claimed.fetch_add(1, std::memory_order_relaxed);
  BlackBoxPlace& place = places_[n % places_.size()];
  event.sequence = n + 1;
  std::uint64_t stamp = place.stamp.load(std::memory_order_relaxed);
  // An odd stamp: an earlier writer is still busy here. A larger one: a later writer was faster.
  const bool free = (stamp & 1U) == 0 && stamp <= 2 * n;
  // acquire: our words come after those of the previous writer of this place.
  if (!free || !place.stamp.compare_exchange_strong(stamp, 2 * n + 1, std::memory_order_acquire,
                                                    std::memory_order_relaxed)) {
    head_.lost.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  place.store(n, event);
}

void BlackBox::write(EventKind kind, std::string_view text,
                     const std::array<std::int64_t, 3>& numbers) noexcept {
  write({.kind = kind, .numbers = numbers, .text = Name<200>::clipped(text)});
}

void BlackBox::restore(std::span<const Event> events) noexcept {
  if (events.empty()) return;
  for (const Event& event : events.last(std::min(events.size(), places_.size()))) {
    const std::uint64_t n = event.sequence - 1;
    places_[n % places_.size()].store(n, event);
  }
  head_.claimed.store(events.back().sequence, std::memory_order_relaxed);
}

std::optional<std::int64_t> EventLimit::admit(TimePoint now) noexcept {
  // Each second allows one more event, up to a full burst again.
  const std::int64_t seconds = std::max<std::int64_t>((now - filled_) / 1s, 0);
  if (seconds > 0) {
    left_ = std::min(kBurst, left_ + std::min(seconds, kBurst));
    filled_ = now;
  }
  if (left_ == 0) {
    ++left_out_;
    return std::nullopt;
  }
  --left_;
  return std::exchange(left_out_, 0);
}

}  // namespace horus
