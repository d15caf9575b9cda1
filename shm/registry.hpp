// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rt/base/result.hpp"

namespace horus::shm {

struct PublisherInfo {
  std::string ring{};  ///< File name.
  std::int32_t pid = 0;
  bool alive = false;
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
  std::uint64_t bytes = 0;  ///< Of all that was sent, pixels and points included.
};
struct SubscriberInfo {
  std::int32_t pid = 0;
  bool alive = false;
  std::uint64_t received = 0;
  std::uint64_t missed = 0;
  std::uint64_t torn = 0;
};
struct TopicInfo {
  std::string name;
  std::string type;
  std::uint32_t message_size = 0;  ///< Bytes; the largest one for generic topics.
  std::uint32_t capacity = 0;      ///< Messages a ring, at most.
  bool refuses = false;            ///< A full ring refuses; else it overwrites.
  std::string schema;              ///< Of its type; empty for generic topics.
  std::vector<PublisherInfo> publishers;
  std::vector<SubscriberInfo> subscribers;
};

/// Every topic under `base`, read-only; what cannot be read or is corrupt is left out.
std::vector<TopicInfo> list_topics(const std::string& base);
Result<TopicInfo> find_topic(const std::string& base, const std::string& name);

/// Removes what dead processes left under `base`: rings, cursors, pools, holds, bells, empty
/// topics; `hosts_too` also their statistics (a clean stop). Returns how many files went.
std::uint32_t sweep(const std::string& base, bool hosts_too = false);

}  // namespace horus::shm
