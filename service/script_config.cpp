// SPDX-License-Identifier: Apache-2.0
#include "service/script_config.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <utility>

#include <toml++/toml.h>

#include "rt/base/plain_name.hpp"

namespace horus::service {
namespace {

namespace fs = std::filesystem;

/// The file's name without its ending, as a valid host name.
std::string host_of(const fs::path& file) {
  std::string name = file.stem().string();
  if (!name.empty() && (name.front() == '-' || name.front() == '.')) name.front() = '_';
  std::ranges::replace_if(name, std::not_fn(is_plain), '_');
  return std::string{NodeName::clipped(name).view()};
}

/// The absolute path of `file`. TOML is UTF-8, but a path may be any bytes: for one that is not
/// ASCII a link is made in `folder`, and the host follows the link.
Result<std::string> module_of(const fs::path& file, const std::string& name,
                              const fs::path& folder) {
  const fs::path whole = fs::absolute(file).lexically_normal();
  // The cast, because char is unsigned on arm64.
  const bool ascii = std::ranges::all_of(
      whole.native(), [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
  if (ascii) return whole.string();
  const fs::path link = folder / (name + ".py");
  std::error_code error;
  fs::create_symlink(whole, link, error);
  if (error) {
    return Error{Errc::kSystem, "make a link", error.value(), Name<200>::clipped(link.string())};
  }
  return link.string();
}

Result<toml::table> hosts_of(const std::vector<std::string>& files, const std::string& folder) {
  std::set<std::string> names;
  toml::array hosts;
  for (const std::string& file : files) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) {
      return Error{Errc::kNotFound, "run a Python file that is not there", ENOENT,
                   Name<200>::clipped(file)};
    }
    const std::string name = host_of(file);
    if (!names.insert(name).second) {
      return Error{Errc::kInvalidArgument, "run two files whose hosts have one name", 0,
                   Name<200>::clipped(file)};
    }
    const auto module = module_of(file, name, folder);
    if (!module) return module.error();
    hosts.push_back(toml::table{
        {"name", name}, {"module", module.value()}, {"restart", "on-failure"}, {"script", true}});
  }
  return toml::table{{"host", std::move(hosts)}};
}

}  // namespace

Result<ScriptConfig> ScriptConfig::make(const std::vector<std::string>& files) {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (error) {
    return Error{
        Errc::kNotFound, "find the folder for temporary files (TMPDIR)", error.value(), {}};
  }
  std::string folder = (parent / "horus-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return Error::from_errno("make a folder", folder);
  ScriptConfig config{std::move(folder)};
  const auto hosts = hosts_of(files, config.folder_);
  if (!hosts) return hosts.error();
  std::ofstream out{config.file()};
  out << hosts.value() << "\n";
  out.close();
  if (!out) return Error::from_errno("write", config.file());
  return config;
}

ScriptConfig::ScriptConfig(ScriptConfig&& other) noexcept
    : folder_{std::exchange(other.folder_, {})} {}

ScriptConfig::~ScriptConfig() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

}  // namespace horus::service
