// SPDX-License-Identifier: Apache-2.0
#include "service/recorder/files.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "rt/base/log_text.hpp"
#include "rt/base/version.hpp"
#include "service/recorder/ring.hpp"

namespace horus::service {

namespace mcap = interop::mcap;

namespace {

constexpr Nanos kSyncEvery = 1s;
constexpr Nanos kClockEvery = 10s;
constexpr auto kAgain = std::chrono::seconds{1};  // Pause before the disk is tried again.
constexpr Nanos kEndTime = 1s;  // The part of a stop that is kept for the file's end.
constexpr std::uint32_t kMaxNumber = 1'000'000;

/// The path with a number: of "run.mcap" and 2 "run_2.mcap".
std::string numbered(const std::string& path, std::uint32_t number) {
  constexpr std::string_view kEnd = ".mcap";
  const bool ends = path.ends_with(kEnd);
  const std::string stem = ends ? path.substr(0, path.size() - kEnd.size()) : path;
  return stem + "_" + std::to_string(number) + (ends ? std::string{kEnd} : std::string{});
}

mcap::Notes clock_now() {
  return {{"monotonic_ns", std::to_string(to_ns(MonotonicClock::now()))},
          {"realtime_ns", std::to_string(wall_clock_us() * 1000)}};
}

/// One chunk with the records of `declared`, then those of `chunk`.
mcap::Chunk joined(mcap::Chunk declared, const mcap::Chunk& chunk) {
  const std::uint64_t shift = declared.records.size();
  declared.records += chunk.records;
  declared.first_ns = chunk.first_ns;
  declared.last_ns = chunk.last_ns;
  declared.messages = chunk.messages;
  declared.index = chunk.index;
  for (auto& [channel, places] : declared.index) {
    for (auto& place : places.places) place.offset += shift;
  }
  declared.schemas.insert(declared.schemas.end(), chunk.schemas.begin(), chunk.schemas.end());
  declared.channels.insert(declared.channels.end(), chunk.channels.begin(), chunk.channels.end());
  return declared;
}

}  // namespace

Files::Files(FilesOptions options, Notes system, Say say)
    : options_{std::move(options)}, system_{std::move(system)}, say_{std::move(say)} {}

Result<std::unique_ptr<Files>> Files::start(FilesOptions options, Notes system, Say say) {
  std::unique_ptr<Files> files{new Files{std::move(options), std::move(system), std::move(say)}};
  if (const Status begun = files->begin_to_write(); !begun) return begun.error();
  files->thread_ = std::thread{[&self = *files] { self.run(); }};
  return files;
}

Files::~Files() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
    stop_by_ = MonotonicClock::now() + kStopTime;
  }
  changed_.notify_one();
  thread_.join();
}

/// Makes the first file at the start, so that a wrong path is reported at once. With on_demand the
/// file is removed again.
Status Files::begin_to_write() {
  if (const Status created = create(); !created) return created;
  const Status begun = options_.on_demand ? Status{} : begin();
  if (begun && !options_.on_demand) return {};
  ::unlink(totals_.paths.back().c_str());
  totals_.paths.pop_back();
  writer_.reset();
  number_ = 0;
  return begun;
}

Status Files::create() {
  // number_ > 0: the file before this one was given up, so this one needs another name.
  const bool split = options_.split_bytes != 0 || options_.split_time != Nanos{} ||
                     options_.on_demand || number_ > 0;
  std::string path = split ? numbered(options_.path, number_) : options_.path;
  auto disk = Disk::create(path);
  // The file belongs to an earlier recording: this one takes the next free number.
  while (!disk && split && disk.error().os_errno == EEXIST && number_ < kMaxNumber) {
    path = numbered(options_.path, ++number_);
    disk = Disk::create(path);
  }
  if (!disk) return disk.error();
  ++number_;
  disk_ = std::move(disk).value();
  writer_ = std::make_unique<mcap::Writer>(*disk_, options_.compressed);
  fresh_ = true;
  in_file_ = 0;
  attached_ = 0;
  opened_ = synced_ = clock_noted_ = MonotonicClock::now();
  totals_.paths.push_back(path);
  if (options_.keep != 0 && totals_.paths.size() > options_.keep) {
    ::unlink(totals_.paths.front().c_str());
    totals_.paths.erase(totals_.paths.begin());
  }
  return {};
}

bool Files::is_over() const {
  if (writer_ == nullptr) return false;
  const bool large = options_.split_bytes != 0 && writer_->size() >= options_.split_bytes;
  const bool old =
      options_.split_time != Nanos{} && MonotonicClock::now() - opened_ >= options_.split_time;
  return !fresh_ && (large || old);
}

bool Files::is_full() const {
  return options_.min_free != 0 && disk_->free_bytes() < options_.min_free;
}

