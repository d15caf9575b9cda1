/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All that HORUS reads and writes of CPython's GIL. It knows the insides of 3.11, 3.12 and 3.13, in
 * release builds with a GIL and glibc. Thread states are passed as plain pointers, so that the
 * callers can be tested without an interpreter.
 *
 * The protocol of CPython (Python/ceval_gil.h), which everything here keeps:
 *   - `locked`, the holder and the number of switches change under the GIL's mutex only.
 *   - A thread that wants the GIL waits on a condition variable for one switch interval. When that
 *     passes without a switch, it sets a request; the holder's evaluation loop then drops the GIL.
 *   - A thread that drops the GIL on request waits, without a time-out, until another thread has
 *     taken it. A request that reaches a holder when nobody waits would stop that thread for ever.
 */

/* Finds the GIL of the calling thread's interpreter, and compares what it finds with what CPython
 * reports through its API; it only reads. Null: all functions below may be called. Otherwise the
 * reason why not. The caller holds the GIL. */
const char* horus_gil_find(void);

/* The GIL's own mutex. */
void horus_gil_lock(void);
bool horus_gil_try_lock(void);
void horus_gil_unlock(void);

/* Whether a thread has the GIL. Exact under the mutex, otherwise a hint. */
bool horus_gil_locked(void);
/* The thread state that holds the GIL, or that held it last. It is certain to be alive only while
 * the GIL is locked and the mutex is held. */
const void* horus_gil_holder(void);
/* The kernel's id of that thread; 0: unknown. Under the mutex, while the GIL is locked. */
int horus_gil_holder_thread(void);
/* How often the GIL has gone from one thread to another. Exact under the mutex, or with the GIL. */
unsigned long horus_gil_switches(void);
/* Where that number is stored: load it atomically, and store nothing there. */
unsigned long* horus_gil_switch_count(void);

/* Asks the holder to drop the GIL. It does so at the next check of its evaluation loop. Under the
 * mutex, while the GIL is locked, and only while another thread will certainly take it. */
void horus_gil_request_drop(void);
/* Wakes every thread that waits for the GIL, so that it tries again. Under the mutex. */
void horus_gil_wake_waiters(void);
/* Wakes a thread that has dropped the GIL on request and waits for another one to take it; it may
 * then go on. Without the mutex. */
void horus_gil_wake_dropper(void);

/* Where the switch interval is stored, in us. Any thread may change it: access it atomically. */
unsigned long* horus_gil_interval(void);

/* Whether a debugger has registered with sys.monitoring, which then traces every thread. Needs
 * neither the GIL nor horus_gil_find(). False before 3.12 and for unknown interpreters. */
bool horus_monitored_by_debugger(const void* thread_state);

/* How many threads sleep until they get the GIL, or are about to sleep. A hint. */
unsigned int horus_gil_waiters(void);

#ifdef __cplusplus
}
#endif
