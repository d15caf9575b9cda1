// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <horus/result.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

#include "shm/black_box_page.hpp"
#include "shm/interop/codec.hpp"
#include "shm/interop/mcap.hpp"
#include "shm/log_page.hpp"
#include "shm/registry.hpp"

namespace horus::service {

/// Which topics are recorded, by shell patterns (fnmatch(3)); "*" is all.
struct Selection {
  std::vector<std::string> topics{};   ///< Patterns of topics to record.
  std::vector<std::string> exclude{};  ///< Patterns of topics to leave out; wins over `topics`.
  bool has(const std::string& topic) const;
};

/// Subscribes to topics that come and go, takes their messages, and encodes them as MCAP records.
/// Log lines of hosts and events of their black boxes are recorded as topics, too.
///
/// Thread safety: one thread. `say` is called on it.
class Intake {
 public:
  using Say = std::function<void(const std::string& line)>;

  /// Log lines and events from before this moment are not recorded; messages are from when
  /// `session` was opened on.
  Intake(std::unique_ptr<shm::Session> session, Selection selection, Say say);
  ~Intake();

  /// Subscribes to topics that are new since the last look, and unsubscribes from those that nobody
  /// sends on. A topic that cannot be recorded is reported once.
  void look();
  /// The same, and waits until every publisher that exists by now is found. For the end.
  void look_closely();
  /// Takes messages that are there, in turns from all topics, until none is left or the chunk has
  /// `most` bytes. New channels are declared in the chunk before their first message.
  void take(interop::mcap::Chunk& chunk, std::size_t most);
  /// Takes new log lines of hosts and new events of their black boxes. Events are only looked at
  /// about once a second, with `all` now.
  void take_told(interop::mcap::Chunk& chunk, bool all);
  /// Waits until a message is there, or `until`.
  void wait(TimePoint until);

  /// Whether messages wait that were not taken yet.
  bool has_pending() const;

  /// Counts of one topic.
  struct Losses {
    std::uint64_t received = 0;
    std::uint64_t missed = 0;   ///< Overwritten before they were taken, plus `waiting`.
    std::uint64_t refused = 0;  ///< Do not fit their type, or a file has no more channels.
    std::uint64_t waiting = 0;  ///< Not taken yet; at the end of the recording they are lost.
  };
  /// By topic, since the beginning.
  std::map<std::string, Losses> losses() const;
  /// How many topics are subscribed to now.
  std::size_t topics() const noexcept { return topics_.size(); }

 private:
  struct Topic;
  /// Events that a host's box could not keep.
  struct NotKept {
    std::uint64_t lost = 0;     ///< As the box said at the last look.
    std::uint64_t excused = 0;  ///< Of those, not yet found as a gap in the numbers.
  };
  void drop_silent_topics();
  // These two return false if the file has no more channels.
  bool take_lines_of(const shm::LogPage& page, interop::mcap::Chunk& chunk);
  bool take_events_of(const shm::OtherBox& other, interop::mcap::Chunk& chunk, TimePoint now);
  void take_lines(interop::mcap::Chunk& chunk);
  void take_events(interop::mcap::Chunk& chunk, bool all);
  static Losses losses_of(Topic& topic);
  void add_losses(Topic& topic);
  Status open(const shm::TopicInfo& info);
  void take_from(Topic& topic, interop::mcap::Chunk& chunk, std::size_t most);
  std::uint16_t add_channel(interop::mcap::Chunk& chunk, const std::string& topic,
                            const interop::Format& format, interop::mcap::Notes notes);
  std::uint16_t schema_of(const interop::Format& format, interop::mcap::Chunk& chunk);
  /// The channel of messages from `publisher`; `of` is their own type on a topic of values, else
  /// null. 0: a file has no more channels.
  std::uint16_t channel_of(Topic& topic, interop::mcap::Chunk& chunk, const std::string& publisher,
                           const shm::TypeInfo* of);

  std::unique_ptr<shm::Session> session_;
  Selection selection_;
  Say say_;
  std::map<std::string, std::unique_ptr<Topic>> topics_;
  std::map<std::string, Losses> gone_;          ///< Counts of topics that were unsubscribed from.
  std::map<std::string, std::string> refused_;  ///< Topics that cannot be recorded, and why.
  std::map<std::string, std::uint64_t> since_;  ///< When a topic was unsubscribed; cycle_count().
  std::string last_;                            ///< The topic from which was taken last.
  std::map<std::pair<std::string, std::string>, std::uint16_t> schemas_;  ///< By name and data.
  std::uint16_t next_channel_ = 0;
  std::vector<shm::LogPage> lines_;                  ///< Pages of log lines, as of the last look.
  std::map<std::string, shm::LogMark> lines_seen_;   ///< How far each host's lines are taken.
  std::uint16_t line_channel_ = 0;                   ///< 0: not declared yet.
  std::vector<shm::OtherBox> boxes_;                 ///< Black boxes, as of the last look.
  std::map<std::string, shm::BoxMark> events_seen_;  ///< How far each host's events are taken.
  std::map<std::string, NotKept> events_not_kept_;   ///< By host.
  std::uint16_t event_channel_ = 0;                  ///< 0: not declared yet.
  TimePoint events_at_{};                            ///< When events were last read.
  bool told_full_ = false;  ///< It was reported that a file has no more channels.
};

}  // namespace horus::service
