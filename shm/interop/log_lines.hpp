// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shm/interop/codec.hpp"
#include "shm/log_page.hpp"

/// Log lines in the format that viewers show: foxglove.Log.
namespace horus::interop {

/// The topic of these lines in a recording, and the "horus.type" of its channel.
inline constexpr const char* kLogTopic = "horus/log";
inline constexpr const char* kLogType = "log";

Format log_format();

struct RecordedLine {
  shm::LogLine line{};
  std::string host{};
};
/// Appends the line to `bytes`.
void encode_line(const RecordedLine& line, std::string& bytes);
/// nullopt if the bytes are not a line.
std::optional<RecordedLine> decode_line(std::string_view bytes);

}  // namespace horus::interop
