# SPDX-License-Identifier: Apache-2.0
"""Heavy work on a thread of its own: it gives up a release when it is late, and delays nobody."""
import numpy as np

import horus

matrix = np.random.default_rng(1).random((256, 256))


def think(node):
    for _ in range(20):
        np.linalg.svd(matrix)       # longer than its period


def steer(node):
    node.send("cmd_vel", {"linear": 0.1, "angular": 0.0})


thinker = horus.Node(name="thinker", tick=think, rate=20, compute=True, on_miss="skip")
steering = horus.Node(name="steering", tick=steer, rate=100, pubs=[horus.CmdVel])
sched = horus.Scheduler()
sched.add(thinker)
sched.add(steering)
sched.run(duration=2.0)
late = sched.get_node_stats("thinker")
print(late["skipped_ticks"] > 0, late["deadline_misses"] > 0)
