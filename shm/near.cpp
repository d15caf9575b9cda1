// SPDX-License-Identifier: Apache-2.0
// Warnings about topics that are sent to nobody, and about names that are probably misspelt.
#include "shm/near.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rt/base/printable.hpp"
#include "shm/names.hpp"
#include "shm/registry.hpp"
#include "shm/session_impl.hpp"
#include "shm/topic_type.hpp"

namespace horus::shm {
namespace {

constexpr std::size_t kMostNamed = 3;
/// Rounds of the helper thread: after the first, others have had time to come; the second is 5 s.
constexpr std::uint32_t kSoon = 2;
constexpr std::uint32_t kLong = 25;

std::string letters_of(std::string_view name) {
  std::string letters;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) continue;
    letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return letters;
}

std::string digits_of(std::string_view name) {
  std::string digits;
  std::ranges::copy_if(name, std::back_inserter(digits),
                       [](unsigned char c) { return std::isdigit(c) != 0; });
  return digits;
}

/// How many letters have to be inserted, removed, replaced, or swapped with the next one.
/// Source: the restricted Damerau-Levenshtein distance.
std::size_t distance(const std::string& one, const std::string& other) {
  std::vector<std::size_t> before(other.size() + 1);
  std::vector<std::size_t> last(other.size() + 1);
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t j = 0; j <= other.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped =
          i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[other.size()];
}

/// The same name with, or without, a slash at the beginning.
std::string twin_of(const std::string& name) {
  return name.starts_with('/') ? name.substr(1) : "/" + name;
}

template <typename Participant>
bool has_living(const std::vector<Participant>& all) {
  return std::ranges::any_of(all, &Participant::alive);
}

bool is_used(const TopicInfo& topic) {
  return has_living(topic.publishers) || has_living(topic.subscribers);
}

std::string quoted(const std::string& topic) {
  return "'" + printable(topic) + "'";
}

std::string near_text(const std::string& topic, bool sends, const std::string& meant) {
  return "topic " + quoted(topic) + " is " + (sends ? "sent" : "received") +
         " here, and there is a topic " + quoted(meant) +
         ": they are two topics; is one name meant?";
}

/// The subscribers, without those opened ahead, which perhaps only send.
std::size_t receivers_of(const PublisherState& publisher) {
  std::size_t receivers = 0;
  publisher.subscribers.each([&receivers](const CursorPeer& peer, std::size_t) {
    receivers += peer.is_ahead() ? 0U : 1U;
  });
  return receivers;
}

std::string unheard_text(const std::vector<std::string>& topics) {
  std::string text = "nobody has received for 5 s what is sent here on topic ";
  for (std::size_t i = 0; i < std::min(topics.size(), kMostNamed); ++i) {
    text += (i == 0 ? "" : ", ") + quoted(topics[i]);
  }
  if (topics.size() > kMostNamed) {
    text += " and " + std::to_string(topics.size() - kMostNamed) + " others";
  }
  return text + ": see 'horusctl topic list' for what is received";
}

/// The names of all topics, grouped by their digits: names of different groups are never a
/// misspelling of each other.
class Names {
 public:
  explicit Names(const Base& base) {
    for (const FolderPtr& folder : base.topic_folders()) add(*folder);
    if (base.declared()) add(*base.declared());
  }
  /// Names of which `topic` may be a misspelling.
  std::vector<std::string> like(const std::string& topic) const {
    std::vector<std::string> alike;
    const auto group = by_digits_.find(digits_of(topic));
    if (group == by_digits_.end()) return alike;
    const std::string twin = twin_of(topic);
    std::ranges::copy_if(group->second, std::back_inserter(alike), [&](const std::string& name) {
      return name == twin || is_near_miss(topic, name);
    });
    return alike;
  }

 private:
  void add(const Folder& folder) {
    for (const std::string& file : folder.list(kTypeSuffix)) {
      std::string name = unescape(key_of(file));
      std::string digits = digits_of(name);
      by_digits_[std::move(digits)].push_back(std::move(name));
    }
  }
  std::unordered_map<std::string, std::vector<std::string>> by_digits_;
};

/// Looks at topics, at each only once, and at a limited number: others may be waiting.
class Looks {
 public:
  explicit Looks(const std::string& base) : base_{base} {}

  /// The topic as it is now; null if there is none, or if the limit is reached.
  const TopicInfo* find(const std::string& topic) {
    const auto known = topics_.find(topic);
    if (known != topics_.end()) return known->second ? &*known->second : nullptr;
    if (topics_.size() >= kMostLooks) return nullptr;
    auto looked = find_topic(base_, topic);
    auto& found = topics_[topic];
    if (looked) found = std::move(looked).value();
    return found ? &*found : nullptr;
  }
  /// The pid of another process in which a node of that name sends the topic; 0: none.
  std::int32_t twin_process(const Base& base, const std::string& topic, const std::string& node) {
    const auto place = place_of(base, topic);
    const auto is_other = [](const std::string& ring) {
      return pid_of(identity_of(ring)) != ::getpid();
    };
    if (!place || std::ranges::none_of(participants(place.value(), kRingSuffix), is_other)) {
      return 0;
    }
    const TopicInfo* const info = find(topic);
    if (info == nullptr) return 0;
    const auto is_double = [&node](const PublisherInfo& other) {
      return other.alive && other.node == node && other.pid != ::getpid();
    };
    const auto found = std::ranges::find_if(info->publishers, is_double);
    return found == info->publishers.end() ? 0 : found->pid;
  }

 private:
  static constexpr std::size_t kMostLooks = 64;
  const std::string& base_;
  std::unordered_map<std::string, std::optional<TopicInfo>> topics_;
};

}  // namespace

