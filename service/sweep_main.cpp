// SPDX-License-Identifier: Apache-2.0
// horus-sweep, run by root. Once all services have stopped it removes what lies in their base
// directory: horusd may not remove what Python hosts, which run under another user, made there.
// With --make it makes the base's folders before a service starts, as the user of the services and
// not as root: so a symbolic link that a hostile user put in place of a folder is of no use.
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include <horus/topic.hpp>

#include "service/describe.hpp"
#include "shm/base.hpp"
#include "shm/folder.hpp"
#include "shm/path_walk.hpp"

namespace {

using namespace horus;

/// The sweep's time limit: systemd waits for it.
constexpr Nanos kPatience = 5s;

int fail(const std::string& why) {
  std::fprintf(stderr, "horus-sweep: %s\n", why.c_str());
  return 1;
}

/// Gives up root's rights for good: real, effective and saved ids become those of `user`.
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
