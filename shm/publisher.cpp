// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include <horus/message.hpp>
#include <horus/topic.hpp>

#include "rt/base/acting.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

bool refuse(PublisherState& state) noexcept {
  state.view.header->refused.add();
  count(state.counters.dropped);
  count(state.counters.refused);
  return false;
}

/// How far the subscriber has come in this ring. If it has not found the ring yet: where it will
/// begin to read.
std::uint64_t taken_by(const PublisherState& state, CursorPeer& peer) noexcept {
  const auto& rows = peer.region.as<const CursorFile>()->rows;
  // acquire: what the subscriber has read of older messages was read before it stored the number.
  const auto is_ours = [&](const TakenRow& row) {
    return row.ring.load(std::memory_order_acquire) == state.inode;
  };
  if (!is_ours(rows[peer.row])) {
    const auto found = std::ranges::find_if(rows, is_ours);
    if (found == rows.end()) return state.view.header->carried;
    peer.row = static_cast<std::size_t>(found - rows.begin());
  }
  return rows[peer.row].taken.load(std::memory_order_acquire);
}

/// Whether message `sent`, whose bytes would end at `end`, replaces no message from number `taken`
/// on. A subscriber that reports a wrong position loses messages itself, or makes the topic refuse.
bool leaves(const PublisherState& state, std::uint64_t taken, std::uint64_t end) noexcept {
  if (taken >= state.sent) return true;
  if (state.sent - taken >= state.view.capacity()) return false;
  // relaxed: this thread wrote it.
  return state.view.area_size == 0 ||
         end - state.view.position(taken).load(std::memory_order_relaxed) <= state.view.area_size;
}

/// Whether no living subscriber still wants what message `sent` would replace.
bool has_room(PublisherState& state, std::uint64_t end) noexcept {
  bool room = true;
  state.subscribers.each([&](CursorPeer& peer, std::size_t slot) {
    // relaxed: a hint of the helper thread.
    if (peer.dead.load(std::memory_order_relaxed)) return state.subscribers.release(slot);
    if (leaves(state, peer.taken, end) || !peer.is_waited_for()) return;
    // The position that was read last does not suffice: read it again.
    peer.taken = taken_by(state, peer);
    room = room && leaves(state, peer.taken, end);
  });
  return room;
}

/// The first message that the subscriber would still want if message `sent` were in the ring, too.
std::uint64_t wanted_by(const PublisherState& state, CursorPeer& peer) noexcept {
  const std::uint64_t depth = read_once(peer.region.as<const CursorFile>()->depth);
  const std::uint64_t next = state.sent + 1;
  return std::max(taken_by(state, peer), depth == 0 || depth > next ? 0 : next - depth);
}

/// Whether message `sent` costs no subscriber anything that it wants. Subscribers that were opened
/// ahead count only if there are no others.
bool costs_nothing(PublisherState& state, std::uint64_t end) noexcept {
  bool received = false;
  bool room = true;
  bool room_ahead = true;
  state.subscribers.each([&](CursorPeer& peer, std::size_t) {
    // relaxed: a hint of the helper thread.
    if (peer.dead.load(std::memory_order_relaxed)) return;
    const bool ahead = peer.is_ahead();
    received = received || !ahead;
    bool& its = ahead ? room_ahead : room;
    its = its && leaves(state, wanted_by(state, peer), end);
  });
  return received ? room : room_ahead;
}

/// How many of the newest messages the subscriber still wants.
std::uint64_t left_to_take(const PublisherState& state, CursorPeer& peer) noexcept {
  const std::uint64_t depth = read_once(peer.region.as<const CursorFile>()->depth);
  // It may still be reading the ring that this one replaces, and want the messages there.
  const bool may_lag = state.sent_before != 0 && state.sent < state.view.capacity();
  const std::uint64_t left =
      may_lag ? state.view.capacity() : state.sent - std::min(taken_by(state, peer), state.sent);
  return depth == 0 ? left : std::min<std::uint64_t>(left, depth);
}

