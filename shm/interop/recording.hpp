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

#include "rt/base/result.hpp"
#include "shm/message.hpp"

/// Recordings for C++ programs: `#include <horus/recording.hpp>`, link horus::recording.
namespace horus {

/// One message of a recording.
struct RecordedMessage {
  enum class Form : std::uint8_t {
    kMessage,  ///< As it was sent, of type `type`.
    kJson,     ///< A value without a type, as JSON.
    kRaw,      ///< As it lies in the file: frames, lines of log, what another tool wrote.
  };

  std::string topic{};        ///< Without a '/' in front.
  std::string type{};         ///< "Imu"; empty: another tool's.
  std::uint64_t time_ns = 0;  ///< When the recorder took it, since 1970.
  std::uint64_t sent_ns = 0;  ///< Its own stamp, or when it was sent.
  std::uint32_t number = 0;   ///< Of all that its publisher sent: a gap is a loss.
  Form form = Form::kRaw;
  std::uint64_t layout = 0;  ///< Of a kMessage.
  std::vector<std::byte> bytes{};

  /// As a message of this type; nothing where it is none.
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

/// A recording, read from its beginning to its end, also where it was cut off.
///
/// Thread safety: one thread at a time.
class Recording {
 public:
  /// kCorrupt for a file that is no recording.
  static Result<Recording> open(const std::string& path);
  Recording(Recording&&) noexcept;
  Recording& operator=(Recording&&) noexcept;
  ~Recording();

  /// Nothing at the end. kCorrupt for a place that is damaged; the call after that goes on behind.
  Result<std::optional<RecordedMessage>> next();
  /// Once next() gave nothing: whether the file has its end.
  bool whole() const noexcept;
  /// What the recorder noted, as far as it was read: "horus.system", "horus.missed", ...
  const std::map<std::string, std::map<std::string, std::string>>& notes() const noexcept;

 private:
  struct State;
  explicit Recording(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace horus
