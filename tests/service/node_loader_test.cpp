// SPDX-License-Identifier: Apache-2.0
#include "service/node_loader.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include <horus/msg/control.hpp>
#include <horus/plugin.hpp>

namespace horus::service {
namespace {

using ::testing::HasSubstr;

class NodeLoaderTest : public ::testing::Test {
 protected:
  NodeLoaderTest()
      : base_{::testing::TempDir() + "horus-loader-" + std::to_string(::getpid())},
        session_{std::move(shm::Session::open(base_)).value()} {}
  ~NodeLoaderTest() override {
    session_.reset();
    std::filesystem::remove_all(base_);
  }

  static NodeEntry entry(const std::string& type, const std::string& plugin = "good_plugin.so") {
    NodeEntry node;
    node.config.name = NodeName::clipped("n");
    node.config.rate = 100_hz;
    node.plugin = plugin;
    node.plugin_path = std::string{TEST_PLUGINS} + "/" + plugin;
    node.type = type;
    node.place = {.file = "robot.toml", .line = 7};
    return node;
  }

  auto load(const NodeEntry& node) {
    Config config;
    config.nodes.push_back(node);
    return load_nodes(config, *session_, stats_);
  }
  std::string error_of(const NodeEntry& node) {
    const auto loaded = load(node);
    const auto* error = std::get_if<ConfigError>(&loaded);
    return error == nullptr ? "" : error->text;
  }

  const std::string base_;
  std::unique_ptr<shm::Session> session_;
  std::array<NodeStats, 1> stats_{};
};

TEST_F(NodeLoaderTest, makes_a_node_with_its_parameters) {
  NodeEntry node = entry("Counter");
  node.params = {{"step", std::int64_t{2}}, {"label", std::string{"x"}}};
  const auto loaded = load(node);
  const auto* nodes = std::get_if<std::vector<LoadedNode>>(&loaded);
  ASSERT_NE(nodes, nullptr);
  ASSERT_EQ(nodes->size(), 1U);
  EXPECT_NE(nodes->front().node, nullptr);
  EXPECT_EQ(nodes->front().wake, nullptr);
}

TEST_F(NodeLoaderTest, an_event_node_brings_what_wakes_it) {
  NodeEntry node = entry("Listener");
  node.on = "cmd_vel";
  const auto loaded = load(node);
  const auto* nodes = std::get_if<std::vector<LoadedNode>>(&loaded);
  ASSERT_NE(nodes, nullptr) << std::get<ConfigError>(loaded).text;
  EXPECT_NE(nodes->front().wake, nullptr);
}

TEST_F(NodeLoaderTest, what_wakes_an_event_node_does_so_once_a_message) {
  NodeEntry node = entry("Listener");
  node.on = "cmd_vel";
  const auto loaded = load(node);
  WakeSource& wake = *std::get<std::vector<LoadedNode>>(loaded).front().wake;
  auto publisher = session_->publisher<msg::CmdVel>("cmd_vel").value();
  EXPECT_FALSE(wake.wait_until(MonotonicClock::now()));
  publisher.send({});
  EXPECT_TRUE(wake.wait_until(MonotonicClock::now()));
  EXPECT_FALSE(wake.wait_until(MonotonicClock::now()));
}

TEST_F(NodeLoaderTest, what_a_node_opens_counts_into_its_statistics) {
  NodeStats stats{{}, {}, NodeName::clipped("arm")};
  Topics topics{session_->of_node(message_counters(stats))};
  auto publisher = topics.publisher<msg::CmdVel>("a").value();
  auto subscriber = topics.subscriber<msg::CmdVel>("a").value();
  publisher.send({});
  publisher.send({});
  EXPECT_TRUE(subscriber.take());
  topics.count_refused();
  EXPECT_EQ(stats.messages_sent.value(), 2U);
  EXPECT_EQ(stats.messages_received.value(), 1U);
  EXPECT_EQ(stats.messages_dropped.value(), 1U);
}

TEST_F(NodeLoaderTest, a_node_s_depth_is_its_own_unless_its_options_say_one) {
  Topics topics{session_->of_node({})};
  const auto depth = [&topics](const shm::TopicOptions& options) {
    return topics.subscriber<msg::CmdVel>("a", options).value().depth();
  };
  EXPECT_EQ(depth({}), 16U);
  EXPECT_EQ(depth({.timeout = 1s}), 16U);
  EXPECT_EQ(depth({.depth = 3}), 3U);
  EXPECT_EQ(depth({.depth = 0}), ~std::uint64_t{0});
  EXPECT_EQ(topics.subscriber<shm::Image>("b", {.timeout = 1s}).value().messages().depth(), 1U);
}

TEST_F(NodeLoaderTest, a_type_that_does_not_wait_cannot_be_an_event_node) {
  NodeEntry node = entry("Counter");
  node.on = "cmd_vel";
  EXPECT_EQ(error_of(node),
            "robot.toml:7: node 'n': type 'Counter' is to wait for 'cmd_vel', and its constructor "
            "does not call wake_on(...)");
}

TEST_F(NodeLoaderTest, an_unknown_type_lists_those_that_are_known) {
  EXPECT_THAT(error_of(entry("Rotor")),
              HasSubstr("robot.toml:7: plug-in good_plugin.so has no node type 'Rotor' (known: "
                        "Counter, Broken,"));
}

TEST_F(NodeLoaderTest, what_a_constructor_throws_is_one_line_with_the_nodes_place) {
  EXPECT_EQ(error_of(entry("Broken")), "robot.toml:7: node 'n': no motor on the bus");
  EXPECT_THAT(error_of(entry("Odd")), HasSubstr("robot.toml:7: node 'n': its constructor threw"));
}

TEST_F(NodeLoaderTest, a_wrong_parameter_is_named_once) {
  NodeEntry node = entry("Counter");
  node.params = {{"step", std::string{"two"}}};
  EXPECT_EQ(error_of(node), "robot.toml:7: node 'n': parameter 'step' must be a whole number");
}

TEST_F(NodeLoaderTest, a_parameter_that_nobody_asked_for_is_an_error) {
  NodeEntry node = entry("Counter");
  node.params = {{"stop", std::int64_t{2}}};
  EXPECT_EQ(error_of(node),
            "robot.toml:7: node 'n': unknown parameter 'stop' (known: step, label)");
}

TEST_F(NodeLoaderTest, a_plug_in_of_another_abi_is_refused) {
  EXPECT_THAT(error_of(entry("Counter", "old_plugin.so")),
              HasSubstr("was built for plug-in ABI " + std::to_string(kPluginAbi + 1) +
                        ", this horusd has " + std::to_string(kPluginAbi) + ": rebuild it"));
}

TEST_F(NodeLoaderTest, a_library_that_is_no_plug_in_is_refused) {
  EXPECT_THAT(error_of(entry("Counter", "no_plugin.so")), HasSubstr("is not a HORUS plug-in"));
}

TEST_F(NodeLoaderTest, what_the_dynamic_linker_says_is_passed_on) {
  EXPECT_THAT(error_of(entry("Lost", "unresolved_plugin.so")),
              HasSubstr("undefined symbol: from_a_library_that_is_not_there()"));
  EXPECT_THAT(error_of(entry("Lost", "../no_such_file.so")), HasSubstr("cannot load plug-in"));
}

}  // namespace
}  // namespace horus::service
