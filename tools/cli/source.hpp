// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <horus/result.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

#include "shm/registry.hpp"
#include "shm/schema.hpp"
#include "tools/cli/show_message.hpp"

namespace horus::cli {

/// A topic, and the base directory that has it.
struct Found {
  std::string base;
  shm::TopicInfo topic;
};
/// Looks for a topic in the base directories, the user's first. Fails with kNotFound, or with the
/// error of a topic that could not be read.
Result<Found> find(const std::string& name);

/// The type of a topic's messages. It is a built-in type where the topic's schema is the same,
/// otherwise the type that the schema describes.
class TopicType {
 public:
  /// Fails with kTypeMismatch where the type is not built in and the schema is damaged.
  static Result<TopicType> of(const shm::TopicInfo& topic);
  /// Valid as long as this object, or any copy of it.
  const shm::TypeInfo& info() const noexcept { return parsed_ ? parsed_->info() : *built_in_; }
  /// Whether the topic carries values of any shape (MessagePack).
  bool is_generic() const noexcept { return built_in_ == &shm::generic_type(); }

  explicit TopicType(const shm::TypeInfo& built_in) noexcept : built_in_{&built_in} {}

 private:
  explicit TopicType(shm::ParsedType parsed) noexcept : parsed_{std::move(parsed)} {}

  const shm::TypeInfo* built_in_ = nullptr;
  std::optional<shm::ParsedType> parsed_;
};

/// A subscription to a topic of any type, whose messages are read as JSON.
struct Source {
  std::unique_ptr<shm::Session> session;
  /// Waits for a message: true when there is one, false at `until`.
  std::function<bool(TimePoint until)> wait;
  /// Takes the next message; nothing when there is none. Without `wanted` it is not converted.
  std::function<std::optional<Result<MessageJson>>(bool wanted)> take;
  /// How many messages were missed so far.
  std::function<std::uint64_t()> missed;
  /// When the message that was taken last was sent.
  std::function<TimePoint()> sent_at;
};
/// Subscribes. The second form looks for the topic first.
Result<Source> open_source(const Found& found);
Result<Source> open_source(const std::string& name);

/// Prints why the topic cannot be opened. Returns the exit code.
int fail_to_open(const std::string& name, const Error& error);
/// "; is 'cmd_vel' meant?", where a topic with a similar name has what this one lacks: a publisher
/// for a reader, a subscriber for a sender (`sends`). Otherwise empty.
std::string ask_if_meant(const std::string& name, bool sends);

/// A check of options for CLI11: says what is wrong with `text` as a count above 0; empty: nothing.
/// CLI11's own checks would show up in the help, and accept a number that does not fit.
std::string positive_count(const std::string& text);

/// How often a command that waits checks whether it is still wanted.
inline constexpr Nanos kLook = 100ms;

}  // namespace horus::cli
