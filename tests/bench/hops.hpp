// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <horus/image.hpp>
#include <horus/payload.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

/// The two ends of a way that a message goes and comes back, for bench_topic: topics, and the
/// bare word that no topic can beat.
namespace horus::bench {

inline constexpr std::uint32_t kLargest = 1U << 20;  ///< Of a message.
inline constexpr std::uint32_t kFrame = 1080 * 1920 * 3;
inline constexpr std::uint32_t kBulk = 1024;  ///< From here on the floor copies the bytes, too.

/// Of the two ends the one that begins, the one that answers, or one that is both.
enum class Side : std::uint8_t { kFirst, kSecond, kBoth };

/// What is measured. Both ends have the same table of these.
struct Cell {
  enum class Kind : std::uint8_t {
    kSame,
    kHop,
    kImage,
    kCopied,
    kStream,
    kOpen,
    kBurst,
    kCold,
    kAttach,
    kCameras
  };
  std::string name;
  Kind kind = Kind::kHop;
  std::uint32_t size = 64;  ///< Bytes of a message.
  bool process = false;     ///< The other end is a process, not a thread.
  bool sleeps = false;      ///< Readers sleep until they are woken.
  bool generic = false;
  int publishers = 1;  ///< At each end.
  int subscribers = 1;
};

/// Memory of both ends, made before the fork.
struct Shared {
  alignas(64) std::atomic<std::uint32_t> word{0};
  alignas(64) std::atomic<std::uint32_t> finished{0};
  alignas(64) std::array<std::byte, kFrame> there{};
  alignas(64) std::array<std::byte, kFrame> back{};
};

/// The end of a wait for something that never comes: a benchmark ends by itself.
class Patience {
 public:
  bool left() noexcept {
    constexpr std::uint32_t kLooks = 1U << 16;
    if (++looks_ % kLooks != 0) return true;
    const TimePoint now = MonotonicClock::now();
    if (looks_ == kLooks) end_ = now + 2s;
    return now < end_;
  }

 private:
  std::uint32_t looks_ = 0;
  TimePoint end_{};  ///< Not asked for before it matters: a look at the clock is as long as a hop.
};

inline void relax() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// The floor: one word, spinning or in a futex; large messages are copied in and out beside it.
class BareEnd {
 public:
  BareEnd(Shared& shared, const Cell& cell, Side side)
      : shared_{shared},
        sleeps_{cell.sleeps},
        bulk_{cell.size >= kBulk ? cell.size : 0},
        out_{side == Side::kFirst ? shared.there.data() : shared.back.data()},
        in_{side == Side::kFirst ? shared.back.data() : shared.there.data()},
        expected_{side == Side::kFirst ? 2U : 1U},
        own_(bulk_) {}

