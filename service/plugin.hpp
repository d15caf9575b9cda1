// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "rt/node.hpp"
#include "service/params.hpp"
#include "shm/depth_image.hpp"
#include "shm/image.hpp"
#include "shm/point_cloud.hpp"
#include "shm/tensor.hpp"

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
inline constexpr std::uint32_t kPluginAbi = 8;

/// A node's way to topics: Session::of_node() of horusd's. Cheap to copy; a copy is valid as long
/// as the node.
using Topics = shm::Session;

/// What a node's constructor may use. Valid while the constructor runs.
class PluginContext {
 public:
  PluginContext(const Topics& topics, const Params& params, std::string_view node_name,
                std::string_view on)
      : topics_{topics}, params_{params}, node_name_{node_name}, on_{on} {}

  /// May be copied, to be used for the node's whole life.
  Topics& topics() noexcept { return topics_; }
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

  Topics topics_;
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
