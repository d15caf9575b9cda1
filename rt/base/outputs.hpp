// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rt/base/name.hpp"

namespace horus {

/// What the nodes of this process send.
class Outputs {
 public:
  virtual ~Outputs() = default;
  /// What the node has sent, and sends, is stale from now on for whoever has a fallback; or is no
  /// more. Waits for nothing: false where somebody is in the way, and it is to be said again.
  virtual bool isolate(const NodeName& node, bool isolated) noexcept = 0;
};

}  // namespace horus
