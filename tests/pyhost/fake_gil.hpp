// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace horus::test {

/// CPython's GIL without CPython (Python/ceval_gil.h, "take_gil" and "drop_gil"), behind the calls
/// of pyhost/cpython/interpreter_gil.h. It differs in one point: who waits never asks by itself,
/// whatever the switch interval is. So a wait that nobody asks for never ends.
///
/// A request that is not made under the mutex, while the GIL is locked, ends the test program.
struct FakeGil {
  static void take(const void* state);
  static void drop(const void* state);
  /// What the evaluation loop does now and then: leaves when asked, and comes back.
  static void look(const void* state);

  static std::atomic<int> requests;
  static std::atomic<bool> hold_next_request;  ///< It waits in the middle of the next request,
  static std::atomic<bool> in_request;         ///< says so,
  static std::atomic<bool> let_go;             ///< and goes on.
  static std::atomic<bool> hold_next_drop;  ///< On request: it waits before its wait for a taker,
  static std::atomic<bool> may_wait;        ///< until this is set.
  static std::atomic<int> wakes;            ///< Of threads that wait for a taker.
  static unsigned long& interval();
};

}  // namespace horus::test
