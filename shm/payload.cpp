// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <horus/payload.hpp>

#include "rt/base/tick_stats.hpp"
#include "shm/open_details.hpp"
#include "shm/payload_state.hpp"

namespace horus::shm {
namespace {

constexpr std::uint32_t kPayloadCapacity = 8;
/// Blocks that a publisher with a declared size has beyond those of its window: one that is being
/// filled, and some that readers hold.
constexpr std::uint32_t kBeyondWindow = 4;

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
  // acquire: if this thread sees the send, it writes nothing to the block after it.
  if (state_->sent.load(std::memory_order_acquire) != 0) {
    auto fresh = renewed(*state_);
    if (fresh == nullptr) return {};
    state_ = std::move(fresh);
  }
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

struct __attribute__((visibility("hidden"))) PayloadPublisher::State {
  ~State() {
    if (pools == nullptr) return;
    // The destructor may wait for readers, which need their payloads meanwhile: so it comes first.
    raw = {};
    if (window) pools->remove(*window);
    if (window && reserve.empty()) pools->own().unshare();
    pools->release(reserve);
  }
  std::shared_ptr<PoolSet> pools;
  const PayloadKind* kind = nullptr;
  RawPublisher raw;
  std::optional<PayloadWindow> window;  ///< The blocks that the ring's descriptors refer to.
  OwnPools::Reserve reserve;
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
  if (!sent->own || !state_->pools->own().owns(*sent->own)) {
    auto copy = copy_payload(state_->pools, *sent);
    if (!copy) return false;
    sent = std::move(copy).value();
  }
  // The block joins the window before its descriptor joins the ring: a reader always finds it kept.
  sent->sent.fetch_add(1, std::memory_order_acq_rel);
  sent->use->share();
  state_->window->push(*sent->use);
  const bool queued = state_->raw.send(std::span{sent->descriptor}.first(state_->kind->type.size));
  state_->window->settle(queued, state_->raw.wanted());
  if (queued) {
    sent->own->seal(sent->tensor().slot_id);
    state_->raw.add_bytes(sent->tensor().size);
  } else {
    sent->sent.fetch_sub(1, std::memory_order_acq_rel);
  }
  return queued;
}

bool PayloadPublisher::refuses_now() noexcept {
  return state_->raw.refuses_now(state_->kind->type.size);
}

std::uint64_t PayloadPublisher::sent() const noexcept {
  return state_->raw.sent();
}

struct __attribute__((visibility("hidden"))) PayloadSubscriber::State {
  std::shared_ptr<PoolSet> pools;
  const PayloadKind* kind = nullptr;
  RawSubscriber raw;
  std::uint64_t lost = 0;        ///< Descriptors whose payload was gone while it was wanted.
  std::uint64_t superseded = 0;  ///< Payloads gone, but as many newer ones followed as are wanted.
  MessageCounters counters;
  std::uint64_t counted_missed = 0;
  std::uint64_t counted_passed_over = 0;

