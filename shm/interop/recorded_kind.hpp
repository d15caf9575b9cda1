// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "shm/interop/mcap.hpp"
#include "shm/message.hpp"
#include "shm/schema.hpp"

namespace horus::interop {

/// What the messages of a recording's channel are made of. A file from anywhere may say anything.
struct RecordedKind {
  std::string name{};  ///< Of their type, as the channel says it.
  std::optional<shm::ParsedType> parsed{};
  const shm::TypeInfo* type = nullptr;  ///< Null: no message of one layout.
  bool built_in = false;
  bool payload = false;
  bool line = false;  ///< Of log.
};
RecordedKind kind_of(const mcap::Channel& channel);

}  // namespace horus::interop
