// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace horus::test {

/// Walks every interleaving of some actors over one shared state, one atomic access a step.
///
/// Sequentially consistent interleavings only: they show whether the order of the steps is right.
/// That the orders given to the compiler and the processor are enough for it is what
/// ThreadSanitizer and the litmus tests of concurrent_test.cpp look at.
///
/// `State` is ordered by operator<=> and has a text `fault`, which a step sets when a promise is
/// broken. An actor is a step: it changes the state and says true, or says false where it is done
/// or has to wait. `at_end` looks at each state in which nobody can move.
template <typename State>
struct Model {
  using Step = std::function<bool(State&)>;

  std::vector<Step> actors;
  std::function<void(State&)> at_end = [](State&) {};
  std::set<State> seen = {};

  /// The first broken promise, or an empty text when every interleaving keeps them all.
  std::string broken(const State& initial) {
    std::vector<State> open{initial};
    while (!open.empty()) {
      State state = open.back();
      open.pop_back();
      if (!seen.insert(state).second) continue;
      bool moved = false;
      for (const Step& step : actors) {
        State next = state;
        if (!step(next)) continue;
        moved = true;
        if (!next.fault.empty()) return next.fault;
        open.push_back(std::move(next));
      }
      if (moved) continue;
      at_end(state);
      if (!state.fault.empty()) return state.fault;
    }
    return {};
  }
};

}  // namespace horus::test
