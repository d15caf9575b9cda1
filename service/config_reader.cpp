// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <concepts>
#include <variant>

#include "rt/settings.hpp"
#include "service/config.hpp"
#include "service/config_fields.hpp"
#include "service/config_limit.hpp"
#include "service/limit_fields.hpp"
#include "service/record_fields.hpp"

namespace horus::service {
namespace {

/// Characters of a wrong value that an error text repeats.
constexpr std::size_t kMaxQuoted = 60;

bool read_name(const toml::node& value, NodeEntry& node) {
  std::string name;
  if (!fields::text(value, name) || !NodeName::fits(name)) return false;
  node.config.name = NodeName::clipped(name);
  return true;
}

bool read_scalar(const toml::node& value, Params::Value& out) {
  if (const auto flag = value.value_exact<bool>()) {
    out = *flag;
  } else if (const auto whole = value.value_exact<std::int64_t>()) {
    out = *whole;
  } else if (const auto number = value.value_exact<double>()) {
    out = *number;
  } else if (const auto text = value.value_exact<std::string>()) {
    out = *text;
  } else {
    return false;
  }
  return true;
}

bool read_params(const toml::node& value, NodeEntry& node) {
  const toml::table* table = value.as_table();
  if (table == nullptr) return false;
  for (const auto& [key, element] : *table) {
    auto& param = node.params.emplace_back(std::string{key.str()}, Params::Value{});
    if (!read_scalar(element, param.second)) return false;
  }
  return true;
}

bool read_env(const toml::node& value, HostEntry& host) {
  const toml::table* table = value.as_table();
  if (table == nullptr) return false;
  for (const auto& [key, element] : *table) {
    const auto text = element.value_exact<std::string>();
    if (!text || key.str().empty() || key.str().find('=') != std::string_view::npos) return false;
    host.env.emplace_back(std::string{key.str()}, *text);
  }
  return true;
}

/// Reads an inline table of settings, such as `failure = { retries = 5 }`. False for a key that
/// `known` does not have, or a value that the key does not allow.
template <typename T>
bool read_table(const toml::node& value, std::span<const Setting<T>> known, T& out) {
  const toml::table* table = value.as_table();
  if (table == nullptr) return false;
  for (const auto& [key, element] : *table) {
    const auto found = std::ranges::find(known, key.str(), &Setting<T>::name);
    if (found == known.end()) return false;
    const auto read = [&, &given = element](auto member) {
      if constexpr (std::same_as<decltype(member), Nanos T::*>) {
        return fields::duration(given, out.*member);
      } else {
        return fields::integer(given, found->range, out.*member);
      }
    };
    if (!std::visit(read, found->value)) return false;
  }
  return true;
}

constexpr auto kWholePriority = in_words("a whole number from ", kPriorities);
constexpr auto kWholeOrder = in_words("a whole number from ", kOrders);

constexpr Field<Config::Robot> kRobotFields[] = {
    {"name", fields::kText,
     [](const toml::node& value, Config::Robot& robot) { return fields::text(value, robot.name); }},
    {"stop_timeout", "a duration in quotes, e.g. \"5 s\"; \"0\" waits for ever",
     [](const toml::node& value, Config::Robot& robot) {
       return fields::duration(value, robot.stop_timeout);
     }},
    {"blackbox_mb", fields::kBoxSize,
     [](const toml::node& value, Config::Robot& robot) {
       return fields::box_size(value, robot.blackbox_mb);
     }},
};

constexpr Field<Config::Cpus> kCpusFields[] = {
    {"realtime", fields::kCpuList,
     [](const toml::node& value, Config::Cpus& cpus) {
       return fields::cpu_list(value, cpus.realtime);
     }},
    {"housekeeping", fields::kCpuList,
     [](const toml::node& value, Config::Cpus& cpus) {
       return fields::cpu_list(value, cpus.housekeeping);
     }},
    {"python", fields::kCpuList,
     [](const toml::node& value, Config::Cpus& cpus) {
       return fields::cpu_list(value, cpus.python);
     }},
};

constexpr Field<Config::Realtime> kRealtimeFields[] = {
    {"mode", kChoices<RtMode, '"'>,
     [](const toml::node& value, Config::Realtime& rt) { return fields::word(value, rt.mode); }},
    {"priority", kWholePriority.data(),
     [](const toml::node& value, Config::Realtime& rt) {
       return fields::integer(value, kPriorities, rt.priority);
     }},
    {"spin",
     "\"auto\", or a duration of at most \"1 ms\", e.g. \"200 us\"; \"0\" turns spinning off",
     [](const toml::node& value, Config::Realtime& rt) {
       rt.spin.reset();
       if (value.value_exact<std::string>() == "auto") return true;
       return fields::duration(value, rt.spin.emplace()) && *rt.spin <= 1ms;
     }},
    {"watchdog", fields::kDuration,
     [](const toml::node& value, Config::Realtime& rt) {
       return fields::duration(value, rt.watchdog) && rt.watchdog > Nanos{};
     }},
    {"max_deadline_misses", "a whole number from 0 to 1000000; 0: no limit",
     [](const toml::node& value, Config::Realtime& rt) {
       return fields::integer(value, {0, 1'000'000}, rt.max_deadline_misses);
     }},
};

constexpr Field<Config::Safety> kSafetyFields[] = {
    {"stop_device", "the path of an input device, e.g. \"/dev/input/by-id/...-event-kbd\"",
     [](const toml::node& value, Config::Safety& safety) {
       return fields::text(value, safety.stop_device) && safety.stop_device.front() == '/';
     },
     true},
    {"stop_key", "the number of a key, 1 to 767; without it any key of the device counts",
     [](const toml::node& value, Config::Safety& safety) {
       return fields::integer(value, {1, 767}, safety.stop_key);
     }},
};

constexpr Field<NodeEntry> kNodeFields[] = {
    {"name", "a text of at most 63 bytes", read_name, true},
    {"plugin", fields::kText,
     [](const toml::node& value, NodeEntry& node) { return fields::text(value, node.plugin); },
     true},
    {"type", fields::kText,
     [](const toml::node& value, NodeEntry& node) { return fields::text(value, node.type); }, true},
    {"rate", fields::kRate,
     [](const toml::node& value, NodeEntry& node) {
       return fields::rate(value, node.config.rate);
     }},
    {"budget", fields::kDuration,
     [](const toml::node& value, NodeEntry& node) {
       return fields::duration(value, node.config.budget);
     }},
    {"deadline", fields::kDuration,
     [](const toml::node& value, NodeEntry& node) {
       return fields::duration(value, node.config.deadline);
     }},
    {"on_miss", kChoices<MissPolicy, '"'>,
     [](const toml::node& value, NodeEntry& node) {
       return fields::word(value, node.config.on_miss);
     }},
    {"failure_policy", kChoices<FailureKind, '"'>,
     [](const toml::node& value, NodeEntry& node) {
       return fields::word(value, node.config.failure.kind);
     }},
    {"failure", "a table, e.g. { retries = 5, delay = \"100 ms\", failures = 5, rest = \"30 s\" }",
     [](const toml::node& value, NodeEntry& node) {
       return read_table<FailurePolicy>(value, kFailureSettings, node.config.failure);
     }},
    {"ladder",
     "a table, e.g. { warn = 3, degrade = 5, isolate = 10, stop = 20, recover = 100, "
     "least = \"50 ms\" }",
     [](const toml::node& value, NodeEntry& node) {
       return read_table<LadderConfig>(value, kLadderSettings, node.config.ladder.emplace());
     }},
    {"degrade", "true or false",
     [](const toml::node& value, NodeEntry& node) {
       return fields::boolean(value, node.config.degrade);
     }},
    {"order", kWholeOrder.data(),
     [](const toml::node& value, NodeEntry& node) {
       return fields::integer(value, kOrders, node.config.order);
     }},
    {"priority", kWholePriority.data(),
     [](const toml::node& value, NodeEntry& node) {
       return fields::integer(value, kPriorities, node.config.priority);
     }},
    {"cpu", "the number of a CPU",
     [](const toml::node& value, NodeEntry& node) {
       return fields::integer(value, kCpuIndices, node.config.cpu);
     }},
    {"watchdog", "a duration in quotes, e.g. \"1 s\"; \"0\" switches it off",
     [](const toml::node& value, NodeEntry& node) {
       return fields::duration(value, node.config.watchdog.emplace());
     }},
    {"log_level", kChoices<LogLevel, '"'>,
     [](const toml::node& value, NodeEntry& node) {
       return fields::word(value, node.config.log_level);
     }},
    {"on", "the name of a topic in quotes",
     [](const toml::node& value, NodeEntry& node) { return fields::text(value, node.on); }},
    {"compute", "true or false",
     [](const toml::node& value, NodeEntry& node) { return fields::boolean(value, node.compute); }},
    {"actuator", "true or false",
     [](const toml::node& value, NodeEntry& node) {
       return fields::boolean(value, node.config.actuator);
     }},
    {"arm_at_start", "true or false",
     [](const toml::node& value, NodeEntry& node) {
       return fields::boolean(value, node.config.arm_at_start);
     }},
    {"critical", "true or false",
     [](const toml::node& value, NodeEntry& node) {
       return fields::boolean(value, node.config.critical);
     }},
    {"safe_state_async", "true or false",
     [](const toml::node& value, NodeEntry& node) {
       return fields::boolean(value, node.config.safe_state_async);
     }},
    {"params", "a table of texts, numbers, true or false, e.g. { kp = 0.8 }", read_params},
};

constexpr Field<HostEntry> kHostFields[] = {
    {"name", fields::kText,
     [](const toml::node& value, HostEntry& host) { return fields::text(value, host.name); }, true},
    {"module", fields::kText,
     [](const toml::node& value, HostEntry& host) { return fields::text(value, host.module); },
     true},
    {"python_path", "a list of folders, e.g. [\".\"]",
     [](const toml::node& value, HostEntry& host) {
       return fields::texts(value, host.python_path);
     }},
    {"env", "a table of texts, e.g. { FOO = \"1\" }", read_env},
    {"restart", kChoices<RestartPolicy, '"'>,
     [](const toml::node& value, HostEntry& host) { return fields::word(value, host.restart); }},
    {"restart_wait", "a duration in quotes, e.g. \"2 s\"; \"0\" starts it at once",
     [](const toml::node& value, HostEntry& host) {
       return fields::duration(value, host.restart_wait);
     }},
    {"watchdog", fields::kDuration,
     [](const toml::node& value, HostEntry& host) {
       return fields::duration(value, host.watchdog);
     }},
    {"hang_timeout", fields::kDuration,
     [](const toml::node& value, HostEntry& host) {
       return fields::duration(value, host.hang_timeout);
     }},
    {"start_timeout", fields::kDuration,
     [](const toml::node& value, HostEntry& host) {
       return fields::duration(value, host.start_timeout);
     }},
    {"gc", "\"slack\", \"off\" or \"python\"",
     [](const toml::node& value, HostEntry& host) {
       return fields::text(value, host.gc) &&
              (host.gc == "slack" || host.gc == "off" || host.gc == "python");
     }},
    {"log_level", kChoices<LogLevel, '"'>,
     [](const toml::node& value, HostEntry& host) {
       return fields::word(value, host.log_level.emplace());
     }},
    {"rt", "true or false",
     [](const toml::node& value, HostEntry& host) { return fields::boolean(value, host.rt); }},
    {"script", "true or false",
     [](const toml::node& value, HostEntry& host) { return fields::boolean(value, host.script); }},
    {"critical", "true or false",
     [](const toml::node& value, HostEntry& host) {
       return fields::boolean(value, host.critical);
     }},
    {"blackbox_mb", fields::kBoxSize,
     [](const toml::node& value, HostEntry& host) {
       return fields::box_size(value, host.blackbox_mb);
     }},
    {"cpus", fields::kCpuList,
     [](const toml::node& value, HostEntry& host) { return fields::cpu_list(value, host.cpus); }},
};

constexpr Field<TopicEntry> kTopicFields[] = {
    {"name", fields::kText,
     [](const toml::node& value, TopicEntry& topic) { return fields::text(value, topic.name); },
     true},
    {"type", "the name of a message, or \"generic\"",
     [](const toml::node& value, TopicEntry& topic) { return fields::text(value, topic.type); },
     true},
};

template <typename Range, typename Proj>
std::string joined(const Range& range, Proj proj) {
  std::string list;
  for (const auto& element : range) {
    if (!list.empty()) list += ", ";
    list += proj(element);
  }
  return list;
}

/// Reads one parsed file into a Config. Each step returns false at the first error, whose text
/// error() then gives; what was read by then stays in the Config.
class FileReader {
 public:
  FileReader(const std::string& path, Config& config) : path_{path}, config_{config} {}

