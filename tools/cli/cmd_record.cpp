// SPDX-License-Identifier: Apache-2.0
// Recordings: horus-recorder makes them; this file shows, checks and recovers them.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rt/base/amount.hpp"
#include "rt/base/printable.hpp"
#include "rt/base/unique_fd.hpp"
#include "service/wire/interfaces.hpp"
#include "shm/interop/mcap_reader.hpp"
#include "shm/interop/mcap_writer.hpp"
#include "shm/registry.hpp"
#include "tools/cli/bandwidth.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/own_program.hpp"
#include "tools/cli/record_trigger.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

namespace mcap = interop::mcap;

constexpr const char* kRecorder = "horus-recorder";

struct RecordOptions {
  std::vector<std::string> words;
  std::string output;
  std::vector<std::string> exclude;
  std::string duration;
  std::string split;
  std::uint32_t keep = 0;
  std::string last;
  std::uint32_t last_mb = 0;
  std::string on;
  std::string min_free;
  bool plain = false;
  bool json = false;
};

int misused(const std::string& what) {
  return fail(kUsage, what + " (see 'horusctl help record')");
}

/// The first base directory that has topics; the user's own where none has.
std::string base_to_record() {
  const auto bases = base_directories();
  for (const std::string& base : bases) {
    if (!shm::list_topics(base).empty()) return base;
  }
  return bases.front();
}

using Arguments = std::vector<std::string>;

void add(Arguments& arguments, const char* name, const std::string& value) {
  arguments.push_back("--" + std::string{name} + "=" + value);
}

/// Adds the arguments for --last, --last-mb and --on. Returns what is wrong with them; nothing:
/// they are fine.
std::optional<std::string> add_ring(const RecordOptions& options, Arguments& arguments) {
  if (options.last.empty()) {
    if (options.last_mb != 0) return "--last-mb is of what --last keeps";
    if (!options.on.empty()) return "--on says when what --last keeps is written: give --last, too";
    if (options.keep != 0 && options.split.empty()) {
      return "--keep is of files that --split or --last makes";
    }
    return std::nullopt;
  }
  const auto time = parse_long_time(options.last);
  if (!time || time->count() == 0) {
    return "--last takes a time, e.g. \"60 s\" or 2min, not '" + printable(options.last) + "'";
  }
  if (!options.split.empty()) return "--split is of files that grow, and --last makes whole ones";
  if (!options.on.empty() && options.on != "miss") {
    return "--on takes miss, not '" + printable(options.on) + "'";
  }
  constexpr std::uint32_t kMostMb = 65536;
  if (options.last_mb > kMostMb) return "--last-mb takes 65536 at most";
  add(arguments, "last", std::to_string(time->count()));
  if (options.last_mb != 0) {
    add(arguments, "last-bytes", std::to_string(std::uint64_t{options.last_mb} << 20U));
  }
  if (!options.on.empty()) arguments.emplace_back("--on-miss");
  return std::nullopt;
}

int run_recorder(const RecordOptions& options) {
  Arguments arguments{"--base=" + base_to_record()};
  const auto add = [&arguments](const char* name, const std::string& value) {
    cli::add(arguments, name, value);
  };
  if (const auto wrong = add_ring(options, arguments)) return misused("record: " + *wrong);
  if (!options.output.empty()) add("output", options.output);
  for (const std::string& pattern : options.exclude) add("exclude", pattern);
  if (!options.duration.empty()) {
    const auto time = parse_long_time(options.duration);
    if (!time)
      return misused("record: --for takes a time, e.g. \"10 s\" or 5min, not '" +
                     printable(options.duration) + "'");
    add("for", std::to_string(time->count()));
  }
  if (!options.split.empty()) {
    const auto split = parse_split(options.split);
    if (!split) {
      return misused("record: --split takes a size or a time, e.g. 1GiB or 10min, not '" +
                     printable(options.split) + "'");
    }
    add("split-bytes", std::to_string(split->bytes));
    add("split-ns", std::to_string(split->time.count()));
  }
  if (options.keep != 0) add("keep", std::to_string(options.keep));
  const auto min_free = parse_size(options.min_free);
  if (!min_free) {
    return misused("record: --min-free takes a size, e.g. \"2 GiB\", not '" +
                   printable(options.min_free) + "'");
  }
  add("min-free", std::to_string(*min_free));
  if (options.plain) arguments.emplace_back("--no-compression");
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), options.words.begin(), options.words.end());
  // For join()'s effect: root becomes the service's user, and the recorder runs as that user.
  const std::string base = arguments.front().substr(std::string_view{"--base="}.size());
  if (const auto session = join(base); !session) return fail(session.error());
  return become(kRecorder, "record", arguments);
}

