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

/// A handle to a block of a pool in shared memory and its description: one's own block (writable),
/// or a received one (read-only). Copies of the handle share the block, which lives as long as any
/// of them, in any process. The base of images, point clouds, depth images and tensors.
///
/// make() of a kind returns a new block from this process's pools, to be filled in place and sent.
/// The pools grow as needed. The content is not initialised. make() fails with kInvalidArgument for
/// an impossible shape; kExhausted for more than 1 GiB and when /dev/shm is full; and kBusy in a
/// C++ tick when no block is free. The helper thread then makes one; TopicOptions::size makes them
/// in advance.
///
/// Thread safety: copies of a handle may be used in several threads; their count is atomic. The
/// user orders the accesses to the contents and to the description. All calls need a handle that is
/// not empty.
class Payload {
 public:
  Payload() noexcept = default;
  explicit Payload(std::shared_ptr<PayloadState> state) noexcept : state_{std::move(state)} {}
  explicit operator bool() const noexcept { return state_ != nullptr; }

  Dtype dtype() const noexcept;
  std::span<const std::uint64_t> shape() const noexcept;
  std::span<const std::uint64_t> strides() const noexcept;  ///< Bytes, one per dimension.
  /// All elements in C order, without gaps.
  std::span<const std::byte> bytes() const noexcept;
  /// The block, to be filled; empty for a received payload. A block that was sent is not written
  /// any more: the handle then moves to a free block with the same content, and the span is empty
  /// if there is none. Do not write through a span that was obtained before the send: receivers
  /// read there, and debug builds end the program that does.
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

/// A kind of payload: Image, PointCloud, DepthImage or Tensor.
template <typename T>
concept PooledPayload = std::derived_from<T, Payload> && requires {
  { T::kind() } -> std::same_as<const PayloadKind&>;
};

/// Sends payloads of one kind on one topic. Only their descriptors are sent; the bytes stay where
/// they are.
///
/// Thread safety: one thread at a time.
class PayloadPublisher {
 public:
  /// At most `capacity` payloads stay alive in the topic. The errors are those of
  /// Session::publish(), kInvalidArgument for `finite`, and those of reserving memory for
  /// options.size.
  static Result<PayloadPublisher> open(Session& session, std::string_view topic,
                                       const PayloadKind& kind, TopicOptions options = {});
  PayloadPublisher() noexcept;
  struct State;
  explicit PayloadPublisher(std::unique_ptr<State> state) noexcept;
  PayloadPublisher(PayloadPublisher&&) noexcept;
  PayloadPublisher& operator=(PayloadPublisher&&) noexcept;
  ~PayloadPublisher();

  /// Sends the descriptor. A payload that was received, or that is of another base, is copied into
  /// this process's pool first. False when there is no free block for that copy, when the payload
  /// is of another kind, or when RawPublisher::send() refuses.
  ///
  /// The payload stays alive while a living subscription still wants it: one that has not taken it,
  /// and whose depth it is within. The newest one always stays. At most the topic's capacity stay,
  /// 8 by default.
  bool send(const Payload& payload) noexcept;
  /// See RawPublisher::refuses_now(), for one more descriptor.
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
  /// The errors are those of Session::subscribe(), and kInvalidArgument for a fallback but kStop.
  static Result<PayloadSubscriber> open(Session& session, std::string_view topic,
                                        const PayloadKind& kind, TopicOptions options = {});
  PayloadSubscriber() noexcept;
  struct State;
  explicit PayloadSubscriber(std::unique_ptr<State> state) noexcept;
  PayloadSubscriber(PayloadSubscriber&&) noexcept;
  PayloadSubscriber& operator=(PayloadSubscriber&&) noexcept;
  ~PayloadSubscriber();

  /// The next payload, held and read-only; empty when there is none. A payload whose block was
  /// reused before it could be held counts as missed, or as passed over if enough newer ones are
  /// there. Lock-free; allocates a small description, from a cache in the usual case.
  Payload take() noexcept;
  Payload take_latest() noexcept;
  bool has_message() const noexcept;
  bool wait_until(TimePoint until) noexcept;
  bool wait_for_new(TimePoint until) noexcept;  ///< See RawSubscriber::wait_for_new().
  void interrupt() noexcept;
  SubscriberCounts counts() const noexcept;
  void tell_age(NodeStats& node) noexcept;  ///< See RawSubscriber for this and the next five.
  Nanos age() const noexcept;
  bool stale() noexcept;
  bool gave_fallback() const noexcept;
  void belongs_to(NodeStats* node) noexcept;
  std::uint64_t pending() const noexcept;
  /// The subscriber of the descriptors: for RawSubscriber::wait_any().
  RawSubscriber& messages() noexcept;

 private:
  std::unique_ptr<State> state_;
};

/// What Session::publisher<P>() returns.
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
  /// Hands the block over: the handle is empty after a successful send. Do not write through a span
  /// that was obtained before.
  bool send(P&& payload) noexcept {
    const bool sent = PayloadPublisher::send(payload);
    if (sent) payload = P{};
    return sent;
  }
};

/// What Session::subscriber<P>() returns.
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
