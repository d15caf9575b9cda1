// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <horus/log.hpp>
#include <horus/time.hpp>

#include "service/stats_reply.hpp"
#include "service/wire/health.hpp"
#include "service/wire/varlink.hpp"

namespace horus::service {

/// What should run according to the configuration in force.
struct Expected {
  std::string base;                ///< The robot's directory in shared memory.
  std::vector<std::string> files;  ///< The configuration's files.
  std::vector<std::pair<std::string, std::string>> hosts;  ///< Name, and "cpp" or "python".
};

/// Result of a reload.
struct ReloadOutcome {
  bool accepted = false;
  std::string message;  ///< What is in force and what needs a restart; or the error.
};

/// A change of the robot's safety state, or the question whether one is possible.
struct SafetyRequest {
  /// kEstop: emergency stop of the whole robot. kRelease: take it back. kMayRelease: ask whether
  /// kRelease would be refused; changes nothing. kArm, kDisarm: let actuators act, or keep them
  /// from it.
  enum class Kind : std::uint8_t { kEstop, kRelease, kMayRelease, kArm, kDisarm };
  Kind kind = Kind::kEstop;
  std::string text{};  ///< The reason of a stop or release, for the log.
  std::string node{};  ///< kArm and kDisarm: the actuator's node; empty: every actuator.
};

/// Result of a copy of the black boxes.
struct BoxOutcome {
  bool kept = false;
  std::string text;  ///< The copy's path, or what was wrong.
};

/// What the handlers of requests need of the service: horusd implements it, tests replace it.
///
/// Thread safety: called on the event loop's thread only. Each call keeps all clients waiting, so
/// it must return soon.
class Service {
 public:
  virtual ~Service() = default;
  /// The statistics of all hosts, as of now.
  virtual std::unique_ptr<StatsSource> stats() = 0;
  virtual Expected expected() = 0;
  /// The verdict on the robot, with reasons.
  virtual wire::HealthView health() = 0;
  virtual ReloadOutcome reload() = 0;
  /// False if no living host has the node.
  virtual bool set_log_level(const std::string& node, LogLevel level) = 0;
  /// kNotFound if no living host has the node; any other error says why it was refused.
  virtual Status change_safety(const SafetyRequest& request) = 0;
  /// Copies every black box to disk, now.
  virtual BoxOutcome flush_boxes() = 0;
};

/// Which methods a connection may call. Each right includes those before it.
enum class Rights : std::uint8_t {
  kStats,    ///< org.varlink.service and io.horus.Stats.
  kStop,     ///< Also the emergency stop.
  kControl,  ///< Also all other methods of io.horus.Control.
};

/// The answer to one request.
struct Answer {
  wire::Reply reply{};                  ///< Unused if `stats` is set.
  std::unique_ptr<StatsReply> stats{};  ///< A reply that is made piece by piece; null: `reply`.
  Nanos again{};  ///< Subscriptions: answer again each time this has passed; 0: only once.
};

/// Answers one request. An unknown interface or method, a method beyond `rights`, and an unknown or
/// wrong parameter (WIRE-2) give an error reply. Every method has one row in a table.
Answer answer(Service& service, const wire::Request& request, Rights rights);

/// A Varlink error with one parameter; with an empty `key` without any.
wire::Reply error_reply(const char* error, const char* key = "", const std::string& value = "");

}  // namespace horus::service
