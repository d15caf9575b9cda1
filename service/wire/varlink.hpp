// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "rt/base/result.hpp"

namespace horus::wire {

/// The control protocol's messages: JSON objects, each ended by a zero byte, over a stream socket.
/// Pure: no socket here. What arrives is hostile until it was checked here.
/// Source: varlink.org, "Method calls".
using Json = nlohmann::json;

inline constexpr std::size_t kMaxRequestBytes = std::size_t{64} << 10U;
inline constexpr std::size_t kMaxReplyBytes = std::size_t{16} << 20U;
inline constexpr std::size_t kMaxMethodBytes = 255;
inline constexpr int kMaxDepth = 16;  ///< Objects and arrays within each other.

struct Request {
  std::string method;                ///< With its interface, e.g. "io.horus.Stats.Get".
  Json parameters = Json::object();  ///< Always an object.
  bool more = false;                 ///< The caller takes several replies.
  bool oneway = false;               ///< The caller takes none.
};

struct Reply {
  Json parameters = Json::object();  ///< Always an object; of the error, if there is one.
  std::string error;                 ///< Full name of the error; empty: success.
  bool continues = false;            ///< Another reply follows.
};

/// Cuts a stream of bytes into messages.
class MessageReader {
 public:
  explicit MessageReader(std::size_t max_bytes) noexcept : max_bytes_{max_bytes} {}

  /// Adds what arrived. Fails with kExhausted once a message is longer than the limit; the
  /// stream is of no use after that.
  Status feed(std::string_view bytes);
  /// The next whole message, without its zero.
  std::optional<std::string> next();
  /// Whether next() would give one.
  bool whole() const noexcept { return end() != buffer_.npos; }
  /// Whether a message has begun and not ended (a request must be complete within a time).
  bool partial() const noexcept { return taken_ < buffer_.size() && end() == buffer_.npos; }

 private:
  std::size_t end() const noexcept { return buffer_.find('\0', taken_); }

  std::size_t max_bytes_;
  std::string buffer_;
  std::size_t taken_ = 0;  ///< Bytes at the front that next() has given away.
};

/// Fails with kCorrupt when `message` is not a JSON object (invalid UTF-8 included), kExhausted
/// when it is too long or too deep: in both cases the connection is to be closed. Fails with
/// kInvalidArgument when a field is unknown or of the wrong type; the error's subject is its name.
Result<Request> parse_request(std::string_view message);
/// Fails with kCorrupt or kExhausted.
Result<Reply> parse_reply(std::string_view message);

/// With the zero at the end. Text that is not UTF-8 is replaced, never refused.
std::string encode(const Request& request);
std::string encode(const Reply& reply);

/// One line of JSON, all ASCII: a terminal takes some characters beyond it for commands. Text that
/// is not UTF-8 is replaced.
std::string to_line(const Json& json);

/// "io.horus.Stats.Get" is {"io.horus.Stats", "Get"}; without a dot the interface is empty.
struct MethodName {
  std::string_view interface;
  std::string_view method;
};
MethodName split_method(std::string_view method) noexcept;

/// The first of the request's parameters that is not among `known`: it is to be refused.
std::optional<std::string> unknown_parameter(const Request& request,
                                             std::initializer_list<std::string_view> known);

}  // namespace horus::wire
