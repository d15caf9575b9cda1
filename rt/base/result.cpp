// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include <cstdio>
#include <cstdlib>

#include <horus/result.hpp>

#include "rt/base/shortage.hpp"

namespace horus {
namespace {

thread_local int t_shortage = 0;

}  // namespace

int last_shortage() noexcept {
  return t_shortage;
}

void forget_shortage() noexcept {
  t_shortage = 0;
}

std::string describe(const Error& error) {
  std::string text = error.what;
  if (!error.subject.empty()) text.append(": ").append(error.subject.view());
  if (error.os_errno == 0) return text;
  const char* const reason = ::strerrordesc_np(error.os_errno);
  return text.append(": ").append(reason != nullptr ? reason : "unknown error");
}

void no_value(const Error& error) noexcept {
  std::fprintf(stderr, "value() of a Result that failed: %s\n", describe(error).c_str());
  std::abort();
}

Errc errc_of(int os_errno) noexcept {
  switch (os_errno) {
    case EINVAL:
    case ENAMETOOLONG: return Errc::kInvalidArgument;
    case ENOENT: return Errc::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS: return Errc::kPermission;
    case EAGAIN:
    case EBUSY:
    case EEXIST: return Errc::kBusy;
    case ENOMEM:
    case ENOSPC:
    case EMFILE:
    case ENFILE:
    case EFBIG:
    case EDQUOT: t_shortage = os_errno; return Errc::kExhausted;
    default: return Errc::kSystem;
  }
}

}  // namespace horus
