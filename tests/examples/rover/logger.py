# SPDX-License-Identifier: Apache-2.0
"""Once a second: where the rover is and what it sees, as a line of log and as a dict."""
import horus


def tick(node):
    odometry = node.recv_all("odom")
    targets = node.recv_all("target")
    if not odometry:
        return
    at = odometry[-1]
    summary = {"x": at.x, "y": at.y, "speed": at.linear_velocity, "targets": len(targets),
               "target": [targets[-1]["x"], targets[-1]["y"]] if targets else None}
    node.send("rover/summary", summary)
    node.log_info(f"at ({at.x:.2f}, {at.y:.2f}) m, {at.linear_velocity:.2f} m/s, "
                  f"{len(targets)} targets")


logger = horus.Node(name="logger", tick=tick, rate=1, subs=[horus.Odometry, "target"],
                    pubs=["rover/summary"])
