// SPDX-License-Identifier: Apache-2.0
#include "service/config.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace horus::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr const char* kMotor = R"([[node]]
name = "motor"
plugin = "libmotor.so"
type = "Motor"
rate = 1000
)";

ConfigResult parse(const std::string& text) {
  const ConfigText file{.path = "robot.toml", .text = text};
  return parse_config({&file, 1});
}

MachineCpus two_cpus() {
  const auto both = CpuSet::parse("0-1").value();
  return {.online = both, .allowed = both, .isolated = {}};
}

Config parsed(const std::string& text) {
  ConfigResult result = parse(text);
  if (const auto* error = std::get_if<ConfigError>(&result)) {
    ADD_FAILURE() << error->text;
    return {};
  }
  return std::get<Config>(result);
}

std::string error_of(const std::string& text) {
  const ConfigResult result = parse(text);
  const auto* error = std::get_if<ConfigError>(&result);
  return error == nullptr ? "" : error->text;
}

/// What check_config() says of a text that reads well; "" when nothing is wrong.
std::string finding_of(const std::string& text, const MachineCpus& machine = two_cpus()) {
  Config config = parsed(text);
  const auto finding = check_config(config, ConfigScope::kHosts, machine);
  return finding ? finding->text : "";
}

TEST(ParseConfig, reads_which_key_stops_the_robot) {
  const Config any = parsed("[safety]\nstop_device = \"/dev/input/by-id/button\"\n");
  EXPECT_EQ(any.safety.stop_device, "/dev/input/by-id/button");
  EXPECT_EQ(any.safety.stop_key, 0);
  EXPECT_EQ(parsed("[safety]\nstop_device = \"/dev/x\"\nstop_key = 88\n").safety.stop_key, 88);
  EXPECT_EQ(parsed("").safety.stop_device, "");
}

TEST(ParseConfig, reads_every_key_of_a_node) {
  const Config config = parsed(R"([[node]]
name = "motor"
plugin = "libmotor.so"
type = "Motor"
rate = "1 kHz"
budget = "300 us"
deadline = "900 us"
on_miss = "safe_mode"
failure_policy = "restart"
failure = { retries = 3, delay = "1 s", failures = 2, rest = "10 s" }
ladder = { warn = 2, degrade = 4, isolate = 6, stop = 8, recover = 50, least = "20 ms" }
degrade = true
order = 3
priority = 70
cpu = 1
watchdog = "100 ms"
compute = true
actuator = true
arm_at_start = true
critical = true
safe_state_async = true
params = { can = "vcan0", kp = 0.8, poles = 7, brake = true }
)");
  ASSERT_EQ(config.nodes.size(), 1U);
  const NodeEntry& node = config.nodes.front();
  EXPECT_EQ(node.config.name, "motor");
  EXPECT_EQ(node.config.rate->period(), 1ms);
  EXPECT_EQ(node.config.budget, 300us);
  EXPECT_EQ(node.config.deadline, 900us);
  EXPECT_EQ(node.config.on_miss, MissPolicy::kSafeMode);
  EXPECT_EQ(node.config.failure.kind, FailureKind::kRestart);
  EXPECT_EQ(node.config.failure.retries, 3);
  EXPECT_EQ(node.config.failure.delay, 1s);
  EXPECT_EQ(node.config.failure.failures, 2);
  EXPECT_EQ(node.config.failure.rest, 10s);
  EXPECT_EQ(node.config.ladder->warn, 2U);
  EXPECT_EQ(node.config.ladder->degrade, 4U);
  EXPECT_EQ(node.config.ladder->isolate, 6U);
  EXPECT_EQ(node.config.ladder->stop, 8U);
  EXPECT_EQ(node.config.ladder->recover, 50U);
  EXPECT_EQ(node.config.ladder->least, 20ms);
  EXPECT_TRUE(node.config.degrade);
  EXPECT_EQ(node.config.order, 3);
  EXPECT_EQ(node.config.priority, 70);
  EXPECT_EQ(node.config.cpu, 1);
  EXPECT_EQ(node.config.watchdog, 100ms);
  EXPECT_TRUE(node.compute);
  EXPECT_TRUE(node.config.actuator);
  EXPECT_TRUE(node.config.arm_at_start);
  EXPECT_TRUE(node.config.critical);
  EXPECT_TRUE(node.config.safe_state_async);
  const Params params{"motor", node.params};
  EXPECT_EQ(params.get<std::string>("can"), "vcan0");
  EXPECT_DOUBLE_EQ(params.get<double>("kp"), 0.8);
  EXPECT_EQ(params.get<int>("poles"), 7);
  EXPECT_TRUE(params.get<bool>("brake"));
  EXPECT_EQ(node.place.text(), "robot.toml:1");
}

