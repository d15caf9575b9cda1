// SPDX-License-Identifier: Apache-2.0
#include "rt/base/result.hpp"

namespace horus {

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
    case EDQUOT: return Errc::kExhausted;
    default: return Errc::kSystem;
  }
}

}  // namespace horus
