// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "rt/base/cpu_set.hpp"
#include "rt/base/result.hpp"

namespace horus::service {

/// One of the kernel's values, and what real time wants it to be.
struct Setting {
  std::string path;
  std::string wanted;
};

/// What became of a setting.
struct Tuned {
  std::string path;
  std::string before;
  std::string after;    ///< As read back.
  std::string refusal;  ///< Why the kernel did not take it; empty: it did.
};

/// `cpus` as the kernel's bit masks are written: "3", "1,00000000".
/// Source: lib/bitmap.c, bitmap_parse().
std::string hex_mask(const CpuSet& cpus);

/// What keeps interrupts, unbound kernel work and slow clocks off the `isolated` CPUs and on the
/// rest of the `online` ones, as far as this machine has it. `root` is "/", or a copy for a test.
std::vector<Setting> wanted_settings(const std::filesystem::path& root, const CpuSet& isolated,
                                     const CpuSet& online);

/// Writes it and reads it back.
Tuned tune(const Setting& setting);

/// Puts back what was there before, unless somebody else has changed it since. Whether it did.
bool revert(const Tuned& tuned);

/// The record of what was changed, for the revert. load() of a file that is not there is empty.
Status save(const std::string& path, const std::vector<Tuned>& tuned);
Result<std::vector<Tuned>> load(const std::string& path);

/// What a first apply found, where `fresh` is of a second one that found its own work.
std::vector<Tuned> keep_first(const std::vector<Tuned>& recorded, std::vector<Tuned> fresh);

}  // namespace horus::service
