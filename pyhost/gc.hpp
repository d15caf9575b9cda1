// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <pybind11/pybind11.h>

#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"

namespace horus::py {

enum class GcPolicy : unsigned char {
  kSlack,   ///< Automatic collection off; the due generation is collected between ticks.
  kOff,     ///< As the user left it; never collected here.
  kPython,  ///< CPython's own.
};
std::optional<GcPolicy> parse_gc_policy(std::string_view text) noexcept;

/// What a collection of each generation costs, learned from those that were.
class GcCost {
 public:
  /// `young`: objects allocated since the last collection.
  Nanos predict(int generation, std::size_t young) const noexcept;
  void learn(int generation, std::size_t young, Nanos pause) noexcept;

 private:
  // First guesses, from CPython 3.11: 36 ns a young object; a pause of the older ones.
  double per_young_ns_ = 36.0;
  std::array<double, 2> older_ns_{150e3, 300e3};
};

/// A collection to be made.
struct GcPlan {
  int generation = -1;  ///< -1: none.
  bool forced = false;  ///< There is no slack for it.
  std::size_t young = 0;
};

/// The one garbage collector of this process, and every pause it makes.
///
/// Thread safety: everything with the GIL. Invariants:
///   (1) installed while at least one run is attached; then gc.callbacks holds our function.
///   (2) frozen only under kSlack and only where the user had frozen nothing before.
class Collector {
 public:
  static Collector& instance();

  /// From here on pauses are counted in `stats`. The policy of the first run that is attached
  /// rules until the last one is gone.
  void attach(GcStats& stats, GcPolicy policy);
  /// After the last one the garbage collector is as attach() found it.
  void detach(GcStats& stats) noexcept;

  /// In a child of fork(): the statistics are the parent's. Gives back what attach() found.
  void forget_after_fork() noexcept;

  /// Once every init() is over: under kSlack collects, freezes, and turns automatic collection
  /// off; a user who called gc.disable() in an init() gets kOff.
  void begin() noexcept;

  /// A place among those whose next release a collection must not delay; -1 when all are taken.
  int claim_place() noexcept;
  void free_place(int place) noexcept;

  /// After a batch of ticks whose thread is at `place` and ticks again at `next`: what to collect
  /// now. The due generation, when that ends before anybody's next release, or by force when it
  /// has waited too long. Cheap: looks at the counts only now and then.
  GcPlan plan(int place, TimePoint next) noexcept;
  void collect(const GcPlan& plan) noexcept;

 private:
  static constexpr std::size_t kPlaces = 64;
  /// Slack must be this much longer than the prediction.
  static constexpr double kMargin = 1.5;
  /// A generation this many times over its threshold is collected without slack.
  static constexpr long kForceAt = 10;

  void install();
  void uninstall() noexcept;
  bool due(TimePoint now) noexcept;
  TimePoint next_release(TimePoint own, TimePoint now) const noexcept;
  void on_start() noexcept;
  void on_stop(PyObject* details) noexcept;
  static PyObject* callback(PyObject* self, PyObject* const* args, Py_ssize_t count);

  std::vector<GcStats*> attached_;
  GcPolicy policy_ = GcPolicy::kPython;
  bool active_ = false;  ///< kSlack and begun.
  bool was_enabled_ = true;
  bool froze_ = false;
  pybind11::object callback_, callbacks_, collect_, freeze_, unfreeze_;
  pybind11::object get_count_, get_threshold_, get_freeze_count_;
  std::array<long, 3> counts_{};
  std::array<long, 3> thresholds_{};
  std::array<TimePoint, kPlaces> next_{};
  std::array<bool, kPlaces> taken_{};
  TimePoint next_look_{};
  GcCost cost_;
  TimePoint started_{};
  GcPlan running_;  ///< The collection that runs, where it is ours.
};

}  // namespace horus::py
