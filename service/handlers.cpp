// SPDX-License-Identifier: Apache-2.0
#include "service/handlers.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "rt/base/version.hpp"
#include "service/wire/interfaces.hpp"
#include "service/wire/stats_codec.hpp"

namespace horus::service {
namespace {

using wire::Json;

constexpr std::int64_t kDefaultSubscribeMs = 1000;
constexpr std::int64_t kMaxSubscribeMs = 3'600'000;

Answer refused(const char* error, const char* key = "", const std::string& value = "") {
  return {.reply = error_reply(error, key, value), .again = {}};
}

Answer answered(Json parameters) {
  Answer answer;
  answer.reply.parameters = std::move(parameters);
  return answer;
}

Answer get_info(Service& /*service*/, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  return answered(
      {{"vendor", "HORUS"},
       {"product", "horusd"},
       {"version", kVersion},
       {"url", ""},
       {"interfaces",
        {wire::kServiceInterface.name, wire::kStatsInterface.name, wire::kControlInterface.name}}});
}

Answer get_interface_description(Service& /*service*/, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {"interface"})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  const auto name = request.parameters.find("interface");
  if (name == request.parameters.end() || !name->is_string()) {
    return refused(wire::error::kInvalidParameter, "parameter", "interface");
  }
  const auto text = name->get<std::string>();
  const wire::Interface* found = wire::find_interface(text);
  if (found == nullptr) return refused(wire::error::kInterfaceNotFound, "interface", text);
  return answered({{"description", found->description}});
}

/// The statistics, of all nodes or of the one that the request names.
Answer stats_of(Service& service, const wire::Request& request) {
  wire::StatsView view = service.stats();
  const auto named = request.parameters.find("node");
  if (named == request.parameters.end() || named->is_null()) return answered(wire::to_json(view));
  if (!named->is_string()) return refused(wire::error::kInvalidParameter, "parameter", "node");
  const auto name = named->get<std::string>();
  for (wire::HostView& host : view.hosts) {
    std::erase_if(host.nodes, [&name](const wire::NodeView& node) { return node.name != name; });
  }
  std::erase_if(view.hosts, [](const wire::HostView& host) { return host.nodes.empty(); });
  if (view.hosts.empty()) return refused(wire::error::kNoSuchNode, "node", name);
  return answered(wire::to_json(view));
}

Answer stats_get(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {"node"})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  return stats_of(service, request);
}

Answer stats_subscribe(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {"interval_ms", "node"})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  if (!request.more) return refused(wire::error::kExpectedMore);
  std::int64_t interval = kDefaultSubscribeMs;
  const auto given = request.parameters.find("interval_ms");
  if (given != request.parameters.end() && !given->is_null()) {
    // A number beyond int64 arrives as unsigned and reads back negative here.
    interval = given->is_number_integer() ? given->get<std::int64_t>() : 0;
    if (interval < wire::kMinSubscribeMs || interval > kMaxSubscribeMs) {
      return refused(wire::error::kInvalidParameter, "parameter", "interval_ms");
    }
  }
  Answer answer = stats_of(service, request);
  if (!answer.reply.error.empty()) return answer;
  answer.reply.continues = true;
  answer.again = std::chrono::milliseconds{interval};
  return answer;
}

Answer stats_describe(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  const Expected expected = service.expected();
  Json hosts = Json::array();
  for (const auto& [name, kind] : expected.hosts) hosts.push_back({{"name", name}, {"kind", kind}});
  return answered({{"version", wire::kProtocolVersion},
                   {"pid", ::getpid()},
                   {"config", expected.files},
                   {"hosts", std::move(hosts)}});
}

Answer control_reload(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  const ReloadOutcome outcome = service.reload();
  if (!outcome.accepted) return refused(wire::error::kReloadRejected, "message", outcome.message);
  return answered({{"message", outcome.message}});
}

struct Row {
  std::string_view method;
  Rights rights;
  Answer (*answer)(Service& service, const wire::Request& request);
};
constexpr std::array<Row, 6> kRows{{
    {wire::method::kGetInfo, Rights::kStats, get_info},
    {wire::method::kGetInterfaceDescription, Rights::kStats, get_interface_description},
    {wire::method::kStatsGet, Rights::kStats, stats_get},
    {wire::method::kStatsSubscribe, Rights::kStats, stats_subscribe},
    {wire::method::kStatsDescribe, Rights::kStats, stats_describe},
    {wire::method::kControlReload, Rights::kControl, control_reload},
}};

}  // namespace

wire::Reply error_reply(const char* error, const char* key, const std::string& value) {
  wire::Reply reply;
  reply.error = error;
  if (*key != '\0') reply.parameters[key] = value;
  return reply;
}

Answer answer(Service& service, const wire::Request& request, Rights rights) {
  const auto row = std::ranges::find(kRows, request.method, &Row::method);
  if (row == kRows.end()) {
    const wire::MethodName name = wire::split_method(request.method);
    if (wire::find_interface(name.interface) == nullptr) {
      return refused(wire::error::kInterfaceNotFound, "interface", std::string{name.interface});
    }
    return refused(wire::error::kMethodNotFound, "method", request.method);
  }
  if (row->rights == Rights::kControl && rights != Rights::kControl) {
    return refused(wire::error::kPermissionDenied);
  }
  return row->answer(service, request);
}

}  // namespace horus::service
