// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rt/base/log_level.hpp"
#include "rt/base/time.hpp"
#include "service/stats_reply.hpp"
#include "service/wire/health.hpp"
#include "service/wire/varlink.hpp"

namespace horus::service {

/// What the configuration in force expects to run.
struct Expected {
  std::string base;  ///< Its directory in shared memory.
  std::vector<std::string> files;
  std::vector<std::pair<std::string, std::string>> hosts;  ///< Name, and "cpp" or "python".
};

struct ReloadOutcome {
  bool accepted = false;
  std::string message;
};

/// What somebody wants of the robot's safety.
struct SafetyRequest {
  enum class Kind : std::uint8_t { kEstop, kRelease, kMayRelease, kArm, kDisarm };
  Kind kind = Kind::kEstop;
  std::string text{};  ///< Why.
  std::string node{};  ///< Of arming; empty: every actuator.
};

/// What became of a copy of the black boxes.
struct BoxOutcome {
  bool kept = false;
  std::string text;  ///< The copy's path, or what was wrong.
};

/// What a request can want of the service.
class Service {
 public:
  virtual ~Service() = default;
  virtual std::unique_ptr<StatsSource> stats() = 0;
  virtual Expected expected() = 0;
  virtual wire::HealthView health() = 0;
  virtual ReloadOutcome reload() = 0;
  /// False where no living host has the node.
  virtual bool set_log_level(const std::string& node, LogLevel level) = 0;
  /// kNotFound where no living host has the node; else says what keeps it from being done.
  virtual Status change_safety(const SafetyRequest& request) = 0;
  /// A copy of every black box, now.
  virtual BoxOutcome flush_boxes() = 0;
};

/// Which methods a connection may call.
enum class Rights : std::uint8_t {
  kStats,    ///< org.varlink.service and io.horus.Stats.
  kStop,     ///< The emergency stop as well.
  kControl,  ///< All of io.horus.Control.
};

struct Answer {
  wire::Reply reply{};
  std::unique_ptr<StatsReply> stats{};  ///< In the place of `reply`, where there is one.
  Nanos again{};  ///< Answer the same request again after this time, and so on; 0: answered.
};

/// Answers one request. Every method has one row in a table.
Answer answer(Service& service, const wire::Request& request, Rights rights);

/// An error of Varlink with one parameter, or none when `key` is empty.
wire::Reply error_reply(const char* error, const char* key = "", const std::string& value = "");

}  // namespace horus::service
