// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rt/base/result.hpp"
#include "rt/base/tick_stats.hpp"
#include "shm/depth_image.hpp"
#include "shm/image.hpp"
#include "shm/message.hpp"
#include "shm/point_cloud.hpp"
#include "shm/publisher.hpp"
#include "shm/subscriber.hpp"
#include "shm/tensor.hpp"

namespace horus::msg {
struct TensorDescriptor;
}

namespace horus::shm {

/// $HORUS_BASE, else /dev/shm/horus-<uid>; $HORUS_NAMESPACE adds a level. Creates nothing.
std::string default_base();

/// What a full ring does with one more message.
enum class Policy : std::uint8_t {
  kAny,        ///< What the topic does already; a new one overwrites.
  kOverwrite,  ///< The oldest message makes room; who has not taken it is told that it missed one.
  kRefuse,     ///< send() returns false while a living subscriber has not taken the oldest.
};

struct TopicOptions {
  /// Messages a ring holds; rounded up to a power of two; 0: by kind. Of messages whose size
  /// varies, so many of any size; at 0, as many as fit into 256 KiB, 4,096 at most.
  std::uint32_t capacity = 0;
  /// Where the size varies: largest message in bytes; 0: 4,096 of values, 1 MiB of messages.
  std::uint32_t max_size = 0;
  std::uint32_t history = 0;  ///< Subscribers: start up to this many messages back.
  Policy policy = Policy::kAny;
  MessageCounters counters{};  ///< Of the node that sends or receives; outlive what uses them.
};

/// A process's part in the topics of one base directory: its identity, its doorbell, and the
/// helper thread that attaches new publishers and subscribers (never an executor thread).
///
/// Thread safety: every call from any thread. Publishers and subscribers it makes are each for
/// one thread at a time. It outlives them.
class Session {
 public:
  /// Creates the directories it needs, sweeps what dead processes left.
  static Result<std::unique_ptr<Session>> open(std::string base = default_base());
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::string& base() const noexcept;

  /// Files of others that were not used, each counted once: damaged, foreign, above a limit, or
  /// without a place in a table that is full. last_rejection() says which and why.
  std::uint64_t rejected() const;
  std::optional<Error> last_rejection() const;

  /// Fails with kTypeMismatch naming both types (or policies) when the topic exists with another
  /// type, layout or policy; kInvalidArgument for a bad name (allowed: [A-Za-z0-9_./-], 1 to 200
  /// bytes), impossible limits, or a larger max_size than the topic has; kExhausted when /dev/shm
  /// is full, and for the 65th publisher or the 65th subscriber of one topic.
  Result<RawPublisher> publish(std::string_view topic, const TypeInfo& type,
                               TopicOptions options = {});
  Result<RawSubscriber> subscribe(std::string_view topic, const TypeInfo& type,
                                  TopicOptions options = {});

  template <Message T>
  Result<Publisher<T>> publisher(std::string_view topic, TopicOptions options = {}) {
    auto raw = publish(topic, type_info(Tag<T>{}), options);
    if (!raw) return raw.error();
    return Publisher<T>{std::move(raw).value()};
  }
  template <Message T>
  Result<Subscriber<T>> subscriber(std::string_view topic, TopicOptions options = {}) {
    auto raw = subscribe(topic, type_info(Tag<T>{}), options);
    if (!raw) return raw.error();
    return Subscriber<T>{std::move(raw).value()};
  }

  /// Payloads of one kind, by their descriptors; `capacity` of them stay alive in the topic.
  Result<PayloadPublisher> payload_publisher(std::string_view topic, const PayloadKind& kind,
                                             TopicOptions options = {});
  Result<PayloadSubscriber> payload_subscriber(std::string_view topic, const PayloadKind& kind,
                                               TopicOptions options = {});
  template <PooledPayload P>
  Result<PooledPublisher<P>> publisher(std::string_view topic, TopicOptions options = {}) {
    auto raw = payload_publisher(topic, P::kind(), options);
    if (!raw) return raw.error();
    return PooledPublisher<P>{std::move(raw).value()};
  }
  template <PooledPayload P>
  Result<PooledSubscriber<P>> subscriber(std::string_view topic, TopicOptions options = {}) {
    auto raw = payload_subscriber(topic, P::kind(), options);
    if (!raw) return raw.error();
    return PooledSubscriber<P>{std::move(raw).value()};
  }
  Result<ImagePublisher> image_publisher(std::string_view topic, TopicOptions options = {}) {
    return publisher<Image>(topic, options);
  }
  Result<ImageSubscriber> image_subscriber(std::string_view topic, TopicOptions options = {}) {
    return subscriber<Image>(topic, options);
  }

  /// Payloads of one's own to fill in place and then to send, from this process's pools, which
  /// grow to fit; what is in them is not set. kInvalidArgument for a shape that cannot be;
  /// kExhausted when every block is in use or /dev/shm is full.
  Result<Image> image(std::uint32_t height, std::uint32_t width, Encoding encoding);
  Result<PointCloud> point_cloud(std::uint32_t points, std::uint32_t fields = 3,
                                 Dtype dtype = Dtype::kF32);
  /// `dtype` is float32 or uint16.
  Result<DepthImage> depth_image(std::uint32_t height, std::uint32_t width,
                                 Dtype dtype = Dtype::kF32);
  Result<Tensor> tensor(std::span<const std::uint64_t> shape, Dtype dtype = Dtype::kF32);
  /// The tensor, read-only, that a process of this base describes and keeps. kNotFound when it is
  /// gone.
  Result<Tensor> tensor(const msg::TensorDescriptor& descriptor);

  struct Impl;
  Impl& impl() noexcept { return *impl_; }

 private:
  explicit Session(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// The type of topics that carry MessagePack values of any shape.
const TypeInfo& generic_type() noexcept;

}  // namespace horus::shm
