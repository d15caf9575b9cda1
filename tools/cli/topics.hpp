// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "shm/registry.hpp"

namespace horus::cli {

/// Every topic that this user may see, sorted by name. If there is a base that the user may not
/// read, a warning on standard error says so; if no topic is visible at all then, `code` becomes
/// the exit code.
std::vector<shm::TopicInfo> visible_topics(int& code);
/// The name of a publisher or subscriber: its node; without a node its process, "python3 (pid 12)".
std::string participant_text(const std::string& node, std::int32_t pid);

/// A table of topics, or a line that says that there is none.
std::string topics_text(const std::vector<shm::TopicInfo>& topics, std::size_t width);
/// Everything about one topic: its fields, and every publisher and subscriber.
std::string topic_text(const shm::TopicInfo& topic, std::size_t width);
/// One line of JSON for each topic.
std::string topics_lines(const std::vector<shm::TopicInfo>& topics);

}  // namespace horus::cli
