// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "rt/base/time.hpp"
#include "service/config_limit.hpp"

namespace horus::service::stats_limit {

/// What statistics may cost. Pages are written by others: nothing here depends on their word.

/// Hosts that the configuration does not name: scripts that somebody runs beside the robot.
inline constexpr std::size_t kOtherHosts = 32;
/// So many of their pages are looked at: one that is none costs as much as one that is.
inline constexpr std::size_t kOtherTries = 64;
/// Nodes of one page: of a configured host as many as a configuration has, of another one what a
/// script has. A node is 55 KiB of memory that is mapped while its host's turn is.
inline constexpr std::size_t kNodes = config_limit::kNodes;
inline constexpr std::size_t kOtherNodes = 64;
/// Of all those pages together: the verdict looks at them each second, before anybody is answered.
inline constexpr std::size_t kAllOtherNodes = 128;
/// A reply; below what a client takes (wire::kMaxReplyBytes).
inline constexpr std::size_t kReplyBytes = std::size_t{12} << 20U;
/// Made at one look at the event loop, whichever is reached first: with every connection asking,
/// another client still waits less than 250 ms.
inline constexpr std::size_t kPieceBytes = std::size_t{64} << 10U;
inline constexpr Nanos kPieceTime = 2ms;
/// What counts as one more request: at 50 requests a second a user gets 12.5 MiB.
inline constexpr std::size_t kBytesPerToken = std::size_t{256} << 10U;

}  // namespace horus::service::stats_limit
