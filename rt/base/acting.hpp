// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "rt/base/tick_stats.hpp"

namespace horus {

/// The actuator whose callback the calling thread runs.
struct Acting {
  NodeStats* node = nullptr;  ///< Null: none.
  bool rests = false;         ///< The callback brings it to rest.
};
extern constinit thread_local Acting acting;
/// Whether a thread of the process has ever run an actuator's callback. Until then no message has
/// to look for its thread's.
extern constinit std::atomic<bool> anybody_acts;

/// RT-safe. For as long as the calling thread runs a callback of the node; nothing for a node that
/// is no actuator.
class ActingScope {
 public:
  explicit ActingScope(NodeStats& node, bool rests = false) noexcept
      : changes_{node.actuator.value() != 0} {
    if (!changes_) return;
    anybody_acts.store(true, std::memory_order_relaxed);  // relaxed: this thread looks itself
    outer_ = acting;
    acting = {.node = &node, .rests = rests};
  }
  ~ActingScope() {
    if (changes_) acting = outer_;
  }
  ActingScope(const ActingScope&) = delete;
  ActingScope& operator=(const ActingScope&) = delete;

 private:
  const bool changes_;
  Acting outer_{};
};

/// RT-safe. Whether the calling thread may send on the node's outputs.
inline bool may_send(const NodeStats& node) noexcept {
  // The way to rest is open to the thread that takes it, and not to a tick that hangs beside it.
  return outputs_open(node) || (acting.rests && acting.node == &node);
}

/// RT-safe. The actuator for whose sake a message is refused: `owner`, whose output it is (null:
/// nobody's), or the one whose callback sends it. Null: it goes out.
inline NodeStats* held_back(NodeStats* owner) noexcept {
  if (owner != nullptr && !may_send(*owner)) return owner;
  if (!anybody_acts.load(std::memory_order_relaxed)) [[likely]]
    return nullptr;
  NodeStats* const sender = acting.node;
  return sender != nullptr && sender != owner && !may_send(*sender) ? sender : nullptr;
}

}  // namespace horus
