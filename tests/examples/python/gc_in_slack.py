# SPDX-License-Identifier: Apache-2.0
"""A node that collects its garbage itself, when the tick has time left for it."""
import gc

import horus


def init(node):
    gc.disable()


def tick(node):
    node.send("path", {"points": [{"x": 0.1 * i, "y": 0.0} for i in range(100)]})
    if horus.budget_remaining() > 5 * horus.ms:
        gc.collect(0)


horus.run(horus.Node(name="worker", init=init, tick=tick, rate=50, pubs=["path"]), duration=1.0)
