// SPDX-License-Identifier: Apache-2.0
#include "shm/host_board.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "shm/stats_page.hpp"
#include "shm/sweep.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

class HostBoardTest : public test::ShmTest {
 protected:
  std::vector<HostRow> read() { return HostBoard::read(base.path(), "robot/1"); }
  std::string path() const { return base.path() + "/hosts/robot%2F1.board"; }
  static HostRow row(const char* name, HostState state, const char* why) {
    return {.name = NodeName::clipped(name),
            .since_ns = 5,
            .state = state,
            .badly = 1,
            .why = Name<256>::clipped(why)};
  }
};

TEST_F(HostBoardTest, others_read_what_is_shown_and_then_what_is_new) {
  auto board = HostBoard::create(base.path(), "robot/1", 3).value();
  EXPECT_TRUE(read().empty()) << "nothing was shown";
  std::vector<HostRow> rows{row("cam", HostState::kStarting, "importing cam"),
                            row("map", HostState::kReady, "")};
  board.show(rows);
  EXPECT_EQ(read(), rows);
  rows[1] = row("map", HostState::kEnded, "exit code 0");
  rows.push_back(row("plan", HostState::kWaiting, "killed"));
  board.show(rows);
  EXPECT_EQ(read(), rows);
  rows.push_back(row("fourth", HostState::kReady, ""));
  board.show(rows);
  EXPECT_EQ(read().size(), 3U) << "it has three rows";
  EXPECT_TRUE(HostBoard::read(base.path(), "robot").empty());
}

TEST_F(HostBoardTest, goes_with_its_writer_whatever_became_of_its_name) {
  std::optional board = HostBoard::create(base.path(), "robot/1", 1).value();
  board->show(std::array{row("cam", HostState::kReady, "")});
  EXPECT_TRUE(board->is_named());
  std::filesystem::rename(path(), path() + "2");
  EXPECT_FALSE(board->is_named());
  EXPECT_TRUE(read().empty());
  std::filesystem::rename(path() + "2", path());
  EXPECT_TRUE(board->is_named());
  board.reset();
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(HostBoardTest, that_of_a_dead_supervisor_says_nothing_and_is_swept) {
  std::string bytes;
  {
    auto board = HostBoard::create(base.path(), "robot/1", 1).value();
    board.show(std::array{row("cam", HostState::kReady, "")});
    std::ifstream in{path(), std::ios::binary};
    bytes.assign(std::istreambuf_iterator<char>{in}, {});
  }
  std::ofstream{path(), std::ios::binary} << bytes;
  EXPECT_TRUE(read().empty());
  sweep(base.path(), /*hosts_too=*/false);
  EXPECT_TRUE(std::filesystem::exists(path()));
  sweep(base.path(), /*hosts_too=*/true);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(HostBoardTest, a_successor_takes_its_place) {
  auto first = HostBoard::create(base.path(), "robot/1", 1).value();
  first.show(std::array{row("cam", HostState::kReady, "")});
  auto second = HostBoard::create(base.path(), "robot/1", 1).value();
  second.show(std::array{row("cam", HostState::kEnded, "")});
  EXPECT_EQ(read().at(0).state, HostState::kEnded);
  EXPECT_FALSE(first.is_named());
}

TEST_F(HostBoardTest, what_is_no_board_has_no_rows) {
  auto board = HostBoard::create(base.path(), "robot/1", 2).value();
  board.show(std::array{row("cam", HostState::kReady, ""), row("map", HostState::kReady, "")});
  const auto region = test::open_region(path(), 1).value();
  const auto honest = region.bytes();
  ASSERT_EQ(HostBoard::rows_in(honest).size(), 2U);
  for (std::size_t size = 0; size < honest.size(); ++size) {
    ASSERT_TRUE(HostBoard::rows_in(honest.first(size)).empty()) << size;
  }
  // Magic, version, the size of a row, and how many there are: the head of the file, but for what
  // is only shown.
  for (const std::size_t at : {0U, 8U, 24U, 32U, 39U}) {
    alignas(8) std::array<std::byte, 2048> copy{};
    ASSERT_LE(honest.size(), copy.size());
    std::ranges::copy(honest, copy.begin());
    copy[at] ^= std::byte{0x40};
    EXPECT_TRUE(HostBoard::rows_in(std::span{copy}.first(honest.size())).empty()) << at;
  }
}

}  // namespace
}  // namespace horus::shm
