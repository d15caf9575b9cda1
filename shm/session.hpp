// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rt/base/outputs.hpp"
#include "rt/base/result.hpp"
#include "rt/base/tick_stats.hpp"
#include "shm/fallback.hpp"
#include "shm/message.hpp"
#include "shm/publisher.hpp"
#include "shm/subscriber.hpp"

namespace horus::shm {

class PoolSet;

class BlackBoxPage;
class StatsPage;
struct Seeking;

/// $HORUS_BASE, else /dev/shm/horus-<uid>; $HORUS_NAMESPACE adds a level. Creates nothing.
std::string default_base();

/// What a full ring does with one more message.
enum class Policy : std::uint8_t {
  kAny,        ///< What the topic does already; a new one overwrites.
  kOverwrite,  ///< The oldest message makes room; who has not taken it is told that it missed one.
  kRefuse,     ///< send() returns false while a living subscriber has not taken the oldest.
};

struct TopicOptions {
  /// Messages a ring holds; rounded up to a power of two; 0: by kind. Of messages whose size
  /// varies, so many of any size (of values without a max_size, of 4 KiB each on the average); at
  /// 0, as many as fit into 256 KiB, 4,096 at most.
  std::uint32_t capacity = 0;
  /// Where the size varies: largest message in bytes; 0: 64 KiB of values, 1 MiB of messages.
  std::uint32_t max_size = 0;
  /// Publishers of payloads: bytes of the largest one. Memory for all that the topic can keep is
  /// reserved when it is opened, and no payload up to this size fails for want of it; 0: memory
  /// comes as it is needed.
  std::size_t size = 0;
  /// Publishers of messages: one with a NaN or infinite number is refused.
  bool finite = false;
  /// Subscribers: start up to this many messages back; where nothing is said, a node begins with
  /// what was sent since its scheduler started, and others with what is sent from now on.
  std::optional<std::uint32_t> history{};
  std::uint64_t since = 0;  ///< Subscribers: of those, sent from then on; cycle_count().
  /// Subscribers: since when this one is wanted: of publishers that came later all is counted.
  std::uint64_t wanted = 0;
  /// Subscribers: how many messages of each publisher are wanted at most: older ones are passed
  /// over. 0: all that a ring holds, as always on a topic that refuses. Where nothing is said, a
  /// node wants the newest 16, of images and their like the newest one, and others want all.
  std::optional<std::uint32_t> depth{};
  bool waits = true;  ///< Subscribers: as await_publishers() does.
  /// Subscribers: is none for who asks whether anybody receives, nor, with kRefuse, for publishers,
  /// until RawSubscriber::begin(); then it counts what it has missed.
  bool ahead = false;
  /// Subscribers: what Session::seek() gave; what publishers have sent since is received.
  Seeking* sought = nullptr;
  Policy policy = Policy::kAny;
  NodeStats* actuator = nullptr;  ///< Publishers: whose outputs may be shut; null: nobody's.
  MessageCounters counters{};     ///< Of the node that sends or receives; outlive what uses them.
  /// Subscribers: how old the newest message may be, from its sending on; 0: any age. What is
  /// given then: see Fallback. Frames have no fallback but kStop.
  Nanos timeout{};
  Fallback fallback = Fallback::kNone;
  std::span<const std::byte> value{};  ///< Of Fallback::kValue; copied.
};

/// A process's part in the topics of one base directory: its identity, its doorbell, and the
/// helper thread that attaches new publishers and subscribers (never an executor thread). A copy
/// is the same session, which ends with the last one.
///
/// Thread safety: every call from any thread. Publishers and subscribers it makes are each for
/// one thread at a time. It outlives them.
class Session : public Outputs {
 public:
  /// Creates the directories it needs, sweeps what dead processes left. With `declares`, in a base
  /// of this user's: what is opened here has its type whoever opened it before, and theirs is
  /// ignored by all.
  /// `teller` hears, seldom and on the helper thread, what the program's user should know: names
  /// that were likely mistaken, what nobody receives, files that were lost. nullptr: nobody does.
  using Teller = void (*)(const std::string& text) noexcept;
  static void tell_on_stderr(const std::string& text) noexcept;
  static Result<std::unique_ptr<Session>> open(const std::string& base = default_base(),
                                               bool declares = false,
                                               Teller teller = tell_on_stderr);
  ~Session() override;

