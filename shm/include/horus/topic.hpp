// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <horus/message.hpp>
#include <horus/result.hpp>
#include <horus/time.hpp>

/// Topics: named streams of messages between the nodes and programs of one machine, in shared
/// memory. A program opens a Session; a node is given one (PluginContext::topics()).
///
///   auto session = horus::or_throw(horus::shm::Session::open());
///   auto orders = horus::or_throw(session->publisher<horus::msg::CmdVel>("cmd_vel"));
///   orders.send({.linear = 0.2F});
///
///   auto scans = horus::or_throw(session->subscriber<horus::msg::LaserScan>("scan"));
///   while (const auto scan = scans.take_until(horus::now() + std::chrono::seconds{1})) use(*scan);
///
/// <horus/payload.hpp> has what is too large to be copied: images, point clouds, tensors.

namespace horus {

class Outputs;
struct MessageCounters;
struct NodeStats;

namespace shm {
class BlackBoxPage;
class PoolSet;
class StatsPage;
struct OpenDetails;
struct PublisherState;
struct Seeking;
struct SubscriberState;
}  // namespace shm

}  // namespace horus

namespace horus::shm {

/// What a subscription with a timeout returns while its input is stale.
///
/// The input is stale when its newest message was sent longer ago than the timeout. If no message
/// came yet, the time counts from the node's first tick; for an event node, from its first wait;
/// for a subscription outside of nodes, from its first receive. Time is the machine's cycle
/// counter, which all its processes share. Neither a field of the message nor the wall clock can
/// change it, and a send time in the future counts as now. It goes on while processes are stopped:
/// after all of them were paused, the input is stale until a new message comes.
///
/// A message that is too old is never returned as a message: it is passed over (kHold returns the
/// newest one as the fallback). While the input is stale, the first receive of each tick returns
/// the fallback and the further ones return nothing, so that a loop that takes until there is
/// nothing ends. A subscription outside of nodes returns it once per timeout. A fallback is not a
/// message: it counts in `fallbacks`, not in `received`. The first new message, from any publisher,
/// ends the episode.
///
/// If the publisher's process considers its node hung, or has isolated it, its messages are stale
/// at once.
enum class Fallback : std::uint8_t {
  kNone,   ///< Returns nothing; stale() is true, and the statistics show it.
  kHold,   ///< Returns the newest message again.
  kZero,   ///< Returns the type's neutral message; for types that have one (TypeInfo::neutral).
  kValue,  ///< Returns the given message (TopicOptions::value).
  kStop,   ///< Returns nothing, and asks for one emergency stop in each stale episode.
};

/// The bytes of `message`, for TopicOptions::value with kValue. `message` must live that long.
template <Message T>
std::span<const std::byte> fallback_of(const T& message) noexcept {
  return std::as_bytes(std::span{&message, 1});
}
template <Message T>
void fallback_of(const T&& message) = delete;  // A temporary would be gone before it is copied.

/// Sends messages of one type on one topic, through a ring that only this process writes.
///
/// Thread safety: one thread at a time. Progress: send() is wait-free. Its only system call wakes a
/// subscriber that sleeps; on an executor thread that happens after the tick.
class RawPublisher {
 public:
  RawPublisher() noexcept;  ///< Empty: only the assignment and operator bool are allowed on it.
  explicit RawPublisher(std::unique_ptr<PublisherState> state) noexcept;
  RawPublisher(RawPublisher&&) noexcept;
  RawPublisher& operator=(RawPublisher&&) noexcept;
  ~RawPublisher();

  /// RT-safe. `message` is type().size bytes; where the size varies, at most max_size() bytes.
  /// False, and counted in refused(), if
  ///   - the message has another size,
  ///   - TopicOptions::finite is set and a number in it is not finite, or
  ///   - the topic refuses, and a living subscriber has not taken the message that this one would
  ///     replace. A subscriber counts from when this process's helper thread has seen it, at most a
  ///     few milliseconds after it came, until 0.2 s after its death.
  /// False, and counted as held by the node alone, while the node that sends, or the actuator
  /// whose callback calls send(), may not act.
  bool send(std::span<const std::byte> message) noexcept;
  /// RT-safe. True, and counted in refused(), if a message of `size` bytes would now replace one
  /// that a living subscriber still wants and has not taken. Works on topics that overwrite as
  /// well. Subscribers that were opened ahead (OpenDetails) count only if there are no others.
  /// False for a `size` above max_size(), which send() refuses.
  bool refuses_now(std::size_t size) noexcept;

