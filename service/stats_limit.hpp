// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <horus/time.hpp>

#include "service/config_limit.hpp"

namespace horus::service::stats_limit {

/// Limits of what statistics may cost. Other processes write the pages, so no limit depends on what
/// a page says of itself.

/// Hosts that the configuration does not name, such as scripts that somebody runs beside the robot.
inline constexpr std::size_t kOtherHosts = 32;
/// Files of such hosts that are looked at. More than kOtherHosts, because some files may be no
/// pages; they cost as much time as a page.
inline constexpr std::size_t kOtherTries = 64;
/// Nodes of one page of a configured host: as many as a configuration may have. A node is 55 KiB of
/// memory, which is mapped while its host is read.
inline constexpr std::size_t kNodes = config_limit::kNodes;
/// Nodes of one page of any other host.
inline constexpr std::size_t kOtherNodes = 64;
/// Nodes of all other hosts together. The verdict reads them each second, and clients wait for it.
inline constexpr std::size_t kAllOtherNodes = 128;
/// Bytes of one reply; below what a client accepts (wire::kMaxReplyBytes).
inline constexpr std::size_t kReplyBytes = std::size_t{12} << 20U;
/// A piece of a reply, made in one round of the event loop, ends at this size or after kPieceTime,
/// whichever comes first. Even if every connection asks, another client waits less than 250 ms.
inline constexpr std::size_t kPieceBytes = std::size_t{64} << 10U;
inline constexpr Nanos kPieceTime = 2ms;
/// So many bytes of a reply count as one more request. At 50 requests a second a user gets at most
/// 12.5 MiB a second.
inline constexpr std::size_t kBytesPerToken = std::size_t{256} << 10U;

}  // namespace horus::service::stats_limit
