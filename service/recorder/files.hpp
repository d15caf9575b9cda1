// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "service/recorder/disk.hpp"
#include "shm/interop/mcap_writer.hpp"

namespace horus::service {

struct FilesOptions {
  std::string path;  ///< "run.mcap"; with a split "run_0.mcap", "run_1.mcap", ...
  bool compressed = true;
  std::uint64_t split_bytes = 0;                     ///< 0: one file.
  Nanos split_time{};                                ///< 0: as above.
  std::uint32_t keep = 0;                            ///< Of split files the newest so many; 0: all.
  std::uint64_t min_free = 0;                        ///< Below that the disk counts as full.
  std::map<std::string, std::string> attachments{};  ///< Texts, by their names.
  /// Files are made when there is something for them, numbered as of a split, and end by
  /// end_file().
  bool on_demand = false;
  std::uint64_t most_queued = std::uint64_t{64} << 20;  ///< Bytes that may wait for the disk.
};

/// A stop takes so long, all in all; what is not written by then is lost.
inline constexpr Nanos kStopTime = std::chrono::seconds{5};

/// Writes chunks to files in a thread of its own. A disk that is full or fails is tried again each
/// second, one that failed in a new file: what the old one has is unknown. What comes meanwhile and
/// finds the queue full is lost, counted by topic, and noted in the file ("horus.lost").
///
/// Thread safety: push() and stop() in one thread.
class Files {
 public:
  using Say = std::function<void(const std::string& line)>;
  using Notes = interop::mcap::Notes;

  /// Makes the first file. `system` is noted in each.
  static Result<std::unique_ptr<Files>> start(FilesOptions options, Notes system, Say say);
  ~Files();
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  void push(interop::mcap::Chunk chunk);
  /// What of a chunk that is in no file the later ones need.
  void declare(interop::mcap::Chunk chunk);
  /// Ends the file behind what was pushed, with these notes. push() goes on in another. Returns
  /// its number, from 1 on.
  std::uint64_t end_file(std::map<std::string, Notes> notes);
  /// Of end_file(), in their order.
  struct Ended {
    std::string path{};  ///< Empty: nothing was there to write.
    std::uint64_t messages = 0;
    std::uint64_t number = 0;  ///< As end_file() told.
    std::string error{};       ///< Why it is not on the disk, or not all of it; empty: it is.
  };
  std::vector<Ended> ended();

  /// Bytes that wait for the disk.
  std::uint64_t queued();
  /// Messages that were lost, and why nothing is written now (empty: it is).
  std::pair<std::uint64_t, std::string> trouble();
  /// Writes what is left, and each file's end, until `stop_by`. `last`: notes for the last file.
  /// Where the disk holds a call for longer the thread is left_behind() in it.
  Status stop(const std::map<std::string, Notes>& last,
              TimePoint stop_by = MonotonicClock::now() + kStopTime);

  /// The thread still uses this object, which may not be destroyed any more.
  bool left_behind() const noexcept { return left_behind_; }

  struct Totals {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::uint64_t lost = 0;  ///< Messages that the queue had no place for.
    std::vector<std::string> paths{};
  };
  /// After stop(), but where the thread was left behind.
  const Totals& totals() const noexcept { return totals_; }

 private:
  Files(FilesOptions options, Notes system, Say say);
  using Notices = std::map<std::string, Notes>;
  /// Ends a file.
  struct Close {
    std::uint64_t number = 0;
    Notices notes{};
  };
  using Item = std::variant<interop::mcap::Chunk, Close>;

  void run();
  Status create();
  Status begin_to_write();
  bool is_over() const;  ///< The file is to be split here.
  Status write(const interop::mcap::Chunk& chunk);
  /// `step`, as often as it takes until the recording ends.
  Status in_time(const std::function<Status()>& step);
  Status close_file(const Close& close);
  void look_after_disk();
  void sync();
  void give_up(const Error& error);
  void note_failure(const Error& error);
  Status begin();
  Status attach_all();
  Status finish(const std::map<std::string, Notes>& last);
  bool is_full() const;
  std::optional<Item> next();
  void lose(const interop::mcap::Chunk& chunk);    ///< Under the lock.
  void declare_later(interop::mcap::Chunk chunk);  ///< As above.

  FilesOptions options_;
  Notes system_;
  Say say_;

  // The thread's alone, until it has ended.
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<interop::mcap::Writer> writer_;  ///< Null: the file has its end.
  TimePoint opened_{};
  TimePoint synced_{};
  TimePoint clock_noted_{};
  std::uint32_t number_ = 0;
  std::map<std::uint16_t, interop::mcap::Schema> schemas_;
  std::map<std::uint16_t, interop::mcap::Channel> channels_;
  bool fresh_ = true;          ///< The file has no chunk yet.
  std::size_t attached_ = 0;   ///< Attachments that the file has.
  std::uint64_t in_file_ = 0;  ///< Messages.
  Totals totals_;
  std::map<std::string, Notes> last_;
  Status result_;
  Status broken_;  ///< What a file cost since one was asked for last.
  Status failed_;  ///< The first of these.

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> queue_;
  std::uint64_t queued_ = 0;         ///< Bytes.
  interop::mcap::Chunk undeclared_;  ///< Schemas and channels of chunks that were lost.
  std::vector<Ended> ended_{};
  std::string trouble_{};
  std::string damage_{};     ///< Until a file is on the disk again.
  std::uint64_t asked_ = 0;  ///< Files that were to end.
  bool stopping_ = false;
  bool done_ = false;  ///< The thread has nothing more to do.
  TimePoint stop_by_{};
  bool closed_ = false;                          ///< Nothing is written any more.
  std::map<std::uint16_t, std::string> names_;   ///< Topics by channel.
  std::map<std::string, std::uint64_t> lost_{};  ///< Messages by topic.
  bool left_behind_ = false;
  std::thread thread_;
};

}  // namespace horus::service
