// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>

#include "pyhost/capi.hpp"
#include "pyhost/errors.hpp"
#include "pyhost/gil_arbiter.hpp"
#include "pyhost/session.hpp"
#include "pyhost/tick_state.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

// Python code may compute, import or wait for as long as it likes: a silence is a fault only
// where a watchdog was asked for (PY-6).
constexpr Nanos kNoWatchdog = std::chrono::hours{24 * 365};
constexpr int kReadyPollMs = 10;
constexpr int kMaxHostNames = 100;

/// Counts the runs that have ended, for those who wait for one.
std::atomic<std::uint32_t> ended_runs{0};

/// The runs that are under way. With the GIL.
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
    : settings_{settings},
      nodes_{std::move(nodes)},
      log_{{.debug = settings.verbose, .prefix = settings.log_prefix}},
      hooks_{PyInterpreterState_Get()} {}

Run::~Run() {
  if (page_ == nullptr) return;
  for (const pyb::object& object : nodes_) {
    PyNode& node = *node_object(object).node;
    if (node.host() == this) node.release();
  }
  if (collecting_) Collector::instance().detach(page_->host());
  if (page_is_public_) page_->remove();
}

void Run::prepare() {
  signals_.emplace(wakeup_);
  open_page();
  for (std::size_t i = 0; i < nodes_.size(); ++i) prepare_node(i);
  gc_ = Collector::instance().attach(page_->host(), settings_.gc);
  collecting_ = true;
  make_scheduler();
  waiting_for_init_ = nodes_.size();
}

void Run::open_page() {
  const auto base = value_or_raise(session())->base();
  std::vector<std::string> names;
  for (const pyb::object& node : nodes_) names.push_back(node_object(node).node->spec.name);
  const std::string own =
      settings_.name.empty() ? "py-" + std::to_string(::getpid()) : settings_.name;
  auto page = shm::StatsPage::create(base, own, names);
  // Several schedulers without a name in one process: py-12, py-12-2, ...
  for (int i = 2;
       !page && page.error().code == Errc::kBusy && settings_.name.empty() && i < kMaxHostNames;
       ++i) {
    page = shm::StatsPage::create(base, own + "-" + std::to_string(i), names);
  }
  page_ = std::make_shared<shm::StatsPage>(value_or_raise(std::move(page)));
  page_is_public_ = true;
  page_->host().python.set(1);
}

void Run::prepare_node(std::size_t index) {
  NodeObject& node = node_object(nodes_[index]);
  if (node.node->host() != nullptr) {
    throw std::runtime_error("node '" + node.node->spec.name + "' runs in another scheduler");
  }
  NodeStats& stats = page_->nodes()[index];
  node.ports->count_into(&stats);
  node.node->prepare(*this, std::shared_ptr<const NodeStats>{page_, &stats},
                     std::shared_ptr<const HostStats>{page_, &page_->host()});
  raise_unless(node.ports->open());
}

void Run::make_scheduler() {
  const RtProfile profile{.fifo = settings_.rt,
                          .lock_memory = settings_.rt,
                          .dma_latency = settings_.rt,
                          .cpus = settings_.cores};
  report_ = apply(profile);
  scheduler_ = std::make_unique<Scheduler>(
      SchedulerOptions{.profile = profile,
                       .spin_limit = settings_.spin,
                       .watchdog = settings_.watchdog.value_or(kNoWatchdog),
                       .max_deadline_misses = settings_.max_deadline_misses,
                       .watchdog_cpus = {},
                       .hooks = &hooks_,
                       .log = &log_});
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
}

void Run::add_node(NodeObject& node) {
  const NodeSpec& spec = node.node->spec;
  NodeConfig config = spec.config;
  if (config.node_class == NodeClass::kBestEffort) {
    config.rate = Rate::from_hz(settings_.tick_rate);
  }
  if (config.priority && !settings_.rt) {
    degrade("fifo", "node '" + spec.name + "' asks for a priority, and rt is False",
            "give rt=True to the scheduler");
    config.priority.reset();
  }
  // 99 is left to the kernel's own threads.
  if (config.priority) config.priority = std::min(*config.priority, 98);
  WakeSource* wake = nullptr;
  if (config.node_class == NodeClass::kEvent) {
    sources_.push_back(std::make_unique<PortSource>(node.ports->port(spec.on)));
    wake = sources_.back().get();
  }
  raise_unless(scheduler_->add(*node.node, config, wake));
}

Nanos Run::shortest_budget() const {
  Nanos shortest{};
  for (const pyb::object& object : nodes_) {
    const Nanos budget = effective_budget(node_object(object).node->spec.config).execution;
    if (budget > Nanos{} && (shortest == Nanos{} || budget < shortest)) shortest = budget;
  }
  return shortest;
}

void Run::degrade(const char* feature, std::string reason, const char* fix) {
  report_.degraded.push_back(
      {.feature = feature, .reason = std::move(reason), .fix = fix, .severity = 1});
}

void Run::execute(std::optional<Nanos> duration, const pyb::object& on_ready) {
  std::thread runner{[this, duration] { run_scheduler(duration); }};
  runs().push_back(this);
  running_ = true;
  serve(on_ready);
  {
    const pyb::gil_scoped_release others_run;
    runner.join();
  }
  finish();
  raise_what_ended_it();
}

