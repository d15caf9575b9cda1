# SPDX-License-Identifier: Apache-2.0
"""Drives where there is room: turns towards the clearest direction, slows down before things."""
import numpy as np

import horus

CRUISE = 0.6            # m/s
STOP_DISTANCE = 0.4     # m
SLOW_DISTANCE = 1.5     # m
MAX_TURN = 1.5          # rad/s
STICK_HOLDS = 25        # ticks that the joystick has the wheel after its last word


class Planner(horus.Node):
    def __init__(self):
        super().__init__(name="planner", rate=50, pubs=[horus.CmdVel],
                         subs={"scan": horus.LaserScan, "odom": horus.Odometry,
                               "joy_vel": horus.CmdVel})
        self.heading = 0.0
        self.clearance = 0.0
        self.stick = None
        self.stick_left = 0

    def tick(self, node):
        for order in node.recv_all("joy_vel"):
            self.stick, self.stick_left = order, STICK_HOLDS
        if self.stick_left > 0:
            self.stick_left -= 1
            node.send("cmd_vel", self.stick)
            return
        for scan in node.recv_all("scan"):
            self.look(scan)
        turning = 0.0
        for odometry in node.recv_all("odom"):
            turning = odometry.angular_velocity
        # The lidar looks ten times a second, we steer fifty: what has been turned since counts.
        self.heading -= turning * horus.dt()
        room = (self.clearance - STOP_DISTANCE) / (SLOW_DISTANCE - STOP_DISTANCE)
        linear = CRUISE * min(max(room, 0.0), 1.0)
        angular = min(max(2.0 * self.heading, -MAX_TURN), MAX_TURN)
        node.send("cmd_vel", horus.CmdVel(linear, angular, horus.timestamp_ns()))

    def look(self, scan):
        """Chooses a heading, rather ahead than behind, and measures the way straight ahead."""
        ranges = np.asarray(scan.ranges)
        angles = scan.angle_min + scan.angle_increment * np.arange(len(ranges))
        # The rover is wide: a beam counts as the least of its neighbours within a quarter radian.
        half_width = round(0.25 / scan.angle_increment)
        padded = np.pad(ranges, half_width, mode="wrap")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half_width + 1)
        clear = windows.min(axis=1)
        self.heading = float(angles[np.argmax(clear * (1.2 + np.cos(angles)))])
        self.clearance = float(clear[np.argmin(np.abs(angles))])


planner = Planner()
