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

/// What a Python process does about a callback that does not return: prints the Python stacks,
/// tells the supervisor, interrupts the callback at a stop, and at last ends the process. Nothing
/// here needs the GIL, since the hanging callback may hold it.
///
/// Thread safety: as RunGuard; the constructor with the GIL.
class HangGuard final : public RunGuard {
 public:
  struct Options {
    int supervisor = -1;  ///< The descriptor that the supervisor reads; -1: there is none.
    std::string base;     ///< The folder of shared memory.
    const SignalScope* signals = nullptr;
    OwnCalls* own_calls = nullptr;
    /// Makes the node's callback raise KeyboardInterrupt, as soon as the GIL can be had.
    std::function<void(const NodeName&)> interrupt;
    void (*remove_pages)() noexcept = nullptr;  ///< Takes the process's files away.
  };

  /// `interpreter`: the one whose stacks are printed.
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

  /// Writes the Python stacks of all threads to stderr.
  void dump_stacks() const noexcept;
  /// Writes a line to the supervisor, if there is one.
  void tell(std::string_view word, std::string_view text) const noexcept;

  PyInterpreterState* interpreter_;
  const Options options_;
  Dump dump_;  ///< CPython's _Py_DumpTracebackThreads; null: this interpreter does not export it.
  UniqueFd dumped_;  ///< A memory file that it writes to.
};

}  // namespace horus::py
