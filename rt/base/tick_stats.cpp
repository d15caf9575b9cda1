// SPDX-License-Identifier: Apache-2.0
#include "rt/base/tick_stats.hpp"

namespace horus {

const char* to_text(NodeClass node_class) noexcept {
  switch (node_class) {
    case NodeClass::kTick: return "tick";
    case NodeClass::kCompute: return "compute";
    case NodeClass::kEvent: return "event";
    case NodeClass::kAsync: return "async";
    case NodeClass::kBestEffort: return "best_effort";
  }
  return "unknown";  // Reachable: the value may come from another process's memory.
}

const char* to_text(NodeState state) noexcept {
  switch (state) {
    case NodeState::kUninitialized: return "uninitialized";
    case NodeState::kInitializing: return "initializing";
    case NodeState::kRunning: return "running";
    case NodeState::kStopping: return "stopping";
    case NodeState::kStopped: return "stopped";
    case NodeState::kError: return "error";
    case NodeState::kCrashed: return "crashed";
  }
  return "unknown";  // Reachable: the value may come from another process's memory.
}

}  // namespace horus
