// SPDX-License-Identifier: Apache-2.0
#include "service/wire/varlink.hpp"

#include <algorithm>
#include <array>

namespace horus::wire {

namespace {

Error message_error(Errc code, const char* what, std::string_view subject = {}) {
  return {code, what, 0, Name<200>::clipped(subject)};
}

/// How deep objects and arrays nest, checked before anything is built from `text`, which may be
/// anything.
int depth_of(std::string_view text) noexcept {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if (c == '}' || c == ']') --depth;
  }
  return deepest;
}

Result<Json> parse_object(std::string_view message, std::size_t max_bytes) {
  if (message.size() > max_bytes) return message_error(Errc::kExhausted, "read message: too long");
  if (depth_of(message) > kMaxDepth)
    return message_error(Errc::kExhausted, "read message: too deep");
  Json json = Json::parse(message, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return message_error(Errc::kCorrupt, "read message: no JSON");
  if (!json.is_object()) return message_error(Errc::kCorrupt, "read message: no JSON object");
  return json;
}

/// Reads an optional bool of `object` into `out`.
Status read_flag(const Json& object, const char* key, bool& out) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (!found->is_boolean()) {
    return message_error(Errc::kInvalidArgument, "read request: no bool", key);
  }
  out = found->get<bool>();
  return {};
}

std::string frame(const Json& json) {
  std::string text = to_line(json);
  text.push_back('\0');
  return text;
}

}  // namespace

Status MessageReader::feed(std::string_view bytes) {
  buffer_.erase(0, taken_);
  taken_ = 0;
  buffer_.append(bytes);
  // The limit holds for one message, so only the first is measured: whole ones may follow it.
  if (std::min(end(), buffer_.size()) > max_bytes_) {
    return message_error(Errc::kExhausted, "read message: too long");
  }
  return {};
}

std::optional<std::string> MessageReader::next() {
  const std::size_t last = end();
  if (last == buffer_.npos) return std::nullopt;
  std::string message = buffer_.substr(taken_, last - taken_);
  taken_ = last + 1;
  return message;
}

Result<Request> parse_request(std::string_view message) {
  static constexpr std::array<std::string_view, 4> kKnown{"method", "parameters", "more", "oneway"};
  const auto json = parse_object(message, kMaxRequestBytes);
  if (!json) return json.error();
  const Json& object = json.value();
  for (const auto& [key, value] : object.items()) {
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end()) {
      return message_error(Errc::kInvalidArgument, "read request: unknown field", key);
    }
  }
  Request request;
  const auto method = object.find("method");
  if (method == object.end() || !method->is_string()) {
    return message_error(Errc::kInvalidArgument, "read request: no method", "method");
  }
  request.method = method->get<std::string>();
  if (request.method.empty() || request.method.size() > kMaxMethodBytes) {
    return message_error(Errc::kInvalidArgument, "read request: no method's name", "method");
  }
  if (const auto found = object.find("parameters"); found != object.end()) {
    if (!found->is_object()) {
      return message_error(Errc::kInvalidArgument, "read request: no object", "parameters");
    }
    request.parameters = *found;
  }
  if (auto status = read_flag(object, "more", request.more); !status) return status.error();
  if (auto status = read_flag(object, "oneway", request.oneway); !status) return status.error();
  return request;
}

Result<Reply> parse_reply(std::string_view message) {
  const auto json = parse_object(message, kMaxReplyBytes);
  if (!json) return json.error();
  Reply reply;
  for (const auto& [key, value] : json.value().items()) {
    const bool fits = key == "parameters"  ? value.is_object()
                      : key == "error"     ? value.is_string()
                      : key == "continues" ? value.is_boolean()
                                           : true;
    if (!fits) return message_error(Errc::kCorrupt, "read reply: wrong type", key);
    if (key == "parameters") reply.parameters = value;
    if (key == "error") reply.error = value.get<std::string>();
    if (key == "continues") reply.continues = value.get<bool>();
  }
  return reply;
}

std::string encode(const Request& request) {
  Json json{{"method", request.method}, {"parameters", request.parameters}};
  if (request.more) json["more"] = true;
  if (request.oneway) json["oneway"] = true;
  return frame(json);
}

std::string encode(const Reply& reply) {
  Json json{{"parameters", reply.parameters}};
  if (!reply.error.empty()) json["error"] = reply.error;
  if (reply.continues) json["continues"] = true;
  return frame(json);
}

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

MethodName split_method(std::string_view method) noexcept {
  const std::size_t dot = method.rfind('.');
  if (dot == method.npos) return {{}, method};
  return {method.substr(0, dot), method.substr(dot + 1)};
}

std::optional<std::string> unknown_parameter(const Request& request,
                                             std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : request.parameters.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) return key;
  }
  return std::nullopt;
}

}  // namespace horus::wire
