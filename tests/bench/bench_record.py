#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a recording costs: CPU time for each MB and for each thousand messages.

    bench_record.py [OUT.json] [FOLDER]

Run it with PYTHONPATH at a release build; recordings go to FOLDER (else the working directory), on
the disk that is meant. In the same run, in turn, for small messages (Imu) and for pictures:

    recorder    horus-recorder, one file, chunks by zstd
    plain       the same, --no-compression
    subscriber  horusctl topic bw, which takes the messages and drops them
    cat         cat of the file that the recorder made, to the same disk
    mcap        the mcap library's Python writer, of the same messages, where it is installed

A figure is user and system time of that process alone, as wait4() tells it.

Then a recording of 1 GiB (GIB of it) of frames of 1 MiB, as fast as they come, beside a C++ motor
at 1 kHz: the motor's misses and lateness, in turn without and with the recording. Each frame of
each file is compared with what was sent. The motor has the last CPU, all else the first, as the
service's units have it.
"""
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time

import numpy

sys.path.append(os.path.expanduser("~/.cache/horus/recordings"))
import common  # noqa: E402  # First of ours: it names the shared memory.
import bench_hosts  # noqa: E402

import horus  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "5"))
BYTES = float(os.environ.get("GIB", "1")) * 2**30
BIN = pathlib.Path(horus.__file__).resolve().parents[2] / "bin"
SENDERS = {
    "imu": """
        import horus
        imu = horus.Imu(0.1, 0.2, 9.8, 0.0, 0.0, 0.1)
        horus.run(horus.Node("sender", lambda node: [node.send("imu", imu) for _ in range(10)],
                             rate=1000))""",
    "picture": """
        import horus, numpy
        noise = numpy.random.default_rng(1).integers(0, 255, (480, 640, 3), "uint8")
        def send(node):
            picture = horus.Image(480, 640, "rgb8")
            picture.to_numpy()[:] = noise
            node.send("picture", picture)
        horus.run(horus.Node("sender", send, rate=100))"""}


# A frame of 1 MiB: its number, and the same noise in each.
FRAME = """
    import horus, numpy
    numbers = iter(range(2**63))
    noise = numpy.random.default_rng(1).integers(0, 255, 2**20, "uint8")
    def send(node):
        frame = horus.Image(512, 2048, "mono8")
        pixels = frame.to_numpy().reshape(-1)
        pixels[:] = noise
        pixels[:8].view("uint64")[0] = next(numbers)
        node.send("frames", frame)
    horus.run(horus.Node("sender", send, rate=500, pubs={"frames": horus.Image}))"""


def cpu_of(process):
    """Seconds of a process that has ended, or ends now."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def start(*command, **options):
    return subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, **options)


def recorded(path, topic, *words):
    """CPU time, bytes and messages of a recording of SECONDS."""
    path.unlink(missing_ok=True)
    recorder = start(BIN / "horus-recorder", f"--output={path}", f"--for={int(SECONDS * 1e9)}",
                     *words, "--", topic)
    seconds = cpu_of(recorder)
    messages = sum(1 for _ in horus.open_recording(path)._raw({"/" + topic}))
    return seconds, path.stat().st_size, messages


def subscribed(topic):
    subscriber = start(BIN / "horusctl", "topic", "bw", topic)
    time.sleep(SECONDS)
    subscriber.send_signal(signal.SIGINT)
    return cpu_of(subscriber)


def copied(path):
    copy = path.with_suffix(".copy")
    with open(copy, "wb") as target:
        seconds = cpu_of(subprocess.Popen(["cat", path], stdout=target))
        os.fsync(target.fileno())
    copy.unlink()
    return seconds


def by_mcap(path):
    """CPU time of the other writer for what is in the file; None where it is not installed."""
    try:
        from mcap.reader import make_reader
        from mcap.writer import Writer
    except ImportError:
        return None
    with open(path, "rb") as file:
        found = [(schema, channel, message)
                 for schema, channel, message in make_reader(file).iter_messages()
                 if not channel.topic.startswith("/horus/")]
    target = path.with_suffix(".other")
    begin = time.process_time()
    with open(target, "wb") as file:
        writer = Writer(file)
        writer.start()
        schema, channel, _ = found[0]
        schema_id = writer.register_schema(schema.name, schema.encoding, schema.data)
        channel_id = writer.register_channel(channel.topic, channel.message_encoding, schema_id)
        for _, _, message in found:
            writer.add_message(channel_id, message.log_time, message.data, message.publish_time,
                               message.sequence)
        writer.finish()
    seconds = time.process_time() - begin
    target.unlink()
    return seconds


