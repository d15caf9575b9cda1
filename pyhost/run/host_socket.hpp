// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "pyhost/run/host_box.hpp"
#include "rt/base/result.hpp"
#include "rt/base/safety.hpp"
#include "rt/base/unique_fd.hpp"
#include "shm/folder.hpp"
#include "shm/stats_page.hpp"

namespace horus::py {

/// What a host's socket may do with the run.
///
/// Thread safety: the socket's thread, which has no GIL.
class SafetySide {
 public:
  virtual ~SafetySide() = default;
  virtual void stop(StopCause cause, std::string_view why) noexcept = 0;
  virtual Status release_all() = 0;
  virtual Status may_release_all() = 0;  ///< Whether that would be refused.
  /// Of one node, or of every actuator where `node` is empty.
  virtual Status arm(std::string_view node) noexcept = 0;
  virtual Status disarm(std::string_view node) noexcept = 0;
};

/// The run that a host's socket acts on.
///
/// Thread safety: serve() from the run's thread, the rest from the socket's.
class SafetyPort {
 public:
  /// From now on; null: the run is over, and nobody acts on it any more once this returns.
  void serve(SafetySide* run) noexcept;
  Status estop(std::string_view why) noexcept;
  Status release();
  Status may_release();
  Status arm(std::string_view node, bool arms) noexcept;

 private:
  std::mutex mutex_;
  SafetySide* run_ = nullptr;
};

/// A host's own socket, `<host>.sock` in $RUNTIME_DIRECTORY/hosts, else beside its statistics, for
/// io.horus.Control.SetLogLevel, Estop and Disarm: this user, the base's owner and root may call;
/// for Release and Arm the latter two. Its thread needs no GIL.
class HostSocket {
 public:
  /// `page` is the host's; `box` keeps what is changed, and may be null.
  static Result<std::shared_ptr<HostSocket>> open(const std::string& base,
                                                  std::shared_ptr<shm::StatsPage> page,
                                                  std::shared_ptr<SafetyPort> safety,
                                                  std::shared_ptr<HostBox> box);
  ~HostSocket();
  HostSocket(const HostSocket&) = delete;
  HostSocket& operator=(const HostSocket&) = delete;

  /// Takes its file away. From any thread.
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
  uid_t service_ = 0;
  UniqueFd listener_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace horus::py
