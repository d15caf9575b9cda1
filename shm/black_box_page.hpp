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

#include <horus/result.hpp>

#include "rt/base/black_box.hpp"
#include "shm/region.hpp"

namespace horus::shm {

/// The default size of a box in bytes: for a Python host, and for horusd.
inline constexpr std::size_t kBoxBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kDaemonBoxBytes = std::size_t{4} << 20U;
/// The smallest and the largest size that may be asked for, in MiB.
inline constexpr double kLeastBoxMb = 0.0625;
inline constexpr double kMostBoxMb = 64;
/// Whether the size may be asked for: 0 (the default), or a size within the limits.
constexpr bool is_box_size(double mebibytes) noexcept {
  return mebibytes == 0 || (mebibytes >= kLeastBoxMb && mebibytes <= kMostBoxMb);
}
constexpr std::size_t box_bytes(double mebibytes, std::size_t usual) noexcept {
  return mebibytes == 0 ? usual : static_cast<std::size_t>(mebibytes * (1U << 20U));
}

/// Whether the host is a program without a name, called "py-<pid>". Such a host has no successor.
bool is_unnamed(std::string_view host) noexcept;
/// How many dead hosts without a name keep what they left, to be looked at.
inline constexpr std::size_t kUnnamedKept = 3;

/// How far somebody has read a host's box: the last event that was read.
struct BoxMark {
  std::uint64_t sequence = 0;
  std::int64_t at_ns = 0;
};

/// The content of one host's box.
struct HostEvents {
  std::string host;
  bool alive = false;
  std::uint64_t lives = 0;
  std::uint64_t lost = 0;
  ClockPair clocks{};
  std::vector<Event> events{};  ///< Sorted by their numbers.

  /// The events after the mark; moves the mark to the last of them. If the box began afresh, as it
  /// does after a host has ended cleanly, all events from number 1 on. A missing number may be that
  /// of an event which another thread is writing: an event behind it that is younger than
  /// kBeingWritten, and what follows, is left for a later call.
  std::span<const Event> after(BoxMark& mark, TimePoint now) const noexcept;
  static constexpr Nanos kBeingWritten = 100ms;
  /// Whether the host is dead without having said that it ends: it was killed, or it crashed.
  bool died() const noexcept;
  /// Whether the host before this one died in that way.
  bool began_after_a_death() const noexcept;
};

/// The boxes in bytes that anybody may have written: torn, cut off or damaged ones give the part
/// that is whole. `bytes` has a length of whole 8-byte words, and their alignment.
std::vector<HostEvents> boxes_in(std::span<const std::byte> bytes);
/// The bytes of a box that has these events, and no room for more.
std::vector<std::byte> bytes_of(const HostEvents& box);

/// Another host's box, read in its mapping, with its events in order. Nothing is copied, as a box
/// may have 64 MiB.
class BoxView {
 public:
  /// Maps the first `most` bytes of the file. nullopt when it cannot be read, or when the box names
  /// another host than its file does.
  static std::optional<BoxView> open(const FolderPtr& hosts, const std::string& file,
                                     std::size_t most);

  const std::string& host() const noexcept { return host_; }
  /// As in HostEvents.
  bool died() const noexcept;
  bool began_after_a_death() const noexcept;
  std::size_t events() const noexcept { return order_.size(); }
  /// The number of the last event; 0: there is none.
  std::uint64_t last() const noexcept { return order_.empty() ? 0 : order_.back().sequence; }
  /// The bytes before the events in a copy that has one event more.
  std::vector<std::byte> head_of_copy() const;
  /// Event `i` in order; nullopt if its host has overwritten it since.
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
/// The bytes of one place of a box: with this event, or empty.
std::vector<std::byte> place_with(const std::optional<Event>& event);

/// A host's box for repeated reading. Its last events can still be read when the host has ended and
/// removed the file's name.
class OtherBox {
 public:
  /// Every box under `base` that this user may read, by name.
  static std::vector<OtherBox> open_all(const std::string& base);
  /// The box of a living or dead host; nullopt when it cannot be read, or names another host than
  /// its file does.
  static std::optional<OtherBox> open(const FolderPtr& hosts, const std::string& file);

  /// Whether the file still has its name, so that others can find it.
  bool is_named() const noexcept { return region_.is_named(); }
  std::optional<HostEvents> read() const;

 private:
  OtherBox(std::string file, Region region) : file_{std::move(file)}, region_{std::move(region)} {}

  std::string file_;
  Region region_;
};

/// One host's events in `<base>/hosts/<name>.blackbox`. As with statistics, its owner writes in
/// place, others read, and a successor continues it. It outlives its host: copies of it are kept,
/// see black_box_store.hpp.
///
/// Thread safety: box() as BlackBox says; keep() and remove() from any thread.
class BlackBoxPage {
 public:
  static constexpr std::string_view kSuffix = ".blackbox";
  /// Of all boxes, at most so many are read.
  static constexpr std::size_t kMostPages = 64;

  /// Makes a box of about `bytes`, or of as much as there is room for, and records the host's start
  /// in it. kBusy when a living process has the box of that host.
  static Result<BlackBoxPage> create(const std::string& base, std::string_view host,
                                     std::size_t bytes);
  /// Every box under `base` that this user may read, by name.
  static std::vector<HostEvents> read_all(const std::string& base);
  /// The content of a box, of a living or dead host; nullopt when it cannot be read.
  static std::optional<HostEvents> read(const FolderPtr& hosts, const std::string& file);
  /// The file of a host's box.
  static std::string file_of(std::string_view host);
  /// Removes the boxes of dead hosts of this user (in a base of this user's: of anybody), except
  /// the files in `but`.
  static void remove_dead(const std::string& base,
                          const std::vector<std::string>& but = {}) noexcept;

  BlackBox& box() noexcept { return *box_; }
  /// Whether the host before this one died, so that its last events may not have been kept.
  bool follows_a_death() const noexcept { return follows_a_death_; }
  /// Records that the host ends, and why. `code`: 0 if it was asked to end.
  void end(std::string_view why, int code) noexcept;
  /// Makes the file again if somebody removed its name. Called now and then from another thread.
  void keep(const FolderPtr& hosts) noexcept;
  /// Removes the file's name. From any thread.
  void remove() noexcept;
  HostEvents read() const;

 private:
  explicit BlackBoxPage(Region region) noexcept : region_{std::move(region)} {}
  void begin(std::string_view host, std::size_t places);

  Region region_;
  std::optional<BlackBox> box_;
  struct Own {
    std::mutex mutex;    // not RT: who keeps its name, and who removes it
    std::string name{};  ///< File name; empty once it is to have none.
  };
  std::unique_ptr<Own> own_ = std::make_unique<Own>();
  bool follows_a_death_ = false;
};

}  // namespace horus::shm
