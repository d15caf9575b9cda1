// SPDX-License-Identifier: Apache-2.0
#include "rt/rescue.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rt/node_runner.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/scheduler_fixture.hpp"

namespace horus {
namespace {

class RescueTest : public testing::Test {
 protected:
  class Called final : public Node {
   public:
    Called(std::string name, RescueTest& test) : name_{std::move(name)}, test_{test} {}
    void tick(const Tick& /*tick*/) override {}
    void enter_safe_state() noexcept override {
      {
        const std::scoped_lock lock{test_.mutex};
        test_.called.push_back(name_);
      }
      blocked.wait(true);
    }
    void let_go() {
      blocked = false;
      blocked.notify_all();
    }
    std::atomic<bool> blocked{false};

   private:
    std::string name_;
    RescueTest& test_;
  };

  RescueTest() {
    for (const char* const name : {"a", "b", "c", "d"}) {
      nodes.emplace_back(name, *this);
      const NodeConfig config{.name = NodeName::clipped(name), .rate = 1000_hz};
      stats.emplace_back(std::make_unique<NodeStats>());
      runners.push_back(std::make_unique<NodeRunner>(
          nodes.back(), config, *stats.back(), RunnerContext{.clock = clock, .control = control}));
      EXPECT_TRUE(runners.back()->init());
    }
    control.safety().request_stop(StopCause::kCall, "fire");
    EXPECT_TRUE(rescue.start({}));
  }
  ~RescueTest() override {
    for (Called& node : nodes) node.let_go();
    rescue.await();
  }
  std::vector<std::string> names() {
    const std::scoped_lock lock{mutex};
    return called;
  }
  void call_all() {
    for (const auto& runner : runners) rescue.call(*runner);
  }

  test::ManualClock clock;
  RunControl control;
  std::mutex mutex;
  std::vector<std::string> called;
  std::deque<Called> nodes;
  std::vector<std::unique_ptr<NodeStats>> stats;
  std::vector<std::unique_ptr<NodeRunner>> runners;
  Rescue rescue;
};

TEST_F(RescueTest, calls_them_in_their_order) {
  nodes[0].blocked = true;
  rescue.call(*runners[0]);
  test::wait_until([&] { return !names().empty(); });
  EXPECT_EQ(rescue.calls(), runners[0].get());
  // One thread is left for these.
  for (const std::size_t i : {2U, 1U, 3U}) rescue.call(*runners[i]);
  test::wait_until([&] { return names().size() == 4; });
  nodes[0].let_go();
  call_all();
  rescue.await();
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "c", "b", "d"})) << "each once an episode";
  EXPECT_EQ(rescue.calls(), nullptr);
}

TEST_F(RescueTest, goes_on_with_the_rest_where_one_blocks_and_names_it_once) {
  nodes[1].blocked = true;
  call_all();
  test::wait_until([&] { return names().size() == 4; });
  std::optional<Rescue::Overrun> overrun;
  test::wait_until([&] { return (overrun = rescue.overrun()).has_value(); });
  EXPECT_EQ(overrun->runner, runners[1].get());
  EXPECT_GE(overrun->lasts, Rescue::kBound);
  EXPECT_FALSE(rescue.overrun());
  EXPECT_EQ(rescue.calls(), runners[1].get());
}

TEST_F(RescueTest, waits_where_two_block_and_names_both) {
  nodes[0].blocked = nodes[1].blocked = true;
  call_all();
  test::wait_until([&] { return names().size() == 2; });
  std::vector<const NodeRunner*> named;
  test::wait_until([&] {
    if (const auto overrun = rescue.overrun()) named.push_back(overrun->runner);
    return named.size() == 2;
  });
  EXPECT_NE(named[0], named[1]);
  EXPECT_EQ(names().size(), 2U);
  nodes[1].let_go();
  test::wait_until([&] { return names().size() == 4; });
  nodes[0].let_go();
  rescue.await();
}

TEST_F(RescueTest, has_each_wait_once) {
  nodes[0].blocked = nodes[1].blocked = true;
  call_all();
  test::wait_until([&] { return names().size() == 2; });
  ASSERT_TRUE(control.safety().release(control.safety().look()));
  control.safety().request_stop(StopCause::kCall, "again");
  call_all();
  call_all();
  nodes[0].let_go();
  nodes[1].let_go();
  rescue.await();
  for (const auto& runner : runners) EXPECT_FALSE(runner->safe_state_due());
}

TEST_F(RescueTest, calls_no_node_on_two_threads) {
  nodes[0].blocked = true;
  rescue.call(*runners[0]);
  test::wait_until([&] { return names().size() == 1; });
  ASSERT_TRUE(control.safety().release(control.safety().look()));
  control.safety().request_stop(StopCause::kCall, "again");
  ASSERT_TRUE(runners[0]->safe_state_due());
  rescue.call(*runners[0]);
  // The other thread comes to this one next.
  rescue.call(*runners[1]);
  test::wait_until([&] { return names().size() == 2; });
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b"}));
  nodes[0].let_go();
  rescue.await();
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b", "a"})) << "it follows the second one";
}

TEST_F(RescueTest, ends_while_its_threads_have_nothing_to_do) {
  Rescue idle;
  ASSERT_TRUE(idle.start({}));
  idle.await();
}

}  // namespace
}  // namespace horus
