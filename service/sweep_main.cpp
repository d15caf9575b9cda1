// SPDX-License-Identifier: Apache-2.0
// Removes what lies in the services' base directory, as root, once both have stopped: what Python
// hosts made there is not the daemon's to remove.
// With --make it makes the base's folders before one of them starts, as the user of the services:
// root follows no link there that a stranger has put in the place of a folder.
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "service/describe.hpp"
#include "shm/base.hpp"
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

/// For good: nothing of this process is root's any more.
bool become(uid_t user) noexcept {
  const passwd* const entry = ::getpwuid(user);  // NOLINT(concurrency-mt-unsafe): one thread
  if (entry == nullptr) return false;
  const gid_t group = entry->pw_gid;
  return ::setgroups(0, nullptr) == 0 && ::setresgid(group, group, group) == 0 &&
         ::setresuid(user, user, user) == 0;
}

int make(const std::string& base) {
  const auto user = shm::service_user();
  if (!user) return fail("there is no user horus");
  if (::geteuid() != *user && !become(*user)) return fail("cannot become user horus");
  const auto made = shm::Base::join(base);
  return made ? 0 : fail(service::describe(made.error()));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string base = shm::default_base();
  if (argc == 2 && std::string_view{argv[1]} == "--make") return make(base);
  if (argc != 1) return fail("what it takes is --make, or nothing");
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
