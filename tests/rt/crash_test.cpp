// SPDX-License-Identifier: Apache-2.0
#include "rt/crash.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

#include <gtest/gtest.h>

#include "rt/log_queue.hpp"
#include "rt/rt_thread.hpp"
#include "rt/stderr_sink.hpp"

namespace horus {
namespace {

bool any_end(int /*status*/) {
  return true;  // A sanitizer has a word in how a crash ends.
}

/// The compiler may not know the address: it would refuse to write there.
void write_to(std::uintptr_t address) {
  volatile std::uintptr_t place = address;
  *reinterpret_cast<volatile int*>(place) = 1;
}

/// As an executor does while it runs a node.
class InNode {
 public:
  InNode() {
    channel_->source = &source_;
    bind_log_channel(channel_.get());
  }
  ~InNode() { bind_log_channel(nullptr); }

 private:
  NodeName name_ = NodeName::clipped("arm");
  LogSource source_{.node = &name_, .tick = 7};
  std::unique_ptr<LogChannel> channel_ = std::make_unique<LogChannel>();
};

[[gnu::noinline]] int recurse(volatile char* above) {
  volatile char here[4096] = {};
  here[0] = *above;
  return here[0] == 1 ? 0 : recurse(here) + here[0];
}

TEST(Crash, is_told_with_the_node_and_the_tick) {
  EXPECT_EXIT(
      {
        const InNode node;
        tell_crashes(nullptr);
        write_to(16);  // Of null a sanitizer speaks first.
      },
      any_end,
      "^crashed in node 'arm', tick 7: Segmentation fault \\(signal 11\\) at address 0x10\n");
}

TEST(Crash, of_no_node_is_told_as_well) {
  EXPECT_EXIT(
      {
        tell_crashes(nullptr);
        std::abort();
      },
      any_end, "^crashed outside of any node: Aborted \\(signal 6\\)\n");
}

TEST(Crash, by_a_signal_from_somebody_has_no_address) {
  EXPECT_EXIT(
      {
        const InNode node;
        tell_crashes(nullptr);
        ::kill(::getpid(), SIGSEGV);
      },
      any_end, "^crashed in node 'arm', tick 7: Segmentation fault \\(signal 11\\)\n");
}

TEST(Crash, is_not_what_somebody_ends_by_an_abort) {
  EXPECT_EXIT(
      {
        const InNode node;
        tell_crashes(nullptr);
        ::kill(::getpid(), SIGABRT);
      },
      any_end, "^$");
}

TEST(Crash, of_a_thread_whose_stack_is_full_is_told) {
  EXPECT_EXIT(
      {
        tell_crashes(nullptr);
        auto thread = RtThread::start(
            {},
            [](void*) {
              const InNode node;
              volatile char first = 0;
              recurse(&first);
            },
            nullptr);
        thread.value().join();
      },
      any_end, "^crashed in node 'arm', tick 7: Segmentation fault");
}

TEST(Crash, is_followed_by_what_was_to_happen_before) {
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, [](int) { ::_exit(9); });
        tell_crashes(nullptr);
        ::raise(SIGSEGV);
      },
      testing::ExitedWithCode(9), "crashed outside of any node");
}

TEST(Crash, is_told_with_its_level_where_a_supervisor_reads) {
  EXPECT_EXIT(
      {
        StderrSink::write_for_supervisor();
        tell_crashes(nullptr);
        std::abort();
      },
      any_end, "^<2>crashed outside of any node: Aborted \\(signal 6\\)\n");
}

void exit_with_9(int /*signal*/) {
  ::_exit(9);
}

struct sigaction g_before {};
void call_before(int number) {
  ::sigaction(number, &g_before, nullptr);
  ::raise(number);
}
/// As faulthandler does.
void set_a_handler_that_leads_on() {
  struct sigaction action {};
  action.sa_handler = call_before;
  ::sigaction(SIGSEGV, &action, &g_before);
}

TEST(CrashScope, tells_until_the_last_one_ends) {
  EXPECT_EXIT(
      {
        auto one = std::make_unique<CrashScope>();
        const CrashScope two;
        one.reset();
        std::abort();
      },
      any_end, "^crashed outside of any node: Aborted");
  EXPECT_EXIT(
      {
        { const CrashScope scope; }
        std::abort();
      },
      any_end, "^$");
}

TEST(CrashScope, puts_back_what_was_to_happen_before) {
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, exit_with_9);
        { const CrashScope scope; }
        ::raise(SIGSEGV);
      },
      testing::ExitedWithCode(9), "^$");
}

TEST(CrashScope, leaves_what_was_set_meanwhile) {
  EXPECT_EXIT(
      {
        {
          const CrashScope scope;
          ::signal(SIGSEGV, exit_with_9);
        }
        ::raise(SIGSEGV);
      },
      testing::ExitedWithCode(9), "^$");
}

TEST(CrashScope, is_not_twice_in_a_chain) {
  EXPECT_EXIT(
      {
        ::alarm(60);
        ::signal(SIGSEGV, exit_with_9);
        {
          const CrashScope first;
          set_a_handler_that_leads_on();
        }
        const CrashScope second;
        ::raise(SIGSEGV);
      },
      testing::ExitedWithCode(9), "^crashed outside of any node: Segmentation fault");
}

TEST(Crash, is_told_although_a_run_has_ended) {
  EXPECT_EXIT(
      {
        tell_crashes(nullptr);
        { const CrashScope run; }
        std::abort();
      },
      any_end, "^crashed outside of any node: Aborted");
}

TEST(Crash, fills_the_note_for_whoever_comes_next) {
  void* const memory =
      ::mmap(nullptr, sizeof(CrashNote), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& note = *static_cast<CrashNote*>(memory);
  const pid_t child = ::fork();
  if (child == 0) {
    const InNode node;
    tell_crashes(&note);
    write_to(16);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(note.complete.load(), 1U);
  EXPECT_EQ(note.signal, SIGSEGV);
  EXPECT_EQ(note.address, 16U);
  EXPECT_EQ(note.node, "arm");
  EXPECT_EQ(note.tick, 7U);
  EXPECT_GE(note.frames, 3U);
  EXPECT_NE(std::string_view{note.maps.data()}.find("r-xp"), std::string_view::npos);
  ::munmap(memory, sizeof(CrashNote));
}

TEST(Crash, of_a_forked_child_is_the_childs_own_affair) {
  void* const memory =
      ::mmap(nullptr, sizeof(CrashNote), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& note = *static_cast<CrashNote*>(memory);
  EXPECT_EXIT(
      {
        tell_crashes(&note);
        const pid_t child = ::fork();
        if (child == 0) std::abort();
        int status = 0;
        ::waitpid(child, &status, 0);
        ::_exit(WIFSIGNALED(status) ? 0 : 1);
      },
      testing::ExitedWithCode(0), "^$");
  EXPECT_EQ(note.complete.load(), 0U);
  ::munmap(memory, sizeof(CrashNote));
}

}  // namespace
}  // namespace horus
