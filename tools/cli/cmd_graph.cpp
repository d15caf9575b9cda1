// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "rt/base/printable.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/graph.hpp"
#include "tools/cli/topics.hpp"

namespace horus::cli {

namespace {

/// The names of the living participants, each once.
template <typename Participant>
std::set<std::string> living(const std::vector<Participant>& all) {
  std::set<std::string> names;
  for (const Participant& one : all) {
    if (one.alive) names.insert(participant_text(one.node, one.pid));
  }
  return names;
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "nobody" : text;
}

/// `text` as a quoted string of Graphviz.
std::string quoted(const std::string& text) {
  std::string escaped;
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return "\"" + escaped + "\"";
}

}  // namespace

std::string graph_text(const std::vector<shm::TopicInfo>& topics) {
  std::string text;
  for (const shm::TopicInfo& topic : topics) {
    const auto from = living(topic.publishers);
    const auto to = living(topic.subscribers);
    if (from.empty() && to.empty()) continue;
    text += printable(fmt::format("{} -> {} ({}) -> {}", joined(from), topic.name, topic.type,
                                  joined(to))) +
            "\n";
  }
  return text.empty() ? "no topics in use\n" : text;
}

std::string graph_dot(const std::vector<shm::TopicInfo>& topics) {
  std::string text = "digraph horus {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const shm::TopicInfo& topic : topics) {
    const auto from = living(topic.publishers);
    const auto to = living(topic.subscribers);
    if (from.empty() && to.empty()) continue;
    // A node and a topic may have the same name, so the topic's identifier gets a prefix.
    const std::string own = quoted("topic " + topic.name);
    text += fmt::format("  {} [shape=ellipse, label={}];\n", own, quoted(topic.name));
    for (const std::string& one : from) text += fmt::format("  {} -> {};\n", quoted(one), own);
    for (const std::string& one : to) text += fmt::format("  {} -> {};\n", own, quoted(one));
  }
  return text + "}\n";
}

Action declare_graph(CLI::App& app, const Places& /*places*/) {
  const auto dot = std::make_shared<bool>(false);
  app.add_flag("--dot", *dot, "For Graphviz: horusctl graph --dot | dot -Tsvg > robot.svg");
  return [dot](Output& output) {
    int code = kOk;
    const auto topics = visible_topics(code);
    if (code == kOk) output.write(*dot ? graph_dot(topics) : graph_text(topics));
    return code;
  };
}

}  // namespace horus::cli
