// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "rt/base/printable.hpp"
#include "shm/clean.hpp"
#include "shm/folder.hpp"
#include "tools/cli/bandwidth.hpp"
#include "tools/cli/command.hpp"

namespace horus::cli {
namespace {

int run_clean(bool dry_run, Output& output) {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::optional<Error> hidden;
  const std::vector<std::string> bases = base_directories();
  for (const std::string& base : bases) {
    const auto found = shm::clean(base, dry_run);
    if (!found) {
      // A user who may not write to the service's base has left nothing there.
      const bool others = base != bases.front() && found.error().code == Errc::kPermission;
      if (!others) hidden = found.error();
      continue;
    }
    for (const shm::Leftover& leftover : found.value()) {
      output.write(fmt::format("{} {} ({})\n", dry_run ? "would remove" : "removed",
                               printable(leftover.path),
                               bytes_text(static_cast<double>(leftover.bytes))));
      ++files;
      bytes += leftover.bytes;
    }
  }
  if (hidden) return fail(*hidden);
  output.write(files == 0 ? "nothing that a dead process left\n"
                          : fmt::format("{} {} of dead processes, {}\n", files,
                                        files == 1 ? "file" : "files",
                                        bytes_text(static_cast<double>(bytes))));
  return kOk;
}

}  // namespace

Action declare_clean(CLI::App& app, const Places&) {
  const auto dry_run = std::make_shared<bool>(false);
  app.add_flag("--dry-run", *dry_run, "Only say what would go");
  return [dry_run](Output& output) { return run_clean(*dry_run, output); };
}

}  // namespace horus::cli
