// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shm/payload_kinds.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/parse_message.hpp"
#include "tools/cli/service_client.hpp"
#include "tools/cli/source.hpp"
#include "tools/cli/topics.hpp"

namespace horus::cli {

namespace {

struct PubOptions {
  std::string topic;
  std::string message;
  std::string type;
  double rate_hz = 0;
  std::uint64_t count = 0;  ///< 0: one message without a rate; with a rate, until it is stopped.
};

/// The base and the type to publish with: those of the existing topic, or of a new one.
struct Target {
  std::string base;
  TopicType type;
};

Result<TopicType> type_named(const std::string& name) {
  if (name == shm::generic_type().name) return TopicType{shm::generic_type()};
  if (const shm::TypeInfo* type = shm::find_type(name)) return TopicType{*type};
  return Error{Errc::kInvalidArgument, "publish: no such message type", 0,
               Name<200>::clipped(name)};
}

/// The type of a topic that does not exist yet: that of --type, else the type whose default topic
/// has this name. A Python program would choose the same one.
Result<TopicType> type_of_new(const PubOptions& options) {
  if (!options.type.empty()) return type_named(options.type);
  const auto is_own = [&options](const shm::TypeInfo* type) {
    return !type->default_topic.empty() && type->default_topic == options.topic;
  };
  const auto types = shm::all_types();
  const auto own = std::ranges::find_if(types, is_own);
  if (own != types.end()) return TopicType{**own};
  return Error{Errc::kInvalidArgument,
               "publish: a new topic needs --type (a message's name, or generic)", 0,
               Name<200>::clipped(options.topic + ask_if_meant(options.topic, true))};
}

Result<Target> target_of(const PubOptions& options) {
  const auto found = find(options.topic);
  if (!found && found.error().code != Errc::kNotFound) return found.error();
  if (found && shm::find_payload_kind(found.value().topic.type) != nullptr) {
    return Error{Errc::kInvalidArgument, "publish: JSON does not describe pixels or points", 0,
                 Name<200>::clipped(options.topic)};
  }
  // A --type that differs from the topic's is refused when the topic is opened.
  const bool by_topic = found && options.type.empty();
  auto type = by_topic ? TopicType::of(found.value().topic) : type_of_new(options);
  if (!type) return type.error();
  return Target{.base = found ? found.value().base : base_directories().front(),
                .type = std::move(type).value()};
}

Result<std::vector<std::byte>> bytes_of(const TopicType& type, const std::string& text) {
  auto json = parse_json(text);
  if (!json) return json.error();
  if (type.is_generic()) return generic_bytes(json.value());
  return typed_bytes(type.info(), json.value());
}

constexpr Nanos kPatience = 1s;  // A subscriber's helper thread finds a ring in a few milliseconds.

/// Waits until every living subscriber has found this program's ring. Then a message reaches them
/// even if the program ends right after it. False at `until`.
bool all_listen(const shm::RawPublisher& publisher, TimePoint until, Output& output) {
  constexpr Nanos kStep = 2ms;
  while (publisher.readers() < publisher.subscribers() && output.wanted()) {
    if (MonotonicClock::now() >= until) return false;
    output.wait(kStep);
  }
  return true;
}

/// The messages to send: the one that was given, again and again; or, for "-", one from each line
/// of standard input.
class Messages {
 public:
  Messages(const TopicType& type, std::string given) : type_{type}, given_{std::move(given)} {}

  bool from_input() const noexcept { return given_ == "-"; }
  /// The next message; nothing at the end of the input.
  std::optional<Result<std::vector<std::byte>>> next() {
    if (!from_input()) {
      if (!repeated_) repeated_ = bytes_of(type_, given_);
      return repeated_;
    }
    std::string line;
    while (line.empty()) {
      if (!std::getline(std::cin, line)) return std::nullopt;
    }
    return bytes_of(type_, line);
  }

 private:
  const TopicType& type_;
  std::string given_;
  std::optional<Result<std::vector<std::byte>>> repeated_;
};

int publish(const PubOptions& options, Messages& messages, shm::RawPublisher& publisher,
            Output& output) {
  const bool paced = options.rate_hz > 0;
  const std::uint64_t limit =
      options.count != 0 || paced || messages.from_input() ? options.count : 1;
  const Nanos period{paced ? std::llround(1e9 / options.rate_hz) : 0};
  TimePoint release = MonotonicClock::now();
  for (std::uint64_t sent = 0; output.wanted() && (limit == 0 || sent < limit); ++sent) {
    const auto message = messages.next();
    if (!message) break;
    if (!*message) return fail(message->error());
    if (!publisher.send(message->value())) {
      return fail(kError, message->value().size() > publisher.max_size()
                              ? "the message has " + std::to_string(message->value().size()) +
                                    " bytes, the topic takes " +
                                    std::to_string(publisher.max_size())
                              : "the topic is full, and its policy is to refuse");
    }
    release += period;
    if (paced) output.wait(release - MonotonicClock::now());
  }
  return kOk;
}

int run_pub(const PubOptions& options, Output& output) {
  const auto target = target_of(options);
  if (!target) return fail(target.error());
  Messages messages{target.value().type, options.message};
  // Check the message before the topic is made.
  if (!messages.from_input()) {
    if (const auto first = messages.next(); !*first) return fail(first->error());
  }
  auto session = join(target.value().base);
  if (!session) return fail(session.error());
  auto publisher = session.value()->publish(options.topic, target.value().type.info());
  if (!publisher) return fail(publisher.error());
  if (!all_listen(publisher.value(), MonotonicClock::now() + kPatience, output)) {
    return fail(kError, "a subscriber of '" + options.topic + "' does not listen: is it stopped?");
  }
  if (publisher.value().subscribers() == 0) {
    warn_of("nobody receives '" + options.topic + "' now" + ask_if_meant(options.topic, true));
  }
  return publish(options, messages, publisher.value(), output);
}

std::string rate_in_range(const std::string& text) {
  const double hz = std::strtod(text.c_str(), nullptr);
  return hz >= 0.001 && hz <= 10'000 ? "" : "'" + text + "' is no rate (0.001 to 10000 Hz)";
}

}  // namespace

Action declare_topic_pub(CLI::App& app, const Places&) {
  const auto options = std::make_shared<PubOptions>();
  app.add_option("topic", options->topic, "Name of the topic")->required()->type_name("TOPIC");
  app.add_option("message", options->message, "In JSON; '-': one a line of standard input")
      ->required()
      ->type_name("MESSAGE");
  app.add_option("--type", options->type,
                 "Type of a new topic: CmdVel, generic; cmd_vel itself has its own")
      ->type_name("TYPE");
  app.add_option("--rate", options->rate_hz, "Send it again so often, in Hz")
      ->type_name("HZ")
      ->check(rate_in_range);
  app.add_option("--count", options->count, "End after N messages")
      ->type_name("N")
      ->check(positive_count);
  return [options](Output& output) { return run_pub(*options, output); };
}

}  // namespace horus::cli
