// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

namespace horus {

/// Seqlock<T>: one writer publishes a small value, any number of readers copy it.
///
/// Thread safety: store() from one thread only; load() from any thread or process.
/// Progress: store() is wait-free; load() gives up after kMaxAttempts, so a writer that died
/// inside store() cannot hold a reader.
/// Invariants:
///   (1) sequence_ is even when no store is in progress, odd while one is.
///   (2) words_ hold one complete value whenever sequence_ is even.
/// Source: H. Boehm, "Can Seqlocks Get Along With Programming Language Memory Models?"
/// (MSPC 2012). Release and acquire on each word in place of his fences, because
/// ThreadSanitizer does not model fences.
template <typename T>
class Seqlock {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 8 == 0);
  static constexpr std::size_t kWords = sizeof(T) / 8;

 public:
  static constexpr int kMaxAttempts = 64;

  /// RT-safe. Publishes `value`.
  void store(const T& value) noexcept {
    std::array<std::uint64_t, kWords> words{};
    std::memcpy(words.data(), &value, sizeof value);
    // `| 1` and not `+ 1`: after a writer that died inside store() the sequence is odd already.
    const std::uint64_t sequence = sequence_.load(std::memory_order_relaxed) | 1U;
    // relaxed: the release stores of the words below publish it.
    sequence_.store(sequence, std::memory_order_relaxed);
    for (std::size_t i = 0; i < kWords; ++i) {
      // release: a thread that sees this word also sees the odd sequence stored above.
      words_[i].store(words[i], std::memory_order_release);
    }
    // release: a thread that sees the even sequence also sees every word above.
    sequence_.store(sequence + 1, std::memory_order_release);
  }

  /// RT-safe. A complete value; nothing when a store was in progress at all kMaxAttempts attempts.
  std::optional<T> load() const noexcept {
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      // acquire: an even sequence shows us the words that were stored before it.
      const std::uint64_t before = sequence_.load(std::memory_order_acquire);
      std::array<std::uint64_t, kWords> words{};
      for (std::size_t i = 0; i < kWords; ++i) {
        // acquire: a word of a later store shows us that store's odd sequence below.
        words[i] = words_[i].load(std::memory_order_acquire);
      }
      if ((before & 1U) != 0 || sequence_.load(std::memory_order_relaxed) != before) continue;
      T value;
      std::memcpy(static_cast<void*>(&value), words.data(), sizeof value);
      return value;
    }
    return std::nullopt;
  }

 private:
  std::atomic<std::uint64_t> sequence_{0};
  std::array<std::atomic<std::uint64_t>, kWords> words_{};
};

}  // namespace horus
