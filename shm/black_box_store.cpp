// SPDX-License-Identifier: Apache-2.0
#include "shm/black_box_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "shm/base.hpp"
#include "shm/names.hpp"
#include "shm/stats_page.hpp"

namespace horus::shm {
namespace {

constexpr const char* kServiceFolder = "/var/lib/horus/blackbox";
/// Larger than any copy that we write.
constexpr std::size_t kLargestCopy = std::size_t{256} << 20U;
/// How long to wait for another process, or thread, of this user that is writing a copy.
constexpr int kPatienceMs = 5000;
constexpr const char* kLock = ".lock";
constexpr std::size_t kDigits = 6;

/// The parts of a copy's file name, "rover.000012.20260501T031500Z.blackbox": the robot, a number
/// that counts the copies of the folder, and the time.
struct CopyName {
  std::string robot;
  std::uint64_t number = 0;
  std::string file;

  static std::optional<CopyName> parse(const std::string& file) {
    std::string_view rest{file};
    if (file.starts_with('.') || !rest.ends_with(BlackBoxPage::kSuffix)) return std::nullopt;
    rest.remove_suffix(BlackBoxPage::kSuffix.size());
    const std::size_t when = rest.rfind('.');
    if (when == std::string_view::npos || when == 0) return std::nullopt;
    const std::size_t number = rest.rfind('.', when - 1);
    if (number == std::string_view::npos || number == 0) return std::nullopt;
    CopyName name{.robot = std::string{rest.substr(0, number)}, .file = file};
    const std::string_view digits = rest.substr(number + 1, when - number - 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), name.number);
    const bool whole = error == std::errc{} && end == digits.data() + digits.size();
    // A larger number was never written by us.
    constexpr std::uint64_t kMostNumber = 1'000'000'000;
    return whole && name.number < kMostNumber ? std::optional{std::move(name)} : std::nullopt;
  }
};

/// The copies in a folder, the oldest first.
std::vector<CopyName> copies_in(const Folder& folder) {
  std::vector<CopyName> copies;
  for (const std::string& file : folder.list(BlackBoxPage::kSuffix)) {
    if (auto name = CopyName::parse(file)) copies.push_back(std::move(*name));
  }
  std::ranges::sort(copies, {}, &CopyName::number);
  return copies;
}

/// The robot name in copies' file names. Hosts without a name are called after their pid: their
/// copies count as one robot's.
std::string copies_of(const std::string& host) {
  return is_unnamed(host) || host.empty() ? "py" : escape(host);
}

std::string name_for(const std::string& robot, std::uint64_t number) {
  const time_t now = ::time(nullptr);
  tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 40> when{};
  ::strftime(when.data(), when.size(), "%Y%m%dT%H%M%SZ", &utc);
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return robot + "." + digits + "." + when.data() + std::string{BlackBoxPage::kSuffix};
}

/// Removes the oldest copies beyond the limits.
void drop_old(const Folder& folder, const std::string& robot) {
  const std::vector<CopyName> all = copies_in(folder);
  const auto is_own = [&robot](const CopyName& copy) { return copy.robot == robot; };
  auto own = static_cast<std::size_t>(std::ranges::count_if(all, is_own));
  std::size_t left = all.size();
  for (const CopyName& copy : all) {
    const bool too_many = is_own(copy) ? own > kCopiesKept : false;
    if (!too_many && left <= kAllCopiesKept) continue;
    if (is_own(copy)) --own;
    --left;
    folder.discard(copy.file);
  }
}

bool is_late(const BoxOrder& order) noexcept {
  return order.waiter != nullptr && order.waiter->late();
}

/// A copy that is being written. It gets its name only when it is whole. One at a time in a folder;
/// the folder is made with the first box.
class Copy {
 public:
  explicit Copy(const BoxOrder& order) : order_{order} {}
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() {
    if (!lock_) return;
    // Does nothing after finish(), which has renamed the file.
    folder_->discard(kMaking);
    folder_->unlock(kLock, std::move(lock_));
  }

