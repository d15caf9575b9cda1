// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace horus {

/// The emergency stops of one host, at a fixed place of its statistics page (RT-13). The host is
/// stopped by a request of its own while `stops` is above `began`.
struct StopWord {
  /// The value of `stops` up to which its stops have been released.
  std::atomic<std::uint64_t> began{0};
  /// Grows by one with each emergency stop requested in this host. A new life of the host starts at
  /// a number that no earlier life has reached.
  std::atomic<std::uint64_t> stops{0};
  /// When the stop that holds this host was requested, here or in another host; monotonic.
  /// Negative: that stop was released. 0: there was none.
  std::atomic<std::int64_t> since_ns{0};
};

/// The stop words of the other hosts that a process obeys, one row each. A row also holds how many
/// of the host's stops were released; the host counts as stopped while its word is above that.
///
/// Thread safety: look() and since() from any thread, the rest from one thread at a time.
/// Progress: look() is wait-free. It costs one load of shared memory per host; without hosts, one
/// load of a counter.
class StopWords {
 public:
  static constexpr std::size_t kMost = 64;

  /// RT-safe. The row of a host that has stopped; -1 when none has.
  int look() const noexcept {
    const std::size_t rows = rows_.load(std::memory_order_acquire);
    if (rows == 0) return -1;
    // seq_cst, here and in remove(): either this thread finds the word gone, or remove() sees this
    // reader and waits for it.
    readers_.fetch_add(1);
    int found = -1;
    for (std::size_t i = 0; i < rows; ++i) {
      const StopWord* const word = table_[i].word.load();
      if (word == nullptr) continue;
      // acquire: shows us what the host wrote before it counted the stop, e.g. since_ns.
      const std::uint64_t stops = word->stops.load(std::memory_order_acquire);
      if (stops > table_[i].released.load(std::memory_order_relaxed)) found = static_cast<int>(i);
    }
    readers_.fetch_sub(1);
    return found;
  }

  /// RT-safe. When the latest stop that the host in `row` obeys was requested, monotonic, also if
  /// it was released since. 0: not known.
  std::int64_t since(int row) const noexcept {
    readers_.fetch_add(1);
    const StopWord* const word = table_[static_cast<std::size_t>(row)].word.load();
    const std::int64_t since = word != nullptr ? word->since_ns.load() : 0;
    readers_.fetch_sub(1);
    return since < 0 ? -since : since;
  }
  /// Whether the host in `row` has stopped.
  bool stops(int row) const noexcept {
    const Row& at = table_[static_cast<std::size_t>(row)];
    const StopWord* const word = at.word.load();
    return word != nullptr && word->stops.load() > at.released.load(std::memory_order_relaxed);
  }

  /// From now on `word` is obeyed; its stops up to `released` count as released. Returns its row,
  /// or -1 when all kMost rows are taken. `word` stays mapped until remove() has returned.
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
  /// The stops of the host in `row` up to `count` are released.
  void release(int row, std::uint64_t count) noexcept {
    table_[static_cast<std::size_t>(row)].released.store(count, std::memory_order_relaxed);
  }
  /// Obeys the word in `row` no longer. Spins until no thread looks at it; afterwards its memory
  /// may be unmapped.
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
