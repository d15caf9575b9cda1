// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "rt/base/time.hpp"

namespace horus::shm {

/// Where a program looks for topics of which nobody says where they are: default_base(), or
/// kServiceBase, where a service runs in it, this user is in its group, and HORUS_BASE is not set.
std::string base_of_program();

/// For whom hears nobody in `base`: in whose default base somebody has shown life since `since`
/// (after 1970), and what to do to hear him. Empty where there is none, or where `base` is no
/// default one: then it was chosen.
std::string apart_from(const std::string& base, Nanos since);

}  // namespace horus::shm
