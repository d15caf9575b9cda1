// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>  // not RT: the serving thread, and the one that writes
#include <optional>
#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "rt/rt_thread.hpp"
#include "service/journal.hpp"
#include "shm/black_box_store.hpp"

namespace horus::service {

/// Keeps copies of the black boxes under a base where they outlive the machine's memory.
///
/// Thread safety: one thread; another one of its own reads the boxes, and waits for the disk.
class BoxKeeper {
 public:
  /// Others' boxes may hold up who waits for a copy so long: one who asks, and a stop.
  static constexpr Nanos kAskPatience = 500ms;
  static constexpr Nanos kStopPatience = 2s;

  /// `journal` outlives it. `robot` names the copies; `configured` hosts come first in them.
  BoxKeeper(std::string base, std::string robot, std::vector<std::string> configured,
            Journal& journal);
  /// Waits for the copy that is being written.
  ~BoxKeeper();
  BoxKeeper(const BoxKeeper&) = delete;
  BoxKeeper& operator=(const BoxKeeper&) = delete;

  /// Looks whose owners have gone since the last look, the first one included. No box is read
  /// here: the other thread finds which of those hosts died, and keeps a copy.
  void look();
  /// A copy soon, by the other thread. Of several that are asked for meanwhile one is written.
  void ask(const std::string& why);
  /// A copy now. What is wrong is logged, too.
  Result<shm::KeptBoxes> flush(const std::string& why, Nanos patience);
  /// The last copy; dead hosts' boxes that are in it go. The other thread hurries.
  void put_away(const std::string& why);

 private:
  /// A box's file as it was at the last look.
  struct Seen {
    std::uint64_t inode = 0;
    bool alive = false;
    bool known = false;  ///< That its owner has gone.
  };
  /// What is to be read in a box.
  enum class Question { kDied, kBeganAfterDeath };
  using Questions = std::map<std::string, Question>;

  bool start_writer();
  void work() noexcept;
  std::string find_dead(const Questions& questions);
  Result<shm::KeptBoxes> keep(const std::string& why, shm::CopyWaiter& waiter);
  void tell_left(const std::vector<std::string>& left);

  const std::string base_;
  const std::string robot_;
  const shm::BoxRank rank_;
  Journal& journal_;
  std::map<std::string, Seen> seen_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string wanted_;   ///< Why; empty: no copy.
  Questions questions_;  ///< By file.
  bool ends_ = false;
  std::atomic<bool> hurries_{false};
  std::atomic<bool> left_said_{false};
  std::optional<RtThread> writer_;
};

}  // namespace horus::service
