// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shm/registry.hpp"

namespace horus::shm {

/// Whether one topic name is probably a misspelling of the other: they differ in case, in what
/// separates their words, or by one letter (two in long names). Names whose digits differ are not:
/// digits tell one motor from another.
bool is_near_miss(std::string_view one, std::string_view other);

/// For a topic that is sent to nobody, or received from nobody: the topic in `there` that was
/// probably meant. That is one with somebody on the other side, or the same name except for the
/// first slash. Empty: none.
std::string meant_by(const std::vector<TopicInfo>& there, const std::string& topic, bool sends);

}  // namespace horus::shm
