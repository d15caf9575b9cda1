// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

/// Short texts that allocate nothing, and the words of enums.
///
///   const auto name = horus::NodeName::clipped("motor");   // name.view() == "motor"
///   horus::to_text(horus::MissPolicy::kSkip);              // "skip"

namespace horus {

/// A short text stored in place. It allocates nothing, is zero-terminated and trivially copyable,
/// and may lie in shared memory. `Capacity` counts the terminating zero. RT-safe.
template <std::size_t Capacity>
class Name {
 public:
  static constexpr std::size_t kMaxLength = Capacity - 1;

  constexpr Name() = default;

  /// As much of `text` as fits, cut between two UTF-8 characters. If a cut would be a fault, check
  /// with fits() first.
  static constexpr Name clipped(std::string_view text) noexcept {
    std::size_t size = std::min(text.size(), kMaxLength);
    if (size < text.size()) {
      while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
    }
    Name name;
    std::copy_n(text.begin(), size, name.text_.begin());
    return name;
  }
  static constexpr bool fits(std::string_view text) noexcept { return text.size() <= kMaxLength; }

  /// The text. Reads at most Capacity bytes, because in memory that others write the terminating
  /// zero may be missing.
  constexpr std::string_view view() const noexcept {
    return {text_.data(),
            static_cast<std::size_t>(std::find(text_.begin(), text_.end(), '\0') - text_.begin())};
  }
  constexpr bool empty() const noexcept { return text_[0] == '\0'; }

  friend constexpr bool operator==(const Name& a, const Name& b) noexcept {
    return a.view() == b.view();
  }
  friend constexpr bool operator==(const Name& a, std::string_view b) noexcept {
    return a.view() == b;
  }

 private:
  std::array<char, Capacity> text_{};
};

/// The name of a node or a host: at most 63 bytes.
using NodeName = Name<64>;

/// A value of an enum and its word in configurations, in Python and in log lines.
template <typename E>
struct Word {
  E value;
  const char* text;
};

/// The words of an enum that counts from 0, given in its order.
template <typename E, typename... Texts>
constexpr auto words_in_order(Texts... texts) noexcept {
  int next = 0;
  return std::array{Word<E>{static_cast<E>(next++), texts}...};
}

/// An enum has words if a function like this one is declared in its namespace:
///   constexpr auto words_of(Grade /*any*/) noexcept { return words_in_order<Grade>("ok", "bad"); }
/// If a value has several words, the first is printed; the others are only accepted as input.
template <typename E>
concept Worded = requires(E any) {
  words_of(any);
};
template <Worded E>
inline constexpr auto kWords = words_of(E{});

/// The word of `value`; "unknown" for a value without one, which another process's memory may hold.
template <Worded E>
constexpr const char* to_text(E value) noexcept {
  const auto found = std::ranges::find(kWords<E>, value, &Word<E>::value);
  return found == kWords<E>.end() ? "unknown" : found->text;
}

/// The value that `text` is a word of; nothing for any other text.
template <Worded E>
constexpr std::optional<E> parse_word(std::string_view text) noexcept {
  for (const Word<E>& word : kWords<E>) {
    if (word.text == text) return word.value;
  }
  return std::nullopt;
}

namespace detail {

/// Writes the text of kChoices to `out`, unless that is null. Returns its length. Called twice:
/// once for the length, once to fill an array of that length.
template <Worded E>
constexpr std::size_t write_choices(char quote, char* out) noexcept {
  std::size_t size = 0;
  const auto add = [&](std::string_view text) {
    for (const char c : text) {
      if (out != nullptr) out[size] = c;
      ++size;
    }
  };
  const auto is_own = [](const Word<E>& word) {
    return std::string_view{to_text(word.value)} == word.text;
  };
  const auto own = std::ranges::count_if(kWords<E>, is_own);
  std::ptrdiff_t place = 0;
  for (const Word<E>& word : kWords<E>) {
    if (!is_own(word)) continue;
    if (place > 0) add(place + 1 < own ? ", " : " or ");
    add({&quote, 1});
    add(word.text);
    add({&quote, 1});
    ++place;
  }
  return size;
}

template <Worded E, char quote>
inline constexpr auto kChoiceBytes = [] {
  std::array<char, write_choices<E>(quote, nullptr)> bytes{};
  write_choices<E>(quote, bytes.data());
  return bytes;
}();

}  // namespace detail

/// All words that are printed, as a list for people, each between two `quote`: `'warn', 'skip' or
/// 'stop'`.
template <Worded E, char quote>
inline constexpr std::string_view kChoices{detail::kChoiceBytes<E, quote>.data(),
                                           detail::kChoiceBytes<E, quote>.size()};

}  // namespace horus
