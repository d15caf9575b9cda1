// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <functional>
#include <string>

#include "pyhost/run/own_calls.hpp"
#include "pyhost/run/signals.hpp"
#include "rt/base/unique_fd.hpp"
#include "rt/run_guard.hpp"

namespace horus::py {

/// What a Python process does about a callback that does not come back. Nothing here needs the
/// GIL: a hanging tick may have it.
///
/// Thread safety: as RunGuard; the constructor with the GIL.
class HangGuard final : public RunGuard {
 public:
  struct Options {
    int supervisor = -1;  ///< Where the supervisor reads; -1: there is none.
    std::string base;     ///< Shared memory.
    const SignalScope* signals = nullptr;
    OwnCalls* own_calls = nullptr;
    /// Raises KeyboardInterrupt in the node, as soon as the GIL allows.
    std::function<void(const NodeName&)> interrupt;
    void (*remove_pages)() noexcept = nullptr;
  };

  HangGuard(PyInterpreterState* interpreter, Options options);

  void slow_start(const BlockedCall& call) noexcept override;
  void hung(const BlockedCall& call, std::string_view why) noexcept override;
  bool wants_stop() noexcept override;
  void interrupt(const BlockedCall& call) noexcept override;
  std::optional<BlockedCall> own_call() noexcept override { return options_.own_calls->current(); }
  void await_own_calls() noexcept override { options_.own_calls->await_none(); }
  void interrupt_own_call() noexcept override { options_.signals->interrupt_main_thread(); }
  bool hurried() noexcept override;
  void give_up(const BlockedCall& call) noexcept override;

 private:
  using Dump = const char* (*)(int fd, PyInterpreterState* interpreter, PyThreadState* current);

  void dump_stacks() const noexcept;
  void tell(std::string_view word, std::string_view text) const noexcept;

  PyInterpreterState* interpreter_;
  const Options options_;
  Dump dump_;  ///< CPython's own, as faulthandler's watchdog calls it; null: it has none to give.
  UniqueFd dumped_;  ///< What it writes.
};

}  // namespace horus::py
