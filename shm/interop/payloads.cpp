// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/payloads.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include <horus/image.hpp>
#include <horus/payload.hpp>
#include <horus/point_cloud.hpp>

#include "shm/interop/protobuf.hpp"
#include "shm/interop/well_known.hpp"
#include "shm/payload_state.hpp"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace horus::interop {

namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;
using shm::Dtype;

// Fields that the viewers' formats do not have. A Tensor has only these.
constexpr std::uint32_t kDtype = kFurther;
constexpr std::uint32_t kShape = kFurther + 1;
constexpr std::uint32_t kEncoding = kFurther + 2;
constexpr std::uint32_t kFieldNames = kFurther + 3;
constexpr std::uint32_t kDense = kFurther + 4;
constexpr std::uint32_t kScale = kFurther + 5;
constexpr std::uint32_t kMinDepth = kFurther + 6;
constexpr std::uint32_t kMaxDepth = kFurther + 7;
constexpr std::uint32_t kTensorData = kFurther + 8;

bool is(const shm::PayloadKind& kind, const shm::PayloadKind& other) noexcept {
  return &kind == &other;
}

/// The encoding as ROS calls it, where our name differs.
std::string_view their_encoding(const shm::Image& image) noexcept {
  switch (image.encoding()) {
    case shm::Encoding::kYuv422: return "yuv422";
    case shm::Encoding::kMono32f: return "32FC1";
    case shm::Encoding::kDepth16: return "16UC1";
    default: return shm::info(image.encoding()).name;
  }
}

/// The PackedElementField.NumericType; 0: the format has none for it.
std::uint32_t numeric_type(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::kU8: return 1;
    case Dtype::kI8: return 2;
    case Dtype::kU16: return 3;
    case Dtype::kI16: return 4;
    case Dtype::kU32: return 5;
    case Dtype::kI32: return 6;
    case Dtype::kF32: return 7;
    case Dtype::kF64: return 8;
    default: return 0;
  }
}

std::string_view chars_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void add_tensor(pbf_writer& out, const shm::Payload& payload) {
  out.add_string(kDtype, std::string{shm::name_of(payload.dtype())});
  const auto shape = payload.shape();
  out.add_packed_fixed64(kShape, shape.begin(), shape.end());
}

void add_raw_image(pbf_writer& out, const shm::StampedPayload& image, std::string_view encoding,
                   std::uint64_t step) {
  add_time(out, 1, image.timestamp_ns());
  const auto shape = image.shape();
  out.add_fixed32(2, static_cast<std::uint32_t>(shape[1]));
  out.add_fixed32(3, static_cast<std::uint32_t>(shape[0]));
  out.add_string(4, encoding.data(), encoding.size());
  out.add_fixed32(5, static_cast<std::uint32_t>(step));
  out.add_bytes(6, chars_of(image.bytes()).data(), image.bytes().size());
  out.add_string(7, utf8_of(std::as_bytes(std::span{image.frame_id()})));
}

void add_image(pbf_writer& out, const shm::Image& image) {
  add_raw_image(out, image, their_encoding(image), image.step());
  const std::string_view name = shm::info(image.encoding()).name;
  out.add_string(kEncoding, name.data(), name.size());
}

void add_depth(pbf_writer& out, const shm::DepthImage& image) {
  const bool whole = image.dtype() == Dtype::kU16;
  add_raw_image(out, image, whole ? "16UC1" : "32FC1", image.width() * shm::size_of(image.dtype()));
  out.add_float(kScale, image.scale());
  out.add_uint32(kMinDepth, image.min_depth());
  out.add_uint32(kMaxDepth, image.max_depth());
}

void add_cloud(pbf_writer& out, const shm::PointCloud& cloud) {
  add_time(out, 1, cloud.timestamp_ns());
  out.add_string(2, utf8_of(std::as_bytes(std::span{cloud.frame_id()})));
  add_pose(out, 3);
  const auto size = static_cast<std::uint32_t>(shm::size_of(cloud.dtype()));
  out.add_fixed32(4, cloud.fields() * size);
  for (std::uint32_t i = 0; i < cloud.fields(); ++i) {
    const std::string name = utf8_of(std::as_bytes(std::span{cloud.field_name(i)}));
    {
      pbf_writer field{out, 5};
      field.add_string(1, name);
      field.add_fixed32(2, i * size);
      field.add_enum(3, static_cast<std::int32_t>(numeric_type(cloud.dtype())));
    }
    out.add_string(kFieldNames, name);
  }
  out.add_bytes(6, chars_of(cloud.bytes()).data(), cloud.bytes().size());
  out.add_bool(kDense, cloud.is_dense());
}

ProtoField further(std::string name, std::uint32_t number, ProtoType type, bool repeated = false) {
  return {.name = std::move(name), .number = number, .type = type, .repeated = repeated};
}

