// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>  // not RT: the run, and who ends the process
#include <string>
#include <string_view>

#include "shm/black_box_page.hpp"

namespace horus::py {

/// The black box of one host of this process.
///
/// Thread safety: any thread.
class HostBox {
 public:
  HostBox(std::shared_ptr<shm::BlackBoxPage> page, std::string base);
  ~HostBox();
  HostBox(const HostBox&) = delete;
  HostBox& operator=(const HostBox&) = delete;

  BlackBox& box() noexcept { return page_->box(); }
  /// The host's last word; the first one counts.
  void end(std::string_view why, int code) noexcept;
  /// A copy is kept, and the box goes; without a copy where the host never began. Where a
  /// supervisor keeps its hosts' boxes it stays. Waits for the disk; needs no GIL.
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
