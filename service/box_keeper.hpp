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

#include <horus/result.hpp>
#include <horus/time.hpp>

#include "rt/rt_thread.hpp"
#include "service/journal.hpp"
#include "shm/black_box_store.hpp"

namespace horus::service {

/// Copies the black boxes under a base from shared memory to disk, where they outlive a reboot.
///
/// Thread safety: every call from one thread. A second thread of its own makes the copies of look()
/// and ask(); flush() and put_away() copy on the caller's thread. Not RT-safe.
class BoxKeeper {
 public:
  /// How long boxes of other users may delay a copy for which somebody waits.
  static constexpr Nanos kAskPatience = 500ms;
  /// The same for the copy of a stop.
  static constexpr Nanos kStopPatience = 2s;

  /// `journal` outlives this object. `robot` names the copies; the boxes of `configured` hosts come
  /// first in them.
  BoxKeeper(std::string base, std::string robot, std::vector<std::string> configured,
            Journal& journal);
  /// Waits for the copy that is being written.
  ~BoxKeeper();
  BoxKeeper(const BoxKeeper&) = delete;
  BoxKeeper& operator=(const BoxKeeper&) = delete;

  /// Looks which boxes have lost their owners since the last call; at the first call all boxes
  /// without an owner count. It reads no box, so it takes little time: the other thread finds out
  /// which of those hosts died, and makes a copy if one did.
  void look();
  /// Has the other thread make a copy soon. Requests that come before it begins share one copy.
  void ask(const std::string& why);
  /// Makes a copy now. An error is logged as well as returned.
  Result<shm::KeptBoxes> flush(const std::string& why, Nanos patience);
  /// Makes the last copy, and removes the boxes of dead hosts that are in it. If the copy fails,
  /// the boxes stay. A copy that the other thread is making leaves out the boxes of other users
  /// from now.
  void put_away(const std::string& why);

 private:
  /// A box's file as it was at the last look.
  struct Seen {
    std::uint64_t inode = 0;  ///< Another one: a successor made a new box of that name.
    bool alive = false;       ///< Its owner lives.
    bool known = false;       ///< It was asked already how this owner ended.
  };
  /// What the other thread is to find out from a box. kDied: did its owner die, or end in order?
  /// kBeganAfterDeath: did the owner before this one die?
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
  std::string wanted_;                  ///< Why ask() wants a copy; empty: it does not.
  Questions questions_;                 ///< From look(), by file.
  bool ends_ = false;                   ///< The destructor runs.
  std::atomic<bool> hurries_{false};    ///< The other thread leaves out boxes of other users.
  std::atomic<bool> left_said_{false};  ///< The log has that boxes were left out.
  std::optional<RtThread> writer_;
};

}  // namespace horus::service
