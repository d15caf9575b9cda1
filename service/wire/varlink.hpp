// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <horus/result.hpp>

namespace horus::wire {

// Messages of the control protocol (WIRE-1): JSON objects, each ended by a zero byte, over a stream
// socket. Pure: no socket here. Whatever arrives is treated as hostile, and is checked here.
// Source: varlink.org, "Method calls".
using Json = nlohmann::json;

inline constexpr std::size_t kMaxRequestBytes = std::size_t{64} << 10U;
inline constexpr std::size_t kMaxReplyBytes = std::size_t{16} << 20U;
inline constexpr std::size_t kMaxMethodBytes = 255;
inline constexpr int kMaxDepth = 16;  ///< Of nested objects and arrays.

/// A method call.
struct Request {
  std::string method;                ///< With its interface, e.g. "io.horus.Stats.Get".
  Json parameters = Json::object();  ///< Always an object.
  bool more = false;                 ///< The caller accepts several replies.
  bool oneway = false;               ///< The caller wants no reply.
};

/// A reply, or an error.
struct Reply {
  Json parameters = Json::object();  ///< Always an object; the error's parameters for an error.
  std::string error;                 ///< Full name of the error; empty: success.
  bool continues = false;            ///< Another reply follows.
};

/// Cuts a stream of bytes into messages. One thread.
class MessageReader {
 public:
  /// `max_bytes`: the longest message that is accepted.
  explicit MessageReader(std::size_t max_bytes) noexcept : max_bytes_{max_bytes} {}

  /// Adds bytes that arrived. Fails with kExhausted once a message is longer than the limit; the
  /// connection must be closed then.
  Status feed(std::string_view bytes);
  /// Takes the next whole message, without its zero byte. Nothing: none is whole yet.
  std::optional<std::string> next();
  /// Whether next() would give a message.
  bool whole() const noexcept { return end() != buffer_.npos; }
  /// Whether a message has begun and not ended. A server limits how long this may last.
  bool partial() const noexcept { return taken_ < buffer_.size() && end() == buffer_.npos; }

 private:
  std::size_t end() const noexcept { return buffer_.find('\0', taken_); }

  std::size_t max_bytes_;
  std::string buffer_;
  std::size_t taken_ = 0;  ///< Bytes at the front of `buffer_` that next() has taken.
};

/// Reads a request (WIRE-2).
/// \errors kCorrupt: `message` is no JSON object, or has invalid UTF-8; kExhausted: it is too long
/// or nests too deep. In both cases the connection must be closed. kInvalidArgument: a field is
/// unknown or has the wrong type; the error's subject is its name.
Result<Request> parse_request(std::string_view message);
/// Reads a reply. Unknown fields are ignored (WIRE-2).
/// \errors kCorrupt, also for a field of the wrong type; kExhausted as above.
Result<Reply> parse_reply(std::string_view message);

/// The message with its zero byte. Bytes that are not UTF-8 are replaced by U+FFFD.
std::string encode(const Request& request);
std::string encode(const Reply& reply);

/// `json` in one line of ASCII; other characters are escaped, as a terminal takes some of them for
/// commands. Bytes that are not UTF-8 are replaced by U+FFFD.
std::string to_line(const Json& json);

/// A method's full name in its two parts: "io.horus.Stats.Get" is {"io.horus.Stats", "Get"}.
/// Without a dot the interface is empty.
struct MethodName {
  std::string_view interface;
  std::string_view method;
};
MethodName split_method(std::string_view method) noexcept;

/// The name of a parameter that is not among `known`, so that the request is refused; nothing: all
/// are known.
std::optional<std::string> unknown_parameter(const Request& request,
                                             std::initializer_list<std::string_view> known);

}  // namespace horus::wire
