// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <horus/topic.hpp>

#include "shm/payload_state.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

// How often take() tries again after a publisher has overwritten the message that it was copying.
constexpr int kMaxLaps = 8;

CursorFile& cursor(const SubscriberState& state) noexcept {
  return *state.region.as<CursorFile>();
}

/// Out of line: if it is inlined for a single subscriber, gcc 12 warns of an address that does not
/// exist. Each sleep has another number, so that a publisher sees whether the sleeper was awake
/// since it last woke it.
[[gnu::noinline]] void fall_asleep(SubscriberState& state) noexcept {
  cursor(state).sleeping.store(state.sleeps += 2, std::memory_order_seq_cst);
}
[[gnu::noinline]] void wake_up(const SubscriberState& state) noexcept {
  cursor(state).sleeping.store(0, std::memory_order_seq_cst);
}

void count_missed(const SubscriberState& state, std::uint64_t messages) noexcept {
  cursor(state).missed.add(messages);
  count(state.counters.dropped, messages);
  count(state.counters.missed, messages);
}

void count_passed_over(const SubscriberState& state, std::uint64_t messages) noexcept {
  cursor(state).passed_over.add(messages);
  count(state.counters.passed_over, messages);
}

void count_received(const SubscriberState& state) noexcept {
  cursor(state).received.add();
  count(state.counters.received);
}

/// The age at `then`, a cycle_count(), of the message that was taken last.
Nanos age_of(const SubscriberState& state, std::uint64_t then, double ns_per_cycle) noexcept {
  const auto cycles = static_cast<double>(then - std::min(then, state.sent_at));
  return Nanos{static_cast<std::int64_t>(cycles * ns_per_cycle)};
}

bool is_old(Nanos age, Nanos period) noexcept {
  constexpr Nanos kWithoutPeriod = 1s;
  return age > (period == Nanos{} ? kWithoutPeriod : std::max(kOldAtLeast, kOldPeriods * period));
}

/// What the caller wants: the next message only, to count all, or the newest only.
enum class Want : std::uint8_t { kNext, kAll, kLatest };

/// Moves `next` past messages that are not wanted or were overwritten, and counts them. Returns how
/// many messages are ready.
std::uint64_t catch_up(SubscriberState& state, RingPeer& ring, Want want) noexcept {
  const std::uint64_t count = complete(ring.view);
  if (count <= ring.next) return 0;
  const std::uint64_t depth = state.depth.load(std::memory_order_relaxed);
  std::uint64_t wanted = count - std::min(count - ring.next, depth);
  const std::uint64_t oldest = oldest_kept(ring.view, wanted, count);
  if (oldest == ring.next) return count - oldest;
  // kLatest wants only the newest message, which is there: of those overwritten none was wanted.
  if (want == Want::kLatest) wanted = oldest;
  if (wanted != ring.next) count_passed_over(state, wanted - ring.next);
  if (oldest != wanted) count_missed(state, oldest - wanted);
  ring.told -= std::min(ring.told, oldest - ring.next);
  ring.advance_to(oldest);
  return count - oldest;
}

/// Whether more messages are ready than the depth wants. Looks at the slot of the first one that
/// would be too many; if the whole ring is wanted, that is the slot of the next message itself.
bool is_behind(const RingPeer& ring) noexcept {
  const std::uint64_t beyond = ring.next + ring.depth;
  // relaxed: only a guess, which catch_up() checks.
  return ring.view.slot(beyond).stamp.load(std::memory_order_relaxed) >= 2 * beyond + 2;
}

/// How many messages are ready. With Want::kNext, 1 stands for any number.
std::uint64_t ready(SubscriberState& state, RingPeer& ring, Want want, bool dead) noexcept {
  // Poll the slot's stamp, not the ring's committed number: the stamp lies on the cache line of the
  // message, so one line for each message comes from the publisher's cache, not two.
  // seq_cst: this look comes after the sleeper has set its flag, see wakeup.hpp.
  const std::uint64_t stamp = ring.view.slot(ring.next).stamp.load(std::memory_order_seq_cst);
  const std::uint64_t whole = 2 * ring.next + 2;
  if (stamp < whole && !dead && !ring.count_is_due.load(std::memory_order_relaxed)) [[likely]]
    return 0;
  const bool in_slots = ring.view.area_size == 0;
  if (stamp == whole && want == Want::kNext && in_slots && !is_behind(ring)) return 1;
  const std::uint64_t count = catch_up(state, ring, want);
  if (count == 0) {
    ring.count_is_due.store(false, std::memory_order_relaxed);
    // Publish `next` once more: while the cursor file was being copied to a new one, the last store
    // may have gone to the old one.
    ring.advance_to(ring.next);
  }
  return count;
}

