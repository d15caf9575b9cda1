// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/run.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/forked_child.hpp"
#include "pyhost/cpython/gil.hpp"
#include "pyhost/cpython/gil_arbiter.hpp"
#include "pyhost/node/running_tick.hpp"
#include "pyhost/payload/session.hpp"
#include "rt/base/fork_watch.hpp"
#include "rt/rt_profile.hpp"
#include "rt/stats_block.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

constexpr int kReadyPollMs = 10;

/// Counts the runs with threads that have ended; stop_all_runs() waits on it.
std::atomic<std::uint32_t> ended_runs{0};

/// See program_ends().
bool ends = false;

/// The runs with threads that are under way. With the GIL.
std::vector<Run*>& runs() {
  static auto* const the_runs = new std::vector<Run*>;
  return *the_runs;
}

void raise_object(PyObject* exception) {
  PyErr_Restore(Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(exception))), Py_NewRef(exception),
                PyException_GetTraceback(exception));
  throw pyb::error_already_set();
}

}  // namespace

Run::Run(const RunSettings& settings, std::vector<pyb::object> nodes)
    : settings_{settings}, nodes_{std::move(nodes)}, hooks_{PyInterpreterState_Get()} {}

Run::~Run() {
  if (steps_ != nullptr) end_steps();
  if (page_ == nullptr) return;
  if (async_loop_ != nullptr) AsyncLoop::close(std::move(async_loop_));
  for (const pyb::object& object : nodes_) {
    PyNode& node = *node_object(object).node;
    if (node.host() == this) node.release();
  }
  if (collecting_) Collector::instance().detach(page_->host());
  if (page_is_public_) unname_pages(/*in_order=*/false);
}

int Run::traverse(visitproc visit, void* arg) const noexcept {
  if (running_ || steps_ != nullptr) return 0;
  for (const pyb::object& node : nodes_) Py_VISIT(node.ptr());
  Py_VISIT(interruption_.ptr());
  return 0;
}

void Run::prepare() {
  crashes_.emplace();
  signals_.emplace(wakeup_);
  // A signal that came just before did not ring; handle it now.
  if (PyErr_CheckSignals() != 0) throw pyb::error_already_set();
  open_page();
  for (std::size_t i = 0; i < nodes_.size(); ++i) prepare_node(i);
  await_publishers();
  gc_ = Collector::instance().attach(page_->host(), settings_.gc, box());
  collecting_ = true;
  make_scheduler();
  waiting_for_init_ = nodes_.size();
}

void Run::make_scheduler() {
  const RtProfile profile{.fifo = settings_.rt,
                          .lock_memory = settings_.rt,
                          .dma_latency = settings_.rt,
                          .cpus = settings_.cores};
  report_ = apply(profile);
  session_ = value_or_raise(session());
  guard_.emplace(
      PyInterpreterState_Get(),
      HangGuard::Options{.supervisor = settings_.supervisor,
                         .base = session_->base(),
                         .signals = &*signals_,
                         .own_calls = &own_calls_,
                         .interrupt = [this](const NodeName& node) { want_interrupt(node); },
                         .remove_pages = remove_all_files});
  open_socket();
  scheduler_ = std::make_unique<Scheduler>(
      SchedulerOptions{.profile = profile,
                       .spin_limit = settings_.spin,
                       .watchdog = settings_.watchdog.value_or(Nanos{}),
                       .first_tick = settings_.first_tick,
                       .hang_timeout = settings_.hang_timeout,
                       .isolates_by_default = false,
                       .stop_timeout = settings_.stop_timeout,
                       .max_deadline_misses = settings_.max_deadline_misses,
                       .watchdog_cpus = {},
                       .stack_size = executor_stack(),
                       .log = &log_,
                       .hooks = &hooks_,
                       .guard = &*guard_,
                       .outputs = &session_->outputs()});
  keep_stops();
  hooks_.set_loop(async_loop_.get());
  for (const pyb::object& node : nodes_) add_node(node_object(node));
  if (const char* const refusal = GilArbiter::instance().refusal(); refusal != nullptr) {
    degrade("gil_wait", std::string{refusal} + "; ticks beside busy Python threads wait longer",
            "run it on a release build of CPython 3.11, 3.12 or 3.13, without HORUS_GIL=constant");
    constant_interval_.emplace(shortest_budget());
  }
  if (gc_ != settings_.gc) {
    degrade("gc",
            std::string{"gc='"} + to_text(settings_.gc) + "' asked for, but a scheduler of this " +
                "process runs with gc='" + to_text(gc_) + "': they share one collector",
            "give every scheduler of a process the same gc=");
  }
  publish(report_.degraded, page_->host());
  page_->host().asks_realtime.set(settings_.rt || ask_realtime(nodes_) ? 1 : 0);
}

