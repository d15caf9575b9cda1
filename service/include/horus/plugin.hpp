// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <horus/image.hpp>
#include <horus/log.hpp>
#include <horus/node.hpp>
#include <horus/params.hpp>
#include <horus/payload.hpp>
#include <horus/point_cloud.hpp>
#include <horus/result.hpp>
#include <horus/topic.hpp>

/// The plug-in API: C++ nodes in a shared library that horusd loads.
///
///   #include <horus/msg/control.hpp>
///   #include <horus/plugin.hpp>
///
///   class Motor : public horus::Node {
///    public:
///     explicit Motor(horus::PluginContext& context)
///         : kp_{context.params().get("kp", 0.8)},
///           orders_{horus::or_throw(context.topics().subscriber<horus::msg::CmdVel>("cmd_vel"))}
///           {}
///     void tick(const horus::Tick& tick) override {
///       if (const auto order = orders_.take()) drive(kp_ * order->linear);
///     }
///     ...
///   };
///   HORUS_PLUGIN(HORUS_NODE(Motor), HORUS_NODE(ImuDriver))
///
/// In the configuration: `plugin = "libmy_nodes.so"`, `type = "Motor"`, `rate = 1000`. CMake:
/// `find_package(horus)` and `target_link_libraries(my_nodes PRIVATE horus::horus)`.
///
/// A node is constructed on horusd's main thread before any node ticks, and may allocate there. A
/// constructor may throw std::exception: horusd then does not start, and reports the exception's
/// text with the node's place in the configuration. Plug-ins are never unloaded.
namespace horus {

/// Version of everything that plug-ins and horusd share in memory. Raised with every change of it;
/// horusd refuses a plug-in that was built with another number.
inline constexpr std::uint32_t kPluginAbi = 9;

/// A node's way to topics: Session::of_node() of horusd's. Cheap to copy; a copy is valid as long
/// as the node.
using Topics = shm::Session;

/// What horusd gives to a node's constructor. Valid only while the constructor runs; a copy of
/// topics() stays valid as long as the node.
///
/// Thread safety: one thread, the one that runs the constructor. Not RT-safe.
class PluginContext {
 public:
  PluginContext(const Topics& topics, const Params& params, std::string_view node_name,
                std::string_view on)
      : topics_{topics}, params_{params}, node_name_{node_name}, on_{on} {}

  /// Makes publishers and subscribers. Copy it to use it later than in the constructor.
  Topics& topics() noexcept { return topics_; }
  /// The `params` table of this node. A key that the constructor never asks for keeps horusd from
  /// starting.
  const Params& params() const noexcept { return params_; }
  /// The name of the node in the configuration.
  std::string_view node_name() const noexcept { return node_name_; }

  /// The topic that an event node waits for (`on = "..."`); empty for nodes with a rate.
  std::string_view on() const noexcept { return on_; }
  /// Has an event node tick on new messages of `subscriber`, which must be a member of the node:
  /// it is used as long as the node lives. An event node (`on = "..."`) whose constructor does not
  /// call this is refused. No effect on nodes with a rate. The last call counts.
  template <typename Subscriber>
  void wake_on(Subscriber& subscriber) {
    wake_ = std::make_unique<Wake<Subscriber>>(subscriber);
  }
  /// For horusd's loader: takes what wake_on() made; null if it was not called.
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

  Topics topics_;
  const Params& params_;
  std::string_view node_name_;
  std::string_view on_;
  std::unique_ptr<WakeSource> wake_;
};

/// One type of node that a plug-in offers.
struct PluginNodeType {
  const char* name;                       ///< As `type` in the configuration.
  Node* (*make)(PluginContext& context);  ///< Constructs a node. May throw.
  void (*destroy)(Node* node) noexcept;   ///< Deletes a node that `make` returned.
};

/// What horus_plugin_v1() returns. `abi` is the first member in every version: horusd checks it
/// before it reads anything else.
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

/// A node type, for HORUS_PLUGIN(). The configuration's `type` is the class's name as written here.
/// The class needs a constructor that takes a PluginContext&.
#define HORUS_NODE(Type) ::horus::detail::node_type<Type>(#Type)

/// Exports the node types of a shared library. Use it once per library, outside of any namespace.
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
