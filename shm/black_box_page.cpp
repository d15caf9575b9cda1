// SPDX-License-Identifier: Apache-2.0
#include "shm/black_box_page.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "rt/base/version.hpp"
#include "shm/base.hpp"
#include "shm/layout.hpp"
#include "shm/names.hpp"

namespace horus::shm {
namespace {

struct BoxFile {
  FileHeader file;
  std::uint64_t places = 0;
  std::array<std::uint8_t, 24> pad{};
  BlackBoxHead head{};
};
static_assert(offsetof(BoxFile, head) == kLine && sizeof(BoxFile) % 8 == 0);

/// Differs for every layout of a box.
constexpr std::uint64_t kBoxHash = sizeof(BlackBoxPlace) << 32U | sizeof(BoxFile);
constexpr std::size_t kLeastBytes = std::size_t{64} << 10U;
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;

std::size_t bytes_for(std::size_t places) noexcept {
  return sizeof(BoxFile) + places * sizeof(BlackBoxPlace);
}

/// How many places the box that begins at `bytes` has; nullopt if none begins there.
std::optional<std::size_t> places_at(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < sizeof(BoxFile)) return std::nullopt;
  const auto& file = *reinterpret_cast<const BoxFile*>(bytes.data());
  const std::uint64_t said = read_once(file.places);
  if (!is_a(file.file, Magic::kBox) || read_once(file.file.hash) != kBoxHash ||
      said > kMostBytes / sizeof(BlackBoxPlace)) {
    return std::nullopt;
  }
  // If the bytes are cut off, it has fewer places than it says.
  const std::size_t room = (bytes.size() - sizeof(BoxFile)) / sizeof(BlackBoxPlace);
  return std::min<std::size_t>(said, room);
}

const BlackBoxPlace* places_of(std::span<const std::byte> bytes) noexcept {
  return reinterpret_cast<const BlackBoxPlace*>(bytes.data() + sizeof(BoxFile));
}

/// The head of a box, without its events.
HostEvents about(const BoxFile& file) {
  return {.host = std::string{file.head.host.view()},
          .lives = file.head.lives.value(),
          .lost = file.head.lost.load(std::memory_order_relaxed),
          .clocks = file.head.clocks.load().value_or(ClockPair{})};
}

/// The box that begins at `bytes`, as far as it is there, and its length in bytes; nullopt if none
/// begins there.
std::optional<std::pair<HostEvents, std::size_t>> box_at(std::span<const std::byte> bytes) {
  const auto places = places_at(bytes);
  if (!places) return std::nullopt;
  HostEvents box = about(*reinterpret_cast<const BoxFile*>(bytes.data()));
  box.events = events_of({places_of(bytes), *places});
  return std::pair{std::move(box), bytes_for(*places)};
}

/// Writes the bytes before the places of a copy.
void write_head(BoxFile& file, const HostEvents& box, std::size_t places, std::uint64_t claimed) {
  file.file = {
      .magic = Magic::kBox, .pid = ::getpid(), .size = bytes_for(places), .hash = kBoxHash};
  file.places = places;
  file.head.claimed.store(claimed);
  file.head.lost.store(box.lost);
  file.head.clocks.store(box.clocks);
  file.head.lives.set(box.lives);
  file.head.host = NodeName::clipped(box.host);
}

/// Removes the oldest boxes of dead hosts without a name, which have no successor; the last few
/// stay.
void drop_unnamed(const Folder& hosts) {
  std::vector<std::pair<std::int64_t, std::string>> dead;
  for (const std::string& name : hosts.list(BlackBoxPage::kSuffix, 1024)) {
    const std::size_t length = name.size() - BlackBoxPage::kSuffix.size();
    if (!is_unnamed(unescape(name.substr(0, length)))) continue;
    struct stat status {};
    if (!hosts.owns(name) || owner_alive(hosts, name)) continue;
    if (::fstatat(hosts.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    dead.emplace_back(status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec, name);
  }
  std::ranges::sort(dead);
  for (std::size_t i = 0; i + kUnnamedKept < dead.size(); ++i) hosts.discard(dead[i].second);
}

}  // namespace

bool is_unnamed(std::string_view host) noexcept {
  return host.starts_with("py-") && host.find_first_not_of("0123456789-", 3) == host.npos;
}

std::span<const Event> HostEvents::after(BoxMark& mark, TimePoint now) const noexcept {
  if (events.empty()) return {};
  const auto last = std::ranges::lower_bound(events, mark.sequence, {}, &Event::sequence);
  // The event with the mark's number is another one, or does not exist yet: the box began afresh.
  const bool afresh =
      last == events.end() || (last->sequence == mark.sequence && last->at_ns != mark.at_ns);
  const bool known = !afresh && last->sequence == mark.sequence;
  std::span<const Event> news = events;
  if (!afresh) {
    news = news.subspan(static_cast<std::size_t>(last - events.begin()) + (known ? 1U : 0U));
  }
  std::uint64_t next = afresh ? events.front().sequence : mark.sequence + 1;
  const auto waits = std::ranges::find_if(news, [&](const Event& event) {
    const bool gap = event.sequence != std::exchange(next, event.sequence + 1);
    return gap && event.at_ns > to_ns(now) - kBeingWritten.count();
  });
  news = news.first(static_cast<std::size_t>(waits - news.begin()));
  if (!news.empty()) mark = {.sequence = news.back().sequence, .at_ns = news.back().at_ns};
  return news;
}

bool HostEvents::died() const noexcept {
  return !alive && !events.empty() && events.back().kind != EventKind::kEnd;
}

bool HostEvents::began_after_a_death() const noexcept {
  const auto start = std::find_if(events.rbegin(), events.rend(), [](const Event& event) {
    return event.kind == EventKind::kStart;
  });
  return start != events.rend() && start->numbers[2] != 0;
}

std::vector<HostEvents> boxes_in(std::span<const std::byte> bytes) {
  std::vector<HostEvents> boxes;
  while (bytes.size() >= sizeof(BoxFile)) {
    auto found = box_at(bytes);
    // After damaged bytes, look for the next box word by word.
    const std::size_t step = found ? found->second : sizeof(std::uint64_t);
    if (found) boxes.push_back(std::move(found->first));
    bytes = bytes.subspan(step);
  }
  return boxes;
}

std::vector<std::byte> bytes_of(const HostEvents& box) {
  // The memory of a vector is aligned for the 8-byte words of a box.
  std::vector<std::byte> bytes(bytes_for(box.events.size()));
  BoxFile& file = *new (bytes.data()) BoxFile;
  write_head(file, box, box.events.size(), box.events.empty() ? 0 : box.events.back().sequence);
  std::byte* at = bytes.data() + sizeof(BoxFile);
  for (const Event& event : box.events) {
    (new (at) BlackBoxPlace)->store(event.sequence - 1, event);
    at += sizeof(BlackBoxPlace);
  }
  return bytes;
}

std::vector<std::byte> place_with(const std::optional<Event>& event) {
  std::vector<std::byte> bytes(sizeof(BlackBoxPlace));
  auto* const place = new (bytes.data()) BlackBoxPlace;
  if (event) place->store(event->sequence - 1, *event);
  return bytes;
}

std::optional<BoxView> BoxView::open(const FolderPtr& hosts, const std::string& file,
                                     std::size_t most) {
  auto region =
      Region::open(hosts, file, sizeof(BoxFile), /*writable=*/false, std::min(most, kMostBytes));
  if (!region) return std::nullopt;
  BoxView view{std::move(region).value()};
  const auto places = places_at(view.region_.bytes());
  if (!places) return std::nullopt;
  view.host_ = view.region_.as<BoxFile>()->head.host.view();
  // A box that another user has made in the name of a host must not be taken for that host's.
  if (BlackBoxPage::file_of(view.host_) != file) return std::nullopt;
  view.alive_ = view.region_.alive();
  view.sort(*places);
  return view;
}

void BoxView::sort(std::size_t places) {
  const BlackBoxPlace* const first = places_of(region_.bytes());
  for (std::uint32_t i = 0; i < places; ++i) {
    if (const auto event = first[i].load()) order_.push_back({event->sequence, i});
  }
  std::ranges::sort(order_, {}, &Spot::sequence);
  const auto same = [](const Spot& a, const Spot& b) { return a.sequence == b.sequence; };
  order_.erase(std::unique(order_.begin(), order_.end(), same), order_.end());
}

std::optional<Event> BoxView::event(std::size_t i) const noexcept {
  const Spot& spot = order_[i];
  const auto event = places_of(region_.bytes())[spot.place].load();
  return event && event->sequence == spot.sequence ? event : std::nullopt;
}

bool BoxView::died() const noexcept {
  if (alive_ || order_.empty()) return false;
  const auto end = event(order_.size() - 1);
  return end && end->kind != EventKind::kEnd;
}

bool BoxView::began_after_a_death() const noexcept {
  for (std::size_t i = order_.size(); i > 0; --i) {
    const auto start = event(i - 1);
    if (start && start->kind == EventKind::kStart) return start->numbers[2] != 0;
  }
  return false;
}

std::vector<std::byte> BoxView::head_of_copy() const {
  std::vector<std::byte> bytes(sizeof(BoxFile));
  HostEvents box = about(*region_.as<BoxFile>());
  box.host = host_;
  // The wall clock may have been set since the dead host read it.
  box.clocks = ClockPair::now();
  write_head(*new (bytes.data()) BoxFile, box, order_.size() + 1, last() + 1);
  return bytes;
}

std::string BlackBoxPage::file_of(std::string_view host) {
  return escape(host) + std::string{kSuffix};
}

Result<BlackBoxPage> BlackBoxPage::create(const std::string& base, std::string_view host,
                                          std::size_t bytes) {
  const auto joined = Base::join(base);
  if (!joined) return joined.error();
  const FolderPtr& hosts = joined.value()->hosts();
  const std::string name = file_of(host);
  const bool mine = hosts->owns(name);
  if ((mine || !hosts->ours()) && owner_alive(*hosts, name)) {
    return Error{Errc::kBusy, "a living process keeps the black box of this host", 0,
                 Name<200>::clipped(host)};
  }
  std::size_t wanted = std::clamp(bytes, kLeastBytes, kMostBytes);
  auto region = Region::create(hosts, wanted, kFileMode);
  // A smaller box is better than none.
  while (!region && region.error().code == Errc::kExhausted && wanted / 2 >= kLeastBytes) {
    wanted /= 2;
    region = Region::create(hosts, wanted, kFileMode);
  }
  if (!region) return region.error();
  BlackBoxPage page{std::move(region).value()};
  page.begin(host, (wanted - sizeof(BoxFile)) / sizeof(BlackBoxPlace));
  // A box of another user is not continued, whatever it contains.
  const auto past = mine ? read(hosts, name) : std::nullopt;
  if (past) {
    page.box().restore(past->events);
    page.box().head().lives.set(past->lives);
    page.follows_a_death_ = past->died();
  }
  page.box().head().lives.add();
  const auto life = static_cast<std::int64_t>(page.box().head().lives.value());
  page.box().write(EventKind::kStart, std::string{"horus "} + kVersion,
                   {::getpid(), life, page.follows_a_death_ ? 1 : 0});
  if (auto named = page.region_.replace(name); !named) return named.error();
  page.own_->name = name;
  if (is_unnamed(host)) drop_unnamed(*hosts);
  return page;
}

void BlackBoxPage::begin(std::string_view host, std::size_t places) {
  BoxFile& file = *region_.as<BoxFile>();
  file.file = {
      .magic = Magic::kBox, .pid = ::getpid(), .size = region_.bytes().size(), .hash = kBoxHash};
  file.places = places;
  file.head.host = NodeName::clipped(host);
  box_.emplace(file.head, std::span{region_.as<BlackBoxPlace>(sizeof(BoxFile)), places});
  box_->set_clocks();
}

std::optional<OtherBox> OtherBox::open(const FolderPtr& hosts, const std::string& file) {
  auto region = Region::open(hosts, file, sizeof(BoxFile), /*writable=*/false, kMostBytes);
  if (!region || !places_at(region.value().bytes())) return std::nullopt;
  // A box that another user has made in the name of a host must not be taken for that host's.
  const std::string host = about(*region.value().as<BoxFile>()).host;
  if (BlackBoxPage::file_of(host) != file) return std::nullopt;
  return OtherBox{file, std::move(region).value()};
}

std::vector<OtherBox> OtherBox::open_all(const std::string& base) {
  const auto looked = Base::look(base);
  if (!looked || !looked.value()->hosts()) return {};
  const FolderPtr& hosts = looked.value()->hosts();
  std::vector<std::string> names = hosts->list(BlackBoxPage::kSuffix, 1024);
  std::ranges::sort(names);
  std::vector<OtherBox> boxes;
  for (const std::string& name : names) {
    if (boxes.size() == BlackBoxPage::kMostPages) break;
    if (auto box = open(hosts, name)) boxes.push_back(std::move(*box));
  }
  return boxes;
}

std::optional<HostEvents> OtherBox::read() const {
  auto found = box_at(region_.bytes());
  if (!found || BlackBoxPage::file_of(found->first.host) != file_) return std::nullopt;
  found->first.alive = region_.alive();
  return std::move(found->first);
}

std::optional<HostEvents> BlackBoxPage::read(const FolderPtr& hosts, const std::string& file) {
  const auto box = OtherBox::open(hosts, file);
  return box ? box->read() : std::nullopt;
}

std::vector<HostEvents> BlackBoxPage::read_all(const std::string& base) {
  std::vector<HostEvents> boxes;
  for (const OtherBox& other : OtherBox::open_all(base)) {
    if (auto box = other.read()) boxes.push_back(std::move(*box));
  }
  return boxes;
}

void BlackBoxPage::remove_dead(const std::string& base,
                               const std::vector<std::string>& but) noexcept {
  // If there is no base, do not make one.
  if (const auto there = Base::look(base); !there) return;
  const auto joined = Base::join(base);
  if (!joined) return;
  const FolderPtr& hosts = joined.value()->hosts();
  for (const std::string& name : hosts->list(kSuffix, 1024)) {
    const bool stays = std::ranges::find(but, name) != but.end();
    if (!stays && !owner_alive(*hosts, name)) hosts->discard(name);
  }
}

void BlackBoxPage::end(std::string_view why, int code) noexcept {
  box_->set_clocks();
  box_->write(EventKind::kEnd, why, {::getpid(), code});
}

void BlackBoxPage::keep(const FolderPtr& hosts) noexcept {
  const std::scoped_lock lock{own_->mutex};
  if (own_->name.empty() || region_.is_named() || owner_alive(*hosts, own_->name)) return;
  // If that fails now, the next call tries again.
  static_cast<void>(region_.renew(hosts, own_->name));
}

void BlackBoxPage::remove() noexcept {
  const std::scoped_lock lock{own_->mutex};
  own_->name.clear();
  region_.unlink();
}

HostEvents BlackBoxPage::read() const {
  auto found = box_at(region_.bytes());
  found->first.alive = true;
  return std::move(found->first);
}

}  // namespace horus::shm
