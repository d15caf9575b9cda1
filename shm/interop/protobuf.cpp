// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/protobuf.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include <horus/message.hpp>

namespace horus::interop {

namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;
using shm::FieldInfo;
using shm::Kind;
using shm::TailInfo;
using shm::TypeInfo;
using shm::with_number;

ProtoType type_of(Kind kind, bool array) noexcept {
  switch (kind) {
    case Kind::kU8: return array ? ProtoType::kBytes : ProtoType::kUint32;
    case Kind::kU16:
    case Kind::kU32: return ProtoType::kUint32;
    case Kind::kI8:
    case Kind::kI16:
    case Kind::kI32: return ProtoType::kSint32;
    case Kind::kU64: return ProtoType::kFixed64;
    case Kind::kI64: return ProtoType::kSfixed64;
    case Kind::kF32: return ProtoType::kFloat;
    case Kind::kF64: return ProtoType::kDouble;
    case Kind::kBool: return ProtoType::kBool;
    case Kind::kText: return ProtoType::kString;
    case Kind::kMessage: return ProtoType::kMessage;
    case Kind::kPadding: break;
  }
  return ProtoType::kBytes;
}

bool is_skipped(std::string_view name, std::span<const std::string_view> skipped) noexcept {
  return std::ranges::find(skipped, name) != skipped.end();
}

/// Goes through the elements of an array.
template <typename T>
class Elements {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = T;
    explicit Iterator(const std::byte* at) noexcept : at_{at} {}
    T operator*() const noexcept { return shm::element_at<T>(at_); }
    Iterator& operator++() noexcept {
      at_ += sizeof(T);
      return *this;
    }
    Iterator operator++(int) noexcept {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;
    std::ptrdiff_t operator-(const Iterator& other) const noexcept {
      return (at_ - other.at_) / static_cast<std::ptrdiff_t>(sizeof(T));
    }

   private:
    const std::byte* at_;
  };
  explicit Elements(std::span<const std::byte> bytes) noexcept : bytes_{bytes} {}
  Iterator begin() const noexcept { return Iterator{bytes_.data()}; }
  Iterator end() const noexcept { return Iterator{bytes_.data() + bytes_.size()}; }

 private:
  std::span<const std::byte> bytes_;
};

void add_array(pbf_writer& out, std::uint32_t number, Kind kind, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (kind == Kind::kU8) {
    out.add_bytes(number, reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return;
  }
  with_number(kind, [&]<typename T>(T) {
    const Elements<T> all{bytes};
    if constexpr (std::is_same_v<T, float>) {
      out.add_packed_float(number, all.begin(), all.end());
    } else if constexpr (std::is_same_v<T, double>) {
      out.add_packed_double(number, all.begin(), all.end());
    } else if constexpr (std::is_same_v<T, bool>) {
      out.add_packed_bool(number, all.begin(), all.end());
    } else if constexpr (sizeof(T) == 8 && std::is_unsigned_v<T>) {
      out.add_packed_fixed64(number, all.begin(), all.end());
    } else if constexpr (sizeof(T) == 8) {
      out.add_packed_sfixed64(number, all.begin(), all.end());
    } else if constexpr (std::is_unsigned_v<T>) {
      out.add_packed_uint32(number, all.begin(), all.end());
    } else {
      out.add_packed_sint32(number, all.begin(), all.end());
    }
  });
}

void add_scalar(pbf_writer& out, std::uint32_t number, Kind kind,
                std::span<const std::byte> bytes) {
  // Compare bytes, not values, so that -0.0 is written.
  if (std::ranges::all_of(bytes, [](std::byte one) { return one == std::byte{0}; })) return;
  with_number(kind, [&]<typename T>(T) {
    const T value = *Elements<T>{bytes}.begin();
    if constexpr (std::is_same_v<T, float>) {
      out.add_float(number, value);
    } else if constexpr (std::is_same_v<T, double>) {
      out.add_double(number, value);
    } else if constexpr (std::is_same_v<T, bool>) {
      out.add_bool(number, value);
    } else if constexpr (sizeof(T) == 8 && std::is_unsigned_v<T>) {
      out.add_fixed64(number, value);
    } else if constexpr (sizeof(T) == 8) {
      out.add_sfixed64(number, value);
    } else if constexpr (std::is_unsigned_v<T>) {
      out.add_uint32(number, value);
    } else {
      out.add_sint32(number, value);
    }
  });
}

void encode_field(pbf_writer& out, const TypeInfo& type, const FieldInfo& field,
                  std::span<const std::byte> message, std::uint32_t number) {
  const std::size_t count = used(type, field, message.data());
  const auto bytes = message.subspan(field.offset, count * field.size);
  if (field.kind != Kind::kText && field.kind != Kind::kMessage) {
    if (field.array) return add_array(out, number, field.kind, bytes);
    return add_scalar(out, number, field.kind, bytes);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto one = bytes.subspan(i * field.size, field.size);
    if (field.kind == Kind::kMessage) {
      pbf_writer inner{out, number};
      encode_fields(inner, *field.nested, one, 1);
    } else if (const std::string text = utf8_of(one); field.array || !text.empty()) {
      out.add_string(number, text);
    }
  }
}

/// The length of the UTF-8 sequence at the beginning of `text`; 0: there is none.
/// Source: RFC 3629, section 4.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t head = at(0);
  if (head < 0x80) return 1;
  const std::size_t length = head >= 0xF0 ? 4 : head >= 0xE0 ? 3 : 2;
  if (head < 0xC2 || head > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0U) != 0x80) return 0;
  }
  const bool overlong = (head == 0xE0 && at(1) < 0xA0) || (head == 0xF0 && at(1) < 0x90);
  const bool surrogate = head == 0xED && at(1) > 0x9F;
  const bool beyond = head == 0xF4 && at(1) > 0x8F;
  return overlong || surrogate || beyond ? 0 : length;
}

