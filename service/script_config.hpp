// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "rt/base/result.hpp"

namespace horus::service {

/// A configuration whose hosts are Python programs, one each; its folder goes with this object.
class ScriptConfig {
 public:
  /// Fails for a file that is not there, and for two of one name.
  static Result<ScriptConfig> make(const std::vector<std::string>& files);
  ScriptConfig(ScriptConfig&& other) noexcept;
  ScriptConfig& operator=(ScriptConfig&&) = delete;
  ~ScriptConfig();

  std::string file() const { return folder_ + "/scripts.toml"; }

 private:
  explicit ScriptConfig(std::string folder) noexcept : folder_{std::move(folder)} {}

  std::string folder_;
};

}  // namespace horus::service
