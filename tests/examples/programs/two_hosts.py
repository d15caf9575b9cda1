# SPDX-License-Identifier: Apache-2.0
"""Vision in a process of its own, from one script: a camera here, the eye in a host "vision".

    python3 two_hosts.py

The camera keeps its rate while the eye computes, for each host has a GIL of its own; a frame goes
over without a copy. The eye is started again when it dies. Ctrl+C ends both.
"""
import math

import numpy as np

import horus

HEIGHT, WIDTH, RADIUS = 240, 320, 12
ROWS, COLUMNS = np.ogrid[:HEIGHT, :WIDTH]


def show(node):
    """A bright disc that goes round: put your camera's capture in its place."""
    x = WIDTH / 2 + 80 * math.cos(horus.elapsed())
    y = HEIGHT / 2 + 80 * math.sin(horus.elapsed())
    frame = horus.Image(HEIGHT, WIDTH, "mono8")
    frame.to_numpy()[...] = ((COLUMNS - x) ** 2 + (ROWS - y) ** 2 < RADIUS ** 2) * np.uint8(255)
    frame.timestamp_ns = horus.timestamp_ns()
    node.send("camera", frame)


def look(node):
    """Finds the disc, and says how old the frame was."""
    frame = node.recv("camera")
    if frame is None:
        return
    pixels = frame.to_numpy()  # The camera's own block, read-only: no pixel is copied.
    rows, columns = np.nonzero(pixels > 200)
    if len(rows) == 0:
        return
    node.send("target", horus.Detection("disc", 1.0, float(columns.min()), float(rows.min()),
                                        float(np.ptp(columns) + 1), float(np.ptp(rows) + 1)))
    node.send("age_ms", (horus.timestamp_ns() - frame.timestamp_ns) / 1e6)


if __name__ == "__main__":
    # A host imports this file anew: what is above runs there, too, and what is here does not.
    horus.run(horus.Node("camera", show, rate=30, pubs={"camera": horus.Image}),
              horus.Node("eye", look, rate=30, subs={"camera": horus.Image},
                         pubs={"target": horus.Detection}, host="vision"))
