# SPDX-License-Identifier: Apache-2.0
"""Inside the virtual machine: runs the commands that come over the virtio port, one at a time.

A line in is {"command": shell text, "timeout": seconds}; a line out {"rc": n, "out": base64}.
"""
import base64
import json
import os
import signal
import subprocess

PORT = "/dev/virtio-ports/horus.ctl"
TIMED_OUT = 124


def run(command: str, timeout: float) -> tuple[int, bytes]:
    # A session of its own, so that what a command leaves behind ends with its time limit.
    process = subprocess.Popen(["/bin/bash", "-c", command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, cwd="/root")
    try:
        out, _ = process.communicate(timeout=timeout)
        return process.returncode, out
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        return TIMED_OUT, out + f"\n[no end within {timeout} s]\n".encode()


def main():
    with open(PORT, "r+b", buffering=0) as port:
        port.write(b'{"ready": true}\n')
        pending = b""
        while True:
            chunk = port.read(65536)
            if not chunk:
                continue
            pending += chunk
            while b"\n" in pending:
                line, pending = pending.split(b"\n", 1)
                request = json.loads(line)
                rc, out = run(request["command"], request["timeout"])
                answer = {"rc": rc, "out": base64.b64encode(out).decode()}
                data = json.dumps(answer).encode() + b"\n"
                while data:
                    data = data[port.write(data):]


if __name__ == "__main__":
    main()