  SubscriberCounts counts() const noexcept {
    SubscriberCounts counts = raw.counts();
    counts.received -= lost + superseded;
    counts.missed += lost;
    counts.passed_over += superseded;
    return counts;
  }
  /// Counts a payload that was gone. It is not a loss if enough newer ones are pending, or if it
  /// was sent before this subscriber came: publishers keep payloads only for subscribers that
  /// exist.
  void count_gone(std::uint64_t wanted) noexcept {
    ++(raw.pending() >= wanted || raw.was_before() ? superseded : lost);
  }
  void count_missed() noexcept {
    const SubscriberCounts now = counts();
    const std::uint64_t more = now.missed - std::exchange(counted_missed, now.missed);
    count(counters.dropped, more);
    count(counters.missed, more);
    count(counters.passed_over,
          now.passed_over - std::exchange(counted_passed_over, now.passed_over));
  }
  Payload payload_of(std::span<const std::byte> descriptor);
};

Payload PayloadSubscriber::State::payload_of(std::span<const std::byte> descriptor) {
  auto state = make_state(*kind);
  std::ranges::copy(descriptor, state->descriptor.begin());
  if (!is_valid(*state)) return {};
  const auto from = pools->peers().find(state->tensor().pool_id);
  if (from == nullptr || !hold(*state, from)) return {};
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
    state_->raw.tell_taken();
    if (taken) {
      count(state_->counters.received);
      if (state_->counters.whole != nullptr) tell_age(*state_->counters.whole);
    } else {
      state_->count_gone(state_->raw.depth());
    }
  }
  state_->count_missed();
  return taken;
}

Payload PayloadSubscriber::take_latest() noexcept {
  constexpr int kMaxTries = 8;  // Ends the loop against a publisher that reuses each block at once.
  alignas(8) std::array<std::byte, kMaxDescriptor> buffer{};
  Payload newest;
  for (int tried = 0; !newest && tried < kMaxTries; ++tried) {
    if (state_->raw.take_latest(buffer) < 0) break;
    newest = state_->payload_of(std::span{buffer}.first(state_->kind->type.size));
    state_->raw.tell_taken();
    if (newest) {
      count(state_->counters.received);
      if (state_->counters.whole != nullptr) tell_age(*state_->counters.whole);
    } else {
      state_->count_gone(1);
    }
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
bool PayloadSubscriber::wait_for_new(TimePoint until) noexcept {
  return state_->raw.wait_for_new(until);
}
void PayloadSubscriber::interrupt() noexcept {
  state_->raw.interrupt();
}
SubscriberCounts PayloadSubscriber::counts() const noexcept {
  return state_->counts();
}
Nanos PayloadSubscriber::age() const noexcept {
  return state_->raw.age();
}
bool PayloadSubscriber::stale() noexcept {
  return state_->raw.stale();
}
bool PayloadSubscriber::gave_fallback() const noexcept {
  return state_->raw.gave_fallback();
}
void PayloadSubscriber::belongs_to(NodeStats* node) noexcept {
  state_->raw.belongs_to(node);
}
void PayloadSubscriber::tell_age(NodeStats& node) noexcept {
  state_->raw.tell_age(node);
}
RawSubscriber& PayloadSubscriber::messages() noexcept {
  return state_->raw;
}
std::uint64_t PayloadSubscriber::pending() const noexcept {
  return state_->raw.pending();
}

Result<PayloadPublisher> PayloadPublisher::open(Session& session, std::string_view topic,
                                                const PayloadKind& kind, TopicOptions options) {
  if (options.capacity == 0) options.capacity = kPayloadCapacity;
  if (options.finite) {
    return Error{Errc::kInvalidArgument, "finite is for topics of messages, not of frames", 0,
                 Name<200>::clipped(topic)};
  }
  auto state = std::make_unique<PayloadPublisher::State>();
  state->pools = session.pools();
  auto raw = session.publish(topic, kind.type, options);
  if (!raw) return raw.error();
  state->kind = &kind;
  state->raw = std::move(raw).value();
  const auto depth = static_cast<std::uint32_t>(state->raw.capacity());
  if (options.size != 0) {
    auto reserve = state->pools->reserve(options.size, depth + kBeyondWindow);
    if (!reserve) return reserve.error();
    state->reserve = std::move(reserve).value();
  }
  state->window.emplace(depth);
  if (options.size == 0) state->pools->own().share();
  // grow() may trim the windows of topics that overwrite. A topic that refuses keeps what its
  // readers have not taken.
  if (!state->raw.refuses()) state->pools->add(*state->window);
  state->pools->discover();
  make_state(kind);  // The first one allocates, and must not do so in a tick.
  return PayloadPublisher{std::move(state)};
}

Result<PayloadSubscriber> PayloadSubscriber::open(Session& session, std::string_view topic,
                                                  const PayloadKind& kind, TopicOptions options) {
  if (options.capacity == 0) options.capacity = kPayloadCapacity;
  if (options.fallback != Fallback::kNone && options.fallback != Fallback::kStop) {
    return Error{Errc::kInvalidArgument, "the fallback of a topic of frames is 'stop', or none", 0,
                 Name<200>::clipped(topic)};
  }
  OpenDetails details;
  session.add_defaults(options, details, Session::kPayloadDepth);
  // Received and lost payloads are counted here; the raw subscriber must not count descriptors.
  const MessageCounters counters = details.counters;
  details.counters = {.node = counters.node};
  options.details = &details;
  const bool watched = options.timeout != Nanos{};
  auto raw = session.subscribe(topic, kind.type, options);
  if (!raw) return raw.error();
  auto state = std::make_unique<PayloadSubscriber::State>();
  state->pools = session.pools();
  state->kind = &kind;
  state->counters = counters;
  state->raw = std::move(raw).value();
  if (watched) state->raw.belongs_to(counters.whole);
  make_state(kind);  // See open() of the publisher.
  state->raw.expect_frames();
  return PayloadSubscriber{std::move(state)};
}

}  // namespace horus::shm
