# SPDX-License-Identifier: Apache-2.0
"""A Python host that starts processes without end, once it was seen to run."""
import subprocess

import horus

started = []
full = False


def tick(node):
    global full
    try:
        # Some a tick: none of them is a hang.
        while horus.tick() > 100 and not full and len(started) < 4 * (horus.tick() - 100):
            started.append(subprocess.Popen(["sleep", "infinity"]))
    except OSError as error:
        full = True
        print(f"no more than {len(started)} processes: {error}", flush=True)


swarm = horus.Node(name="swarm", tick=tick, rate=20)
