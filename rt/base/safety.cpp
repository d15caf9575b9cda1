// SPDX-License-Identifier: Apache-2.0
#include "rt/base/safety.hpp"

#include <algorithm>

namespace horus {
namespace {

constexpr std::array<const char*, kSafetyStates> kStateTexts{
    "starting", "disarmed", "armed", "degraded", "safe", "estopped", "stopped"};
constexpr std::array<const char*, kSafetyEvents> kEventTexts{
    "ready", "arm", "disarm", "degrade", "recover", "fault", "stop", "release", "end"};
constexpr std::array<const char*, kStopCauses> kCauseTexts{
    "none",   "call",  "command", "topic", "input",  "host", "node",
    "device", "latch", "owner",   "peer",  "misses", "hang"};

/// Of what another process wrote.
template <std::size_t N>
const char* text_at(const std::array<const char*, N>& texts, std::size_t index) noexcept {
  return index < N ? texts[index] : "unknown";
}

}  // namespace

const char* to_text(SafetyState state) noexcept {
  return text_at(kStateTexts, static_cast<std::size_t>(state));
}

const char* to_text(SafetyEvent event) noexcept {
  return text_at(kEventTexts, static_cast<std::size_t>(event));
}

const char* to_text(StopCause cause) noexcept {
  return text_at(kCauseTexts, static_cast<std::size_t>(cause));
}

std::optional<StopCause> parse_stop_cause(std::string_view text) noexcept {
  const auto found = std::find(kCauseTexts.begin(), kCauseTexts.end(), text);
  if (found == kCauseTexts.end()) return std::nullopt;
  return static_cast<StopCause>(found - kCauseTexts.begin());
}

}  // namespace horus
