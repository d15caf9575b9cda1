/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What HORUS reads and writes of CPython's GIL, on versions whose insides it knows: 3.11, 3.12 and
 * 3.13, release builds with a GIL. A thread state is passed as a plain pointer, so that the rest
 * can be tested without an interpreter.
 *
 * Protocol of CPython (Python/ceval_gil.h), which everything here keeps to:
 *   - `locked`, the holder and the number of switches change under the GIL's mutex only.
 *   - Who wants the GIL waits on a condition for one switch interval. When that passes without a
 *     switch, it sets a request; the holder's evaluation loop then drops the GIL.
 *   - Who drops the GIL on request waits, without a time-out, until another thread has taken it.
 *     A request that reaches a holder when nobody waits would stop that thread for ever.
 */

/* Finds the GIL of the calling thread's interpreter, and compares what is found with what CPython
 * says of itself; it only reads. Null: everything below may be used. Otherwise: why not.
 * The caller holds the GIL. */
const char* horus_gil_find(void);

/* The GIL's own mutex. */
void horus_gil_lock(void);
bool horus_gil_try_lock(void);
void horus_gil_unlock(void);

/* Exact under the mutex, else a hint. */
bool horus_gil_locked(void);
/* The thread state that holds the GIL, or held it last: alive only while the GIL is locked and the
 * mutex is held. */
const void* horus_gil_holder(void);
/* The kernel's id of that thread, 0: unknown. Under the mutex, while the GIL is locked. */
int horus_gil_holder_thread(void);
/* How often the GIL has gone from one thread to another. */
unsigned long horus_gil_switches(void);

/* Has the holder drop the GIL at its next look. Under the mutex, while the GIL is locked, and only
 * while another thread is bound to take it. */
void horus_gil_request_drop(void);
/* Has every thread that waits for the GIL look again. Under the mutex. */
void horus_gil_wake_waiters(void);
/* Lets a thread go on that has dropped the GIL on request and waits for somebody to take it.
 * Without the mutex. */
void horus_gil_wake_dropper(void);

/* The switch interval, in us. */
unsigned long* horus_gil_interval(void);

/* Whether a debugger has registered with sys.monitoring, which then traces every thread. Needs
 * neither the GIL nor the above; false before 3.12, and where the insides are not known. */
bool horus_monitored_by_debugger(const void* thread_state);

/* How many threads sleep until they get the GIL, or are about to. A hint. */
unsigned int horus_gil_waiters(void);

#ifdef __cplusplus
}
#endif
