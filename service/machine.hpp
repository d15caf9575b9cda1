// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <horus/realtime.hpp>
#include <horus/result.hpp>

namespace horus::service {

/// One setting of the kernel, and the value that real time wants.
struct Setting {
  std::string path;    ///< A file in /proc or /sys.
  std::string wanted;  ///< The value to write.
};

/// Result of one setting.
struct Tuned {
  std::string path;
  std::string before;   ///< The value that it had; empty: it could not be read.
  std::string after;    ///< The value as read back.
  std::string refusal;  ///< Why it does not have the wanted value; empty: it has.
};

/// `cpus` in the kernel's format of bit masks: hexadecimal in groups of 32 bits, e.g. "3" for CPUs
/// 0 and 1, "1,00000000" for CPU 32.
/// Source: lib/bitmap.c, bitmap_parse().
std::string hex_mask(const CpuSet& cpus);

/// The settings that move interrupts and unbound kernel work from the `isolated` CPUs to the rest
/// of the `online` ones, and have the isolated ones run at full clock. Only settings that this
/// machine has. `root` is "/", or a copy of the tree for a test.
std::vector<Setting> wanted_settings(const std::filesystem::path& root, const CpuSet& isolated,
                                     const CpuSet& online);

/// Writes a setting and reads it back. Writes nothing if it has the wanted value already. Needs
/// root; a failure is in Tuned::refusal.
Tuned tune(const Setting& setting);

/// Puts back the earlier value. False, and nothing is written, if somebody else has changed it
/// since tune(); false also if the kernel refuses the value.
bool revert(const Tuned& tuned);

/// Writes the record of what was changed, for a later revert; replaces the file atomically.
Status save(const std::string& path, const std::vector<Tuned>& tuned);
/// Reads the record. Empty if there is no file; kCorrupt if it is no record.
Result<std::vector<Tuned>> load(const std::string& path);

/// `fresh` with the `before` values of an earlier record. A second apply finds the values of the
/// first one; a revert must go back to the values before that.
std::vector<Tuned> keep_first(const std::vector<Tuned>& recorded, std::vector<Tuned> fresh);

}  // namespace horus::service
