// SPDX-License-Identifier: Apache-2.0
#include "service/box_keeper.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "rt/base/shortage.hpp"
#include "service/describe.hpp"
#include "shm/base.hpp"
#include "shm/black_box_store.hpp"

namespace horus::service {
namespace {

constexpr std::size_t kMostBoxes = 1024;
constexpr std::size_t kWriterStack = 256U << 10U;

std::uint64_t inode_of(const shm::Folder& folder, const std::string& name) noexcept {
  struct stat status {};
  const int looked = ::fstatat(folder.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  return looked == 0 ? status.st_ino : 0;
}

}  // namespace

BoxKeeper::BoxKeeper(std::string base, std::string robot, Journal& journal)
    : base_{std::move(base)}, robot_{std::move(robot)}, journal_{journal} {}

BoxKeeper::~BoxKeeper() {
  {
    const std::scoped_lock lock{mutex_};
    ends_ = true;
  }
  changed_.notify_all();
  writer_.reset();
}

/// A box that has another file was its successor's to take over: it says how the one before ended.
void BoxKeeper::look() {
  const auto looked = shm::Base::look(base_);
  if (!looked || !looked.value()->hosts()) return;
  const shm::FolderPtr& hosts = looked.value()->hosts();
  std::map<std::string, Seen> now;
  std::string died;
  for (const std::string& name : hosts->list(shm::BlackBoxPage::kSuffix, kMostBoxes)) {
    Seen seen{.inode = inode_of(*hosts, name), .alive = shm::owner_alive(*hosts, name)};
    const auto before = seen_.find(name);
    const bool same = before != seen_.end() && before->second.inode == seen.inode;
    seen.known = same && before->second.known && !seen.alive;
    if (!seen.alive && !seen.known) {
      seen.known = true;
      const auto box = shm::BlackBoxPage::read(hosts, name);
      if (box && box->died()) died += (died.empty() ? "" : ", ") + box->host;
    } else if (seen.alive && before != seen_.end() && !same && before->second.alive) {
      // It died and came back between two looks.
      const auto box = shm::BlackBoxPage::read(hosts, name);
      if (box && box->began_after_a_death()) died += (died.empty() ? "" : ", ") + box->host;
    }
    now.emplace(name, seen);
  }
  seen_ = std::move(now);
  if (!died.empty()) ask("died: " + died);
}

void BoxKeeper::ask(const std::string& why) {
  {
    const std::scoped_lock lock{mutex_};
    wanted_ += (wanted_.empty() ? "" : "; ") + why;
  }
  if (!writer_) {
    auto started = RtThread::start(
        {.name = ThreadName::clipped("horus-box"), .stack_size = kWriterStack, .prefault = 0},
        [](void* self) { static_cast<BoxKeeper*>(self)->work(); }, this);
    if (!started) {
      journal_.say(LogLevel::kWarning, "no black box is kept: " + describe(started.error()));
      return;
    }
    writer_ = std::move(started).value();
  }
  changed_.notify_all();
}

Result<std::string> BoxKeeper::flush(const std::string& why) {
  auto kept = shm::flush_boxes(base_, shm::box_folder(base_), robot_, why);
  if (!kept) {
    journal_.say(LogLevel::kWarning, "no black box is kept (" + why +
                                         "): " + describe(kept.error()) +
                                         cure_of(shortage_of(kept.error())));
  } else if (!kept.value().empty()) {
    journal_.say(LogLevel::kInfo, "black box kept (" + why + "): " + kept.value());
  }
  return kept;
}

void BoxKeeper::work() noexcept {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return ends_ || !wanted_.empty(); });
    if (wanted_.empty()) return;
    const std::string why = std::exchange(wanted_, {});
    lock.unlock();
    static_cast<void>(flush(why));
    lock.lock();
  }
}

}  // namespace horus::service