  const TypeInfo& type() const noexcept;
  std::size_t max_size() const noexcept;
  /// Messages that the ring holds; where their size varies, at most.
  std::uint64_t capacity() const noexcept;
  bool refuses() const noexcept;        ///< Whether a full ring refuses.
  std::uint64_t sent() const noexcept;  ///< Messages sent so far.
  /// Sleeping subscribers that were not woken: they had been woken less than a millisecond before
  /// in the same sleep, or their process had been woken 50 times in this millisecond.
  std::uint64_t unrung() const noexcept;
  std::uint64_t refused() const noexcept;
  std::uint32_t subscribers() const noexcept;  ///< Living ones that the helper thread knows.
  /// Of subscribers(), those that have found this ring. They get what was sent even if this
  /// publisher closes at once.
  std::uint32_t readers() const noexcept;
  explicit operator bool() const noexcept { return state_ != nullptr; }

  // For HORUS itself.

  /// RT-safe. How many of the newest messages somebody still wants. A living subscriber wants what
  /// it has not taken, within its depth; on a topic that refuses, everything counts as wanted.
  /// Subscribers that this process opened ahead (OpenDetails), and may never read, count only if
  /// there are no others.
  std::uint64_t wanted() noexcept;
  /// RT-safe. Adds `bytes` to the bytes sent: a descriptor that was just sent stands for a payload
  /// of that size.
  void add_bytes(std::uint64_t bytes) noexcept;

 private:
  std::unique_ptr<PublisherState> state_;
};

template <Message T>
class Publisher : public RawPublisher {
 public:
  Publisher() = default;
  explicit Publisher(RawPublisher raw) noexcept : RawPublisher{std::move(raw)} {}
  /// RT-safe. See RawPublisher::send().
  bool send(const T& message) noexcept {
    return RawPublisher::send(std::as_bytes(std::span{&message, 1}));
  }
};

/// What happened to the messages that were sent since a subscriber came. Once everything was taken,
/// received + passed_over + missed is the number that was sent.
struct SubscriberCounts {
  std::uint64_t received = 0;
  std::uint64_t passed_over = 0;  ///< Older than the depth wants, or superseded by a newer one.
  std::uint64_t missed = 0;       ///< Overwritten while they were wanted.
  std::uint64_t torn = 0;         ///< Not in the sum: the publisher died while it wrote them.
};

/// Identifies one message of a topic.
struct Origin {
  std::string publisher{};   ///< File name of the publisher's ring; never used again by another.
  std::uint64_t number = 0;  ///< Position among the messages of this ring, from 0.
};

/// Takes the messages of every publisher of one topic: in order within a publisher, by send time
/// between publishers. Of each publisher it wants the newest TopicOptions::depth messages. Older
/// ones are passed over; a message that was overwritten while it was wanted is missed.
///
/// Thread safety: one thread at a time; interrupt() from any thread. Progress: take() is lock-free
/// and bounded, and makes no system call.
class RawSubscriber {
 public:
  RawSubscriber() noexcept;  ///< Empty: only the assignment and operator bool are allowed on it.
  explicit RawSubscriber(std::unique_ptr<SubscriberState> state) noexcept;
  RawSubscriber(RawSubscriber&&) noexcept;
  RawSubscriber& operator=(RawSubscriber&&) noexcept;
  ~RawSubscriber();

  /// RT-safe. Copies the next message into `buffer` (at least max_size() bytes) and returns its
  /// length. -1 when there is none, or when publishers overwrite faster than this thread reads; the
  /// content of `buffer` is then undefined. With a TopicOptions::timeout, see Fallback.
  std::ptrdiff_t take(std::span<std::byte> buffer) noexcept;
  /// RT-safe. As take(), but the newest message of all publishers; older ones are passed over.
  std::ptrdiff_t take_latest(std::span<std::byte> buffer) noexcept;
  /// RT-safe. Whether take() would return a message now.
  bool has_message() const noexcept;

  /// As take(), but waits for a message until `until`; not for a tick. -1 at that time, and after
  /// interrupt().
  std::ptrdiff_t take_until(std::span<std::byte> buffer, TimePoint until) noexcept;

