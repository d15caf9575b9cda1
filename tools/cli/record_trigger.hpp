// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/cli/output.hpp"

namespace horus::cli {

/// Has every recorder write what it keeps in memory, and says what came of it: all at once, each
/// with the same deadline, so that one that is held up makes no other one late. The exit code.
int trigger_recorders(Output& output);

}  // namespace horus::cli
