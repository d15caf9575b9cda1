// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <horus/text.hpp>

namespace horus {

/// The messages that the nodes of this process send. Implemented outside of `rt`, which knows no
/// shared memory.
class Outputs {
 public:
  virtual ~Outputs() = default;
  /// With `isolated`, subscribers that have a fallback treat all messages of the node as stale,
  /// past and future ones. Without it, no longer. Called from the watchdog's thread. Never blocks:
  /// returns false when a lock is taken, and the caller then tries again later.
  virtual bool isolate(const NodeName& node, bool isolated) noexcept = 0;
};

}  // namespace horus
