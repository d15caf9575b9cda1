// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>  // not RT: the run, and who ends the process
#include <string>
#include <string_view>

#include "shm/black_box_page.hpp"

namespace horus::py {

/// The black box of one host of this process. While it exists, a crash is recorded in it.
///
/// Thread safety: any thread, with or without the GIL.
class HostBox {
 public:
  HostBox(std::shared_ptr<shm::BlackBoxPage> page, std::string base);
  ~HostBox();
  HostBox(const HostBox&) = delete;
  HostBox& operator=(const HostBox&) = delete;

  BlackBox& box() noexcept { return page_->box(); }
  /// Records why the host ended, and its exit code. Only the first call counts.
  void end(std::string_view why, int code) noexcept;
  /// Copies the box to disk and removes it from shared memory. No copy is made where the host has
  /// not ended by end() and does not follow one that died. Under a supervisor it does nothing: the
  /// supervisor keeps its hosts' boxes. Waits for the disk.
  void remove() noexcept;

 private:
  std::mutex mutex_;
  const std::shared_ptr<shm::BlackBoxPage> page_;
  const std::string base_;
  bool ended_ = false;
  bool removed_ = false;
  std::string why_{};
};

}  // namespace horus::py
