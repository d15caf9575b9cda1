// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <horus/result.hpp>

#include "rt/base/histogram.hpp"
#include "shm/base.hpp"

namespace horus::shm {

struct PublisherInfo {
  std::string ring{};  ///< File name of its ring.
  std::int32_t pid = 0;
  std::string node{};  ///< The node that sends; empty: no node.
  bool alive = false;
  std::uint32_t capacity = 0;  ///< Messages that its ring holds.
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
  std::uint64_t bytes = 0;   ///< Bytes sent, those of payloads (pixels, points) included.
  std::uint64_t unrung = 0;  ///< Wake-ups left out because the sleeper had just been woken.
};
struct SubscriberInfo {
  std::string cursor{};  ///< File name.
  std::int32_t pid = 0;
  std::string node{};
  bool alive = false;
  std::uint64_t received = 0;
  std::uint64_t passed_over = 0;
  std::uint64_t missed = 0;
  std::uint64_t torn = 0;
  std::uint32_t depth = 0;          ///< Newest messages wanted of each publisher; 0: all.
  std::uint64_t lag = 0;            ///< Messages that were sent and not taken yet.
  HistogramSnapshot age{};          ///< Ages of the first message of each tick.
  std::int64_t timeout_ns = 0;      ///< Age from which its input is stale; 0: never.
  std::int64_t stale_since_ns = 0;  ///< Monotonic time when it became stale; 0: it is fresh.
  std::uint64_t stale = 0;          ///< How often the input became stale.
  std::uint64_t fallbacks = 0;      ///< Receives that returned the fallback.
};
struct TopicInfo {
  std::string name;
  std::string type;
  std::uint32_t message_size = 0;  ///< Bytes of a message; if the size varies, of the largest.
  std::uint32_t capacity = 0;      ///< Messages that the largest ring holds.
  bool refuses = false;            ///< A full ring refuses; else it overwrites.
  bool declared = false;           ///< The base's owner has declared its type.
  std::uint32_t foreign = 0;       ///< Living participants of another type, which are ignored.
  std::string schema;              ///< Schema of the type; empty for generic topics.
  std::vector<PublisherInfo> publishers;
  std::vector<SubscriberInfo> subscribers;
};

/// Every topic under `base`, sorted by name; changes nothing. What cannot be read or is corrupt is
/// left out.
std::vector<TopicInfo> list_topics(const std::string& base);
/// One topic. kNotFound if it does not exist, kCorrupt if its type file is damaged.
Result<TopicInfo> find_topic(const std::string& base, const std::string& name);

/// kPermission if there is a base that this user cannot read, so that it is not known what is in
/// it. OK also if there is no base.
Status may_look(const std::string& base);

}  // namespace horus::shm
