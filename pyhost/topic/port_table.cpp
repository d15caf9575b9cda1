// SPDX-License-Identifier: Apache-2.0
#include "pyhost/topic/port_table.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <horus/log.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/text.hpp"
#include "rt/base/tick_stats.hpp"
#include "shm/names.hpp"
#include "shm/near.hpp"

namespace horus::py {

PortTable::PortTable() noexcept : counters_{own_.counters()} {}

PortTable::~PortTable() {
  for (const Cached& cached : cache_) Py_XDECREF(cached.name);
  Py_XDECREF(by_text_);
}

void PortTable::count_into(NodeStats* stats) noexcept {
  counters_ = stats != nullptr ? message_counters(*stats) : own_.counters();
  for (const Entry& entry : entries_) entry.port->follow_ticks();
  if (stats == nullptr) return;
  // Moved, not copied, so that the next call does not add it again.
  const auto move = [](Counter& from, Counter* to) {
    to->add(from.value());
    from.set(0);
  };
  move(own_.sent, counters_.sent);
  move(own_.bytes, counters_.bytes);
  move(own_.received, counters_.received);
  move(own_.dropped, counters_.dropped);
  move(own_.missed, counters_.missed);
  move(own_.refused, counters_.refused);
  move(own_.passed_over, counters_.passed_over);
}

PortTable::Entry& PortTable::entry(const std::string& topic, const shm::TopicOptions& options) {
  const auto named = [&](const Entry& entry) { return entry.port->topic() == topic; };
  const auto found = std::ranges::find_if(entries_, named);
  if (found != entries_.end()) {
    found->port->want(options);
    return *found;
  }
  auto port = std::make_unique<Port>(topic, counters_, options);
  port->begin_at(since_);
  return entries_.emplace_back(Entry{.port = std::move(port)});
}

Status PortTable::declare_publisher(const std::string& topic, PortType type,
                                    const shm::TopicOptions& options) {
  Entry& declared = entry(topic, options);
  declared.publishes = true;
  return declared.port->declare(type);
}

Status PortTable::declare_subscriber(const std::string& topic, PortType type,
                                     const shm::TopicOptions& options) {
  Entry& declared = entry(topic, options);
  declared.subscribes = true;
  return declared.port->declare(type);
}

Status PortTable::open(std::uint64_t since) noexcept {
  since_ = since;
  for (const Entry& entry : entries_) {
    entry.port->begin_at(since);
    if (entry.subscribes) {
      if (auto opened = entry.port->open_subscriber(); !opened) return opened;
    }
    if (entry.publishes) {
      if (auto opened = entry.port->open_publisher(); !opened) return opened;
    }
  }
  return {};
}

Port& PortTable::port(const std::string& topic) {
  return *entry(topic, {}).port;
}

Port* PortTable::find_by_text(PyObject* name) noexcept {
  if (!PyUnicode_Check(name)) {
    PyErr_Format(PyExc_TypeError, "a topic's name is a str, not %s", Py_TYPE(name)->tp_name);
    return nullptr;
  }
  if (by_text_ == nullptr) by_text_ = PyDict_New();
  if (by_text_ == nullptr) return nullptr;
  PyObject* const known = PyDict_GetItemWithError(by_text_, name);
  if (known == nullptr && PyErr_Occurred()) return nullptr;
  if (known != nullptr) return remember(name, static_cast<Port*>(PyLong_AsVoidPtr(known)));

  const std::string topic = characters_of(name);
  if (const Status valid = shm::check_topic_name(topic); !valid) {
    set_error(valid.error());
    return nullptr;
  }
  tell_undeclared(topic);
  Port* const port = entry(topic, {}).port.get();
  const Ref address{PyLong_FromVoidPtr(port)};
  if (!address || PyDict_SetItem(by_text_, name, address.ptr()) < 0) return nullptr;
  return remember(name, port);
}

/// Warns of a topic that is not among those declared, once for each name. A node that declares
/// nothing may use any topic.
void PortTable::tell_undeclared(const std::string& topic) const noexcept {
  const auto declared = [](const Entry& entry) { return entry.publishes || entry.subscribes; };
  if (std::ranges::none_of(entries_, declared)) return;
  const auto same = [&](const Entry& entry) { return entry.port->topic() == topic; };
  if (std::ranges::any_of(entries_, same)) return;
  std::string meant;
  for (const Entry& entry : entries_) {
    if (shm::is_near_miss(topic, entry.port->topic())) meant = entry.port->topic();
  }
  const std::string who =
      counters_.node != nullptr ? "node '" + std::string{counters_.node->view()} + "'" : "a node";
  log(LogLevel::kWarning, who + " uses topic '" + topic +
                              "', which is not among its pubs and subs" +
                              (meant.empty() ? "" : "; is '" + meant + "' meant?"));
}

Port* PortTable::remember(PyObject* name, Port* port) noexcept {
  // Only interned names (literals) get a place: they live on. Names made at run time would fill the
  // cache.
  if (PyUnicode_CHECK_INTERNED(name) && cached_ < kCached) {
    cache_[cached_++] = {.name = Py_NewRef(name), .port = port};
  }
  return port;
}

std::vector<std::string> PortTable::publishers() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    if (entry.publishes) names.push_back(entry.port->topic());
  }
  return names;
}

std::vector<std::string> PortTable::subscribers() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    if (entry.subscribes) names.push_back(entry.port->topic());
  }
  return names;
}

}  // namespace horus::py
