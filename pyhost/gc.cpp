// SPDX-License-Identifier: Apache-2.0
#include "pyhost/gc.hpp"

#include <algorithm>

#include "pyhost/capi.hpp"
#include "pyhost/tick_state.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

/// Between two looks at the counts. A look costs a tuple; garbage of this long is no harm.
constexpr Nanos kLookEvery = 500us;

bool read_three(PyObject* function, std::array<long, 3>& numbers) noexcept {
  const pyb::object tuple = owned(PyObject_CallNoArgs(function));
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
  const pyb::object result = owned(PyObject_CallNoArgs(function.ptr()));
  if (!result) PyErr_Clear();
}

}  // namespace

std::optional<GcPolicy> parse_gc_policy(std::string_view text) noexcept {
  if (text == "slack") return GcPolicy::kSlack;
  if (text == "off") return GcPolicy::kOff;
  if (text == "python") return GcPolicy::kPython;
  return std::nullopt;
}

Nanos GcCost::predict(int generation, std::size_t young) const noexcept {
  const double youngest = per_young_ns_ * static_cast<double>(young);
  const double ns = generation == 0
                        ? youngest
                        : std::max(older_ns_[static_cast<std::size_t>(generation) - 1], youngest);
  return Nanos{static_cast<std::int64_t>(ns)};
}

void GcCost::learn(int generation, std::size_t young, Nanos pause) noexcept {
  const auto ns = static_cast<double>(pause.count());
  // Up at once, down slowly: a pause that was too short by prediction delays a release.
  const auto follow = [](double& known, double seen) {
    known = seen > known ? seen : known + (seen - known) / 8;
  };
  if (generation > 0) return follow(older_ns_[static_cast<std::size_t>(generation) - 1], ns);
  // Of few objects a pause is all overhead; it says nothing of many.
  if (young >= 100) follow(per_young_ns_, ns / static_cast<double>(young));
}

Collector& Collector::instance() {
  // Never destroyed: it holds Python objects, and the interpreter may be gone by then.
  static auto* const collector = new Collector;
  return *collector;
}

void Collector::attach(GcStats& stats, GcPolicy policy) {
  if (attached_.empty()) {
    install();
    policy_ = policy;
    was_enabled_ = PyGC_IsEnabled() != 0;
  }
  attached_.push_back(&stats);
}

void Collector::detach(GcStats& stats) noexcept {
  std::erase(attached_, &stats);
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
  freeze_ = gc.attr("freeze");
  unfreeze_ = gc.attr("unfreeze");
  callbacks_ = gc.attr("callbacks");
  callback_ = owned(PyCFunction_New(&definition, nullptr));
  if (!callback_) throw pyb::error_already_set();
  callbacks_.attr("append")(callback_);
  froze_ = false;
  active_ = false;
  started_ = {};
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
  } catch (pyb::error_already_set&) {
    // The user has emptied the list: what we wanted.
  }
  for (pyb::object* const object : {&callback_, &callbacks_, &collect_, &get_count_,
                                    &get_threshold_, &get_freeze_count_, &freeze_, &unfreeze_}) {
    *object = {};
  }
}

void Collector::begin() noexcept {
  if (policy_ != GcPolicy::kSlack || active_) return;
  if (PyGC_IsEnabled() == 0) {
    policy_ = GcPolicy::kOff;
    return;
  }
  collect({.generation = 2});
  const pyb::object frozen = owned(PyObject_CallNoArgs(get_freeze_count_.ptr()));
  if (frozen && PyLong_AsLong(frozen.ptr()) == 0) {
    call_quietly(freeze_);
    froze_ = true;
  }
  PyErr_Clear();
  PyGC_Disable();
  active_ = true;
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

bool Collector::due(TimePoint now) noexcept {
  // A user who has turned automatic collection back on has taken it over.
  if (!active_ || now < next_look_ || PyGC_IsEnabled() != 0) return false;
  next_look_ = now + kLookEvery;
  return read_three(get_count_.ptr(), counts_) && read_three(get_threshold_.ptr(), thresholds_) &&
         counts_[0] > thresholds_[0] && thresholds_[0] > 0;
}

TimePoint Collector::next_release(TimePoint own, TimePoint now) const noexcept {
  TimePoint first = own;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    // One that has passed belongs to a tick that runs now, or waits for this GIL already.
    if (taken_[i] && next_[i] > now) first = std::min(first, next_[i]);
  }
  return first;
}

GcPlan Collector::plan(int place, TimePoint next) noexcept {
  if (place >= 0) next_[static_cast<std::size_t>(place)] = next;
  const TimePoint now = MonotonicClock::now();
  if (!due(now)) return {};
  const auto slack = static_cast<double>((next_release(next, now) - now).count());
  const auto young = static_cast<std::size_t>(counts_[0]);
  for (int generation = 2; generation >= 0; --generation) {
    const auto g = static_cast<std::size_t>(generation);
    if (thresholds_[g] <= 0 || counts_[g] <= thresholds_[g]) continue;
    const auto cost = static_cast<double>(cost_.predict(generation, young).count());
    const bool fits = kMargin * cost < slack;
    if (fits || counts_[g] > kForceAt * thresholds_[g]) return {generation, !fits, young};
  }
  return {};
}

void Collector::collect(const GcPlan& plan) noexcept {
  running_ = plan;
  PyObject* arguments[] = {nullptr, PyLong_FromLong(plan.generation)};
  const pyb::object number = owned(arguments[1]);
  const pyb::object result = owned(PyObject_Vectorcall(
      collect_.ptr(), arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  if (!result) PyErr_Clear();
  running_ = {};
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
  started_ = MonotonicClock::now();
}

void Collector::on_stop(PyObject* details) noexcept {
  // Installed in the middle of a collection: its start was not seen.
  if (started_ == TimePoint{}) return;
  const Nanos pause = MonotonicClock::now() - started_;
  const auto generation = std::min<std::size_t>(number_in(details, "generation"), 2);
  // Before the freeze a pause says nothing of those after it.
  if (active_) cost_.learn(static_cast<int>(generation), running_.young, pause);
  for (GcStats* const stats : attached_) {
    GcStats::Generation& counted = stats->generation[generation];
    counted.pause.record(pause);
    counted.collections.add();
    counted.collected.add(number_in(details, "collected"));
    counted.uncollectable.add(number_in(details, "uncollectable"));
    if (running_.forced) counted.forced.add();
    if (pause.count() > counted.longest_ns.value()) {
      counted.longest_ns.set(pause.count());
      // relaxed: it only labels this pause.
      counted.longest_tick.set(latest_tick.load(std::memory_order_relaxed));
    }
  }
}

}  // namespace horus::py
