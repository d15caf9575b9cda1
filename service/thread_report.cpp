// SPDX-License-Identifier: Apache-2.0
#include "service/thread_report.hpp"

#include <filesystem>
#include <fstream>

namespace horus::service {
namespace {

std::string last_tick(const NodeStats& node, TimePoint now) {
  std::string text = ": node '" + std::string{node.name.view()} + "' " +
                     to_text(node.state.value()) + ", tick " + std::to_string(node.ticks.value());
  const std::int64_t last = node.last_release_ns.value();
  if (last != 0) {
    text += ", released " + std::to_string((to_ns(now) - last) / 1'000'000) + " ms ago";
  }
  return text;
}

}  // namespace

std::vector<std::string> thread_report(std::span<const NodeStats> nodes, TimePoint now) {
  std::vector<std::string> lines;
  std::error_code error;
  std::filesystem::directory_iterator task{"/proc/self/task", error};
  for (; !error && task != std::filesystem::directory_iterator{}; task.increment(error)) {
    const std::string tid = task->path().filename();
    std::ifstream file{task->path() / "comm"};
    std::string name;
    std::getline(file, name);
    std::string line = "thread " + tid + " " + name;
    for (const NodeStats& node : nodes) {
      if (std::to_string(node.tid.value()) == tid) line += last_tick(node, now);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace horus::service
