// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "service/describe.hpp"
#include "service/machine.hpp"
#include "service/program.hpp"

namespace horus::service {
namespace {

constexpr const char* kProgram = "horus-tune";
constexpr const char* kUsage =
    "usage: horus-tune apply|revert\n"
    "Keeps interrupts and unbound kernel work off the isolated CPUs (as root), or puts back what\n"
    "was there before. What was changed is recorded in $RUNTIME_DIRECTORY/applied.json\n"
    "(else /run/horus-tune).\n";

std::string record_path() {
  // getenv() is safe: this program has one thread.
  const char* folder = std::getenv("RUNTIME_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  return std::string{folder != nullptr ? folder : "/run/horus-tune"} + "/applied.json";
}

Exit complain(const Error& error) {
  std::fprintf(stderr, "%s: %s\n", kProgram, describe(error).c_str());
  return Exit::kFailure;
}

/// Prints which settings the kernel refused, and how many it took.
void report(const std::vector<Tuned>& tuned, const CpuSet& isolated) {
  int interrupts = 0;
  const auto refused =
      std::ranges::count_if(tuned, [](const Tuned& t) { return !t.refusal.empty(); });
  for (const Tuned& one : tuned) {
    if (one.refusal.empty()) continue;
    // Some interrupts belong to one CPU and can never move. That is normal, so they are only
    // counted.
    if (one.path.find("/irq/") != one.path.npos) {
      ++interrupts;
      continue;
    }
    std::fprintf(stderr, "%s: %s: %s; going on without\n", kProgram, one.path.c_str(),
                 one.refusal.c_str());
  }
  std::printf("%zu settings keep CPU %s free; %d interrupts cannot be moved\n",
              tuned.size() - static_cast<std::size_t>(refused), isolated.text().c_str(),
              interrupts);
}

/// Applies all settings and records what was changed. Without a record nothing could be reverted:
/// if it cannot be saved, everything is put back at once.
Exit apply_all() {
  const CpuSet isolated = CpuSet::isolated();
  if (isolated.empty()) {
    std::puts("no CPU is isolated (isolcpus=): nothing to tune");
    return Exit::kOk;
  }
  const std::string path = record_path();
  ::mkdir(path.substr(0, path.rfind('/')).c_str(), 0755);
  auto recorded = load(path);
  if (!recorded) return complain(recorded.error());
  std::vector<Tuned> tuned;
  for (const Setting& setting : wanted_settings("/", isolated, CpuSet::online())) {
    tuned.push_back(tune(setting));
  }
  tuned = keep_first(recorded.value(), std::move(tuned));
  if (const Status saved = save(path, tuned); !saved) {
    for (const Tuned& one : tuned) revert(one);
    return complain(saved.error());
  }
  report(tuned, isolated);
  return Exit::kOk;
}

Exit revert_all() {
  const std::string path = record_path();
  const auto recorded = load(path);
  if (!recorded) return complain(recorded.error());
  for (const Tuned& one : recorded.value()) {
    if (revert(one)) continue;
    std::fprintf(stderr, "%s: %s is not what it was set to any more: left alone\n", kProgram,
                 one.path.c_str());
  }
  std::remove(path.c_str());
  return Exit::kOk;
}

Exit run(int argc, char** argv) {
  const std::string_view word = argc == 2 ? argv[1] : "";
  if (word == "apply") return apply_all();
  if (word == "revert") return revert_all();
  const bool asked = word == "--help";
  std::fputs(kUsage, asked ? stdout : stderr);
  return asked ? Exit::kOk : Exit::kUsage;
}

}  // namespace
}  // namespace horus::service

int main(int argc, char** argv) {
  return static_cast<int>(horus::service::run(argc, argv));
}
