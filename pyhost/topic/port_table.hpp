// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pyhost/topic/port.hpp"
#include "rt/base/counter.hpp"
#include "rt/base/result.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus::py {

/// The ports of one node, by topic name: first by the pointer of the (interned) name object,
/// then by its text. Names that were never declared get a port at first use.
///
/// Thread safety: with the GIL, which no call drops.
class PortTable {
 public:
  PortTable() noexcept;
  ~PortTable();
  PortTable(const PortTable&) = delete;
  PortTable& operator=(const PortTable&) = delete;

  /// From here on messages are counted in `stats`, what was counted so far is added to it.
  /// Null: back to the table's own cells. `stats` must outlive its use here.
  void count_into(NodeStats* stats) noexcept;

  /// Declares a topic that this node sends on (or receives from). Opens nothing.
  Status declare_publisher(const std::string& topic, PortType type,
                           const shm::TopicOptions& options);
  Status declare_subscriber(const std::string& topic, PortType type,
                            const shm::TopicOptions& options);
  /// Opens every declared publisher and subscriber. What subscribers are opened from here on begin
  /// with what was sent since `since`, by cycle_count().
  Status open(std::uint64_t since) noexcept;

  /// 1: sent; 0: refused; -1: a Python exception is set. `name` is any object; not a str:
  /// TypeError.
  int send(PyObject* name, PyObject* data) noexcept {
    Port* port = find(name);
    return port != nullptr ? port->send(data) : -1;
  }
  /// New references; null with an exception set.
  PyObject* recv(PyObject* name, PyObject* otherwise) noexcept {
    Port* port = find(name);
    return port != nullptr ? port->recv(otherwise) : nullptr;
  }
  PyObject* recv_all(PyObject* name) noexcept {
    Port* port = find(name);
    return port != nullptr ? port->recv_all() : nullptr;
  }
  /// 1, 0, or -1 with an exception set.
  int has_msg(PyObject* name) noexcept {
    Port* port = find(name);
    return port != nullptr ? port->has_msg() : -1;
  }

  /// As has_msg().
  int stale(PyObject* name) noexcept {
    Port* port = find(name);
    return port != nullptr ? port->stale() : -1;
  }

  /// The port of `name`; null with an exception set.
  Port* find(PyObject* name) noexcept {
    for (std::size_t i = 0; i < cached_; ++i) {
      if (cache_[i].name == name) return cache_[i].port;
    }
    return find_by_text(name);
  }
  /// The port of `topic`, made when there is none (to wait on, for an event node).
  Port& port(const std::string& topic);

  /// Declared topics, in order of declaration.
  std::vector<std::string> publishers() const;
  std::vector<std::string> subscribers() const;

  std::uint64_t sent() const noexcept { return counters_.sent->value(); }
  std::uint64_t received() const noexcept { return counters_.received->value(); }
  std::uint64_t dropped() const noexcept { return counters_.dropped->value(); }
  std::uint64_t missed() const noexcept { return counters_.missed->value(); }
  std::uint64_t passed_over() const noexcept { return counters_.passed_over->value(); }

 private:
  static constexpr std::size_t kCached = 16;
  struct Cached {
    PyObject* name = nullptr;  ///< Strong: a pointer is a name only while the object lives.
    Port* port = nullptr;
  };
  struct Entry {
    std::unique_ptr<Port> port;
    bool publishes = false;
    bool subscribes = false;
  };

  Port* find_by_text(PyObject* name) noexcept;
  Port* remember(PyObject* name, Port* port) noexcept;
  Entry& entry(const std::string& topic, const shm::TopicOptions& options);
  void tell_undeclared(const std::string& topic) const noexcept;

  std::size_t cached_ = 0;
  std::array<Cached, kCached> cache_{};
  PyObject* by_text_ = nullptr;  ///< A dict: name to the port's address.
  std::vector<Entry> entries_;
  std::uint64_t since_ = Port::kOpening;
  struct Own {
    Counter sent, bytes, received, dropped, missed, refused, passed_over;

    MessageCounters counters() noexcept {
      return {.sent = &sent,
              .bytes = &bytes,
              .received = &received,
              .dropped = &dropped,
              .missed = &missed,
              .refused = &refused,
              .passed_over = &passed_over};
    }
  } own_;
  MessageCounters counters_;
};

}  // namespace horus::py
