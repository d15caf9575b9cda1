# SPDX-License-Identifier: Apache-2.0
"""A Python host that does not hear SIGTERM."""
import ctypes
import signal

import horus

# Past Python's own table of handlers, and from any thread.
libc = ctypes.CDLL(None)


def tick(_):
    libc.signal(signal.SIGTERM, 1)  # SIG_IGN


deaf = horus.Node(name="deaf", tick=tick, rate=20)
