// SPDX-License-Identifier: Apache-2.0
#include "service/wire/health.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <utility>

#include <horus/node.hpp>

#include "rt/base/safety.hpp"

namespace horus::wire {
namespace {

constexpr double kMinuteS = 60;
/// A living host that has counted nothing for so long does not move. It counts once a second, on a
/// busy machine less often.
constexpr double kStillS = 3;
/// For so long after the robot's start a host without statistics counts as starting, not as
/// missing: it may still import its modules.
constexpr double kStartS = 30;

using Count = std::uint64_t WindowView::*;

/// A count of a node's last minute, and its limit.
struct CountRow {
  Count count;
  HealthLimits::Number HealthLimits::*limit;
  const char* what;    ///< Text; "(s)" becomes "s" or nothing, see counted().
  const char* advice;  ///< Text; "NODE" becomes the node's name, see advice_for().
};
// In the order of the reasons: first what hurts a robot most.
constexpr std::array<CountRow, 7> kCounts{{
    {&WindowView::hangs, &HealthLimits::hangs, "silence(s) over the watchdog's limit",
     "shorten the call that blocks it, or raise its watchdog"},
    {&WindowView::errors, &HealthLimits::errors, "exception(s)",
     "see 'horusctl node info NODE' for their tracebacks"},
    {&WindowView::missed, &HealthLimits::missed, "message(s) missed",
     "take more of them at each tick, tick more often, or give the publisher a larger capacity"},
    {&WindowView::old, &HealthLimits::old,
     "tick(s) with a message older than ten periods (0.1 s at least; 1 s without a rate)",
     "take all messages at each tick, tick more often, or give the subscription a smaller depth"},
    {&WindowView::refused, &HealthLimits::refused, "message(s) refused at send",
     "have the topic's subscribers take more often, or give it a larger capacity"},
    {&WindowView::overruns, &HealthLimits::overruns, "tick(s) over budget",
     "shorten its tick, or raise its budget"},
    {&WindowView::gil_waits, &HealthLimits::gil_waits, "wait(s) of 100 ms and more for the GIL",
     "move the node, or the thread that keeps it waiting, into a process of its own"},
}};

template <typename... Values>
std::string format(const char* form, Values... values) {
  std::array<char, 384> text{};
  std::snprintf(text.data(), text.size(), form, values...);
  return text.data();
}

/// "1 exception", "3 exceptions".
std::string counted(double number, std::string what) {
  constexpr std::string_view kMore = "(s)";
  if (const std::size_t at = what.find(kMore); at != what.npos) {
    what.replace(at, kMore.size(), number == 1 ? "" : "s");
  }
  return format("%.0f ", number) + what;
}

std::string title(const HostView& host) {
  return "host '" + host.name + "'";
}
std::string title(const HostView& host, const NodeView& node) {
  return "node '" + node.name + "' of host '" + host.name + "'";
}

/// The command that shows a host's log. horusd's lines have no host's name in the journal, so for
/// it no name is given; the output then also has systemd's lines of how it ended.
std::string log_of(const std::string& kind, const std::string& name) {
  return kind == "cpp" ? "'horusctl log'" : "'horusctl log " + name + "'";
}

std::string advice_for(std::string advice, const std::string& node) {
  constexpr std::string_view kPlace = "NODE";
  const std::size_t at = advice.find(kPlace);
  return at == std::string::npos ? advice : advice.replace(at, kPlace.size(), node);
}

/// "3 s", "12 min", "5 h".
std::string short_time(double seconds) {
  if (seconds < 120) return format("%.0f s", seconds);
  return seconds < 7200 ? format("%.0f min", seconds / 60) : format("%.0f h", seconds / 3600);
}

/// The limits of the most specific rule that fits; without one the defaults. An empty `node`: for
/// the host itself.
HealthLimits limits_of(std::span<const LimitRule> rules, std::string_view host,
                       std::string_view node) {
  const LimitRule* best = nullptr;
  const auto rank = [](const LimitRule& rule) {
    return (rule.node.empty() ? 0 : 2) + (rule.host.empty() ? 0 : 1);
  };
  for (const LimitRule& rule : rules) {
    const bool fits =
        (rule.host.empty() || rule.host == host) && (rule.node.empty() || rule.node == node);
    if (fits && (best == nullptr || rank(rule) > rank(*best))) best = &rule;
  }
  return best == nullptr ? HealthLimits{} : best->limits;
}

/// How to find out where a callback hangs.
std::string advice_for_busy(const HostView& host, const NodeView& node) {
  const std::string pid = std::to_string(host.pid);
  if (host.kind == "cpp") return "see what blocks it: gdb -p " + pid;
  if (node.node_class == to_text(NodeClass::kAsync)) {
    return "give what it awaits a time-out, or the node a watchdog=, which counts what is awaited";
  }
  return "kill -QUIT " + pid +
         " shows its stack, and ends the host; of one that counts as hung the log has it";
}

bool above(double number, const HealthLimits::Number& limit) {
  return limit && number > *limit;
}

/// Collects the reasons, host by host.
class Judge {
 public:
  Judge(std::span<const HostView> hosts, std::span<const LimitRule> rules)
      : hosts_{hosts}, rules_{rules} {}

