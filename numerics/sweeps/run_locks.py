"""Which runs on a store are alive: each holds a lock that its death sets free.

The operating system gives the lock of a process back however it ends, so a run that was
killed cannot be taken for one that works, nor a slow one for a dead one. The locks are
files beside the store, `<store>.run-<run>.lock`, on a disk of this machine.

A file that is taken away while another process opens it would leave two holders of one
name: whoever takes or clears locks does so inside a transaction of the store.
"""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from symbind_theory.validation import InputError, shorten

__all__ = ["RunLock", "clear_dead_locks", "is_alive", "new_run"]


def new_run() -> str:
    """A name for a run that no other one has."""
    return uuid.uuid4().hex


class RunLock:
    """What shows that a run is alive, until it is released or its process ends.

    Args:
        store: the path of the store.
        run: the name of the run.

    Raises:
        InputError: a folder that cannot be written.
    """

    def __init__(self, store: Path, run: str) -> None:
        self._path = _path(store, run)
        self._lock = FileLock(self._path)
        try:
            self._lock.acquire(timeout=0)
        except OSError as error:
            raise InputError(
                f"the lock {shorten(str(self._path), 200)} could not be taken: "
                f"{error.strerror or error}; expected a folder that can be written to"
            ) from None

    def release(self) -> None:
        """The run has ended: its file is taken away."""
        self._path.unlink(missing_ok=True)
        self._lock.release()


def is_alive(store: Path, run: str) -> bool:
    """Whether a process holds the lock of a run."""
    path = _path(store, run)
    if not path.exists():
        return False
    with _tried(path) as free:
        return not free


def clear_dead_locks(store: Path) -> None:
    """Take away the files that killed runs left; inside a transaction only."""
    for path in store.parent.glob(f"{_escaped(store.name)}.run-*.lock"):
        with _tried(path) as free:
            if free:
                path.unlink(missing_ok=True)


if sys.platform == "win32":

    @contextlib.contextmanager
    def _tried(path: Path) -> Iterator[bool]:
        """Whether the lock was free; it is held inside if it was."""
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except (Timeout, PermissionError):
            # A file of another user who works on the same store, too.
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

else:
    import fcntl

    @contextlib.contextmanager
    def _tried(path: Path) -> Iterator[bool]:
        """Whether the lock was free; inside it is shared with others who try it.

        Were it held alone, who tries it at the same time would take a dead run for one
        that is alive.
        """
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            # Its run has ended, or another one has cleared it.
            yield True
            return
        except PermissionError:
            # A file of another user who works on the same store, too.
            yield False
            return
        try:
            yield _shared(file)
        finally:
            os.close(file)

    def _shared(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def _path(store: Path, run: str) -> Path:
    return store.with_name(f"{store.name}.run-{run}.lock")


def _escaped(name: str) -> str:
    """A file's name as `glob` takes it literally."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
