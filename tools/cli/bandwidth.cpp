// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/bandwidth.hpp"

#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace horus::cli {

namespace {

double per_second(std::uint64_t number, Nanos duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  return seconds > 0 ? static_cast<double>(number) / seconds : 0;
}

}  // namespace

Bandwidth::Bandwidth(const shm::TopicInfo& topic, TimePoint now) : last_{now} {
  look(topic, now);
}

Flow Bandwidth::look(const shm::TopicInfo& topic, TimePoint now) {
  Flow flow{.duration = now - std::exchange(last_, now)};
  std::map<std::string, Sent> seen;
  for (const shm::PublisherInfo& one : topic.publishers) {
    const Sent before = publishers_[one.ring];
    // The count lies in the publisher's memory, so it may hold anything. One that falls counts as a
    // new start.
    flow.messages += one.sent - (one.sent < before.messages ? 0 : before.messages);
    flow.bytes += one.bytes - (one.bytes < before.bytes ? 0 : before.bytes);
    seen[one.ring] = {.messages = one.sent, .bytes = one.bytes};
  }
  publishers_ = std::move(seen);
  return flow;
}

std::string bytes_text(double bytes) {
  static constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < kUnits.size(); ++unit) bytes /= 1000;
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.3g} {}", bytes, kUnits[unit]);
}

std::string flow_text(const Flow& flow) {
  std::string text =
      fmt::format("{}/s  {:.1f} messages/s", bytes_text(per_second(flow.bytes, flow.duration)),
                  per_second(flow.messages, flow.duration));
  if (flow.messages != 0) {
    text += "  mean " +
            bytes_text(static_cast<double>(flow.bytes) / static_cast<double>(flow.messages));
  }
  return text + "\n";
}

wire::Json flow_json(std::string_view topic, const Flow& flow) {
  return {{"topic", topic},
          {"bytes_per_s", per_second(flow.bytes, flow.duration)},
          {"messages_per_s", per_second(flow.messages, flow.duration)},
          {"bytes", flow.bytes},
          {"messages", flow.messages},
          {"duration_s", std::chrono::duration<double>(flow.duration).count()}};
}

}  // namespace horus::cli
