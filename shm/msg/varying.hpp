// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"
#include "shm/msg/geometry.hpp"

namespace horus::msg {

struct CompressedImage {
  std::uint8_t format[8]{'j', 'p', 'e', 'g'};
  std::uint32_t data_count{};
  std::uint32_t width{};
  std::uint32_t height{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::VaryingInfo& type_info(shm::Tag<CompressedImage>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(CompressedImage, format, "", "\"jpeg\", \"png\", \"webp\".", 0),
      HORUS_FIELD(CompressedImage, data_count, "", "Bytes of the data.", 8),
      HORUS_FIELD(CompressedImage, width, "px", "0: unknown.", 12),
      HORUS_FIELD(CompressedImage, height, "px", "0: unknown.", 16),
      HORUS_TEXT(CompressedImage, frame_id, "", "Coordinate frame of the camera.", 20),
      HORUS_FIELD(CompressedImage, timestamp_ns, "ns", "Nanoseconds since 1970.", 56),
  };
  static constexpr std::array kTails{
      HORUS_TAIL(std::uint8_t, data, "", "As the format's files have it.", "data_count")};
  static constexpr std::array kArgs{shm::arg("format"), shm::arg("data"), shm::arg("width"),
                                    shm::arg("height")};
  static const shm::VaryingInfo kType =
      shm::with_tails(shm::stamped(shm::make_type<CompressedImage, 64, 8>(
                          "CompressedImage", "compressed_image", "A picture as an encoder made it.",
                          kFields, kArgs)),
                      kTails);
  return kType;
}

struct OccupancyGrid {
  float resolution{0.05F};
  std::uint32_t width{};
  std::uint32_t height{};
  Pose2D origin{};
  std::uint8_t frame_id[32]{};
  std::uint8_t metadata[64]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::VaryingInfo& type_info(shm::Tag<OccupancyGrid>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(OccupancyGrid, resolution, "m", "Edge of a cell.", 0),
      HORUS_FIELD(OccupancyGrid, width, "", "Cells along x.", 4),
      HORUS_FIELD(OccupancyGrid, height, "", "Cells along y.", 8),
      HORUS_FIELD(OccupancyGrid, origin, "", "Of the outer corner of cell (0, 0).", 16),
      HORUS_TEXT(OccupancyGrid, frame_id, "", "Coordinate frame.", 48),
      HORUS_TEXT(OccupancyGrid, metadata, "", "What the map's maker has to say.", 80),
      HORUS_FIELD(OccupancyGrid, timestamp_ns, "ns", "Nanoseconds since 1970.", 144),
  };
  static constexpr std::array kTails{
      shm::filled(HORUS_TAIL(std::int8_t, data, "",
                             "Row-major: -1 unknown, 0 free to 100 occupied.", "width", "height"),
                  -1)};
  static constexpr std::array kArgs{shm::arg("width"), shm::arg("height"), shm::arg("resolution")};
  static const shm::VaryingInfo kType = shm::with_tails(
      shm::stamped(shm::make_type<OccupancyGrid, 152, 8>(
          "OccupancyGrid", "occupancy_grid", "A map of cells, free or occupied.", kFields, kArgs)),
      kTails);
  return kType;
}

/// Begins with the fields of the OccupancyGrid to which its costs belong.
struct CostMap {
  float resolution{0.05F};
  std::uint32_t width{};
  std::uint32_t height{};
  Pose2D origin{};
  std::uint8_t frame_id[32]{};
  std::uint8_t metadata[64]{};
  std::uint64_t timestamp_ns{};
  float inflation_radius{0.55F};
  float cost_scaling_factor{10.0F};
  std::uint8_t lethal_cost{253};
};

inline const shm::VaryingInfo& type_info(shm::Tag<CostMap>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(CostMap, resolution, "m", "Edge of a cell.", 0),
      HORUS_FIELD(CostMap, width, "", "Cells along x.", 4),
      HORUS_FIELD(CostMap, height, "", "Cells along y.", 8),
      HORUS_FIELD(CostMap, origin, "", "Of the outer corner of cell (0, 0).", 16),
      HORUS_TEXT(CostMap, frame_id, "", "Coordinate frame.", 48),
      HORUS_TEXT(CostMap, metadata, "", "What the map's maker has to say.", 80),
      HORUS_FIELD(CostMap, timestamp_ns, "ns", "Nanoseconds since 1970.", 144),
      HORUS_FIELD(CostMap, inflation_radius, "m", "How far an obstacle makes its cells dear.", 152),
      HORUS_FIELD(CostMap, cost_scaling_factor, "1/m", "How fast the cost falls with distance.",
                  156),
      HORUS_FIELD(CostMap, lethal_cost, "", "Of a cell in which one collides.", 160),
  };
  static constexpr std::array kTails{
      shm::filled(HORUS_TAIL(std::int8_t, data, "",
                             "Row-major: -1 unknown, 0 free to 100 occupied.", "width", "height"),
                  -1),
      shm::filled(HORUS_TAIL(std::uint8_t, costs, "",
                             "Row-major: 0 free, lethal_cost, 255 unknown, as all are at first.",
                             "width", "height"),
                  -1)};
  static const std::array kArgs{shm::base("grid", type_info(shm::Tag<OccupancyGrid>{})),
                                shm::arg("inflation_radius")};
  static const shm::VaryingInfo kType = shm::with_tails(
      shm::make_type<CostMap, 168, 8>("CostMap", "cost_map",
                                      "What it costs to be in each cell of a map.", kFields, kArgs),
      kTails);
  return kType;
}

struct TactileArray {
  std::uint32_t rows{};
  std::uint32_t cols{};
  float total_force[3]{};
  float center_of_pressure[2]{};
  shm::Flag in_contact{};
  float physical_size[2]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::VaryingInfo& type_info(shm::Tag<TactileArray>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TactileArray, rows, "", "Rows of sensor elements.", 0),
      HORUS_FIELD(TactileArray, cols, "", "Elements of a row.", 4),
      HORUS_FIELD(TactileArray, total_force, "N", "x, y, z; over all elements.", 8),
      HORUS_FIELD(TactileArray, center_of_pressure, "m", "x, y on the sensor.", 20),
      HORUS_FIELD(TactileArray, in_contact, "", "Whether anything is touched.", 28),
      HORUS_FIELD(TactileArray, physical_size, "m", "Width, height of the sensor.", 32),
      HORUS_FIELD(TactileArray, timestamp_ns, "ns", "Nanoseconds since 1970.", 40),
  };
  static constexpr std::array kTails{
      HORUS_TAIL(float, forces, "N", "Row-major, one an element.", "rows", "cols")};
  static constexpr std::array kArgs{shm::arg("rows"), shm::arg("cols")};
  static const shm::VaryingInfo kType = shm::with_tails(
      shm::make_type<TactileArray, 48, 8>("TactileArray", "tactile_array",
                                          "What a field of touch sensors feels.", kFields, kArgs),
      kTails);
  return kType;
}

}  // namespace horus::msg