void Run::degrade(const char* feature, std::string reason, const char* fix, int severity) {
  report_.degraded.push_back(
      {.feature = feature, .reason = std::move(reason), .fix = fix, .severity = severity});
}

void Run::begin(std::optional<Nanos> duration) {
  try {
    runner_ = std::thread{[this, duration] { run_scheduler(duration); }};
  } catch (const std::system_error& error) {
    errno = error.code().value();
    raise_unless(Error::from_errno("start the thread of run()"));
  }
  runs().push_back(this);
  running_ = true;
}

void Run::execute(const pyb::object& on_ready) {
  serve(on_ready);
  {
    const GilRelease others_run;
    runner_.join();
  }
  finish();
  raise_what_ended_it();
}

void Run::run_scheduler(std::optional<Nanos> duration) noexcept {
  ::pthread_setname_np(::pthread_self(), "horus-run");
  started_ = scheduler_->start({.host = &page_->host(),
                                .nodes = page_->nodes(),
                                .late = page_->late(),
                                .stop = &page_->stop_word(),
                                .others = &others_,
                                .box = box()});
  if (started_) {
    // relaxed: one number, nothing is published through it.
    clock_start_ns.store(to_ns(scheduler_->epoch()), std::memory_order_relaxed);
    stopped_ = scheduler_->wait(duration);
  }
  // release: a thread that sees ended_ sees started_ and stopped_.
  ended_.store(true, std::memory_order_release);
  wakeup_.ring();
}

// The loop of the thread that called run(). It sleeps without the GIL until a signal or another
// thread rings; it polls only while on_ready has not been called.
void Run::serve(const pyb::object& on_ready) noexcept {
  bool tells_ready = !on_ready.is_none();
  // acquire: see run_scheduler().
  while (!ended_.load(std::memory_order_acquire)) {
    {
      const GilRelease others_run;
      wakeup_.wait(tells_ready ? kReadyPollMs : -1);
    }
    serve_signals();
    serve_safe_states();
    serve_interrupts();
    serve_cancels();
    if (!tells_ready || !scheduler_->ready()) continue;
    tells_ready = false;
    tell_ready(on_ready);
  }
  // If the run was stopped right after the first ticks, on_ready has not been called yet.
  if (tells_ready && scheduler_->ready()) tell_ready(on_ready);
  serve_signals();
}

void Run::tell_ready(const pyb::object& on_ready) noexcept {
  const ForkWatch watch;
  const Ref result{PyObject_CallNoArgs(on_ready.ptr())};
  if (watch.forked()) end_child("_on_ready", {});
  if (result) return;
  const Ref exception{take_exception()};
  if (is_interruption(exception.ptr())) return interrupt(exception.ptr());
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  PyErr_WriteUnraisable(on_ready.ptr());
}

void Run::serve_signals() noexcept {
  if (const auto endings = signals_->take_endings(); endings.any) {
    if (endings.quit) report();
    request_stop();
  }
  const ForkWatch watch;
  const bool raised = [this] {
    const OwnCalls::Scope handlers{own_calls_, {}};
    return PyErr_CheckSignals() != 0;
  }();
  if (watch.forked()) end_child("a signal handler", {});
  if (!raised) return;
  interrupt(Ref{take_exception()}.ptr());
}

/// Logs which thread ticks which node. At SIGQUIT the stacks have been printed already; this says
/// whose they are.
void Run::report() const noexcept {
  for (const NodeStats& node : node_stats()) {
    log(LogLevel::kInfo, "node '" + std::string{node.name.view()} + "' on thread " +
                             std::to_string(node.tid.value()) + " is " +
                             to_text(node.state.value()) + ", tick " +
                             std::to_string(node.ticks.value()));
  }
}

void Run::serve_safe_states() noexcept {
  std::vector<PyNode*> wanted;
  {
    const std::scoped_lock lock{wanted_mutex_};
    wanted.swap(safe_wanted_);
  }
  for (PyNode* const node : wanted) {
    const OwnCalls::Scope safe_state{own_calls_, NodeName::clipped(node->spec.name)};
    node->run_safe_state();
    own_calls_.done();
  }
}

