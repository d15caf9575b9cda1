// SPDX-License-Identifier: Apache-2.0
#include "service/signals.hpp"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <utility>

namespace horus::service {
namespace {

constexpr std::array kHandedOn{SIGTERM, SIGINT, SIGHUP, SIGQUIT};
/// Signals whose default action ends the process although they report no fault of it. The real-time
/// signals are treated like these.
constexpr std::array kIgnored{SIGUSR1,   SIGUSR2, SIGALRM, SIGXCPU, SIGXFSZ,
                              SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  SIGSTKFLT};
/// Pause between two lines about ignored signals, so that a storm of them does not fill the log.
constexpr Nanos kTellPause = 10s;

/// The signals to hold: all of the above that were not ignored when this process began.
sigset_t held() noexcept {
  sigset_t set;
  sigemptyset(&set);
  const auto add = [&set](int number) {
    struct sigaction inherited {};
    ::sigaction(number, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) sigaddset(&set, number);
  };
  std::ranges::for_each(kHandedOn, add);
  std::ranges::for_each(kIgnored, add);
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) add(number);
  return set;
}

std::string name_of(int number) {
  if (number >= SIGRTMIN) return "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
  const char* name = ::sigabbrev_np(number);
  return "SIG" + std::string{name == nullptr ? "?" : name};
}

}  // namespace

void hold_signals() noexcept {
  const sigset_t set = held();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool end_was_asked() noexcept {
  const sigset_t set = held();
  const timespec at_once{};
  for (int number = 0; (number = ::sigtimedwait(&set, nullptr, &at_once)) > 0;) {
    if (std::ranges::find(kHandedOn, number) != kHandedOn.end()) return true;
  }
  return false;
}

Signals::Signals(Say say, std::function<void(int)> react)
    : say_{std::move(say)}, react_{std::move(react)} {}

Signals::~Signals() {
  if (untold_) tell();
}

Status Signals::watch(EventLoop& loop) {
  return loop.on_signals(held(), [this](const EventLoop::Signal& signal) { came(signal); });
}

void Signals::came(const EventLoop::Signal& signal) {
  if (std::ranges::find(kHandedOn, signal.number) != kHandedOn.end()) return react_(signal.number);
  ignored_[signal.number] += signal.count;
  last_ = signal;
  const TimePoint now = MonotonicClock::now();
  untold_ = told_ != TimePoint{} && now - told_ < kTellPause;
  if (untold_) return;
  told_ = now;
  tell();
}

/// Logs how often each signal was ignored so far, and who sent the last one.
void Signals::tell() {
  std::string line = "ignored ";
  for (const auto& [number, count] : ignored_) {
    line += name_of(number) + " (" + std::to_string(count) + "), ";
  }
  say_(line + "the last one of process " + std::to_string(last_.pid) + " of user " +
       std::to_string(last_.uid));
}

}  // namespace horus::service
