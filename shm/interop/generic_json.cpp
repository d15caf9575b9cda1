// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "shm/interop/message_json.hpp"

namespace horus::interop {

namespace {

constexpr int kDeepestShown = 64;
constexpr std::uint8_t kArrayExtension = 1;
constexpr std::uint8_t kMessageExtension = 2;

/// Reads one MessagePack value. The bytes come from another process: each length is checked against
/// what is there, and the nesting is bounded.
/// Source: github.com/msgpack/msgpack, spec.md.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) noexcept : rest_{bytes} {}

  /// nullopt if the bytes break the format.
  std::optional<MessageJson> value(int depth);
  bool at_end() const noexcept { return rest_.empty(); }
  bool too_deep() const noexcept { return too_deep_; }

 private:
  std::optional<std::span<const std::byte>> take(std::size_t size) noexcept {
    if (size > rest_.size()) return std::nullopt;
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  /// Reads a big-endian number of `size` bytes.
  std::optional<std::uint64_t> number(std::size_t size) noexcept;
  std::optional<MessageJson> marked(std::uint8_t head, int depth);
  std::optional<MessageJson> text(std::optional<std::uint64_t> size);
  std::optional<MessageJson> binary(std::optional<std::uint64_t> size);
  std::optional<MessageJson> extension(std::optional<std::uint64_t> size);
  std::optional<MessageJson> list(std::optional<std::uint64_t> count, int depth);
  std::optional<MessageJson> map(std::optional<std::uint64_t> count, int depth);
  std::optional<std::string> key(int depth);

  std::span<const std::byte> rest_;
  bool too_deep_ = false;
};

template <typename To, typename From>
To cast_bits(From bits) noexcept {
  To value{};
  static_assert(sizeof value == sizeof bits);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename T>
MessageJson elements(std::span<const std::byte> bytes) {
  MessageJson values = MessageJson::array();
  for (; bytes.size() >= sizeof(T); bytes = bytes.subspan(sizeof(T))) {
    T value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    if constexpr (std::is_same_v<T, float>) {
      values.push_back(as_written(value));
    } else {
      values.push_back(value);
    }
  }
  return values;
}

struct ArrayType {
  const char* name;
  MessageJson (*elements)(std::span<const std::byte> bytes);  ///< Null: values are not shown.
};
/// Indexed by shm::Dtype.
constexpr std::array kArrayTypes{
    ArrayType{"float32", elements<float>},
    ArrayType{"float64", elements<double>},
    ArrayType{"float16", nullptr},
    ArrayType{"bfloat16", nullptr},
    ArrayType{"int8", elements<std::int8_t>},
    ArrayType{"int16", elements<std::int16_t>},
    ArrayType{"int32", elements<std::int32_t>},
    ArrayType{"int64", elements<std::int64_t>},
    ArrayType{"uint8", elements<std::uint8_t>},
    ArrayType{"uint16", elements<std::uint16_t>},
    ArrayType{"uint32", elements<std::uint32_t>},
    ArrayType{"uint64", elements<std::uint64_t>},
    ArrayType{"bool", elements<std::uint8_t>},
};

/// An array of numbers: dtype, dimensions, shape, then the elements.
std::optional<MessageJson> array(std::span<const std::byte> body) {
  if (body.size() < 2) return std::nullopt;
  const auto type = std::to_integer<std::size_t>(body[0]);
  const auto dimensions = std::to_integer<std::size_t>(body[1]);
  if (type >= kArrayTypes.size() || body.size() < 2 + 4 * dimensions) return std::nullopt;
  MessageJson shape = MessageJson::array();
  for (std::size_t i = 0; i < dimensions; ++i) {
    std::uint32_t extent = 0;
    std::memcpy(&extent, body.data() + 2 + 4 * i, sizeof extent);
    shape.push_back(extent);
  }
  MessageJson json{{"dtype", kArrayTypes[type].name}, {"shape", std::move(shape)}};
  if (kArrayTypes[type].elements != nullptr) {
    json["values"] = kArrayTypes[type].elements(body.subspan(2 + 4 * dimensions));
  }
  return json;
}

/// A message in an extension: hash and name of its type, then its bytes.
struct Described {
  std::string_view name;
  std::span<const std::byte> bytes;
  const shm::TypeInfo* type = nullptr;  ///< Null: a program's own type, not known here.
};

std::optional<Described> described(std::span<const std::byte> body) noexcept {
  constexpr std::size_t kNameAt = sizeof(std::uint64_t) + 1;
  if (body.size() < kNameAt) return std::nullopt;
  std::uint64_t hash = 0;
  std::memcpy(&hash, body.data(), sizeof hash);
  const auto length = std::to_integer<std::size_t>(body[sizeof hash]);
  if (body.size() < kNameAt + length) return std::nullopt;
  Described all{.name = {reinterpret_cast<const char*>(body.data() + kNameAt), length},
                .bytes = body.subspan(kNameAt + length)};
  const shm::TypeInfo* const type = shm::find_type(all.name);
  if (type != nullptr && type->hash == hash && all.bytes.size() >= type->size) all.type = type;
  return all;
}

std::string hex_of(std::span<const std::byte> bytes) {
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    fmt::format_to(std::back_inserter(hex), "{:02x}", std::to_integer<unsigned>(byte));
  }
  return hex;
}

std::optional<MessageJson> message(std::span<const std::byte> body) {
  const auto all = described(body);
  if (!all) return std::nullopt;
  const std::string name{all->name};
  if (all->type == nullptr) {
    // Whoever has its declaration reads the fields from the bytes.
    return MessageJson{
        {"message", name}, {"size", all->bytes.size()}, {"bytes", hex_of(all->bytes)}};
  }
  auto fields = whole_message(*all->type, all->bytes);
  return MessageJson{{name, fields ? std::move(fields).value() : MessageJson{}}};
}

std::optional<std::uint64_t> Reader::number(std::size_t size) noexcept {
  const auto bytes = take(size);
  if (!bytes) return std::nullopt;
  std::uint64_t value = 0;
  for (const std::byte byte : *bytes) value = value << 8U | std::to_integer<std::uint64_t>(byte);
  return value;
}

std::optional<MessageJson> Reader::text(std::optional<std::uint64_t> size) {
  const auto bytes = size ? take(*size) : std::nullopt;
  if (!bytes) return std::nullopt;
  return MessageJson(std::string{reinterpret_cast<const char*>(bytes->data()), bytes->size()});
}

std::optional<MessageJson> Reader::binary(std::optional<std::uint64_t> size) {
  const auto bytes = size ? take(*size) : std::nullopt;
  if (!bytes) return std::nullopt;
  return MessageJson{{"bytes", hex_of(*bytes)}};
}

std::optional<MessageJson> Reader::extension(std::optional<std::uint64_t> size) {
  const auto type = number(1);
  const auto body = size ? take(*size) : std::nullopt;
  if (!type || !body) return std::nullopt;
  if (*type == kArrayExtension) return array(*body);
  if (*type == kMessageExtension) return message(*body);
  return MessageJson{{"extension", *type}, {"size", *size}, {"bytes", hex_of(*body)}};
}

std::optional<MessageJson> Reader::list(std::optional<std::uint64_t> count, int depth) {
  if (!count) return std::nullopt;
  MessageJson json = MessageJson::array();
  for (std::uint64_t i = 0; i < *count; ++i) {
    auto element = value(depth + 1);
    if (!element) return std::nullopt;
    json.push_back(std::move(*element));
  }
  return json;
}

std::optional<MessageJson> Reader::map(std::optional<std::uint64_t> count, int depth) {
  if (!count) return std::nullopt;
  // Append the members without a lookup: with one for each, the largest map that fits would take
  // minutes. A key that is repeated is shown twice.
  MessageJson json = MessageJson::object();
  std::vector<std::pair<const std::string, MessageJson>>& members =
      json.get_ref<MessageJson::object_t&>();
  for (std::uint64_t i = 0; i < *count; ++i) {
    auto name = key(depth + 1);
    auto element = name ? value(depth + 1) : std::nullopt;
    if (!element) return std::nullopt;
    members.emplace_back(std::move(*name), std::move(*element));
  }
  return json;
}

std::optional<std::string> Reader::key(int depth) {
  // JSON allows only text as a key. Numbers and bytes become text; maps and lists are refused, as
  // each level of keys within keys would double the quotes of the one below.
  const auto json = value(depth);
  if (!json || json->is_array()) return std::nullopt;
  if (json->is_string()) return json->get<std::string>();
  if (!json->is_object()) return message_line(*json);
  // Of a message or an extension they are one field of several.
  if (json->size() != 1) return std::nullopt;
  const auto bytes = json->find("bytes");
  return bytes != json->end() && bytes->is_string() ? std::optional{bytes->get<std::string>()}
                                                    : std::nullopt;
}

std::optional<MessageJson> Reader::value(int depth) {
  too_deep_ = too_deep_ || depth > kDeepestShown;
  const auto head = number(1);
  if (!head || too_deep_) return std::nullopt;
  const auto byte = static_cast<std::uint8_t>(*head);
  if (byte < 0x80) return MessageJson(byte);
  if (byte < 0x90) return map(byte & 0x0FU, depth);
  if (byte < 0xA0) return list(byte & 0x0FU, depth);
  if (byte < 0xC0) return text(byte & 0x1FU);
  if (byte >= 0xE0) return MessageJson(static_cast<std::int8_t>(byte));
  return marked(byte, depth);
}

/// Reads a value whose first byte, 0xC0 to 0xDF, gives its kind and the size of the number after
/// it.
std::optional<MessageJson> Reader::marked(std::uint8_t head, int depth) {
  const auto sized = [&](unsigned first) { return number(std::size_t{1} << (head - first)); };
  const auto json = [](auto bits, auto convert) -> std::optional<MessageJson> {
    if (!bits) return std::nullopt;
    return MessageJson(convert(*bits));
  };
  switch (head) {
    case 0xC0: return MessageJson(nullptr);
    case 0xC2: return MessageJson(false);
    case 0xC3: return MessageJson(true);
    case 0xC4:
    case 0xC5:
    case 0xC6: return binary(sized(0xC4));
    case 0xC7:
    case 0xC8:
    case 0xC9: return extension(sized(0xC7));
    case 0xCA:
      return json(number(4), [](std::uint64_t bits) {
        return as_written(cast_bits<float>(static_cast<std::uint32_t>(bits)));
      });
    case 0xCB: return json(number(8), [](std::uint64_t bits) { return cast_bits<double>(bits); });
    case 0xCC:
    case 0xCD:
    case 0xCE:
    case 0xCF: return json(sized(0xCC), [](std::uint64_t bits) { return bits; });
    case 0xD0:
      return json(number(1), [](std::uint64_t bits) { return static_cast<std::int8_t>(bits); });
    case 0xD1:
      return json(number(2), [](std::uint64_t bits) { return static_cast<std::int16_t>(bits); });
    case 0xD2:
      return json(number(4), [](std::uint64_t bits) { return static_cast<std::int32_t>(bits); });
    case 0xD3:
      return json(number(8), [](std::uint64_t bits) { return static_cast<std::int64_t>(bits); });
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8: return extension(std::uint64_t{1} << (head - 0xD4U));
    case 0xD9:
    case 0xDA:
    case 0xDB: return text(sized(0xD9));
    case 0xDC: return list(number(2), depth);
    case 0xDD: return list(number(4), depth);
    case 0xDE: return map(number(2), depth);
    case 0xDF: return map(number(4), depth);
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<MessageIn> message_in(std::span<const std::byte> value) noexcept {
  // ext 8, 16, 32: the head, a length of 1, 2 or 4 bytes, the kind, the body.
  if (value.empty()) return std::nullopt;
  const auto head = std::to_integer<std::uint8_t>(value.front());
  if (head < 0xC7 || head > 0xC9) return std::nullopt;
  const std::size_t before = 1 + (std::size_t{1} << (head - 0xC7U)) + 1;
  if (value.size() < before ||
      std::to_integer<std::uint8_t>(value[before - 1]) != kMessageExtension) {
    return std::nullopt;
  }
  std::uint64_t size = 0;
  for (const std::byte byte : value.subspan(1, before - 2)) {
    size = size << 8U | std::to_integer<std::uint64_t>(byte);
  }
  if (size != value.size() - before) return std::nullopt;
  const auto all = described(value.subspan(before));
  if (!all || all->type == nullptr) return std::nullopt;
  return MessageIn{*all->type, all->bytes};
}

Result<MessageJson> generic_message(std::span<const std::byte> bytes) {
  Reader reader{bytes};
  auto value = reader.value(0);
  if (reader.too_deep()) return Error{Errc::kExhausted, "show message: nested too deeply", 0, {}};
  if (!value || !reader.at_end()) {
    return Error{Errc::kCorrupt, "show message: no MessagePack value", 0, {}};
  }
  return std::move(*value);
}

}  // namespace horus::interop
