// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shm/payload.hpp"

namespace horus::shm {

/// Numbers of one type in up to 8 dimensions. Session::tensor() makes one, or takes one that
/// another process has described.
class Tensor : public Payload {
 public:
  using Payload::Payload;
  static const PayloadKind& kind() noexcept;
};

}  // namespace horus::shm
