# SPDX-License-Identifier: Apache-2.0
"""Recordings of a scheduler's runs: Scheduler(recording=...), and their folder."""
# The methods below are another class's: their self is no instance of the class they stand in.
# mypy: disable-error-code=misc
from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from typing import TYPE_CHECKING

from . import _horus
from ._extend import extend
from ._recording import Recorder, folder_path, record

if TYPE_CHECKING:
    from ._horus import Scheduler

_END = ".mcap"
# As 'horusctl record' leaves on a disk where nothing else is said.
_MIN_FREE = 2 << 30


def _open_folder() -> int | None:
    """The folder of recordings; None where there is none. RuntimeError where others could put files
    into it."""
    path = folder_path()
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    status = os.fstat(folder)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        os.close(folder)
        raise RuntimeError(f"{path} is not this user's alone to write: make it so (chown, "
                           "chmod 700), or choose another folder with XDG_STATE_HOME")
    return folder


def checked(recording: object) -> object:
    """What Scheduler(recording=...) may be."""
    if isinstance(recording, (bool, str, os.PathLike)):
        return recording
    raise TypeError("recording must be True, False, or the path of the file to make, not "
                    f"{type(recording).__name__}")


def _path_of(scheduler: Scheduler) -> str:
    wanted = scheduler._recording
    if not isinstance(wanted, bool):
        return os.fspath(wanted)
    os.makedirs(folder_path(), mode=0o700, exist_ok=True)
    folder = _open_folder()
    assert folder is not None
    os.close(folder)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", scheduler._name).lstrip(".") or "run"
    stem = os.path.join(folder_path(), f"{name}_{time.strftime('%Y-%m-%d_%H-%M-%S')}")
    number = 1
    while os.path.lexists(path := stem + (f"_{number}" if number > 1 else "") + _END):
        number += 1
    return path


def run(scheduler: Scheduler, duration: float | None) -> None:
    """A run of a scheduler that records."""
    scheduler._recorder = recorder = record(_path_of(scheduler), min_free=_MIN_FREE)
    try:
        scheduler._run_parts(duration)
    except BaseException as ended_by:
        # What ended the run is what its caller is to see.
        try:
            recorder.stop()
        except RuntimeError as error:
            ended_by.add_note(str(error))
        raise
    recorder.stop()


def _recorder_of(scheduler: Scheduler) -> Recorder | None:
    recorder = scheduler._recorder
    return recorder if isinstance(recorder, Recorder) else None


@extend(_horus.Scheduler)
class _Recordings:
    def is_recording(self: Scheduler) -> bool:
        """Whether it records now."""
        recorder = _recorder_of(self)
        return recorder is not None and recorder.is_recording()

    def stop_recording(self: Scheduler) -> list[str]:
        """End the recording of the run that is under way; the run goes on. The files that it made:
        none where nothing was recorded."""
        recorder = _recorder_of(self)
        if recorder is None:
            return []
        recorder.stop()
        return [recorder.path]

    def list_recordings(self: Scheduler) -> list[str]:
        """The names of the recordings that recording=True made, of this user, by name."""
        folder = _open_folder()
        if folder is None:
            return []
        try:
            return sorted(entry.name for entry in os.scandir(folder)
                          if entry.name.endswith(_END) and entry.is_file(follow_symlinks=False))
        finally:
            os.close(folder)

    def delete_recording(self: Scheduler, name: str) -> None:
        """Delete one of list_recordings(). HorusNotFoundError where there is none of that name;
        RuntimeError for the one that is being made."""
        if not isinstance(name, str):
            raise TypeError(f"delete_recording takes a name, not {type(name).__name__}")
        folder = _open_folder() if name.endswith(_END) and "/" not in name else None
        if folder is None:
            raise _horus.HorusNotFoundError(f"no recording {name!r} in {folder_path()}")
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                           dir_fd=folder)
            try:
                # Whoever records holds it, this process's recorder and any other.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(name, dir_fd=folder)
            except BlockingIOError:
                raise RuntimeError(f"{name} is being recorded: end that first, this scheduler's "
                                   "own by stop_recording()") from None
            finally:
                os.close(file)
        except (FileNotFoundError, ValueError):
            raise _horus.HorusNotFoundError(
                f"no recording {name!r} in {folder_path()}") from None
        finally:
            os.close(folder)
