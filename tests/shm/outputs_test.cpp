// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "rt/base/acting.hpp"
#include "rt/base/tick_stats.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

class OutputsTest : public test::ShmTest {};

TEST_F(OutputsTest, of_an_actuator_go_out_only_while_it_may_act) {
  const auto session = Session::open(base.path()).value();
  auto node = std::make_unique<NodeStats>();
  const OpenDetails details{.actuator = node.get(), .counters = message_counters(*node)};
  auto out = session->publisher<test::Checked>("cmd", {.details = &details}).value();
  EXPECT_TRUE(out.send(test::Checked::of(1))) << "it is no actuator";
  node->actuator.set(1);
  node->outputs_shut.store(1);
  EXPECT_FALSE(out.send(test::Checked::of(2)));
  node->safety.step(SafetyEvent::kReady);
  node->safety.step(SafetyEvent::kArm);
  EXPECT_FALSE(out.send(test::Checked::of(2))) << "it was shut";
  node->outputs_shut.store(0);
  EXPECT_TRUE(out.send(test::Checked::of(2)));
  node->safety.step(SafetyEvent::kStop);
  EXPECT_FALSE(out.send(test::Checked::of(3)));
  {
    const ActingScope rests{*node, /*rests=*/true};
    EXPECT_TRUE(out.send(test::Checked::of(3))) << "its way to rest";
  }
  EXPECT_EQ(node->held.value(), 3U);
  EXPECT_EQ(node->messages_refused.value(), 0U) << "nothing is lost that was to be sent";
  EXPECT_EQ(node->messages_sent.value(), 3U);
}

TEST_F(OutputsTest, of_its_callbacks_are_held_back_whosever_they_are) {
  const auto session = Session::open(base.path()).value();
  auto node = std::make_unique<NodeStats>();
  node->actuator.set(1);
  auto out = session->publisher<test::Checked>("aside").value();
  {
    const ActingScope acts{*node};
    EXPECT_FALSE(out.send(test::Checked::of(1))) << "nobody's publisher, in an actuator's tick";
    EXPECT_EQ(node->held.value(), 1U);
    const ActingScope rests{*node, /*rests=*/true};
    EXPECT_TRUE(out.send(test::Checked::of(1)));
  }
  EXPECT_TRUE(out.send(test::Checked::of(2)));
  auto sensor = std::make_unique<NodeStats>();
  const ActingScope acts{*sensor};
  EXPECT_TRUE(out.send(test::Checked::of(3))) << "it is no actuator";
}

}  // namespace
}  // namespace horus::shm
