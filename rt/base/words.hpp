// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace horus {

/// A value of an enum and the word that stands for it in configurations, in Python and in lines.
template <typename E>
struct Word {
  E value;
  const char* text;
};

/// Those of an enum that counts from 0, in its order.
template <typename E, typename... Texts>
constexpr auto words_in_order(Texts... texts) noexcept {
  int next = 0;
  return std::array{Word<E>{static_cast<E>(next++), texts}...};
}

/// An enum has words where such a function stands beside it:
///   constexpr auto words_of(Grade /*any*/) noexcept { return words_in_order<Grade>("ok", "bad"); }
/// Where a value has two, the first is its own, and the others are only understood.
template <typename E>
concept Worded = requires(E any) {
  words_of(any);
};
template <Worded E>
inline constexpr auto kWords = words_of(E{});

/// Its word; "unknown" of a value that has none: it may come from another process's memory.
template <Worded E>
constexpr const char* to_text(E value) noexcept {
  const auto found = std::ranges::find(kWords<E>, value, &Word<E>::value);
  return found == kWords<E>.end() ? "unknown" : found->text;
}

template <Worded E>
constexpr std::optional<E> parse_word(std::string_view text) noexcept {
  for (const Word<E>& word : kWords<E>) {
    if (word.text == text) return word.value;
  }
  return std::nullopt;
}

namespace detail {

/// Writes into `out`, where there is room, what kChoices says; returns its length.
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

/// What may be given, for people: `'warn', 'skip' or 'stop'`.
template <Worded E, char quote>
inline constexpr std::string_view kChoices{detail::kChoiceBytes<E, quote>.data(),
                                           detail::kChoiceBytes<E, quote>.size()};

}  // namespace horus
