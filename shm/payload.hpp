// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "rt/base/result.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "shm/dtype.hpp"
#include "shm/session.hpp"

namespace horus::shm {

struct PayloadKind;
struct PayloadState;

/// A block of a pool in shared memory and what is said of it: one's own (writable) or received
/// (read-only). Copies of the handle share the block, which lives as long as any of them, in any
/// process. What images, point clouds, depth images and tensors have in common.
///
/// make() of a kind gives one of one's own to fill in place and then to send, from this process's
/// pools, which grow to fit; what is in it is not set. kInvalidArgument for a shape that cannot be;
/// kExhausted when /dev/shm is full; kBusy in a C++ tick that finds no free block: the helper
/// thread makes one, or TopicOptions::size did.
///
/// Thread safety: the handle's count is atomic; the contents are the user's affair.
class Payload {
 public:
  Payload() noexcept = default;
  explicit Payload(std::shared_ptr<PayloadState> state) noexcept : state_{std::move(state)} {}
  explicit operator bool() const noexcept { return state_ != nullptr; }

  Dtype dtype() const noexcept;
  std::span<const std::uint64_t> shape() const noexcept;
  std::span<const std::uint64_t> strides() const noexcept;  ///< Bytes.
  /// Every element, C order without gaps.
  std::span<const std::byte> bytes() const noexcept;
  /// Empty for what was received. What was sent is not written to any more: this handle goes on in
  /// a free block with the same content; empty when there is none. A span from before the send is
  /// not to be written to after it: others read there, and debug builds end who does.
  std::span<std::byte> writable() noexcept;
  bool read_only() const noexcept;

  const std::shared_ptr<PayloadState>& state() const noexcept { return state_; }

 protected:
  std::shared_ptr<PayloadState> state_;
};

/// A payload with a time and a coordinate frame.
class StampedPayload : public Payload {
 public:
  using Payload::Payload;

  std::uint64_t timestamp_ns() const noexcept;  ///< Nanoseconds since 1970.
  void set_timestamp_ns(std::uint64_t ns) noexcept;
  std::string_view frame_id() const noexcept;
  bool set_frame_id(std::string_view id) noexcept;  ///< False when longer than 31 bytes.
};

/// Image, PointCloud, DepthImage, Tensor.
template <typename T>
concept PooledPayload = std::derived_from<T, Payload> && requires {
  { T::kind() } -> std::same_as<const PayloadKind&>;
};

/// Sends payloads of one kind on one topic: their descriptors, none of their bytes.
///
/// Thread safety: one thread at a time.
class PayloadPublisher {
 public:
  /// `capacity` of them stay alive at most.
  static Result<PayloadPublisher> open(Session& session, std::string_view topic,
                                       const PayloadKind& kind, TopicOptions options = {});
  PayloadPublisher() noexcept;
  struct State;
  explicit PayloadPublisher(std::unique_ptr<State> state) noexcept;
  PayloadPublisher(PayloadPublisher&&) noexcept;
  PayloadPublisher& operator=(PayloadPublisher&&) noexcept;
  ~PayloadPublisher();

  /// Sends a descriptor; a payload that was received, or of another base, is copied into this
  /// process's pool first. False when there is no free block for that copy, or the payload is of
  /// another kind. It stays alive while a subscription that lives still wants it: one that has not
  /// taken it, and whose depth it is within. The newest stays in any case, and at most so many as
  /// the topic's capacity, 8 where nobody says.
  bool send(const Payload& payload) noexcept;
  /// As RawPublisher's, for one more descriptor.
  bool refuses_now() noexcept;
  std::uint64_t sent() const noexcept;

 private:
  std::unique_ptr<State> state_;
};

/// Takes payloads of one kind from one topic.
///
/// Thread safety: one thread at a time; interrupt() from any.
class PayloadSubscriber {
 public:
  static Result<PayloadSubscriber> open(Session& session, std::string_view topic,
                                        const PayloadKind& kind, TopicOptions options = {});
  PayloadSubscriber() noexcept;
  struct State;
  explicit PayloadSubscriber(std::unique_ptr<State> state) noexcept;
  PayloadSubscriber(PayloadSubscriber&&) noexcept;
  PayloadSubscriber& operator=(PayloadSubscriber&&) noexcept;
  ~PayloadSubscriber();

  /// The next one, held and read-only; an empty one when there is none. A payload whose block was
  /// taken back before it could be held counts as missed.
  Payload take() noexcept;
  Payload take_latest() noexcept;
  bool has_message() const noexcept;
  bool wait_until(TimePoint until) noexcept;
  bool wait_for_new(TimePoint until) noexcept;  ///< As RawSubscriber's.
  void interrupt() noexcept;
  SubscriberCounts counts() const noexcept;
  void tell_age(NodeStats& node) noexcept;  ///< As RawSubscriber's, as for the next four.
  Nanos age() const noexcept;
  bool stale() noexcept;
  bool gave_fallback() const noexcept;
  void belongs_to(NodeStats* node) noexcept;
  std::uint64_t pending() const noexcept;
  /// What tells of the payloads: to wait for many topics at once.
  RawSubscriber& messages() noexcept;

 private:
  std::unique_ptr<State> state_;
};

/// What Session::publisher<P>() gives.
template <typename P>
class PooledPublisher : public PayloadPublisher {
 public:
  static Result<PooledPublisher> open(Session& session, std::string_view topic,
                                      TopicOptions options) {
    auto raw = PayloadPublisher::open(session, topic, P::kind(), options);
    if (!raw) return raw.error();
    return PooledPublisher{std::move(raw).value()};
  }
  PooledPublisher() noexcept = default;
  explicit PooledPublisher(PayloadPublisher raw) noexcept : PayloadPublisher{std::move(raw)} {}
  /// See PayloadPublisher::send().
  bool send(const P& payload) noexcept { return PayloadPublisher::send(payload); }
  /// Hands the block over: the handle is empty then, where it was sent. A span of it that is kept
  /// is not to be written to.
  bool send(P&& payload) noexcept {
    const bool sent = PayloadPublisher::send(payload);
    if (sent) payload = P{};
    return sent;
  }
};

template <typename P>
class PooledSubscriber : public PayloadSubscriber {
 public:
  static Result<PooledSubscriber> open(Session& session, std::string_view topic,
                                       TopicOptions options) {
    auto raw = PayloadSubscriber::open(session, topic, P::kind(), options);
    if (!raw) return raw.error();
    return PooledSubscriber{std::move(raw).value()};
  }
  PooledSubscriber() noexcept = default;
  explicit PooledSubscriber(PayloadSubscriber raw) noexcept : PayloadSubscriber{std::move(raw)} {}
  /// See PayloadSubscriber::take().
  P take() noexcept { return P{PayloadSubscriber::take().state()}; }
  P take_latest() noexcept { return P{PayloadSubscriber::take_latest().state()}; }
};

}  // namespace horus::shm
