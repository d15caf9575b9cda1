// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "rt/base/unique_fd.hpp"

namespace horus::test {

/// A message of any length whose bytes follow from its number: what is torn shows.
struct Varied {
  static constexpr std::size_t kLargest = 1024;

  static std::size_t length_of(std::uint64_t number) noexcept {
    return 16 + number * 0x9e3779b97f4a7c15U % (kLargest - 16);
  }
  static std::span<const std::byte> of(std::uint64_t number,
                                       std::array<std::byte, kLargest>& buffer) noexcept {
    const std::size_t length = length_of(number);
    std::memcpy(buffer.data(), &number, sizeof number);
    for (std::size_t i = sizeof number; i < length; ++i) buffer[i] = byte_of(number, i);
    return {buffer.data(), length};
  }
  static bool whole(std::span<const std::byte> message) noexcept {
    std::uint64_t number = 0;
    if (message.size() < sizeof number) return false;
    std::memcpy(&number, message.data(), sizeof number);
    if (message.size() != length_of(number)) return false;
    for (std::size_t i = sizeof number; i < message.size(); ++i) {
      if (message[i] != byte_of(number, i)) return false;
    }
    return true;
  }

 private:
  static std::byte byte_of(std::uint64_t number, std::size_t at) noexcept {
    return static_cast<std::byte>(number * 31 + at);
  }
};

/// What the processes of a storm say to each other without a system call.
struct Storm {
  static constexpr std::size_t kTopics = 2;  ///< "typed", "generic".
  struct Reader {
    std::array<std::atomic<std::uint64_t>, kTopics> received{};
    std::array<std::atomic<std::uint64_t>, kTopics> passed_over{};
    std::array<std::atomic<std::uint64_t>, kTopics> missed{};
    std::array<std::atomic<std::uint32_t>, kTopics> publishers{};
    std::atomic<std::uint64_t> torn{0};
    std::atomic<std::uint32_t> empty{0};  ///< Nothing was left after `no_more`.
  };
  std::atomic<std::uint32_t> stop{0};     ///< For publishers.
  std::atomic<std::uint32_t> no_more{0};  ///< Nobody sends any more.
  std::array<Reader, 4> readers{};

  static Storm& map(const std::string& base) {
    const UniqueFd file{::open((base + "/storm").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!file || ::ftruncate(file.get(), sizeof(Storm)) != 0) std::abort();
    void* memory =
        ::mmap(nullptr, sizeof(Storm), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) std::abort();
    return *static_cast<Storm*>(memory);
  }
};

}  // namespace horus::test
