// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <pybind11/pybind11.h>

#include <horus/text.hpp>
#include <horus/time.hpp>

#include "pyhost/run/gc_planner.hpp"
#include "rt/base/black_box.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus::py {

enum class GcPolicy : unsigned char {
  kSlack,   ///< Automatic collection is off; what is due is collected between ticks (PY-3).
  kOff,     ///< As the user has left it; nothing is collected here.
  kPython,  ///< CPython's automatic collection.
};
constexpr auto words_of(GcPolicy /*any*/) noexcept {
  return words_in_order<GcPolicy>("slack", "off", "python");
}

/// Controls the garbage collector, which all runs of this process share, and measures its pauses.
/// GcPlanner decides what to collect and when; this class carries it out.
///
/// Thread safety: everything with the GIL. Invariants:
///   (1) While at least one run is attached, gc.callbacks holds our function.
///   (2) Objects are frozen only under kSlack, and only where the user had frozen none before.
class Collector {
 public:
  static Collector& instance();

  /// Registers a run. Returns the policy in force: the first run's policy counts until the last run
  /// has detached. `box`: where long pauses are recorded; null: nowhere. Throws where CPython's gc
  /// module refuses.
  GcPolicy attach(HostStats& host, GcPolicy policy, BlackBox* box);
  /// Unregisters a run. The last one restores the garbage collector as attach() found it.
  void detach(HostStats& host) noexcept;

  /// In a child of fork(): forgets every run, whose statistics are the parent's, and restores the
  /// garbage collector.
  void forget_after_fork() noexcept;

  /// Call once every init() of `host` is over. From here on pauses count in its statistics. The
  /// first call under kSlack collects everything, freezes what is left, and turns automatic
  /// collection off. If the user has called gc.disable() by then, the policy becomes kOff.
  void begin(HostStats& host) noexcept;

  /// Reserves a place for an executor thread, so that collections respect its next release. -1 when
  /// all 64 are taken.
  int claim_place() noexcept;
  void free_place(int place) noexcept;

  /// What to do now, after a batch of ticks. `place` is the thread's, `next` its next release;
  /// TimePoint::max() for none. Cheap: reads gc's counts at most every 500 us.
  GcPlan plan(int place, TimePoint next) noexcept;
  /// Does what plan() has returned. May take milliseconds.
  void carry_out(const GcPlan& plan) noexcept;

 private:
  static constexpr std::size_t kPlaces = 64;

  struct Attached {
    HostStats* host;
    bool ticks;  ///< Every init() of it is over.
    BlackBox* box;
  };

  /// Fetches the functions of the gc module and adds callback() to gc.callbacks. Throws.
  void install();
  /// Restores the collector; see detach().
  void uninstall() noexcept;
  /// Reads gc.get_count() and gc.get_threshold() into sight_. False where they fail.
  bool read_counts() noexcept;
  /// The time until the first next release of any thread; `own`: the caller's.
  Nanos slack(TimePoint own, TimePoint now) const noexcept;
  void collect(int generation) noexcept;
  /// kFull: unfreeze, collect, freeze.
  void complete_full() noexcept;
  void freeze(int instead_of) noexcept;
  /// Warns of a full collection that is due and does not fit; once a minute at most.
  void announce(const GcPlan& plan) noexcept;
  /// collect(), and warns if at least half of the young objects were garbage; once a minute at
  /// most.
  void collect_by_force(int generation) noexcept;
  /// The three most frequent types of the youngest objects, for a warning; may be empty.
  std::string youngest_types() noexcept;
  /// Publishes the estimated number of objects in the statistics of each host.
  void show_objects() noexcept;
  /// Records a long or forced pause in the black boxes.
  void keep_pause(std::size_t generation) noexcept;
  // The start and the end of any collection, also one that the user or CPython has begun.
  void on_start() noexcept;
  void on_stop(PyObject* details) noexcept;
  /// The function in gc.callbacks; calls the two above.
  static PyObject* callback(PyObject* self, PyObject* const* args, Py_ssize_t count);

  std::vector<Attached> attached_;
  GcPolicy policy_ = GcPolicy::kPython;
  bool begun_ = false;
  bool active_ = false;      ///< kSlack and begun.
  bool was_enabled_ = true;  ///< Automatic collection, when the first run attached.
  bool froze_ = false;       ///< Our objects are frozen: detaching has to unfreeze them.
  pybind11::object callback_, callbacks_, collect_, freeze_, unfreeze_;
  pybind11::object get_count_, get_threshold_, get_freeze_count_, get_objects_;
  GcPlanner planner_;
  GcSight sight_;
  std::array<TimePoint, kPlaces> next_{};  ///< The next release at each place.
  std::array<bool, kPlaces> taken_{};
  TimePoint next_look_{};     ///< plan() reads gc's counts again from here on.
  TimePoint next_warning_{};  ///< No warning before.
  EventLimit events_;

  /// The collection that runs, or ran last.
  struct Running {
    bool is_full = false;    ///< kFull: nothing was frozen.
    bool forced = false;     ///< It was expected to end after the next release.
    std::int64_t young = 0;  ///< Young objects when it began.
    std::int64_t freed = 0;  ///< Objects that it freed.
    TimePoint started{};
    Nanos cpu_started{};
    Nanos cpu{};
    Nanos pause{};
  } running_;
};

}  // namespace horus::py
