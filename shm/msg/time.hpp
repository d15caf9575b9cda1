// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct Clock {
  std::uint64_t clock_ns{};
  std::uint64_t realtime_ns{};
  double sim_speed{1.0};
  shm::Flag paused{};
  std::uint8_t source{};
  std::uint8_t _pad[6]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Clock>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Clock, clock_ns, "ns", "The time that nodes shall use.", 0),
      HORUS_FIELD(Clock, realtime_ns, "ns", "Nanoseconds since 1970.", 8),
      HORUS_FIELD(Clock, sim_speed, "", "Seconds of clock_ns in a second.", 16),
      HORUS_FIELD(Clock, paused, "", "Whether the clock stands.", 24),
      HORUS_FIELD(Clock, source, "", "0 wall, 1 simulation, 2 replay.", 25),
      HORUS_PADDING(Clock, _pad, 26),
      HORUS_FIELD(Clock, timestamp_ns, "ns", "Nanoseconds since 1970.", 32),
  };
  static const shm::TypeInfo kType =
      shm::make_type<Clock, 40, 8>("Clock", "clock", "What time it is for a robot.", kFields);
  return kType;
}

struct TimeReference {
  std::uint64_t time_ref_ns{};
  std::uint8_t source[32]{};
  std::int64_t offset_ns{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<TimeReference>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TimeReference, time_ref_ns, "ns", "Of the other clock.", 0),
      HORUS_TEXT(TimeReference, source, "", "Which clock.", 8),
      HORUS_FIELD(TimeReference, offset_ns, "ns", "Our clock minus the other.", 40),
      HORUS_FIELD(TimeReference, timestamp_ns, "ns", "Nanoseconds since 1970.", 48),
  };
  static const shm::TypeInfo kType = shm::make_type<TimeReference, 56, 8>(
      "TimeReference", "time_reference", "What another clock says.", kFields);
  return kType;
}

struct SimSync {
  std::uint64_t step{};
  std::uint64_t sim_time_ns{};
  std::uint64_t dt_ns{};
  std::uint8_t state{};
  std::uint8_t _pad[7]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<SimSync>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(SimSync, step, "", "Number of the step.", 0),
      HORUS_FIELD(SimSync, sim_time_ns, "ns", "At the step's end.", 8),
      HORUS_FIELD(SimSync, dt_ns, "ns", "Length of the step.", 16),
      HORUS_FIELD(SimSync, state, "", "0 idle, 1 waiting, 2 done.", 24),
      HORUS_PADDING(SimSync, _pad, 25),
  };
  static const shm::TypeInfo kType = shm::make_type<SimSync, 32, 8>(
      "SimSync", "", "A step of a simulation, asked for or done.", kFields);
  return kType;
}

struct RateRequest {
  std::uint8_t topic_name[32]{};
  double desired_hz{};
  double min_hz{};
  double max_hz{};
  std::uint64_t requester_id{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<RateRequest>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(RateRequest, topic_name, "", "Which topic.", 0),
      HORUS_FIELD(RateRequest, desired_hz, "Hz", "What is wanted.", 32),
      HORUS_FIELD(RateRequest, min_hz, "Hz", "Less is of no use.", 40),
      HORUS_FIELD(RateRequest, max_hz, "Hz", "More is too much.", 48),
      HORUS_FIELD(RateRequest, requester_id, "", "Who asks.", 56),
      HORUS_FIELD(RateRequest, timestamp_ns, "ns", "Nanoseconds since 1970.", 64),
  };
  static const shm::TypeInfo kType = shm::make_type<RateRequest, 72, 8>(
      "RateRequest", "", "How often somebody wants a topic's messages.", kFields);
  return kType;
}

}  // namespace horus::msg
