// SPDX-License-Identifier: Apache-2.0
#include "shm/payload.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "shm/payload_state.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

constexpr std::uint32_t kPayloadCapacity = 8;

char* frame_id_of(PayloadState& state) noexcept {
  return reinterpret_cast<char*>(state.descriptor.data()) + state.kind.frame_id_at;
}

}  // namespace

Dtype Payload::dtype() const noexcept {
  return static_cast<Dtype>(state_->tensor().dtype);
}
std::span<const std::uint64_t> Payload::shape() const noexcept {
  return {state_->tensor().shape, state_->tensor().ndim};
}
std::span<const std::uint64_t> Payload::strides() const noexcept {
  return {state_->tensor().strides, state_->tensor().ndim};
}
std::span<const std::byte> Payload::bytes() const noexcept {
  return state_->bytes;
}
std::span<std::byte> Payload::writable() noexcept {
  return state_->writable;
}
bool Payload::read_only() const noexcept {
  return state_->own == nullptr;
}

std::uint64_t StampedPayload::timestamp_ns() const noexcept {
  std::uint64_t ns = 0;
  std::memcpy(&ns, state_->descriptor.data() + kStampAt, sizeof ns);
  return ns;
}
void StampedPayload::set_timestamp_ns(std::uint64_t ns) noexcept {
  std::memcpy(state_->descriptor.data() + kStampAt, &ns, sizeof ns);
}
std::string_view StampedPayload::frame_id() const noexcept {
  const char* const text = frame_id_of(*state_);
  return {text, ::strnlen(text, kFrameIdSize)};
}
bool StampedPayload::set_frame_id(std::string_view id) noexcept {
  if (id.size() >= kFrameIdSize) return false;
  char* const text = frame_id_of(*state_);
  std::fill_n(text, kFrameIdSize, '\0');
  std::ranges::copy(id, text);
  return true;
}

const PayloadKind* find_payload_kind(std::string_view type) noexcept {
  for (const PayloadKind* kind :
       {&Image::kind(), &PointCloud::kind(), &DepthImage::kind(), &Tensor::kind()}) {
    if (kind->type.name == type) return kind;
  }
  return nullptr;
}

struct PayloadPublisher::State {
  Session::Impl* session = nullptr;
  const PayloadKind* kind = nullptr;
  RawPublisher raw;
  std::vector<std::shared_ptr<PayloadState>> window;  ///< What the ring's descriptors refer to.
  std::size_t next = 0;
};

PayloadPublisher::PayloadPublisher() noexcept = default;
PayloadPublisher::PayloadPublisher(std::unique_ptr<State> state) noexcept
    : state_{std::move(state)} {}
PayloadPublisher::PayloadPublisher(PayloadPublisher&&) noexcept = default;
PayloadPublisher& PayloadPublisher::operator=(PayloadPublisher&&) noexcept = default;
PayloadPublisher::~PayloadPublisher() = default;

bool PayloadPublisher::send(const Payload& payload) noexcept {
  std::shared_ptr<PayloadState> sent = payload.state();
  if (&sent->kind != state_->kind) return false;
  if (!sent->own || !state_->session->owns(*sent->own)) {
    auto copy = copy_payload(*state_->session, *sent);
    if (!copy) return false;
    sent = std::move(copy).value();
  }
  // The payload joins the window before its descriptor does, and the one that leaves the window
  // leaves the ring with this very send.
  std::swap(state_->window[state_->next], sent);
  const auto& descriptor = state_->window[state_->next]->descriptor;
  const bool queued = state_->raw.send(std::span{descriptor}.first(state_->kind->type.size));
  if (queued) {
    state_->raw.add_bytes(state_->window[state_->next]->tensor().size);
    state_->next = (state_->next + 1) % state_->window.size();
  } else {
    std::swap(state_->window[state_->next], sent);
  }
  return queued;
}

std::uint64_t PayloadPublisher::sent() const noexcept {
  return state_->raw.sent();
}

struct PayloadSubscriber::State {
  Session::Impl* session = nullptr;
  const PayloadKind* kind = nullptr;
  RawSubscriber raw;
  std::vector<std::shared_ptr<PeerPool>> pools;  ///< Those that payloads came from so far.
  std::uint64_t lost = 0;                        ///< Descriptors whose payload was gone.
  MessageCounters counters;
  std::uint64_t counted_missed = 0;

  std::uint64_t missed() const noexcept { return raw.missed() + lost; }
  void count_missed() noexcept {
    count(counters.dropped, missed() - std::exchange(counted_missed, missed()));
  }
  std::shared_ptr<PeerPool> pool(std::uint32_t id);
  Payload payload_of(std::span<const std::byte> descriptor);
};

std::shared_ptr<PeerPool> PayloadSubscriber::State::pool(std::uint32_t id) {
  const auto found =
      std::ranges::find_if(pools, [id](const auto& pool) { return pool->id() == id; });
  if (found != pools.end()) return *found;
  auto opened = session->peer_pool(id);
  if (!opened) return nullptr;
  // Publishers that come and go leave no memory behind: what is held keeps its pool by itself.
  std::erase_if(pools, [](const auto& pool) { return !pool->alive(); });
  pools.push_back(std::move(opened).value());
  return pools.back();
}

Payload PayloadSubscriber::State::payload_of(std::span<const std::byte> descriptor) {
  auto state = make_state(*kind);
  std::ranges::copy(descriptor, state->descriptor.begin());
  if (!sound(*state)) return {};
  const auto from = pool(state->tensor().pool_id);
  if (from == nullptr || !attach(*state, from)) return {};
  return Payload{std::move(state)};
}

PayloadSubscriber::PayloadSubscriber() noexcept = default;
PayloadSubscriber::PayloadSubscriber(std::unique_ptr<State> state) noexcept
    : state_{std::move(state)} {}
PayloadSubscriber::PayloadSubscriber(PayloadSubscriber&&) noexcept = default;
PayloadSubscriber& PayloadSubscriber::operator=(PayloadSubscriber&&) noexcept = default;
PayloadSubscriber::~PayloadSubscriber() = default;

Payload PayloadSubscriber::take() noexcept {
  alignas(8) std::array<std::byte, kMaxDescriptor> buffer{};
  Payload taken;
  for (std::ptrdiff_t size = 0; !taken && (size = state_->raw.take(buffer)) >= 0;) {
    taken = state_->payload_of(std::span{buffer}.first(state_->kind->type.size));
    if (taken) {
      count(state_->counters.received);
    } else {
      ++state_->lost;
    }
  }
  state_->count_missed();
  return taken;
}

Payload PayloadSubscriber::take_latest() noexcept {
  constexpr int kMaxTries = 8;  // A publisher that takes back each block at once is not waited for.
  alignas(8) std::array<std::byte, kMaxDescriptor> buffer{};
  Payload newest;
  for (int tried = 0; !newest && tried < kMaxTries; ++tried) {
    const std::uint64_t before = state_->raw.received();
    if (state_->raw.take_latest(buffer) < 0) break;
    newest = state_->payload_of(std::span{buffer}.first(state_->kind->type.size));
    if (!newest) ++state_->lost;
    count(state_->counters.received, state_->raw.received() - before - (newest ? 0U : 1U));
  }
  state_->count_missed();
  return newest;
}

bool PayloadSubscriber::has_message() const noexcept {
  return state_->raw.has_message();
}
bool PayloadSubscriber::wait_until(TimePoint until) noexcept {
  return state_->raw.wait_until(until);
}
void PayloadSubscriber::interrupt() noexcept {
  state_->raw.interrupt();
}
std::uint64_t PayloadSubscriber::received() const noexcept {
  return state_->raw.received() - state_->lost;
}
std::uint64_t PayloadSubscriber::torn() const noexcept {
  return state_->raw.torn();
}
std::uint64_t PayloadSubscriber::missed() const noexcept {
  return state_->missed();
}
std::uint64_t PayloadSubscriber::pending() const noexcept {
  return state_->raw.pending();
}

Result<PayloadPublisher> Session::payload_publisher(std::string_view topic, const PayloadKind& kind,
                                                    TopicOptions options) {
  if (options.capacity == 0) options.capacity = kPayloadCapacity;
  auto raw = publish(topic, kind.type, options);
  if (!raw) return raw.error();
  auto state = std::make_unique<PayloadPublisher::State>();
  state->session = impl_.get();
  state->kind = &kind;
  state->raw = std::move(raw).value();
  state->window.resize(state->raw.capacity());
  return PayloadPublisher{std::move(state)};
}

Result<PayloadSubscriber> Session::payload_subscriber(std::string_view topic,
                                                      const PayloadKind& kind,
                                                      TopicOptions options) {
  if (options.capacity == 0) options.capacity = kPayloadCapacity;
  // Counted by payloads, not by descriptors.
  const MessageCounters counters = std::exchange(options.counters, {});
  auto raw = subscribe(topic, kind.type, options);
  if (!raw) return raw.error();
  auto state = std::make_unique<PayloadSubscriber::State>();
  state->session = impl_.get();
  state->kind = &kind;
  state->counters = counters;
  state->raw = std::move(raw).value();
  return PayloadSubscriber{std::move(state)};
}

}  // namespace horus::shm