  void send() noexcept {
    if (bulk_ != 0) std::memcpy(out_, own_.data(), bulk_);
    shared_.word.store(expected_ - 1, std::memory_order_seq_cst);
    if (sleeps_) ::syscall(SYS_futex, &shared_.word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  bool receive() noexcept {
    Patience patience;
    std::uint32_t seen = 0;
    while ((seen = shared_.word.load(std::memory_order_acquire)) != expected_) {
      if (sleeps_) {
        constexpr timespec kBound{.tv_sec = 1, .tv_nsec = 0};
        ::syscall(SYS_futex, &shared_.word, FUTEX_WAIT, seen, &kBound, nullptr, 0);
      } else {
        relax();
      }
      if (!patience.left()) return false;
    }
    if (bulk_ != 0) std::memcpy(own_.data(), in_, bulk_);
    expected_ += 2;
    return true;
  }

 private:
  Shared& shared_;
  bool sleeps_;
  std::size_t bulk_;
  std::byte* out_;
  std::byte* in_;
  std::uint32_t expected_;  ///< Odd: the first end has sent; even: the second has answered.
  std::vector<std::byte> own_;
};

/// A type of `size` bytes without fields; 0: the generic one.
inline const shm::TypeInfo& type_of_size(std::uint32_t size) {
  static const std::array kTypes = [] {
    std::array<shm::TypeInfo, 32> types{};
    for (std::uint32_t bit = 0; bit < types.size(); ++bit) {
      types[bit] = {.name = "Block",
                    .default_topic = "",
                    .size = 1U << bit,
                    .align = 8,
                    .hash = 0xb10c0000U + bit,
                    .fields = {},
                    .args = {},
                    .doc = ""};
    }
    return types;
  }();
  return kTypes[static_cast<std::size_t>(__builtin_ctz(size))];
}

inline bool patiently(auto condition) {
  Patience patience;
  while (!condition()) {
    if (!patience.left()) return false;
    ::sched_yield();
  }
  return true;
}

/// An end of topics: every message goes through one of its publishers, in turn, and to all of the
/// other end's subscribers.
class TopicEnd {
 public:
  TopicEnd(shm::Session& session, const Cell& cell, Side side)
      : sleeps_{cell.sleeps}, buffer_(cell.size), publishers_{cell.publishers} {
    const auto& type = cell.generic ? shm::generic_type() : type_of_size(cell.size);
    const shm::TopicOptions options{.max_size = cell.generic ? cell.size : 0};
    const std::string out = cell.name + (side == Side::kSecond ? "/back" : "/there");
    const std::string in = cell.name + (side == Side::kFirst ? "/back" : "/there");
    for (int i = 0; i < cell.subscribers; ++i) {
      if (auto made = session.subscribe(in, type, options)) in_.push_back(std::move(made).value());
    }
    for (int i = 0; i < cell.publishers; ++i) {
      if (auto made = session.publish(out, type, options)) out_.push_back(std::move(made).value());
    }
    whole_ = in_.size() == static_cast<std::size_t>(cell.subscribers) &&
             out_.size() == static_cast<std::size_t>(cell.publishers);
  }
  /// Whether every subscriber has found every publisher of the other end.
  bool connected() const {
    return whole_ && patiently([this] {
             for (const auto& subscriber : in_) {
               if (subscriber.publishers() != static_cast<std::uint32_t>(publishers_)) return false;
             }
             return true;
           });
  }
  void send() noexcept {
    out_[turn_].send(buffer_);
    turn_ = turn_ + 1 == out_.size() ? 0 : turn_ + 1;
  }
  bool receive() noexcept {
    for (auto& subscriber : in_) {
      Patience patience;
      while (subscriber.take(buffer_) < 0) {
        if (!patience.left()) return false;
        if (sleeps_) {
          subscriber.wait_until(MonotonicClock::now() + 1s);
        } else {
          relax();
        }
      }
    }
    return true;
  }
  /// Everything that is there; returns how many messages.
  std::uint64_t drain() noexcept {
    std::uint64_t count = 0;
    for (auto& subscriber : in_) {
      while (subscriber.take(buffer_) >= 0) ++count;
    }
    return count;
  }
  std::uint64_t missed() const noexcept {
    std::uint64_t missed = 0;
    for (const auto& subscriber : in_) missed += subscriber.counts().missed;
    return missed;
  }

 private:
  bool sleeps_;
  std::vector<std::byte> buffer_;
  std::vector<shm::RawPublisher> out_;
  std::vector<shm::RawSubscriber> in_;
  std::size_t turn_ = 0;
  int publishers_;
  bool whole_ = false;
};

/// An image goes there, 64 bytes come back.
class ImageEnd {
 public:
  ImageEnd(shm::Session& session, const Cell& cell, Side side)
      : words_{session, {.name = cell.name + "/words", .sleeps = cell.sleeps}, side},
        first_{side == Side::kFirst} {
    if (first_) {
      if (auto made = session.publisher<shm::Image>(cell.name)) out_ = std::move(made).value();
      if (auto made = shm::Image::make(session, 1024, cell.size / 1024, shm::Encoding::kMono8)) {
        image_ = std::move(made).value();
      }
    } else if (auto made = session.subscriber<shm::Image>(cell.name)) {
      in_ = std::move(made).value();
    }
  }
  bool connected() const { return words_.connected(); }
  void send() noexcept { first_ ? static_cast<void>(out_.send(image_)) : words_.send(); }
  bool receive() noexcept {
    if (first_) return words_.receive();
    Patience patience;
    image_ = {};
    while (!(image_ = in_.take())) {
      if (!patience.left()) return false;
      relax();
    }
    return true;
  }

 private:
  TopicEnd words_;
  shm::ImagePublisher out_;
  shm::ImageSubscriber in_;
  shm::Image image_;
  bool first_;
};

/// Frames copied in and out, both ways, in the way of a program that has them from elsewhere: a
/// block, the bytes, the send.
class CopiedEnd {
 public:
  CopiedEnd(shm::Session& session, const Cell& cell, Side side)
      : session_{session},
        shape_{cell.size},
        own_(cell.size),
        words_{session, {.name = cell.name + "/words"}, side} {
    const bool first = side == Side::kFirst;
    auto out = session.publisher<shm::Tensor>(cell.name + (first ? "/there" : "/back"));
    auto in = session.subscriber<shm::Tensor>(cell.name + (first ? "/back" : "/there"));
    whole_ = out && in;
    if (!whole_) return;
    out_ = std::move(out).value();
    in_ = std::move(in).value();
  }
  bool connected() const { return whole_ && words_.connected(); }
  void send() noexcept {
    auto made = shm::Tensor::make(session_, shape_, shm::Dtype::kU8);
    if (!made) return;
    std::memcpy(made.value().writable().data(), own_.data(), own_.size());
    out_.send(std::move(made).value());
  }
  bool receive() noexcept {
    Patience patience;
    shm::Tensor taken;
    while (!(taken = in_.take())) {
      if (!patience.left()) return false;
      relax();
    }
    std::memcpy(own_.data(), taken.bytes().data(), own_.size());
    return true;
  }

 private:
  shm::Session& session_;
  std::array<std::uint64_t, 1> shape_;
  std::vector<std::byte> own_;
  TopicEnd words_;  ///< Only to see that the ends have found each other.
  shm::PooledPublisher<shm::Tensor> out_;
  shm::PooledSubscriber<shm::Tensor> in_;
  bool whole_ = false;
};

/// The first end's loop; the cycles of each way there and back. False: an answer never came.
template <typename End>
bool ping(End& end, std::vector<std::uint64_t>& cycles) {
  for (std::uint64_t& each : cycles) {
    const std::uint64_t begin = cycle_count();
    end.send();
    if (!end.receive()) return false;
    each = cycle_count() - begin;
  }
  return true;
}

template <typename End>
bool pong(End& end, std::size_t hops) {
  for (std::size_t i = 0; i < hops; ++i) {
    if (!end.receive()) return false;
    end.send();
  }
  return true;
}

}  // namespace horus::bench
