// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "rt/base/tick_stats.hpp"

namespace horus {

/// The actuator whose callback runs on a thread.
struct Acting {
  NodeStats* node = nullptr;  ///< Null: none.
  bool rests = false;         ///< The callback is enter_safe_state().
};
/// That of the calling thread.
extern constinit thread_local Acting acting;
/// Whether any thread of the process has ever run an actuator's callback. While it is false, a send
/// skips the look at the thread-local variable.
extern constinit std::atomic<bool> anybody_acts;

/// RT-safe. Sets `acting` of the calling thread while a callback of `node` runs, and restores it
/// afterwards. Does nothing for a node that is no actuator.
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
  // While outputs are shut, only the thread that runs enter_safe_state() may send, to bring the
  // actuator to rest. A tick that hangs on another thread may not.
  return outputs_open(node) || (acting.rests && acting.node == &node);
}

/// RT-safe. Returns the actuator because of which a message from the calling thread is refused, or
/// null when the message may go out. It is refused if `owner`, the node that owns the output (null:
/// none), may not send, or if the actuator whose callback sends it may not.
inline NodeStats* held_back(NodeStats* owner) noexcept {
  if (owner != nullptr && !may_send(*owner)) return owner;
  if (!anybody_acts.load(std::memory_order_relaxed)) [[likely]]
    return nullptr;
  NodeStats* const sender = acting.node;
  return sender != nullptr && sender != owner && !may_send(*sender) ? sender : nullptr;
}

}  // namespace horus
