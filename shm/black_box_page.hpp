// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>  // not RT: see BlackBoxPage::Own
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rt/base/black_box.hpp"
#include "rt/base/result.hpp"
#include "shm/region.hpp"

namespace horus::shm {

/// A box's bytes where nobody says how many: of a Python host, and of horusd.
inline constexpr std::size_t kBoxBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kDaemonBoxBytes = std::size_t{4} << 20U;
/// The least and the most that may be asked for, in MiB.
inline constexpr double kLeastBoxMb = 0.0625;
inline constexpr double kMostBoxMb = 64;
/// 0, which is the default, or a size within the limits.
constexpr bool is_box_size(double mebibytes) noexcept {
  return mebibytes == 0 || (mebibytes >= kLeastBoxMb && mebibytes <= kMostBoxMb);
}
constexpr std::size_t box_bytes(double mebibytes, std::size_t usual) noexcept {
  return mebibytes == 0 ? usual : static_cast<std::size_t>(mebibytes * (1U << 20U));
}

/// Whether the name is that of a program without one, "py-<pid>": such a host has no successor.
bool is_unnamed(std::string_view host) noexcept;
/// Of so many dead ones what they left stays, to be looked at.
inline constexpr std::size_t kUnnamedKept = 3;

/// How far a host's box was read: its last event.
struct BoxMark {
  std::uint64_t sequence = 0;
  std::int64_t at_ns = 0;
};

/// One host's box, as it was read.
struct HostEvents {
  std::string host;
  bool alive = false;
  std::uint64_t lives = 0;
  std::uint64_t lost = 0;
  ClockPair clocks{};
  std::vector<Event> events{};  ///< By their numbers.

  /// What came after the mark, which moves to the end. Of a box that began afresh, as a host's does
  /// that ended in order, everything, from number 1 on. Where a number is missing before an event
  /// that is younger than kBeingWritten, another thread may be writing that one: what follows is
  /// left for a later call.
  std::span<const Event> after(BoxMark& mark, TimePoint now) const noexcept;
  static constexpr Nanos kBeingWritten = 100ms;
  /// Whether it came to an end that it did not say itself: it was killed, or it crashed.
  bool died() const noexcept;
  /// Whether the one before this life did.
  bool began_after_a_death() const noexcept;
};

/// The boxes in bytes that anybody may have written, torn, cut off or damaged: what is whole of
/// them. Of a length in words, and aligned as they.
std::vector<HostEvents> boxes_in(std::span<const std::byte> bytes);
/// The bytes of a box that has these events, and no room for more.
std::vector<std::byte> bytes_of(const HostEvents& box);

/// Another's box where it lies in memory, and the order of its events: none of them is copied, as
/// there may be 64 MiB of them.
class BoxView {
 public:
  /// Of a larger file the first `most` bytes. Nothing where it cannot be read, or where the box is
  /// another host's than its file says.
  static std::optional<BoxView> open(const FolderPtr& hosts, const std::string& file,
                                     std::size_t most);

  const std::string& host() const noexcept { return host_; }
  /// As of HostEvents.
  bool died() const noexcept;
  bool began_after_a_death() const noexcept;
  std::size_t events() const noexcept { return order_.size(); }
  /// The number of the last one; 0: there is none.
  std::uint64_t last() const noexcept { return order_.empty() ? 0 : order_.back().sequence; }
  /// What stands before the places of a copy that has one event more.
  std::vector<std::byte> head_of_copy() const;
  /// Event `i` in its order; nothing where its host has overwritten it since.
  std::optional<Event> event(std::size_t i) const noexcept;

 private:
  struct Spot {
    std::uint64_t sequence;
    std::uint32_t place;
  };
  explicit BoxView(Region region) noexcept : region_{std::move(region)} {}
  void sort(std::size_t places);

  Region region_;
  std::string host_;
  bool alive_ = false;
  std::vector<Spot> order_;
};
/// The bytes of a place with this event, or of an empty one.
std::vector<std::byte> place_with(const std::optional<Event>& event);

/// A host's box, for those who read it now and again: its last words are there, too, once its host
/// has ended and taken the name away.
class OtherBox {
 public:
  /// Every box under `base` that this user may read, by name.
  static std::vector<OtherBox> open_all(const std::string& base);
  /// What is there, alive or not; nothing where it cannot be read, or where the box is another
  /// host's than its file says.
  static std::optional<OtherBox> open(const FolderPtr& hosts, const std::string& file);

  /// Whether others still find it.
  bool is_named() const noexcept { return region_.is_named(); }
  std::optional<HostEvents> read() const;

 private:
  OtherBox(std::string file, Region region) : file_{std::move(file)}, region_{std::move(region)} {}

  std::string file_;
  Region region_;
};

/// One host's events in `<base>/hosts/<name>.blackbox`, as its statistics are kept: its owner
/// writes in place, others read, a successor goes on. It outlives its host: who puts a robot away
/// keeps a copy, see black_box_store.hpp.
class BlackBoxPage {
 public:
  static constexpr std::string_view kSuffix = ".blackbox";
  /// So many pages are read.
  static constexpr std::size_t kMostPages = 64;

  /// A box of about `bytes`, or of what there is room for, with its start in it. kBusy where a
  /// living process has that host's.
  static Result<BlackBoxPage> create(const std::string& base, std::string_view host,
                                     std::size_t bytes);
  /// Every box under `base` that this user may read, by name.
  static std::vector<HostEvents> read_all(const std::string& base);
  /// What is there, alive or not; nothing where it cannot be read.
  static std::optional<HostEvents> read(const FolderPtr& hosts, const std::string& file);
  /// The file of a host's box.
  static std::string file_of(std::string_view host);
  /// Takes away what dead hosts of this user, in his base of anybody, left, but for these files.
  static void remove_dead(const std::string& base,
                          const std::vector<std::string>& but = {}) noexcept;

  BlackBox& box() noexcept { return *box_; }
  /// The host before this one died, and nobody may have kept what it had to say.
  bool follows_a_death() const noexcept { return follows_a_death_; }
  /// The host's own word. code: 0 where it was asked to end.
  void end(std::string_view why, int code) noexcept;
  /// From another thread, now and then: where somebody took its name away, it has it again.
  void keep(const FolderPtr& hosts) noexcept;
  /// From any thread.
  void remove() noexcept;
  HostEvents read() const;

 private:
  explicit BlackBoxPage(Region region) noexcept : region_{std::move(region)} {}
  void begin(std::string_view host, std::size_t places);

  Region region_;
  std::optional<BlackBox> box_;
  struct Own {
    std::mutex mutex;    // not RT: who keeps its name, and who removes it
    std::string name{};  ///< Empty: it is to have none.
  };
  std::unique_ptr<Own> own_ = std::make_unique<Own>();
  bool follows_a_death_ = false;
};

}  // namespace horus::shm