/// What a recording has of one topic, over all its channels.
struct Told {
  std::string type;
  std::string schema;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first_ns = ~std::uint64_t{0};
  std::uint64_t last_ns = 0;
  std::map<std::uint16_t, std::uint32_t> last_sequence;
  std::uint64_t gaps = 0;  ///< Messages that were sent but are missing in the file.
  // Counted by the recorder, for the whole recording.
  std::uint64_t overwritten = 0;  ///< Overwritten before the recorder took them.
  std::uint64_t lost = 0;         ///< Lost at the disk.
  std::uint64_t refused = 0;
};

/// Adds the losses from the file's notes, also for topics of which the file has no message.
void add_losses(const mcap::Reader& reader, std::map<std::string, Told>& topics) {
  static constexpr std::array<std::pair<const char*, std::uint64_t Told::*>, 3> kNotes{
      {{"horus.missed", &Told::overwritten},
       {"horus.lost", &Told::lost},
       {"horus.refused", &Told::refused}}};
  for (const auto& [name, member] : kNotes) {
    const auto found = reader.notes().find(name);
    if (found == reader.notes().end()) continue;
    for (const auto& [topic, count] : found->second) {
      std::uint64_t number = 0;
      std::from_chars(count.data(), count.data() + count.size(), number);
      if (number != 0) topics[topic].*member = number;
    }
  }
}

std::string info_line(const std::string& name, const Told& told) {
  const double seconds =
      told.messages > 0 ? static_cast<double>(told.last_ns - told.first_ns) / 1e9 : 0;
  const double rate =
      told.messages > 1 && seconds > 0 ? static_cast<double>(told.messages - 1) / seconds : 0;
  std::string line =
      fmt::format("  {:<24} {:>9} messages  {:>8.1f} Hz  {:>10}  {}", printable(name),
                  told.messages, rate, bytes_text(static_cast<double>(told.bytes)),
                  printable(told.schema.empty() ? told.type : told.schema));
  if (told.gaps > 0) line += fmt::format("  {} missing", told.gaps);
  if (told.overwritten > 0) line += fmt::format("  {} overwritten", told.overwritten);
  if (told.lost > 0) line += fmt::format("  {} lost at the disk", told.lost);
  if (told.refused > 0) line += fmt::format("  {} refused", told.refused);
  return line + "\n";
}

