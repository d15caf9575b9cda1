# SPDX-License-Identifier: Apache-2.0
"""Recordings: made by the program horus-recorder, read here message by message."""
from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from . import _horus, _programs

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True)
class RecordedPayload:
    """An image, depth image, point cloud or tensor as it was sent.

    dtype: of an element, as NumPy calls it ("bfloat16" stays raw 16-bit words). shape: as the
    payload's. timestamp_ns: since 1970. encoding: of images, "rgb8". field_names: of point clouds.
    scale, min_depth, max_depth: of depth images, the latter in mm.
    """

    type: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes = dataclasses.field(repr=False)
    timestamp_ns: int = 0
    frame_id: str = ""
    encoding: str = ""
    field_names: Sequence[str] = ()
    is_dense: bool = False
    scale: float = 1.0
    min_depth: int = 0
    max_depth: int = 0

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """The elements, read-only, in their shape."""
        import numpy as np

        dtype = "uint16" if self.dtype == "bfloat16" else self.dtype
        return np.frombuffer(self.data, dtype).reshape(self.shape)


@dataclasses.dataclass(frozen=True)
class RecordedMessage:
    """One message of a recording.

    topic: its name. time_ns: when the recorder took it; sent_ns: its own stamp, or when it was
    sent; both since 1970. number: of all that its publisher sent, from 0 on (modulo 2**32): a gap
    is a loss. value: the message object; a RecordedPayload; a value as JSON has it (bytes as
    {"bytes": hex}, arrays as {"dtype", "shape", "values"}, NaN as None); a dict of a message whose
    class is not one of HORUS's; a line of log as {"level", "text", "host", "node", "tick"}; bytes
    of what another tool wrote.
    """

    topic: str
    type: str
    time_ns: int
    sent_ns: int
    number: int
    value: Any


class Recording:
    """A file of messages, in the order in which they were taken; see open_recording()."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._channels: list[tuple[str, str, str, str]] = []
        self._notes: dict[str, dict[str, str]] = {}
        self._damaged = 0
        self._unreadable = 0
        self._whole = False
        self._read = False
        _horus._Recording(os.fsencode(self._path))  # Raises where it is no recording.

    @property
    def path(self) -> str:
        return self._path

    def _raw(self, wanted: set[str] | None) -> Iterator[tuple[Any, ...]]:
        reader = _horus._Recording(os.fsencode(self._path))
        while (one := reader.next(wanted)) is not None:
            yield one
        self._channels = reader.channels()
        self._notes = reader.notes()
        self._damaged = reader.damaged()
        self._whole = reader.whole()
        self._read = True

    def _look(self) -> None:
        if not self._read:
            for _ in self._raw(set()):
                pass

    @property
    def topics(self) -> dict[str, str]:
        """Each topic's name and the type of its messages ("" where another tool wrote them)."""
        self._look()
        return {topic.removeprefix("/"): type_ for topic, type_, _, _ in self._channels}

    @property
    def notes(self) -> dict[str, dict[str, str]]:
        """What the recorder noted: "horus.system", "horus.clock"; by topic how many messages are
        not there: "horus.missed", "horus.refused", "horus.lost"."""
        self._look()
        return self._notes

    @property
    def clock(self) -> dict[str, int]:
        """The last pair of the monotonic and the wall clock, ns: monotonic_ns, realtime_ns."""
        return {key: int(value) for key, value in self.notes.get("horus.clock", {}).items()}

    @property
    def whole(self) -> bool:
        """Whether the file has its end: False of one that was cut off, which reads as far as it
        goes."""
        self._look()
        return self._whole

    @property
    def damaged(self) -> int:
        """Places that cannot be read, so far: chunks, or messages of the topics that were asked
        for."""
        self._look()
        return self._damaged + self._unreadable

    def messages(self, topic: str | Iterable[str] | None = None) -> Iterator[RecordedMessage]:
        """The messages of these topics, or of all, one by one."""
        names = [topic] if isinstance(topic, str) else topic
        self._unreadable = 0
        wanted = None if names is None else {form for name in names for form in (name, "/" + name)}
        for name, type_, what, time_ns, sent_ns, number, data in self._raw(wanted):
            try:
                value = _value(type_, what, data)
            except (ValueError, RecursionError):  # No JSON, or nested beyond all measure.
                self._unreadable += 1
                continue
            yield RecordedMessage(name.removeprefix("/"), type_, time_ns, sent_ns, number, value)

    def __iter__(self) -> Iterator[RecordedMessage]:
        return self.messages()

    def array(self, topic: str) -> np.ndarray[Any, Any]:
        """The messages of a topic as a structured array with the fields of their type, and time_ns
        and sent_ns in front. TypeError where they are no messages of one fixed layout."""
        import numpy as np

        rows: list[np.ndarray[Any, Any]] = []
        times: list[tuple[int, int]] = []
        for message in self.messages(topic):
            try:
                row = np.asarray(message.value)
            except (TypeError, ValueError):
                row = np.empty(0)
            if row.dtype.names is None or (rows and rows[0].dtype != row.dtype):
                raise TypeError(f"topic '{topic}' has messages of no fixed layout: {message.type}")
            rows.append(row)
            times.append((message.time_ns, message.sent_ns))
        if not rows:
            raise _horus.HorusNotFoundError(f"no message of topic '{topic}' in {self._path}")
        all_rows = np.array(rows, rows[0].dtype)
        names = all_rows.dtype.names or ()
        fields: list[Any] = [("time_ns", "u8"), ("sent_ns", "u8")]
        fields += [(name, all_rows.dtype[name]) for name in names]
        table = np.zeros(len(rows), fields)
        table["time_ns"], table["sent_ns"] = np.array(times, "u8").T
        for name in names:
            table[name] = all_rows[name]
        return table

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __repr__(self) -> str:
        return f"Recording({self._path!r})"


