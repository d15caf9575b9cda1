# SPDX-License-Identifier: Apache-2.0
"""A tick that times itself and says so."""
import time

import horus


def tick(node):
    started = time.perf_counter_ns()
    total = sum(i * i for i in range(1000))
    node.send("total", total)
    took = time.perf_counter_ns() - started
    node.log_info(f"summed up in {took / 1000:.0f} us")


horus.run(horus.Node(name="timer", tick=tick, rate=10, pubs=["total"]), duration=0.5)