int show_recording(const std::string& path, bool json, Output& output) {
  auto opened = mcap::Reader::open(path);
  if (!opened) return fail(opened.error());
  mcap::Reader& reader = opened.value();
  std::map<std::string, Told> topics;
  std::uint64_t damaged = 0;
  for (;;) {
    const auto message = reader.next();
    if (!message) {
      ++damaged;
      continue;
    }
    if (!message.value()) break;
    const auto channel = reader.channels().find(message.value()->channel);
    if (channel == reader.channels().end()) {
      ++damaged;
      continue;
    }
    Told& told = topics[channel->second.topic];
    const auto type = channel->second.notes.find("horus.type");
    if (type != channel->second.notes.end()) told.type = type->second;
    const auto schema = reader.schemas().find(channel->second.schema);
    if (schema != reader.schemas().end()) told.schema = schema->second.name;
    ++told.messages;
    told.bytes += message.value()->data.size();
    told.first_ns = std::min(told.first_ns, message.value()->log_ns);
    told.last_ns = std::max(told.last_ns, message.value()->log_ns);
    const auto [last, fresh] =
        told.last_sequence.try_emplace(channel->first, message.value()->sequence);
    if (!fresh) {
      const std::int64_t gap =
          std::int64_t{message.value()->sequence} - std::int64_t{last->second} - 1;
      told.gaps += static_cast<std::uint64_t>(std::max<std::int64_t>(gap, 0));
      last->second = message.value()->sequence;
    }
  }
  add_losses(reader, topics);
  std::string text = fmt::format("{}: {}, {} chunks{}\n", printable(path),
                                 bytes_text(static_cast<double>(reader.size())), reader.chunks(),
                                 reader.whole() ? "" : ", cut off (horusctl record recover)");
  const auto trigger = reader.notes().find("horus.trigger");
  if (trigger != reader.notes().end() && trigger->second.contains("reason")) {
    text += "  written since: " + printable(trigger->second.at("reason")) + "\n";
  }
  if (damaged > 0) text += fmt::format("  {} damaged places are left out\n", damaged);
  for (const auto& [name, told] : topics) {
    if (!json) {
      text += info_line(name, told);
      continue;
    }
    output.write(wire::to_line({{"topic", name},
                                {"type", told.type},
                                {"schema", told.schema},
                                {"messages", told.messages},
                                {"bytes", told.bytes},
                                {"first_ns", told.messages > 0 ? told.first_ns : 0},
                                {"last_ns", told.last_ns},
                                {"missing", told.gaps},
                                {"overwritten", told.overwritten},
                                {"lost", told.lost},
                                {"refused", told.refused}}) +
                 "\n");
  }
  if (!json) output.write(text);
  return kOk;
}

int run_check(const std::string& path, Output& output) {
  const auto found = mcap::check(path);
  if (!found) return fail(found.error());
  const mcap::Findings& findings = found.value();
  std::string text = fmt::format("{}: {} messages in {} chunks", printable(path), findings.messages,
                                 findings.chunks);
  if (findings.damaged_chunks > 0) text += fmt::format(", {} damaged", findings.damaged_chunks);
  if (findings.lost_bytes > 0) {
    text += fmt::format(", cut off: the last {} bytes are no whole record", findings.lost_bytes);
  }
  if (findings.undescribed > 0) {
    text += fmt::format(", {} messages without a description", findings.undescribed);
  }
  const bool sound = findings.whole && findings.damaged_chunks == 0;
  if (!findings.whole && findings.lost_bytes == 0 && findings.undescribed == 0)
    text += ", without its end";
  text += sound ? ", whole\n" : "; 'horusctl record recover' makes a whole file of what is there\n";
  output.write(text);
  return sound ? kOk : kError;
}

/// A file that is being made.
class NewFile : public mcap::Sink {
 public:
  /// Fails where such a file exists already.
  static Result<std::unique_ptr<NewFile>> create(const std::string& path) {
    UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)};
    if (!fd) return Error::from_errno("create recording", path);
    return std::unique_ptr<NewFile>{new NewFile{std::move(fd), path}};
  }
  Status write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return Error::from_errno("write recording", path_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }
  Status sync() {
    return ::fdatasync(fd_.get()) == 0 ? Status{}
                                       : Status{Error::from_errno("write recording", path_)};
  }

 private:
  NewFile(UniqueFd fd, std::string path) : fd_{std::move(fd)}, path_{std::move(path)} {}
  UniqueFd fd_;
  std::string path_;
};

/// Makes a whole file of the undamaged parts of another. Call begin(), copy(), finish().
class Recovery {
 public:
  explicit Recovery(mcap::Sink& sink) : writer_{sink, /*compressed=*/true} {}

