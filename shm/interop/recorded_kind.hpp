// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <horus/message.hpp>

#include "shm/interop/mcap.hpp"
#include "shm/schema.hpp"

namespace horus::interop {

/// The kind of messages in a channel of a recording. It may come from anywhere, so everything is
/// checked.
struct RecordedKind {
  std::string name{};  ///< Name of the type, as the channel states it.
  std::optional<shm::ParsedType> parsed{};
  const shm::TypeInfo* type = nullptr;  ///< Null: the messages have no fixed layout.
  bool built_in = false;
  bool payload = false;
  bool line = false;  ///< The messages are log lines.
};
RecordedKind kind_of(const mcap::Channel& channel);

}  // namespace horus::interop