bool is_isolated(const RingPeer& ring) noexcept {
  // relaxed: a flag on its own.
  return ring.view.header->isolated.load(std::memory_order_relaxed) != 0;
}

/// If the newest message came from this ring: notes whether its node is isolated.
void note_isolation(SubscriberState& state, const RingPeer& ring) noexcept {
  if (state.watch == nullptr || ring.view.header != state.watch->source) return;
  state.watch->source_isolated = is_isolated(ring);
}

/// Before a ring is released: keeps what was noted last, since the message is no better for it. A
/// ring that comes to the same address later is another one.
void forget_source(SubscriberState& state, const RingPeer& ring) noexcept {
  note_isolation(state, ring);
  if (state.watch != nullptr && ring.view.header == state.watch->source) {
    state.watch->source = nullptr;
  }
}

/// Calls visit(ring, count) for each ring that has messages ready. Releases a ring that is empty
/// and whose publisher is dead.
template <typename Visit>
void each_ready(SubscriberState& state, Want want, Visit visit) noexcept {
  state.rings.each([&](RingPeer& ring, std::size_t slot) {
    // acquire: whoever sees the death sees the publisher's last message, too.
    const bool dead = ring.dead.load(std::memory_order_acquire);
    if (const std::uint64_t count = ready(state, ring, want, dead); count != 0) {
      return visit(ring, count);
    }
    if (!dead) return;
    if (ring.seen_alive && is_torn(ring.view, ring.next)) cursor(state).torn.add();
    // release: the publisher that finds the next ring in this row finds that ring's number, not
    // this one's.
    if (ring.row != nullptr) ring.row->ring.store(0, std::memory_order_release);
    forget_source(state, ring);
    state.rings.release(slot);
  });
}

std::uint64_t sent_at(const RingPeer& ring, std::uint64_t n) noexcept {
  return ring.view.slot(n).cycles.load(std::memory_order_acquire);
}

/// Whether message n can be taken now: the pool of the payload that it describes is mapped, or is
/// gone for good.
bool has_frame(SubscriberState& state, RingPeer& ring, std::uint64_t n) noexcept {
  if (state.frames == nullptr) [[likely]]
    return true;
  alignas(8) std::array<std::byte, kMaxDescriptor> descriptor;  // NOLINT: read_message() fills it
  const Read read = read_message(ring.view, n, descriptor);
  if (read.outcome != ReadOutcome::kTaken || read.length < kStampAt) return true;
  std::uint32_t pool = 0;
  std::memcpy(&pool, descriptor.data() + offsetof(msg::TensorDescriptor, pool_id), sizeof pool);
  switch (state.frames->look(pool)) {
    case PeerPools::Look::kReady:
    case PeerPools::Look::kGone: return true;
    case PeerPools::Look::kComing: return false;
    case PeerPools::Look::kUnknown: break;
  }
  // A pool has its name before the first of its payloads is sent. So a scan that began after the
  // message arrived, and has ended, must have seen the pool.
  const std::uint64_t looks = state.frames->looks();
  if (std::exchange(ring.awaited, pool) != pool) ring.awaited_from = looks;
  return looks >= ring.awaited_from + 2;
}

/// The ring whose next message was sent first; null if all are empty.
RingPeer* earliest(SubscriberState& state) noexcept {
  RingPeer* best = nullptr;
  each_ready(state, Want::kNext, [&](RingPeer& ring, std::uint64_t) {
    if (!has_frame(state, ring, ring.next)) return;
    if (best == nullptr || sent_at(ring, ring.next) < sent_at(*best, best->next)) best = &ring;
  });
  return best;
}

/// Notes that messages leave the ring by take(). Those that wait_for_new() has returned true for
/// are the first to leave.
void forget_taken(SubscriberState& state, RingPeer& ring, std::uint64_t messages) noexcept {
  const std::uint64_t told = std::min(ring.told, messages);
  ring.told -= told;
  state.taken_untold += messages - told;
}

