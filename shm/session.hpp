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

/// The base directory: $HORUS_BASE if it is set, else /dev/shm/horus-<uid>. $HORUS_NAMESPACE adds
/// one level below. Creates nothing.
std::string default_base();

/// What a full ring does when one more message is sent.
enum class Policy : std::uint8_t {
  kAny,        ///< Keep what the topic does already; a new topic overwrites.
  kOverwrite,  ///< Replace the oldest message; a subscriber that wanted it counts it as missed.
  kRefuse,     ///< send() returns false while a living subscriber has not taken the oldest.
};

struct TopicOptions {
  // Where a member begins with "Publishers:" or "Subscribers:", the other side ignores it.
  /// Messages that the ring holds, rounded up to a power of two. 0: the default. For types of a
  /// fixed size that is what fits into 4 MiB, at most 1,024; for payloads it is 8. For types whose
  /// size varies, the ring has room for `capacity` messages of the largest size (of values without
  /// a max_size: of 4 KiB on average); 0: as many as fit into 256 KiB, at most 4,096.
  std::uint32_t capacity = 0;
  /// Types whose size varies: the largest message in bytes. 0: 64 KiB for MessagePack values, 1 MiB
  /// for messages with arrays behind them.
  std::uint32_t max_size = 0;
  /// Publishers of payloads: bytes of the largest payload. Memory for every payload that the topic
  /// can keep is then reserved at opening, so that no payload up to this size fails for lack of
  /// memory. 0: memory is allocated as it is needed.
  std::size_t size = 0;
  /// Publishers of messages: send() refuses a message that contains a NaN or an infinite number.
  bool finite = false;
  /// Subscribers: start up to this many messages back in each ring. If unset, a subscriber of a
  /// node starts with what was sent since its scheduler started; any other starts with what is sent
  /// from now on.
  std::optional<std::uint32_t> history{};
  /// Subscribers: of the history, only messages sent at or after this cycle_count().
  std::uint64_t since = 0;
  /// Subscribers: the cycle_count() since when this subscription is wanted. Publishers that opened
  /// after it are read, and counted, from their first message. 0: not used.
  std::uint64_t wanted = 0;
  /// Subscribers: how many of each publisher's newest messages are wanted. Older ones are passed
  /// over. 0: all that the ring holds, as always on a topic that refuses. If unset, a node wants
  /// the newest 16 messages, or the newest payload; any other subscriber wants all.
  std::optional<std::uint32_t> depth{};
  /// Subscribers: opening waits as await_publishers() does. A node's subscribers never wait here.
  bool waits = true;
  /// Subscribers: opened before the program is known to receive on the topic. Until
  /// RawSubscriber::begin() it does not count when a publisher asks whether anybody receives, and
  /// with kRefuse publishers do not wait for it. Afterwards it counts what it has missed.
  bool ahead = false;
  /// Subscribers: the result of Session::seek(). What publishers have sent since then is received.
  Seeking* sought = nullptr;
  Policy policy = Policy::kAny;
  NodeStats* actuator = nullptr;  ///< Publishers: the node whose outputs may be shut; null: none.
  /// The counters of the node that sends or receives; they outlive what counts into them.
  MessageCounters counters{};
  /// Subscribers: the largest age of the newest message, since it was sent; 0: any age. See
  /// Fallback for what is given after that. Payloads have no fallback but kStop.
  Nanos timeout{};
  Fallback fallback = Fallback::kNone;
  std::span<const std::byte> value{};  ///< The message of Fallback::kValue; copied.
};

/// A process's part in the topics of one base directory: its identity, its bell (the futex that
/// wakes it), and the helper thread that discovers publishers and subscribers (never an executor
/// thread). Copies share one session, which ends with the last copy.
///
/// Thread safety: every call from any thread. Most calls take a lock that the helper thread uses,
/// too: none is for a tick unless it says RT-safe. Each publisher and subscriber that it makes is
/// for one thread at a time. The session must outlive them.
class Session : public Outputs {
 public:
  /// `teller` receives, seldom and on the helper thread, warnings for the user of the program:
  /// topic names that are probably misspelt, topics that nobody receives, files that were lost.
  /// nullptr: no warnings.
  using Teller = void (*)(const std::string& text) noexcept;
  static void tell_on_stderr(const std::string& text) noexcept;
  /// Opens a session: creates the directories that are missing, removes what dead processes left
  /// (for up to 0.2 s; the helper thread goes on), and starts the helper thread. Fails if the base
  /// cannot be created or entered, or if a file in it cannot be made.
  ///
  /// `declares` has an effect only in a base of this user. Topics opened in this session then have
  /// the type that is asked for here, whoever opened them before; participants of another type are
  /// ignored by everybody.
  static Result<std::unique_ptr<Session>> open(const std::string& base = default_base(),
                                               bool declares = false,
                                               Teller teller = tell_on_stderr);
  ~Session() override;

