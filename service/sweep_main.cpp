// SPDX-License-Identifier: Apache-2.0
// Removes what lies in the services' base directory, as root, once both have stopped: what Python
// hosts made there is not the daemon's to remove.
#include <cstdio>

#include "service/describe.hpp"
#include "shm/folder.hpp"
#include "shm/path_walk.hpp"
#include "shm/session.hpp"

namespace {

using namespace horus;

/// systemd waits for whoever sweeps.
constexpr Nanos kPatience = 5s;

int fail(const std::string& why) {
  std::fprintf(stderr, "horus-sweep: %s\n", why.c_str());
  return 1;
}

}  // namespace

int main() {
  const std::string base = shm::default_base();
  const auto folder = shm::Folder::look(base);
  if (!folder) {
    return folder.error().code == Errc::kNotFound ? 0 : fail(service::describe(folder.error()));
  }
  if (shm::service_user() != folder.value()->owner()) {
    return fail("not touched, as it is not the folder of user horus: " + base + " (uid " +
                std::to_string(folder.value()->owner()) + "); remove it by hand");
  }
  const bool cleared = folder.value()->clear(kPatience);
  return cleared ? 0 : fail("something is left in " + base + " (a mount, or others keep adding)");
}
