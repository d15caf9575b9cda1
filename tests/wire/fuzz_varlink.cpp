// SPDX-License-Identifier: Apache-2.0
// What a peer sends, whatever it is: nothing may crash, and what is accepted must survive being
// written and read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <horus/result.hpp>

#include "service/wire/health.hpp"
#include "service/wire/stats_codec.hpp"
#include "service/wire/varlink.hpp"

namespace {

using namespace horus::wire;

void check_request(std::string_view message) {
  const auto request = parse_request(message);
  if (!request) return;
  std::string again = encode(request.value());
  again.pop_back();
  const auto second = parse_request(again);
  HORUS_CHECK(second && second.value().method == request.value().method);
  HORUS_CHECK(second.value().parameters == request.value().parameters);
}

void check_reply(std::string_view message) {
  const auto reply = parse_reply(message);
  if (!reply) return;
  if (const auto stats = stats_from_json(reply.value().parameters)) {
    static_cast<void>(to_line(to_json(stats.value())));
  }
  if (const auto health = health_from_json(reply.value().parameters)) {
    static_cast<void>(to_line(to_json(health.value())));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MessageReader reader{kMaxRequestBytes};
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  if (!reader.feed(bytes)) return 0;
  while (const auto message = reader.next()) {
    check_request(*message);
    check_reply(*message);
  }
  check_request(bytes);
  check_reply(bytes);
  return 0;
}
