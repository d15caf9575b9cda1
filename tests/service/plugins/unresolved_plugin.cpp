// SPDX-License-Identifier: Apache-2.0
// A plug-in that misses a library of its own.
#include <horus/plugin.hpp>

void from_a_library_that_is_not_there();

namespace {
class Lost : public horus::Node {
 public:
  explicit Lost(horus::PluginContext&) { from_a_library_that_is_not_there(); }
  void tick(const horus::Tick&) override {}
};
}  // namespace

HORUS_PLUGIN(HORUS_NODE(Lost))
