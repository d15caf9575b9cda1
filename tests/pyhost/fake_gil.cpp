// SPDX-License-Identifier: Apache-2.0
#include "tests/pyhost/fake_gil.hpp"

#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include <horus/result.hpp>

#include "pyhost/cpython/interpreter_gil.h"

namespace horus::test {

std::atomic<int> FakeGil::requests{0};
std::atomic<bool> FakeGil::hold_next_request{false};
std::atomic<bool> FakeGil::in_request{false};
std::atomic<bool> FakeGil::let_go{false};
std::atomic<bool> FakeGil::hold_next_drop{false};
std::atomic<bool> FakeGil::may_wait{false};
std::atomic<int> FakeGil::wakes{0};

namespace {

std::mutex mutex;
std::atomic<pid_t> mutex_owner{0};
std::condition_variable_any condition;
std::mutex switch_mutex;
std::condition_variable switch_condition;
std::atomic<bool> locked{false};
std::atomic<const void*> last_holder{nullptr};
std::atomic<pid_t> holder_thread{0};
std::atomic<unsigned long> switches{0};
std::atomic<bool> drop_request{false};
std::atomic<unsigned> waiters{0};
unsigned long interval_us = 5000;

}  // namespace

unsigned long& FakeGil::interval() {
  return interval_us;
}

void FakeGil::take(const void* state) {
  std::unique_lock lock{mutex};
  ++waiters;
  condition.wait(lock, [] { return !locked; });
  --waiters;
  const std::scoped_lock switching{switch_mutex};
  locked = true;
  holder_thread = ::gettid();
  if (last_holder != state) {
    last_holder = state;
    ++switches;
  }
  switch_condition.notify_all();
  drop_request = false;
}

void FakeGil::drop(const void* state) {
  {
    const std::scoped_lock lock{mutex};
    locked = false;
    condition.notify_one();
  }
  if (!drop_request) return;
  if (hold_next_drop.exchange(false)) may_wait.wait(false);
  std::unique_lock lock{switch_mutex};
  if (last_holder != state) return;
  drop_request = false;
  switch_condition.wait(lock);
}

void FakeGil::look(const void* state) {
  if (!drop_request) return;
  drop(state);
  take(state);
}

}  // namespace horus::test

using horus::test::FakeGil;
using namespace horus::test;  // NOLINT(google-build-using-namespace): of the C functions below.

const char* horus_gil_find(void) {
  return nullptr;
}
void horus_gil_lock(void) {
  mutex.lock();
  mutex_owner = ::gettid();
}
bool horus_gil_try_lock(void) {
  if (!mutex.try_lock()) return false;
  mutex_owner = ::gettid();
  return true;
}
void horus_gil_unlock(void) {
  mutex_owner = 0;
  mutex.unlock();
}
bool horus_gil_locked(void) {
  return locked;
}
const void* horus_gil_holder(void) {
  return last_holder;
}
int horus_gil_holder_thread(void) {
  return holder_thread;
}
unsigned long horus_gil_switches(void) {
  return switches;
}
unsigned long* horus_gil_switch_count(void) {
  return reinterpret_cast<unsigned long*>(&switches);
}
void horus_gil_request_drop(void) {
  HORUS_CHECK(mutex_owner == ::gettid() && locked);
  if (FakeGil::hold_next_request.exchange(false)) {
    FakeGil::in_request = true;
    FakeGil::in_request.notify_all();
    FakeGil::let_go.wait(false);
  }
  drop_request = true;
  ++FakeGil::requests;
}
void horus_gil_wake_waiters(void) {
  HORUS_CHECK(mutex_owner == ::gettid());
  condition.notify_all();
}
void horus_gil_wake_dropper(void) {
  const std::scoped_lock lock{switch_mutex};
  switch_condition.notify_all();
  ++FakeGil::wakes;
  FakeGil::wakes.notify_all();
}
unsigned long* horus_gil_interval(void) {
  return &interval_us;
}
unsigned int horus_gil_waiters(void) {
  return waiters;
}
