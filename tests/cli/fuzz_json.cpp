// SPDX-License-Identifier: Apache-2.0
// What `topic pub` is given, whatever it is: refused with a word, or a message of the right size
// that is shown again.
#include <cstddef>
#include <cstdint>
#include <string>

#include <horus/result.hpp>

#include "tools/cli/parse_message.hpp"

using namespace horus::cli;

/// The first byte chooses the type.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto json = parse_json({reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!json) {
    HORUS_CHECK(!json.error().subject.view().empty());
    return 0;
  }
  const auto types = horus::shm::all_types();
  const horus::shm::TypeInfo& type = *types[data[0] % types.size()];
  if (const auto bytes = typed_bytes(type, json.value())) {
    HORUS_CHECK(whole_message(type, bytes.value()));
  } else {
    HORUS_CHECK(!bytes.error().subject.view().empty());
  }
  HORUS_CHECK(generic_message(generic_bytes(json.value())));
  return 0;
}
