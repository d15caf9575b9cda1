// SPDX-License-Identifier: Apache-2.0
#include "service/box_keeper.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "rt/base/printable.hpp"
#include "rt/base/shortage.hpp"
#include "service/describe.hpp"
#include "shm/base.hpp"

namespace horus::service {
namespace {

constexpr std::size_t kWriterStack = 256U << 10U;

std::uint64_t inode_of(const shm::Folder& folder, const std::string& name) noexcept {
  struct stat status {};
  const int looked = ::fstatat(folder.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  return looked == 0 ? status.st_ino : 0;
}

/// Lets a copy include boxes of other users until a point in time.
struct Until final : shm::CopyWaiter {
  explicit Until(TimePoint last) noexcept : end{last} {}
  bool late() noexcept override { return MonotonicClock::now() >= end; }
  const TimePoint end;
};

/// Lets a copy include boxes of other users unless a flag is set.
struct Unless final : shm::CopyWaiter {
  explicit Unless(const std::atomic<bool>& flag) noexcept : hurries{flag} {}
  bool late() noexcept override { return hurries; }
  const std::atomic<bool>& hurries;
};

void add(std::string& list, const std::string& more, const char* between) {
  list += (list.empty() || more.empty() ? "" : between) + more;
}

}  // namespace

BoxKeeper::BoxKeeper(std::string base, std::string robot, std::vector<std::string> configured,
                     Journal& journal)
    : base_{std::move(base)},
      robot_{std::move(robot)},
      rank_{.configured = std::move(configured)},
      journal_{journal} {}

BoxKeeper::~BoxKeeper() {
  {
    const std::scoped_lock lock{mutex_};
    ends_ = true;
  }
  hurries_ = true;
  changed_.notify_all();
  writer_.reset();
}

// A box of the same name but another file was made by a successor, who took over what the one
// before had written: it says how that one ended.
void BoxKeeper::look() {
  const auto looked = shm::Base::look(base_);
  if (!looked || !looked.value()->hosts()) return;
  const shm::Folder& hosts = *looked.value()->hosts();
  std::map<std::string, Seen> now;
  Questions questions;
  for (const std::string& name : shm::box_files(hosts, rank_)) {
    Seen seen{.inode = inode_of(hosts, name), .alive = shm::owner_alive(hosts, name)};
    const auto before = seen_.find(name);
    const bool same = before != seen_.end() && before->second.inode == seen.inode;
    seen.known = same && before->second.known && !seen.alive;
    if (!seen.alive && !seen.known) {
      seen.known = true;
      questions.emplace(name, Question::kDied);
    } else if (seen.alive && before != seen_.end() && !same && before->second.alive) {
      // The owner ended and a successor started between two looks.
      questions.emplace(name, Question::kBeganAfterDeath);
    }
    now.emplace(name, seen);
  }
  seen_ = std::move(now);
  if (questions.empty()) return;
  {
    const std::scoped_lock lock{mutex_};
    // A bound, as hostile users could make new names faster than the other thread reads boxes.
    if (questions_.size() > shm::kMostBoxFiles) questions_.clear();
    for (const auto& [name, question] : questions) questions_.insert_or_assign(name, question);
  }
  if (start_writer()) changed_.notify_all();
}

void BoxKeeper::ask(const std::string& why) {
  {
    const std::scoped_lock lock{mutex_};
    add(wanted_, why, "; ");
  }
  if (start_writer()) changed_.notify_all();
}

bool BoxKeeper::start_writer() {
  if (writer_) return true;
  auto started = RtThread::start(
      {.name = ThreadName::clipped("horus-box"), .stack_size = kWriterStack, .prefault = 0},
      [](void* self) { static_cast<BoxKeeper*>(self)->work(); }, this);
  if (!started) {
    journal_.say(LogLevel::kWarning, "no black box is kept: " + describe(started.error()));
    return false;
  }
  writer_ = std::move(started).value();
  return true;
}

Result<shm::KeptBoxes> BoxKeeper::flush(const std::string& why, Nanos patience) {
  Until waiter{MonotonicClock::now() + patience};
  return keep(why, waiter);
}

void BoxKeeper::put_away(const std::string& why) {
  hurries_ = true;
  if (const auto kept = flush(why, kStopPatience)) {
    shm::BlackBoxPage::remove_dead(base_, kept.value().left);
  }
}

Result<shm::KeptBoxes> BoxKeeper::keep(const std::string& why, shm::CopyWaiter& waiter) {
  auto kept = shm::flush_boxes({.base = base_,
                                .folder = shm::box_folder(base_),
                                .robot = robot_,
                                .why = why,
                                .rank = rank_,
                                .waiter = &waiter});
  if (!kept) {
    journal_.say(LogLevel::kWarning, "no black box is kept (" + why +
                                         "): " + describe(kept.error()) +
                                         cure_of(shortage_of(kept.error())));
    return kept;
  }
  if (!kept.value().file.empty()) {
    journal_.say(LogLevel::kInfo, "black box kept (" + why + "): " + kept.value().file);
  }
  tell_left(kept.value().left);
  return kept;
}

/// Logs which boxes are not in the copy. Once only, as others may add more boxes each second, and
/// again at the stop.
void BoxKeeper::tell_left(const std::vector<std::string>& left) {
  if (left.empty() || (left_said_.exchange(true) && !hurries_)) return;
  constexpr std::size_t kNamed = 3;
  std::string names;
  for (std::size_t i = 0; i < std::min(left.size(), kNamed); ++i) add(names, left[i], ", ");
  journal_.say(LogLevel::kWarning,
               std::to_string(left.size()) + " black boxes are not in the copy and stay in " +
                   base_ + "/hosts (" + printable(names) + (left.size() > kNamed ? ", ..." : "") +
                   "): of hosts that are not configured only some are kept at once, and nobody " +
                   "waits for them");
}

/// Reads the boxes in question. Returns "died: ..." with the hosts that died; empty: none did.
std::string BoxKeeper::find_dead(const Questions& questions) {
  const auto looked = shm::Base::look(base_);
  if (questions.empty() || !looked || !looked.value()->hosts()) return {};
  std::vector<std::string> names;
  for (const auto& question : questions) names.push_back(question.first);
  shm::BoxTurns turns{looked.value()->hosts(), names, rank_};
  std::string died;
  while (turns.next() && !hurries_) {
    const auto box = turns.open();
    if (!box) continue;
    const bool asks = questions.at(turns.file()) == Question::kDied;
    if (asks ? box->died() : box->began_after_a_death()) add(died, box->host(), ", ");
  }
  tell_left(turns.take_left());
  return died.empty() ? died : "died: " + died;
}

/// The other thread: answers questions and makes copies until the destructor runs and nothing is
/// left to do.
void BoxKeeper::work() noexcept {
  Unless waiter{hurries_};
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return ends_ || !wanted_.empty() || !questions_.empty(); });
    if (wanted_.empty() && questions_.empty()) return;
    std::string why = std::exchange(wanted_, {});
    const Questions questions = std::exchange(questions_, {});
    lock.unlock();
    add(why, find_dead(questions), "; ");
    if (!why.empty()) static_cast<void>(keep(why, waiter));
    lock.lock();
  }
}

}  // namespace horus::service