/// The position in the area at which a message of that size would end; 0 if there is no area.
std::uint64_t end_of(const PublisherState& state, std::size_t size) noexcept {
  if (state.view.area_size == 0) return 0;
  return place_for(state.view, state.reserved, size) + padded(size);
}

/// Whether to wake a sleeper. One that was woken in this same sleep is already waking up, or its
/// file lies: it is woken at most once in a millisecond.
bool may_ring(const CursorPeer& peer, std::uint32_t sleep, TimePoint now) noexcept {
  constexpr Nanos kAgain = 1ms;
  return sleep != peer.rung_in || now - peer.rung_at >= kAgain;
}

/// Wakes the subscribers that sleep. A process with several sleepers is woken once, as they share
/// its bell.
[[gnu::noinline]] void ring_sleepers(PublisherState& state) noexcept {
  const TimePoint now = MonotonicClock::now();
  std::array<const Bell*, kMaxSubscribers> rung{};
  std::size_t count = 0;
  state.subscribers.each([&](CursorPeer& peer, std::size_t) {
    const auto& cursor = *peer.region.as<const CursorFile>();
    const std::uint32_t sleep = cursor.sleeping.load(std::memory_order_seq_cst);
    if (sleep == 0 || peer.bell == nullptr) return;
    const auto end = rung.begin() + static_cast<std::ptrdiff_t>(count);
    const bool is_rung =
        std::find(rung.begin(), end, peer.bell.get()) != end || rings_later(peer.bell);
    if (!is_rung && (!may_ring(peer, sleep, now) || !peer.bell->has_time(now))) {
      return state.view.header->unrung.add();
    }
    peer.rung_in = sleep;
    peer.rung_at = now;
    if (is_rung) return;
    rung[count++] = peer.bell.get();
    ring_or_defer(peer.bell);
  });
}

/// Changes over to the ring that replaces one whose file was removed (SHM-16). Readers of the old
/// ring read all that is new in this one, so nothing is lost.
[[gnu::noinline]] void go_over(PublisherState& state) noexcept {
  // acquire: the new ring is complete.
  NextRing* const taken = state.offered.exchange(nullptr, std::memory_order_acquire);
  if (taken == nullptr) return;
  NextRing& next = *taken;
  next.view.header->refused.add(state.view.header->refused.value());
  next.view.header->bytes.add(state.view.header->bytes.value());
  next.view.header->unrung.add(state.view.header->unrung.value());
  state.view = next.view;
  // seq_cst, in this order: either isolate() finds this ring, or its flag is seen here.
  state.header.store(next.view.header);
  next.view.header->isolated.store(state.isolated.load() ? 1 : 0);
  state.inode = next.inode;
  state.sent_before += std::exchange(state.sent, next.carried) - next.carried;
  state.reserved = next.reserved;
  state.subscribers.each([&next](CursorPeer& peer, std::size_t) { peer.taken = next.carried; });
  // release: the helper thread may unmap the old ring, as this thread is done with it.
  next.taken.store(true, std::memory_order_release);
}

}  // namespace

PublisherState::~PublisherState() {
  if (session == nullptr) return;
  session->remove(*this);
}

RawPublisher::RawPublisher() noexcept = default;
RawPublisher::RawPublisher(std::unique_ptr<PublisherState> state) noexcept
    : state_{std::move(state)} {}
RawPublisher::RawPublisher(RawPublisher&&) noexcept = default;
RawPublisher& RawPublisher::operator=(RawPublisher&&) noexcept = default;
RawPublisher::~RawPublisher() = default;

