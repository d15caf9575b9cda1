// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/cli/output.hpp"

namespace horus::cli {

/// Asks every recorder to write what it keeps in memory, and prints the result of each. All are
/// asked at once and have the same deadline, 60 s, so that a slow one does not delay the others.
/// Returns the worst exit code; kNotRunning where there is no such recorder.
int trigger_recorders(Output& output);

}  // namespace horus::cli
