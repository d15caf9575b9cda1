// SPDX-License-Identifier: Apache-2.0
#include "shm/host_board.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "rt/base/seqlock.hpp"
#include "shm/base.hpp"
#include "shm/layout.hpp"
#include "shm/names.hpp"

namespace horus::shm {
namespace {

struct BoardHeader {
  FileHeader file;
  std::uint64_t rows = 0;
};

constexpr std::size_t size_for(std::size_t rows) noexcept {
  return sizeof(BoardHeader) + rows * sizeof(Seqlock<HostRow>);
}

std::string file_of(std::string_view robot) {
  return escape(robot) + std::string{HostBoard::kSuffix};
}

}  // namespace

Result<HostBoard> HostBoard::create(const std::string& base, std::string_view robot,
                                    std::size_t hosts) {
  const auto joined = Base::join(base);
  if (!joined) return joined.error();
  hosts = std::min(hosts, kMaxHosts);
  auto region = Region::create(joined.value()->hosts(), size_for(hosts), kFileMode);
  if (!region) return region.error();
  auto& header = *region.value().as<BoardHeader>();
  header.file = {
      .magic = Magic::kBoard, .pid = ::getpid(), .size = size_for(hosts), .hash = sizeof(HostRow)};
  header.rows = hosts;
  HostBoard board{std::move(region).value()};
  if (Status named = board.region_.replace(file_of(robot)); !named) return named.error();
  return board;
}

void HostBoard::show(std::span<const HostRow> rows) noexcept {
  const std::uint64_t count = region_.as<BoardHeader>()->rows;
  auto* place = region_.as<Seqlock<HostRow>>(sizeof(BoardHeader));
  for (const HostRow& row : rows.first(std::min<std::size_t>(rows.size(), count))) {
    if (place->load() != row) place->store(row);
    ++place;
  }
}

std::vector<HostRow> HostBoard::read(const std::string& base, std::string_view robot) {
  const auto looked = Base::look(base);
  if (!looked || !looked.value()->hosts()) return {};
  const auto region = Region::open(looked.value()->hosts(), file_of(robot), sizeof(BoardHeader),
                                   /*writable=*/false, size_for(kMaxHosts));
  if (!region || !region.value().alive()) return {};
  return rows_in(region.value().bytes());
}

std::vector<HostRow> HostBoard::rows_in(std::span<const std::byte> file) {
  if (file.size() < sizeof(BoardHeader)) return {};
  const auto& header = *reinterpret_cast<const BoardHeader*>(file.data());
  const std::uint64_t count = read_once(header.rows);
  const bool sound = is_a(header.file, Magic::kBoard) &&
                     read_once(header.file.hash) == sizeof(HostRow) && count <= kMaxHosts &&
                     size_for(count) <= file.size();
  if (!sound) return {};
  const auto* place = reinterpret_cast<const Seqlock<HostRow>*>(&header + 1);
  std::vector<HostRow> rows;
  for (std::uint64_t i = 0; i < count; ++i) {
    // A row that is being written at each attempt, or never was, is left out.
    const std::optional<HostRow> row = place[i].load();
    if (row && !row->name.empty()) rows.push_back(*row);
  }
  return rows;
}

}  // namespace horus::shm
