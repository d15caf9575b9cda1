// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "rt/base/unique_fd.hpp"
#include "service/wire/varlink.hpp"
#include "shm/folder.hpp"
#include "shm/session.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {

/// A recorder as others see it: a host of one node, whose losses and troubles are in the verdict on
/// the robot, and a socket beside its statistics for io.horus.Recorder.Trigger: this user, the
/// base's owner and root may call.
///
/// Thread safety: one thread.
class Presence {
 public:
  /// Named "recorder", or with a number where that name is another's.
  static Result<std::unique_ptr<Presence>> create(shm::Session& session);
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  /// What was taken, and what was lost, from the beginning. True once a second, when it is shown;
  /// a socket that somebody removed is made again then.
  bool show(TimePoint now, std::uint64_t received, std::uint64_t lost);
  /// Why nothing is written now; empty: nothing keeps it from that.
  void trouble(const std::string& why) noexcept;

  /// Who waits for an answer.
  struct Caller {
    UniqueFd fd;
    TimePoint until;  ///< A request that is not whole by then is none.
    wire::MessageReader reader{wire::kMaxRequestBytes};
    bool asked = false;
    std::uint64_t file = 0;  ///< The one that is to be written for it; 0: none yet.
  };
  /// Looks who calls, waits for nobody. True: somebody asks for what was recorded.
  bool asked(TimePoint now);
  /// Those who have asked by now wait for this file; see Files::end_file().
  void promise(std::uint64_t file);
  /// To all that wait for this file, 0: to those that wait for none yet.
  void answer(const wire::Reply& reply, std::uint64_t file = 0);
  /// The last answer, to all.
  void end();

 private:
  Presence(std::string base, shm::FolderPtr folder, std::shared_ptr<shm::StatsPage> page,
           std::string socket, UniqueFd listener);
  static Result<std::unique_ptr<Presence>> create_as(const std::string& name,
                                                     shm::Session& session);
  void keep_socket();
  void accept(TimePoint now);
  bool read(Caller& caller);

  std::string base_;
  shm::FolderPtr folder_;
  std::shared_ptr<shm::StatsPage> page_;
  std::string socket_;
  UniqueFd listener_;
  std::vector<Caller> callers_;
  TimePoint shown_{};
  std::string trouble_;  ///< As it was told last.
};

}  // namespace horus::service
