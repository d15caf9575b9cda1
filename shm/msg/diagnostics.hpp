// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct Heartbeat {
  std::uint8_t node_name[32]{};
  std::uint32_t node_id{};
  std::uint64_t sequence{};
  shm::Flag alive{true};
  double uptime{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Heartbeat>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(Heartbeat, node_name, "", "Whose heartbeat it is.", 0),
      HORUS_FIELD(Heartbeat, node_id, "", "The node's number.", 32),
      HORUS_FIELD(Heartbeat, sequence, "", "Counts the heartbeats.", 40),
      HORUS_FIELD(Heartbeat, alive, "", "False: the node says that it ends.", 48),
      HORUS_FIELD(Heartbeat, uptime, "s", "Since the node's start.", 56),
      HORUS_FIELD(Heartbeat, timestamp_ns, "ns", "Nanoseconds since 1970.", 64),
  };
  static constexpr std::array kArgs{shm::arg("node_name"), shm::arg("node_id"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<Heartbeat, 72, 8>(
      "Heartbeat", "heartbeat", "A node's sign of life.", kFields, kArgs));
  return kType;
}

struct DiagnosticStatus {
  std::uint8_t level{};
  std::uint32_t code{};
  std::uint8_t message[128]{};
  std::uint8_t component[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<DiagnosticStatus>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(DiagnosticStatus, level, "", "0 ok, 1 warn, 2 error, 3 fatal.", 0),
      HORUS_FIELD(DiagnosticStatus, code, "", "The component's own.", 4),
      HORUS_TEXT(DiagnosticStatus, message, "", "What is so, in words.", 8),
      HORUS_TEXT(DiagnosticStatus, component, "", "Whose status it is.", 136),
      HORUS_FIELD(DiagnosticStatus, timestamp_ns, "ns", "Nanoseconds since 1970.", 168),
  };
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<DiagnosticStatus, 176, 8>(
      "DiagnosticStatus", "diagnostics", "How a component is.", kFields));
  return kType;
}

struct DiagnosticValue {
  std::uint8_t key[32]{};
  std::uint8_t value[64]{};
  std::uint8_t value_type{};
};

inline const shm::TypeInfo& type_info(shm::Tag<DiagnosticValue>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(DiagnosticValue, key, "", "What the value is called.", 0),
      HORUS_TEXT(DiagnosticValue, value, "", "Written as text.", 32),
      HORUS_FIELD(DiagnosticValue, value_type, "",
                  "What the text stands for: 0 string, 1 int, 2 float, 3 bool.", 96),
  };
  static constexpr std::array kArgs{shm::arg("key"), shm::arg("value")};
  static const shm::TypeInfo kType = shm::make_type<DiagnosticValue, 97, 1>(
      "DiagnosticValue", "diagnostic_value", "One named value of a report, as text.", kFields,
      kArgs);
  return kType;
}

struct DiagnosticReport {
  std::uint8_t component[32]{};
  DiagnosticValue values[16]{};
  std::uint8_t value_count{};
  std::uint8_t level{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<DiagnosticReport>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(DiagnosticReport, component, "", "Whose report it is.", 0),
      HORUS_COUNTED(DiagnosticReport, values, "", "In the order in which they were added.",
                    "value_count", 32),
      HORUS_FIELD(DiagnosticReport, value_count, "", "0 to 16.", 1584),
      HORUS_FIELD(DiagnosticReport, level, "", "0 ok, 1 warn, 2 error, 3 fatal.", 1585),
      HORUS_FIELD(DiagnosticReport, timestamp_ns, "ns", "Nanoseconds since 1970.", 1592),
  };
  static constexpr std::array kArgs{shm::arg("component"), shm::arg("level")};
  static const shm::TypeInfo kType = shm::make_type<DiagnosticReport, 1600, 8>(
      "DiagnosticReport", "diagnostic_report", "Up to 16 values of a component.", kFields, kArgs);
  return kType;
}

struct ResourceUsage {
  float cpu_percent{};
  std::uint64_t memory_bytes{};
  float memory_percent{};
  std::uint64_t disk_bytes{};
  float disk_percent{};
  std::uint64_t network_tx_bytes{};
  std::uint64_t network_rx_bytes{};
  float temperature{};
  std::uint32_t thread_count{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<ResourceUsage>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(ResourceUsage, cpu_percent, "%", "Of all cores.", 0),
      HORUS_FIELD(ResourceUsage, memory_bytes, "B", "In use.", 8),
      HORUS_FIELD(ResourceUsage, memory_percent, "%", "Of the memory, in use: 0 to 100.", 16),
      HORUS_FIELD(ResourceUsage, disk_bytes, "B", "In use.", 24),
      HORUS_FIELD(ResourceUsage, disk_percent, "%", "Of the disk, in use: 0 to 100.", 32),
      HORUS_FIELD(ResourceUsage, network_tx_bytes, "B", "Sent since the start.", 40),
      HORUS_FIELD(ResourceUsage, network_rx_bytes, "B", "Received since the start.", 48),
      HORUS_FIELD(ResourceUsage, temperature, "degC", "Of the processor.", 56),
      HORUS_FIELD(ResourceUsage, thread_count, "", "Threads that there are.", 60),
      HORUS_FIELD(ResourceUsage, timestamp_ns, "ns", "Nanoseconds since 1970.", 64),
  };
  static constexpr std::array kArgs{shm::arg("cpu_percent"), shm::arg("memory_bytes"),
                                    shm::arg("memory_percent"), shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<ResourceUsage, 72, 8>(
      "ResourceUsage", "resources", "What a machine has in use.", kFields, kArgs));
  return kType;
}

struct NodeHeartbeat {
  std::uint8_t state{};
  std::uint8_t health{};
  std::uint64_t tick_count{};
  std::uint32_t target_rate_hz{};
  std::uint32_t actual_rate_hz{};
  std::uint32_t error_count{};
  std::uint64_t last_tick_timestamp{};
  std::uint64_t heartbeat_timestamp{};
};

inline const shm::TypeInfo& type_info(shm::Tag<NodeHeartbeat>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(NodeHeartbeat, state, "", "The node's own number for what it does.", 0),
      HORUS_FIELD(NodeHeartbeat, health, "", "0 healthy; higher is worse.", 1),
      HORUS_FIELD(NodeHeartbeat, tick_count, "", "Since the node's start.", 8),
      HORUS_FIELD(NodeHeartbeat, target_rate_hz, "Hz", "As the node was declared.", 16),
      HORUS_FIELD(NodeHeartbeat, actual_rate_hz, "Hz", "As it was measured.", 20),
      HORUS_FIELD(NodeHeartbeat, error_count, "", "Since the node's start.", 24),
      HORUS_FIELD(NodeHeartbeat, last_tick_timestamp, "s", "Whole seconds since 1970.", 32),
      HORUS_FIELD(NodeHeartbeat, heartbeat_timestamp, "s", "Whole seconds since 1970.", 40),
  };
  static constexpr std::array kArgs{shm::arg("state"), shm::arg("health")};
  static const shm::TypeInfo kType = shm::make_type<NodeHeartbeat, 48, 8>(
      "NodeHeartbeat", "node_heartbeat", "How a node runs.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg
