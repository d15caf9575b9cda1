// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/host_log.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <new>

#include "rt/base/log_text.hpp"
#include "rt/log_queue.hpp"

namespace horus::py {
namespace {

std::atomic<bool> for_supervisor = false;

}  // namespace

void log_for_supervisor() noexcept {
  for_supervisor = true;
  StderrSink::write_for_supervisor();
}

bool logs_for_supervisor() noexcept {
  return for_supervisor;
}

void log_between_runs() noexcept {
  // Never destroyed, either of them: threads may log until the process ends.
  static auto* const log = new HostLog;
  alignas(LogScope) static std::array<std::byte, sizeof(LogScope)> place;
  new (place.data()) LogScope{*log};
}

void HostLog::write(const LogRecord& record) noexcept {
  if (page_) {
    page_->write({.at_us = wall_clock_us(record.at),
                  .tick = record.tick,
                  .in_tick = record.node.empty() ? 0U : 1U,
                  .level = record.level,
                  .node = record.node,
                  .text = record.text});
  }
  stderr_.write(record);
}

}  // namespace horus::py
