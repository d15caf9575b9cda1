// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "shm/interop/message_json.hpp"
#include "shm/payload.hpp"

namespace horus::cli {

using interop::as_written;
using interop::generic_message;
using interop::message_line;
using interop::MessageJson;
using interop::typed_message;
using interop::whole_message;

/// What describes an image, cloud or tensor, without its elements.
MessageJson payload_message(const shm::Payload& payload);

/// For people: a line for each field, nested ones indented, long arrays cut.
std::string message_text(const MessageJson& message);

}  // namespace horus::cli
