// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>  // not RT: the serving thread, and the one that writes
#include <optional>
#include <string>

#include "rt/base/result.hpp"
#include "rt/rt_thread.hpp"
#include "service/journal.hpp"

namespace horus::service {

/// Keeps copies of the black boxes under a base where they outlive the machine's memory.
///
/// Thread safety: one thread; another one of its own waits for the disk.
class BoxKeeper {
 public:
  /// `journal` outlives it. `robot` names the copies.
  BoxKeeper(std::string base, std::string robot, Journal& journal);
  /// Waits for the copy that is being written.
  ~BoxKeeper();
  BoxKeeper(const BoxKeeper&) = delete;
  BoxKeeper& operator=(const BoxKeeper&) = delete;

  /// Looks which hosts have died since the last look, the first one included, and asks for a copy.
  void look();
  /// A copy soon, by the other thread. Of several that are asked for meanwhile one is written.
  void ask(const std::string& why);
  /// A copy now. What is wrong is logged, too.
  Result<std::string> flush(const std::string& why);

 private:
  /// A box's file as it was at the last look.
  struct Seen {
    std::uint64_t inode = 0;
    bool alive = false;
    bool known = false;  ///< That it died.
  };
  void work() noexcept;

  const std::string base_;
  const std::string robot_;
  Journal& journal_;
  std::map<std::string, Seen> seen_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string wanted_;  ///< Why; empty: no copy.
  bool ends_ = false;
  std::optional<RtThread> writer_;
};

}  // namespace horus::service