  /// Waits, without a lock, until there is a message (true) or until `until` (false). False also
  /// after interrupt().
  bool wait_until(TimePoint until) noexcept;
  /// As wait_until(), but true only once for each message: not for one that was taken, nor for one
  /// that an earlier call returned true for. Also true once each time that the input becomes stale
  /// (TopicOptions::timeout). Releases the ticks of an event node.
  bool wait_for_new(TimePoint until) noexcept;
  /// Waits in one thread for several topics. Returns the first of `subscribers` that has a message,
  /// or null at `until` and after an interrupt() of any of them. One bell wakes all subscribers of
  /// a session; a message for a subscriber of another session is found within 10 ms.
  static RawSubscriber* wait_any(std::span<RawSubscriber* const> subscribers,
                                 TimePoint until) noexcept;
  /// From any thread: ends the current wait, or the next one, at once. Makes one system call.
  void interrupt() noexcept;

  const TypeInfo& type() const noexcept;
  /// Bytes of the largest message. Grows if the topic's first publisher comes later and asks for
  /// more; a message that does not fit into the buffer is then missed.
  std::size_t max_size() const noexcept;
  SubscriberCounts counts() const noexcept;
  /// RT-safe. Whether the newest message is older than TopicOptions::timeout, or a fallback was
  /// given in this tick. Always false without a timeout.
  bool stale() noexcept;
  /// Whether the latest take() gave the fallback.
  bool gave_fallback() const noexcept;
  /// Identifies the message taken last; valid until the next call. Empty before the first.
  /// Allocates.
  Origin origin() const;
  /// Time since the message taken last was sent; negative before the first.
  Nanos age() const noexcept;
  /// Whether the message taken last was sent before this subscriber was opened, or before begin().
  bool was_before() const noexcept;
  std::uint64_t depth() const noexcept;       ///< Messages wanted of each publisher; ~0: all.
  std::uint64_t pending() const noexcept;     ///< Messages that take() would find now.
  std::uint32_t publishers() const noexcept;  ///< Publishers attached now.
  explicit operator bool() const noexcept { return state_ != nullptr; }

  // For HORUS itself.

  /// RT-safe. Ends OpenDetails::ahead: from now on the subscriber counts as one that receives.
  void begin() noexcept;
  /// RT-safe. For the first message of each tick of `node`: records how old the message taken last
  /// was at the start of the tick, in the subscription's histogram, and counts an old one in
  /// messages_old. Nothing for further messages of the same tick.
  void tell_age(NodeStats& node) noexcept;
  /// Sets the node whose ticks pace the fallback and that is told of it; null: none.
  void belongs_to(NodeStats* node) noexcept;
  /// For topics of payloads, whose messages are descriptors. A message is then available once its
  /// payload can be taken, and its publisher keeps the payload until tell_taken(). Not for a tick.
  void expect_frames();
  /// RT-safe. Call it after take() or take_latest(), before any other call, when the payload is
  /// held or lost.
  void tell_taken() noexcept;

 private:
  template <typename Has>
  static RawSubscriber* wait_for(std::span<RawSubscriber* const> subscribers, TimePoint until,
                                 Has has) noexcept;
  std::ptrdiff_t take_next(std::span<std::byte> buffer) noexcept;
  std::ptrdiff_t take_newest(std::span<std::byte> buffer) noexcept;
  template <typename Take>
  std::ptrdiff_t take_fresh(std::span<std::byte> buffer, Take take) noexcept;
  static bool was_interrupted(std::span<RawSubscriber* const> subscribers) noexcept;

  std::unique_ptr<SubscriberState> state_;
};

template <Message T>
class Subscriber : public RawSubscriber {
 public:
  Subscriber() = default;
  explicit Subscriber(RawSubscriber raw) noexcept : RawSubscriber{std::move(raw)} {}
  /// RT-safe. See RawSubscriber::take(); nullopt where that returns -1. So for the next two.
  std::optional<T> take() noexcept {
    return typed([this](auto bytes) { return RawSubscriber::take(bytes); });
  }
  /// RT-safe.
  std::optional<T> take_latest() noexcept {
    return typed([this](auto bytes) { return RawSubscriber::take_latest(bytes); });
  }
  /// Waits; not for a tick.
  std::optional<T> take_until(TimePoint until) noexcept {
    return typed([this, until](auto bytes) { return RawSubscriber::take_until(bytes, until); });
  }

