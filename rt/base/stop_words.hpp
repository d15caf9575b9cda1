// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace horus {

/// A host's emergency stops, at a fixed place of its page.
struct StopWord {
  /// What was asked for in this host, counted up from a number that no life of it before has
  /// reached; and how much of that was released.
  std::atomic<std::uint64_t> began{0};
  std::atomic<std::uint64_t> stops{0};
  /// Monotonic: when the stop was asked for that holds this host, here or in another one. Negative:
  /// that one was released; 0: none came.
  std::atomic<std::int64_t> since_ns{0};
};

/// The stop words that a process obeys: of each host one, and how much of it was released. A host
/// is stopped while its word is larger.
///
/// Thread safety: look() and since() from any thread, the rest from one at a time. Progress: look()
/// is wait-free: one load of shared memory for each host, and nothing else where there is none.
class StopWords {
 public:
  static constexpr std::size_t kMost = 64;

  /// RT-safe. The row of a host that has stopped; -1: none has.
  int look() const noexcept {
    const std::size_t rows = rows_.load(std::memory_order_acquire);
    if (rows == 0) return -1;
    // seq_cst: a row that was taken away is not looked at once nobody looks any more.
    readers_.fetch_add(1);
    int found = -1;
    for (std::size_t i = 0; i < rows; ++i) {
      const StopWord* const word = table_[i].word.load();
      if (word == nullptr) continue;
      // acquire: what stopped it was written before.
      const std::uint64_t stops = word->stops.load(std::memory_order_acquire);
      if (stops > table_[i].released.load(std::memory_order_relaxed)) found = static_cast<int>(i);
    }
    readers_.fetch_sub(1);
    return found;
  }

  /// RT-safe. When the latest stop that the host in `row` obeys was asked for; 0: not known.
  std::int64_t since(int row) const noexcept {
    readers_.fetch_add(1);
    const StopWord* const word = table_[static_cast<std::size_t>(row)].word.load();
    const std::int64_t since = word != nullptr ? word->since_ns.load() : 0;
    readers_.fetch_sub(1);
    return since < 0 ? -since : since;
  }
  /// Of one row: whether its host has stopped.
  bool stops(int row) const noexcept {
    const Row& at = table_[static_cast<std::size_t>(row)];
    const StopWord* const word = at.word.load();
    return word != nullptr && word->stops.load() > at.released.load(std::memory_order_relaxed);
  }

  /// Obeys `word` in a row that is free, -1 where none is. All beyond `released` counts.
  int add(const StopWord& word, std::uint64_t released) noexcept {
    std::size_t row = 0;
    while (row < kMost && table_[row].word.load() != nullptr) ++row;
    if (row == kMost) return -1;
    table_[row].released.store(released, std::memory_order_relaxed);
    table_[row].word.store(&word);
    if (row >= rows_.load(std::memory_order_relaxed)) {
      rows_.store(row + 1, std::memory_order_release);
    }
    return static_cast<int>(row);
  }
  void release(int row, std::uint64_t count) noexcept {
    table_[static_cast<std::size_t>(row)].released.store(count, std::memory_order_relaxed);
  }
  /// Waits until nobody looks at the word any more: its memory may go.
  void remove(int row) noexcept {
    table_[static_cast<std::size_t>(row)].word.store(nullptr);
    while (readers_.load() != 0) {
    }
    std::size_t rows = rows_.load(std::memory_order_relaxed);
    while (rows > 0 && table_[rows - 1].word.load() == nullptr) --rows;
    rows_.store(rows, std::memory_order_release);
  }

 private:
  struct Row {
    std::atomic<const StopWord*> word{nullptr};
    std::atomic<std::uint64_t> released{0};
  };
  std::array<Row, kMost> table_{};
  std::atomic<std::size_t> rows_{0};
  mutable std::atomic<std::uint32_t> readers_{0};
};

}  // namespace horus
