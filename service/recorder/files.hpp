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

#include <horus/result.hpp>
#include <horus/time.hpp>

#include "service/recorder/disk.hpp"
#include "shm/interop/mcap_writer.hpp"

namespace horus::service {

/// Where and how a recording is written.
struct FilesOptions {
  std::string path;  ///< "run.mcap"; with a split "run_0.mcap", "run_1.mcap", ...
  bool compressed = true;
  std::uint64_t split_bytes = 0;  ///< A file of this size ends, and another begins; 0: no limit.
  Nanos split_time{};             ///< A file of this age ends, and another begins; 0: no limit.
  std::uint32_t keep = 0;         ///< How many of the newest files stay; 0: all.
  std::uint64_t min_free = 0;     ///< With fewer free bytes the disk counts as full; 0: no limit.
  std::map<std::string, std::string> attachments{};  ///< Texts that go into each file, by name.
  /// A file is made only when there is something to write, is numbered as with a split, and ends by
  /// end_file().
  bool on_demand = false;
  std::uint64_t most_queued = std::uint64_t{64} << 20;  ///< Bytes that may wait for the disk.
};

/// How long a stop may take; what is not written by then is lost.
inline constexpr Nanos kStopTime = std::chrono::seconds{5};

/// Writes chunks to MCAP files in a thread of its own, so that the caller never waits for the disk.
///
/// A full disk is tried again each second. After any other error writing goes on in a new file, as
/// nobody knows what the old one holds. Chunks that meanwhile find the queue full are lost; their
/// messages are counted by topic and noted in the file ("horus.lost").
///
/// Thread safety: push(), stop() and what comes after it from one thread, the rest from any. `say`
/// is called from the writing thread.
class Files {
 public:
  using Say = std::function<void(const std::string& line)>;
  using Notes = interop::mcap::Notes;

  /// Makes the first file and starts the thread; with on_demand it only checks that a file can be
  /// made. `system` is noted in each file. Fails if the file exists already (without a split) or
  /// cannot be made or written.
  static Result<std::unique_ptr<Files>> start(FilesOptions options, Notes system, Say say);
  ~Files();
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  /// Queues a chunk for writing; if the queue is full, its messages are lost. Does not wait.
  void push(interop::mcap::Chunk chunk);
  /// For a chunk that is not written: keeps the schemas and channels that it declares, which later
  /// chunks refer to.
  void declare(interop::mcap::Chunk chunk);
  /// Ends the current file after all that was pushed before, with these notes. What is pushed later
  /// goes to another file. Returns a number for ended(), from 1 on. Does not wait.
  std::uint64_t end_file(std::map<std::string, Notes> notes);
  /// A file that end_file() has ended.
  struct Ended {
    std::string path{};          ///< Empty: there was nothing to write.
    std::uint64_t messages = 0;  ///< In the file.
    std::uint64_t number = 0;    ///< As end_file() returned.
    std::string error{};  ///< Why the file is not on the disk, or not all of it; empty: it is.
  };
  /// Takes the files that have ended since the last call, in the order of end_file().
  std::vector<Ended> ended();

  /// Bytes that wait for the disk.
  std::uint64_t queued();
  /// How many messages were lost so far, and why nothing is being written (empty: all is well).
  std::pair<std::uint64_t, std::string> trouble();
  /// Writes what is queued, and the end of the file with the notes `last`, until `stop_by`; the
  /// rest is lost. Then ends the thread. The last call. Fails if the last writes failed, or with
  /// the first error that cost a file. Fails with kBusy if the thread is still in a call of the
  /// disk at `stop_by`: then it is left_behind().
  Status stop(const std::map<std::string, Notes>& last,
              TimePoint stop_by = MonotonicClock::now() + kStopTime);

  /// After stop(): the thread still runs and uses this object, which must not be destroyed.
  bool left_behind() const noexcept { return left_behind_; }

  /// Sums over all files.
  struct Totals {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::uint64_t lost = 0;            ///< Messages for which the queue had no place.
    std::vector<std::string> paths{};  ///< Of the files that are kept, the oldest first.
  };
  /// Only after stop(), and not if left_behind().
  const Totals& totals() const noexcept { return totals_; }

 private:
  Files(FilesOptions options, Notes system, Say say);
  using Notices = std::map<std::string, Notes>;
  /// An entry of the queue that ends a file.
  struct Close {
    std::uint64_t number = 0;
    Notices notes{};
  };
  using Item = std::variant<interop::mcap::Chunk, Close>;

  void run();
  Status create();
  Status begin_to_write();
  bool is_over() const;  ///< The file has reached the size or age of a split.
  Status write(const interop::mcap::Chunk& chunk);
  /// Repeats `step` each second until it succeeds or the recording ends.
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
  void lose(const interop::mcap::Chunk& chunk);    ///< Counts its messages as lost. Under the lock.
  void declare_later(interop::mcap::Chunk chunk);  ///< See declare(). Under the lock.

  FilesOptions options_;
  Notes system_;
  Say say_;

  // Used by the thread only, and after its end by stop() and totals().
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<interop::mcap::Writer> writer_;  ///< Null: the file has its end.
  TimePoint opened_{};                             ///< When the file was made.
  TimePoint synced_{};                             ///< When it was last synced to the disk.
  TimePoint clock_noted_{};                        ///< When the clocks were last noted in it.
  std::uint32_t number_ = 0;                       ///< Of the next file.
  // What all files declare so far; each new file repeats it.
  std::map<std::uint16_t, interop::mcap::Schema> schemas_;
  std::map<std::uint16_t, interop::mcap::Channel> channels_;
  bool fresh_ = true;          ///< The file has no chunk yet.
  std::size_t attached_ = 0;   ///< Attachments that the file has.
  std::uint64_t in_file_ = 0;  ///< Messages in the file.
  Totals totals_;
  std::map<std::string, Notes> last_;  ///< From stop().
  Status result_;
  Status broken_;  ///< First error that cost a file since close_file() last reported one.
  Status failed_;  ///< First error that cost a file at all.

  // Protected by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> queue_;
  std::uint64_t queued_ = 0;         ///< Bytes in queue_.
  interop::mcap::Chunk undeclared_;  ///< Schemas and channels of chunks that were lost.
  std::vector<Ended> ended_{};
  std::string trouble_{};    ///< Why writing pauses; empty: it does not.
  std::string damage_{};     ///< Why a file was given up, until one is on the disk again.
  std::uint64_t asked_ = 0;  ///< Calls of end_file().
  bool stopping_ = false;
  bool done_ = false;  ///< The thread has nothing more to do.
  TimePoint stop_by_{};
  bool closed_ = false;                          ///< Nothing is written any more.
  std::map<std::uint16_t, std::string> names_;   ///< Topics by channel.
  std::map<std::string, std::uint64_t> lost_{};  ///< Lost messages by topic.
  bool left_behind_ = false;
  std::thread thread_;
};

}  // namespace horus::service
