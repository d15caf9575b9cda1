// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <horus/time.hpp>

namespace horus::shm {

/// The base directory of a program that was given none: default_base(), or kServiceBase if a
/// service runs in it, this user is in its group, and HORUS_BASE is not set.
std::string base_of_program();

/// For a program that hears nobody in `base`: a text that says in whose default base somebody has
/// shown life since `since` (time since 1970), and what to do to hear them. Empty if there is none,
/// or if `base` is not a default base: then it was chosen on purpose.
std::string apart_from(const std::string& base, Nanos since);

}  // namespace horus::shm