  /// True: the whole box was added. False: it was late, or there was no room, and nothing of it is
  /// in the copy. A box of the user's own is always waited for; without room that is an error.
  Result<bool> add(const BoxView& box, bool own);
  /// Names the file. Returns its path.
  Result<std::string> finish();

 private:
  static constexpr const char* kMaking = ".new";
  /// How many bytes wait for the disk at once.
  static constexpr std::size_t kPiece = std::size_t{2} << 20U;
  static constexpr std::size_t kBuffer = std::size_t{64} << 10U;

  Status begin();
  Status write(const BoxView& box, bool own, bool& late);
  Status put(std::span<const std::byte> bytes);
  Status write_out();
  Status sync();
  Error failed() const { return Error::from_errno("write a black box's copy", folder_->path()); }

  const BoxOrder& order_;
  FolderPtr folder_;
  UniqueFd lock_;
  UniqueFd file_;
  std::vector<std::byte> buffer_;
  std::size_t unsynced_ = 0;
};

Status Copy::begin() {
  if (file_) return {};
  auto own = Folder::own(order_.folder);
  if (!own) return own.error();
  folder_ = std::move(own).value();
  auto lock = folder_->lock(kLock, kPatienceMs);
  if (!lock) return lock.error();
  lock_ = std::move(lock).value();
  // Removes what a writer left that died.
  folder_->discard(kMaking);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  file_ = UniqueFd{::openat(folder_->fd(), kMaking, kFlags, 0640)};
  if (!file_) return failed();
  // Set the mode whatever the umask is.
  ::fchmod(file_.get(), 0640);
  return {};
}

Status Copy::put(std::span<const std::byte> bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return buffer_.size() < kBuffer ? Status{} : write_out();
}

Status Copy::write_out() {
  std::span<const std::byte> bytes{buffer_};
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed();
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  unsynced_ += buffer_.size();
  buffer_.clear();
  return unsynced_ < kPiece ? Status{} : sync();
}

/// Flushes to the disk now and then. If all of it came at the end, a slow disk would delay whoever
/// wants to stop.
Status Copy::sync() {
  if (::fdatasync(file_.get()) != 0) return failed();
  unsynced_ = 0;
  return {};
}

Result<bool> Copy::add(const BoxView& box, bool own) {
  if (const Status begun = begin(); !begun) return begun.error();
  const off_t start = ::lseek(file_.get(), 0, SEEK_CUR);
  if (start < 0) return failed();
  bool late = false;
  const Status written = write(box, own, late);
  if (written && !late) return true;
  // Boxes of others must not make the user's own fail.
  if (!written && own) return written.error();
  buffer_.clear();
  const bool cut =
      ::ftruncate(file_.get(), start) == 0 && ::lseek(file_.get(), start, SEEK_SET) == start;
  return cut ? Result<bool>{false} : failed();
}

Status Copy::write(const BoxView& box, bool own, bool& late) {
  Status written = put(box.head_of_copy());
  for (std::size_t i = 0; written && i < box.events(); ++i) {
    // Ask each time that a piece has gone to the file.
    late = buffer_.empty() && !own && is_late(order_);
    if (late) return {};
    written = put(place_with(box.event(i)));
  }
  const Event flush{.sequence = box.last() + 1,
                    .at_ns = to_ns(MonotonicClock::now()),
                    .kind = EventKind::kFlush,
                    .text = Name<200>::clipped(order_.why)};
  if (written) written = put(place_with(flush));
  return written ? write_out() : written;
}

Result<std::string> Copy::finish() {
  if (!file_) return std::string{};
  if (::lseek(file_.get(), 0, SEEK_CUR) == 0) return std::string{};
  if (const Status synced = sync(); !synced) return synced.error();
  const std::string robot = copies_of(order_.robot);
  const auto copies = copies_in(*folder_);
  const std::string name = name_for(robot, copies.empty() ? 1 : copies.back().number + 1);
  if (const Status named = folder_->rename(kMaking, name); !named) return named.error();
  drop_old(*folder_, robot);
  return folder_->path_of(name);
}

std::string plain_variable(const char* name) {
  const char* const value = ::secure_getenv(name);
  // XDG base directory specification: a path that is not absolute is ignored.
  return value != nullptr && *value == '/' ? value : "";
}

}  // namespace

