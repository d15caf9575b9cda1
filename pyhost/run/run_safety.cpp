// SPDX-License-Identifier: Apache-2.0
// Emergency stops of a run: requesting, keeping and releasing them; arming and disarming actuators.
#include <algorithm>
#include <string>
#include <utility>

#include <horus/log.hpp>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/gil.hpp"
#include "pyhost/cpython/text.hpp"
#include "pyhost/payload/session.hpp"
#include "pyhost/run/py_scheduler.hpp"
#include "pyhost/run/run.hpp"
#include "rt/base/stop_latch.hpp"
#include "shm/folder.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

bool has_actuator(std::span<const pyb::object> nodes) {
  return std::ranges::any_of(
      nodes, [](const pyb::object& node) { return node_object(node).node->spec.config.actuator; });
}

/// Whether a critical node, or a subscription that falls silent (fallback 'stop'), can cause an
/// emergency stop.
bool has_stop_source(std::span<const pyb::object> nodes) {
  return std::ranges::any_of(nodes, [](const pyb::object& node) {
    const NodeSpec& spec = node_object(node).node->spec;
    return spec.config.critical || std::ranges::any_of(spec.subscribers, [](const auto& port) {
             return port.options.fallback == shm::Fallback::kStop;
           });
  });
}

std::vector<Run*> runs_or_raise(const char* what) {
  auto all = running_runs();
  if (all.empty()) {
    throw std::runtime_error(std::string{what} +
                             ": no scheduler of this process runs; for a robot that runs "
                             "elsewhere: horusctl " +
                             what);
  }
  return all;
}

void estop(const Text& why) {
  const std::string_view reason = why.empty() ? "asked for" : std::string_view{why};
  for (Run* const run : runs_or_raise("estop")) run->estop(reason);
}

void release(const Text& reason) {
  if (reason.find_first_not_of(" \t\n") == std::string::npos) {
    throw pyb::value_error("release() wants a reason: why may the robot be armed again?");
  }
  for (Run* const run : runs_or_raise("release")) raise_unless(run->release());
  log(LogLevel::kWarning, "released: " + reason);
}

/// Makes `call` for each run that has the node. If one of them refuses, makes `undo` for all runs
/// and throws. HorusNotFoundError where no run has the node.
template <typename Call, typename Undo>
void of_node(const char* what, const pyb::object& node, Call call, Undo undo) {
  const std::string name = node.is_none() ? std::string{} : text_of(node.ptr());
  const auto runs = runs_or_raise(what);
  bool known = false;
  for (Run* const run : runs) {
    const Status done = call(*run, name);
    if (!done && done.error().code == Errc::kNotFound) continue;
    if (!done) std::ranges::for_each(runs, [&](Run* one) { undo(*one, name); });
    raise_unless(done);
    known = true;
  }
  if (!known) raise_not_found("no node '" + name + "' of this process runs");
}

void disarm_in(Run& run, const std::string& name) {
  static_cast<void>(run.disarm(name));
}

}  // namespace

void Run::keep_stops() {
  session_ = value_or_raise(session());
  const bool moves = has_actuator(nodes_);
  // A robot of several hosts has one latch. The service or the program that runs the hosts keeps
  // it; a host only obeys it.
  std::string latch;
  if (!settings_.robot.empty()) {
    const bool installed = session_->base() == shm::kServiceBase;
    const auto path = latch_path(installed ? kServiceLatches : "", settings_.robot);
    begin_stopped(look_at_latch(path, /*keeps=*/false));
  } else if (!is_supervised() && !settings_.name.empty()) {
    const auto path = latch_path({}, settings_.name);
    begin_stopped(look_at_latch(path));
    if (path) latch = path.value();
  }
  shm::StopSide& side = *this;
  const shm::StopKeeper::Options options{
      .base = session_->base(),
      .host = std::string{page_->host().name.view()},
      .latch = std::move(latch),
      .hears = moves ? session_.get() : nullptr,
      .owner = settings_.of_service && moves ? settings_.robot : std::string{}};
  {
    // The constructor may wait for the service to start.
    const GilRelease others_run;
    stops_ = std::make_unique<shm::StopKeeper>(options, others_, side);
  }
  safety_port_->serve(this);
}

