// SPDX-License-Identifier: Apache-2.0
#include "shm/subscriber.hpp"

#include <algorithm>
#include <utility>

#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

// A reader that a fast publisher laps again and again gives up after so many tries.
constexpr int kMaxLaps = 8;

CursorFile& cursor(const SubscriberState& state) noexcept {
  return *state.region.as<CursorFile>();
}

void count_missed(const SubscriberState& state, std::uint64_t messages) noexcept {
  cursor(state).missed.add(messages);
  count(state.counters.dropped, messages);
}

void count_received(const SubscriberState& state, std::uint64_t messages) noexcept {
  cursor(state).received.add(messages);
  count(state.counters.received, messages);
}

/// Moves past what was overwritten and counts it. Returns how many messages are ready.
std::uint64_t catch_up(SubscriberState& state, RingPeer& ring) noexcept {
  const std::uint64_t count = complete(ring.view);
  if (count <= ring.next) return 0;
  const std::uint64_t oldest = oldest_kept(ring.view, ring.next, count);
  if (oldest != ring.next) {
    count_missed(state, oldest - ring.next);
    ring.advance_to(oldest);
  }
  return count - oldest;
}

enum class Want : std::uint8_t { kNext, kAll };

/// How many messages are ready; where only the next one is wanted, 1 for any number.
std::uint64_t ready(SubscriberState& state, RingPeer& ring, Want want, bool dead) noexcept {
  // The slot tells it by the line that holds the message. The ring's count is another one, which
  // would have to come from the publisher's cache for each message as well.
  // seq_cst: the look comes after the sleeper's flag, see wakeup.hpp.
  const std::uint64_t stamp = ring.view.slot(ring.next).stamp.load(std::memory_order_seq_cst);
  const std::uint64_t whole = 2 * ring.next + 2;
  if (stamp < whole && !dead && !ring.count_is_due.load(std::memory_order_relaxed)) [[likely]]
    return 0;
  if (stamp == whole && want == Want::kNext && ring.view.area_size == 0) return 1;
  const std::uint64_t count = catch_up(state, ring);
  if (count == 0) ring.count_is_due.store(false, std::memory_order_relaxed);
  return count;
}

/// Looks at each ring that has messages ready. One that is empty and whose publisher is dead goes.
template <typename Visit>
void each_ready(SubscriberState& state, Want want, Visit visit) noexcept {
  state.rings.each([&](RingPeer& ring, std::size_t slot) {
    // acquire: a dead publisher's last message is visible before its death.
    const bool dead = ring.dead.load(std::memory_order_acquire);
    if (const std::uint64_t count = ready(state, ring, want, dead); count != 0) {
      return visit(ring, count);
    }
    if (!dead) return;
    if (ring.witnessed && is_torn(ring.view, ring.next)) cursor(state).torn.add();
    // release: the next ring's publisher finds its number here, not this one's.
    if (ring.row != nullptr) ring.row->ring.store(0, std::memory_order_release);
    state.rings.let_go(slot);
  });
}

std::uint64_t sent_at(const RingPeer& ring) noexcept {
  return ring.view.slot(ring.next).cycles.load(std::memory_order_acquire);
}

/// The ring whose next message was sent first; null when all are empty.
RingPeer* earliest(SubscriberState& state) noexcept {
  RingPeer* best = nullptr;
  std::uint64_t best_cycles = 0;
  each_ready(state, Want::kNext, [&](RingPeer& ring, std::uint64_t) {
    const std::uint64_t cycles = sent_at(ring);
    if (best != nullptr && cycles >= best_cycles) return;
    best = &ring;
    best_cycles = cycles;
  });
  return best;
}

/// Counts messages as received that a newer one makes superfluous.
void pass_over(const SubscriberState& state, RingPeer& ring, std::uint64_t messages) noexcept {
  count_received(state, messages);
  ring.advance_to(ring.next + messages);
}

/// The ring whose last message was sent last; null when all are empty. Every other message that
/// is ready is passed over.
RingPeer* latest(SubscriberState& state) noexcept {
  RingPeer* best = nullptr;
  std::uint64_t best_cycles = 0;
  each_ready(state, Want::kAll, [&](RingPeer& ring, std::uint64_t count) {
    if (count > 1) pass_over(state, ring, count - 1);
    const std::uint64_t cycles = sent_at(ring);
    if (best != nullptr && cycles < best_cycles) return pass_over(state, ring, 1);
    if (best != nullptr) pass_over(state, *best, 1);
    best = &ring;
    best_cycles = cycles;
  });
  return best;
}

std::ptrdiff_t take_from(SubscriberState& state, RingPeer& ring,
                         std::span<std::byte> buffer) noexcept {
  const Read read = read_message(ring.view, ring.next, buffer);
  ring.advance_to(ring.next + 1);
  // A message that its ring shows as complete and that is not there, or is shorter than its type,
  // is of a ring that breaks its own rules: it is lost, and holds up nobody.
  if (read.outcome != ReadOutcome::kTaken || read.length < state.type->size) {
    count_missed(state, 1);
    return -1;
  }
  count_received(state, 1);
  return static_cast<std::ptrdiff_t>(read.length);
}

}  // namespace

