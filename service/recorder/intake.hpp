// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "shm/black_box_page.hpp"
#include "shm/interop/codec.hpp"
#include "shm/interop/mcap.hpp"
#include "shm/log_page.hpp"
#include "shm/registry.hpp"
#include "shm/session.hpp"

namespace horus::service {

/// What is recorded: topics by shell patterns, "*" for all.
struct Selection {
  std::vector<std::string> topics{};
  std::vector<std::string> exclude{};
  bool has(const std::string& topic) const;
};

/// Takes messages of topics that come and go, and writes them as records.
///
/// Thread safety: one thread.
class Intake {
 public:
  using Say = std::function<void(const std::string& line)>;

  Intake(std::unique_ptr<shm::Session> session, Selection selection, Say say);
  ~Intake();

  /// Subscribes to what came since the last look. What cannot be taken is said once.
  void look();
  /// The same for the last time: afterwards all who send by now are found.
  void look_closely();
  /// Takes what is there, a part of each topic, until the chunk has `most` bytes; channels are
  /// declared in it first.
  void take(interop::mcap::Chunk& chunk, std::size_t most);
  /// The same with the lines of log that hosts wrote since the beginning, and with the events of
  /// their black boxes; of those, where not `all` are asked for, about once a second.
  void take_told(interop::mcap::Chunk& chunk, bool all);
  /// Until there is a message, or `until`.
  void wait(TimePoint until);

  /// Whether messages are there that cannot be taken yet.
  bool has_pending() const;

  struct Losses {
    std::uint64_t received = 0;
    std::uint64_t missed = 0;   ///< Overwritten before they were taken, or not taken at the end.
    std::uint64_t refused = 0;  ///< None of their type, or beyond what a file can have.
    std::uint64_t waiting = 0;  ///< Part of `missed` that may be taken yet.
  };
  /// By topic, from the beginning.
  std::map<std::string, Losses> losses() const;
  std::size_t topics() const noexcept { return topics_.size(); }

 private:
  struct Topic;
  void let_go_of_silent();
  // False where a file has no more channels.
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
  /// 0: a file has no more.
  std::uint16_t channel_of(Topic& topic, interop::mcap::Chunk& chunk, const std::string& publisher,
                           const shm::TypeInfo* of);

  std::unique_ptr<shm::Session> session_;
  Selection selection_;
  Say say_;
  std::map<std::string, std::unique_ptr<Topic>> topics_;
  std::map<std::string, Losses> gone_;          ///< Of topics that were let go.
  std::map<std::string, std::string> refused_;  ///< Topics that are not recorded, and why.
  std::map<std::string, std::uint64_t> since_;  ///< When topics were let go; cycle_count().
  std::string last_;                            ///< The topic that was taken from last.
  std::map<std::pair<std::string, std::string>, std::uint16_t> schemas_;  ///< By name and data.
  std::uint16_t next_channel_ = 0;
  std::vector<shm::LogPage> lines_;                 ///< As of the last look.
  std::map<std::string, shm::LogMark> lines_seen_;  ///< By host.
  std::uint16_t line_channel_ = 0;
  std::vector<shm::OtherBox> boxes_;                  ///< As of the last look.
  std::map<std::string, shm::BoxMark> events_seen_;   ///< By host; as the next one.
  std::map<std::string, std::uint64_t> events_lost_;  ///< That their boxes had not kept.
  std::uint16_t event_channel_ = 0;
  TimePoint events_at_{};  ///< When they were read.
  bool told_full_ = false;
};

}  // namespace horus::service
