// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <horus/result.hpp>
#include <horus/text.hpp>

#include "rt/base/host_state.hpp"
#include "shm/region.hpp"

namespace horus::shm {

/// The state of one host, as its supervisor sees it.
struct HostRow {
  NodeName name{};
  std::int64_t since_ns = 0;  ///< When `state` began; monotonic.
  HostState state{};
  std::uint32_t badly = 0;  ///< 1: it did not end well the last time.
  Name<256> why{};          ///< The step of its start, or why it ended; empty: not known.
  friend bool operator==(const HostRow&, const HostRow&) = default;
};

/// `<base>/hosts/<robot>.board`: the states of a robot's Python hosts, kept by their supervisor.
/// From it, whoever assesses the robot learns of the hosts without statistics: whether they are
/// starting, wait for their next start, or have ended as they should.
///
/// Thread safety: one thread writes; read() from any thread or process.
class HostBoard {
 public:
  static constexpr std::string_view kSuffix = ".board";
  static constexpr std::size_t kMaxHosts = 1024;

  /// Makes a board with `hosts` rows, at most kMaxHosts. Replaces what has its name.
  static Result<HostBoard> create(const std::string& base, std::string_view robot,
                                  std::size_t hosts);
  HostBoard(HostBoard&& other) noexcept = default;
  HostBoard& operator=(HostBoard&& other) noexcept = default;
  ~HostBoard() { region_.unlink(); }

  /// Publishes the rows; those beyond the board's size are left out.
  void show(std::span<const HostRow> rows) noexcept;
  /// False if somebody removed its name.
  bool is_named() const noexcept { return region_.is_named(); }

  /// The rows of a living supervisor; empty if there is none.
  static std::vector<HostRow> read(const std::string& base, std::string_view robot);
  /// The rows in a file's bytes, aligned to 8; empty if they are not a board's.
  static std::vector<HostRow> rows_in(std::span<const std::byte> file);

 private:
  explicit HostBoard(Region region) noexcept : region_{std::move(region)} {}
  Region region_;
};

}  // namespace horus::shm
