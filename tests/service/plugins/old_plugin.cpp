// SPDX-License-Identifier: Apache-2.0
// A plug-in of another ABI.
#include <horus/plugin.hpp>

extern "C" __attribute__((visibility("default"))) const horus::PluginTable* horus_plugin_v1() {
  static constexpr horus::PluginTable kTable{
      .abi = horus::kPluginAbi + 1, .count = 0, .types = nullptr};
  return &kTable;
}