TEST(ParseConfig, reads_the_sections_and_a_host) {
  const Config config = parsed(R"([robot]
name = "rover"
[cpus]
realtime = "1"
housekeeping = "0"
[realtime]
mode = "strict"
priority = 70
spin = "0"
watchdog = "500 ms"
max_deadline_misses = 50
[[host]]
name = "planner"
module = "planner.py"
python_path = [".", "lib"]
env = { FOO = "1" }
restart = "on-failure"
)");
  EXPECT_EQ(config.robot.name, "rover");
  EXPECT_EQ(config.cpus.realtime->text(), "1");
  EXPECT_FALSE(config.cpus.python);
  EXPECT_EQ(config.realtime.mode, RtMode::kStrict);
  EXPECT_EQ(config.realtime.priority, 70);
  EXPECT_EQ(config.realtime.spin, 0ns);
  EXPECT_EQ(config.realtime.watchdog, 500ms);
  EXPECT_EQ(config.realtime.max_deadline_misses, 50);
  ASSERT_EQ(config.hosts.size(), 1U);
  EXPECT_EQ(config.hosts[0].restart, RestartPolicy::kOnFailure);
  EXPECT_THAT(config.hosts[0].python_path, ElementsAre(".", "lib"));
  EXPECT_THAT(config.hosts[0].env, ElementsAre(std::pair{"FOO", "1"}));
}

TEST(ParseConfig, nothing_written_is_a_robot_with_defaults) {
  const Config config = parsed("");
  EXPECT_EQ(config.robot.name, "horusd");
  EXPECT_EQ(config.realtime.mode, RtMode::kAuto);
  EXPECT_EQ(config.realtime.spin, std::nullopt);
  EXPECT_EQ(parsed("[realtime]\nspin = \"auto\"\n").realtime.spin, std::nullopt);
  EXPECT_THAT(config.nodes, IsEmpty());
}

TEST(ParseConfig, of_several_files_the_later_key_counts_and_nodes_add_up) {
  const ConfigText files[] = {
      {.path = "horus.toml", .text = std::string{"[realtime]\npriority = 60\n"} + kMotor},
      {.path = "conf.d/10.toml",
       .text =
           "[realtime]\nspin = \"0\"\npriority = 70\n[[host]]\nname = \"a\"\nmodule = \"a\"\n"}};
  const ConfigResult result = parse_config(files);
  const auto& config = std::get<Config>(result);
  EXPECT_EQ(config.realtime.priority, 70);
  EXPECT_EQ(config.nodes.size(), 1U);
  EXPECT_EQ(config.hosts.front().place.text(), "conf.d/10.toml:4");
  EXPECT_THAT(config.files, ElementsAre("horus.toml", "conf.d/10.toml"));
}

struct BadText {
  const char* name;
  std::string text;
  const char* place;
  const char* says;
};