/// Decides what a failed step means for the file. On a full disk the file stays, and goes on once
/// there is room. After any other error it is given up: nobody knows what it holds, as the kernel
/// may have dropped pages that it could not write.
void Files::give_up(const Error& error) {
  if (error.os_errno == ENOSPC || error.os_errno == EDQUOT || writer_ == nullptr) return;
  note_failure(error);
  totals_.bytes += writer_->size();
  writer_.reset();
  if (!fresh_) return;
  // It has no messages, so nothing is lost by removing it.
  ::unlink(totals_.paths.back().c_str());
  totals_.paths.pop_back();
}

void Files::note_failure(const Error& error) {
  if (broken_) broken_ = error;
  if (failed_) failed_ = error;
  const std::scoped_lock lock{mutex_};
  damage_ = describe(error);
}

/// Has the file's data on the disk. The kernel reports a write error at one fdatasync() only, and
/// success at the next, so one error gives up the file.
void Files::sync() {
  const Status synced = disk_->sync();
  if (synced) {
    const std::scoped_lock lock{mutex_};
    damage_.clear();
    return;
  }
  note_failure(synced.error());
  if (writer_ == nullptr) return;
  totals_.bytes += writer_->size();
  writer_.reset();
}

Status Files::write(const mcap::Chunk& chunk) {
  // A split happens here and not when the file is full: a new file is made only for a chunk that
  // goes into it.
  if (is_over()) {
    if (const Status finished = finish({}); !finished) return finished;
  }
  if (writer_ == nullptr) {
    if (const Status created = create(); !created) return created;
  }
  if (is_full()) {
    return Error{Errc::kExhausted, "write recording: the disk has less free than min_free", ENOSPC,
                 Name<200>::clipped(totals_.paths.back())};
  }
  // The beginning of a file may have failed before, on a full disk.
  if (const Status begun = begin(); !begun) return begun;
  if (fresh_) {
    mcap::Chunk declared;
    for (const auto& [id, schema] : schemas_) declared.add(schema);
    for (const auto& [id, channel] : channels_) declared.add(channel);
    if (const Status added = writer_->add(joined(std::move(declared), chunk)); !added) return added;
  } else if (const Status added = writer_->add(chunk); !added) {
    return added;
  }
  fresh_ = false;
  for (const mcap::Schema& schema : chunk.schemas) schemas_[schema.id] = schema;
  for (const mcap::Channel& channel : chunk.channels) channels_[channel.id] = channel;
  totals_.messages += chunk.messages;
  in_file_ += chunk.messages;
  return {};
}

/// Writes the beginning of the file, as far as it is missing.
Status Files::begin() {
  if (writer_->size() == 0) {
    if (const Status begun =
            writer_->begin(std::string{"horus "} + kVersion,
                           {{"horus.system", system_}, {"horus.clock", clock_now()}});
        !begun) {
      return begun;
    }
  }
  return attach_all();
}

Status Files::attach_all() {
  // attached_ says how many are in the file: on a full disk the rest is attached later.
  for (; attached_ < options_.attachments.size(); ++attached_) {
    const auto& [name, text] =
        *std::next(options_.attachments.begin(), static_cast<std::ptrdiff_t>(attached_));
    const auto now_ns = static_cast<std::uint64_t>(wall_clock_us()) * 1000;
    if (const Status attached = writer_->attach(name, "text/plain", now_ns, text); !attached) {
      return attached;
    }
  }
  return {};
}

/// Ends the file with notes of what was lost and `last`, and syncs it. On an error it may be called
/// again.
Status Files::finish(const std::map<std::string, Notes>& last) {
  if (writer_ == nullptr) return {};
  if (const Status begun = begin(); !begun) return begun;
  std::map<std::string, Notes> notes = last;
  {
    const std::scoped_lock lock{mutex_};
    for (const auto& [topic, messages] : lost_) {
      notes["horus.lost"][topic] = std::to_string(messages);
    }
  }
  if (const Status finished = writer_->finish(notes); !finished) return finished;
  totals_.bytes += writer_->size();
  writer_.reset();
  sync();
  return {};
}

/// Waits for the next entry of the queue. Nothing: the recording stops, and the queue is empty or
/// its time is up.
std::optional<Files::Item> Files::next() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  const bool too_late = stopping_ && MonotonicClock::now() >= stop_by_;
  if (queue_.empty() || too_late) return std::nullopt;
  Item item = std::move(queue_.front());
  queue_.pop_front();
  if (const auto* chunk = std::get_if<mcap::Chunk>(&item)) queued_ -= bytes_of(*chunk);
  return item;
}

Status Files::in_time(const std::function<Status()>& step) {
  bool paused = false;
  for (bool last = false;;) {
    const Status written = step();
    if (!written) give_up(written.error());
    if (written && paused) say_("recording goes on");
    if (!written && !std::exchange(paused, true)) {
      say_("recording pauses: " + describe(written.error()) + "; it goes on once it can");
    }
    std::unique_lock lock{mutex_};
    trouble_ = written ? std::string{} : describe(written.error());
    if (written || last) return written;
    changed_.wait_for(lock, kAgain, [this] { return stopping_; });
    // The recording stops: one last try.
    last = stopping_;
  }
}

