// SPDX-License-Identifier: Apache-2.0
#include "rt/base/acting.hpp"

namespace horus {

constinit thread_local Acting acting;
constinit std::atomic<bool> anybody_acts{false};

}  // namespace horus
