// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "shm/registry.hpp"
#include "shm/session.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/rhythm.hpp"
#include "tools/cli/show_message.hpp"
#include "tools/cli/topics.hpp"

namespace horus::cli {

namespace {

struct Options {
  std::string topic;
  std::uint64_t count = 0;  ///< 0: until it is stopped.
  bool once = false;
  bool json = false;

  std::uint64_t limit() const noexcept { return once ? 1 : count; }
};

constexpr Nanos kLook = 100ms;  // How often a waiting command looks whether it is still wanted.
constexpr Nanos kWindow = 1s;   // Of one measurement of `hz`.

/// The base that has the topic, and what the registry knows of it.
struct Found {
  std::string base;
  shm::TopicInfo topic;
};

Result<Found> find(const std::string& name) {
  std::optional<Error> worst;
  for (const std::string& base : base_directories()) {
    auto topic = shm::find_topic(base, name);
    if (topic) return Found{base, std::move(topic).value()};
    if (!worst || worst->code == Errc::kNotFound) worst = topic.error();
  }
  return *worst;
}

/// One topic's messages, whatever they are: waits for the next one and shows it.
struct Source {
  std::unique_ptr<shm::Session> session;
  std::function<bool(TimePoint until)> wait;
  /// The next message; nothing when there is none. Without `wanted` it is only taken.
  std::function<std::optional<Result<MessageJson>>(bool wanted)> take;
  std::function<std::uint64_t()> missed;
};

Source image_source(std::unique_ptr<shm::Session> session, shm::ImageSubscriber images) {
  const auto shared = std::make_shared<shm::ImageSubscriber>(std::move(images));
  return {.session = std::move(session),
          .wait = [shared](TimePoint until) { return shared->wait_until(until); },
          .take = [shared](bool wanted) -> std::optional<Result<MessageJson>> {
            const shm::Image image = shared->take();
            if (!image) return std::nullopt;
            return wanted ? image_message(image) : MessageJson{};
          },
          .missed = [shared] { return shared->missed(); }};
}

Source message_source(std::unique_ptr<shm::Session> session, shm::RawSubscriber messages,
                      bool generic) {
  const auto shared = std::make_shared<shm::RawSubscriber>(std::move(messages));
  const auto buffer = std::make_shared<std::vector<std::byte>>(shared->max_size());
  return {.session = std::move(session),
          .wait = [shared](TimePoint until) { return shared->wait_until(until); },
          .take = [=](bool wanted) -> std::optional<Result<MessageJson>> {
            const std::ptrdiff_t size = shared->take(*buffer);
            if (size < 0) return std::nullopt;
            if (!wanted) return MessageJson{};
            const std::span bytes = std::span{*buffer}.first(static_cast<std::size_t>(size));
            if (generic) return generic_message(bytes);
            return typed_message(shared->type(), bytes);
          },
          .missed = [shared] { return shared->missed(); }};
}

Result<Source> open(const Found& found) {
  auto session = shm::Session::open(found.base);
  if (!session) return session.error();
  shm::Session& topics = *session.value();
  if (found.topic.type == kImageType) {
    auto images = topics.image_subscriber(found.topic.name);
    if (!images) return images.error();
    return image_source(std::move(session).value(), std::move(images).value());
  }
  const bool generic = found.topic.type == shm::generic_type().name;
  const shm::TypeInfo* type = generic ? &shm::generic_type() : shm::find_type(found.topic.type);
  if (type == nullptr) {
    return Error{Errc::kTypeMismatch, "show topic: this horusctl does not know its type", 0,
                 Name<200>::clipped(found.topic.type)};
  }
  auto messages = topics.subscribe(found.topic.name, *type);
  if (!messages) return messages.error();
  return message_source(std::move(session).value(), std::move(messages).value(), generic);
}

Result<Source> open(const std::string& name) {
  const auto found = find(name);
  if (!found) return found.error();
  return open(found.value());
}

int fail_to_open(const std::string& name, const Error& error) {
  if (error.code != Errc::kNotFound) return fail(error);
  return fail(kError, "no topic '" + name + "' (see 'horusctl topic list')");
}

std::string show(const Options& options, const Result<MessageJson>& message) {
  if (!message) {
    if (!options.json) return "(" + describe(message.error()) + ")\n---\n";
    return message_line({{"error", describe(message.error())}}) + "\n";
  }
  if (options.json) return message_line(message.value()) + "\n";
  return message_text(message.value()) + "---\n";
}

int run_echo(const Options& options, Output& output) {
  auto source = open(options.topic);
  if (!source) return fail_to_open(options.topic, source.error());
  std::uint64_t shown = 0;
  while (output.wanted() && (options.limit() == 0 || shown < options.limit())) {
    if (const auto message = source.value().take(/*wanted=*/true)) {
      output.write(show(options, *message));
      ++shown;
      continue;
    }
    source.value().wait(MonotonicClock::now() + kLook);
    output.wait(Nanos{});
  }
  return kOk;
}

/// Takes what arrives until `until`, noting when.
void measure(Source& source, TimePoint until, Rhythm& rhythm, Output& output) {
  while (output.wanted()) {
    const TimePoint now = MonotonicClock::now();
    if (now >= until) return;
    if (source.take(/*wanted=*/false)) {
      rhythm.arrived(MonotonicClock::now());
      continue;
    }
    source.wait(std::min(until, now + kLook));
    output.wait(Nanos{});
  }
}

int run_hz(const Options& options, Output& output) {
  auto source = open(options.topic);
  if (!source) return fail_to_open(options.topic, source.error());
  Rhythm rhythm;
  std::uint64_t missed = 0;
  TimePoint until = MonotonicClock::now();
  for (std::uint64_t lines = 0; options.limit() == 0 || lines < options.limit(); ++lines) {
    until += kWindow;
    measure(source.value(), until, rhythm, output);
    const std::uint64_t total = source.value().missed();
    output.write(options.json
                     ? wire::to_line(rhythm_json(options.topic, rhythm, total - missed)) + "\n"
                     : rhythm_text(rhythm, total - missed));
    if (!output.wanted()) break;
    missed = total;
    rhythm.restart();
  }
  return kOk;
}

int run_list(bool json, Output& output) {
  std::vector<shm::TopicInfo> topics;
  for (const std::string& base : base_directories()) {
    for (shm::TopicInfo& topic : shm::list_topics(base)) topics.push_back(std::move(topic));
  }
  std::ranges::sort(topics, {}, &shm::TopicInfo::name);
  output.write(json ? topics_lines(topics) : topics_text(topics, output.width()));
  return kOk;
}

/// What is wrong with `text` as a count; empty: nothing. The library's own checks show up in the
/// help, and would take a number that does not fit.
std::string positive_count(const std::string& text) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && count != 0 ? "" : "'" + text + "' is no count (1, 2, ...)";
}

std::shared_ptr<Options> declare_stream(CLI::App& app, const char* counted) {
  auto options = std::make_shared<Options>();
  app.add_option("topic", options->topic, "Name of the topic")->required()->type_name("TOPIC");
  app.add_flag("--json", options->json, "One line of JSON each");
  CLI::Option* once = app.add_flag("--once", options->once, "Only one");
  app.add_option("--count", options->count, counted)
      ->type_name("N")
      ->check(positive_count)
      ->excludes(once);
  return options;
}

}  // namespace

Action declare_topic_list(CLI::App& app, const Places&) {
  const auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "One line of JSON for each topic");
  return [json](Output& output) { return run_list(*json, output); };
}

Action declare_topic_echo(CLI::App& app, const Places&) {
  const auto options = declare_stream(app, "End after N messages");
  return [options](Output& output) { return run_echo(*options, output); };
}

Action declare_topic_hz(CLI::App& app, const Places&) {
  const auto options = declare_stream(app, "End after N lines, each of one second");
  return [options](Output& output) { return run_hz(*options, output); };
}

}  // namespace horus::cli
