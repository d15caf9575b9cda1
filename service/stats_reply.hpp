// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "service/stats_limit.hpp"
#include "service/wire/stats_view.hpp"

namespace horus::service {

/// Statistics one host and one node at a time.
class StatsSource {
 public:
  virtual ~StatsSource() = default;
  /// The next host, without its nodes; nothing: none is there yet, or that was all.
  virtual std::optional<wire::HostView> next_host() = 0;
  /// Once next_host() gave nothing: that was all.
  virtual bool done() const = 0;
  /// The next node of that host, only if it has the name `wanted`, where that is not empty;
  /// nothing: it has no more.
  virtual std::optional<wire::NodeView> next_node(const std::string& wanted) = 0;
  /// Whether something was left out so far.
  virtual bool truncated() const = 0;
};

/// A reply with statistics that is made, and can be sent, piece by piece: its size and its cost
/// are the owners' of the pages, and neither memory nor time of ours may be.
class StatsReply {
 public:
  /// Of the nodes called `node`, or of all where that is empty. `continues`: others follow.
  StatsReply(std::unique_ptr<StatsSource> source, std::string node, bool continues);

  /// The next piece of the encoded message; may be empty before done().
  std::string next();
  bool done() const noexcept { return state_ == State::kDone; }
  /// Once done(): whether it is the error that there is no such node.
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
      host_;  ///< Not yet written: with a name wanted, it may not have it.
  std::string piece_;
  std::size_t bytes_ = 0;
  bool any_host_ = false;
  bool any_node_ = false;  ///< Of this host.
  bool full_ = false;
  bool failed_ = false;
};

}  // namespace horus::service