def _value(type_: str, what: str, data: Any) -> Any:
    if what == "json":
        return json.loads(data)
    if what == "payload":
        return RecordedPayload(type=type_, **data)
    if what == "message":
        return getattr(_horus, type_).from_bytes(data)
    return data


def folder_path() -> str:
    """Where Scheduler(recording=True) keeps its recordings."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # As the XDG base directory specification has it.
        state = os.path.expanduser("~/.local/state")
    return os.path.join(state, "horus", "recordings")


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Read a recording: `for message in open_recording("run.mcap").messages("imu")`.

    A name alone that is no file here may be one of Scheduler.list_recordings(). FileNotFoundError
    and its like where it cannot be opened, RuntimeError where it is none.
    """
    path = os.fspath(path)
    kept = os.path.join(folder_path(), path)
    by_name = "/" not in path and not os.path.lexists(path) and os.path.lexists(kept)
    return Recording(kept if by_name else path)


class Recorder:
    """A recording that is made, in a process of its own; see record()."""

    def __init__(self, path: str, process: subprocess.Popen[str], complaints: IO[str]) -> None:
        self._path = path
        self._said: str | None = None
        self._process = process
        self._complaints = complaints

    @property
    def path(self) -> str:
        return self._path

    def is_recording(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> str:
        """End the file and wait for that. What the recorder says of it: "run.mcap: 100 messages of
        3 topics, ...". RuntimeError, with the reason, where it failed."""
        if self._said is None:
            # Its standard input ends, too; a child that this program forked may keep that open.
            self._process.send_signal(signal.SIGINT)
            self._said = self._process.communicate()[0].strip()
        if self._process.returncode != 0:
            raise _failed(self._path, self._complaints)
        return self._said

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _failed(path: str, complaints: IO[str]) -> RuntimeError:
    complaints.seek(0)
    return RuntimeError(f"recording {path} failed: {complaints.read().strip()}")


def record(path: str | os.PathLike[str], topics: str | Iterable[str] | None = None, *,
           exclude: str | Iterable[str] = (), compression: bool = True,
           min_free: int = 0) -> Recorder:
    """Record topics to a new MCAP file until stop(), the end of a `with` block or of this program.

    topics, exclude: patterns as the shell's ("camera/*"); None: all. Returns once the recorder
    takes messages; what is sent from then on is in the file, or counted in its notes
    ("horus.missed", "horus.lost") and its numbers, but for topics that live less than 0.2 s.
    min_free: bytes that are to stay free on the disk; with less the recording pauses.
    FileExistsError where there is such a file.
    """
    def words(patterns: str | Iterable[str]) -> list[str]:
        return [patterns] if isinstance(patterns, str) else list(patterns)

    path = os.fspath(path)
    if os.path.lexists(path):
        raise FileExistsError(f"'{path}' is there already")
    command = [_programs.find("horus-recorder", "record()"), f"--output={path}", "--for-program"]
    command += [f"--exclude={pattern}" for pattern in words(exclude)]
    command += [f"--min-free={min_free}"] if min_free else []
    command += [] if compression else ["--no-compression"]
    command += ["--", *words("*" if topics is None else topics)]
    complaints = tempfile.TemporaryFile("w+")
    # Of a group of its own: Ctrl+C stops this program, whose last messages are recorded.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=complaints, text=True, process_group=0)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        process.communicate()
        raise _failed(path, complaints)
    return Recorder(path, process, complaints)