  /// Collects every schema and channel of the file and writes them first. Some may be only in the
  /// file's summary, because the chunk that had them is damaged.
  Status begin(const std::string& path);
  /// Copies undamaged chunks, messages outside of chunks, notes and attachments.
  Status copy(const std::string& path);
  Status finish() { return writer_.finish(); }

  std::uint64_t messages() const noexcept { return writer_.messages(); }
  /// How many chunks are damaged.
  std::uint64_t damaged() const noexcept { return damaged_; }
  /// How many messages are left out because the description of their channel is lost: no reader
  /// could decode them.
  std::uint64_t undescribed() const noexcept { return undescribed_; }

 private:
  void learn(mcap::Opcode opcode, std::string_view content);
  Status take(const mcap::Record& record);
  Status flush();

  mcap::Writer writer_;
  std::map<std::uint16_t, mcap::Schema> schemas_;
  std::map<std::uint16_t, mcap::Channel> channels_;
  mcap::Chunk loose_;  ///< The chunk that is being filled.
  std::uint64_t damaged_ = 0;
  std::uint64_t undescribed_ = 0;
};

void Recovery::learn(mcap::Opcode opcode, std::string_view content) {
  if (opcode == mcap::Opcode::kSchema) {
    if (auto schema = mcap::schema_of(content)) schemas_[schema->id] = std::move(*schema);
  } else if (opcode == mcap::Opcode::kChannel) {
    if (auto channel = mcap::channel_of(content)) channels_[channel->id] = std::move(*channel);
  }
}

Status Recovery::begin(const std::string& path) {
  auto file = mcap::Records::open(path);
  if (!file) return file.error();
  while (const auto record = file.value().next()) {
    learn(record->opcode, record->content);
    if (record->opcode != mcap::Opcode::kChunk) continue;
    const auto records = mcap::unpack(record->content);
    damaged_ += records ? 0 : 1;
    if (records) {
      mcap::each_record(records.value(),
                        [this](auto opcode, auto content) { learn(opcode, content); });
    }
  }
  if (const Status begun = writer_.begin("horus recover"); !begun) return begun;
  for (const auto& [id, schema] : schemas_) loose_.add(schema);
  for (const auto& [id, channel] : channels_) loose_.add(channel);
  return {};
}

Status Recovery::flush() {
  if (loose_.empty()) return {};
  return writer_.add(std::exchange(loose_, {}));
}

Status Recovery::take(const mcap::Record& record) {
  constexpr std::size_t kChunkSize = std::size_t{1} << 20;
  const auto add = [this](mcap::Opcode opcode, std::string_view content) {
    const auto message =
        opcode == mcap::Opcode::kMessage ? mcap::message_of(content) : std::nullopt;
    if (!message) return;
    if (channels_.contains(message->channel)) {
      loose_.add(*message);
    } else {
      ++undescribed_;
    }
  };
  mcap::Reading in{record.content};
  switch (record.opcode) {
    case mcap::Opcode::kChunk: {
      const auto records = mcap::unpack(record.content);
      if (!records) return {};
      mcap::each_record(records.value(), add);
      return flush();
    }
    case mcap::Opcode::kMessage:
      add(record.opcode, record.content);
      return loose_.records.size() >= kChunkSize ? flush() : Status{};
    case mcap::Opcode::kMetadata: {
      const std::string name{in.text()};
      return writer_.add_note(name, in.notes());
    }
    case mcap::Opcode::kAttachment: {
      const auto time = in.number<std::uint64_t>();
      in.number<std::uint64_t>();
      const std::string name{in.text()};
      const std::string media_type{in.text()};
      return writer_.attach(name, media_type, time, in.take(in.number<std::uint64_t>()));
    }
    default: return {};
  }
}

Status Recovery::copy(const std::string& path) {
  auto file = mcap::Records::open(path);
  if (!file) return file.error();
  while (const auto record = file.value().next()) {
    if (record->opcode == mcap::Opcode::kDataEnd) break;
    if (const Status taken = take(*record); !taken) return taken;
  }
  return flush();
}

