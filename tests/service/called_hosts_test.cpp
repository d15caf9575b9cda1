// SPDX-License-Identifier: Apache-2.0
#include "service/called_hosts.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "service/stats_limit.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::service {
namespace {

bool any(const shm::StatsPage& /*page*/) {
  return true;
}

class CalledHostsTest : public ::testing::Test {
 protected:
  void add(const std::string& host) {
    const std::vector<std::string> nodes{"n"};
    pages_.push_back(shm::StatsPage::create(base_.path(), host, nodes).value());
  }
  test::TemporaryBase base_;
  std::vector<shm::StatsPage> pages_;
};

TEST_F(CalledHostsTest, the_configured_come_first_and_of_all_others_only_some) {
  for (std::size_t i = 0; i < 2 * stats_limit::kOtherHosts; ++i) add("a" + std::to_string(i));
  add("left");
  add("wrist");
  const auto hosts = called_hosts(base_.path(), {"rover", "wrist", "left"}, any);
  ASSERT_EQ(hosts.places.size(), 2 + stats_limit::kOtherHosts);
  EXPECT_EQ(hosts.configured, 2U);
  EXPECT_EQ(hosts.names[0], "wrist");
  EXPECT_EQ(hosts.names[1], "left");
  EXPECT_EQ(hosts.places[1].file, "left.sock");
  EXPECT_TRUE(hosts.left_out);
}

TEST_F(CalledHostsTest, in_a_base_of_its_own_no_host_of_the_service_is_called) {
  add("left");
  const auto hosts = called_hosts(base_.path(), {"left"}, any);
  ASSERT_EQ(hosts.places.size(), 1U);
  EXPECT_EQ(hosts.places[0].folders, std::vector<std::string>{base_.path() + "/hosts"});
}

TEST_F(CalledHostsTest, whom_the_choice_leaves_out_is_not_called) {
  add("left");
  add("wrist");
  const auto hosts = called_hosts(base_.path(), {"left"}, [](const shm::StatsPage& page) {
    return page.host().name.view() == "wrist";
  });
  ASSERT_EQ(hosts.places.size(), 1U);
  EXPECT_EQ(hosts.configured, 0U);
  EXPECT_FALSE(hosts.left_out);
}

TEST(HostAnswers, tell_configured_hosts_from_what_anybody_may_make) {
  const CalledHosts hosts{
      .names = {"left", "a", "b"}, .places = {}, .configured = 1, .left_out = false};
  const Status failed = Error{Errc::kBusy, "call a host that does not answer", 0, {}};
  const HostAnswers of_others = sum_up(hosts, std::vector<Status>{{}, failed, failed});
  EXPECT_TRUE(of_others.configured);
  ASSERT_FALSE(of_others.others);
  EXPECT_EQ(of_others.other_failures, 2U);
  EXPECT_EQ(of_others.others.error().subject, "host 'a': call a host that does not answer");

  const HostAnswers of_own = sum_up(hosts, std::vector<Status>{failed, {}, {}});
  ASSERT_FALSE(of_own.configured);
  EXPECT_TRUE(of_own.others);
  EXPECT_EQ(of_own.configured.error().subject, "host 'left': call a host that does not answer");
}

}  // namespace
}  // namespace horus::service
