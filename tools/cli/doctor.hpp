// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <horus/text.hpp>

#include "service/wire/varlink.hpp"
#include "tools/cli/machine.hpp"

namespace horus::cli {

enum class Grade : std::uint8_t { kOk, kWarn, kFail, kSkip };
constexpr auto words_of(Grade /*any*/) noexcept {
  return words_in_order<Grade>("ok", "warn", "fail", "skip");
}

struct Finding {
  Grade grade = Grade::kOk;
  std::string evidence;  ///< What was seen, and where.
  std::string fix;       ///< What to do about it; empty when all is well.
};

/// One check of the machine (CLI-5). Its id is an interface: scripts and bug reports use it.
struct Check {
  std::string_view id;  ///< "kernel.preempt_rt"
  Finding (*run)(const Machine& machine);
};
// The checks by group, in the order in which they are shown.
std::span<const Check> kernel_checks();
std::span<const Check> cpu_checks();
std::span<const Check> system_checks();

struct Diagnosis {
  struct Row {
    std::string id;
    Finding finding;
  };
  std::vector<Row> rows;
  /// Name and value of what the machine is, for a bug report.
  std::vector<std::pair<std::string, std::string>> facts;

  /// How many findings have this grade.
  std::size_t count(Grade grade) const noexcept;
  /// 0: all is well; 1: warnings; 2: failures.
  int exit_code() const noexcept;
};
/// Runs every check. `strict`: a warning becomes a failure.
Diagnosis diagnose(const Machine& machine, bool strict);

/// One line for each finding, with its fix below it; then the facts.
std::string diagnosis_text(const Diagnosis& diagnosis);
/// One JSON object.
wire::Json diagnosis_json(const Diagnosis& diagnosis);

// Short names, for the checks.
inline Finding ok(std::string evidence) {
  return {Grade::kOk, std::move(evidence), {}};
}
inline Finding skip(std::string evidence) {
  return {Grade::kSkip, std::move(evidence), {}};
}
inline Finding warn(std::string evidence, std::string fix) {
  return {Grade::kWarn, std::move(evidence), std::move(fix)};
}
inline Finding bad(std::string evidence, std::string fix) {
  return {Grade::kFail, std::move(evidence), std::move(fix)};
}

}  // namespace horus::cli