void Run::run_scheduler(std::optional<Nanos> duration) noexcept {
  ::pthread_setname_np(::pthread_self(), "horus-run");
  started_ = scheduler_->start({.host = &page_->host(), .nodes = page_->nodes()});
  if (started_) {
    // relaxed: one number, nothing is published through it.
    clock_start_ns.store(to_ns(scheduler_->epoch()), std::memory_order_relaxed);
    stopped_ = scheduler_->wait(duration);
  }
  // release: whoever sees it sees started_ and stopped_.
  ended_.store(true, std::memory_order_release);
  wakeup_.ring();
}

void Run::serve(const pyb::object& on_ready) noexcept {
  bool tells_ready = !on_ready.is_none();
  // acquire: see run_scheduler().
  while (!ended_.load(std::memory_order_acquire)) {
    {
      const pyb::gil_scoped_release others_run;
      wakeup_.wait(tells_ready ? kReadyPollMs : -1);
    }
    serve_signals();
    serve_safe_states();
    if (!tells_ready || !scheduler_->ready()) continue;
    tells_ready = false;
    tell_ready(on_ready);
  }
  serve_signals();
}

void Run::tell_ready(const pyb::object& on_ready) noexcept {
  const pyb::object result = owned(PyObject_CallNoArgs(on_ready.ptr()));
  if (result) return;
  const pyb::object exception = owned(take_exception());
  if (is_interruption(exception.ptr())) return interrupt(exception.ptr());
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  PyErr_WriteUnraisable(on_ready.ptr());
}

void Run::serve_signals() noexcept {
  if (signals_->terminated()) request_stop();
  if (PyErr_CheckSignals() == 0) return;
  interrupt(owned(take_exception()).ptr());
}

void Run::serve_safe_states() noexcept {
  std::vector<PyNode*> wanted;
  {
    const std::scoped_lock lock{safe_mutex_};
    wanted.swap(safe_wanted_);
  }
  for (PyNode* const node : wanted) node->run_safe_state();
}

void Run::want_safe_state(PyNode& node) noexcept {
  {
    const std::scoped_lock lock{safe_mutex_};
    safe_wanted_.push_back(&node);
  }
  wakeup_.ring();
}

void Run::initialised() noexcept {
  if (waiting_for_init_ == 0 || --waiting_for_init_ > 0) return;
  Collector::instance().begin(page_->host());
}

void Run::interrupt(PyObject* exception) noexcept {
  // The first one counts: a second Ctrl+C says the same again.
  if (!interruption_) interruption_ = pyb::reinterpret_borrow<pyb::object>(exception);
  request_stop();
}

void Run::request_stop() noexcept {
  if (scheduler_ != nullptr) scheduler_->request_stop();
}

Status Run::set_budget(const std::string& node, Nanos budget) noexcept {
  if (scheduler_ == nullptr) return {};
  return scheduler_->set_budget(node, budget);
}

std::span<const NodeStats> Run::node_stats() const noexcept {
  if (!page_) return {};
  return page_->nodes();
}

void Run::finish() noexcept {
  watchdog_expirations_ = scheduler_->watchdog_expirations();
  auto scheduler = std::move(scheduler_);
  {
    // Where start() failed, threads that need the GIL to end may still be there.
    const pyb::gil_scoped_release others_run;
    scheduler.reset();
  }
  serve_safe_states();
  for (const pyb::object& node : nodes_) node_object(node).node->release();
  if (std::exchange(collecting_, false)) Collector::instance().detach(page_->host());
  page_->remove();
  page_is_public_ = false;
  signals_.reset();
  constant_interval_.reset();
  running_ = false;
  std::erase(runs(), this);
  // release: who waits for it sees the list without this one.
  ended_runs.fetch_add(1, std::memory_order_release);
  ended_runs.notify_all();
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
    if (const pyb::object failure = owned(node.take_failure())) raise_object(failure.ptr());
  }
  throw std::runtime_error("node '" + stopped_.node + "': " + stopped_.error);
}

void Run::forget_after_fork() noexcept {
  // Leaked on purpose: their destructors would wait for threads that only the parent has, and
  // take back its files.
  static_cast<void>(scheduler_.release());
  static_cast<void>(new std::shared_ptr{std::exchange(page_, nullptr)});
  collecting_ = running_ = false;
  signals_.reset();  // The child's own end is not the parent's affair.
  for (const pyb::object& object : nodes_) {
    NodeObject& node = node_object(object);
    node.node->release();
    node.node->forget_stats();
    node.ports->count_into(nullptr);
  }
}

void stop_all_runs() noexcept {
  while (!runs().empty()) {
    // acquire: see Run::finish().
    const std::uint32_t before = ended_runs.load(std::memory_order_acquire);
    for (Run* const run : runs()) run->request_stop();
    // The threads that end need the GIL for their last steps.
    const pyb::gil_scoped_release others_run;
    ended_runs.wait(before, std::memory_order_acquire);
  }
}

void forget_runs_after_fork() noexcept {
  for (Run* const run : runs()) run->forget_after_fork();
  runs().clear();
  Collector::instance().forget_after_fork();
  GilArbiter::instance().forget_after_fork();
}

}  // namespace horus::py
