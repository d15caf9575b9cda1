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
"""
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import textwrap
import time

sys.path.append(os.path.expanduser("~/.cache/horus/recordings"))
import common  # noqa: E402  # First of ours: it names the shared memory.

import horus  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "5"))
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


def cpu_of(process):
    """Seconds of a process that has ended, or ends now."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def start(*command):
    return subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL)


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
    common.write(out, results)


if __name__ == "__main__":
    main()
