// SPDX-License-Identifier: Apache-2.0
#include "shm/schema.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <deque>
#include <utility>
#include <vector>

#include <horus/message.hpp>
#include <horus/payload.hpp>

#include "shm/dtype.hpp"

namespace horus::shm {
namespace {

constexpr std::uint32_t kMaxAlign = 64;

void append(std::string& text, const TypeInfo& type);

void append(std::string& text, const FieldInfo& field) {
  text.append(field.name).append(":");
  if (field.nested != nullptr) {
    append(text, *field.nested);
  } else if (field.kind == Kind::kText) {
    text.append("s").append(std::to_string(field.size));
  } else {
    text.append(info(dtype_of(field.kind)).schema);
  }
  if (field.array) {
    text.append("[").append(std::to_string(field.count));
    if (!field.counted_by.empty()) text.append(":").append(field.counted_by);
    text.append("]");
  }
  text.append("@").append(std::to_string(field.offset));
}

void append(std::string& text, const TypeInfo& type) {
  text.append(type.name).append("{");
  bool first = true;
  for (const FieldInfo& field : type.fields) {
    if (field.kind == Kind::kPadding) continue;
    if (!first) text += ';';
    first = false;
    append(text, field);
  }
  for (const TailInfo& tail : type.tails) {
    text.append(";").append(tail.name).append(":");
    text.append(info(dtype_of(tail.kind)).schema);
    text.append("[*:").append(tail.counted_by[0]);
    if (!tail.counted_by[1].empty()) text.append("*").append(tail.counted_by[1]);
    text.append("]");
  }
  text.append("}").append(std::to_string(type.size)).append("/");
  text.append(std::to_string(type.align));
}

constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

}  // namespace

/// Names are views of `text`. Deques, as their elements stay in place while more are added.
struct ParsedType::Storage {
  std::string text;
  std::deque<std::vector<FieldInfo>> fields;
  std::deque<TypeInfo> types;
  std::vector<TailInfo> tails;
  std::vector<ArgInfo> args;
  const TypeInfo* root = nullptr;
};

namespace {

/// Reads one schema. Every function calls fail() for what it does not understand; after that,
/// nothing more is read.
class Parser {
 public:
  explicit Parser(ParsedType::Storage& storage) noexcept : storage_{storage}, rest_{storage.text} {}

  const TypeInfo* whole() {
    const TypeInfo* const found = type(0);
    if (found != nullptr && !rest_.empty()) return fail("something follows the type");
    return found;
  }
  Error error() const noexcept {
    const std::size_t at = storage_.text.size() - rest_.size();
    return {.code = Errc::kInvalidArgument,
            .what = "message schema",
            .subject = Name<200>::clipped(std::string{problem_} + " at byte " + std::to_string(at) +
                                          (place_.empty() ? "" : ", field " + place_))};
  }

 private:
  std::nullptr_t fail(const char* problem) noexcept {
    if (problem_ == nullptr) problem_ = problem;
    return nullptr;
  }
  bool take(char c) noexcept {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool expect(char c, const char* problem) noexcept {
    if (!take(c)) fail(problem);
    return problem_ == nullptr;
  }
  std::string_view identifier() noexcept {
    std::size_t length = 0;
    while (length < rest_.size() &&
           (is_letter(rest_[length]) || (length > 0 && is_digit(rest_[length])))) {
      ++length;
    }
    const std::string_view name = rest_.substr(0, length);
    rest_.remove_prefix(length);
    if (name.empty() || length > kMaxIdentifier) fail("a name of 1 to 63 letters is expected");
    return name;
  }
  std::uint32_t number(std::uint32_t least, std::uint32_t most) noexcept {
    std::uint32_t value = 0;
    const char* const begin = rest_.data();
    const auto [end, error] = std::from_chars(begin, begin + rest_.size(), value);
    const bool padded = end - begin > 1 && *begin == '0';
    if (error != std::errc{} || padded || value < least || value > most) {
      fail("a number is missing or out of range");
      return least;
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - begin));
    return value;
  }

