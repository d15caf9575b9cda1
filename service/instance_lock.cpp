// SPDX-License-Identifier: Apache-2.0
#include "service/instance_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "service/crash_place.hpp"
#include "service/wire/interfaces.hpp"
#include "shm/base.hpp"
#include "shm/path_walk.hpp"

namespace horus::service {
namespace {

/// kBusy with the pid that the lock's owner wrote into the file.
Error busy(const shm::Folder& folder, const std::string& name) noexcept {
  const UniqueFd file = folder.open(name, O_RDONLY);
  std::array<char, 16> pid{};
  const ssize_t count = ::pread(file.get(), pid.data(), pid.size(), 0);
  std::string_view text{pid.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  text = text.substr(0, text.find('\n'));
  return {Errc::kBusy, "already running", 0, Name<200>::clipped(text)};
}

// Another instance that ends may remove the folder between our opening it and locking the file.
constexpr int kTries = 3;

}  // namespace

Result<InstanceLock> InstanceLock::take(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string name = path.substr(slash + 1);
  for (int tried = 1;; ++tried) {
    auto folder = shm::Folder::own(path.substr(0, slash));
    if (!folder) return folder.error();
    auto held = folder.value()->lock(name, 0);
    if (!held && held.error().code == Errc::kBusy) return busy(*folder.value(), name);
    if (!held && held.error().code == Errc::kNotFound && tried < kTries) continue;
    if (!held) return held.error();
    const int fd = held.value().get();
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 ||
        ::write(fd, pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
      return Error::from_errno("write lock", path);
    }
    return InstanceLock{std::move(folder).value(), name, std::move(held).value()};
  }
}

InstanceLock::~InstanceLock() {
  if (folder_) folder_->unlock(name_, std::move(fd_));
}

void remove_left(const std::string& runtime) {
  for (const char* const name : {kDaemonLock, kSupervisorLock}) {
    const auto there = shm::Folder::look(runtime);
    if (!there || !there.value()->has(name)) continue;
    // If the owner is dead, the lock is taken here, and `lock` removes the file at the end of this
    // round. If it lives, take() fails.
    const auto lock = InstanceLock::take(runtime + "/" + name);
    const auto folder = shm::Folder::own(runtime);
    if (!lock || !folder || std::string_view{name} != kDaemonLock) continue;
    for (const char* const socket : {wire::kStatsSocket, wire::kControlSocket, wire::kStopSocket}) {
      folder.value()->unlink(socket);
    }
    CrashPlace::remove_untold(*folder.value());
  }
}

Status make_places(const std::string& base, const std::string& runtime) {
  const auto joined = shm::Base::join(base);
  if (!joined) return joined.error();
  return runtime == base + "/run" ? joined.value()->make_run() : Status{};
}

void remove_if_empty(std::initializer_list<std::string> folders) noexcept {
  for (const std::string& folder : folders) shm::remove_if_empty(folder);
}

std::string runtime_directory(const std::string& base) {
  // getenv() is safe here: no thread runs yet that could change the environment.
  const char* given = std::getenv("RUNTIME_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  if (given == nullptr || *given == '\0') return base + "/run";
  const std::string_view list{given};  // systemd separates several by colons; ours is the first.
  return std::string{list.substr(0, list.find(':'))};
}

}  // namespace horus::service