  bool read(const toml::table& file) {
    for (const auto& [key, value] : file) {
      if (!read_section(key, value)) return false;
    }
    return true;
  }
  const std::string& error() const noexcept { return error_; }

 private:
  using Section = bool (FileReader::*)(const toml::node&);
  static constexpr std::array<std::pair<std::string_view, Section>, 9> sections() {
    return {{{"robot", &FileReader::read_robot},
             {"cpus", &FileReader::read_cpus},
             {"realtime", &FileReader::read_realtime},
             {"safety", &FileReader::read_safety},
             {"record", &FileReader::read_record},
             {"node", &FileReader::read_nodes},
             {"host", &FileReader::read_hosts},
             {"topic", &FileReader::read_topics},
             {"limit", &FileReader::read_limits}}};
  }

  bool read_section(const toml::key& key, const toml::node& value) {
    for (const auto& [name, read] : sections()) {
      if (key.str() == name) return (this->*read)(value);
    }
    return fail(key.source().begin.line,
                "unknown section '" + std::string{key.str()} + "' (known: " +
                    joined(sections(), [](const auto& s) { return std::string{s.first}; }) + ")");
  }

  bool read_robot(const toml::node& value) {
    return read_single("robot", value, std::span{kRobotFields}, config_.robot);
  }
  bool read_cpus(const toml::node& value) {
    return read_single("cpus", value, std::span{kCpusFields}, config_.cpus);
  }
  bool read_realtime(const toml::node& value) {
    return read_single("realtime", value, std::span{kRealtimeFields}, config_.realtime);
  }
  bool read_safety(const toml::node& value) {
    return read_single("safety", value, std::span{kSafetyFields}, config_.safety);
  }
  bool read_record(const toml::node& value) {
    config_.record.wanted = true;
    return read_single("record", value, std::span{kRecordFields}, config_.record);
  }
  bool read_nodes(const toml::node& value) {
    return read_list("node", value, std::span{kNodeFields}, config_.nodes, config_limit::kNodes);
  }
  bool read_hosts(const toml::node& value) {
    return read_list("host", value, std::span{kHostFields}, config_.hosts, config_limit::kHosts);
  }
  bool read_topics(const toml::node& value) {
    return read_list("topic", value, std::span{kTopicFields}, config_.topics,
                     config_limit::kTopics);
  }
  bool read_limits(const toml::node& value) {
    return read_list("limit", value, std::span{kLimitFields}, config_.limits,
                     config_limit::kLimits);
  }

