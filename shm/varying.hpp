// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "shm/declare.hpp"

/// Messages whose size varies: a head, which is a struct of fields, and behind it arrays, the
/// tails. Each tail is as long as fields of the head say, and begins at the next multiple of 8
/// bytes.
///
///   auto maps = session->publish("map", type_info(Tag<msg::OccupancyGrid>{})).value();
///   // head.width and head.height say how many cells there are.
///   const auto built = MessageBuilder<msg::OccupancyGrid>::in(buffer, head);
///   built->tail<std::int8_t>("data")[0] = 100;
///   maps.send(built->bytes());
///
///   const auto size = subscriber.take(buffer);  // Of max_size() bytes; -1: no message.
///   const auto map = MessageView<msg::OccupancyGrid>::of(buffer.first(size));
///   const std::span<const std::int8_t> cells = map->tail<std::int8_t>("data");
///
/// RT-safe: nothing here allocates, locks or throws.
namespace horus::shm {

/// The places of the tails of one message, computed from its head.
class TailLayout {
 public:
  /// `head` has type.size bytes or more, from any source. nullopt if the whole message would exceed
  /// kMaxMessage bytes.
  static std::optional<TailLayout> of(const TypeInfo& type,
                                      std::span<const std::byte> head) noexcept;
  /// For a whole message, which must be exactly as long as its head says; nullopt for any other.
  static std::optional<TailLayout> of_message(const TypeInfo& type,
                                              std::span<const std::byte> message) noexcept;

  std::size_t size() const noexcept { return size_; }  ///< Bytes of the whole message.
  std::size_t offset(std::size_t tail) const noexcept { return offsets_[tail]; }
  std::size_t count(std::size_t tail) const noexcept { return counts_[tail]; }

 private:
  std::size_t size_ = 0;
  std::array<std::size_t, kMaxTails> offsets_{};
  std::array<std::size_t, kMaxTails> counts_{};
};

/// How many elements the head asks for; it may be more than any message can hold.
std::uint64_t tail_count(const TypeInfo& type, const TailInfo& tail,
                         std::span<const std::byte> head) noexcept;

/// The index of the tail with this name and kind of elements; kMaxTails: none.
std::size_t find_tail(const TypeInfo& type, std::string_view name, Kind kind) noexcept;

/// Reads a received message in the buffer that it was taken into.
template <VaryingMessage T>
class MessageView {
 public:
  /// nullopt if the bytes are not as long as their own head says, or are not aligned to 8.
  /// `message` must outlive the view.
  static std::optional<MessageView> of(std::span<const std::byte> message) noexcept {
    const TypeInfo& type = type_info(Tag<T>{});
    const auto layout = TailLayout::of_message(type, message);
    if (!layout || reinterpret_cast<std::uintptr_t>(message.data()) % 8 != 0) return std::nullopt;
    return MessageView{message, *layout};
  }

  const T& head() const noexcept { return head_; }
  /// Empty if T has no tail with this name and type of elements.
  template <typename Element>
  std::span<const Element> tail(std::string_view name) const noexcept {
    const std::size_t i = find_tail(type_info(Tag<T>{}), name, detail::kind_of<Element>());
    if (i == kMaxTails) return {};
    return {reinterpret_cast<const Element*>(message_.data() + layout_.offset(i)),
            layout_.count(i)};
  }

 private:
  MessageView(std::span<const std::byte> message, const TailLayout& layout) noexcept
      : message_{message}, layout_{layout} {
    std::memcpy(&head_, message.data(), sizeof head_);
  }
  std::span<const std::byte> message_;
  TailLayout layout_;
  T head_;
};

/// Builds a message in the caller's buffer, from which it is then sent.
template <VaryingMessage T>
class MessageBuilder {
 public:
  /// Writes the head, whose counts say how long the tails are, and sets all elements to 0. nullopt
  /// if the buffer is too small or not aligned to 8.
  static std::optional<MessageBuilder> in(std::span<std::byte> buffer, const T& head) noexcept {
    const auto layout = TailLayout::of(type_info(Tag<T>{}), std::as_bytes(std::span{&head, 1}));
    if (!layout || layout->size() > buffer.size() ||
        reinterpret_cast<std::uintptr_t>(buffer.data()) % 8 != 0) {
      return std::nullopt;
    }
    const std::span<std::byte> bytes = buffer.first(layout->size());
    std::memcpy(bytes.data(), &head, sizeof head);
    std::memset(bytes.data() + sizeof head, 0, bytes.size() - sizeof head);
    return MessageBuilder{bytes, *layout};
  }

  /// Empty if T has no tail with this name and type of elements.
  template <typename Element>
  std::span<Element> tail(std::string_view name) const noexcept {
    const std::size_t i = find_tail(type_info(Tag<T>{}), name, detail::kind_of<Element>());
    if (i == kMaxTails) return {};
    return {reinterpret_cast<Element*>(bytes_.data() + layout_.offset(i)), layout_.count(i)};
  }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  MessageBuilder(std::span<std::byte> bytes, const TailLayout& layout) noexcept
      : bytes_{bytes}, layout_{layout} {}
  std::span<std::byte> bytes_;
  TailLayout layout_;
};

}  // namespace horus::shm
