// SPDX-License-Identifier: Apache-2.0
#include "service/handlers.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "rt/base/version.hpp"
#include "service/wire/interfaces.hpp"

namespace horus::service {
namespace {

using wire::Json;

constexpr std::int64_t kDefaultSubscribeMs = 1000;
constexpr std::int64_t kMaxSubscribeMs = 3'600'000;

Answer refused(const char* error, const char* key = "", const std::string& value = "") {
  return {.reply = error_reply(error, key, value)};
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

/// The statistics of all nodes, or of the node that the request names. `continues`: further replies
/// to the same request follow.
Answer stats_of(Service& service, const wire::Request& request, bool continues) {
  std::string node;
  const auto named = request.parameters.find("node");
  if (named != request.parameters.end() && !named->is_null()) {
    if (!named->is_string() || named->get_ref<const std::string&>().empty()) {
      return refused(wire::error::kInvalidParameter, "parameter", "node");
    }
    node = named->get<std::string>();
  }
  Answer answer;
  answer.stats = std::make_unique<StatsReply>(service.stats(), std::move(node), continues);
  return answer;
}

Answer stats_get(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {"node"})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  return stats_of(service, request, /*continues=*/false);
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
  Answer answer = stats_of(service, request, /*continues=*/true);
  if (answer.stats) answer.again = std::chrono::milliseconds{interval};
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
                   {"base", expected.base},
                   {"config", expected.files},
                   {"hosts", std::move(hosts)}});
}

Answer stats_health(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  return answered(wire::to_json(service.health()));
}

Answer control_reload(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  const ReloadOutcome outcome = service.reload();
  if (!outcome.accepted) return refused(wire::error::kReloadRejected, "message", outcome.message);
  return answered({{"message", outcome.message}});
}

Answer control_set_log_level(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {"node", "level"})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  std::array<std::string, 2> texts;
  for (const auto& [text, key] : {std::pair{&texts[0], "node"}, std::pair{&texts[1], "level"}}) {
    const auto given = request.parameters.find(key);
    if (given == request.parameters.end() || !given->is_string()) {
      return refused(wire::error::kInvalidParameter, "parameter", key);
    }
    *text = given->get<std::string>();
  }
  const auto level = parse_word<LogLevel>(texts[1]);
  if (!level) return refused(wire::error::kInvalidParameter, "parameter", "level");
  if (!service.set_log_level(texts[0], *level)) {
    return refused(wire::error::kNoNodeToSet, "node", texts[0]);
  }
  return answered(Json::object());
}

/// The text parameter `key`. Nothing: it is no text, or it is `required` and missing or empty. A
/// missing optional parameter is an empty text.
std::optional<std::string> text_of(const wire::Request& request, const char* key, bool required) {
  const auto given = request.parameters.find(key);
  if (given == request.parameters.end() || given->is_null()) {
    return required ? std::nullopt : std::optional{std::string{}};
  }
  if (!given->is_string()) return std::nullopt;
  std::string text = given->get<std::string>();
  return required && text.empty() ? std::nullopt : std::optional{std::move(text)};
}

/// One method for each kind; they differ in the name and meaning of their one parameter.
template <SafetyRequest::Kind Kind>
Answer control_safety(Service& service, const wire::Request& request) {
  constexpr bool kReleases = Kind == SafetyRequest::Kind::kRelease;
  constexpr bool kOfNode =
      Kind == SafetyRequest::Kind::kArm || Kind == SafetyRequest::Kind::kDisarm;
  const char* const key = kOfNode ? "node" : kReleases ? "reason" : "why";
  if (const auto unknown = wire::unknown_parameter(request, {key})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  const auto text = text_of(request, key, kReleases);
  if (!text) return refused(wire::error::kInvalidParameter, "parameter", key);
  SafetyRequest wanted{.kind = Kind};
  (kOfNode ? wanted.node : wanted.text) = *text;
  const Status done = service.change_safety(wanted);
  if (done) return answered(Json::object());
  if (done.error().code == Errc::kNotFound) {
    return refused(wire::error::kNoNodeToSet, "node", *text);
  }
  return refused(wire::error::kSafetyRefused, "message", describe(done.error()));
}

Answer control_may_release(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  const Status may = service.change_safety({.kind = SafetyRequest::Kind::kMayRelease});
  if (may) return answered(Json::object());
  return refused(wire::error::kSafetyRefused, "message", describe(may.error()));
}

Answer control_flush_black_box(Service& service, const wire::Request& request) {
  if (const auto unknown = wire::unknown_parameter(request, {})) {
    return refused(wire::error::kInvalidParameter, "parameter", *unknown);
  }
  const BoxOutcome outcome = service.flush_boxes();
  if (!outcome.kept) return refused(wire::error::kNotKept, "message", outcome.text);
  return answered({{"file", outcome.text}});
}

struct Row {
  std::string_view method;
  Rights rights;
  Answer (*answer)(Service& service, const wire::Request& request);
};
constexpr std::array<Row, 14> kRows{{
    {wire::method::kGetInfo, Rights::kStats, get_info},
    {wire::method::kGetInterfaceDescription, Rights::kStats, get_interface_description},
    {wire::method::kStatsGet, Rights::kStats, stats_get},
    {wire::method::kStatsSubscribe, Rights::kStats, stats_subscribe},
    {wire::method::kStatsHealth, Rights::kStats, stats_health},
    {wire::method::kStatsDescribe, Rights::kStats, stats_describe},
    {wire::method::kControlReload, Rights::kControl, control_reload},
    {wire::method::kControlSetLogLevel, Rights::kControl, control_set_log_level},
    {wire::method::kControlEstop, Rights::kStop, control_safety<SafetyRequest::Kind::kEstop>},
    {wire::method::kControlRelease, Rights::kControl,
     control_safety<SafetyRequest::Kind::kRelease>},
    {wire::method::kControlMayRelease, Rights::kControl, control_may_release},
    {wire::method::kControlArm, Rights::kControl, control_safety<SafetyRequest::Kind::kArm>},
    {wire::method::kControlDisarm, Rights::kControl, control_safety<SafetyRequest::Kind::kDisarm>},
    {wire::method::kControlFlushBlackBox, Rights::kControl, control_flush_black_box},
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
  if (row->rights > rights) {
    return refused(wire::error::kPermissionDenied);
  }
  return row->answer(service, request);
}

}  // namespace horus::service