  /// For one node: what it opens counts into `counters`, is shut with the node's outputs, and
  /// begins with what was sent since the session was opened. Where nothing is said of the depth, a
  /// subscriber wants the newest kDepth messages of each publisher, of payloads kPayloadDepth.
  Session of_node(const MessageCounters& counters) const;
  static constexpr std::uint32_t kDepth = 16;
  static constexpr std::uint32_t kPayloadDepth = 1;
  /// The options, with what a node has not said of its own.
  TopicOptions completed(TopicOptions options, std::uint32_t depth = kDepth) const noexcept;
  /// Counts a message that the node received and does not use: it is among those dropped.
  void count_refused() noexcept {
    if (node_) count(node_->dropped);
  }

  const std::string& base() const noexcept;

  /// The page, too, is made again where somebody removes it, as the session's own files are.
  void keep(std::weak_ptr<StatsPage> page);
  void keep(std::weak_ptr<BlackBoxPage> box);

  /// Files of others that were not used, each counted once: damaged, foreign, above a limit, or
  /// without a place in a table that is full. last_rejection() says which and why.
  std::uint64_t rejected() const;
  std::optional<Error> last_rejection() const;
  /// Blocks that ticks asked for and did not get yet.
  std::uint64_t blocks_not_yet() const noexcept;

  /// Fails with kTypeMismatch naming both types (or policies) when the topic exists with another
  /// type, layout or policy; kInvalidArgument for a bad name (allowed: [A-Za-z0-9_./-], 1 to 200
  /// bytes), impossible limits, or a larger max_size than the topic has; kExhausted when /dev/shm
  /// is full, and for the 65th publisher or the 65th subscriber of one topic. Policy and max_size
  /// are those of its first publisher: until there is one, whoever says some sets them.
  Result<RawPublisher> publish(std::string_view topic, const TypeInfo& type,
                               TopicOptions options = {});
  Result<RawSubscriber> subscribe(std::string_view topic, const TypeInfo& type,
                                  TopicOptions options = {});

  /// Until every living publisher knows the subscribers that are there, kPatience at most. Who does
  /// not answer is told to the teller.
  static constexpr Nanos kPatience = 100ms;
  void await_publishers();
  bool are_known() const;  ///< Whether there is nobody to wait for.
  /// Afterwards each subscriber has found whoever sends by now, which is else the helper thread's
  /// work, and that may be a moment behind. Not for a tick.
  void find_publishers();
  bool isolate(const NodeName& node, bool isolated) noexcept override;
  /// cycle_count() when it was opened.
  std::uint64_t opened() const noexcept;

  /// Who wants a topic that does not exist yet, whose type is not known, for as long as the result
  /// lives: publishers count it in, and a name that was likely meant is told. Null: nobody does.
  /// `ahead`: as TopicOptions says.
  std::shared_ptr<Seeking> seek(const std::string& topic, bool ahead = false);
  static void begin(Seeking& seeking) noexcept;  ///< As RawSubscriber::begin().

  /// The type of a topic that this process itself does not open; as long as it lives. In a session
  /// that declares.
  Status declare(std::string_view topic, const TypeInfo& type);

  template <Message T>
  Result<Publisher<T>> publisher(std::string_view topic, TopicOptions options = {}) {
    auto raw = publish(topic, type_info(Tag<T>{}), options);
    if (!raw) return raw.error();
    return Publisher<T>{std::move(raw).value()};
  }
  template <Message T>
  Result<Subscriber<T>> subscriber(std::string_view topic, TopicOptions options = {}) {
    auto raw = subscribe(topic, type_info(Tag<T>{}), options);
    if (!raw) return raw.error();
    return Subscriber<T>{std::move(raw).value()};
  }

  /// Of payloads: whoever has publishers and subscribers of his own (Image, PointCloud, ...).
  template <typename T>
  auto publisher(std::string_view topic, TopicOptions options = {}) {
    return T::Publisher::open(*this, topic, options);
  }
  template <typename T>
  auto subscriber(std::string_view topic, TopicOptions options = {}) {
    return T::Subscriber::open(*this, topic, options);
  }

  struct Impl;
  /// For payload kinds: where their blocks come from. Shares the session.
  std::shared_ptr<PoolSet> pools() noexcept;

 private:
  explicit Session(std::shared_ptr<Impl> impl) noexcept;
  Result<RawPublisher> try_publish(std::string_view topic, const TypeInfo& type,
                                   TopicOptions options);
  std::shared_ptr<Impl> impl_;  ///< Shared with who takes a block for a frame at this moment.
  std::optional<MessageCounters> node_;
};

/// The type of topics that carry MessagePack values of any shape.
const TypeInfo& generic_type() noexcept;

}  // namespace horus::shm
