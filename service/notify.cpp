// SPDX-License-Identifier: Apache-2.0
#include "service/notify.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "rt/base/printable.hpp"

namespace horus::service {

namespace notify {
namespace {

/// A message is one datagram of at most 4096 bytes, and has other fields beside this one.
constexpr std::size_t kMaxStatus = 2000;

std::string status_field(const std::string& status) {
  // A line break would begin another field of the message.
  std::string text = printable(status);
  if (text.size() > kMaxStatus) {
    constexpr std::string_view kCut = "...";
    std::size_t end = kMaxStatus - kCut.size();
    // Do not cut within a UTF-8 character: systemd refuses such a line.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
    text.replace(end, std::string::npos, kCut);
  }
  return "STATUS=" + text;
}

std::string extension_field(Nanos grace) {
  return "\nEXTEND_TIMEOUT_USEC=" + std::to_string(grace / std::chrono::microseconds{1});
}

}  // namespace

bool supervised() noexcept {
  // getenv() is safe: the environment changes only while the program has one thread.
  const char* socket = ::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
  return socket != nullptr && *socket != '\0';
}

void ready(const std::string& status) {
  sd_notify(0, ("READY=1\n" + status_field(status)).c_str());
}

void status(const std::string& status) {
  sd_notify(0, status_field(status).c_str());
}

void starting(const std::string& status, Nanos grace) {
  sd_notify(0, (status_field(status) + extension_field(grace)).c_str());
}

void stopping(const std::string& status, Nanos grace) {
  std::string message = "STOPPING=1\n" + status_field(status);
  if (grace > Nanos{}) message += extension_field(grace);
  sd_notify(0, message.c_str());
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

void forget(std::string_view name) {
  sd_notify(0, ("FDSTOREREMOVE=1\nFDNAME=" + std::string{name}).c_str());
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
