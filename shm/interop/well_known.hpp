// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "shm/interop/descriptors.hpp"
#include "shm/interop/protobuf.hpp"
#include "shm/message.hpp"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

/// The messages that viewers draw by the name of their schema, and which of ours are written as
/// one. What theirs has no field for follows with numbers from kFurther on, so that nothing is
/// lost. Source: github.com/foxglove/foxglove-sdk, schemas/proto.
namespace horus::interop {

inline constexpr std::uint32_t kFurther = 1001;

/// One of our types that is written as theirs.
struct WellKnown {
  const shm::TypeInfo& type;
  std::string_view schema;                    ///< "foxglove.LaserScan"
  std::span<const std::string_view> written;  ///< Fields of ours that theirs carries.
  void (*encode)(protozero::pbf_writer& out, std::span<const std::byte> message);
  /// False where the field is none of theirs that carries one of ours.
  bool (*decode)(protozero::pbf_reader& in, FieldDecoder& message);
};
/// Null where viewers have none. A type of the same name and another layout is another one.
const WellKnown* find_well_known(const shm::TypeInfo& type) noexcept;

/// Their file and those that it needs, in order, with `further` fields of the message, which are
/// made of `nested`.
std::vector<ProtoFile> well_known_files(std::string_view schema, std::vector<ProtoField> further,
                                        std::vector<ProtoMessage> nested);

void add_time(protozero::pbf_writer& out, std::uint32_t number, std::uint64_t ns);
std::uint64_t read_time(protozero::pbf_reader& in);
/// In the plane; a pose without turn where nothing is known.
void add_pose(protozero::pbf_writer& out, std::uint32_t number, double x = 0, double y = 0,
              double theta = 0);

}  // namespace horus::interop
