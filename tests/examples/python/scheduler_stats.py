# SPDX-License-Identifier: Apache-2.0
"""A scheduler of one's own, and what it measured."""
import horus


def tick(node):
    node.send("count", horus.tick())


my_node = horus.Node(name="my_node", tick=tick, rate=100, pubs=["count"])
sched = horus.Scheduler(tick_rate=100)
sched.add(my_node)
sched.run(duration=1.0)
print(sched.get_node_stats("my_node")["avg_tick_duration_ms"])