Error broken(std::string_view what) {
  return Error{Errc::kCorrupt, "read recorded message", 0, Name<200>::clipped(what)};
}

pbf_wire_type wire_of(Kind kind, bool array) noexcept {
  if (array) return pbf_wire_type::length_delimited;
  switch (kind) {
    case Kind::kU64:
    case Kind::kI64:
    case Kind::kF64: return pbf_wire_type::fixed64;
    case Kind::kF32: return pbf_wire_type::fixed32;
    case Kind::kText:
    case Kind::kMessage: return pbf_wire_type::length_delimited;
    default: return pbf_wire_type::varint;
  }
}

/// Reads one number that add_scalar() or add_array() has written.
template <typename T>
T read_number(pbf_reader& in) {
  if constexpr (std::is_same_v<T, float>) {
    return in.get_float();
  } else if constexpr (std::is_same_v<T, double>) {
    return in.get_double();
  } else if constexpr (std::is_same_v<T, bool>) {
    return in.get_bool();
  } else if constexpr (sizeof(T) == 8 && std::is_unsigned_v<T>) {
    return in.get_fixed64();
  } else if constexpr (sizeof(T) == 8) {
    return in.get_sfixed64();
  } else if constexpr (std::is_unsigned_v<T>) {
    return static_cast<T>(in.get_uint32());
  } else {
    return static_cast<T>(in.get_sint32());
  }
}

template <typename T>
auto packed_of(pbf_reader& in) {
  if constexpr (std::is_same_v<T, float>) {
    return in.get_packed_float();
  } else if constexpr (std::is_same_v<T, double>) {
    return in.get_packed_double();
  } else if constexpr (std::is_same_v<T, bool>) {
    return in.get_packed_bool();
  } else if constexpr (sizeof(T) == 8 && std::is_unsigned_v<T>) {
    return in.get_packed_fixed64();
  } else if constexpr (sizeof(T) == 8) {
    return in.get_packed_sfixed64();
  } else if constexpr (std::is_unsigned_v<T>) {
    return in.get_packed_uint32();
  } else {
    return in.get_packed_sint32();
  }
}