int run_recover(const std::string& path, std::string target, Output& output) {
  constexpr std::string_view kEnd = ".mcap";
  if (target.empty()) {
    target = path.ends_with(kEnd) ? path.substr(0, path.size() - kEnd.size()) : path;
    target += "_recovered.mcap";
  }
  if (const auto is_one = mcap::Records::open(path); !is_one) return fail(is_one.error());
  auto file = NewFile::create(target);
  if (!file) return fail(file.error());
  Recovery recovery{*file.value()};
  Status done = recovery.begin(path);
  if (done) done = recovery.copy(path);
  if (done) done = recovery.finish();
  if (done) done = file.value()->sync();
  if (!done) {
    ::unlink(target.c_str());
    return fail(done.error());
  }
  std::string text = fmt::format("{}: {} messages", printable(target), recovery.messages());
  if (recovery.damaged() > 0) {
    text += fmt::format(", {} damaged chunks left out", recovery.damaged());
  }
  if (recovery.undescribed() > 0) {
    text += fmt::format(", {} messages left out whose description is lost", recovery.undescribed());
  }
  output.write(text + "\n");
  return kOk;
}

int run_record(const RecordOptions& options, Output& output) {
  const std::string first = options.words.empty() ? "" : options.words.front();
  if (first == "trigger") {
    if (options.words.size() != 1) return misused("record trigger takes no more words");
    return trigger_recorders(output);
  }
  if (first != "info" && first != "check" && first != "recover") return run_recorder(options);
  if (options.words.size() != 2) return misused("record " + first + ": one file is wanted");
  const std::string& file = options.words[1];
  if (first == "info") return show_recording(file, options.json, output);
  if (first == "check") return run_check(file, output);
  return run_recover(file, options.output, output);
}

}  // namespace

Action declare_record(CLI::App& app, const Places&) {
  const auto options = std::make_shared<RecordOptions>();
  options->min_free = "2 GiB";
  app.add_option("topic", options->words, "Topics, by patterns as the shell's (else all)")
      ->type_name("TOPIC");
  app.add_option("-o,--output", options->output,
                 "The file to make (else run_<date>_<time>.mcap here)")
      ->type_name("FILE");
  app.add_option("--exclude", options->exclude, "Leave these topics out; may be given again")
      ->type_name("TOPIC");
  app.add_option("--for", options->duration, "End after this time, e.g. \"10 s\" or 5min")
      ->type_name("TIME");
  app.add_option("--split", options->split, "Go on in a new file after so much: 1GiB, 10min")
      ->type_name("SIZE|TIME");
  app.add_option("--keep", options->keep, "Of the files of --split or --last keep the newest N")
      ->type_name("N");
  app.add_option("--last", options->last, "Keep so much in memory, until it is wanted")
      ->type_name("TIME");
  app.add_option("--last-mb", options->last_mb, "At most so many MiB of it (else 256)")
      ->type_name("N");
  app.add_option("--on", options->on, "Write it also at a missed deadline: miss")
      ->type_name("EVENT");
  app.add_option("--min-free", options->min_free, "Pause where the disk has less left (else 2 GiB)")
      ->type_name("SIZE");
  app.add_flag("--no-compression", options->plain, "Write chunks as they are");
  app.add_flag("--json", options->json, "info: one line of JSON for each topic");
  app.footer(
      "Records until it is stopped (Ctrl+C), in MCAP files, which Foxglove, rerun and\n"
      "the mcap library read. What --last keeps is written, to FILE_0.mcap and so on,\n"
      "when 'record trigger' asks, when a host dies, and at the end. 'record info FILE'\n"
      "lists what is in one, 'record check FILE' holds its checksums against it,\n"
      "'record recover FILE' makes a whole file of one that was cut off.");
  return [options](Output& output) { return run_record(*options, output); };
}

}  // namespace horus::cli
