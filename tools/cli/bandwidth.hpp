// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <horus/time.hpp>

#include "service/wire/varlink.hpp"
#include "shm/registry.hpp"

namespace horus::cli {

/// What all publishers of a topic sent between two looks.
struct Flow {
  Nanos duration{};            ///< Time between the two looks.
  std::uint64_t messages = 0;  ///< Messages sent in that time.
  std::uint64_t bytes = 0;     ///< Their bytes, with the pixels of images.
};

/// Measures how much is sent on a topic, from the publishers' own counts. So it is exact, and needs
/// no subscription. It misses what a publisher sent between the last look and its end.
class Bandwidth {
 public:
  /// The first look.
  Bandwidth(const shm::TopicInfo& topic, TimePoint now);
  /// What was sent since the previous look.
  Flow look(const shm::TopicInfo& topic, TimePoint now);

 private:
  struct Sent {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Sent> publishers_;  ///< By the name of the ring.
  TimePoint last_;
};

/// One line of text with rates per second.
std::string flow_text(const Flow& flow);
wire::Json flow_json(std::string_view topic, const Flow& flow);
/// "1.2 MB": three significant digits, in powers of 1000.
std::string bytes_text(double bytes);

}  // namespace horus::cli