/// The elements of an array as bytes, in the layout of our messages.
std::vector<std::byte> read_array(pbf_reader& in, Kind kind) {
  std::vector<std::byte> bytes;
  if (kind == Kind::kU8) {
    const auto view = in.get_view();
    const auto* const begin = reinterpret_cast<const std::byte*>(view.data());
    bytes.assign(begin, begin + view.size());
    return bytes;
  }
  with_number(kind, [&]<typename T>(T) {
    for (const auto one : packed_of<T>(in)) {
      const T value = static_cast<T>(one);
      const auto* const begin = reinterpret_cast<const std::byte*>(&value);
      bytes.insert(bytes.end(), begin, begin + sizeof value);
    }
  });
  return bytes;
}

}  // namespace

double double_of(pbf_reader& in) {
  return read_as(in, pbf_wire_type::fixed64, &pbf_reader::get_double);
}

std::string_view bytes_of(pbf_reader& in) {
  const auto view = read_as(in, pbf_wire_type::length_delimited, &pbf_reader::get_view);
  return {view.data(), view.size()};
}

pbf_reader message_of(pbf_reader& in) {
  return read_as(in, pbf_wire_type::length_delimited,
                 static_cast<pbf_reader (pbf_reader::*)()>(&pbf_reader::get_message));
}

