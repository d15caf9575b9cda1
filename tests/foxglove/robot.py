# SPDX-License-Identifier: Apache-2.0
"""Sends what Studio is to draw. Only the way and the speed of the wheel change with time, and the
way has an end: who looks at the end of a recording knows what he is to see."""
import math

import numpy as np

import horus

# Quarters of a picture: upper left, upper right, lower left, lower right.
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
RADIUS = 3.0  # m, of the half circle to the left of a robot that looks along x.
CORNER, SIDE = 1.0, 2.0  # m, of the square of points.
WAY_X, WAY_Y = 3.0, -2.0  # m, where the robot stops, after a metre too far and back.


@horus.message
class Wheel:
    """A message of nobody but us."""

    speed: float
    load: "f4[4]"


def picture():
    image = horus.Image(48, 64, "rgb8")
    pixels = image.to_numpy()
    pixels[:24, :32], pixels[:24, 32:] = RED, GREEN
    pixels[24:, :32], pixels[24:, 32:] = BLUE, YELLOW
    return image


def scan():
    return horus.LaserScan(angle_min=0.0, angle_max=math.pi, angle_increment=math.pi / 359,
                           range_min=0.1, range_max=10.0, ranges=[RADIUS] * 360)


def cloud():
    """A square; its left half is dark."""
    side = np.linspace(CORNER, CORNER + SIDE, 40, dtype="float32")
    x, y = (axis.ravel() for axis in np.meshgrid(side, side))
    points = horus.PointCloud(len(x), 4)
    points.field_names = ["x", "y", "z", "i"]
    points.frame_id = "lidar"
    points.to_numpy()[:] = np.stack([x, y, 0 * x, x > CORNER + SIDE / 2], axis=1)
    return points


def odometry(x):
    stands = horus.Odometry(x=x, y=WAY_Y, theta=math.pi / 2)
    stands.frame_id = "odom"
    return stands


def drive(node):
    drive.count += 1
    gone = drive.count / 10
    x = min(gone, max(WAY_X, 2 * (WAY_X + 1) - gone))
    node.send("camera", picture())
    node.send("scan", scan())
    node.send("lidar", cloud())
    node.send("odom", odometry(x))
    node.send("wheel", Wheel(speed=math.sin(drive.count / 5)))
    node.send("state", {"count": drive.count})
    if gone > WAY_X + 3:
        node.log_info("there")


if __name__ == "__main__":
    drive.count = 0
    # Whose type has to be said: a topic of any values says little of a message of our own.
    horus.run(horus.Node("driver", drive, rate=20, pubs={"wheel": Wheel}, failure_policy="fatal"))
