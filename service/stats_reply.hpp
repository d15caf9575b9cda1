// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "service/stats_limit.hpp"
#include "service/wire/stats_view.hpp"

namespace horus::service {

/// Gives statistics one host and one node at a time. One thread.
class StatsSource {
 public:
  virtual ~StatsSource() = default;
  /// The next host, without its nodes. Nothing: one step of work was done and found no host; call
  /// again unless done().
  virtual std::optional<wire::HostView> next_host() = 0;
  /// Whether next_host() gave nothing because there are no more hosts.
  virtual bool done() const = 0;
  /// The next node of that host; with a `wanted` name the next one of that name. Nothing: the host
  /// has no more.
  virtual std::optional<wire::NodeView> next_node(const std::string& wanted) = 0;
  /// Whether something was left out so far because of a limit.
  virtual bool truncated() const = 0;
};

/// A statistics reply that is made and sent piece by piece. The size of the pages is in their
/// owners' hands; a reply at once would let them decide how much memory and time it costs here.
///
/// Thread safety: one thread.
class StatsReply {
 public:
  /// For the nodes called `node`, or for all if that is empty. `continues`: further replies to the
  /// same request follow.
  StatsReply(std::unique_ptr<StatsSource> source, std::string node, bool continues);

  /// The next piece of the encoded message, ended by stats_limit::kPieceBytes or kPieceTime. It may
  /// be empty before done().
  std::string next();
  bool done() const noexcept { return state_ == State::kDone; }
  /// Once done(): whether the reply is the error that no host has the node.
  bool failed() const noexcept { return failed_; }

 private:
  enum class State { kHosts, kNodes, kDone };
  void step();
  void begin_host();
  void add_node(const wire::NodeView& node);
  void end();

  std::unique_ptr<StatsSource> source_;
  const std::string node_;
  const bool continues_;
  State state_ = State::kHosts;
  std::optional<wire::HostView>
      host_;  ///< A host that is not written yet: it is written with its first node that is wanted.
  std::string piece_;      ///< The piece that is being made.
  std::size_t bytes_ = 0;  ///< Of all pieces that were handed out.
  bool any_host_ = false;  ///< A host was written, and so the reply's head.
  bool any_node_ = false;  ///< A node of the current host was written.
  bool full_ = false;      ///< The reply has its largest size; the rest is left out.
  bool failed_ = false;
};

}  // namespace horus::service
