// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shm/interop/codec.hpp"
#include "shm/log_page.hpp"

/// Lines of log as viewers show them: foxglove.Log.
namespace horus::interop {

/// The topic that they have in a recording, and what its channel's "horus.type" says.
inline constexpr const char* kLogTopic = "horus/log";
inline constexpr const char* kLogType = "log";

Format log_format();

struct RecordedLine {
  shm::LogLine line{};
  std::string host{};
};
/// Appends.
void encode_line(const RecordedLine& line, std::string& bytes);
/// None where it is no line.
std::optional<RecordedLine> decode_line(std::string_view bytes);

}  // namespace horus::interop
