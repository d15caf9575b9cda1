// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "rt/base/result.hpp"
#include "shm/publisher.hpp"
#include "shm/subscriber.hpp"

namespace horus::shm {

/// Element types of tensors; the numbers travel in descriptors.
enum class Dtype : std::uint8_t {
  kF32,
  kF64,
  kF16,
  kBf16,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kBool
};
std::size_t size_of(Dtype dtype) noexcept;

/// Pixel formats; the numbers travel in descriptors.
enum class Encoding : std::uint8_t {
  kMono8,
  kMono16,
  kRgb8,
  kBgr8,
  kRgba8,
  kBgra8,
  kYuv422,
  kMono32f,
  kRgb32f,
  kBayerRggb8,
  kDepth16
};
struct EncodingInfo {
  std::string_view name;  ///< "rgb8"
  std::uint8_t channels;
  Dtype dtype;
};
const EncodingInfo& info(Encoding encoding) noexcept;
std::optional<Encoding> parse_encoding(std::string_view name) noexcept;

struct ImageState;

/// A frame in shared memory: one's own (writable) or received (read-only). Copies of the handle
/// share the frame, which lives as long as any of them, in any process.
///
/// Thread safety: the handle's count is atomic; the pixels are the user's affair.
class Image {
 public:
  Image() noexcept = default;
  explicit Image(std::shared_ptr<ImageState> state) noexcept : state_{std::move(state)} {}
  explicit operator bool() const noexcept { return state_ != nullptr; }

  std::uint32_t height() const noexcept;
  std::uint32_t width() const noexcept;
  Encoding encoding() const noexcept;
  std::uint32_t step() const noexcept;  ///< Bytes from one row to the next.
  std::span<const std::byte> bytes() const noexcept;
  /// Empty for a received frame.
  std::span<std::byte> writable() noexcept;
  bool read_only() const noexcept;

  std::uint64_t timestamp_ns() const noexcept;
  void set_timestamp_ns(std::uint64_t ns) noexcept;
  std::string_view frame_id() const noexcept;
  bool set_frame_id(std::string_view id) noexcept;  ///< False when longer than 31 bytes.

  const std::shared_ptr<ImageState>& state() const noexcept { return state_; }

 private:
  std::shared_ptr<ImageState> state_;
};

class ImagePublisher {
 public:
  ImagePublisher() noexcept;
  struct State;
  explicit ImagePublisher(std::unique_ptr<State> state) noexcept;
  ImagePublisher(ImagePublisher&&) noexcept;
  ImagePublisher& operator=(ImagePublisher&&) noexcept;
  ~ImagePublisher();

  /// Sends a descriptor, no pixels; a received frame, or one of another base, is copied into
  /// this process's pool first. False when there is no free block for that copy. The frame stays
  /// alive while its descriptor is in the topic's window (capacity frames, default 8).
  bool send(const Image& image) noexcept;
  std::uint64_t sent() const noexcept;

 private:
  std::unique_ptr<State> state_;
};

class ImageSubscriber {
 public:
  ImageSubscriber() noexcept;
  struct State;
  explicit ImageSubscriber(std::unique_ptr<State> state) noexcept;
  ImageSubscriber(ImageSubscriber&&) noexcept;
  ImageSubscriber& operator=(ImageSubscriber&&) noexcept;
  ~ImageSubscriber();

  /// The next frame, held and read-only; an empty Image when there is none. A frame whose block
  /// was taken back before it could be held counts as missed.
  Image take() noexcept;
  Image take_latest() noexcept;
  bool has_message() const noexcept;
  bool wait_until(TimePoint until) noexcept;
  void interrupt() noexcept;
  std::uint64_t received() const noexcept;
  std::uint64_t missed() const noexcept;
  std::uint64_t torn() const noexcept;  ///< As RawSubscriber's.

 private:
  std::unique_ptr<State> state_;
};

}  // namespace horus::shm
