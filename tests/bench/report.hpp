// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <horus/realtime.hpp>

/// What the benchmarks in C++ share: the machine they ran on, the file they write (compare.py).
namespace horus::bench {

/// A value of each round, and numbers beside them ("ratio", "dropped", "lost").
struct Result {
  std::string name;
  std::string unit;
  std::vector<double> samples;
  std::vector<std::pair<std::string, double>> notes;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

inline double median(std::vector<double> values) {
  if (values.empty()) return 0.0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

inline std::string first_line(const std::string& path) {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  return line;
}

inline std::string output_of(const char* command) {
  std::string text;
  FILE* pipe = ::popen(command, "r");
  if (pipe == nullptr) return text;
  std::array<char, 256> buffer{};
  if (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) text = buffer.data();
  ::pclose(pipe);
  return text.substr(0, text.find('\n'));
}

/// What two runs must have in common to be compared, the commit, the load there was.
inline Fields machine() {
  utsname kernel{};
  ::uname(&kernel);
  const std::string governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  return {{"machine", output_of("sed -n 's/^model name.*: //p' /proc/cpuinfo") + ", " +
                          std::to_string(CpuSet::online().count()) + " CPUs"},
          {"kernel", std::string{kernel.release} + " " + kernel.version},
          {"governor", governor.empty() ? "none" : governor},
          {"isolated_cpus", CpuSet::isolated().text()},
          {"preset", HORUS_PRESET},
          {"commit", output_of("git rev-parse --short HEAD 2>/dev/null")},
          {"load_before", first_line("/proc/loadavg")}};
}

inline std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

inline void write_json(std::ostream& out, const Fields& context,
                       const std::vector<Result>& results) {
  out << "{\"context\": {";
  for (std::size_t i = 0; i < context.size(); ++i) {
    out << (i == 0 ? "" : ", ") << quoted(context[i].first) << ": " << quoted(context[i].second);
  }
  out << "},\n \"results\": [";
  const char* separator = "\n  ";
  for (const Result& result : results) {
    out << separator << "{\"name\": " << quoted(result.name)
        << ", \"unit\": " << quoted(result.unit) << ", \"samples\": [";
    for (std::size_t i = 0; i < result.samples.size(); ++i) {
      out << (i == 0 ? "" : ", ") << result.samples[i];
    }
    out << "]";
    for (const auto& [what, number] : result.notes) out << ", " << quoted(what) << ": " << number;
    out << "}";
    separator = ",\n  ";
  }
  out << "]}\n";
}

}  // namespace horus::bench
