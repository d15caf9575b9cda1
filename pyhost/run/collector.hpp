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

#include "pyhost/run/gc_planner.hpp"
#include "rt/base/black_box.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "rt/base/words.hpp"

namespace horus::py {

enum class GcPolicy : unsigned char {
  kSlack,   ///< Automatic collection off; what is due is collected between ticks.
  kOff,     ///< As the user left it; never collected here.
  kPython,  ///< CPython's own.
};
constexpr auto words_of(GcPolicy /*any*/) noexcept {
  return words_in_order<GcPolicy>("slack", "off", "python");
}

/// The one garbage collector of this process, and every pause it makes.
///
/// Thread safety: everything with the GIL. Invariants:
///   (1) installed while at least one run is attached; then gc.callbacks holds our function.
///   (2) frozen only under kSlack and only where the user had frozen nothing before.
class Collector {
 public:
  static Collector& instance();

  /// A run shows itself. Returns the policy in force: that of the first run rules until the last
  /// one is gone.
  /// `box`: where its long pauses are kept; null: nowhere.
  GcPolicy attach(HostStats& host, GcPolicy policy, BlackBox* box);
  /// After the last one the garbage collector is as attach() found it.
  void detach(HostStats& host) noexcept;

  /// In a child of fork(): the statistics are the parent's. Gives back what attach() found.
  void forget_after_fork() noexcept;

  /// Once every init() of `host` is over: from here on pauses count in its statistics. The first
  /// one collects under kSlack, freezes, and turns automatic collection off; a user who called
  /// gc.disable() in an init() gets kOff.
  void begin(HostStats& host) noexcept;

  /// A place among those whose next release a collection must not delay; -1 when all are taken.
  int claim_place() noexcept;
  void free_place(int place) noexcept;

  /// After a batch of ticks whose thread is at `place` and ticks again at `next`: what to do
  /// now. Cheap: looks at the counts only now and then.
  GcPlan plan(int place, TimePoint next) noexcept;
  void carry_out(const GcPlan& plan) noexcept;

 private:
  static constexpr std::size_t kPlaces = 64;

  struct Attached {
    HostStats* host;
    bool ticks;  ///< Its inits are over.
    BlackBox* box;
  };

  void install();
  void uninstall() noexcept;
  bool read_counts() noexcept;
  Nanos slack(TimePoint own, TimePoint now) const noexcept;
  void collect(int generation) noexcept;
  void complete_full() noexcept;
  void freeze(int instead_of) noexcept;
  void announce(const GcPlan& plan) noexcept;
  void collect_by_force(int generation) noexcept;
  std::string youngest_types() noexcept;
  void show_objects() noexcept;
  void keep_pause(std::size_t generation) noexcept;
  void on_start() noexcept;
  void on_stop(PyObject* details) noexcept;
  static PyObject* callback(PyObject* self, PyObject* const* args, Py_ssize_t count);

  std::vector<Attached> attached_;
  GcPolicy policy_ = GcPolicy::kPython;
  bool begun_ = false;
  bool active_ = false;  ///< kSlack and begun.
  bool was_enabled_ = true;
  bool froze_ = false;
  pybind11::object callback_, callbacks_, collect_, freeze_, unfreeze_;
  pybind11::object get_count_, get_threshold_, get_freeze_count_, get_objects_;
  GcPlanner planner_;
  GcSight sight_;
  std::array<TimePoint, kPlaces> next_{};
  std::array<bool, kPlaces> taken_{};
  TimePoint next_look_{};
  TimePoint next_warning_{};
  EventLimit events_;

  /// The collection that runs, or ran last.
  struct Running {
    bool is_full = false;
    bool forced = false;
    std::int64_t young = 0;
    std::int64_t freed = 0;
    TimePoint started{};
    Nanos cpu_started{};
    Nanos cpu{};
    Nanos pause{};
  } running_;
};

}  // namespace horus::py
