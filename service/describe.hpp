// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <system_error>

#include <horus/result.hpp>

namespace horus::service {

/// The text of an errno. From any thread, unlike strerror().
inline std::string errno_text(int number) {
  return std::error_code{number, std::generic_category()}.message();
}

using horus::describe;

}  // namespace horus::service