 private:
  template <typename Take>
  static std::optional<T> typed(Take take) noexcept {
    T message;
    if (take(std::as_writable_bytes(std::span{&message, 1})) < 0) return std::nullopt;
    return message;
  }
};

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
  /// Subscribers: how many of each publisher's newest messages are wanted. Older ones are passed
  /// over. 0: all that the ring holds, as always on a topic that refuses. If unset, a node wants
  /// the newest 16 messages, or the newest payload; any other subscriber wants all.
  std::optional<std::uint32_t> depth{};
  /// Subscribers: opening waits as await_publishers() does. A node's subscribers never wait here.
  bool waits = true;
  Policy policy = Policy::kAny;
  /// Subscribers: the largest age of the newest message, since it was sent; 0: any age. See
  /// Fallback for what is given after that. Payloads have no fallback but kStop.
  Nanos timeout{};
  Fallback fallback = Fallback::kNone;
  std::span<const std::byte> value{};    ///< The message of Fallback::kValue; copied.
  const OpenDetails* details = nullptr;  ///< For HORUS itself; read during the call. Else null.
};

/// A process's part in the topics of one base directory: its identity, its bell (the futex that
/// wakes it), and the helper thread that discovers publishers and subscribers (never an executor
/// thread). Copies share one session, which ends with the last copy.
///
/// Thread safety: every call from any thread. Most calls take a lock that the helper thread uses,
/// too: none is for a tick unless it says RT-safe. Each publisher and subscriber that it makes is
/// for one thread at a time. The session must outlive them.
class Session {
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
  Session(const Session&) = default;
  Session& operator=(const Session&) = default;
  ~Session();

  /// How many of each publisher's newest messages, or payloads, a subscriber of a node wants if its
  /// options say nothing.
  static constexpr std::uint32_t kDepth = 16;
  static constexpr std::uint32_t kPayloadDepth = 1;
  /// RT-safe. Counts a message that the node received and does not use as dropped. No effect on a
  /// session that is not a node's.
  void count_refused() noexcept;

  const std::string& base() const noexcept;

  /// Files of others that were not used, each counted once: damaged, of another version or type,
  /// above a limit, or without a place in a full table. last_rejection() says which and why.
  std::uint64_t rejected() const;
  std::optional<Error> last_rejection() const;

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

  // For HORUS itself. The types are declared in headers that are not installed.

  /// The same session, for one node. What it opens counts into `counters`, is shut with the node's
  /// outputs, and starts with what was sent since the session was opened. If the options set no
  /// depth, a subscriber wants the newest kDepth messages of each publisher, or kPayloadDepth
  /// payloads.
  Session of_node(const MessageCounters& counters) const;
  /// Adds the node's defaults. Changes nothing if the session is not a node's.
  void add_defaults(TopicOptions& options, OpenDetails& details,
                    std::uint32_t depth = kDepth) const noexcept;
  /// The session keeps this page as it keeps its own files: if somebody removes the file, the
  /// helper thread makes it again.
  void keep(std::weak_ptr<StatsPage> page);
  void keep(std::weak_ptr<BlackBoxPage> box);
  /// Payload blocks that ticks asked for and that were not available at once.
  std::uint64_t blocks_not_yet() const noexcept;
  /// Sets or clears RingHeader::isolated in the rings of a node's publishers.
  Outputs& outputs() noexcept;
  /// cycle_count() when the session was opened.
  std::uint64_t opened() const noexcept;
  /// Subscribes to a topic whose type is not known yet, for as long as the result lives. Publishers
  /// count it as a subscriber, keep their messages for it, and its name is checked for a
  /// misspelling. Null if its file cannot be made. `ahead`: see OpenDetails.
  std::shared_ptr<Seeking> seek(const std::string& topic, bool ahead = false);
  static void begin(Seeking& seeking) noexcept;  ///< See RawSubscriber::begin().
  struct Impl;
  /// For payload kinds: the pools that their blocks come from. The pointer keeps the session alive.
  std::shared_ptr<PoolSet> pools() noexcept;

 private:
  explicit Session(std::shared_ptr<Impl> impl) noexcept;
  Result<RawPublisher> try_publish(std::string_view topic, const TypeInfo& type,
                                   const TopicOptions& options, const OpenDetails& details);
  std::shared_ptr<Impl> impl_;  ///< Shared with pools(), which a payload may be using right now.
  std::shared_ptr<const MessageCounters> node_;  ///< Null: the session is not a node's.
};

/// The type of topics that carry MessagePack values of any shape.
const TypeInfo& generic_type() noexcept;

}  // namespace horus::shm
