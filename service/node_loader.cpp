// SPDX-License-Identifier: Apache-2.0
#include "service/node_loader.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <exception>
#include <span>
#include <string>

#include "service/plugin.hpp"

namespace horus::service {
namespace {

using TableFunction = const PluginTable* (*)();
using Table = std::variant<const PluginTable*, std::string>;

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

/// dlerror() is per thread in glibc.
std::string dl_text() {
  const char* text = ::dlerror();  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? "unknown reason" : one_line(text);
}

Table open_plugin(const std::string& path) {
  // Now and local: a missing symbol shows here and not in a tick, and two plug-ins may use the
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

/// Calls the plug-in's constructor, the one place where its exceptions end.
std::string construct(const PluginNodeType& type, PluginContext& context, LoadedNode& loaded) {
  try {
    loaded.node = {type.make(context), type.destroy};
    loaded.wake = context.take_wake();
    return {};
  } catch (const std::exception& error) {
    return one_line(error.what());
  } catch (...) {
    return "its constructor threw something that is no std::exception";
  }
}

std::variant<LoadedNode, std::string> make_node(const NodeEntry& entry, const NodeTopics& topics) {
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
    return title + ": type '" + entry.type + "' does not wait for messages: give it a 'rate'";
  }
  return loaded;
}

}  // namespace

std::variant<std::vector<LoadedNode>, ConfigError> load_nodes(const Config& config,
                                                              shm::Session& topics,
                                                              std::span<NodeStats> stats) {
  std::vector<LoadedNode> nodes;
  for (const NodeEntry& entry : config.nodes) {
    auto made = make_node(entry, {topics, message_counters(stats[nodes.size()])});
    if (const auto* error = std::get_if<std::string>(&made)) {
      return ConfigError{entry.place.text() + ": " + *error};
    }
    nodes.push_back(std::get<LoadedNode>(std::move(made)));
  }
  return nodes;
}

}  // namespace horus::service
