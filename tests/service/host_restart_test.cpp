// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "service/host_table.hpp"

namespace horus::service {
namespace {

using testing::ElementsAre;
using Kind = HostEvent::Kind;

TEST(HostRestart, waits_no_longer_than_its_configuration_says) {
  for (const Nanos longest : {Nanos{}, Nanos{50ms}, Nanos{400ms}}) {
    HostEntry entry;
    entry.name = "a";
    entry.restart_wait = longest;
    HostTable table{{entry}};
    TimePoint now{1h};
    table.step({.kind = Kind::kStart}, now);
    Nanos expected = HostTable::kFirstDelay;
    for (int end = 0; end < 5; ++end) {
      table.step({.kind = Kind::kExited, .reason = "exit 1"}, now);
      EXPECT_EQ(table.hosts()[0].delay, std::min(expected, longest));
      now += table.hosts()[0].delay;
      EXPECT_THAT(table.step({.kind = Kind::kTime}, now),
                  ElementsAre(HostAction{.kind = HostAction::Kind::kSpawn, .host = 0}));
      expected *= 2;
    }
  }
}

}  // namespace
}  // namespace horus::service