  /// Reads the element of a field: its kind, its size, and its nested type.
  bool element(FieldInfo& field, std::uint32_t depth) {
    const std::string_view before = rest_;
    const std::string_view word = identifier();
    if (rest_.starts_with('{')) {
      rest_ = before;
      field.nested = type(depth + 1);
      if (field.nested == nullptr) return false;
      field.kind = Kind::kMessage;
      field.size = field.nested->size;
      return true;
    }
    for (field.kind = Kind{}; is_number(field.kind); field.kind = next(field.kind)) {
      const DtypeInfo& number = info(dtype_of(field.kind));
      if (word != number.schema) continue;
      field.size = static_cast<std::uint32_t>(number.size);
      return true;
    }
    if (word.size() < 2 || word.front() != 's' || !is_digit(word[1])) {
      return fail("an unknown element") != nullptr;
    }
    rest_ = before.substr(1);
    field.kind = Kind::kText;
    field.size = number(2, kMaxMessage);  // At least one byte and the terminating zero.
    return problem_ == nullptr;
  }

  /// Reads what follows "[*" in a tail; `field` has its name and its element.
  bool tail(const FieldInfo& field, std::uint32_t depth) {
    if (depth != 0) return fail("a type whose size varies inside of another") != nullptr;
    if (!is_number(field.kind)) return fail("a tail's elements are numbers") != nullptr;
    if (storage_.tails.size() == kMaxTails) return fail("too many tails") != nullptr;
    TailInfo& tail = storage_.tails.emplace_back(
        TailInfo{.name = field.name, .kind = field.kind, .size = field.size});
    if (!expect(':', "':' is expected")) return false;
    tail.counted_by[0] = identifier();
    if (take('*')) tail.counted_by[1] = identifier();
    return expect(']', "']' is expected");
  }

  /// Reads a field, or a tail; `field` is then not an array.
  bool field(FieldInfo& field, std::uint32_t depth, bool& is_tail) {
    field.name = identifier();
    place_ = field.name;
    if (!expect(':', "':' is expected") || !element(field, depth)) return false;
    place_ = field.name;  // For messages: nested fields have set it to theirs.
    is_tail = rest_.starts_with("[*");
    if (is_tail) {
      rest_.remove_prefix(2);
      return tail(field, depth);
    }
    if (depth == 0 && !storage_.tails.empty()) return fail("a field behind a tail") != nullptr;
    if (take('[')) {
      field.array = true;
      field.count = number(1, kMaxMessage);
      if (take(':')) field.counted_by = identifier();
      if (!expect(']', "']' is expected")) return false;
    }
    if (!expect('@', "'@' is expected")) return false;
    field.offset = number(0, kMaxMessage);
    return problem_ == nullptr;
  }

  static bool counts(const FieldInfo& field) noexcept {
    return !field.array &&
           (field.kind == Kind::kU8 || field.kind == Kind::kU16 || field.kind == Kind::kU32);
  }

  /// Checks what can only be seen once all fields and the size are known.
  bool consistent(const TypeInfo& type) {
    std::uint64_t end = 0;
    for (const FieldInfo& field : type.fields) {
      place_ = field.name;
      if (field.offset < end) return fail("the field overlaps the one before") != nullptr;
      end = std::uint64_t{field.offset} + std::uint64_t{field.size} * field.count;
      if (end > type.size) return fail("the field ends outside of its message") != nullptr;
      if (std::ranges::count(type.fields, field.name, &FieldInfo::name) != 1) {
        return fail("two fields have one name") != nullptr;
      }
      if (field.counted_by.empty()) continue;
      const auto by = std::ranges::find(type.fields, field.counted_by, &FieldInfo::name);
      if (by == type.fields.end() || !counts(*by)) {
        return fail("what counts the elements is no field of kind u8, u16 or u32") != nullptr;
      }
    }
    for (const TailInfo& tail : type.tails) {
      place_ = tail.name;
      if (find_field(type, tail.name) != nullptr ||
          std::ranges::count(type.tails, tail.name, &TailInfo::name) != 1) {
        return fail("two fields have one name") != nullptr;
      }
      for (const std::string_view name : tail.counted_by) {
        if (name.empty()) continue;
        const FieldInfo* const by = find_field(type, name);
        if (by == nullptr || !counts(*by)) {
          return fail("what counts the elements is no field of kind u8, u16 or u32") != nullptr;
        }
      }
    }
    place_.clear();
    return true;
  }

