// SPDX-License-Identifier: Apache-2.0
// Which topics there are and what they carry: topic list, info, echo.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/cli/command.hpp"
#include "tools/cli/field_path.hpp"
#include "tools/cli/service_client.hpp"
#include "tools/cli/source.hpp"
#include "tools/cli/topics.hpp"

namespace horus::cli {

namespace {

struct EchoOptions {
  std::string topic;
  std::string field;
  std::uint64_t count = 0;  ///< 0: until it is stopped.
  bool once = false;
  bool json = false;
};

std::string show(const EchoOptions& options, const Result<MessageJson>& message) {
  if (!message) {
    if (!options.json) return "(" + error_line(message.error()) + ")\n---\n";
    return message_line({{"error", error_line(message.error())}}) + "\n";
  }
  if (options.json) return message_line(message.value()) + "\n";
  return message_text(message.value()) + (options.field.empty() ? "---\n" : "");
}

/// The part of `message` at `path`; the whole message without a path. kNotFound where there is no
/// such part.
Result<MessageJson> part(const Result<MessageJson>& message,
                         const std::optional<MessageJson::json_pointer>& path) {
  if (!message || !path) return message;
  if (message.value().contains(*path)) return message.value().at(*path);
  return Error{Errc::kNotFound, "show message: no such field", 0,
               Name<200>::clipped(path->to_string())};
}

int run_echo(const EchoOptions& options, Output& output) {
  std::optional<MessageJson::json_pointer> path;
  if (!options.field.empty()) {
    auto parsed = parse_field_path(options.field);
    if (!parsed) return fail(parsed.error());
    path = std::move(parsed).value();
  }
  auto source = open_source(options.topic);
  if (!source) return fail_to_open(options.topic, source.error());
  const std::uint64_t limit = options.once ? 1 : options.count;
  for (std::uint64_t shown = 0; output.wanted() && (limit == 0 || shown < limit);) {
    const auto message = source.value().take(/*wanted=*/true);
    if (!message) {
      source.value().wait(MonotonicClock::now() + kLook);
      output.wait(Nanos{});
      continue;
    }
    const Result<MessageJson> wanted = part(*message, path);
    if (!wanted && *message) return fail(wanted.error());
    output.write(show(options, wanted));
    ++shown;
  }
  return kOk;
}

int run_list(bool json, Output& output) {
  int code = kOk;
  const auto topics = visible_topics(code);
  if (code != kOk) return code;
  output.write(json ? topics_lines(topics) : topics_text(topics, output.width()));
  return kOk;
}

int run_info(const std::string& name, bool json, Output& output) {
  const auto found = find(name);
  if (!found) return fail_to_open(name, found.error());
  const shm::TopicInfo& topic = found.value().topic;
  output.write(json ? topics_lines({topic}) : topic_text(topic, output.width()));
  return kOk;
}

}  // namespace

std::vector<shm::TopicInfo> visible_topics(int& code) {
  std::vector<shm::TopicInfo> topics;
  std::optional<Error> hidden;
  for (const std::string& base : base_directories()) {
    if (const Status may = shm::may_look(base); !may) hidden = may.error();
    for (shm::TopicInfo& topic : shm::list_topics(base)) topics.push_back(std::move(topic));
  }
  if (hidden) {
    const int failed = fail(kNoPermission, error_line(*hidden) +
                                               " (topics there may be: run as their base's owner, "
                                               "or join the group of the folder and log in again)");
    if (topics.empty()) code = failed;
  }
  std::ranges::sort(topics, {}, &shm::TopicInfo::name);
  return topics;
}

Action declare_topic_list(CLI::App& app, const Places&) {
  const auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "One line of JSON for each topic");
  return [json](Output& output) { return run_list(*json, output); };
}

Action declare_topic_info(CLI::App& app, const Places&) {
  const auto topic = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>(false);
  app.add_option("topic", *topic, "Name of the topic")->required()->type_name("TOPIC");
  app.add_flag("--json", *json, "One line of JSON");
  return [topic, json](Output& output) { return run_info(*topic, *json, output); };
}

Action declare_topic_echo(CLI::App& app, const Places&) {
  const auto options = std::make_shared<EchoOptions>();
  app.add_option("topic", options->topic, "Name of the topic")->required()->type_name("TOPIC");
  app.add_flag("--json", options->json, "One line of JSON each");
  app.add_option("--field", options->field, "Only this part: pose.x, ranges[3], or /pose/x")
      ->type_name("FIELD");
  CLI::Option* once = app.add_flag("--once", options->once, "Only one");
  app.add_option("--count", options->count, "End after N messages")
      ->type_name("N")
      ->check(positive_count)
      ->excludes(once);
  return [options](Output& output) { return run_echo(*options, output); };
}

}  // namespace horus::cli
