// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <string>
#include <utility>

#include <horus/node.hpp>

#include "rt/group_hook.hpp"

namespace horus::py {

/// The user's functions of a node. The values index PyNode::given.
enum class Callback : std::size_t { kTick, kInit, kShutdown, kOnError, kSafeState, kLeaveSafe };
inline constexpr std::size_t kCallbacks = 6;
/// The name of the Node attribute, or of the subclass's method: "tick", "init", ...
const char* name_of(Callback callback) noexcept;
/// Whether a call of `function` returns a coroutine. Looks through methods, functools.partial and
/// __call__. With the GIL; throws.
bool is_async(PyObject* function);
/// Throws ValueError for a generator, and for an async function unless it is tick, init or
/// shutdown. With the GIL.
void require_fit(Callback callback, PyObject* function);

/// A Python exception that left a callback, as the failure policy sees it.
class CallbackFailed : public NodeFailure {
 public:
  struct Words {
    std::string text;     ///< The exception in one line.
    std::string type{};   ///< Its class; empty: the callback was cut short and has not failed.
    std::string trace{};  ///< Its traceback; empty where it was logged before.
  };
  explicit CallbackFailed(Words words) : words_{std::move(words)} {}
  const char* what() const noexcept override { return words_.text.c_str(); }
  const char* type() const noexcept override { return words_.type.c_str(); }
  const char* trace() const noexcept override { return words_.trace.c_str(); }

 private:
  Words words_;
};

}  // namespace horus::py