Status Files::close_file(const Close& close) {
  Ended ended{.number = close.number};
  Status finished;
  if (writer_ != nullptr) {
    if (!fresh_) ended.path = totals_.paths.back();
    ended.messages = in_file_;
    finished = in_time([&] { return finish(close.notes); });
  }
  // The first error is reported, as later ones follow from it.
  const Status error = std::exchange(broken_, {});
  if (!error || !finished) ended.error = describe((error ? finished : error).error());
  const std::scoped_lock lock{mutex_};
  ended_.push_back(std::move(ended));
  return finished;
}

/// Once a second syncs the file, so that a power cut costs little. Every 10 s notes the clocks and
/// repeats the declarations, so that a file without its end can still be read.
void Files::look_after_disk() {
  const TimePoint now = MonotonicClock::now();
  if (now - synced_ >= kSyncEvery) {
    synced_ = now;
    sync();
  }
  if (writer_ == nullptr) return;
  if (now - clock_noted_ >= kClockEvery && writer_->add_note("horus.clock", clock_now()) &&
      writer_->declare_again()) {
    clock_noted_ = now;
  }
}

void Files::run() {
  while (const std::optional<Item> item = next()) {
    const auto* const chunk = std::get_if<mcap::Chunk>(&*item);
    if (chunk == nullptr) {
      result_ = close_file(std::get<Close>(*item));
    } else {
      result_ = in_time([&] { return write(*chunk); });
    }
    if (!result_) {
      const std::scoped_lock lock{mutex_};
      if (chunk != nullptr) lose(*chunk);
      break;
    }
    if (chunk != nullptr) look_after_disk();
  }
  std::map<std::string, Notes> last;
  {
    const std::scoped_lock lock{mutex_};
    for (const Item& one : queue_) {
      if (const auto* chunk = std::get_if<mcap::Chunk>(&one)) lose(*chunk);
    }
    queue_.clear();
    closed_ = true;
    last = last_;
  }
  // Also after an error: on a full disk the short end of the file may still fit.
  const Status finished = finish(last);
  if (result_) result_ = finished;
  if (result_) result_ = failed_;
  const std::scoped_lock lock{mutex_};
  done_ = true;
  changed_.notify_one();
}

void Files::lose(const mcap::Chunk& chunk) {
  for (const auto& [channel, places] : chunk.index) {
    lost_[names_[channel]] += places.places.size();
  }
}

void Files::declare_later(mcap::Chunk chunk) {
  for (const mcap::Channel& channel : chunk.channels) names_[channel.id] = channel.topic;
  for (mcap::Schema& schema : chunk.schemas) undeclared_.add(std::move(schema));
  for (mcap::Channel& channel : chunk.channels) undeclared_.add(std::move(channel));
}

void Files::declare(mcap::Chunk chunk) {
  const std::scoped_lock lock{mutex_};
  declare_later(std::move(chunk));
}

std::uint64_t Files::end_file(Notices notes) {
  const std::scoped_lock lock{mutex_};
  queue_.emplace_back(Close{.number = ++asked_, .notes = std::move(notes)});
  changed_.notify_one();
  return asked_;
}

std::vector<Files::Ended> Files::ended() {
  const std::scoped_lock lock{mutex_};
  return std::exchange(ended_, {});
}

std::uint64_t Files::queued() {
  const std::scoped_lock lock{mutex_};
  return queued_;
}

std::pair<std::uint64_t, std::string> Files::trouble() {
  const std::scoped_lock lock{mutex_};
  std::uint64_t lost = 0;
  for (const auto& [topic, messages] : lost_) lost += messages;
  return {lost, trouble_.empty() ? damage_ : trouble_};
}

void Files::push(mcap::Chunk chunk) {
  const std::scoped_lock lock{mutex_};
  for (const mcap::Channel& channel : chunk.channels) names_[channel.id] = channel.topic;
  // A chunk that is larger than the whole queue is accepted if the queue is empty.
  const bool full = queued_ != 0 && queued_ + bytes_of(chunk) > options_.most_queued;
  if (closed_ || full) {
    lose(chunk);
    // Later messages use the channels that this chunk declares.
    declare_later(std::move(chunk));
    return;
  }
  if (!undeclared_.empty()) chunk = joined(std::exchange(undeclared_, {}), chunk);
  queued_ += bytes_of(chunk);
  queue_.emplace_back(std::move(chunk));
  changed_.notify_one();
}

Status Files::stop(const std::map<std::string, Notes>& last, TimePoint stop_by) {
  {
    std::unique_lock lock{mutex_};
    last_ = last;
    stopping_ = true;
    stop_by_ = stop_by - kEndTime;
    changed_.notify_one();
    if (!changed_.wait_until(lock, stop_by, [this] { return done_; })) {
      left_behind_ = true;
      thread_.detach();
      return Error{Errc::kBusy, "write recording: the disk does not take its end in time", 0,
                   Name<200>::clipped(options_.path)};
    }
  }
  thread_.join();
  for (const auto& [topic, messages] : lost_) totals_.lost += messages;
  return result_;
}

}  // namespace horus::service
