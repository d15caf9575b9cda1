// SPDX-License-Identifier: Apache-2.0
#include "pyhost/fast_call.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "pyhost/cpython.hpp"
#include "pyhost/set_error.hpp"
#include "rt/base/tick_stats.hpp"
#include "shm/names.hpp"

namespace horus::py {

PortTable::PortTable() noexcept
    : counters_{.sent = &own_.sent, .received = &own_.received, .dropped = &own_.dropped} {}

PortTable::~PortTable() {
  for (const Cached& cached : cache_) Py_XDECREF(cached.name);
  Py_XDECREF(by_text_);
}

void PortTable::count_into(NodeStats* stats) noexcept {
  if (stats == nullptr) {
    counters_ = {.sent = &own_.sent, .received = &own_.received, .dropped = &own_.dropped};
    return;
  }
  counters_ = message_counters(*stats);
  // What was counted before there was a page moves into it, once.
  counters_.sent->add(own_.sent.value());
  counters_.received->add(own_.received.value());
  counters_.dropped->add(own_.dropped.value());
  own_.sent.set(0);
  own_.received.set(0);
  own_.dropped.set(0);
}

PortTable::Entry& PortTable::entry(const std::string& topic, const shm::TopicOptions& options) {
  const auto named = [&](const Entry& entry) { return entry.port->topic() == topic; };
  const auto found = std::ranges::find_if(entries_, named);
  if (found != entries_.end()) {
    found->port->want(options);
    return *found;
  }
  return entries_.emplace_back(Entry{.port = std::make_unique<Port>(topic, counters_, options)});
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

Status PortTable::open() noexcept {
  for (const Entry& entry : entries_) {
    if (entry.subscribes) {
      if (auto opened = entry.port->open_subscriber(); !opened) return opened;
    }
    if (entry.publishes) {
      if (auto opened = entry.port->open_publisher(); !opened) return opened;
    }
  }
  return {};
}

void PortTable::close() noexcept {
  for (const Entry& entry : entries_) entry.port->close();
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

  Py_ssize_t length = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(name, &length);
  if (text == nullptr) return nullptr;
  const std::string topic(text, static_cast<std::size_t>(length));
  if (const Status valid = shm::check_topic_name(topic); !valid) {
    set_error(valid.error());
    return nullptr;
  }
  Port* const port = entry(topic, {}).port.get();
  const Ref address{PyLong_FromVoidPtr(port)};
  if (!address || PyDict_SetItem(by_text_, name, address.ptr()) < 0) return nullptr;
  return remember(name, port);
}

Port* PortTable::remember(PyObject* name, Port* port) noexcept {
  // Only names that live on (interned ones: literals) earn a place; others would use it up.
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
