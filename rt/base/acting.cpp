// SPDX-License-Identifier: Apache-2.0
#include "rt/base/acting.hpp"

namespace horus {

constinit thread_local Acting acting;

}  // namespace horus
