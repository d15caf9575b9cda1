// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shm/registry.hpp"

namespace horus::shm {

/// Whether one of two topic names is likely meant where the other stands: they differ in case, in
/// what parts their words, or by one letter (two of long names); not in numbers, which tell one
/// motor from the other.
bool is_near_miss(std::string_view one, std::string_view other);

/// Which of the topics that are there was likely meant by who sends to nobody there, or receives
/// from nobody: one with somebody at the other end, or of the same name but for the first slash;
/// empty: none.
std::string meant_by(const std::vector<TopicInfo>& there, const std::string& topic, bool sends);

}  // namespace horus::shm
