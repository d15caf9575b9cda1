// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <horus/result.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

#include "rt/base/unique_fd.hpp"
#include "service/wire/varlink.hpp"
#include "shm/folder.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {

/// Makes a recorder visible to other programs. In the statistics it is a host with one node, so its
/// losses and troubles are part of the verdict on the robot. Beside the statistics page it has a
/// socket for io.horus.Recorder.Trigger, which this user, the base's owner and root may call.
///
/// Thread safety: one thread. No call waits for a client.
class Presence {
 public:
  /// Makes page and socket, named "recorder"; if another has that name "recorder-2", and so on up
  /// to "recorder-63". Fails with the last name's error.
  static Result<std::unique_ptr<Presence>> create(shm::Session& session);
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  /// Writes how many messages were received and lost since the beginning to the statistics, at most
  /// once a second; true if it did. It also makes the socket again if somebody removed it.
  bool show(TimePoint now, std::uint64_t received, std::uint64_t lost);
  /// Shows why nothing can be written now; empty: it can.
  void trouble(const std::string& why) noexcept;

  /// A client that is connected to the socket.
  struct Caller {
    UniqueFd fd;
    TimePoint until;  ///< Deadline for a whole request.
    wire::MessageReader reader{wire::kMaxRequestBytes};
    bool asked = false;      ///< It has called Trigger and waits for the answer.
    std::uint64_t file = 0;  ///< Number of the file that it waits for; 0: none yet.
  };
  /// Accepts clients and reads their requests. True if a client has newly called Trigger.
  bool asked(TimePoint now);
  /// Has the callers that wait for no file yet wait for `file`; see Files::end_file().
  void promise(std::uint64_t file);
  /// Answers all callers that wait for `file`, and closes their connections. 0: those that wait for
  /// no file yet.
  void answer(const wire::Reply& reply, std::uint64_t file = 0);
  /// At the end of the recorder: tells all remaining callers that it ends.
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
  std::string trouble_;  ///< As last shown.
};

}  // namespace horus::service
