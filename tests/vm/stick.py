# SPDX-License-Identifier: Apache-2.0
"""Inside the virtual machine: a joystick made by uinput, which it moves when told.

For each line on standard input, "x y" from -32767 to 32767, one report.
"""
import fcntl
import os
import struct
import sys

NAME = b"test stick"
EV_SYN, EV_KEY, EV_ABS = 0, 1, 3
ABS_X, ABS_Y, BTN_TRIGGER = 0, 1, 0x120
UI_SET_EVBIT, UI_SET_KEYBIT, UI_SET_ABSBIT = 0x40045564, 0x40045565, 0x40045567
UI_DEV_CREATE = 0x5501
ABS_CNT = 64
REACH = 32767


def create() -> int:
    device = os.open("/dev/uinput", os.O_WRONLY)
    for request, value in ((UI_SET_EVBIT, EV_KEY), (UI_SET_KEYBIT, BTN_TRIGGER),
                           (UI_SET_EVBIT, EV_ABS), (UI_SET_ABSBIT, ABS_X),
                           (UI_SET_ABSBIT, ABS_Y)):
        fcntl.ioctl(device, request, value)
    most = [REACH if axis in (ABS_X, ABS_Y) else 0 for axis in range(ABS_CNT)]
    least = [-value for value in most]
    # struct uinput_user_dev of <linux/uinput.h>: name, id, ff_effects_max, absmax, absmin, ...
    os.write(device, struct.pack("80s4HI", NAME, 3, 1, 1, 1, 0) +
             struct.pack(f"{4 * ABS_CNT}i", *most, *least, *[0] * 2 * ABS_CNT))
    fcntl.ioctl(device, UI_DEV_CREATE)
    return device


def main():
    device = create()
    for line in sys.stdin:
        x, y = map(int, line.split())
        for kind, code, value in ((EV_ABS, ABS_X, x), (EV_ABS, ABS_Y, y), (EV_SYN, 0, 0)):
            os.write(device, struct.pack("llHHi", 0, 0, kind, code, value))


if __name__ == "__main__":
    main()