void Run::want_safe_state(PyNode& node) noexcept {
  own_calls_.ask();
  {
    const std::scoped_lock lock{wanted_mutex_};
    safe_wanted_.push_back(&node);
  }
  wakeup_.ring();
}

void Run::serve_interrupts() noexcept {
  std::vector<NodeName> wanted;
  {
    const std::scoped_lock lock{wanted_mutex_};
    wanted.swap(interrupts_wanted_);
  }
  for (const NodeName& name : wanted) {
    for (const pyb::object& object : nodes_) {
      PyNode& node = *node_object(object).node;
      if (name == node.spec.name) node.interrupt();
    }
  }
}

void Run::want_interrupt(const NodeName& node) noexcept {
  {
    const std::scoped_lock lock{wanted_mutex_};
    interrupts_wanted_.push_back(node);
  }
  wakeup_.ring();
}

void Run::want_cancel() noexcept {
  cancel_wanted_.store(true, std::memory_order_relaxed);  // relaxed: ring() and wait() order it.
  wakeup_.ring();
}

void Run::serve_cancels() noexcept {
  const bool wanted = cancel_wanted_.exchange(false, std::memory_order_relaxed);
  if (wanted && async_loop_ != nullptr) async_loop_->cancel_asked();
}

void Run::initialised() noexcept {
  if (waiting_for_init_ == 0 || --waiting_for_init_ > 0) return;
  Collector::instance().begin(page_->host());
}

void Run::interrupt(PyObject* exception) noexcept {
  // The watchdog interrupts a call of this thread by a SIGINT of its own. That KeyboardInterrupt is
  // not the user's, so it does not leave run().
  const bool own = signals_->take_own_interrupt();
  if (own && PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt) != 0) {
    return log(LogLevel::kWarning, "the thread that called run() was interrupted: the run stops");
  }
  // Only the first exception counts; a second Ctrl+C adds nothing.
  if (!interruption_) interruption_ = pyb::reinterpret_borrow<pyb::object>(exception);
  request_stop();
}

void Run::request_stop() noexcept {
  if (scheduler_ != nullptr) scheduler_->request_stop();
  if (steps_ != nullptr) stop_steps();
}

bool Run::on_async_loop() const noexcept {
  return async_loop_ != nullptr && async_loop_->is_here();
}

Status Run::set_budget(const std::string& node, Nanos budget) noexcept {
  if (scheduler_ == nullptr) return Error{Errc::kNotFound, "change a node of no run", 0, {}};
  return scheduler_->set_budget(node, budget);
}

Status Run::update(const NodeConfig& config) noexcept {
  if (scheduler_ == nullptr) return Error{Errc::kNotFound, "change a node of no run", 0, {}};
  return scheduler_->update(config);
}

Status Run::remove(const std::string& node) noexcept {
  if (scheduler_ == nullptr) return Error{Errc::kNotFound, "change a node of no run", 0, {}};
  return scheduler_->remove(node);
}

std::span<const NodeStats> Run::node_stats() const noexcept {
  if (!page_) return {};
  return page_->nodes();
}

// The order matters. First no other thread may act on the scheduler any more, then the scheduler
// ends, then the nodes and their pages are let go, and at last the signal handlers are restored.
void Run::finish() noexcept {
  watchdog_expirations_ = scheduler_->watchdog_expirations();
  serve_safe_states();  // If start() failed, serve() may not have come to them.
  let_stops_go();
  auto scheduler = std::move(scheduler_);
  {
    // If start() failed, there may still be threads that need the GIL to end.
    const GilRelease others_run;
    scheduler.reset();
  }
  if (async_loop_ != nullptr) AsyncLoop::close(std::move(async_loop_));
  for (const pyb::object& node : nodes_) node_object(node).node->release();
  if (std::exchange(collecting_, false)) Collector::instance().detach(page_->host());
  tell_end();
  const bool in_order = ended_in_order();
  {
    // Without the GIL, as writing the black box waits for the disk.
    const GilRelease others_run;
    unname_pages(in_order);
  }
  socket_.reset();
  page_is_public_ = false;
  signals_.reset();
  crashes_.reset();
  constant_interval_.reset();
  running_ = false;
  std::erase(runs(), this);
  // release: pairs with the acquire in stop_all_runs().
  ended_runs.fetch_add(1, std::memory_order_release);
  ended_runs.notify_all();
}

