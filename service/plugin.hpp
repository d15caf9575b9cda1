// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "rt/node.hpp"
#include "service/params.hpp"
#include "shm/image.hpp"
#include "shm/publisher.hpp"
#include "shm/session.hpp"
#include "shm/subscriber.hpp"

/// The plug-in API: C++ nodes in a shared library that horusd loads.
///
///   class Motor : public horus::Node {
///    public:
///     explicit Motor(horus::PluginContext& context)
///         : kp_{context.params().get("kp", 0.8)} {}
///     void tick(const horus::Tick& tick) override;
///   };
///   HORUS_PLUGIN(HORUS_NODE(Motor), HORUS_NODE(ImuDriver))
///
/// A constructor may throw std::exception: horusd then does not start, with that text and the
/// place of the node in the configuration.
namespace horus {

/// Raised when anything that a plug-in and horusd share changes its shape.
inline constexpr std::uint32_t kPluginAbi = 7;

/// A node's way to topics: a Session whose publishers and subscribers count into the node's own
/// statistics. Cheap to copy; valid as long as the node. A subscriber begins with what was
/// sent since the robot started. Where its options say no depth it wants the newest 16 messages of
/// each publisher, of images and their like the newest one.
class NodeTopics {
 public:
  NodeTopics(shm::Session& session, const MessageCounters& counters)
      : session_{&session}, counters_{counters} {}

  template <shm::Message T>
  Result<shm::Publisher<T>> publisher(std::string_view topic, shm::TopicOptions options = {}) {
    return session_->publisher<T>(topic, counted(options));
  }
  template <shm::Message T>
  Result<shm::Subscriber<T>> subscriber(std::string_view topic, shm::TopicOptions options = {}) {
    return session_->subscriber<T>(topic, wanted(options, kDepth));
  }
  template <shm::PooledPayload P>
  Result<shm::PooledPublisher<P>> publisher(std::string_view topic,
                                            shm::TopicOptions options = {}) {
    return session_->publisher<P>(topic, counted(options));
  }
  template <shm::PooledPayload P>
  Result<shm::PooledSubscriber<P>> subscriber(std::string_view topic,
                                              shm::TopicOptions options = {}) {
    return session_->subscriber<P>(topic, wanted(options, kPayloadDepth));
  }
  Result<shm::ImagePublisher> image_publisher(std::string_view topic,
                                              shm::TopicOptions options = {}) {
    return session_->image_publisher(topic, counted(options));
  }
  Result<shm::ImageSubscriber> image_subscriber(std::string_view topic,
                                                shm::TopicOptions options = {}) {
    return session_->image_subscriber(topic, wanted(options, kPayloadDepth));
  }
  Result<shm::Image> image(std::uint32_t height, std::uint32_t width, shm::Encoding encoding) {
    return session_->image(height, width, encoding);
  }
  /// Counts a message that the node received and does not use: it is among those dropped.
  void count_refused() noexcept { count(counters_.dropped); }
  /// For topics whose type is known at run time only, and to make clouds, depth images, tensors.
  shm::Session& session() noexcept { return *session_; }

  static constexpr std::uint32_t kDepth = 16;
  static constexpr std::uint32_t kPayloadDepth = 1;

 private:
  shm::TopicOptions wanted(shm::TopicOptions options, std::uint32_t depth) const noexcept {
    if (!options.depth) options.depth = depth;
    return counted(options);
  }
  shm::TopicOptions counted(shm::TopicOptions options) const noexcept {
    options.counters = counters_;
    options.actuator = counters_.whole;
    if (!options.history) {
      options.history = std::numeric_limits<std::uint32_t>::max();
      options.since = session_->opened();
    }
    options.waits = false;  // For all of a robot's subscribers together, once they are there.
    return options;
  }

  shm::Session* session_;
  MessageCounters counters_;
};

/// What a node's constructor may use. Valid while the constructor runs.
class PluginContext {
 public:
  PluginContext(const NodeTopics& topics, const Params& params, std::string_view node_name,
                std::string_view on)
      : topics_{topics}, params_{params}, node_name_{node_name}, on_{on} {}

  /// May be copied, to be used for the node's whole life.
  NodeTopics& topics() noexcept { return topics_; }
  const Params& params() const noexcept { return params_; }
  std::string_view node_name() const noexcept { return node_name_; }

  /// The topic that an event node waits for (`on = "..."`); empty for nodes with a rate.
  std::string_view on() const noexcept { return on_; }
  /// Makes `subscriber`, a member of the node, what wakes an event node. No effect on nodes with
  /// a rate.
  template <typename Subscriber>
  void wake_on(Subscriber& subscriber) {
    wake_ = std::make_unique<Wake<Subscriber>>(subscriber);
  }
  /// For the loader: what wake_on() made, or null.
  std::unique_ptr<WakeSource> take_wake() noexcept { return std::move(wake_); }

 private:
  template <typename Subscriber>
  class Wake final : public WakeSource {
   public:
    explicit Wake(Subscriber& subscriber) : subscriber_{subscriber} {}
    bool wait_until(TimePoint until) noexcept override { return subscriber_.wait_for_new(until); }
    void interrupt() noexcept override { subscriber_.interrupt(); }

   private:
    Subscriber& subscriber_;
  };

  NodeTopics topics_;
  const Params& params_;
  std::string_view node_name_;
  std::string_view on_;
  std::unique_ptr<WakeSource> wake_;
};

/// One type of node that a plug-in offers.
struct PluginNodeType {
  const char* name;
  Node* (*make)(PluginContext& context);  ///< May throw.
  void (*destroy)(Node* node) noexcept;
};

/// What horus_plugin_v1() returns. `abi` comes first in every version, and is looked at first.
struct PluginTable {
  std::uint32_t abi;
  std::uint32_t count;
  const PluginNodeType* types;
};

namespace detail {
template <typename T>
constexpr PluginNodeType node_type(const char* name) noexcept {
  return {.name = name,
          .make = [](PluginContext& context) -> Node* { return new T(context); },
          .destroy = [](Node* node) noexcept { delete static_cast<T*>(node); }};
}
}  // namespace detail

}  // namespace horus

/// A node type, known to the configuration by the class's name (as written here).
#define HORUS_NODE(Type) ::horus::detail::node_type<Type>(#Type)

/// Once in a shared library, outside of any namespace: the node types it offers.
#define HORUS_PLUGIN(...)                                                       \
  extern "C" __attribute__((visibility("default"))) const ::horus::PluginTable* \
  horus_plugin_v1() {                                                           \
    static constexpr ::horus::PluginNodeType kTypes[] = {__VA_ARGS__};          \
    static constexpr ::horus::PluginTable kTable{                               \
        .abi = ::horus::kPluginAbi,                                             \
        .count = static_cast<std::uint32_t>(sizeof kTypes / sizeof kTypes[0]),  \
        .types = kTypes};                                                       \
    return &kTable;                                                             \
  }
