// SPDX-License-Identifier: Apache-2.0
#include "tests/support/count_calls.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdarg>
#include <string_view>

namespace horus::test {
namespace {

Calls& calls() noexcept {
  return ::gettid() == ::getpid() ? own_calls() : helper_calls();
}

/// What the C library calls so.
template <typename Function>
Function* real(const char* name, Function* /*of*/) noexcept {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

Calls& own_calls() noexcept {
  static Calls calls;
  return calls;
}

Calls& helper_calls() noexcept {
  static Calls calls;
  return calls;
}

}  // namespace horus::test

extern "C" {

int fstatat(int folder, const char* name, struct stat* status, int flags) noexcept {
  static auto* const kReal = horus::test::real("fstatat", &fstatat);
  auto& calls = horus::test::calls();
  const bool is_bell = std::string_view{name}.ends_with(".bell");
  ++(is_bell ? calls.rounds : calls.looks);
  return kReal(folder, name, status, flags);
}

// NOLINTNEXTLINE(cert-dcl50-cpp): as the C library has it
int openat(int folder, const char* name, int flags, ...) {
  static auto* const kReal = horus::test::real("openat", &openat);
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>(va_arg(rest, int));
  va_end(rest);
  ++horus::test::calls().opens;
  return kReal(folder, name, flags, mode);
}

DIR* fdopendir(int folder) {
  static auto* const kReal = horus::test::real("fdopendir", &fdopendir);
  ++horus::test::calls().lists;
  return kReal(folder);
}

int linkat(int from, const char* name, int to, const char* other, int flags) noexcept {
  static auto* const kReal = horus::test::real("linkat", &linkat);
  auto& calls = horus::test::calls();
  calls.linked = calls.rounds.load();
  return kReal(from, name, to, other, flags);
}

}  // extern "C"
