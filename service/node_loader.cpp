// SPDX-License-Identifier: Apache-2.0
#include "service/node_loader.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <horus/plugin.hpp>

#include "rt/base/shortage.hpp"
#include "rt/base/unique_fd.hpp"
#include "service/describe.hpp"

namespace horus::service {
namespace {

using TableFunction = const PluginTable* (*)();
using Table = std::variant<const PluginTable*, std::string>;

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

/// The C++ name of a mangled symbol; any other text unchanged.
std::string demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable{
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free};
  return readable != nullptr ? readable.get() : symbol;
}

/// `text` with each mangled symbol in it replaced by its C++ name.
std::string with_readable_symbols(std::string_view text) {
  constexpr std::string_view kOfSymbol =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$.";
  std::string readable;
  while (!text.empty()) {
    const std::size_t word = std::min(text.find_first_not_of(kOfSymbol), text.size());
    const bool mangled = text.starts_with("_Z");
    readable += mangled ? demangled(std::string{text.substr(0, word)}) : text.substr(0, word);
    text.remove_prefix(word);
    const std::size_t gap = std::min(text.find_first_of(kOfSymbol), text.size());
    readable += text.substr(0, gap);
    text.remove_prefix(gap);
  }
  return readable;
}

/// The dynamic linker's last error. dlerror() is safe here: glibc keeps it per thread.
std::string dl_text() {
  const char* text = ::dlerror();  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? "unknown reason" : with_readable_symbols(one_line(text));
}

Table open_plugin(const std::string& path) {
  // RTLD_NOW: a missing symbol fails here and not in a tick. RTLD_LOCAL: two plug-ins may use the
  // same names.
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return "cannot load plug-in " + path + ": " + dl_text();
  void* const symbol = ::dlsym(library, "horus_plugin_v1");
  if (symbol == nullptr) {
    return path + " is not a HORUS plug-in: it has no HORUS_PLUGIN(...)";
  }
  const PluginTable* const table = reinterpret_cast<TableFunction>(symbol)();
  if (table == nullptr || table->abi != kPluginAbi) {
    return "plug-in " + path + " was built for plug-in ABI " +
           (table == nullptr ? "none" : std::to_string(table->abi)) + ", this horusd has " +
           std::to_string(kPluginAbi) + ": rebuild it";
  }
  return table;
}

std::variant<const PluginNodeType*, std::string> find_type(const NodeEntry& entry) {
  const Table opened = open_plugin(entry.plugin_path);
  if (const auto* error = std::get_if<std::string>(&opened)) return *error;
  const PluginTable& table = *std::get<const PluginTable*>(opened);
  std::string known;
  for (const PluginNodeType& type : std::span{table.types, table.count}) {
    if (entry.type == type.name) return &type;
    known += (known.empty() ? "" : ", ") + std::string{type.name};
  }
  return "plug-in " + entry.plugin + " has no node type '" + entry.type + "' (known: " + known +
         ")";
}

/// Calls the plug-in's constructor. No exception of it goes further than here. Returns the error
/// text; empty: the node was made.
std::string construct(const PluginNodeType& type, PluginContext& context, LoadedNode& loaded) {
  try {
    loaded.node = {type.make(context), type.destroy};
    loaded.wake = context.take_wake();
    return {};
  } catch (const std::system_error& error) {
    static_cast<void>(errc_of(error.code().value()));  // For shortage_behind().
    return one_line(error.what());
  } catch (const std::bad_alloc&) {
    static_cast<void>(errc_of(ENOMEM));
    return "out of memory";
  } catch (const std::exception& error) {
    return one_line(error.what());
  } catch (...) {
    return "its constructor threw something that is no std::exception";
  }
}

std::variant<LoadedNode, std::string> make_node(const NodeEntry& entry,
                                                const shm::Session& topics) {
  const auto found = find_type(entry);
  if (const auto* error = std::get_if<std::string>(&found)) return *error;
  const std::string name{entry.config.name.view()};
  const Params params{name, entry.params};
  PluginContext context{topics, params, name, entry.on};
  LoadedNode loaded;
  loaded.config = entry.config;
  const std::string failure = construct(*std::get<const PluginNodeType*>(found), context, loaded);
  const std::string title = "node '" + name + "'";
  if (!failure.empty()) return failure.starts_with(title) ? failure : title + ": " + failure;
  if (const std::string unasked = params.unasked(); !unasked.empty()) {
    std::string known;
    for (const std::string& key : params.asked()) known += (known.empty() ? "" : ", ") + key;
    return title + ": unknown parameter '" + unasked + "' (known: " + known + ")";
  }
  if (!entry.on.empty() && loaded.wake == nullptr) {
    return title + ": type '" + entry.type + "' is to wait for '" + entry.on +
           "', and its constructor does not call wake_on(...)";
  }
  return loaded;
}

/// errno of what the system was short of when a node failed; 0: nothing. Neither an exception's
/// text nor the dynamic linker's says it, so this also tries to open a file.
int shortage_behind() noexcept {
  if (!UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}) static_cast<void>(errc_of(errno));
  return last_shortage();
}

}  // namespace

std::optional<ConfigError> check_plugins(const Config& config) {
  for (const NodeEntry& entry : config.nodes) {
    const auto found = find_type(entry);
    if (const auto* error = std::get_if<std::string>(&found)) {
      return ConfigError{entry.place.text() + ": " + *error};
    }
  }
  return std::nullopt;
}

std::variant<std::vector<LoadedNode>, ConfigError> load_nodes(const Config& config,
                                                              shm::Session& topics,
                                                              std::span<NodeStats> stats) {
  std::vector<LoadedNode> nodes;
  for (const NodeEntry& entry : config.nodes) {
    forget_shortage();
    auto made = make_node(entry, topics.of_node(message_counters(stats[nodes.size()])));
    if (const auto* error = std::get_if<std::string>(&made)) {
      const int shortage = shortage_behind();
      std::string text = entry.place.text() + ": " + *error;
      if (shortage != 0) text += ": " + errno_text(shortage);
      return ConfigError{.text = std::move(text), .shortage = shortage};
    }
    nodes.push_back(std::get<LoadedNode>(std::move(made)));
  }
  return nodes;
}

}  // namespace horus::service
