// SPDX-License-Identifier: Apache-2.0
#include "service/recorder/recorder.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "rt/base/log_text.hpp"
#include "service/notify.hpp"
#include "service/signals.hpp"
#include "service/wire/interfaces.hpp"

namespace horus::service {

namespace mcap = interop::mcap;

namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;  // Bytes of a chunk.
constexpr Nanos kChunkTime = 1s;      // A chunk is written after this time, full or not.
constexpr Nanos kLookEvery = 200ms;   // Time between two looks for new topics.
constexpr Nanos kSignalEvery = 50ms;  // Time between two looks whether the end has come.
// How long the last messages are taken at the end: publishers that never stop sending must not keep
// a recording from ending. The same limit holds for a triggered file, with a shorter time.
constexpr Nanos kDrain = 2s;
constexpr Nanos kCatchUp = 200ms;

/// Messages of a topic that were lost. Those that still wait to be taken count only `at_end`.
std::uint64_t lost_of(const Intake::Losses& topic, bool at_end = false) {
  return topic.missed - (at_end ? 0 : std::min(topic.missed, topic.waiting));
}

}  // namespace

End::End(const RecorderOptions& options) : for_program_{options.for_program} {
  if (options.duration) at_ = MonotonicClock::now() + *options.duration;
}

bool End::has_come(TimePoint now) const {
  if ((at_ && now >= *at_) || end_was_asked()) return true;
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return for_program_ && ::poll(&input, 1, 0) > 0;
}

TimePoint End::no_later_than(TimePoint until) const {
  return at_ ? std::min(*at_, until) : until;
}

Recorder::Recorder(const RecorderOptions& options, Intake& intake, Files& files, Presence& presence)
    : intake_{intake},
      files_{files},
      presence_{presence},
      last_{options.last.value_or(Nanos{})},
      hosts_{options.base, options.on_miss} {
  if (options.last) ring_.emplace(*options.last, options.last_bytes);
}

std::map<std::string, mcap::Notes> Recorder::losses(bool at_end) const {
  mcap::Notes missed;
  mcap::Notes refused;
  for (const auto& [name, one] : intake_.losses()) {
    missed["/" + name] = std::to_string(lost_of(one, at_end));
    if (one.refused > 0) refused["/" + name] = std::to_string(one.refused);
  }
  return {{"horus.missed", missed}, {"horus.refused", refused}};
}

void Recorder::keep(mcap::Chunk chunk, TimePoint now) {
  if (chunk.empty()) return;
  if (!ring_) {
    files_.push(std::move(chunk));
    return;
  }
  for (mcap::Chunk& old : ring_->push(std::move(chunk), now, files_.queued())) {
    files_.declare(std::move(old));
  }
}

void Recorder::trigger(const std::string& why, TimePoint now) {
  intake_.take_told(chunk_, /*all=*/true);
  take_pending(now + kCatchUp);
  write_ring(now);
  auto notes = losses();
  notes["horus.trigger"] = {{"reason", why},
                            {"realtime_ns", std::to_string(wall_clock_us() * 1000)}};
  presence_.promise(files_.end_file(std::move(notes)));
  written_ = now;
}

void Recorder::answer() {
  for (const Files::Ended& file : files_.ended()) {
    wire::Reply reply;
    reply.parameters["file"] = file.path;
    if (file.error.empty()) {
      reply.parameters["messages"] = file.messages;
    } else {
      reply.error = wire::error::kNotWritten;
      reply.parameters["message"] = file.error;
    }
    presence_.answer(reply, file.number);
  }
}

void Recorder::look(TimePoint now) {
  intake_.look();
  intake_.take_told(chunk_, /*all=*/false);
  const auto [lost, trouble] = files_.trouble();
  std::uint64_t received = 0;
  std::uint64_t missed = lost;
  for (const auto& [name, one] : intake_.losses()) {
    received += one.received;
    missed += one.refused + lost_of(one);
  }
  const bool slow = lost > std::exchange(lost_, lost);
  presence_.trouble(trouble.empty() && slow ? "the disk is too slow for all that is sent"
                                            : trouble);
  if (presence_.show(now, received, missed)) notify::watchdog();
  if (!ring_) return;
  const HostWatch::Happened happened = hosts_.look();
  if (missed_.empty()) missed_ = happened.miss;
  // A node that misses every deadline must not cause a file at each look. Files after misses are at
  // least the ring's time apart; as each begins where the one before ends, nothing is missing
  // between them. A death does not wait.
  const bool time = !missed_.empty() && (!written_ || now - *written_ >= last_);
  if (happened.death.empty() && !time) return;
  trigger(happened.death.empty() ? missed_ : happened.death, now);
  missed_.clear();
}

/// Takes all messages that are there, until none is left or `until`.
void Recorder::take_pending(TimePoint until) {
  for (bool more = true; more;) {
    intake_.take(chunk_, kChunk);
    const bool whole = chunk_.records.size() >= kChunk;
    keep(std::exchange(chunk_, {}), MonotonicClock::now());
    more = intake_.has_pending() && MonotonicClock::now() < until;
    if (more && !whole) intake_.wait(std::min(until, MonotonicClock::now() + kSignalEvery));
  }
}

void Recorder::write_ring(TimePoint now) {
  for (mcap::Chunk& old : ring_->expire(now)) files_.declare(std::move(old));
  for (mcap::Chunk& chunk : ring_->take()) files_.push(std::move(chunk));
}

/// At the end: takes what was sent before it.
void Recorder::take_the_rest() {
  // look_closely(), as a topic may be so new that no look has found it yet. take_pending() waits,
  // as a frame whose pool is not mapped yet can be taken only a little later.
  intake_.look_closely();
  intake_.take_told(chunk_, /*all=*/true);
  take_pending(MonotonicClock::now() + kDrain);
  if (ring_) write_ring(MonotonicClock::now());
}

Status Recorder::run(const End& end) {
  TimePoint now = MonotonicClock::now();
  TimePoint next_look = now;
  TimePoint chunk_due = now + kChunkTime;
  for (; !end.has_come(now); now = MonotonicClock::now()) {
    if (presence_.asked(now)) {
      if (ring_) {
        trigger("asked for", now);
      } else {
        presence_.answer({.error = wire::error::kNoRing});
      }
    }
    answer();
    if (now >= next_look) {
      look(now);
      next_look = now + kLookEvery;
    }
    intake_.take(chunk_, kChunk);
    now = MonotonicClock::now();
    const bool whole = chunk_.records.size() >= kChunk;
    if (whole || (now >= chunk_due && !chunk_.empty())) {
      keep(std::exchange(chunk_, {}), now);
      chunk_due = now + kChunkTime;
    }
    if (whole) continue;
    if (chunk_.empty()) chunk_due = now + kChunkTime;
    intake_.wait(end.no_later_than(std::min(next_look, now + kSignalEvery)));
  }
  notify::stopping("ends its file");
  const TimePoint stop_by = MonotonicClock::now() + kStopTime;
  take_the_rest();
  const Status stopped = files_.stop(losses(/*at_end=*/true), stop_by);
  answer();
  presence_.end();
  return stopped;
}

}  // namespace horus::service
