// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "rt/base/time.hpp"
#include "service/wire/varlink.hpp"
#include "shm/registry.hpp"

namespace horus::cli {

/// What a topic's publishers sent between two looks.
struct Flow {
  Nanos duration{};
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  ///< Of payload: of an image its pixels, too.
};

/// How much is sent on a topic, from the publishers' own counts: exact, whoever reads, and
/// nothing is taken for it. What a publisher sent after the last look before it went is not seen.
class Bandwidth {
 public:
  Bandwidth(const shm::TopicInfo& topic, TimePoint now);
  /// Since the look before.
  Flow look(const shm::TopicInfo& topic, TimePoint now);

 private:
  struct Sent {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Sent> publishers_;  ///< By the name of the ring.
  TimePoint last_;
};

/// One line for people.
std::string flow_text(const Flow& flow);
wire::Json flow_json(std::string_view topic, const Flow& flow);
/// "1.2 MB", in powers of 1000.
std::string bytes_text(double bytes);

}  // namespace horus::cli
