// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rt/base/time.hpp"
#include "service/wire/stats_view.hpp"
#include "service/wire/varlink.hpp"

namespace horus::service {

/// What the configuration in force expects to run.
struct Expected {
  std::vector<std::string> files;
  std::vector<std::pair<std::string, std::string>> hosts;  ///< Name, and "cpp" or "python".
};

struct ReloadOutcome {
  bool accepted = false;
  std::string message;
};

/// What a request can want of the service.
class Service {
 public:
  virtual ~Service() = default;
  virtual wire::StatsView stats() = 0;
  virtual Expected expected() = 0;
  virtual ReloadOutcome reload() = 0;
};

/// Which methods a connection may call.
enum class Rights : std::uint8_t {
  kStats,    ///< org.varlink.service and io.horus.Stats.
  kControl,  ///< io.horus.Control as well.
};

struct Answer {
  wire::Reply reply;
  Nanos again{};  ///< Answer the same request again after this time, and so on; 0: answered.
};

/// Answers one request. Every method has one row in a table.
Answer answer(Service& service, const wire::Request& request, Rights rights);

/// An error of Varlink with one parameter, or none when `key` is empty.
wire::Reply error_reply(const char* error, const char* key = "", const std::string& value = "");

}  // namespace horus::service
