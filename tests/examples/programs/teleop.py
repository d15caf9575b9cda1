# SPDX-License-Identifier: Apache-2.0
"""Drives a robot with a gamepad: the left stick steers while the right shoulder button is held.

    python3 teleop.py [DEVICE]      /dev/input/by-id/…-event-joystick, or a file that was recorded
                                    with `cat DEVICE > file`: it is played at the pace that it was
                                    recorded at, and the program ends with it

Sends `cmd_vel` 50 times a second, and 0 where the button is let go, the gamepad is gone, or the
program stops: what is not told anew is no order.
"""
import collections
import os
import struct
import sys
import time

import horus

DEVICE = sys.argv[1] if len(sys.argv) > 1 else "/dev/input/event0"
EVENT = struct.Struct("llHHi")  # struct input_event: time, type, code, value
EV_KEY, EV_ABS = 1, 3
ABS_X, ABS_Y, BTN_TR = 0, 1, 311
FULL = 32767.0
DEAD_ZONE = 0.1
FASTEST, TURN = 0.5, 1.0  # m/s, rad/s


def message_of(event):
    """What the driver is told of an event; None: nothing."""
    _, _, kind, code, value = event
    if kind == EV_KEY:
        return horus.JoystickInput.new_button(0, code, "", value != 0)
    if kind == EV_ABS:
        return horus.JoystickInput.new_axis(0, code, "", max(-1.0, min(1.0, value / FULL)))
    return None


def events_of(data):
    return EVENT.iter_unpack(data[:len(data) // EVENT.size * EVENT.size])


class Source(horus.Node):
    def __init__(self):
        super().__init__(name="gamepad", rate=100, pubs={"joystick": horus.JoystickInput})

    def tell(self, event):
        message = message_of(event)
        if message is not None:
            self.send("joystick", message)


class Recording(Source):
    """The events of a file, as far apart as they came."""

    def init(self):
        with open(DEVICE, "rb") as file:
            self.events = collections.deque(events_of(file.read()))
        self.first = self.time_of_next()
        self.begin = None

    def time_of_next(self):
        """Seconds; infinite where there is none."""
        return self.events[0][0] + self.events[0][1] * 1e-6 if self.events else float("inf")

    def tick(self):
        if self.begin is None:
            self.begin = time.monotonic()
            self.send("joystick", horus.JoystickInput.new_connection(0, True))
        if not self.events:
            self.send("joystick", horus.JoystickInput.new_connection(0, False))
            self.log_info(f"{DEVICE} has ended; the robot stands")
            self.request_stop()
        while self.time_of_next() - self.first <= time.monotonic() - self.begin:
            self.tell(self.events.popleft())


class Gamepad(Source):
    """The gamepad's events as they come, each as a message."""

    def __init__(self):
        super().__init__()
        self.descriptor = None

    def tick(self):
        if self.descriptor is None:
            self.plug_in()
            return
        try:
            data = os.read(self.descriptor, 64 * EVENT.size)
        except BlockingIOError:
            return
        except OSError:  # Pulled out.
            data = b""
        if not data:
            self.pull_out()
            return
        for event in events_of(data):
            self.tell(event)

    def plug_in(self):
        try:
            self.descriptor = os.open(DEVICE, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return  # The next tick tries again.
        self.send("joystick", horus.JoystickInput.new_connection(0, True))
        self.log_info(f"{DEVICE} is there")

    def pull_out(self):
        os.close(self.descriptor)
        self.descriptor = None
        self.send("joystick", horus.JoystickInput.new_connection(0, False))
        self.log_warning(f"{DEVICE} is gone; the robot stands")

    def shutdown(self):
        if self.descriptor is not None:
            os.close(self.descriptor)


class Driver(horus.Node):
    def __init__(self):
        super().__init__(name="driver", rate=50, order=1, subs={"joystick": horus.JoystickInput},
                         pubs={"cmd_vel": horus.CmdVel})
        self.stand()

    def stand(self):
        self.enabled, self.forward, self.left = False, 0.0, 0.0

    def tick(self):
        for event in self.recv_all("joystick"):
            if event.is_connection_event():
                self.stand()
            elif event.is_button() and event.element_id == BTN_TR:
                self.enabled = event.pressed
            elif event.is_axis() and event.element_id == ABS_Y:
                self.forward = -beyond(event.value, DEAD_ZONE)  # Up is negative.
            elif event.is_axis() and event.element_id == ABS_X:
                self.left = -beyond(event.value, DEAD_ZONE)
        if self.enabled:
            self.send("cmd_vel", horus.CmdVel(FASTEST * self.forward, TURN * self.left))
        else:
            self.send("cmd_vel", horus.CmdVel.zero())

    def shutdown(self):
        self.send("cmd_vel", horus.CmdVel.zero())

    def enter_safe_state(self):
        self.stand()


def beyond(value, dead_zone):
    """0 within the dead zone, then steadily up to 1: a stick at rest is never quite at 0."""
    if abs(value) <= dead_zone:
        return 0.0
    return (abs(value) - dead_zone) / (1.0 - dead_zone) * (1.0 if value > 0 else -1.0)


if __name__ == "__main__":
    horus.run(Recording() if os.path.isfile(DEVICE) else Gamepad(), Driver())