std::vector<ProtoField> further_of(const shm::PayloadKind& kind) {
  std::vector<ProtoField> fields{further("dtype", kDtype, ProtoType::kString),
                                 further("shape", kShape, ProtoType::kFixed64, /*repeated=*/true)};
  const auto add = [&fields](auto... more) { (fields.push_back(std::move(more)), ...); };
  if (is(kind, shm::Image::kind())) add(further("encoding", kEncoding, ProtoType::kString));
  if (is(kind, shm::PointCloud::kind())) {
    add(further("field_names", kFieldNames, ProtoType::kString, /*repeated=*/true),
        further("is_dense", kDense, ProtoType::kBool));
  }
  if (is(kind, shm::DepthImage::kind())) {
    add(further("scale", kScale, ProtoType::kFloat),
        further("min_depth", kMinDepth, ProtoType::kUint32),
        further("max_depth", kMaxDepth, ProtoType::kUint32));
  }
  if (is(kind, shm::Tensor::kind())) add(further("data", kTensorData, ProtoType::kBytes));
  return fields;
}

std::uint32_t number_of(pbf_reader& in) {
  return read_as(in, pbf_wire_type::varint, &pbf_reader::get_uint32);
}

void read_field(pbf_reader& in, RecordedPayload& payload, bool& known) {
  const auto set_data = [&] {
    const auto bytes = std::as_bytes(std::span{bytes_of(in)});
    payload.data.assign(bytes.begin(), bytes.end());
  };
  switch (in.tag()) {
    case kDtype: {
      const auto dtype = shm::parse_dtype(bytes_of(in));
      known = dtype.has_value();
      payload.dtype = dtype.value_or(Dtype::kU8);
      break;
    }
    case kShape: {
      const auto shape =
          read_as(in, pbf_wire_type::length_delimited, &pbf_reader::get_packed_fixed64);
      payload.shape.assign(shape.begin(), shape.end());
      break;
    }
    case kEncoding: payload.encoding = bytes_of(in); break;
    case kFieldNames: payload.field_names.emplace_back(bytes_of(in)); break;
    case kDense: payload.is_dense = number_of(in) != 0; break;
    case kScale: payload.scale = read_as(in, pbf_wire_type::fixed32, &pbf_reader::get_float); break;
    case kMinDepth: payload.min_depth = number_of(in); break;
    case kMaxDepth: payload.max_depth = number_of(in); break;
    case 1: payload.timestamp_ns = read_time(in); break;
    // The viewers' numbers: 6 is the data of an image or a cloud; 2 is a cloud's frame id, 7 an
    // image's.
    case kTensorData:
    case 6: set_data(); break;
    case 2:
      // In an image, 2 is the width, which has another wire type.
      if (in.wire_type() != pbf_wire_type::length_delimited) return in.skip();
      payload.frame_id = bytes_of(in);
      break;
    case 7: payload.frame_id = bytes_of(in); break;
    default: in.skip();
  }
}

/// Bytes of the elements that the shape asks for; nullopt if they are more than a payload can have.
std::optional<std::uint64_t> expected_size(const RecordedPayload& payload) noexcept {
  std::uint64_t size = shm::size_of(payload.dtype);
  for (const std::uint64_t extent : payload.shape) {
    if (__builtin_mul_overflow(size, extent, &size)) return std::nullopt;
  }
  return size;
}

}  // namespace

std::string_view payload_schema(const shm::PayloadKind& kind) noexcept {
  if (is(kind, shm::PointCloud::kind())) return "foxglove.PointCloud";
  if (is(kind, shm::Tensor::kind())) return "horus.Tensor";
  return "foxglove.RawImage";
}

std::vector<ProtoFile> payload_files(const shm::PayloadKind& kind) {
  if (!is(kind, shm::Tensor::kind())) {
    return well_known_files(payload_schema(kind), further_of(kind), {});
  }
  ProtoFile file{.name = "horus/Tensor.proto", .package = "horus"};
  file.messages.push_back({.name = "Tensor", .fields = further_of(kind)});
  return {file};
}

void encode_payload(const shm::Payload& payload, std::string& bytes) {
  pbf_writer out{bytes};
  const auto& state = payload.state();
  add_tensor(out, payload);
  if (is(state->kind, shm::Image::kind())) {
    add_image(out, shm::Image{state});
  } else if (is(state->kind, shm::DepthImage::kind())) {
    add_depth(out, shm::DepthImage{state});
  } else if (is(state->kind, shm::PointCloud::kind())) {
    add_cloud(out, shm::PointCloud{state});
  } else {
    out.add_bytes(kTensorData, chars_of(payload.bytes()).data(), payload.bytes().size());
  }
}

Result<RecordedPayload> decode_payload(std::string_view bytes) {
  const Error broken{Errc::kCorrupt, "read recorded payload", 0, {}};
  RecordedPayload payload;
  bool known = false;
  try {
    for (pbf_reader in{bytes.data(), bytes.size()}; in.next();) read_field(in, payload, known);
  } catch (const protozero::exception&) {
    return broken;
  }
  if (!known || expected_size(payload) != payload.data.size()) return broken;
  return payload;
}

}  // namespace horus::interop
