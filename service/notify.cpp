// SPDX-License-Identifier: Apache-2.0
#include "service/notify.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

namespace horus::service {

namespace notify {
namespace {

constexpr std::size_t kMaxStatus = 200;

std::string status_field(const std::string& status) {
  return "STATUS=" + status.substr(0, kMaxStatus);
}

}  // namespace

void ready(const std::string& status) {
  sd_notify(0, ("READY=1\n" + status_field(status)).c_str());
}

void status(const std::string& status) {
  sd_notify(0, status_field(status).c_str());
}

void stopping(const std::string& status) {
  sd_notify(0, ("STOPPING=1\n" + status_field(status)).c_str());
}

void failed(const std::string& status, int os_errno) {
  sd_notify(0, (status_field(status) + "\nERRNO=" + std::to_string(os_errno)).c_str());
}

void watchdog() {
  sd_notify(0, "WATCHDOG=1");
}

void watchdog_trigger() {
  sd_notify(0, "WATCHDOG=trigger");
}

std::optional<Nanos> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds{microseconds};
}

void store(int fd, std::string_view name) {
  const std::string message = "FDSTORE=1\nFDPOLL=0\nFDNAME=" + std::string{name};
  sd_pid_notify_with_fds(0, 0, message.c_str(), &fd, 1);
}

}  // namespace notify

std::vector<StoredFd> take_stored_fds() {
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(/*unset_environment=*/1, &names);
  std::vector<StoredFd> stored;
  for (int i = 0; i < count; ++i) {
    stored.push_back({.name = names[i], .fd = UniqueFd{SD_LISTEN_FDS_START + i}});
    ::free(names[i]);
  }
  ::free(names);
  return stored;
}

}  // namespace horus::service
