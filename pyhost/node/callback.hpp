// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <string>
#include <utility>

#include "rt/node.hpp"

namespace horus::py {

/// The user's functions, by the place where they are kept.
enum class Callback : std::size_t { kTick, kInit, kShutdown, kOnError, kSafeState, kLeaveSafe };
inline constexpr std::size_t kCallbacks = 6;
/// The attribute of a Node (or method of a subclass): "tick", "init", ...
const char* name_of(Callback callback) noexcept;
/// Whether a call of `function` gives a coroutine.
bool is_async(PyObject* function);
/// Throws ValueError for a generator, and for an async function where none may be.
void require_fit(Callback callback, PyObject* function);

/// An exception of Python's that left a callback; what the failure policy sees.
class CallbackFailed : public NodeFailure {
 public:
  struct Words {
    std::string text;
    std::string type{};   ///< Empty: it was cut short, and has not failed.
    std::string trace{};  ///< Empty where it was told before.
  };
  explicit CallbackFailed(Words words) : words_{std::move(words)} {}
  const char* what() const noexcept override { return words_.text.c_str(); }
  const char* type() const noexcept override { return words_.type.c_str(); }
  const char* trace() const noexcept override { return words_.trace.c_str(); }

 private:
  Words words_;
};

}  // namespace horus::py
