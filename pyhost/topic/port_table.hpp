// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <horus/result.hpp>

#include "pyhost/topic/port.hpp"
#include "rt/base/counter.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus::py {

/// The ports of one node by topic name. A lookup compares the address of the name object first,
/// since names in source code are interned, and then its text. A name that was never declared gets
/// a port at its first use.
///
/// Thread safety: with the GIL. The table drops it nowhere; a port may, see Port.
class PortTable {
 public:
  PortTable() noexcept;
  ~PortTable();
  PortTable(const PortTable&) = delete;
  PortTable& operator=(const PortTable&) = delete;

  /// From here on messages are counted in `stats`. What the table has counted itself so far is
  /// moved there. Null: counts in the table again. `stats` must live until the next call.
  void count_into(NodeStats* stats) noexcept;

  /// Declares a topic that this node sends on, or receives from. Opens nothing. Errors as
  /// Port::declare().
  Status declare_publisher(const std::string& topic, PortType type,
                           const shm::TopicOptions& options);
  Status declare_subscriber(const std::string& topic, PortType type,
                            const shm::TopicOptions& options);
  /// Opens every declared publisher and subscriber; stops at the first error. From here on
  /// subscribers begin with the messages sent since `since`, in cycle_count().
  Status open(std::uint64_t since) noexcept;

  // The calls below are those of Port, by topic name. `name` may be any object: TypeError where it
  // is no str, ValueError where it is no topic's name.
  /// 1: sent; 0: refused; -1: a Python exception is set.
  int send(PyObject* name, PyObject* data) noexcept {
    Port* port = find(name);
    return port != nullptr ? port->send(data) : -1;
  }
  /// A new reference; null with an exception set. So is recv_all()'s.
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

  /// 1, 0, or -1 with an exception set.
  int stale(PyObject* name) noexcept {
    Port* port = find(name);
    return port != nullptr ? port->stale() : -1;
  }

  /// The port of `name`, made when there is none; null with an exception set. The hot path: at most
  /// 16 comparisons of addresses.
  Port* find(PyObject* name) noexcept {
    for (std::size_t i = 0; i < cached_; ++i) {
      if (cache_[i].name == name) return cache_[i].port;
    }
    return find_by_text(name);
  }
  /// The port of `topic`, made when there is none. For event nodes, which wait on it.
  Port& port(const std::string& topic);

  /// Declared topics, in order of declaration.
  std::vector<std::string> publishers() const;
  std::vector<std::string> subscribers() const;

  // The node's counts of messages over all its topics, see NodeStats.
  std::uint64_t sent() const noexcept { return counters_.sent->value(); }
  std::uint64_t received() const noexcept { return counters_.received->value(); }
  std::uint64_t dropped() const noexcept { return counters_.dropped->value(); }
  std::uint64_t missed() const noexcept { return counters_.missed->value(); }
  std::uint64_t passed_over() const noexcept { return counters_.passed_over->value(); }

 private:
  static constexpr std::size_t kCached = 16;
  struct Cached {
    PyObject* name = nullptr;  ///< Strong: its address could otherwise be another object's later.
    Port* port = nullptr;
  };
  struct Entry {
    std::unique_ptr<Port> port;
    bool publishes = false;   ///< Declared in pubs=.
    bool subscribes = false;  ///< Declared in subs=.
  };

  Port* find_by_text(PyObject* name) noexcept;
  /// Puts a name into the cache if there is room; returns `port`.
  Port* remember(PyObject* name, Port* port) noexcept;
  /// The entry of a topic, made when there is none; otherwise merges the options into it.
  Entry& entry(const std::string& topic, const shm::TopicOptions& options);
  void tell_undeclared(const std::string& topic) const noexcept;

  std::size_t cached_ = 0;
  std::array<Cached, kCached> cache_{};
  PyObject* by_text_ = nullptr;  ///< A dict from a name to the port's address, as an int.
  std::vector<Entry> entries_;
  std::uint64_t since_ = Port::kOpening;  ///< See open().
  /// Where messages are counted while there are no statistics.
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