/// Begins stopped where the latch on disk holds a stop. Where the latch cannot be read or written,
/// a run that has an actuator or can cause a stop begins stopped as well; any other one only
/// reports a degradation.
void Run::begin_stopped(const LatchFinding& found) {
  if (!found.stop.empty()) return stop(StopCause::kLatch, found.stop);
  if (found.lack.empty()) return;
  if (has_actuator(nodes_) || has_stop_source(nodes_)) {
    return stop(StopCause::kLatch, found.lack);
  }
  degrade("stop_latch", found.lack,
          "let this user write there: an emergency stop then outlives a restart", 0);
}

/// Once this returns, neither the socket's nor the StopKeeper's thread acts on the run.
void Run::let_stops_go() noexcept {
  if (safety_port_ != nullptr) safety_port_->serve(nullptr);
  stops_.reset();
}

Safety* Run::safety() noexcept {
  if (scheduler_ != nullptr) return &scheduler_->safety();
  return stepped_safety();
}

std::optional<StopNote> Run::stopped() noexcept {
  const Safety& own = *safety();
  if (!own.look().stopped()) return std::nullopt;
  return own.note().value_or(StopNote{});
}

void Run::follow(std::int64_t since_ns) noexcept {
  if (Safety* const own = safety(); own != nullptr) own->follow(since_ns);
}

std::uint64_t Run::seen() noexcept {
  Safety* const own = safety();
  return own != nullptr ? own->obeyed().word : 0;
}

void Run::stop(StopCause cause, std::string_view text) noexcept {
  safety()->request_stop(cause, text);
}

void Run::tell(const std::string& text) noexcept {
  log(LogLevel::kError, text);
}

void Run::estop(std::string_view why) noexcept {
  if (Safety* const own = safety(); own != nullptr) own->request_stop(StopCause::kCall, why);
}

Status Run::release() {
  if (is_supervised()) {
    return Error{Errc::kPermission,
                 "release a robot from one of its hosts: 'horusctl release' does it",
                 0,
                 {}};
  }
  return stops_ != nullptr ? stops_->release() : Status{};
}

Status Run::may_release() noexcept {
  return scheduler_ != nullptr ? scheduler_->may_be_released() : may_release_steps();
}

Status Run::release(std::uint64_t seen) noexcept {
  return scheduler_ != nullptr ? scheduler_->release({seen}) : release_steps({seen});
}

Status Run::arm(std::string_view node) noexcept {
  return scheduler_ != nullptr ? scheduler_->arm(node) : arm_steps(node, true);
}

Status Run::disarm(std::string_view node) noexcept {
  return scheduler_ != nullptr ? scheduler_->disarm(node) : arm_steps(node, false);
}

void bind_safety(pyb::module_& module) {
  module.def("estop", &estop, pyb::arg("why") = "",
             "Emergency stop: the whole robot comes to rest, and stays there, over restarts, until "
             "it is released. From any thread; RuntimeError where no scheduler of this process "
             "runs.");
  module.def("release", &release, pyb::arg("reason"),
             "Say that the reason of a stop is gone: nodes leave their safe state, and actuators "
             "are disarmed. Not from a host of a service's robot: 'horusctl release' does it.");
  module.def(
      "arm",
      [](const pyb::object& node) {
        of_node(
            "arm", node, [](Run& run, const std::string& name) { return run.arm(name); },
            disarm_in);
      },
      pyb::arg("node") = pyb::none(),
      "Let an actuator of this process act, or all of them. RuntimeError says what keeps one from "
      "it; then none is armed.");
  module.def(
      "disarm",
      [](const pyb::object& node) {
        of_node(
            "disarm", node, [](Run& run, const std::string& name) { return run.disarm(name); },
            disarm_in);
      },
      pyb::arg("node") = pyb::none(), "Forbid an actuator of this process to act, or all of them.");
}

}  // namespace horus::py
