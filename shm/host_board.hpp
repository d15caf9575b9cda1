// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/host_state.hpp"
#include "rt/base/name.hpp"
#include "rt/base/result.hpp"
#include "shm/region.hpp"

namespace horus::shm {

/// What the supervisor says of one host.
struct HostRow {
  NodeName name{};
  std::int64_t since_ns = 0;  ///< When `state` began; monotonic.
  HostState state{};
  std::uint32_t badly = 0;  ///< 1: its last end was none that it came to well.
  Name<256> why{};          ///< What its start is at, or why it ended; empty: it did not say.
  friend bool operator==(const HostRow&, const HostRow&) = default;
};

/// The supervisor of a robot's Python hosts keeps `<base>/hosts/<robot>.board`, so that who judges
/// the robot knows of those that have no statistics: whether they start, wait for their next start,
/// or have ended as they should.
///
/// Thread safety: one thread writes; read() from anywhere.
class HostBoard {
 public:
  static constexpr std::string_view kSuffix = ".board";
  static constexpr std::size_t kMaxHosts = 1024;

  /// A board of `hosts` rows, or kMaxHosts where these are more. What has its name goes.
  static Result<HostBoard> create(const std::string& base, std::string_view robot,
                                  std::size_t hosts);
  HostBoard(HostBoard&& other) noexcept = default;
  HostBoard& operator=(HostBoard&& other) noexcept = default;
  ~HostBoard() { region_.unlink(); }

  /// Writes the rows; no more than the board has.
  void show(std::span<const HostRow> rows) noexcept;
  /// Whether nobody has taken its name away.
  bool is_named() const noexcept { return region_.is_named(); }

  /// What a living supervisor says; nothing where there is none.
  static std::vector<HostRow> read(const std::string& base, std::string_view robot);
  /// The rows in a file's bytes, which begin at a multiple of 8; none where they are no board's.
  static std::vector<HostRow> rows_in(std::span<const std::byte> file);

 private:
  explicit HostBoard(Region region) noexcept : region_{std::move(region)} {}
  Region region_;
};

}  // namespace horus::shm
