// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <horus/result.hpp>

namespace horus::service {

/// A configuration file whose hosts are Python programs, one host each, in a temporary folder. The
/// destructor removes the folder.
class ScriptConfig {
 public:
  /// Writes the file. Each host gets its program's file name, with characters that a host's name
  /// cannot have replaced by '_', and is restarted on failure.
  /// Fails with kNotFound for a file that does not exist or without a folder for temporary files,
  /// with kInvalidArgument for two files whose hosts would have the same name, else as the system
  /// call did.
  static Result<ScriptConfig> make(const std::vector<std::string>& files);
  ScriptConfig(ScriptConfig&& other) noexcept;
  ScriptConfig& operator=(ScriptConfig&&) = delete;
  ~ScriptConfig();

  /// Path of the configuration.
  std::string file() const { return folder_ + "/scripts.toml"; }

 private:
  explicit ScriptConfig(std::string folder) noexcept : folder_{std::move(folder)} {}

  std::string folder_;
};

}  // namespace horus::service
