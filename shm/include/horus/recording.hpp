// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <horus/message.hpp>
#include <horus/result.hpp>

/// Recordings for C++ programs. Link horus::recording (libhorus-recording.so) for it.
///
///   auto recording = horus::or_throw(horus::Recording::open("run.mcap"));
///   while (auto next = horus::or_throw(recording.next())) {
///     if (const auto imu = next->as<horus::msg::Imu>()) plot(next->time_ns, *imu);
///   }
namespace horus {

/// One message of a recording.
struct RecordedMessage {
  enum class Form : std::uint8_t {
    kMessage,  ///< As it was sent, of type `type`.
    kJson,     ///< A value without a type, as JSON.
    kRaw,      ///< As it lies in the file: payloads, log lines, messages of other tools.
  };

  std::string topic{};        ///< Without a '/' at the beginning.
  std::string type{};         ///< "Imu"; empty: a message of another tool.
  std::uint64_t time_ns = 0;  ///< When the recorder took it, ns since 1970.
  std::uint64_t sent_ns = 0;  ///< Its own time stamp, or when it was sent; ns since 1970.
  std::uint32_t number = 0;   ///< Counts the messages of its publisher: a gap is a loss.
  Form form = Form::kRaw;
  std::uint64_t layout = 0;  ///< For kMessage: the TypeInfo::hash of its type.
  std::vector<std::byte> bytes{};

  /// The message as a T; nullopt if it has another type.
  template <typename T>
  std::optional<T> as() const {
    static_assert(std::is_trivially_copyable_v<T>);
    T message{};
    if (form != Form::kMessage || layout != type_info(shm::Tag<T>{}).hash) return std::nullopt;
    if (bytes.size() != sizeof message) return std::nullopt;
    std::memcpy(&message, bytes.data(), sizeof message);
    return message;
  }
};

/// Reads a recording from the beginning to the end, also one that was cut off.
///
/// Thread safety: one thread at a time.
class Recording {
 public:
  /// kCorrupt for a file that is not a recording.
  static Result<Recording> open(const std::string& path);
  Recording(Recording&&) noexcept;
  Recording& operator=(Recording&&) noexcept;
  ~Recording();

  /// The next message; nullopt at the end. kCorrupt for a damaged place; the next call goes on
  /// after that.
  Result<std::optional<RecordedMessage>> next();
  /// Call it once next() has returned nullopt: whether the file is complete.
  bool whole() const noexcept;
  /// The notes of the recorder that were read so far: "horus.system", "horus.missed", ...
  const std::map<std::string, std::map<std::string, std::string>>& notes() const noexcept;

 private:
  struct State;
  explicit Recording(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace horus
