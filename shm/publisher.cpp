// SPDX-License-Identifier: Apache-2.0
#include "shm/publisher.hpp"

#include <utility>

#include "shm/session_impl.hpp"

namespace horus::shm {

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
  const std::size_t least = state.type->size;  // Of a generic message: 0.
  if (message.size() > state.view.max_size || message.size() < least) {
    state.view.header->refused.add();
    count(state.counters.dropped);
    return false;
  }
  write_slot(state.view, state.sent, message, cycle_count());
  ++state.sent;
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
  return state_->view.mask + 1;
}
std::uint64_t RawPublisher::sent() const noexcept {
  return state_->sent;
}
std::uint64_t RawPublisher::refused() const noexcept {
  return state_->view.header->refused.value();
}

}  // namespace horus::shm