const BadText kBadTexts[] = {
    {"no_toml", "[[node]\n", "robot.toml:1: ", ""},
    {"half_a_text", "[robot]\nname = \"rover\n", "robot.toml:2: ", ""},
    {"a_key_twice", "[robot]\nname = \"a\"\nname = \"b\"\n", "robot.toml:3: ", ""},
    {"an_unknown_section", "[robots]\n", "robot.toml:1: ",
     "unknown section 'robots' (known: robot, cpus, realtime, safety, record, node, host, topic, "
     "limit)"},
    {"a_stop_key_without_its_device", "[safety]\nstop_key = 88\n",
     "robot.toml:1: ", "[safety] needs 'stop_device'"},
    {"a_stop_device_without_its_folder", "[safety]\nstop_device = \"event0\"\n",
     "robot.toml:2: ", "the path of an input device"},
    {"a_stop_key_that_there_is_not", "[safety]\nstop_device = \"/dev/x\"\nstop_key = 768\n",
     "robot.toml:3: ", "1 to 767"},
    {"an_unknown_key", std::string{kMotor} + "speed = 3\n",
     "robot.toml:6: ", "unknown key 'speed' in [[node]] (known: name, plugin,"},
    {"an_unknown_key_of_the_robot", "[robot]\ntitle = \"x\"\n",
     "robot.toml:2: ", "unknown key 'title' in [robot] (known: name, stop_timeout, blackbox_mb)"},
    {"a_section_that_is_none", "robot = 3\n", "robot.toml:1: ", "write [robot]"},
    {"a_node_with_one_bracket", "[node]\nname = \"a\"\n", "robot.toml:1: ", "write [[node]]"},
    {"a_list_of_no_nodes", "node = [1]\n", "robot.toml:1: ", "[[node]] must be a table"},
    {"no_name", "[[node]]\nplugin = \"p\"\ntype = \"T\"\n",
     "robot.toml:1: ", "[[node]] needs 'name'"},
    {"no_plugin", "\n[[node]]\nname = \"p\"\ntype = \"T\"\n",
     "robot.toml:2: ", "[[node]] needs 'plugin'"},
    {"no_module", "[[host]]\nname = \"p\"\n", "robot.toml:1: ", "[[host]] needs 'module'"},
    {"a_name_that_is_a_number", "[robot]\nname = 3\n",
     "robot.toml:2: ", "'name' in [robot] must be a text in quotes, not 3"},
    {"an_empty_name", "[robot]\nname = \"\"\n", "robot.toml:2: ", "must be a text"},
    {"a_name_that_is_too_long", "[[node]]\nname = \"" + std::string(64, 'a') + "\"\n",
     "robot.toml:2: ", "at most 63 bytes"},
    {"a_duration_without_a_unit", std::string{kMotor} + "budget = 300\n", "robot.toml:6: ",
     "'budget' in [[node]] must be a duration in quotes with its unit, e.g. \"200 us\", not 300"},
    {"a_duration_in_parsecs", std::string{kMotor} + "budget = \"300 pc\"\n",
     "robot.toml:6: ", "must be a duration"},
    {"a_negative_duration", std::string{kMotor} + "deadline = \"-1 ms\"\n",
     "robot.toml:6: ", "must be a duration"},
    {"a_budget_of_nothing", std::string{kMotor} + "budget = \"0 us\"\n",
     "robot.toml:6: ", "must be a duration"},
    {"a_rate_of_zero", "[[node]]\nrate = 0\n", "robot.toml:2: ", "must be a rate of 0.001 Hz"},
    {"a_negative_rate", "[[node]]\nrate = -5\n", "robot.toml:2: ", "must be a rate"},
    {"a_rate_that_is_none", "[[node]]\nrate = nan\n", "robot.toml:2: ", "must be a rate"},
    {"a_rate_in_metres", "[[node]]\nrate = \"10 m\"\n", "robot.toml:2: ", "must be a rate"},
    {"a_rate_that_is_a_list", "[[node]]\nrate = [1]\n", "robot.toml:2: ", "must be a rate"},
    {"a_policy_that_is_none", "[[node]]\non_miss = \"panic\"\n",
     "robot.toml:2: ", "must be \"warn\", \"skip\", \"safe_mode\" or \"stop\", not"},
    {"a_ladder_with_an_unknown_rung", "[[node]]\nladder = { warm = 3 }\n",
     "robot.toml:2: ", "isolate = 10"},
    {"a_ladder_that_is_no_table", "[[node]]\nladder = true\n", "robot.toml:2: ", "a table"},
    {"a_rung_at_no_miss", "[[node]]\nladder = { warn = 0 }\n", "robot.toml:2: ", "warn = 3"},
    {"a_failure_that_is_no_table", "[[node]]\nfailure = 3\n", "robot.toml:2: ", "retries = 5"},
    {"a_negative_limit_of_misses", "[realtime]\nmax_deadline_misses = -1\n",
     "robot.toml:2: ", "0 to 1000000"},
    {"a_failure_policy_that_is_none", "[[node]]\nfailure_policy = 1\n",
     "robot.toml:2: ", "must be \"log\""},
    {"an_order_out_of_range", "[[node]]\norder = 256\n", "robot.toml:2: ", "0 to 255"},
    {"a_priority_of_99", "[[node]]\npriority = 99\n", "robot.toml:2: ", "1 to 98"},
    {"a_ceiling_of_99", "[realtime]\npriority = 99\n", "robot.toml:2: ", "1 to 98"},
    {"a_cpu_below_zero", "[[node]]\ncpu = -1\n", "robot.toml:2: ", "the number of a CPU"},
    {"compute_as_a_number", "[[node]]\ncompute = 1\n", "robot.toml:2: ", "true or false"},
    {"params_that_are_no_table", "[[node]]\nparams = 1\n", "robot.toml:2: ", "must be a table"},
    {"a_parameter_that_is_a_list", "[[node]]\nparams = { a = [1] }\n",
     "robot.toml:2: ", "must be a table of texts, numbers"},
    {"a_reversed_cpu_list", "[cpus]\nrealtime = \"3-1\"\n", "robot.toml:2: ", "a CPU list"},
    {"an_empty_cpu_list", "[cpus]\npython = \"\"\n", "robot.toml:2: ", "a CPU list"},
    {"a_mode_that_is_none", "[realtime]\nmode = \"hard\"\n", "robot.toml:2: ", "\"auto\""},
    {"a_long_spin", "[realtime]\nspin = \"5 ms\"\n", "robot.toml:2: ", "at most \"1 ms\""},
    {"a_watchdog_of_nothing", "[realtime]\nwatchdog = \"0\"\n", "robot.toml:2: ", "a duration"},
    {"a_restart_that_is_none", "[[host]]\nrestart = \"maybe\"\n", "robot.toml:2: ", "\"always\""},
    {"an_env_with_a_number", "[[host]]\nenv = { A = 1 }\n", "robot.toml:2: ", "a table of texts"},
    {"an_env_with_an_equals_sign", "[[host]]\nenv = { \"A=B\" = \"1\" }\n",
     "robot.toml:2: ", "a table of texts"},
    {"a_python_path_that_is_a_text", "[[host]]\npython_path = \".\"\n",
     "robot.toml:2: ", "a list of folders"},
};

