// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <horus/node.hpp>
#include <horus/result.hpp>

#include "pyhost/run/host_box.hpp"
#include "rt/base/safety.hpp"
#include "rt/base/unique_fd.hpp"
#include "shm/folder.hpp"
#include "shm/stats_page.hpp"

namespace horus::py {

/// What a host's socket may do with the run.
///
/// Thread safety: called by the socket's thread, which has no GIL.
class SafetySide {
 public:
  virtual ~SafetySide() = default;
  /// Emergency stop.
  virtual void stop(StopCause cause, std::string_view why) noexcept = 0;
  /// Releases the robot from its stop; kBusy where a reason for it remains.
  virtual Status release_all() = 0;
  virtual Status may_release_all() = 0;  ///< What release_all() would refuse, without doing it.
  /// Arms or disarms one node, or every actuator where `node` is empty.
  virtual Status arm(std::string_view node) noexcept = 0;
  virtual Status disarm(std::string_view node) noexcept = 0;
};

/// Passes the calls of a host's socket on to its run. It outlives the run, so that the socket never
/// touches a run that is over. Without a run each call does nothing and succeeds.
///
/// Thread safety: serve() from the run's thread, the rest from the socket's.
class SafetyPort {
 public:
  /// Calls go to `run` from now on. Null: the run is over; once this returns, no call is inside it.
  void serve(SafetySide* run) noexcept;
  Status estop(std::string_view why) noexcept;
  Status release();
  Status may_release();
  /// `arms`: whether to arm or to disarm.
  Status arm(std::string_view node, bool arms) noexcept;

 private:
  std::mutex mutex_;
  SafetySide* run_ = nullptr;
};

/// The control socket of one host: `<host>.sock` in $RUNTIME_DIRECTORY/hosts for hosts of the
/// service, otherwise beside the host's statistics. It answers io.horus.Control.SetLogLevel, Estop,
/// Disarm, MayRelease, Release and Arm. This user, the base's owner and root may call; Release and
/// Arm only the base's owner and root. A thread of its own serves it, one request per connection;
/// it needs no GIL.
///
/// Thread safety: remove() from any thread; open() and the destructor from the run's.
class HostSocket {
 public:
  /// Starts to serve. `page` is the host's; `box` records changes, and may be null. Fails where the
  /// socket or its thread cannot be made.
  static Result<std::shared_ptr<HostSocket>> open(const std::string& base,
                                                  std::shared_ptr<shm::StatsPage> page,
                                                  std::shared_ptr<SafetyPort> safety,
                                                  std::shared_ptr<HostBox> box);
  ~HostSocket();
  HostSocket(const HostSocket&) = delete;
  HostSocket& operator=(const HostSocket&) = delete;

  /// Takes the socket's file away. From any thread.
  void remove() const noexcept { folder_->discard(name_); }

 private:
  HostSocket() = default;
  void serve() const noexcept;
  void serve_one(int client, uid_t caller) const;

  shm::FolderPtr folder_;
  std::string name_;
  std::shared_ptr<shm::StatsPage> page_;
  std::shared_ptr<SafetyPort> safety_;
  std::shared_ptr<HostBox> box_;
  uid_t service_ = 0;  ///< The owner of the base.
  UniqueFd listener_;
  UniqueFd stop_;  ///< An eventfd that ends the thread.
  std::thread thread_;
};

}  // namespace horus::py