  /// A section that stands once, such as [robot]. A later file's keys replace those of an earlier.
  template <typename T, std::size_t N>
  bool read_single(const std::string& section, const toml::node& value,
                   std::span<const Field<T>, N> known, T& target) {
    const toml::table* table = value.as_table();
    if (table == nullptr) return fail(line_of(value), "write [" + section + "] for this section");
    config_.places[section] = place(line_of(value));
    for (const auto& [key, element] : *table) {
      const std::string name = section + "." + std::string{key.str()};
      config_.written[name] = fields::written(element);
      config_.places[name] = place(key.source().begin.line);
    }
    return read_fields("[" + section + "]", *table, known, target);
  }

  /// A section that may be repeated, such as [[node]]. Adds an entry for each, up to `most`.
  template <typename T, std::size_t N>
  bool read_list(const std::string& section, const toml::node& value,
                 std::span<const Field<T>, N> known, std::vector<T>& list, std::size_t most) {
    const std::string title = "[[" + section + "]]";
    const toml::array* array = value.as_array();
    if (array == nullptr) return fail(line_of(value), "write " + title + " with two brackets");
    for (const toml::node& element : *array) {
      const toml::table* table = element.as_table();
      if (table == nullptr) return fail(line_of(element), title + " must be a table");
      if (list.size() == most) {
        return fail(line_of(element), "more than " + std::to_string(most) + " " + title);
      }
      T& entry = list.emplace_back();
      entry.place = place(line_of(element));
      for (const auto& [key, part] : *table) {
        entry.written[std::string{key.str()}] = fields::written(part);
      }
      if (!read_fields(title, *table, known, entry)) return false;
    }
    return true;
  }

