// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>

#include <horus/log.hpp>

#include "rt/safety.hpp"

namespace horus {

/// Logs each emergency stop once, also one that is released right away, and its end.
///
/// Thread safety: from any thread that may log.
class StopLog {
 public:
  void look(const Safety& safety) noexcept {
    const Rest rest = safety.look();
    const auto note = safety.note();
    if (!rest.stopped()) {
      if (lasts_.exchange(false)) log(LogLevel::kWarning, "the emergency stop is over");
      return;
    }
    if (!note) return;
    lasts_ = true;
    if (told_.exchange(rest.episode()) == rest.episode()) return;
    char text[220];
    std::snprintf(text, sizeof text, "emergency stop (%s): %.160s", to_text(note->cause),
                  note->text.view().data());
    log(LogLevel::kWarning, text);
  }

 private:
  std::atomic<std::uint64_t> told_{~std::uint64_t{0}};  ///< Episode of the stop logged last.
  std::atomic<bool> lasts_{false};                      ///< A stop was logged, and not its end.
};

}  // namespace horus