/// Whether the run ended as it was asked to (request, duration, Ctrl+C, sys.exit(0)), not by a
/// failure. With the GIL.
bool Run::ended_in_order() const noexcept {
  if (!interruption_) {
    return started_ &&
           (stopped_.reason == StopReason::kRequested || stopped_.reason == StopReason::kDuration);
  }
  PyObject* const ended_by = interruption_.ptr();
  if (PyErr_GivenExceptionMatches(ended_by, PyExc_KeyboardInterrupt) != 0) return true;
  if (PyErr_GivenExceptionMatches(ended_by, PyExc_SystemExit) == 0) return false;
  const Ref code{PyObject_GetAttrString(ended_by, "code")};
  if (!code) PyErr_Clear();
  return code && (code.is_none() || PyObject_Not(code.ptr()) == 1);
}

std::string Run::say_what_stopped_it() const {
  std::string why = to_text(stopped_.reason);
  if (stopped_.node.empty()) return why;
  return "node '" + stopped_.node + "' " + why +
         (stopped_.error.empty() ? "" : ": " + stopped_.error);
}

std::string Run::ended_by_miss() const {
  const bool missed = !running_ && !interruption_ && stopped_.reason == StopReason::kMissPolicy;
  return missed ? say_what_stopped_it() : std::string{};
}

void Run::tell_end() noexcept {
  if (box_ == nullptr) return;
  std::string why = say_what_stopped_it();
  if (interruption_) {
    why = Py_TYPE(interruption_.ptr())->tp_name;
  } else if (!started_) {
    why = describe(started_.error());
  }
  box_->end(why, ended_in_order() ? 0 : 1);
}

void Run::raise_what_ended_it() {
  if (interruption_) raise_object(std::exchange(interruption_, {}).ptr());
  raise_unless(started_);
  const bool failed =
      stopped_.reason == StopReason::kNodeFailure || stopped_.reason == StopReason::kNotStarted;
  if (!failed) return;
  for (const pyb::object& object : nodes_) {
    PyNode& node = *node_object(object).node;
    if (node.spec.name != stopped_.node) continue;
    if (const Ref failure{node.take_failure()}) raise_object(failure.ptr());
  }
  throw std::runtime_error("node '" + stopped_.node + "': " + stopped_.error);
}

void Run::forget_after_fork() noexcept {
  // Leaked on purpose: the destructors would wait for threads that only the parent has, and would
  // remove the parent's files.
  static_cast<void>(scheduler_.release());
  static_cast<void>(new std::thread{std::move(runner_)});
  static_cast<void>(stops_.release());
  static_cast<void>(new std::shared_ptr{std::exchange(safety_port_, nullptr)});
  static_cast<void>(new std::shared_ptr{std::exchange(socket_, nullptr)});
  forget_all_files();
  static_cast<void>(new std::shared_ptr{std::exchange(steps_, nullptr)});
  static_cast<void>(async_loop_.release());
  static_cast<void>(new std::shared_ptr{std::exchange(page_, nullptr)});
  static_cast<void>(new std::shared_ptr{std::exchange(box_, nullptr)});
  collecting_ = running_ = false;
  crashes_.reset();
  signals_.reset();  // The child gets the program's own signal handlers back.
  for (const pyb::object& object : nodes_) {
    NodeObject& node = node_object(object);
    node.node->release();
    node.node->forget_stats();
    node.ports->count_into(nullptr);
  }
}

bool program_ends() noexcept {
  return ends;
}

std::vector<Run*> running_runs() {
  std::vector<Run*> all = runs();
  const auto stepped = stepped_runs_under_way();
  all.insert(all.end(), stepped.begin(), stepped.end());
  return all;
}

void stop_all_runs() noexcept {
  ends = true;
  stop_stepped_runs();
  while (!runs().empty()) {
    // acquire: see Run::finish().
    const std::uint32_t before = ended_runs.load(std::memory_order_acquire);
    for (Run* const run : runs()) run->request_stop();
    // Without the GIL: the threads that end a run need it for their last steps.
    const GilRelease others_run;
    ended_runs.wait(before, std::memory_order_acquire);
  }
}

void forget_runs_after_fork() noexcept {
  ends = false;
  for (Run* const run : runs()) run->forget_after_fork();
  runs().clear();
  forget_stepped_runs_after_fork();
  Collector::instance().forget_after_fork();
  GilArbiter::instance().forget_after_fork();
  share_gil_after_fork();
}

}  // namespace horus::py
