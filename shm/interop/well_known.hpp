// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <horus/message.hpp>

#include "shm/interop/descriptors.hpp"
#include "shm/interop/protobuf.hpp"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

/// The message formats that viewers draw, found by the names of their schemas, and which of our
/// types are written in one of them. Fields that such a format does not have follow with numbers
/// from kFurther on, so that nothing is lost. Source: github.com/foxglove/foxglove-sdk,
/// schemas/proto.
namespace horus::interop {

inline constexpr std::uint32_t kFurther = 1001;

/// One of our types that is written in a viewer's format.
struct WellKnown {
  const shm::TypeInfo& type;
  std::string_view schema;                    ///< "foxglove.LaserScan"
  std::span<const std::string_view> written;  ///< Our fields that the format has, too.
  void (*encode)(protozero::pbf_writer& out, std::span<const std::byte> message);
  /// False if the field is not one that carries a field of ours.
  bool (*decode)(protozero::pbf_reader& in, FieldDecoder& message);
};
/// Null if viewers have no format for the type. A type of the same name but another layout has
/// none.
const WellKnown* find_well_known(const shm::TypeInfo& type) noexcept;

/// The format's file and those that it needs, in their order. Its message also has the fields
/// `further`, whose own types are `nested`.
std::vector<ProtoFile> well_known_files(std::string_view schema, std::vector<ProtoField> further,
                                        std::vector<ProtoMessage> nested);

void add_time(protozero::pbf_writer& out, std::uint32_t number, std::uint64_t ns);
std::uint64_t read_time(protozero::pbf_reader& in);
/// Adds a pose in the plane; by default at the origin and without rotation. x and y in m, theta in
/// rad.
void add_pose(protozero::pbf_writer& out, std::uint32_t number, double x = 0, double y = 0,
              double theta = 0);

}  // namespace horus::interop
