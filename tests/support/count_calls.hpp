// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>

namespace horus::test {

/// What threads did since the program began, counted where they enter the C library. Link
/// count_calls.cpp into the test program.
struct Calls {
  std::atomic<std::size_t> rounds{0};  ///< Looks at the session's bell: one in each round.
  std::atomic<std::size_t> looks{0};   ///< At other files, by their names.
  std::atomic<std::size_t> opens{0};   ///< Of files and folders.
  std::atomic<std::size_t> lists{0};   ///< Folders that were read.
  std::atomic<std::size_t> linked{0};  ///< In which round a file was named last.
};

/// Of the program's first thread.
Calls& own_calls() noexcept;
/// Of all others: the helper thread, where there is one session.
Calls& helper_calls() noexcept;

}  // namespace horus::test