  /// The same session, for one node. What it opens counts into `counters`, is shut with the node's
  /// outputs, and starts with what was sent since the session was opened. If the options set no
  /// depth, a subscriber wants the newest kDepth messages of each publisher, or kPayloadDepth
  /// payloads.
  Session of_node(const MessageCounters& counters) const;
  static constexpr std::uint32_t kDepth = 16;
  static constexpr std::uint32_t kPayloadDepth = 1;
  /// `options`, completed by the node's defaults. Unchanged if the session is not a node's.
  TopicOptions completed(TopicOptions options, std::uint32_t depth = kDepth) const noexcept;
  /// RT-safe. Counts a message that the node received and does not use as dropped.
  void count_refused() noexcept {
    if (node_) count(node_->dropped);
  }

  const std::string& base() const noexcept;

  /// The session keeps this page as it keeps its own files: if somebody removes the file, the
  /// helper thread makes it again.
  void keep(std::weak_ptr<StatsPage> page);
  void keep(std::weak_ptr<BlackBoxPage> box);

  /// Files of others that were not used, each counted once: damaged, of another version or type,
  /// above a limit, or without a place in a full table. last_rejection() says which and why.
  std::uint64_t rejected() const;
  std::optional<Error> last_rejection() const;
  /// Payload blocks that ticks asked for and that were not available at once.
  std::uint64_t blocks_not_yet() const noexcept;

  /// Opens one side of a topic; creates the topic if nobody has it open. Not for a tick: it takes a
  /// lock, and subscribe() may wait 0.1 s (TopicOptions::waits).
  ///
  /// Fails with kTypeMismatch, naming both types (or policies), when the topic exists with another
  /// type, layout or policy; kInvalidArgument for a bad name (allowed: [A-Za-z0-9_./-], 1 to 200
  /// bytes), impossible limits, or a larger max_size than the topic has; kExhausted when /dev/shm
  /// is full, and for the 65th publisher or the 65th subscriber of one topic; kBusy when the
  /// topic's type keeps changing while it is opened. The policy and max_size of a topic are those
  /// of its first publisher. Until there is one, any opener that gives some sets them.
  Result<RawPublisher> publish(std::string_view topic, const TypeInfo& type,
                               TopicOptions options = {});
  Result<RawSubscriber> subscribe(std::string_view topic, const TypeInfo& type,
                                  TopicOptions options = {});

  /// Waits, kPatience at most, until every living publisher of another process has discovered the
  /// subscribers that this process has opened by now. Publishers that have not answered by then are
  /// told to the teller. Blocks: not for a tick.
  static constexpr Nanos kPatience = 100ms;
  void await_publishers();
  bool are_known() const;  ///< Whether await_publishers() would return at once.
  /// Scans the topics of all subscribers of this process now, so that each has found every
  /// publisher that exists. The helper thread does the same, but may be a moment behind. Not for a
  /// tick.
  void find_publishers();
  /// Sets or clears RingHeader::isolated in the rings of the node's publishers. Waits for nothing:
  /// false, without effect, if the session's lock is taken; call it again.
  bool isolate(const NodeName& node, bool isolated) noexcept override;
  /// cycle_count() when the session was opened.
  std::uint64_t opened() const noexcept;

  /// Subscribes to a topic whose type is not known yet, for as long as the result lives. Publishers
  /// count it as a subscriber, keep their messages for it, and its name is checked for a
  /// misspelling. Null if its file cannot be made. `ahead`: see TopicOptions.
  std::shared_ptr<Seeking> seek(const std::string& topic, bool ahead = false);
  static void begin(Seeking& seeking) noexcept;  ///< See RawSubscriber::begin().

  /// Sets the type of a topic that this process itself does not open, for as long as the session
  /// lives. For a session that declares (see open()); the errors are those of publish().
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

  /// For payloads, whose types (Image, PointCloud, ...) have publishers and subscribers of their
  /// own.
  template <typename T>
  auto publisher(std::string_view topic, TopicOptions options = {}) {
    return T::Publisher::open(*this, topic, options);
  }
  template <typename T>
  auto subscriber(std::string_view topic, TopicOptions options = {}) {
    return T::Subscriber::open(*this, topic, options);
  }

  struct Impl;
  /// For payload kinds: the pools that their blocks come from. The pointer keeps the session alive.
  std::shared_ptr<PoolSet> pools() noexcept;

 private:
  explicit Session(std::shared_ptr<Impl> impl) noexcept;
  Result<RawPublisher> try_publish(std::string_view topic, const TypeInfo& type,
                                   TopicOptions options);
  std::shared_ptr<Impl> impl_;  ///< Shared with pools(), which a payload may be using right now.
  std::optional<MessageCounters> node_;
};

/// The type of topics that carry MessagePack values of any shape.
const TypeInfo& generic_type() noexcept;

}  // namespace horus::shm
