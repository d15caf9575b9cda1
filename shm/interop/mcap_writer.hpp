// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <horus/result.hpp>

#include "shm/interop/mcap.hpp"

namespace horus::interop::mcap {

/// Takes the bytes of a file, from the beginning to the end.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Status write(std::string_view bytes) = 0;
};

/// Writes a file: the chunks as they come, and at the end an index of them. A file whose end was
/// never written can be read up to its last whole chunk.
///
/// Thread safety: one thread at a time.
class Writer {
 public:
  /// `compressed`: chunks are compressed with zstd.
  Writer(Sink& sink, bool compressed) noexcept : sink_{sink}, compressed_{compressed} {}

  /// Call it first. The notes are written together with the beginning.
  Status begin(std::string_view library, const std::map<std::string, Notes>& notes = {});
  Status add(const Chunk& chunk);
  Status add_note(std::string_view name, const Notes& notes);
  Status attach(std::string_view name, std::string_view media_type, std::uint64_t now_ns,
                std::string_view data);
  /// Writes every schema and channel again, for a reader that has lost the chunk with the first
  /// copy.
  Status declare_again();
  /// Call it last. The notes are written together with the end.
  Status finish(const std::map<std::string, Notes>& notes = {});

  std::uint64_t size() const noexcept { return size_; }  ///< Bytes written.
  std::uint64_t messages() const noexcept { return messages_; }

 private:
  Status put(std::string_view bytes);
  std::string statistics(std::size_t notes) const;

  Sink& sink_;
  bool compressed_;
  std::uint64_t size_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t first_ns_ = 0;
  std::uint64_t last_ns_ = 0;
  std::map<std::uint16_t, std::uint64_t> counts_{};
  std::map<std::uint16_t, std::string> schemas_{};
  std::map<std::uint16_t, std::string> channels_{};
  std::vector<std::string> chunk_index_{};
  std::vector<std::string> attachment_index_{};
  std::vector<std::string> note_index_{};
};

}  // namespace horus::interop::mcap
