// SPDX-License-Identifier: Apache-2.0
// Reads a recording message by message. horus/_recording.py makes objects of the messages.
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <pybind11/stl.h>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/gil.hpp"
#include "pyhost/topic/bind.hpp"
#include "shm/interop/codec.hpp"
#include "shm/interop/log_lines.hpp"
#include "shm/interop/mcap_reader.hpp"
#include "shm/interop/message_json.hpp"
#include "shm/interop/payloads.hpp"
#include "shm/interop/recorded_kind.hpp"

namespace horus::py {

namespace {

namespace pyb = pybind11;
namespace mcap = interop::mcap;

pyb::bytes to_bytes(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

/// Text of a file of any origin: bytes that are no UTF-8 become U+FFFD.
pyb::str to_text(std::string_view text) {
  PyObject* const made =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (made == nullptr) throw pyb::error_already_set();
  return pyb::reinterpret_steal<pyb::str>(made);
}

std::string note(const mcap::Channel& channel, const char* name) {
  const auto found = channel.notes.find(name);
  return found == channel.notes.end() ? std::string{} : found->second;
}

pyb::dict payload_dict(const interop::RecordedPayload& payload) {
  pyb::dict all;
  all["dtype"] = std::string{shm::name_of(payload.dtype)};
  all["shape"] = pyb::tuple{pyb::cast(payload.shape)};
  all["timestamp_ns"] = payload.timestamp_ns;
  all["frame_id"] = to_text(payload.frame_id);
  all["encoding"] = to_text(payload.encoding);
  pyb::list names;
  for (const std::string& name : payload.field_names) names.append(to_text(name));
  all["field_names"] = names;
  all["is_dense"] = payload.is_dense;
  all["scale"] = payload.scale;
  all["min_depth"] = payload.min_depth;
  all["max_depth"] = payload.max_depth;
  all["data"] = to_bytes({reinterpret_cast<const char*>(payload.data.data()), payload.data.size()});
  return all;
}

pyb::dict line_dict(const interop::RecordedLine& recorded) {
  const shm::LogLine& line = recorded.line;
  pyb::dict all;
  all["level"] = to_text(line.level);
  all["text"] = to_text(line.text.view());
  all["host"] = to_text(recorded.host);
  all["node"] = to_text(line.node.view());
  all["tick"] = line.in_tick == 1 ? pyb::object{pyb::int_{line.tick}} : pyb::none();
  return all;
}

class Recording {
 public:
  explicit Recording(const std::string& path) : reader_{value_or_raise(mcap::Reader::open(path))} {}

  /// The next message as (topic, type, what, log_ns, publish_ns, number, data); None at the end.
  /// `what` tells what `data` is: "message": the bytes of a message; "json": JSON as bytes;
  /// "payload": a dict; "line": a log line as a dict; "raw": bytes of another tool. `wanted`:
  /// topics as the file names them, or None for all. Damaged messages are counted and left out.
  pyb::object next(const std::optional<std::set<std::string>>& wanted) {
    for (;;) {
      // The search for a rare topic may take long: let Ctrl+C end it.
      if (PyErr_CheckSignals() != 0) throw pyb::error_already_set();
      // Without the GIL, as ticks of this process must not wait for the file.
      const auto read = [this] {
        const GilRelease others_run;
        return reader_.next();
      }();
      if (read && !read.value()) return pyb::none();
      const auto channel =
          read ? reader_.channels().find(read.value()->channel) : reader_.channels().end();
      if (channel == reader_.channels().end()) {
        ++damaged_;
        continue;
      }
      if (wanted && !wanted->contains(channel->second.topic)) continue;
      const mcap::Message& message = *read.value();
      const auto value = value_of(channel->second, message.data);
      if (!value) {
        ++damaged_;
        continue;
      }
      return pyb::make_tuple(to_text(channel->second.topic),
                             to_text(note(channel->second, "horus.type")), value->first,
                             message.log_ns, message.publish_ns, message.sequence, value->second);
    }
  }

  /// A list of (topic, type, schema's name, publisher), one for each channel read so far.
  pyb::list channels() const {
    pyb::list all;
    for (const auto& [id, channel] : reader_.channels()) {
      const auto schema = reader_.schemas().find(channel.schema);
      all.append(
          pyb::make_tuple(to_text(channel.topic), to_text(note(channel, "horus.type")),
                          to_text(schema == reader_.schemas().end() ? "" : schema->second.name),
                          to_text(note(channel, "horus.publisher"))));
    }
    return all;
  }
  pyb::dict notes() const {
    pyb::dict all;
    for (const auto& [name, notes] : reader_.notes()) {
      pyb::dict one;
      for (const auto& [key, value] : notes) one[to_text(key)] = to_text(value);
      all[to_text(name)] = one;
    }
    return all;
  }
  bool whole() const { return reader_.whole(); }
  std::uint64_t damaged() const noexcept { return damaged_; }

 private:
  /// Decodes one message. Nothing for bytes that are no message of the channel.
  std::optional<std::pair<const char*, pyb::object>> value_of(const mcap::Channel& channel,
                                                              std::string_view data) {
    using Value = std::pair<const char*, pyb::object>;
    auto [found, fresh] = kinds_.try_emplace(channel.id);
    if (fresh) found->second = interop::kind_of(channel);
    const interop::RecordedKind& kind = found->second;
    if (kind.payload) {
      const auto payload = interop::decode_payload(data);
      if (!payload) return std::nullopt;
      return Value{"payload", payload_dict(payload.value())};
    }
    if (kind.line) {
      const auto line = interop::decode_line(data);
      if (!line) return std::nullopt;
      return Value{"line", line_dict(*line)};
    }
    if (channel.encoding == "json") return Value{"json", to_bytes(data)};
    if (kind.type == nullptr) return Value{"raw", to_bytes(data)};
    const auto message = interop::decode(*kind.type, data);
    if (!message) return std::nullopt;
    const std::string_view bytes{reinterpret_cast<const char*>(message.value().data()),
                                 message.value().size()};
    if (kind.built_in) return Value{"message", to_bytes(bytes)};
    const auto json = interop::whole_message(*kind.type, message.value());
    if (!json) return std::nullopt;
    return Value{"json", to_bytes(interop::message_line(json.value()))};
  }

  mcap::Reader reader_;
  std::map<std::uint16_t, interop::RecordedKind> kinds_;
  std::uint64_t damaged_ = 0;
};

}  // namespace

void bind_recording(pyb::module_& module) {
  pyb::class_<Recording>(module, "_Recording")
      .def(pyb::init<const std::string&>())
      .def("next", &Recording::next)
      .def("channels", &Recording::channels)
      .def("notes", &Recording::notes)
      .def("damaged", &Recording::damaged)
      .def("whole", &Recording::whole);
}

}  // namespace horus::py