bool RawPublisher::send(std::span<const std::byte> message) noexcept {
  PublisherState& state = *state_;
  if (NodeStats* const actuator = held_back(state.actuator); actuator != nullptr) [[unlikely]] {
    actuator->held.add();
    return false;
  }
  // relaxed: go_over() loads it again, with acquire.
  if (state.offered.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
    go_over(state);
  const RingView& ring = state.view;
  const std::size_t least = state.type->size;  // 0 for generic messages.
  if (message.size() > ring.max_size || message.size() < least) return refuse(state);
  if (state.finite && !is_finite(*state.type, message)) return refuse(state);
  std::uint64_t place = 0;
  std::uint64_t end = 0;
  if (ring.area_size != 0) {
    place = place_for(ring, state.reserved, message.size());
    end = place + padded(message.size());
  }
  if (state.refuses && !has_room(state, end)) return refuse(state);
  write_message(ring, state.sent, place, message, cycle_count());
  ++state.sent;
  state.reserved = end;
  count(state.counters.sent);
  add_bytes(message.size());
  bool asleep = false;
  state.subscribers.each([&](const CursorPeer& peer, std::size_t slot) {
    // relaxed: a hint of the helper thread.
    if (peer.dead.load(std::memory_order_relaxed)) [[unlikely]] {
      state.subscribers.release(slot);
      return;
    }
    // seq_cst: this look comes after the message's stamp was stored, see wakeup.hpp.
    const auto& cursor = *peer.region.as<const CursorFile>();
    asleep = cursor.sleeping.load(std::memory_order_seq_cst) != 0 || asleep;
  });
  if (asleep) ring_sleepers(state);
  return true;
}

bool RawPublisher::refuses_now(std::size_t size) noexcept {
  PublisherState& state = *state_;
  // relaxed: go_over() loads it again, with acquire.
  if (state.offered.load(std::memory_order_relaxed) != nullptr) go_over(state);
  if (size > state.view.max_size || costs_nothing(state, end_of(state, size))) return false;
  return !refuse(state);
}

const TypeInfo& RawPublisher::type() const noexcept {
  return *state_->type;
}
std::size_t RawPublisher::max_size() const noexcept {
  return state_->view.max_size;
}
std::uint64_t RawPublisher::capacity() const noexcept {
  return state_->view.capacity();
}
bool RawPublisher::refuses() const noexcept {
  return state_->refuses;
}
void RawPublisher::add_bytes(std::uint64_t bytes) noexcept {
  state_->view.header->bytes.add(bytes);
  count(state_->counters.bytes, bytes);
}
std::uint32_t RawPublisher::subscribers() const noexcept {
  std::uint32_t alive = 0;
  // relaxed: a hint of the helper thread.
  state_->subscribers.each([&alive](const CursorPeer& peer, std::size_t) {
    alive += peer.dead.load(std::memory_order_relaxed) ? 0U : 1U;
  });
  return alive;
}
std::uint32_t RawPublisher::readers() const noexcept {
  std::uint32_t reading = 0;
  state_->subscribers.each([&](const CursorPeer& peer, std::size_t) {
    const auto& rows = peer.region.as<const CursorFile>()->rows;
    // relaxed: numbers on their own.
    const bool reads = std::ranges::any_of(rows, [this](const TakenRow& row) {
      return row.ring.load(std::memory_order_relaxed) == state_->inode;
    });
    reading += reads && !peer.dead.load(std::memory_order_relaxed) ? 1U : 0U;
  });
  return reading;
}
std::uint64_t RawPublisher::wanted() noexcept {
  PublisherState& state = *state_;
  if (state.refuses) return capacity();
  bool heard = false;
  std::uint64_t most = 0;
  std::uint64_t most_ahead = 0;
  state.subscribers.each([&](CursorPeer& peer, std::size_t) {
    // relaxed: a hint of the helper thread.
    if (peer.dead.load(std::memory_order_relaxed)) return;
    const bool ahead = peer.is_ahead() && peer.bell == state.session->bell;
    heard = heard || !ahead;
    std::uint64_t& its = ahead ? most_ahead : most;
    its = std::max(its, left_to_take(state, peer));
  });
  return heard ? most : most_ahead;
}
std::uint64_t RawPublisher::sent() const noexcept {
  return state_->sent_before + state_->sent;
}
std::uint64_t RawPublisher::unrung() const noexcept {
  return state_->view.header->unrung.value();
}
std::uint64_t RawPublisher::refused() const noexcept {
  return state_->view.header->refused.value();
}

}  // namespace horus::shm
