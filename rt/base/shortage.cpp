// SPDX-License-Identifier: Apache-2.0
#include "rt/base/shortage.hpp"

#include <sys/resource.h>

#include <cerrno>

namespace horus {

std::string cure_of(int shortage) {
  switch (shortage) {
    case 0: return "";
    case EMFILE: {
      rlimit limit{};
      ::getrlimit(RLIMIT_NOFILE, &limit);
      return "; raise LimitNOFILE= in the unit, or 'ulimit -n', which is " +
             std::to_string(limit.rlim_cur);
    }
    case EFBIG: return "; raise LimitFSIZE= in the unit, or 'ulimit -f'";
    case ENFILE: return "; raise the kernel's fs.file-max";
    case ENOMEM: {
      rlimit limit{};
      ::getrlimit(RLIMIT_AS, &limit);
      if (limit.rlim_cur == RLIM_INFINITY) {
        return "; free memory, or raise LimitMEMLOCK= in the unit";
      }
      return "; raise LimitAS= in the unit, or 'ulimit -v', which is " +
             std::to_string(limit.rlim_cur / 1024);
    }
    default:
      return "; make room in /dev/shm, or give it more (mount -o remount,size=, docker "
             "--shm-size)";
  }
}

}  // namespace horus
