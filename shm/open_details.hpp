// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <horus/topic.hpp>

#include "rt/base/tick_stats.hpp"

namespace horus::shm {

/// What HORUS itself asks of a topic, beyond TopicOptions.
struct OpenDetails {
  /// Subscribers: of the history, only messages sent at or after this cycle_count().
  std::uint64_t since = 0;
  /// Subscribers: the cycle_count() since when this subscription is wanted. Publishers that opened
  /// after it are read, and counted, from their first message. 0: not used.
  std::uint64_t wanted = 0;
  /// Subscribers: opened before the program is known to receive on the topic. Until
  /// RawSubscriber::begin() it does not count when a publisher asks whether anybody receives, and
  /// with kRefuse publishers do not wait for it. Afterwards it counts what it has missed.
  bool ahead = false;
  /// Subscribers: the result of Session::seek(). What publishers have sent since then is received.
  Seeking* sought = nullptr;
  NodeStats* actuator = nullptr;  ///< Publishers: the node whose outputs may be shut; null: none.
  /// The counters of the node that sends or receives; they outlive what counts into them.
  MessageCounters counters{};
};

}  // namespace horus::shm
