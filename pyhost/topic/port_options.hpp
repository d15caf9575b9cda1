// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include "shm/session.hpp"

namespace horus::py {

/// How a topic is to be opened, as Python says it; null or None: not said.
struct PortArguments {
  PyObject* capacity = nullptr;
  PyObject* policy = nullptr;    ///< "overwrite" or "refuse".
  PyObject* max_size = nullptr;  ///< Largest value of a dict topic, bytes.
  PyObject* history = nullptr;   ///< Messages from before the subscription.
  /// How many messages are wanted; None: all that a ring holds; null: by what the topic carries.
  PyObject* depth = nullptr;
  PyObject* size = nullptr;      ///< Largest payload: bytes, or (height, width, encoding).
  PyObject* finite = nullptr;    ///< Whether messages with NaN or infinity are refused.
  PyObject* timeout = nullptr;   ///< Seconds from when on a message is too old.
  PyObject* fallback = nullptr;  ///< What is given then: "hold", "zero", "stop", or a message.
};

/// Checks the arguments; `who` ("Topic", "pubs") begins the message. False with TypeError or
/// ValueError set.
bool read_port_options(const PortArguments& arguments, const char* who,
                       shm::TopicOptions& options) noexcept;

/// The wishes of two declarations of one topic: the larger number, and the policy that was said.
void merge_port_options(shm::TopicOptions& into, const shm::TopicOptions& more) noexcept;

}  // namespace horus::py
