// SPDX-License-Identifier: Apache-2.0
#include "service/page_source.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/shm_fixture.hpp"

namespace horus::service {
namespace {

class PageSourceTest : public horus::test::ShmTest {
 protected:
  shm::StatsPage make(const std::string& host) {
    return shm::StatsPage::create(base.path(), host, std::vector<std::string>{"node"}).value();
  }
  void leave_no_page(const std::string& host) const {
    std::ofstream{base.path() + "/hosts/" + host + ".stats"} << "no page";
  }
};

TEST_F(PageSourceTest, a_file_that_is_no_page_is_a_step_of_its_own) {
  const auto page = make("zz");
  for (const char* host : {"a", "b", "c"}) leave_no_page(host);
  PageSource source{base.path(), {}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(source.next_host());
    EXPECT_FALSE(source.done());
  }
  ASSERT_TRUE(source.next_host());
  EXPECT_FALSE(source.next_host());
  EXPECT_TRUE(source.done());
}

TEST_F(PageSourceTest, whoever_wants_pages_only_is_not_stopped_by_what_is_none) {
  const auto page = make("zz");
  for (const char* host : {"a", "b", "c"}) leave_no_page(host);
  PageWalk walk{base.path(), {"missing"}};
  const shm::StatsPage* const found = walk.next();
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->host().name, "zz");
  EXPECT_EQ(walk.next(), nullptr);
  EXPECT_FALSE(walk.truncated());
}

TEST_F(PageSourceTest, a_base_that_is_missing_has_no_pages) {
  PageSource source{base.path() + "/none", {"rover"}};
  EXPECT_FALSE(source.next_host());
  EXPECT_TRUE(source.done());
}

}  // namespace
}  // namespace horus::service
