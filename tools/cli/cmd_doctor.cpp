// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "rt/base/printable.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/doctor.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

std::size_t Diagnosis::count(Grade grade) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      rows.begin(), rows.end(), [&](const Row& row) { return row.finding.grade == grade; }));
}

int Diagnosis::exit_code() const noexcept {
  if (count(Grade::kFail) != 0) return 2;
  return count(Grade::kWarn) != 0 ? 1 : 0;
}

/// The findings, then the facts about the machine. All of it can be pasted into a bug report.
std::string diagnosis_text(const Diagnosis& diagnosis) {
  std::string text;
  std::size_t widest = 0;
  for (const auto& row : diagnosis.rows) widest = std::max(widest, row.id.size());
  for (const auto& [id, finding] : diagnosis.rows) {
    text += fmt::format("{:4}  {:{}}  {}\n", to_text(finding.grade), id, widest,
                        printable(finding.evidence));
    if (!finding.fix.empty()) {
      text += fmt::format("{:{}}fix: {}\n", "", widest + 8, printable(finding.fix));
    }
  }
  text += fmt::format("\n{} ok, {} warnings, {} failures, {} skipped\n\n",
                      diagnosis.count(Grade::kOk), diagnosis.count(Grade::kWarn),
                      diagnosis.count(Grade::kFail), diagnosis.count(Grade::kSkip));
  for (const auto& [name, value] : diagnosis.facts) {
    text += fmt::format("{}: {}\n", printable(name), printable(value));
  }
  return text;
}

wire::Json diagnosis_json(const Diagnosis& diagnosis) {
  wire::Json checks = wire::Json::array();
  for (const auto& [id, finding] : diagnosis.rows) {
    checks.push_back({{"id", id},
                      {"status", to_text(finding.grade)},
                      {"evidence", finding.evidence},
                      {"fix", finding.fix}});
  }
  wire::Json facts = wire::Json::object();
  for (const auto& [name, value] : diagnosis.facts) facts[name] = value;
  return {{"checks", std::move(checks)},
          {"facts", std::move(facts)},
          {"summary",
           {{"ok", diagnosis.count(Grade::kOk)},
            {"warn", diagnosis.count(Grade::kWarn)},
            {"fail", diagnosis.count(Grade::kFail)},
            {"skip", diagnosis.count(Grade::kSkip)}}}};
}

Action declare_doctor(CLI::App& app, const Places& places) {
  struct Options {
    bool json = false;
    bool strict = false;
  };
  const auto options = std::make_shared<Options>();
  app.add_flag("--json", options->json, "One line of JSON");
  app.add_flag("--strict", options->strict, "A warning is a failure");
  app.footer("Exit status: 0 all is well, 1 warnings, 2 failures.");
  return [options, &places](Output& output) {
    const Machine machine{.root = "",
                          .probes = probe_machine(places),
                          .socket_directories = socket_directories(places)};
    const Diagnosis diagnosis = diagnose(machine, options->strict);
    output.write(options->json ? wire::to_line(diagnosis_json(diagnosis)) + "\n"
                               : diagnosis_text(diagnosis));
    return diagnosis.exit_code();
  };
}

}  // namespace horus::cli
