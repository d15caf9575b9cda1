// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/collector.hpp"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <utility>

#include <horus/log.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/node/running_tick.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

/// The time between two looks at gc's counts. A look makes a tuple; garbage of 500 us is no harm.
constexpr Nanos kLookEvery = 500us;

/// The slack that is assumed where no thread has a next release: an event may come at any time.
constexpr Nanos kSlackWithoutRelease = 10ms;
/// The time between two warnings. The statistics count the pauses that are not warned of.
constexpr Nanos kWarnEvery = 1min;
/// With more young objects than this their types are not counted: that would be a pause itself.
constexpr std::int64_t kMostTyped = 20'000;

bool read_three(PyObject* function, std::array<std::int64_t, 3>& numbers) noexcept {
  const Ref tuple{PyObject_CallNoArgs(function)};
  if (!tuple || PyTuple_Check(tuple.ptr()) == 0 || PyTuple_GET_SIZE(tuple.ptr()) != 3) {
    PyErr_Clear();
    return false;
  }
  for (Py_ssize_t i = 0; i < 3; ++i) {
    numbers[static_cast<std::size_t>(i)] = PyLong_AsLong(PyTuple_GET_ITEM(tuple.ptr(), i));
  }
  return true;
}

std::uint64_t number_in(PyObject* dict, const char* key) noexcept {
  PyObject* const value = PyDict_GetItemString(dict, key);
  const long long number = value != nullptr ? PyLong_AsLongLong(value) : 0;
  if (number == -1) PyErr_Clear();
  return number > 0 ? static_cast<std::uint64_t>(number) : 0;
}

void call_quietly(const pyb::object& function) noexcept {
  const Ref result{PyObject_CallNoArgs(function.ptr())};
  if (!result) PyErr_Clear();
}

/// Calls a function of gc with a generation. Null without an exception when it fails.
pyb::object call_with(const pyb::object& function, int generation) noexcept {
  PyObject* arguments[] = {nullptr, PyLong_FromLong(generation)};
  const Ref number{arguments[1]};
  Ref result{PyObject_Vectorcall(function.ptr(), arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                 nullptr)};
  if (!result) PyErr_Clear();
  return result;
}

/// CPU time of this thread.
Nanos cpu_time() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + Nanos{time.tv_nsec};
}

std::int64_t frozen_objects(const pyb::object& get_freeze_count) noexcept {
  const Ref frozen{PyObject_CallNoArgs(get_freeze_count.ptr())};
  const std::int64_t count = frozen ? PyLong_AsLongLong(frozen.ptr()) : 0;
  PyErr_Clear();
  return std::max<std::int64_t>(count, 0);
}

void warn(const std::string& text) noexcept {
  horus::log(LogLevel::kWarning, text);
}

std::string milliseconds(Nanos duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f ms", static_cast<double>(duration.count()) / 1e6);
  return text.data();
}

}  // namespace

Collector& Collector::instance() {
  // Never destroyed: it holds Python objects, and the interpreter may be gone by then.
  static auto* const collector = new Collector;
  return *collector;
}

GcPolicy Collector::attach(HostStats& host, GcPolicy policy, BlackBox* box) {
  if (attached_.empty()) {
    install();
    policy_ = policy;
    was_enabled_ = PyGC_IsEnabled() != 0;
  }
  attached_.push_back({&host, false, box});
  return policy_;
}

void Collector::detach(HostStats& host) noexcept {
  std::erase_if(attached_, [&](const Attached& one) { return one.host == &host; });
  if (attached_.empty()) uninstall();
}

void Collector::forget_after_fork() noexcept {
  if (attached_.empty()) return;
  attached_.clear();
  taken_ = {};
  uninstall();
}

void Collector::install() {
  static PyMethodDef definition{"horus_gc_pause", as_method(&Collector::callback), METH_FASTCALL,
                                "Counts the pauses of the garbage collector."};
  const auto gc = pyb::module_::import("gc");
  collect_ = gc.attr("collect");
  get_count_ = gc.attr("get_count");
  get_threshold_ = gc.attr("get_threshold");
  get_freeze_count_ = gc.attr("get_freeze_count");
  get_objects_ = gc.attr("get_objects");
  freeze_ = gc.attr("freeze");
  unfreeze_ = gc.attr("unfreeze");
  callbacks_ = gc.attr("callbacks");
  callback_ = Ref{PyCFunction_New(&definition, nullptr)};
  if (!callback_) throw pyb::error_already_set();
  callbacks_.attr("append")(callback_);
  froze_ = begun_ = active_ = false;
  running_ = {};
  next_warning_ = {};
}