std::string utf8_of(std::span<const std::byte> bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
  std::string_view rest{reinterpret_cast<const char*>(bytes.data()),
                        static_cast<std::size_t>(end - bytes.begin())};
  std::string text;
  while (!rest.empty()) {
    const std::size_t length = sequence_length(rest);
    text += length == 0 ? "\xEF\xBF\xBD" : rest.substr(0, length);
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

std::string proto_name(const TypeInfo& type) {
  return "horus." + std::string{type.name};
}

std::vector<ProtoField> proto_fields(const TypeInfo& type, std::uint32_t first,
                                     std::span<const std::string_view> skipped) {
  std::vector<ProtoField> fields;
  std::uint32_t number = first;
  for (const FieldInfo& field : type.fields) {
    const std::uint32_t own = number++;
    if (field.kind == Kind::kPadding || is_skipped(field.name, skipped)) continue;
    const ProtoType proto = type_of(field.kind, field.array);
    fields.push_back({.name = std::string{field.name},
                      .number = own,
                      .type = proto,
                      .of = field.nested != nullptr ? proto_name(*field.nested) : "",
                      .repeated = field.array && proto != ProtoType::kBytes});
  }
  for (const TailInfo& tail : type.tails) {
    const std::uint32_t own = number++;
    if (is_skipped(tail.name, skipped)) continue;
    const ProtoType proto = type_of(tail.kind, /*array=*/true);
    fields.push_back({.name = std::string{tail.name},
                      .number = own,
                      .type = proto,
                      .repeated = proto != ProtoType::kBytes});
  }
  return fields;
}

std::vector<ProtoMessage> nested_messages(const TypeInfo& type) {
  std::vector<ProtoMessage> all;
  const auto add = [&all](ProtoMessage one) {
    const bool there =
        std::ranges::any_of(all, [&](const ProtoMessage& other) { return other.name == one.name; });
    if (!there) all.push_back(std::move(one));
  };
  for (const FieldInfo& field : type.fields) {
    if (field.nested == nullptr) continue;
    for (ProtoMessage& deeper : nested_messages(*field.nested)) add(std::move(deeper));
    add({.name = std::string{field.nested->name}, .fields = proto_fields(*field.nested, 1)});
  }
  return all;
}

void encode_fields(pbf_writer& out, const TypeInfo& type, std::span<const std::byte> message,
                   std::uint32_t first, std::span<const std::string_view> skipped) {
  std::uint32_t number = first;
  for (const FieldInfo& field : type.fields) {
    const std::uint32_t own = number++;
    if (field.kind == Kind::kPadding || is_skipped(field.name, skipped)) continue;
    encode_field(out, type, field, message, own);
  }
  if (type.tails.empty()) return;
  const auto layout = shm::TailLayout::of_message(type, message);
  if (!layout) return;
  for (std::size_t i = 0; i < type.tails.size(); ++i) {
    const TailInfo& tail = type.tails[i];
    const std::uint32_t own = number++;
    if (is_skipped(tail.name, skipped)) continue;
    add_array(out, own, tail.kind,
              message.subspan(layout->offset(i), layout->count(i) * tail.size));
  }
}

FieldDecoder::FieldDecoder(const TypeInfo& type, std::uint32_t first)
    : type_{type},
      first_{first},
      head_(type.size),
      seen_(type.fields.size()),
      tails_(type.tails.size()) {}

Status FieldDecoder::take(pbf_reader& in) {
  const std::size_t place = in.tag() - first_;
  if (in.tag() >= first_ && place < type_.fields.size()) {
    const FieldInfo& field = type_.fields[place];
    if (field.kind != Kind::kPadding) {
      if (in.wire_type() != wire_of(field.kind, field.array)) return broken(field.name);
      return take_elements(in, field, place);
    }
  }
  const std::size_t tail = place - type_.fields.size();
  if (in.tag() >= first_ && place >= type_.fields.size() && tail < type_.tails.size()) {
    if (in.wire_type() != pbf_wire_type::length_delimited) return broken(type_.tails[tail].name);
    tails_[tail] = read_array(in, type_.tails[tail].kind);
    return {};
  }
  in.skip();
  return {};
}

Status FieldDecoder::take_elements(pbf_reader& in, const FieldInfo& field, std::size_t place) {
  const auto all = std::span{head_}.subspan(field.offset, std::size_t{field.size} * field.count);
  const bool apart = field.kind == Kind::kText || field.kind == Kind::kMessage;
  if (field.array && !apart) {
    const std::vector<std::byte> bytes = read_array(in, field.kind);
    if (bytes.size() > all.size()) return broken(field.name);
    std::ranges::copy(bytes, all.begin());
    return {};
  }
  const std::size_t index = field.array ? seen_[place]++ : 0;
  if (index >= field.count) return broken(field.name);
  const auto one = all.subspan(index * field.size, field.size);
  if (field.kind == Kind::kText) {
    const auto text = in.get_view();
    // Replacement characters may have made the text longer than the field.
    std::memcpy(one.data(), text.data(), std::min(text.size(), one.size()));
    return {};
  }
  if (field.kind == Kind::kMessage) {
    FieldDecoder inner{*field.nested, 1};
    for (pbf_reader message = in.get_message(); message.next();) {
      if (const Status taken = inner.take(message); !taken) return taken;
    }
    std::ranges::copy(inner.head(), one.begin());
    return {};
  }
  with_number(field.kind, [&]<typename T>(T) {
    const T value = read_number<T>(in);
    std::memcpy(one.data(), &value, sizeof value);
  });
  return {};
}

void FieldDecoder::set_tail(std::string_view name, std::span<const std::byte> elements) {
  const auto tail = std::ranges::find(type_.tails, name, &TailInfo::name);
  if (tail == type_.tails.end()) return;
  tails_[static_cast<std::size_t>(tail - type_.tails.begin())].assign(elements.begin(),
                                                                      elements.end());
}

Result<std::vector<std::byte>> FieldDecoder::finish() const {
  const auto layout = shm::TailLayout::of(type_, head_);
  if (!layout) return broken(type_.name);
  std::vector<std::byte> message(layout->size());
  std::ranges::copy(head_, message.begin());
  for (std::size_t i = 0; i < tails_.size(); ++i) {
    if (tails_[i].size() != layout->count(i) * type_.tails[i].size) {
      return broken(type_.tails[i].name);
    }
    std::copy(tails_[i].begin(), tails_[i].end(),
              message.begin() + static_cast<std::ptrdiff_t>(layout->offset(i)));
  }
  return message;
}

std::uint64_t stamp_ns_of(const TypeInfo& type, std::span<const std::byte> message) noexcept {
  const auto read = [&](std::string_view name) -> std::uint64_t {
    const FieldInfo* const field = shm::find_field(type, name);
    if (field == nullptr || field->kind != Kind::kU64 || field->array) return 0;
    return shm::element_at<std::uint64_t>(&message[field->offset]);
  };
  constexpr std::uint64_t kNsInMs = 1'000'000;
  const std::uint64_t ns = read("timestamp_ns");
  return ns != 0 ? ns : read("timestamp_ms") * kNsInMs;
}

}  // namespace horus::interop