std::string box_folder(const std::string& base) {
  if (base == kServiceBase) return kServiceFolder;
  if (const std::string state = plain_variable("XDG_STATE_HOME"); !state.empty()) {
    return state + "/horus/blackbox";
  }
  const std::string home = plain_variable("HOME");
  return home.empty() ? "" : home + "/.local/state/horus/blackbox";
}

Result<KeptBoxes> flush_boxes(const BoxOrder& order) {
  if (order.folder.empty()) {
    return Error{Errc::kNotFound, "keep a black box (set HOME or XDG_STATE_HOME)", 0, {}};
  }
  const auto looked = Base::look(order.base);
  if (!looked || !looked.value()->hosts()) return KeptBoxes{};
  const FolderPtr& hosts = looked.value()->hosts();
  BoxTurns turns{hosts, box_files(*hosts, order.rank), order.rank};
  Copy copy{order};
  std::size_t boxes = 0;
  while (turns.next()) {
    const bool own = turns.own();
    if (boxes == BlackBoxPage::kMostPages || (!own && is_late(order))) {
      turns.leave();
      continue;
    }
    const auto box = turns.open();
    if (!box || box->events() == 0) continue;
    const auto added = copy.add(*box, own);
    if (!added) return added.error();
    if (added.value()) {
      ++boxes;
    } else {
      turns.leave();
    }
  }
  auto file = copy.finish();
  if (!file) return file.error();
  return KeptBoxes{.file = std::move(file).value(), .left = turns.take_left()};
}

std::string robot_of(const std::string& base) {
  std::string first;
  for (const StatsPage& page : StatsPage::open_all(base)) {
    std::string name{page.host().name.view()};
    if (page.host().python.value() == 0) return name;
    if (first.empty()) first = std::move(name);
  }
  if (first.empty()) {
    const auto boxes = BlackBoxPage::read_all(base);
    if (!boxes.empty()) first = boxes.front().host;
  }
  return first;
}

Result<std::vector<HostEvents>> read_copy(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // Never waits, not even for a pipe.
  const UniqueFd file{::open(path.c_str(), kFlags)};         // by path: the user's own word
  if (!file) return Error::from_errno("read a black box", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return Error::from_errno("read a black box", path);
  if (!S_ISREG(status.st_mode)) {
    return Error{Errc::kInvalidArgument, "read a black box from what is no file", 0,
                 Name<200>::clipped(path)};
  }
  const std::size_t size = std::min(static_cast<std::size_t>(status.st_size), kLargestCopy);
  // A vector of words, so that the boxes in it are aligned.
  std::vector<std::uint64_t> words((size + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
  const auto bytes = std::as_writable_bytes(std::span{words});
  std::size_t have = 0;
  while (have < size) {
    const ssize_t count = ::read(file.get(), bytes.data() + have, size - have);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno("read a black box", path);
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  auto boxes = boxes_in(bytes.first(have));
  if (!boxes.empty()) return boxes;
  return Error{Errc::kCorrupt, "no black box of this version in it", 0, Name<200>::clipped(path)};
}

std::optional<std::string> latest_copy(const std::string& folder) {
  const auto looked = folder.empty() ? Result<FolderPtr>{Error{}} : Folder::look(folder);
  if (!looked) return std::nullopt;
  const auto copies = copies_in(*looked.value());
  if (copies.empty()) return std::nullopt;
  return looked.value()->path_of(copies.back().file);
}

}  // namespace horus::shm