void Collector::uninstall() noexcept {
  active_ = false;
  if (std::exchange(froze_, false)) call_quietly(unfreeze_);
  if (policy_ == GcPolicy::kSlack) {
    if (was_enabled_) {
      PyGC_Enable();
    } else {
      PyGC_Disable();
    }
  }
  try {
    callbacks_.attr("remove")(callback_);
  } catch (const std::exception&) {
    // The user has emptied the list, so our function is gone already.
  }
  for (pyb::object* const object :
       {&callback_, &callbacks_, &collect_, &get_count_, &get_threshold_, &get_freeze_count_,
        &get_objects_, &freeze_, &unfreeze_}) {
    *object = {};
  }
}

void Collector::begin(HostStats& host) noexcept {
  if (!std::exchange(begun_, true)) {
    if (policy_ == GcPolicy::kSlack && PyGC_IsEnabled() == 0) policy_ = GcPolicy::kOff;
    active_ = policy_ == GcPolicy::kSlack;
    if (active_) collect(2);
    const std::int64_t frozen = frozen_objects(get_freeze_count_);
    const Ref all{PyObject_CallNoArgs(get_objects_.ptr())};
    PyErr_Clear();
    const auto objects = all ? static_cast<std::int64_t>(PyList_GET_SIZE(all.ptr())) : 0;
    froze_ = active_ && frozen == 0;
    planner_.begin({.objects = objects + frozen,
                    .may_freeze = froze_,
                    .cpu = running_.cpu,
                    .now = MonotonicClock::now()});
    if (froze_) call_quietly(freeze_);
    if (active_) PyGC_Disable();
  }
  for (Attached& one : attached_) {
    if (one.host == &host) one.ticks = true;
  }
  show_objects();
}

int Collector::claim_place() noexcept {
  const auto free = std::find(taken_.begin(), taken_.end(), false);
  if (free == taken_.end()) return -1;
  const auto place = static_cast<std::size_t>(free - taken_.begin());
  taken_[place] = true;
  next_[place] = TimePoint::max();
  return static_cast<int>(place);
}

void Collector::free_place(int place) noexcept {
  if (place < 0) return;
  taken_[static_cast<std::size_t>(place)] = false;
}

bool Collector::read_counts() noexcept {
  return read_three(get_count_.ptr(), sight_.counts) &&
         read_three(get_threshold_.ptr(), sight_.thresholds);
}

Nanos Collector::slack(TimePoint own, TimePoint now) const noexcept {
  TimePoint first = own;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    // A release that has passed belongs to a tick that runs now or already waits for the GIL.
    if (taken_[i] && next_[i] > now) first = std::min(first, next_[i]);
  }
  if (first == TimePoint::max()) return kSlackWithoutRelease;
  return std::max(first - now, Nanos{});
}

// Records `next` in any case: slack() of the other threads needs it.
GcPlan Collector::plan(int place, TimePoint next) noexcept {
  if (place >= 0) next_[static_cast<std::size_t>(place)] = next;
  const TimePoint now = MonotonicClock::now();
  // If the user has turned automatic collection on again, leave the collector to CPython.
  if (!active_ || now < next_look_ || PyGC_IsEnabled() != 0) return {};
  next_look_ = now + kLookEvery;
  if (!read_counts()) return {};
  sight_.slack = slack(next, now);
  sight_.now = now;
  // Resident memory is of the process, so each host's statistics show the same.
  sight_.rss = attached_.empty() ? 0 : attached_.front().host->rss_bytes.value();
  return planner_.plan(sight_);
}

void Collector::carry_out(const GcPlan& plan) noexcept {
  if (plan.announced) announce(plan);
  running_.forced = plan.forced;
  switch (plan.step) {
    case GcStep::kNothing: break;
    case GcStep::kCollect:
      if (plan.forced) {
        collect_by_force(plan.generation);
      } else {
        collect(plan.generation);
      }
      if (plan.generation == 2 && froze_) freeze(2);
      break;
    case GcStep::kFreeze:
      freeze(plan.generation);
      for (const Attached& one : attached_) one.host->gc.freezes.add();
      break;
    case GcStep::kFull: complete_full(); break;
    case GcStep::kCount: planner_.counted(frozen_objects(get_freeze_count_)); break;
  }
  running_.forced = false;
  show_objects();
}

void Collector::collect(int generation) noexcept {
  call_with(collect_, generation);
}

void Collector::complete_full() noexcept {
  // Tells on_stop(), which CPython calls within collect(), that nothing was frozen.
  running_.is_full = true;
  call_quietly(unfreeze_);
  collect(2);
  call_quietly(freeze_);
  running_.is_full = false;
}

void Collector::freeze(int instead_of) noexcept {
  std::array<std::int64_t, 3> counts{};
  if (!read_three(get_count_.ptr(), counts)) return;
  call_quietly(freeze_);
  planner_.froze(instead_of, counts[0], MonotonicClock::now());
}

void Collector::show_objects() noexcept {
  for (const Attached& one : attached_) one.host->gc.objects.set(planner_.objects());
}