class BadConfig : public ::testing::TestWithParam<BadText> {};

TEST_P(BadConfig, is_one_line_with_file_line_and_what_was_expected) {
  const std::string error = error_of(GetParam().text);
  EXPECT_THAT(error, StartsWith(GetParam().place));
  EXPECT_THAT(error, HasSubstr(GetParam().says));
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(, BadConfig, ::testing::ValuesIn(kBadTexts),
                         [](const auto& bad) { return bad.param.name; });

TEST(ParseConfig, a_file_that_is_too_large_is_refused) {
  EXPECT_THAT(error_of(std::string((1U << 20U) + 1, '#')), HasSubstr("larger than 1 MiB"));
}

TEST(CheckConfig, finds_a_node_that_is_there_twice_and_says_where_the_other_is) {
  EXPECT_EQ(finding_of(std::string{kMotor} + kMotor),
            "robot.toml:6: another node is called 'motor' already, at robot.toml:1");
}

TEST(CheckConfig, finds_a_host_that_is_there_twice) {
  const std::string host = "[[host]]\nname = \"a\"\nmodule = \"m\"\n";
  EXPECT_EQ(finding_of(host + host),
            "robot.toml:4: another host is called 'a' already, at robot.toml:1");
}

TEST(CheckConfig, a_host_may_not_have_the_robots_name) {
  EXPECT_THAT(finding_of("[robot]\nname = \"a\"\n[[host]]\nname = \"a\"\nmodule = \"m\"\n"),
              StartsWith("robot.toml:3: host 'a' has the name of the robot"));
}

TEST(CheckConfig, names_become_names_of_files) {
  EXPECT_THAT(finding_of("[robot]\nname = \"../x\"\n"), StartsWith("robot.toml:2: bad robot name"));
  EXPECT_THAT(finding_of("[[host]]\nname = \"a b\"\nmodule = \"m\"\n"),
              StartsWith("robot.toml:1: bad host name 'a b'"));
}

TEST(CheckConfig, a_node_has_a_rate_or_a_topic_to_wait_for) {
  const std::string node = "[[node]]\nname = \"n\"\nplugin = \"p\"\ntype = \"T\"\n";
  EXPECT_THAT(finding_of(node), HasSubstr("needs 'rate', or 'on'"));
  EXPECT_THAT(finding_of(node + "rate = 1\non = \"topic\"\n"), HasSubstr("choose one"));
  EXPECT_THAT(finding_of(node + "compute = true\non = \"topic\"\n"), HasSubstr("choose one"));
}

TEST(CheckConfig, the_class_of_a_node_follows_from_its_keys) {
  Config config = parsed("[[node]]\nname = \"n\"\nplugin = \"p\"\ntype = \"T\"\non = \"t\"\n");
  EXPECT_FALSE(check_config(config, ConfigScope::kHosts, two_cpus()));
  EXPECT_EQ(config.nodes[0].config.node_class, NodeClass::kEvent);
}

TEST(CheckConfig, a_cpu_must_exist) {
  EXPECT_EQ(finding_of("[cpus]\nrealtime = \"1-7\"\n"),
            "robot.toml:2: 'cpus.realtime' names CPU 2-7, but this machine has 0-1");
}

TEST(CheckConfig, a_nodes_cpu_is_one_of_the_real_time_ones) {
  EXPECT_EQ(finding_of("[cpus]\nrealtime = \"1\"\n" + std::string{kMotor} + "cpu = 0\n"),
            "robot.toml:3: node 'motor': CPU 0 is not one of [cpus] realtime (1)");
}

TEST(CheckConfig, without_isolated_cpus_the_last_one_is_for_real_time) {
  Config config = parsed("");
  EXPECT_FALSE(check_config(config, ConfigScope::kHosts, two_cpus()));
  EXPECT_EQ(config.cpus.realtime->text(), "1");
  EXPECT_EQ(config.cpus.housekeeping->text(), "0");
  EXPECT_EQ(config.cpus.python->text(), "0");
}

TEST(CheckConfig, isolated_cpus_are_for_real_time) {
  Config config = parsed("");
  const MachineCpus machine{.online = CpuSet::parse("0-3").value(),
                            .allowed = CpuSet::parse("0,3").value(),
                            .isolated = CpuSet::parse("1-2").value()};
  EXPECT_FALSE(check_config(config, ConfigScope::kHosts, machine));
  EXPECT_EQ(config.cpus.realtime->text(), "1-2");
  EXPECT_EQ(config.cpus.housekeeping->text(), "0,3");
}

TEST(CheckConfig, a_single_cpu_serves_everything) {
  Config config = parsed("");
  const auto one = CpuSet::of(0);
  EXPECT_FALSE(
      check_config(config, ConfigScope::kHosts, {.online = one, .allowed = one, .isolated = {}}));
  EXPECT_EQ(config.cpus.realtime->text(), "0");
  EXPECT_EQ(config.cpus.python->text(), "0");
}

TEST(CheckConfig, a_limit_of_the_scheduler_is_a_finding_with_its_place) {
  EXPECT_THAT(finding_of(std::string{kMotor} + "budget = \"2 s\"\ndeadline = \"1 ms\"\n"),
              StartsWith("robot.toml:1: node 'motor': "));
}

class ConfigFiles : public ::testing::Test {
 protected:
  ConfigFiles() : folder_{::testing::TempDir() + "horus-config-" + std::to_string(::getpid())} {
    std::filesystem::create_directories(folder_ / "conf.d");
  }
  ~ConfigFiles() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream{folder_ / name} << text;
    return (folder_ / name).string();
  }

  const std::filesystem::path folder_;
};