  void missing(const ExpectedHost& expected) {
    add(Health::kFailed, expected.name, "", "host '" + expected.name + "' is missing",
        "see " + log_of(expected.kind, expected.name) + " for why it does not start");
  }
  void starting(const ExpectedHost& expected) {
    add(Health::kDegraded, expected.name, "", "host '" + expected.name + "' is starting",
        "wait for its imports, or see " + log_of(expected.kind, expected.name));
  }
  /// For a host that does not run: takes over what its supervisor says.
  void said(const ExpectedHost& expected, const ExpectedHost::Said& said);
  /// `supervised`: a supervisor may start it again.
  void dead(const HostView& host, bool supervised);
  /// For a host with statistics. `ended`: how it ended last, if its supervisor knows; may be empty.
  void host(const HostView& host, const std::string& ended);
  HealthView result() && {
    std::ranges::move(follows_, std::back_inserter(verdict_.reasons));
    std::ranges::stable_sort(verdict_.reasons, std::ranges::greater{}, &Reason::health);
    return std::move(verdict_);
  }

 private:
  void add(Health health, const std::string& host, const std::string& node, std::string text,
           std::string advice) {
    verdict_.health = std::max(verdict_.health, health);
    verdict_.reasons.push_back({health, host, node, std::move(text), std::move(advice)});
  }
  void lives(const HostView& host, const std::string& ended);
  void rest(const HostView& host);
  const HostView* who_stopped(const HostView& host) const;
  void node(const HostView& host, const NodeView& node);
  void stale(const HostView& host, const NodeView& node);
  void ladder(const HostView& host, const NodeView& node);
  bool late(const HostView& host, const NodeView& node, const WindowView& window,
            const HealthLimits::Number& limit, const char* length);
  void machine(const HostView& host);