void Collector::announce(const GcPlan& plan) noexcept {
  if (sight_.now < next_warning_) return;
  next_warning_ = sight_.now + kWarnEvery;
  warn("garbage collection: over a quarter of " + std::to_string(planner_.objects()) +
       " objects grew old since the last full one, and no slack fits a new one: within a second " +
       "it stops every Python node of this process for about " + milliseconds(plan.expected) +
       youngest_types());
}

void Collector::collect_by_force(int generation) noexcept {
  // Only where it will be told: counting the types costs as much as the collection.
  const bool warns = sight_.now >= next_warning_;
  const std::string types = warns ? youngest_types() : std::string{};
  collect(generation);
  if (!warns || running_.freed < running_.young / 2) return;
  next_warning_ = sight_.now + kWarnEvery;
  warn("cyclic garbage grows without slack: " + std::to_string(running_.freed) +
       " objects were freed by force, in " + milliseconds(running_.pause) + types);
}

std::string Collector::youngest_types() noexcept {
  if (sight_.counts[0] > kMostTyped) return {};
  const pyb::object objects = call_with(get_objects_, 0);
  if (!objects || PyList_Check(objects.ptr()) == 0) return {};
  const Py_ssize_t size = PyList_GET_SIZE(objects.ptr());
  std::vector<std::pair<PyTypeObject*, Py_ssize_t>> types;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyTypeObject* const type = Py_TYPE(PyList_GET_ITEM(objects.ptr(), i));
    const auto known = std::ranges::find(types, type, [](const auto& one) { return one.first; });
    if (known == types.end()) {
      types.emplace_back(type, 1);
    } else {
      ++known->second;
    }
  }
  std::ranges::sort(types, std::greater{}, [](const auto& one) { return one.second; });
  types.resize(std::min<std::size_t>(types.size(), 3));
  std::string text;
  for (const auto& [type, count] : types) {
    text += (text.empty() ? "; the youngest objects: " : ", ") + std::string{type->tp_name} + " " +
            std::to_string(100 * count / size) + " %";
  }
  return text;
}

PyObject* Collector::callback(PyObject* /*self*/, PyObject* const* args, Py_ssize_t count) {
  if (count == 2 && PyUnicode_Check(args[0]) != 0 && PyDict_Check(args[1]) != 0) {
    if (PyUnicode_CompareWithASCIIString(args[0], "start") == 0) {
      instance().on_start();
    } else {
      instance().on_stop(args[1]);
    }
  }
  return new_none();
}

void Collector::on_start() noexcept {
  std::array<std::int64_t, 3> counts{};
  if (!read_three(get_count_.ptr(), counts)) return;
  running_.young = counts[0];
  running_.cpu_started = cpu_time();
  running_.started = MonotonicClock::now();
}

void Collector::on_stop(PyObject* details) noexcept {
  // The callback was installed in the middle of a collection, whose start it has not seen.
  if (running_.started == TimePoint{}) return;
  running_.pause = MonotonicClock::now() - running_.started;
  running_.cpu = cpu_time() - running_.cpu_started;
  const auto generation = std::min<std::size_t>(number_in(details, "generation"), 2);
  const std::uint64_t collected = number_in(details, "collected");
  running_.freed = static_cast<std::int64_t>(collected);
  if (running_.is_full) {
    planner_.completed_full(running_.young, running_.freed, running_.cpu, MonotonicClock::now());
  } else if (begun_) {
    planner_.collected(static_cast<int>(generation), running_.young, running_.freed, running_.cpu);
  }
  for (const Attached& one : attached_) {
    // Before a host's first tick a pause delays nobody.
    if (!one.ticks) continue;
    GcStats::Generation& counted = one.host->gc.generation[generation];
    counted.pause.record(running_.pause);
    counted.collections.add();
    counted.collected.add(collected);
    counted.uncollectable.add(number_in(details, "uncollectable"));
    if (running_.forced) counted.forced.add();
    if (running_.pause.count() > counted.longest_ns.value()) {
      counted.longest_ns.set(running_.pause.count());
      // relaxed: it only labels this pause.
      counted.longest_tick.set(latest_tick.load(std::memory_order_relaxed));
    }
    one.host->gc.finished.add();
  }
  keep_pause(generation);
  show_objects();
}

void Collector::keep_pause(std::size_t generation) noexcept {
  constexpr Nanos kLongPause = 10ms;
  if (!running_.forced && running_.pause < kLongPause) return;
  if (!events_.admit(MonotonicClock::now())) return;
  for (const Attached& one : attached_) {
    if (!one.ticks || one.box == nullptr) continue;
    one.box->write(
        EventKind::kGc, "",
        {running_.pause / 1us, static_cast<std::int64_t>(generation), running_.forced ? 1 : 0});
  }
}

}  // namespace horus::py