TEST_F(ConfigFiles, a_folder_is_its_horus_toml_and_then_conf_d_in_name_order) {
  write("horus.toml", "[realtime]\npriority = 50\n");
  write("conf.d/20.toml", "[realtime]\npriority = 70\n");
  write("conf.d/10.toml", "[realtime]\npriority = 60\n");
  write("conf.d/notes.txt", "not TOML");
  const ConfigResult loaded = load_config(folder_.string());
  ASSERT_TRUE(std::holds_alternative<Config>(loaded));
  EXPECT_EQ(std::get<Config>(loaded).realtime.priority, 70);
  EXPECT_EQ(std::get<Config>(loaded).files.size(), 3U);
}

TEST_F(ConfigFiles, a_file_that_is_missing_is_named) {
  const ConfigResult loaded = load_config((folder_ / "absent.toml").string());
  EXPECT_THAT(std::get<ConfigError>(loaded).text,
              HasSubstr("absent.toml:1: cannot read: No such file"));
}

TEST_F(ConfigFiles, a_plug_in_is_found_beside_the_file) {
  write("libmotor.so", "");
  Config config = std::get<Config>(load_config(write("robot.toml", kMotor)));
  EXPECT_FALSE(check_config(config, ConfigScope::kNodes, two_cpus()));
  EXPECT_EQ(config.nodes[0].plugin_path, (folder_ / "libmotor.so").string());
}