/// The ring with the earliest message that wait_for_new() has not returned true for; null if there
/// is none.
RingPeer* earliest_new(SubscriberState& state) noexcept {
  RingPeer* best = nullptr;
  std::uint64_t best_cycles = 0;
  each_ready(state, Want::kAll, [&](RingPeer& ring, std::uint64_t count) {
    // wait_for_new() announced a message of this ring, and the tick took an earlier one of another
    // ring, which arrived later. The announced message has had no tick of its own: announce it
    // again.
    const std::uint64_t swapped = std::min(ring.told, state.taken_untold);
    ring.told -= swapped;
    state.taken_untold -= swapped;
    if (count <= ring.told || !has_frame(state, ring, ring.next + ring.told)) return;
    const std::uint64_t cycles = sent_at(ring, ring.next + ring.told);
    if (best != nullptr && cycles >= best_cycles) return;
    best = &ring;
    best_cycles = cycles;
  });
  state.taken_untold = 0;
  return best;
}

/// Passes over messages that a newer one supersedes.
void pass_over(SubscriberState& state, RingPeer& ring, std::uint64_t messages) noexcept {
  count_passed_over(state, messages);
  forget_taken(state, ring, messages);
  ring.advance_to(ring.next + messages);
}

/// The ring whose last message was sent last; null if all are empty. Every other message that is
/// ready is passed over.
RingPeer* latest(SubscriberState& state) noexcept {
  RingPeer* best = nullptr;
  std::uint64_t best_cycles = 0;
  each_ready(state, Want::kLatest, [&](RingPeer& ring, std::uint64_t count) {
    if (!has_frame(state, ring, ring.next + count - 1)) return;
    if (count > 1) pass_over(state, ring, count - 1);
    const std::uint64_t cycles = sent_at(ring, ring.next);
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
  const std::uint64_t cycles = sent_at(ring, ring.next);
  forget_taken(state, ring, 1);
  ++ring.next;
  // A complete stamp without a readable message, or one shorter than its type: the ring breaks its
  // own rules. The message counts as missed, and holds up nobody.
  const bool whole = read.outcome == ReadOutcome::kTaken && read.length >= state.type->size;
  // A payload is reported as taken only once it is held: until then its publisher keeps the block.
  if (!whole || state.frames == nullptr) ring.tell();
  if (!whole) {
    count_missed(state, 1);
    return -1;
  }
  count_received(state);
  state.last = &ring;
  state.sent_at = cycles;
  return static_cast<std::ptrdiff_t>(read.length);
}

// For subscriptions with a timeout

/// Passes over messages that are too old. With kHold, the last one of a ring stays: it may become
/// the fallback.
void drop_old(SubscriberState& state, std::uint64_t now) noexcept {
  StaleWatch& watch = *state.watch;
  const auto is_old = [&](const RingPeer& ring, std::uint64_t n) {
    return watch.fresh.is_old(sent_at(ring, n), now) || is_isolated(ring);
  };
  each_ready(state, Want::kNext, [&](RingPeer& ring, std::uint64_t) {
    if (!is_old(ring, ring.next)) return;
    const std::uint64_t kept = watch.holds() ? 1 : 0;
    std::uint64_t left = catch_up(state, ring, Want::kAll);
    for (; left > kept && is_old(ring, ring.next); --left) pass_over(state, ring, 1);
  });
}

/// Begins a call: passes over what is too old. Returns the time of the call.
std::uint64_t look_at_age(SubscriberState& state) noexcept {
  const std::uint64_t now = cycle_count();
  // relaxed: a number on its own.
  state.watch->look(now, state.session->ns_per_cycle.load(std::memory_order_relaxed));
  drop_old(state, now);
  return now;
}

/// Whether the input is stale, given that no fresh message is waiting.
bool is_stale(SubscriberState& state, std::uint64_t now) noexcept {
  state.rings.each([&state](const RingPeer& ring, std::size_t) { note_isolation(state, ring); });
  const StaleWatch& watch = *state.watch;
  return watch.fresh.is_stale(now) || (watch.fresh.heard() && watch.source_isolated);
}

/// The ring of the next message, if that is fresh; null if there is none, or if kHold keeps an old
/// one.
RingPeer* earliest_fresh(SubscriberState& state, std::uint64_t now) noexcept {
  RingPeer* const ring = earliest(state);
  if (ring == nullptr || is_isolated(*ring)) return nullptr;
  return state.watch->fresh.is_old(sent_at(*ring, ring->next), now) ? nullptr : ring;
}

/// Looks without taking. kWaits: a fresh message is waiting. kFresh: none is, and the input is not
/// stale yet.
enum class Input : std::uint8_t { kWaits, kFresh, kStale };
Input look_at_input(SubscriberState& state, std::uint64_t now) noexcept {
  if (earliest_fresh(state, now) != nullptr) return Input::kWaits;
  state.watch->settle(is_stale(state, now), now, cursor(state));
  return state.watch->stale() ? Input::kStale : Input::kFresh;
}

/// Whether take() would return something.
bool would_give(SubscriberState& state) noexcept {
  const std::uint64_t now = look_at_age(state);
  const Input input = look_at_input(state, now);
  if (input != Input::kStale) return input == Input::kWaits;
  return state.watch->due(now) || earliest(state) != nullptr;
}

/// For an event node: whether its input has become stale; true once in each episode.
bool has_become_stale(SubscriberState& state) noexcept {
  const std::uint64_t now = look_at_age(state);
  state.watch->begin(now);
  return look_at_input(state, now) == Input::kStale && state.watch->wakes();
}

}  // namespace

template <typename Take>
std::ptrdiff_t RawSubscriber::take_fresh(std::span<std::byte> buffer, Take take) noexcept {
  SubscriberState& state = *state_;
  StaleWatch& watch = *state.watch;
  const std::uint64_t now = look_at_age(state);
  for (std::ptrdiff_t length = take(buffer); length >= 0; length = take(buffer)) {
    watch.hear(state.sent_at, now, state.last->view.header->node);
    watch.source = state.last->view.header;
    watch.source_isolated = is_isolated(*state.last);
    watch.keep(buffer.first(static_cast<std::size_t>(length)));
    const bool old = watch.fresh.is_old(state.sent_at, now) || watch.source_isolated;
    if (old) {
      tell_taken();
      continue;
    }
    watch.settle(false, now, cursor(state));
    return length;
  }
  watch.settle(is_stale(state, now), now, cursor(state));
  return watch.stale() ? watch.give(buffer, now, cursor(state)) : -1;
}

bool RawSubscriber::stale() noexcept {
  if (state_->watch == nullptr) return false;
  if (state_->watch->gave_in_this_tick()) return true;
  return look_at_input(*state_, look_at_age(*state_)) == Input::kStale;
}

bool RawSubscriber::gave_fallback() const noexcept {
  return state_->watch != nullptr && state_->watch->gave();
}

void RawSubscriber::belongs_to(NodeStats* node) noexcept {
  if (state_->watch != nullptr) state_->watch->belongs_to(node);
}

bool RawSubscriber::was_interrupted(std::span<RawSubscriber* const> subscribers) noexcept {
  bool interrupted = false;
  for (const RawSubscriber* one : subscribers) {
    // acquire: what the interrupting thread did before is visible.
    interrupted |= one->state_->interrupted.exchange(false, std::memory_order_acq_rel);
  }
  return interrupted;
}

void RawSubscriber::expect_frames() {
  state_->session->expect_frames(*state_);
}

SubscriberState::~SubscriberState() {
  if (session == nullptr) return;
  session->remove(*this);
}

RawSubscriber::RawSubscriber() noexcept = default;
RawSubscriber::RawSubscriber(std::unique_ptr<SubscriberState> state) noexcept
    : state_{std::move(state)} {}
RawSubscriber::RawSubscriber(RawSubscriber&&) noexcept = default;
RawSubscriber& RawSubscriber::operator=(RawSubscriber&&) noexcept = default;
RawSubscriber::~RawSubscriber() = default;

std::ptrdiff_t RawSubscriber::take(std::span<std::byte> buffer) noexcept {
  if (state_->watch == nullptr) [[likely]]
    return take_next(buffer);
  return take_fresh(buffer, [this](auto bytes) { return take_next(bytes); });
}

inline std::ptrdiff_t RawSubscriber::take_next(std::span<std::byte> buffer) noexcept {
  for (int lap = 0; lap < kMaxLaps; ++lap) {
    RingPeer* ring = earliest(*state_);
    if (ring == nullptr) return -1;
    if (const std::ptrdiff_t length = take_from(*state_, *ring, buffer); length >= 0) {
      if (state_->counters.whole != nullptr) tell_age(*state_->counters.whole);
      return length;
    }
  }
  return -1;
}

std::ptrdiff_t RawSubscriber::take_latest(std::span<std::byte> buffer) noexcept {
  if (state_->watch == nullptr) [[likely]]
    return take_newest(buffer);
  return take_fresh(buffer, [this](auto bytes) { return take_newest(bytes); });
}

inline std::ptrdiff_t RawSubscriber::take_newest(std::span<std::byte> buffer) noexcept {
  for (int lap = 0; lap < kMaxLaps; ++lap) {
    RingPeer* ring = latest(*state_);
    if (ring == nullptr) return -1;
    if (const std::ptrdiff_t length = take_from(*state_, *ring, buffer); length >= 0) {
      if (state_->counters.whole != nullptr) tell_age(*state_->counters.whole);
      return length;
    }
  }
  return -1;
}

void RawSubscriber::tell_taken() noexcept {
  if (state_->last != nullptr) state_->last->tell();
}

Origin RawSubscriber::origin() const {
  if (state_->last == nullptr) return {};
  return {.publisher = state_->last->name, .number = state_->last->next - 1};
}

void RawSubscriber::begin() noexcept {
  state_->begun = cycle_count();
  cursor(*state_).ahead.store(0, std::memory_order_relaxed);  // relaxed: a hint
}

bool RawSubscriber::has_message() const noexcept {
  return state_->watch == nullptr ? earliest(*state_) != nullptr : would_give(*state_);
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

bool RawSubscriber::wait_for_new(TimePoint until) noexcept {
  RawSubscriber* const self = this;
  RingPeer* ring = nullptr;
  const auto has_new = [&ring](const RawSubscriber* one) noexcept {
    ring = earliest_new(*one->state_);
    return ring != nullptr || (one->state_->watch != nullptr && has_become_stale(*one->state_));
  };
  if (wait_for({&self, 1}, until, has_new) == nullptr) return false;
  if (ring != nullptr) ++ring->told;
  return true;
}

RawSubscriber* RawSubscriber::wait_any(std::span<RawSubscriber* const> subscribers,
                                       TimePoint until) noexcept {
  return wait_for(subscribers, until, &RawSubscriber::has_message);
}

template <typename Has>
RawSubscriber* RawSubscriber::wait_for(std::span<RawSubscriber* const> subscribers, TimePoint until,
                                       Has has) noexcept {
  const auto ready = [subscribers, has]() noexcept -> RawSubscriber* {
    const auto found = std::ranges::find_if(subscribers, has);
    return found != subscribers.end() ? *found : nullptr;
  };
  RawSubscriber* found = ready();
  if (found != nullptr || subscribers.empty()) return found;
  // Subscribers of another session have another bell. The bound of the wait serves them.
  Bell& bell = *subscribers.front()->state_->session->bell;
  while (found == nullptr && MonotonicClock::now() < until) {
    // seq_cst, in this order: set the flags, read the word, look once more; see wakeup.hpp.
    for (const RawSubscriber* one : subscribers) fall_asleep(*one->state_);
    const std::uint32_t seen = bell.word();
    found = ready();
    if (found != nullptr || was_interrupted(subscribers)) break;
    bell.wait(seen, std::min(until, MonotonicClock::now() + kMaxBellWait));
    found = ready();
  }
  for (const RawSubscriber* one : subscribers) wake_up(*one->state_);
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
  return state_->max_size.load(std::memory_order_relaxed);
}
SubscriberCounts RawSubscriber::counts() const noexcept {
  const CursorFile& counted = cursor(*state_);
  return {.received = counted.received.value(),
          .passed_over = counted.passed_over.value(),
          .missed = counted.missed.value(),
          .torn = counted.torn.value()};
}

Nanos RawSubscriber::age() const noexcept {
  if (state_->last == nullptr) return Nanos{-1};
  return age_of(*state_, cycle_count(), state_->session->origin.ns_per_cycle());
}

void RawSubscriber::tell_age(NodeStats& node) noexcept {
  const std::uint64_t tick = node.ticks.value();
  if (std::exchange(state_->aged_in, tick) == tick) return;
  // relaxed: a number on its own. 0: not known during the first ticks.
  const double scale = state_->session->ns_per_cycle.load(std::memory_order_relaxed);
  const std::uint64_t began = node.began.value();
  if (scale == 0 || began == 0) return;  // began 0: taken before the first tick.
  const Nanos age = age_of(*state_, began, scale);
  cursor(*state_).age.record(age);
  if (is_old(age, Nanos{node.period_ns.value()})) node.messages_old.add();
}

bool RawSubscriber::was_before() const noexcept {
  return state_->sent_at < state_->begun;
}

std::uint64_t RawSubscriber::depth() const noexcept {
  return state_->depth.load(std::memory_order_relaxed);
}

std::uint64_t RawSubscriber::pending() const noexcept {
  std::uint64_t count = 0;
  state_->rings.each([&](RingPeer& ring, std::size_t) {
    const std::uint64_t sent = complete(ring.view);
    if (sent <= ring.next) return;
    const std::uint64_t wanted = sent - std::min(sent - ring.next, depth());
    count += sent - oldest_kept(ring.view, wanted, sent);
  });
  return count;
}

std::uint32_t RawSubscriber::publishers() const noexcept {
  return static_cast<std::uint32_t>(state_->rings.count());
}

}  // namespace horus::shm
