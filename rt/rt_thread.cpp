// SPDX-License-Identifier: Apache-2.0
#include "rt/rt_thread.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "rt/crash.hpp"

namespace horus {
namespace {

struct Start {
  ThreadConfig config;
  RtThread::Entry entry;
  void* argument;
  bool fifo;
  CpuSet around;  // Where the creator may run.
};

// How the calling thread was started; null: it is no RtThread.
thread_local const Start* t_start = nullptr;

void go_off_cpus() noexcept {
  if (OffItsCpus::applies()) {
    ::sched_setaffinity(0, sizeof(cpu_set_t), &t_start->around.native());
  }
}

// If there is no memory to register the handler, children keep their parent's CPUs. Nothing can be
// done about that.
[[maybe_unused]] const int kFreedInChild = ::pthread_atfork(nullptr, nullptr, go_off_cpus);

/// Owns a pthread_attr_t.
class Attributes {
 public:
  Attributes() noexcept { ::pthread_attr_init(&attributes_); }
  ~Attributes() { ::pthread_attr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  pthread_attr_t* get() noexcept { return &attributes_; }

 private:
  pthread_attr_t attributes_{};
};

/// Touches each page of the next `size` bytes of the stack, so that no tick takes their page
/// faults.
[[gnu::noinline]] void prefault_stack(std::size_t size) noexcept {
  constexpr std::size_t kChunk = 16U << 10U;
  char chunk[kChunk];
  std::memset(chunk, 0, sizeof chunk);
  if (size > kChunk) prefault_stack(size - kChunk);
  // Uses `chunk` after the call. Otherwise the compiler could make a tail call that reuses this
  // frame.
  asm volatile("" : : "r"(chunk) : "memory");
}

/// Sets the time slice of the calling thread, and keeps its policy and nice value.
/// Source: sched_setattr(2); Documentation/scheduler/sched-eevdf.rst.
void set_slice(Nanos slice) noexcept {
  // The kernel's struct sched_attr, which glibc 2.36 does not declare.
  struct {
    std::uint32_t size;
    std::uint32_t policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime;
    std::uint64_t deadline;
    std::uint64_t period;
  } attributes{};
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  if (attributes.policy != SCHED_OTHER) return;
  attributes.runtime = static_cast<std::uint64_t>(slice.count());
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void* run(void* argument) {
  const std::unique_ptr<Start> start{static_cast<Start*>(argument)};
  t_start = start.get();
  if (start->fifo) {
    // pthread_attr_setschedpolicy() refuses SCHED_RESET_ON_FORK, so the thread adds it itself. The
    // kernel always grants that, because it only reduces the thread's rights.
    const sched_param parameter{.sched_priority = start->config.priority};
    ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter);
  }
  if (!start->fifo && start->config.slice > Nanos{}) set_slice(start->config.slice);
  ::pthread_setname_np(::pthread_self(), start->config.name.view().data());
  // Under the ordinary policy timers may go off 50 us late by default; 1 ns is the least.
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  prefault_stack(start->config.prefault);
  const SignalStack signal_stack;
  start->entry(start->argument);
  return nullptr;
}

int create(pthread_t& thread, Start& start) noexcept {
  Attributes attributes;
  const ThreadConfig& config = start.config;
  const sched_param parameter{.sched_priority = start.fifo ? config.priority : 0};
  ::pthread_attr_setinheritsched(attributes.get(), PTHREAD_EXPLICIT_SCHED);
  ::pthread_attr_setschedpolicy(attributes.get(), start.fifo ? SCHED_FIFO : SCHED_OTHER);
  ::pthread_attr_setschedparam(attributes.get(), &parameter);
  if (!config.cpus.empty()) {
    ::pthread_attr_setaffinity_np(attributes.get(), sizeof(cpu_set_t), &config.cpus.native());
  }
  if (const int refused = ::pthread_attr_setstacksize(attributes.get(), config.stack_size)) {
    return refused;
  }
  return ::pthread_create(&thread, attributes.get(), run, &start);
}

}  // namespace

Result<RtThread> RtThread::start(const ThreadConfig& config, Entry entry, void* argument) {
  bool fifo = config.priority > 0;
  auto start = std::make_unique<Start>(Start{.config = config,
                                             .entry = entry,
                                             .argument = argument,
                                             .fifo = fifo,
                                             .around = CpuSet::allowed()});
  RtThread thread;
  int refused = create(thread.thread_, *start);
  if (refused == EPERM && fifo) {
    start->fifo = fifo = false;
    refused = create(thread.thread_, *start);
  }
  if (refused != 0) {
    return Error{errc_of(refused), "start a thread", refused,
                 Name<200>::clipped(config.name.view())};
  }
  // The new thread owns `start`, and may have ended by now.
  static_cast<void>(start.release());
  thread.joinable_ = true;
  thread.fifo_ = fifo;
  return thread;
}

RtThread::RtThread(RtThread&& other) noexcept
    : thread_{other.thread_},
      joinable_{std::exchange(other.joinable_, false)},
      fifo_{other.fifo_} {}

RtThread& RtThread::operator=(RtThread&& other) noexcept {
  std::swap(thread_, other.thread_);
  std::swap(joinable_, other.joinable_);
  std::swap(fifo_, other.fifo_);
  return *this;
}

RtThread::~RtThread() {
  join();
}

void RtThread::join() noexcept {
  if (std::exchange(joinable_, false)) ::pthread_join(thread_, nullptr);
}

bool OffItsCpus::applies() noexcept {
  return t_start != nullptr && !t_start->config.cpus.empty();
}

OffItsCpus::OffItsCpus() noexcept {
  go_off_cpus();
}

OffItsCpus::~OffItsCpus() {
  if (!applies()) return;
  ::sched_setaffinity(0, sizeof(cpu_set_t), &t_start->config.cpus.native());
}

}  // namespace horus