def measure(topic, folder):
    """Samples by way: (seconds, bytes of messages, messages)."""
    samples = {}
    sender = start(sys.executable, "-c", textwrap.dedent(SENDERS[topic]))
    try:
        common.wait_for(lambda: topic in subprocess.run(
            [BIN / "horusctl", "topic", "list"], capture_output=True, text=True).stdout, topic)
        for _ in range(ROUNDS):
            path = folder / f"bench_{topic}.mcap"
            recorded_plainly = recorded(path, topic, "--no-compression")
            size, messages = recorded_plainly[1:]  # Bytes of the messages, as they are written.
            ways = {"plain": recorded_plainly, "cat": (copied(path), size, messages),
                    "mcap": (by_mcap(path), size, messages)}
            seconds, _, messages_too = recorded(path, topic)
            ways["recorder"] = (seconds, size * messages_too / max(messages, 1), messages_too)
            ways["subscriber"] = (subscribed(topic), size, messages)
            path.unlink()
            for way, sample in ways.items():
                if sample[0] is not None:
                    samples.setdefault(way, []).append(sample)
    finally:
        sender.terminate()
        sender.wait()
    return samples


def is_as_sent(path):
    """How many frames a recording has; SystemExit where one is not what was sent."""
    noise = numpy.random.default_rng(1).integers(0, 255, 2**20, "uint8")
    last, count = -1, 0
    for message in horus.open_recording(path).messages("frames"):
        pixels = message.value.to_numpy().reshape(-1)
        number = int(pixels[:8].view("uint64")[0])
        if number <= last or not numpy.array_equal(pixels[8:], noise[8:]):
            raise SystemExit(f"frame {number} after {last} is not what was sent")
        last, count = number, count + 1
    return count


def stretch(motor, path):
    """Of the motor, while a recording grows to its size: seconds, misses, p50 and p99 in us."""
    before, begin = motor.motor(), time.monotonic()
    recorder = start(BIN / "horus-recorder", f"--output={path}", "--", "frames",
                     preexec_fn=common.pinned(0))
    while not path.exists() or path.stat().st_size < BYTES:
        time.sleep(0.02)
        if recorder.poll() is not None:
            raise SystemExit("the recorder has ended")
    recorder.send_signal(signal.SIGINT)
    recorder.wait()
    return time.monotonic() - begin, before, motor.motor()


def beside(folder):
    """Rows of a motor without and with a recording beside it, in turn."""
    found = {}
    path = folder / "bench_frames.mcap"
    with tempfile.TemporaryDirectory() as place:
        motor = bench_hosts.Robot(place, (), f"cpu = {common.CPUS[-1]}\n")
        sender = start(sys.executable, "-c", textwrap.dedent(FRAME), preexec_fn=common.pinned(0))
        try:
            for _ in range(ROUNDS):
                seconds, *with_it = stretch(motor, path)
                frames = is_as_sent(path)
                path.unlink()
                before = motor.motor()
                time.sleep(seconds)
                for way, (then, now) in (("with", with_it), ("without", (before, motor.motor()))):
                    p50, p99 = motor.lateness_between(then, now)
                    row = found.setdefault(way, {"misses": [], "p50_us": [], "p99_us": []})
                    row["misses"].append(now["misses"] - then["misses"])
                    row["p50_us"].append(p50 / 1e3)
                    row["p99_us"].append(p99 / 1e3)
                print(f"{frames} frames in {seconds:.1f} s, each as it was sent")
        finally:
            sender.terminate()
            sender.wait()
            motor.stop()
    for way, row in found.items():
        print(f"motor {way} a recording: " + ", ".join(
            f"{key} {statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"
            for key, values in row.items()))
    return [{"name": f"motor/{way}", "unit": "us", "samples": row["p99_us"], **row}
            for way, row in found.items()]


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else "bench_record.json"
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".").resolve()
    results = []
    for topic in SENDERS:
        for way, samples in measure(topic, folder).items():
            per_mb = [1e3 * seconds / (size / 1e6) for seconds, size, _ in samples]
            per_thousand = [1e6 * seconds / messages for seconds, _, messages in samples]
            results.append({"name": f"{topic}/{way}", "unit": "ms per MB", "samples": per_mb,
                            "us_per_message": per_thousand,
                            "messages": [messages for *_, messages in samples]})
            print(f"{topic:8} {way:11} {statistics.median(per_mb):9.3f} ms per MB "
                  f"{statistics.median(per_thousand):9.3f} ms per 1,000 messages")
    results += beside(folder)
    common.write(out, results)


if __name__ == "__main__":
    main()