  const TypeInfo* type(std::uint32_t depth) {
    if (depth > kMaxNesting) return fail("nested too deeply");
    const char* const begin = rest_.data();
    TypeInfo found{.name = identifier()};
    if (!expect('{', "'{' is expected")) return nullptr;
    std::vector<FieldInfo>& fields = storage_.fields.emplace_back();
    do {
      if (++field_count_ > kMaxFields) return fail("too many fields");
      FieldInfo next;
      bool is_tail = false;
      if (!field(next, depth, is_tail)) return nullptr;
      if (!is_tail) fields.push_back(next);
    } while (take(';'));
    if (!expect('}', "';' or '}' is expected")) return nullptr;
    found.size = number(1, kMaxMessage);
    if (!expect('/', "'/' is expected")) return nullptr;
    found.align = number(1, kMaxAlign);
    found.fields = fields;
    if (depth == 0) found.tails = storage_.tails;
    if (fields.empty()) return fail("a type without a field");
    if (problem_ != nullptr || !consistent(found)) return nullptr;
    if (!std::has_single_bit(found.align) || found.size % found.align != 0) {
      return fail("the size is no multiple of an alignment");
    }
    found.hash = hash_of({begin, static_cast<std::size_t>(rest_.data() - begin)});
    return &storage_.types.emplace_back(found);
  }

  ParsedType::Storage& storage_;
  std::string_view rest_;
  const char* problem_ = nullptr;
  std::string place_;
  std::uint32_t field_count_ = 0;
};

}  // namespace

namespace detail {

std::uint64_t layout_hash(const TypeInfo& type) {
  return hash_of(schema_of(type));
}

std::vector<ArgInfo> args_of(std::span<const FieldInfo> fields) {
  std::vector<ArgInfo> args;
  for (const FieldInfo& field : fields) {
    if (field.kind != Kind::kPadding) args.push_back(arg(field.name));
  }
  return args;
}

}  // namespace detail

std::string schema_of(const TypeInfo& type) {
  std::string text;
  append(text, type);
  return text;
}

std::uint64_t hash_of(std::string_view schema) noexcept {
  constexpr std::uint64_t kOffset = 0xcbf29ce484222325U;
  constexpr std::uint64_t kPrime = 0x100000001b3U;
  std::uint64_t hash = kOffset;
  for (const char c : schema) hash = (hash ^ static_cast<std::uint8_t>(c)) * kPrime;
  return hash;
}

ParsedType::ParsedType(std::shared_ptr<const Storage> storage) noexcept
    : storage_{std::move(storage)} {}

const TypeInfo& ParsedType::info() const noexcept {
  return *storage_->root;
}

Result<ParsedType> parse_schema(std::string_view text) {
  if (text.size() > kMaxSchema) {
    return Error{.code = Errc::kInvalidArgument,
                 .what = "message schema",
                 .subject = Name<200>::clipped("longer than 65536 bytes")};
  }
  auto storage = std::make_shared<ParsedType::Storage>();
  storage->text = text;
  Parser parser{*storage};
  const TypeInfo* const found = parser.whole();
  if (found == nullptr) return parser.error();
  storage->args = detail::args_of(found->fields);
  for (const TailInfo& tail : found->tails) storage->args.push_back(arg(tail.name));
  TypeInfo& root = storage->types.back();  // The outermost type is completed last.
  root.args = storage->args;
  storage->root = &root;
  return ParsedType{std::move(storage)};
}

}  // namespace horus::shm
