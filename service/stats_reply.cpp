// SPDX-License-Identifier: Apache-2.0
#include "service/stats_reply.hpp"

#include <utility>

#include "service/wire/interfaces.hpp"
#include "service/wire/stats_codec.hpp"

namespace horus::service {
namespace {

/// The JSON text of an object without its closing brace and without the member `left_for_later`, so
/// that the member can be appended piece by piece.
std::string open_object(wire::Json json, const char* left_for_later) {
  json.erase(left_for_later);
  std::string text = wire::to_line(json);
  text.pop_back();
  return text;
}

}  // namespace

StatsReply::StatsReply(std::unique_ptr<StatsSource> source, std::string node, bool continues)
    : source_{std::move(source)}, node_{std::move(node)}, continues_{continues} {}

std::string StatsReply::next() {
  const TimePoint until = MonotonicClock::now() + stats_limit::kPieceTime;
  do {
    step();
  } while (!done() && piece_.size() < stats_limit::kPieceBytes && MonotonicClock::now() < until);
  bytes_ += piece_.size();
  return std::exchange(piece_, {});
}

void StatsReply::step() {
  if (state_ == State::kHosts) {
    host_ = full_ ? std::nullopt : source_->next_host();
    // That file was no page. Looking at it took time, so this was a step of its own.
    if (!host_ && !full_ && !source_->done()) return;
    if (!host_) return end();
    any_node_ = false;
    state_ = State::kNodes;
    if (node_.empty()) begin_host();
    return;
  }
  full_ = bytes_ + piece_.size() >= stats_limit::kReplyBytes;
  const auto node = full_ ? std::nullopt : source_->next_node(node_);
  if (node) return add_node(*node);
  if (!host_) piece_ += "]}";
  state_ = State::kHosts;
}

/// Writes the host up to its nodes; before the first host also the head of the reply.
void StatsReply::begin_host() {
  if (any_host_) {
    piece_ += ',';
  } else {
    wire::Json top = wire::to_json(wire::stats_of({}));
    top.erase("truncated");
    piece_ += "{\"parameters\":" + open_object(std::move(top), "hosts") + ",\"hosts\":[";
  }
  any_host_ = true;
  piece_ += open_object(wire::to_json(*host_), "nodes") + ",\"nodes\":[";
  host_.reset();
}

void StatsReply::add_node(const wire::NodeView& node) {
  if (host_) begin_host();
  if (std::exchange(any_node_, true)) piece_ += ',';
  piece_ += wire::to_line(wire::to_json(node));
}

void StatsReply::end() {
  state_ = State::kDone;
  failed_ = !any_host_ && !node_.empty();
  if (failed_) {
    wire::Reply none;
    none.error = wire::error::kNoSuchNode;
    none.parameters["node"] = node_;
    piece_ = wire::encode(none);
    return;
  }
  if (!any_host_) {
    wire::Reply empty;
    empty.parameters = wire::to_json(wire::stats_of({}));
    empty.continues = continues_;
    piece_ = wire::encode(empty);
    return;
  }
  piece_ += full_ || source_->truncated() ? "],\"truncated\":true}" : "],\"truncated\":false}";
  if (continues_) piece_ += ",\"continues\":true";
  piece_ += "}";
  piece_ += '\0';
}

}  // namespace horus::service