  template <typename T, std::size_t N>
  bool read_fields(const std::string& title, const toml::table& table,
                   std::span<const Field<T>, N> known, T& target) {
    for (const auto& [key, value] : table) {
      const auto field = std::ranges::find(known, key.str(), &Field<T>::key);
      if (field == known.end()) {
        return fail(key.source().begin.line,
                    "unknown key '" + std::string{key.str()} + "' in " + title + " (known: " +
                        joined(known, [](const auto& f) { return std::string{f.key}; }) + ")");
      }
      if (!field->set(value, target)) {
        return fail(key.source().begin.line, "'" + std::string{key.str()} + "' in " + title +
                                                 " must be " + std::string{field->expected} +
                                                 ", not " + quoted(value));
      }
    }
    for (const Field<T>& field : known) {
      if (field.required && !table.contains(field.key)) {
        return fail(line_of(table), title + " needs '" + std::string{field.key} + "'");
      }
    }
    return true;
  }

  static std::string quoted(const toml::node& value) {
    std::string text = fields::written(value);
    if (text.size() > kMaxQuoted) text = text.substr(0, kMaxQuoted) + "...";
    return text;
  }
  static std::uint32_t line_of(const toml::node& node) { return node.source().begin.line; }
  Place place(std::uint32_t line) const { return {.file = path_, .line = line}; }
  bool fail(std::uint32_t line, const std::string& what) {
    error_ = place(line).text() + ": " + what;
    return false;
  }

  const std::string& path_;
  Config& config_;
  std::string error_;
};

}  // namespace

ConfigResult parse_config(std::span<const ConfigText> files) {
  Config config;
  std::size_t bytes = 0;
  for (const ConfigText& file : files) {
    bytes += file.text.size();
    if (bytes > config_limit::kBytes) {
      return ConfigError{file.path + ":1: the configuration is larger than 1 MiB"};
    }
    if (const std::uint32_t line = line_too_deep(file.text); line != 0) {
      return ConfigError{file.path + ":" + std::to_string(line) +
                         ": tables or lists nest more than " +
                         std::to_string(config_limit::kDepth) + " levels deep"};
    }
    config.files.push_back(file.path);
    try {
      const toml::table table =
          toml::parse(std::string_view{file.text}, std::string_view{file.path});
      FileReader reader{file.path, config};
      if (!reader.read(table)) return ConfigError{reader.error()};
    } catch (const toml::parse_error& error) {
      std::string what{error.description()};
      std::ranges::replace(what, '\n', ' ');
      return ConfigError{file.path + ":" + std::to_string(error.source().begin.line) + ": " + what};
    }
  }
  return config;
}

}  // namespace horus::service
