// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <horus/topic.hpp>

namespace horus::py {

/// The options of a topic as Python gives them. Null or None: not given, except for `depth`.
struct PortArguments {
  PyObject* capacity = nullptr;  ///< How many messages a publisher's ring holds.
  PyObject* policy = nullptr;    ///< "overwrite" or "refuse".
  PyObject* max_size = nullptr;  ///< Largest value of a dict topic, bytes.
  PyObject* history = nullptr;   ///< How many messages from before the subscription are wanted.
  /// How many messages are wanted at most; None: all that a ring holds; null: by what the topic
  /// carries.
  PyObject* depth = nullptr;
  PyObject* size = nullptr;      ///< Largest payload: bytes, or (height, width, encoding).
  PyObject* finite = nullptr;    ///< Whether messages with NaN or infinity are refused.
  PyObject* timeout = nullptr;   ///< Age in seconds from which the newest message is too old.
  PyObject* fallback = nullptr;  ///< What is received then: "hold", "zero", "stop", or a message.
};

/// Reads all arguments but timeout and fallback (node_fallback.hpp) into `options`, and checks
/// them. `who` ("Topic", "pubs") begins the error's text. False with TypeError or ValueError set.
bool read_port_options(const PortArguments& arguments, const char* who,
                       shm::TopicOptions& options) noexcept;

/// Merges the options of a second declaration of the same topic into the first: the larger
/// capacity, sizes and history; the second's depth, policy and time-out, where it gives them.
void merge_port_options(shm::TopicOptions& into, const shm::TopicOptions& more) noexcept;

}  // namespace horus::py