TEST_F(ConfigFiles, a_plug_in_that_is_missing_is_named_with_where_it_was_looked_for) {
  Config config = std::get<Config>(load_config(write("robot.toml", kMotor)));
  const auto finding = check_config(config, ConfigScope::kNodes, two_cpus());
  ASSERT_TRUE(finding);
  EXPECT_THAT(finding->text, HasSubstr("robot.toml:1: plug-in 'libmotor.so' was not found in " +
                                       folder_.string()));
}

TEST_F(ConfigFiles, a_module_file_is_found_beside_the_file_and_must_exist) {
  const std::string file =
      write("robot.toml", "[[host]]\nname = \"a\"\nmodule = \"a.py\"\npython_path = [\"lib\"]\n");
  Config config = std::get<Config>(load_config(file));
  const auto finding = check_config(config, ConfigScope::kHosts, two_cpus());
  ASSERT_TRUE(finding);
  EXPECT_THAT(finding->text, HasSubstr("a.py of host 'a' does not exist"));
  write("a.py", "");
  Config again = std::get<Config>(load_config(file));
  EXPECT_FALSE(check_config(again, ConfigScope::kHosts, two_cpus()));
  EXPECT_EQ(again.hosts[0].module, (folder_ / "a.py").string());
  EXPECT_THAT(again.hosts[0].python_path, ElementsAre((folder_ / "lib").string()));
}

TEST(CompareConfig, sees_no_change_in_the_same_text) {
  const ConfigChanges changes = compare(parsed(kMotor), parsed(kMotor));
  EXPECT_THAT(changes.others, IsEmpty());
  EXPECT_THAT(changes.budgets, IsEmpty());
}

TEST(CompareConfig, a_changed_budget_beside_a_deadline_can_be_applied) {
  const std::string node = std::string{kMotor} + "deadline = \"900 us\"\n";
  const ConfigChanges changes =
      compare(parsed(node + "budget = \"300 us\"\n"), parsed(node + "budget = \"200 us\"\n"));
  EXPECT_THAT(changes.others, IsEmpty());
  EXPECT_THAT(changes.budgets, ElementsAre(std::pair{"motor", Nanos{200us}}));
}

TEST(CompareConfig, names_everything_that_needs_a_restart) {
  const ConfigChanges changes =
      compare(parsed(std::string{kMotor} + "[[host]]\nname = \"old\"\nmodule = \"m\"\n"),
              parsed("[realtime]\npriority = 70\n[[host]]\nname = \"new\"\nmodule = \"m\"\n" +
                     std::string{kMotor} + "order = 1\nbudget = \"1 us\"\n"));
  EXPECT_THAT(changes.others, ElementsAre("realtime.priority", "node 'motor': budget, order",
                                          "host 'new' is new", "host 'old' is gone"));
  EXPECT_THAT(changes.budgets, IsEmpty());
}

}  // namespace
}  // namespace horus::service
