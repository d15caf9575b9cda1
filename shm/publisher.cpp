// SPDX-License-Identifier: Apache-2.0
#include "shm/publisher.hpp"

#include <algorithm>
#include <utility>

#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

bool refuse(PublisherState& state) noexcept {
  state.view.header->refused.add();
  count(state.counters.dropped);
  return false;
}

/// How far the subscriber has come in this ring. 0 until it has found the ring: it will read it
/// from its beginning.
std::uint64_t taken_by(const PublisherState& state, CursorPeer& peer) noexcept {
  const auto& rows = peer.region.as<const CursorFile>()->rows;
  // acquire: what the subscriber read below the number, it read before.
  const auto is_ours = [&](const TakenRow& row) {
    return row.ring.load(std::memory_order_acquire) == state.inode;
  };
  if (!is_ours(rows[peer.row])) {
    const auto found = std::ranges::find_if(rows, is_ours);
    if (found == rows.end()) return 0;
    peer.row = static_cast<std::size_t>(found - rows.begin());
  }
  return rows[peer.row].taken.load(std::memory_order_acquire);
}

/// Whether message `sent`, whose bytes end at `end`, replaces nothing from message `taken` on. A
/// number that is no honest one costs its teller messages, or has the topic refuse.
bool leaves(const PublisherState& state, std::uint64_t taken, std::uint64_t end) noexcept {
  if (taken >= state.sent) return true;
  if (state.sent - taken >= state.view.capacity()) return false;
  // relaxed: this thread wrote it.
  return state.view.area_size == 0 ||
         end - state.view.position(taken).load(std::memory_order_relaxed) <= state.view.area_size;
}

/// Whether no subscriber that lives still wants what message `sent` would replace.
bool has_room(PublisherState& state, std::uint64_t end) noexcept {
  bool room = true;
  state.subscribers.each([&](CursorPeer& peer, std::size_t slot) {
    // relaxed: a hint of the helper thread.
    if (peer.dead.load(std::memory_order_relaxed)) return state.subscribers.let_go(slot);
    if (leaves(state, peer.taken, end)) return;
    // What was seen last is not enough: another look.
    peer.taken = taken_by(state, peer);
    room = room && leaves(state, peer.taken, end);
  });
  return room;
}

}  // namespace

PublisherState::~PublisherState() {
  if (session == nullptr) return;
  session->remove(*this);
  region.unlink();
}

RawPublisher::RawPublisher() noexcept = default;
RawPublisher::RawPublisher(std::unique_ptr<PublisherState> state) noexcept
    : state_{std::move(state)} {}
RawPublisher::RawPublisher(RawPublisher&&) noexcept = default;
RawPublisher& RawPublisher::operator=(RawPublisher&&) noexcept = default;
RawPublisher::~RawPublisher() = default;

bool RawPublisher::send(std::span<const std::byte> message) noexcept {
  PublisherState& state = *state_;
  const RingView& ring = state.view;
  const std::size_t least = state.type->size;  // Of a generic message: 0.
  if (message.size() > ring.max_size || message.size() < least) return refuse(state);
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
  ring.header->bytes.add(message.size());
  count(state.counters.sent);
  state.subscribers.each([&state](CursorPeer& peer, std::size_t slot) {
    // relaxed: a hint of the helper thread.
    if (peer.dead.load(std::memory_order_relaxed)) [[unlikely]] {
      state.subscribers.let_go(slot);
      return;
    }
    // seq_cst: after the message was counted, see wakeup.hpp.
    const auto& cursor = *peer.region.as<const CursorFile>();
    if (cursor.sleeping.load(std::memory_order_seq_cst) != 0 && peer.bell != nullptr) {
      ring_or_defer(peer.bell);
    }
  });
  return true;
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
void RawPublisher::add_bytes(std::uint64_t bytes) noexcept {
  state_->view.header->bytes.add(bytes);
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
std::uint64_t RawPublisher::sent() const noexcept {
  return state_->sent;
}
std::uint64_t RawPublisher::refused() const noexcept {
  return state_->view.header->refused.value();
}

}  // namespace horus::shm
