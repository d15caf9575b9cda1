// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <horus/payload.hpp>

#include "shm/interop/message_json.hpp"

namespace horus::cli {

using interop::as_written;
using interop::generic_message;
using interop::message_line;
using interop::MessageJson;
using interop::typed_message;
using interop::whole_message;

/// The description of an image, cloud, depth image or tensor: shape, dtype and so on, without the
/// elements.
MessageJson payload_message(const shm::Payload& payload);

/// The message as text: one line for each field, nested fields indented, arrays cut after 16
/// elements.
std::string message_text(const MessageJson& message);

}  // namespace horus::cli
