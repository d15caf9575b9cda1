// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <horus/result.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

/// Payloads: images, point clouds and tensors, which stay where they are in shared memory while
/// topics carry their descriptions. <horus/image.hpp> and <horus/point_cloud.hpp> have the others.
///
///   auto frames = horus::or_throw(topics.publisher<horus::shm::Tensor>("features"));
///   auto tensor = horus::or_throw(horus::shm::Tensor::make(topics, std::array{64UL, 128UL}));
///   fill(tensor.writable());
///   frames.send(std::move(tensor));

namespace horus {

struct NodeStats;
namespace msg {
struct TensorDescriptor;
}

}  // namespace horus

namespace horus::shm {

struct PayloadKind;
struct PayloadState;

/// Element types of tensors. Their numbers are sent in descriptors, so they never change.
enum class Dtype : std::uint8_t {
  kF32,
  kF64,
  kF16,
  kBf16,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kBool
};
inline constexpr std::size_t kDtypes = 13;
inline constexpr std::size_t kMaxDimensions = 8;  ///< Of a tensor.

std::size_t size_of(Dtype dtype) noexcept;       ///< Bytes of one element.
std::string_view name_of(Dtype dtype) noexcept;  ///< "float32"
std::optional<Dtype> parse_dtype(std::string_view name) noexcept;

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
  Nanos age() const noexcept;  ///< See RawSubscriber for this and the next three.
  bool stale() noexcept;
  bool gave_fallback() const noexcept;
  std::uint64_t pending() const noexcept;
  /// The subscriber of the descriptors: for RawSubscriber::wait_any().
  RawSubscriber& messages() noexcept;

  // For HORUS itself.
  void tell_age(NodeStats& node) noexcept;    ///< See RawSubscriber.
  void belongs_to(NodeStats* node) noexcept;  ///< See RawSubscriber.

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

/// Numbers of one type in up to 8 dimensions.
class Tensor : public Payload {
 public:
  using Payload::Payload;
  using Publisher = PooledPublisher<Tensor>;
  using Subscriber = PooledSubscriber<Tensor>;
  /// A new tensor from this process's pools; the errors are those of Payload's make().
  static Result<Tensor> make(Session& session, std::span<const std::uint64_t> shape,
                             Dtype dtype = Dtype::kF32);
  /// For HORUS itself. The tensor that `descriptor` describes, read-only; a process of this base
  /// must keep it. kNotFound when it is gone. May map its pool: not for a tick.
  static Result<Tensor> find(Session& session, const msg::TensorDescriptor& descriptor);
  static const PayloadKind& kind() noexcept;
};

}  // namespace horus::shm