bool is_near_miss(std::string_view one, std::string_view other) {
  if (one == other || digits_of(one) != digits_of(other)) return false;
  const std::string a = letters_of(one);
  const std::string b = letters_of(other);
  if (a == b) return true;
  constexpr std::size_t kShort = 4;
  constexpr std::size_t kLongName = 9;
  const std::size_t least = std::min(a.size(), b.size());
  if (least < kShort || std::max(a.size(), b.size()) - least > 2) return false;
  return distance(a, b) <= (least < kLongName ? 1U : 2U);
}

std::string meant_by(const std::vector<TopicInfo>& there, const std::string& topic, bool sends) {
  const auto is_twin = [twin = twin_of(topic)](const TopicInfo& other) {
    return other.name == twin && is_used(other);
  };
  const auto is_meant = [&](const TopicInfo& other) {
    const bool company = sends ? has_living(other.subscribers) : has_living(other.publishers);
    return company && is_near_miss(topic, other.name);
  };
  auto found = std::ranges::find_if(there, is_twin);
  if (found == there.end()) found = std::ranges::find_if(there, is_meant);
  return found != there.end() ? found->name : std::string{};
}

/// Counts for one participant the rounds in which nobody was on the other side. Adds it to `due`
/// when a warning may be needed.
template <typename State>
void Session::Impl::note_company(State& state, std::size_t company, bool active,
                                 std::vector<Alone>& due) {
  state.rounds = std::min(state.rounds + 1, kLong + 1);
  state.alone = active && company == 0 ? std::min(state.alone + 1, kLong + 1) : 0;
  const bool soon = state.rounds == kSoon || state.alone == kSoon;
  if (!soon && state.alone != kLong) return;
  Alone one{.topic = std::string{state.file.topic.view()}, .alone = state.alone};
  if constexpr (std::is_same_v<State, PublisherState>) {
    one.sends = true;
    const NodeName* const node = state.counters.node;
    if (node != nullptr && state.rounds == kSoon) one.node = std::string{node->view()};
  }
  due.push_back(std::move(one));
}

std::vector<Session::Impl::Alone> Session::Impl::who_may_be_alone() {
  std::vector<Alone> due;
  const std::scoped_lock lock{mutex_};
  for (PublisherState* one : publishers_) {
    const bool sends = one->region.as<RingHeader>()->committed.load(std::memory_order_relaxed) != 0;
    note_company(*one, receivers_of(*one), sends, due);
  }
  for (SubscriberState* one : subscribers_) {
    const auto& cursor = *one->region.as<const CursorFile>();
    const bool receives = cursor.ahead.load(std::memory_order_relaxed) == 0;
    note_company(*one, one->rings.count(), receives, due);
  }
  for (Seeking* one : sought_) {
    one->rounds = std::min(one->rounds + 1, kLong + 1);
    if (one->rounds != kSoon && one->rounds != kLong) continue;
    due.push_back({.topic = one->topic, .alone = one->rounds});
  }
  return due;
}

/// Warns at once when a topic is opened whose name differs from another only by a slash at the
/// beginning.
void Session::Impl::tell_twin(const std::string& topic, bool sends) {
  if (teller_ == nullptr) return;
  const auto twin = find_topic(root, twin_of(topic));
  if (!twin || !is_used(twin.value())) return;
  const std::scoped_lock lock{mutex_};
  if (near_told_.insert(topic).second) {
    to_tell_.push_back(near_text(topic, sends, twin.value().name));
  }
}

/// For each one in `due`: finds the topic that was probably meant, and whether the program runs
/// twice. Runs without the lock, as with many topics it takes long, and whoever opens or closes one
/// would wait.
void Session::Impl::look_for_company(std::vector<Alone>& due) const {
  const auto base = Base::look(root);
  if (!base) return;
  std::optional<Names> names;
  Looks looks{root};
  for (Alone& one : due) {
    if (!one.node.empty()) one.twice = looks.twin_process(*base.value(), one.topic, one.node);
    if (one.alone == 0) continue;
    if (!names) names.emplace(*base.value());
    std::vector<TopicInfo> there;
    for (const std::string& name : names->like(one.topic)) {
      if (const TopicInfo* const info = looks.find(name)) there.push_back(*info);
    }
    one.meant = meant_by(there, one.topic, one.sends);
  }
}

/// Warns once for each name: of a name that is probably misspelt, or a topic that nobody receives.
void Session::Impl::tell_near_misses() {
  if (teller_ == nullptr) return;
  std::vector<Alone> due = who_may_be_alone();
  if (due.empty()) return;
  look_for_company(due);
  std::vector<std::string> unheard;
  const std::scoped_lock lock{mutex_};
  for (const Alone& one : due) {
    tell_double(one);
    if (one.alone == 0) continue;
    if (!one.meant.empty()) {
      if (!near_told_.insert(one.topic).second) continue;
      to_tell_.push_back(near_text(one.topic, one.sends, one.meant));
    } else if (one.sends && one.alone == kLong && unheard_told_.insert(one.topic).second) {
      unheard.push_back(one.topic);
    }
  }
  if (!unheard.empty()) to_tell_.push_back(unheard_text(unheard));
}

/// Warns if a node of the same name sends the same topic in another process: the program may be
/// running twice.
void Session::Impl::tell_double(const Alone& one) {
  if (one.twice == 0 || !doubles_told_.insert(one.node).second) return;
  to_tell_.push_back("node '" + printable(one.node) + "' sends topic " + quoted(one.topic) +
                     " here, and so does a node of that name in process " +
                     std::to_string(one.twice) + ": does the program run twice?");
}

}  // namespace horus::shm
