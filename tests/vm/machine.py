# SPDX-License-Identifier: Apache-2.0
"""A virtual machine under qemu, and a way to run commands in it."""
import base64
import json
import pathlib
import socket
import subprocess
import tempfile
import time

BOOT_LINE = ("root=/dev/vda rw console=ttyS0 panic=-1 quiet fsck.mode=skip tsc=reliable "
             "isolcpus=managed_irq,domain,1 nohz_full=1 rcu_nocbs=1 irqaffinity=0")
BOOT_TIMEOUT = 240.0


class MachineError(Exception):
    """The machine itself failed: it did not boot, went away, or its time is over."""


class Machine:
    """Boots from `image` (never writes to it), sees the folder `share` as /host, and ends after
    `life` seconds whatever happens."""

    def __init__(self, image: pathlib.Path, share: pathlib.Path, log: pathlib.Path, life: float):
        self.end = time.monotonic() + life
        self.folder = tempfile.TemporaryDirectory(prefix="horus-vm-")
        control = pathlib.Path(self.folder.name) / "control"
        self.console = log
        # timeout(1) bounds the machine even when this program is killed.
        self.qemu = subprocess.Popen(
            ["timeout", "--signal=KILL", str(int(life) + 10),
             "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
             "-smp", "2", "-m", "1536", "-nodefaults", "-nographic",
             "-serial", f"file:{log}",
             "-drive", f"file={image}/disk.img,if=virtio,format=raw,snapshot=on",
             "-virtfs", f"local,path={share},mount_tag=host,security_model=none,readonly=on",
             "-device", "virtio-serial-pci",
             "-chardev", f"socket,id=control,path={control},server=on,wait=off",
             "-device", "virtserialport,chardev=control,name=horus.ctl",
             "-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initrd", "-append", BOOT_LINE],
            stdin=subprocess.DEVNULL)
        self.port = self._connect(control)
        self.pending = b""
        self.wait_ready()

    def wait_ready(self):
        """Until the agent has spoken: after the start, and after a reboot."""
        answer = self._line(time.monotonic() + BOOT_TIMEOUT)
        if answer != {"ready": True}:
            raise MachineError(f"the agent said {answer} where 'ready' was due")

    def reboot(self):
        self._send("systemctl reboot", 60)
        answer = self._line(time.monotonic() + BOOT_TIMEOUT)
        if answer != {"ready": True}:
            self.wait_ready()

    def run(self, command: str, timeout: float = 180.0) -> tuple[int, str]:
        """The exit code and what it printed; 124 where `timeout` ended it."""
        self._send(command, timeout)
        answer = self._line(time.monotonic() + timeout + 60.0)
        return answer["rc"], base64.b64decode(answer["out"]).decode(errors="replace")

    def output(self, command: str, timeout: float = 180.0) -> str:
        """What it printed; it has to end with 0."""
        rc, out = self.run(command, timeout)
        assert rc == 0, f"`{command}` ended with {rc}:\n{out}"
        return out.strip()

    def until(self, command: str, timeout: float = 180.0) -> str:
        """What it printed once it ended with 0; tried again until then."""
        return self.output(f"until out=$( {command} ); do sleep 0.1; done; echo \"$out\"", timeout)

    def close(self):
        # timeout(1) passes it on to qemu.
        self.qemu.terminate()
        self.qemu.wait()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _send(self, command: str, timeout: float):
        self.port.sendall(json.dumps({"command": command, "timeout": timeout}).encode() + b"\n")

    def _connect(self, control: pathlib.Path) -> socket.socket:
        port = socket.socket(socket.AF_UNIX)
        while self.qemu.poll() is None:
            try:
                port.connect(str(control))
                return port
            except OSError:
                time.sleep(0.05)
        raise MachineError(f"qemu ended with {self.qemu.returncode}")

    def _line(self, deadline: float) -> dict:
        while b"\n" not in self.pending:
            left = min(deadline, self.end) - time.monotonic()
            if left <= 0:
                raise MachineError(f"no answer in time; the console is in {self.console}")
            self.port.settimeout(left)
            try:
                chunk = self.port.recv(65536)
            except TimeoutError:
                continue
            if not chunk:
                raise MachineError(f"the machine went away; the console is in {self.console}")
            self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)