bool RawSubscriber::was_interrupted(std::span<RawSubscriber* const> subscribers) noexcept {
  bool interrupted = false;
  for (const RawSubscriber* one : subscribers) {
    // acquire: what the interrupting thread did before is visible.
    interrupted |= one->state_->interrupted.exchange(false, std::memory_order_acq_rel);
  }
  return interrupted;
}

SubscriberState::~SubscriberState() {
  if (session == nullptr) return;
  session->remove(*this);
  region.unlink();
}

RawSubscriber::RawSubscriber() noexcept = default;
RawSubscriber::RawSubscriber(std::unique_ptr<SubscriberState> state) noexcept
    : state_{std::move(state)} {}
RawSubscriber::RawSubscriber(RawSubscriber&&) noexcept = default;
RawSubscriber& RawSubscriber::operator=(RawSubscriber&&) noexcept = default;
RawSubscriber::~RawSubscriber() = default;

std::ptrdiff_t RawSubscriber::take(std::span<std::byte> buffer) noexcept {
  for (int lap = 0; lap < kMaxLaps; ++lap) {
    RingPeer* ring = earliest(*state_);
    if (ring == nullptr) return -1;
    if (const std::ptrdiff_t length = take_from(*state_, *ring, buffer); length >= 0) return length;
  }
  return -1;
}

std::ptrdiff_t RawSubscriber::take_latest(std::span<std::byte> buffer) noexcept {
  for (int lap = 0; lap < kMaxLaps; ++lap) {
    RingPeer* ring = latest(*state_);
    if (ring == nullptr) return -1;
    if (const std::ptrdiff_t length = take_from(*state_, *ring, buffer); length >= 0) return length;
  }
  return -1;
}

bool RawSubscriber::has_message() const noexcept {
  return earliest(*state_) != nullptr;
}

std::ptrdiff_t RawSubscriber::take_until(std::span<std::byte> buffer, TimePoint until) noexcept {
  for (;;) {
    if (const std::ptrdiff_t length = take(buffer); length >= 0) return length;
    if (!wait_until(until)) return -1;
  }
}

bool RawSubscriber::wait_until(TimePoint until) noexcept {
  RawSubscriber* const self = this;
  return wait_any({&self, 1}, until) != nullptr;
}

RawSubscriber* RawSubscriber::wait_any(std::span<RawSubscriber* const> subscribers,
                                       TimePoint until) noexcept {
  const auto ready = [subscribers]() noexcept -> RawSubscriber* {
    const auto found = std::ranges::find_if(subscribers, &RawSubscriber::has_message);
    return found != subscribers.end() ? *found : nullptr;
  };
  RawSubscriber* found = ready();
  if (found != nullptr || subscribers.empty()) return found;
  // The bell of a subscriber of another session is another one: there the bound wakes.
  Bell& bell = *subscribers.front()->state_->session->bell;
  while (found == nullptr && MonotonicClock::now() < until) {
    // seq_cst, in this order: the flags, the word, one more look; see wakeup.hpp.
    for (const RawSubscriber* one : subscribers) {
      cursor(*one->state_).sleeping.store(1, std::memory_order_seq_cst);
    }
    const std::uint32_t seen = bell.word();
    found = ready();
    if (found != nullptr || was_interrupted(subscribers)) break;
    bell.wait(seen, std::min(until, MonotonicClock::now() + kMaxBellWait));
    found = ready();
  }
  for (const RawSubscriber* one : subscribers) {
    cursor(*one->state_).sleeping.store(0, std::memory_order_relaxed);
  }
  return found;
}

void RawSubscriber::interrupt() noexcept {
  state_->interrupted.store(true, std::memory_order_release);
  state_->session->bell->ring();
}

const TypeInfo& RawSubscriber::type() const noexcept {
  return *state_->type;
}
std::size_t RawSubscriber::max_size() const noexcept {
  return state_->max_size;
}
std::uint64_t RawSubscriber::received() const noexcept {
  return cursor(*state_).received.value();
}
std::uint64_t RawSubscriber::missed() const noexcept {
  return cursor(*state_).missed.value();
}

std::uint64_t RawSubscriber::torn() const noexcept {
  return cursor(*state_).torn.value();
}

std::uint64_t RawSubscriber::pending() const noexcept {
  std::uint64_t count = 0;
  state_->rings.each([&count](RingPeer& ring, std::size_t) {
    const std::uint64_t sent = complete(ring.view);
    if (sent > ring.next) count += sent - oldest_kept(ring.view, ring.next, sent);
  });
  return count;
}

std::uint32_t RawSubscriber::publishers() const noexcept {
  return static_cast<std::uint32_t>(state_->rings.count());
}

}  // namespace horus::shm
