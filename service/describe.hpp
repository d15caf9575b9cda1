// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <system_error>

#include "rt/base/result.hpp"

namespace horus::service {

/// errno's text, in any thread.
inline std::string errno_text(int number) {
  return std::error_code{number, std::generic_category()}.message();
}

/// An error in one line for people: "open topic: cmd_vel: Permission denied".
inline std::string describe(const Error& error) {
  std::string text = error.what;
  if (!error.subject.empty()) text += ": " + std::string{error.subject.view()};
  if (error.os_errno != 0) text += ": " + errno_text(error.os_errno);
  return text;
}

}  // namespace horus::service