  std::span<const HostView> hosts_;
  std::span<const LimitRule> rules_;
  HealthView verdict_;
  // Reasons of hosts that only follow another host's stop. They are listed after that one.
  std::vector<Reason> follows_;
};

void Judge::said(const ExpectedHost& expected, const ExpectedHost::Said& said) {
  const std::string who = "host '" + expected.name + "' ";
  const std::string log = "see " + log_of(expected.kind, expected.name);
  const std::string why = said.why.empty() ? "" : ": " + said.why;
  const std::string since = ", for " + short_time(said.for_s) + why;
  switch (said.state) {
    case HostState::kStarting:
      if (!said.badly) {
        return add(Health::kDegraded, expected.name, "", who + "is starting" + since,
                   "wait, or " + log);
      }
      // After a bad end nobody knows whether this start will succeed, so it still counts as down.
      return add(Health::kFailed, expected.name, "", who + "is starting again" + since,
                 "its supervisor starts it again; " + log);
    case HostState::kWaiting:
      return add(Health::kFailed, expected.name, "", who + "is down" + since,
                 "its supervisor starts it again; " + log);
    case HostState::kEnded:
      if (expected.ended_well()) return;
      return add(Health::kFailed, expected.name, "", who + "has ended" + why,
                 "its 'restart' leaves it so; " + log);
    case HostState::kReady:
    case HostState::kStopping: break;
  }
  add(Health::kDegraded, expected.name, "", who + "is ending" + since, log);
}

void Judge::dead(const HostView& host, bool supervised) {
  add(Health::kFailed, host.name, "", title(host) + " is dead, since " + short_time(host.silent_s),
      "see " + log_of(host.kind, host.name) + " for how it ended" +
          (supervised ? "; its supervisor starts it again, if its 'restart' allows it"
                      : ", and start it again"));
}

void Judge::host(const HostView& host, const std::string& ended) {
  lives(host, ended);
  rest(host);
  for (const NodeView& one : host.nodes) node(host, one);
  if (host.alive && !host.ready) {
    add(Health::kDegraded, host.name, "", title(host) + " is not ready yet",
        "its nodes have not all ticked: wait, or see " + log_of(host.kind, host.name));
  }
  if (host.alive && host.silent_s > kStillS) {
    add(Health::kDegraded, host.name, "",
        title(host) + " does not move: it has counted nothing for " + short_time(host.silent_s),
        "see whether something has stopped it (SIGSTOP, a debugger), or leaves it no CPU");
  }
  machine(host);
}

/// The living host whose stop `host` follows. Null: it stopped by itself, or that is not known.
const HostView* Judge::who_stopped(const HostView& host) const {
  const char* const follows = to_text(StopCause::kPeer);
  if (host.stop_cause != follows) return nullptr;
  const auto asked = std::ranges::find_if(hosts_, [&](const HostView& one) {
    return one.alive && one.safety == host.safety && one.stop_cause != follows;
  });
  return asked == hosts_.end() ? nullptr : &*asked;
}

/// Reports a host that is at rest: for an emergency stop; for a safe state only if the host has an
/// actuator, as only then something does not move.
void Judge::rest(const HostView& host) {
  const bool moves = std::ranges::any_of(host.nodes, &NodeView::actuator);
  const bool rests = host.safety == "estopped" || (moves && host.safety == "safe");
  if (!host.alive || !rests) return;
  if (const HostView* const asked = who_stopped(host); asked != nullptr) {
    verdict_.health = std::max(verdict_.health, Health::kDegraded);
    follows_.push_back({Health::kDegraded, host.name, "",
                        title(host) + " is " + host.safety + ", as " + title(*asked) + " is",
                        "see to that one: a release is for all"});
    return;
  }
  add(Health::kDegraded, host.name, "",
      title(host) + " is " + host.safety + " (" + host.stop_cause + "): " + host.stop_text,
      "see to it, then: horusctl release --reason TEXT");
}

void Judge::lives(const HostView& host, const std::string& ended) {
  const HealthLimits limits = limits_of(rules_, host.name, "");
  const auto restarts = static_cast<double>(host.restarts_last_minute);
  if (above(restarts, limits.restarts)) {
    add(Health::kDegraded, host.name, "",
        title(host) + " was started again " + counted(restarts, "time(s) in a minute") +
            (ended.empty() ? "" : ": " + ended),
        "see " + log_of(host.kind, host.name) + " for how it ended");
  }
  const auto forced = static_cast<double>(host.gc_forced_last_minute);
  if (above(forced, limits.gc_forced)) {
    add(Health::kDegraded, host.name, "",
        title(host) + " had " + counted(forced, "collection(s) without slack in a minute"),
        "make fewer objects that refer to each other, or leave more time between ticks");
  }
}

bool Judge::late(const HostView& host, const NodeView& node, const WindowView& window,
                 const HealthLimits::Number& limit, const char* length) {
  const std::uint64_t bad = window.misses + window.skipped;
  const std::uint64_t all = window.ticks + window.skipped;
  // A single late release never counts: in a slow node one would be a large share.
  if (bad < 2 || all == 0) return false;
  const double percent = 100.0 * static_cast<double>(bad) / static_cast<double>(all);
  if (!above(percent, limit)) return false;
  add(Health::kDegraded, host.name, node.name,
      title(host, node) + format(": %llu of %llu releases late or skipped in %s (%.3g %%, limit "
                                 "%g %%)",
                                 static_cast<unsigned long long>(bad),
                                 static_cast<unsigned long long>(all), length,
                                 std::min(percent, 100.0), *limit),
      "see 'horusctl why " + node.name + "' for what took the time");
  return true;
}

void Judge::node(const HostView& host, const NodeView& node) {
  if (!node.busy_in.empty()) {
    add(Health::kDegraded, host.name, node.name, title(host, node) + " is " + state_text(node),
        advice_for_busy(host, node));
  }
  if (node.state == "error" || node.state == "crashed") {
    add(Health::kFailed, host.name, node.name, title(host, node) + " is in state " + node.state,
        advice_for("see 'horusctl node info NODE' for its last error, and 'horusctl log NODE'",
                   node.name));
  }
  stale(host, node);
  ladder(host, node);
  const HealthLimits limits = limits_of(rules_, host.name, node.name);
  for (const CountRow& row : kCounts) {
    const auto number = static_cast<double>(node.last_minute.*row.count);
    if (!above(number, limits.*row.limit)) continue;
    add(Health::kDegraded, host.name, node.name,
        title(host, node) + ": " + counted(number, row.what) + " in a minute",
        advice_for(row.advice, node.name));
  }
  if (!late(host, node, node.last_10s, limits.late, "10 s")) {
    late(host, node, node.last_minute, limits.late_minute, "a minute");
  }
}

void Judge::stale(const HostView& host, const NodeView& node) {
  for (const StaleView& input : node.stale) {
    const std::string from = input.publisher.empty() ? "" : " from node '" + input.publisher + "'";
    std::string text = title(host, node) + ": its input '" + input.topic + "' is stale: ";
    text += input.came ? "the newest message" + from + " is " + format("%.3g s old", input.age_s)
                       : "none has come" + from;
    text += format(", time-out %.3g s", input.timeout_s);
    if (input.stops) text += "; it has asked for a stop";
    const std::string who =
        input.publisher.empty()
            ? "'horusctl topic info " + input.topic + "' for who sends it"
            : "'horusctl node info " + input.publisher + "' for why it is silent";
    add(Health::kDegraded, host.name, node.name, std::move(text),
        "see " + who + ", or give the subscription a longer timeout");
    verdict_.reasons.back().cause = input.topic;
  }
}

void Judge::ladder(const HostView& host, const NodeView& node) {
  // "warned" is no reason of its own: late() reports the same.
  if (node.rung.empty() || node.rung == "warned") return;
  const bool grave = node.rung == "isolated" || node.rung == "stopped";
  add(grave ? Health::kFailed : Health::kDegraded, host.name, node.name,
      title(host, node) + " is " + rung_text(node),
      "see 'horusctl why " + node.name + "' for what took the time");
  verdict_.reasons.back().cause = node.rung;
}

void Judge::machine(const HostView& host) {
  for (const DegradationView& one : host.degradations) {
    if (one.severity == "info") continue;
    std::string text = title(host) + " runs without " + one.feature + ": " + one.reason;
    if (host.asks_realtime) {
      add(Health::kDegraded, host.name, "", text, one.fix);
      // The text itself may be the cause: it is written once and has no changing numbers.
      verdict_.reasons.back().cause = std::move(text);
    } else {
      verdict_.notes.push_back(one.fix.empty() ? text : text + "; " + one.fix);
    }
  }
}

/// The living host `name`; else a dead one of that name; else null.
const HostView* find_host(std::span<const HostView> hosts, const std::string& name) {
  const HostView* found = nullptr;
  for (const HostView& host : hosts) {
    if (host.name == name && (found == nullptr || host.alive)) found = &host;
  }
  return found;
}

/// Whether the robot has started less than kStartS ago.
bool begins(std::span<const HostView> hosts, std::span<const ExpectedHost> expected) {
  return std::ranges::any_of(expected, [&](const ExpectedHost& one) {
    const HostView* const host = one.kind == "cpp" ? find_host(hosts, one.name) : nullptr;
    return host != nullptr && host->alive && host->uptime_s < kStartS;
  });
}

/// Whether a dead host counts although nobody says what should run. A C++ host always does: a clean
/// stop would have removed its page. A Python host, which may be a user's script, for a minute.
bool died_lately(const HostView& host) {
  return !host.alive && (host.kind == "cpp" || host.silent_s < kMinuteS);
}

Result<Health> health_of(std::string_view word) {
  if (const auto health = parse_word<Health>(word)) return *health;
  return Error{Errc::kCorrupt, "read health: unknown word", 0, Name<200>::clipped(word)};
}

}  // namespace

std::string state_text(const HostView& host) {
  if (!host.alive) return "dead";
  return host.ready ? "ready" : "not ready";
}

std::string state_text(const NodeView& node) {
  if (node.busy_in.empty()) return node.state;
  return "in its " + node.busy_in + format(" for %.0f s", node.busy_s);
}

std::string rung_text(const NodeView& node) {
  std::string text = node.rung + ", since " + format("%.3g s", node.rung_s) +
                     format(", after %llu deadlines missed in a row",
                            static_cast<unsigned long long>(node.rung_misses));
  if (node.rung == "degraded") text += ": it has half its rate";
  if (node.rung == "isolated") text += ": it is at rest, and its readers take their fallbacks";
  if (node.rung == "stopped") return text;
  return text + format("; back after %llu good ticks in a row (%llu so far)",
                       static_cast<unsigned long long>(node.rung_recover),
                       static_cast<unsigned long long>(node.rung_good));
}

HealthView judge(std::span<const HostView> hosts, std::span<const ExpectedHost> expected,
                 std::span<const LimitRule> rules) {
  std::vector<ExpectedHost> wanted{expected.begin(), expected.end()};
  for (const HostView& host : hosts) {
    const bool known = std::ranges::find(wanted, host.name, &ExpectedHost::name) != wanted.end();
    const bool counts = host.alive || (expected.empty() && died_lately(host));
    if (counts && !known) wanted.push_back({host.name, host.kind});
  }
  Judge judge{hosts, rules};
  std::vector<HostLine> lines;
  bool ready = true;
  const bool robot_begins = begins(hosts, expected);
  for (const ExpectedHost& one : wanted) {
    const HostView* const host = find_host(hosts, one.name);
    const bool down = host == nullptr || !host->alive;
    if (down && one.said) {
      judge.said(one, *one.said);
      lines.push_back({one.name, one.kind, to_text(one.said->state), 0});
    } else if (host == nullptr) {
      robot_begins ? judge.starting(one) : judge.missing(one);
      lines.push_back({one.name, one.kind, robot_begins ? "starting" : "missing", 0});
    } else {
      // An expected Python host has a supervisor.
      if (down) judge.dead(*host, !expected.empty() && one.kind == "python");
      lines.push_back({host->name, host->kind, state_text(*host), host->pid});
    }
    // For a host that does not run, said() has reported the reason of its end.
    const bool again = one.said && one.said->state == HostState::kReady;
    if (host != nullptr) judge.host(*host, again ? one.said->why : "");
    ready = ready && (down ? one.ended_well() : host->ready);
  }
  HealthView verdict = std::move(judge).result();
  verdict.ready = ready;
  verdict.hosts = std::move(lines);
  return verdict;
}

Json to_json(const HealthView& health) {
  Json reasons = Json::array();
  for (const Reason& one : health.reasons) {
    reasons.push_back({{"health", to_text(one.health)},
                       {"host", one.host},
                       {"node", one.node},
                       {"text", one.text},
                       {"advice", one.advice}});
  }
  Json hosts = Json::array();
  for (const HostLine& host : health.hosts) {
    hosts.push_back(
        {{"name", host.name}, {"kind", host.kind}, {"state", host.state}, {"pid", host.pid}});
  }
  return {{"status", to_text(health.health)},
          {"ready", health.ready},
          {"reasons", std::move(reasons)},
          {"notes", health.notes},
          {"hosts", std::move(hosts)}};
}

Result<HealthView> health_from_json(const Json& json) {
  try {
    HealthView health;
    const auto word = health_of(json.at("status").get_ref<const std::string&>());
    if (!word) return word.error();
    health.health = word.value();
    health.ready = json.at("ready").get<bool>();
    for (const Json& one : json.at("reasons")) {
      const auto severity = health_of(one.at("health").get_ref<const std::string&>());
      if (!severity) return severity.error();
      health.reasons.push_back(
          {severity.value(), one.at("host"), one.at("node"), one.at("text"), one.at("advice")});
    }
    health.notes = json.at("notes").get<std::vector<std::string>>();
    for (const Json& one : json.at("hosts")) {
      health.hosts.push_back({one.at("name"), one.at("kind"), one.at("state"), one.at("pid")});
    }
    return health;
  } catch (const Json::exception&) {
    return Error{
        Errc::kCorrupt, "read health: the reply lacks a field, or one is of another type", 0, {}};
  }
}

}  // namespace horus::wire
