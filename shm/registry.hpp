// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rt/base/histogram.hpp"
#include "rt/base/result.hpp"
#include "shm/base.hpp"

namespace horus::shm {

struct PublisherInfo {
  std::string ring{};  ///< File name.
  std::int32_t pid = 0;
  std::string node{};  ///< Who it is; empty: no node.
  bool alive = false;
  std::uint32_t capacity = 0;  ///< Messages.
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
  std::uint64_t bytes = 0;   ///< Of all that was sent, pixels and points included.
  std::uint64_t unrung = 0;  ///< Wake-ups left out: of who had just been woken.
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
  std::uint32_t depth = 0;          ///< Of each publisher's messages it wants so many; 0: all.
  std::uint64_t lag = 0;            ///< Sent, and not looked at yet.
  HistogramSnapshot age{};          ///< Of the first message of each tick.
  std::int64_t timeout_ns = 0;      ///< From when on what it has is too old; 0: never.
  std::int64_t stale_since_ns = 0;  ///< Monotonic; 0: it is fresh.
  std::uint64_t stale = 0;          ///< How often it became too old.
  std::uint64_t fallbacks = 0;      ///< Receives that gave its fallback.
};
struct TopicInfo {
  std::string name;
  std::string type;
  std::uint32_t message_size = 0;  ///< Bytes; the largest one for generic topics.
  std::uint32_t capacity = 0;      ///< Messages of the largest ring, at most.
  bool refuses = false;            ///< A full ring refuses; else it overwrites.
  bool declared = false;           ///< Its type is what the service says.
  std::uint32_t foreign = 0;       ///< Living publishers and subscribers of another type: ignored.
  std::string schema;              ///< Of its type; empty for generic topics.
  std::vector<PublisherInfo> publishers;
  std::vector<SubscriberInfo> subscribers;
};

/// Every topic under `base`, read-only; what cannot be read or is corrupt is left out.
std::vector<TopicInfo> list_topics(const std::string& base);
Result<TopicInfo> find_topic(const std::string& base, const std::string& name);

/// kPermission where there is a base that this user cannot read: then it is not known what there
/// is.
Status may_look(const std::string& base);

}  // namespace horus::shm
