// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "shm/registry.hpp"
#include "shm/schema.hpp"
#include "shm/session.hpp"
#include "tools/cli/show_message.hpp"

namespace horus::cli {

/// A topic, and the base directory that has it.
struct Found {
  std::string base;
  shm::TopicInfo topic;
};
/// Looks in the base directories, the user's first. Fails with kNotFound, or with what kept a
/// topic from being read.
Result<Found> find(const std::string& name);

/// What a topic's messages are made of: a built-in type, or what the topic itself says.
class TopicType {
 public:
  /// Fails with kTypeMismatch where neither is known.
  static Result<TopicType> of(const shm::TopicInfo& topic);
  /// Lives as long as any copy of this object.
  const shm::TypeInfo& info() const noexcept { return parsed_ ? parsed_->info() : *built_in_; }
  bool is_generic() const noexcept { return built_in_ == &shm::generic_type(); }

  explicit TopicType(const shm::TypeInfo& built_in) noexcept : built_in_{&built_in} {}

 private:
  explicit TopicType(shm::ParsedType parsed) noexcept : parsed_{std::move(parsed)} {}

  const shm::TypeInfo* built_in_ = nullptr;
  std::optional<shm::ParsedType> parsed_;
};

/// One topic's messages, whatever they are: waits for the next one and shows it.
struct Source {
  std::unique_ptr<shm::Session> session;
  std::function<bool(TimePoint until)> wait;
  /// The next message; nothing when there is none. Without `wanted` it is only taken.
  std::function<std::optional<Result<MessageJson>>(bool wanted)> take;
  std::function<std::uint64_t()> missed;
  /// By its stamp, the one that was taken last.
  std::function<TimePoint()> sent_at;
};
Result<Source> open_source(const Found& found);
Result<Source> open_source(const std::string& name);

/// Prints why there is no such topic to look at; the exit code follows from it.
int fail_to_open(const std::string& name, const Error& error);
/// "; is 'cmd_vel' meant?", where another topic has who is at the other end of what is received, or
/// sent; else empty.
std::string ask_if_meant(const std::string& name, bool sends);

/// What is wrong with `text` as a count; empty: nothing. CLI11's own checks show up in the help,
/// and would take a number that does not fit.
std::string positive_count(const std::string& text);

/// How often a waiting command looks whether it is still wanted.
inline constexpr Nanos kLook = 100ms;

}  // namespace horus::cli
