"""Results kept on disk, one file for each, under keys that say all they depend on.

An entry is a file of three parts: a line that names the format with a checksum of the
rest, a line with the whole key as JSON, and the payload, any bytes. Its name is the
digest of the key.

Files rather than a database, because entries reach tens of megabytes, because folders
are shared over networks, where the locks of SQLite do not hold, and because damage to
one file costs one entry. Nothing is ever locked: an entry is written beside its place,
brought to the disk, and moved there in one step. A reader thus sees the old entry, the
new one or none; of writers at the same time the last one stays; a killed one leaves a
file that no reader looks at and that a later writer takes away.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from symbind_theory.validation import InputError, shorten
from symbind_theory.version import __version__

__all__ = ["CacheError", "KeyedStore", "cache_folder", "code_version"]

_log = logging.getLogger(__name__)

_FOLDER = "SYMBIND_CACHE"
_FORMAT = b"symbind-entry-1"
_SUFFIX, _UNFINISHED = ".entry", ".tmp"

# No writer takes as long over one file; one that is older was left by a killed process.
_ABANDONED_SECONDS = 24 * 3600.0

Payload = TypeVar("Payload")


class CacheError(OSError):
    """The folder cannot be written: full, read-only or not a folder."""


class KeyedStore:
    """Payloads on disk under keys. Processes on several machines may share a folder.

    A key is a mapping that JSON can write. It holds all that the payload depends on,
    with the version of the code under "code" (`code_version`), so that no entry
    outlives the code that made it.

    Args:
        folder: where the entries lie; made when the first one is written.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._tidied = False

    @property
    def folder(self) -> Path:
        """Where the entries lie."""
        return self._folder

    def get(
        self, key: Mapping[str, Any], decode: Callable[[bytes], Payload]
    ) -> Payload | None:
        """What an entry holds, or None where there is none that can be used.

        An entry that is damaged, or that cannot be opened, is reported as a warning of
        this module's logger.

        Args:
            key: all that the payload depends on, with the version of the code.
            decode: makes the value from the payload (`bytes` leaves it as it is);
                raises ValueError where the payload is not such a value.

        Raises:
            InputError: a key without the version of the code.
        """
        text = _text(key)
        path = self._path(text)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("entry %s cannot be opened (%s)", path, error.strerror)
            return None
        try:
            return decode(_payload(content, text))
        except ValueError as error:
            _log.warning("entry %s is damaged (%s): made again", path, error)
            return None

    def put(self, key: Mapping[str, Any], payload: bytes) -> None:
        """Write an entry, in the place of any that the key has.

        Args:
            key: all that the payload depends on, with the version of the code.
            payload: what to keep.

        Raises:
            InputError: a key without the version of the code.
            CacheError: the entry cannot be written; an older one is still there.
        """
        text = _text(key).encode()
        digest = _checksum(text, payload)
        header = _FORMAT + b" " + digest + b"\n" + text + b"\n"
        self._write(self._path(text.decode()), header, payload)

    def remove(self, key: Mapping[str, Any]) -> bool:
        """Take an entry away, and say whether there was one.

        Raises:
            InputError: a key without the version of the code.
            CacheError: the folder cannot be written.
        """
        try:
            self._path(_text(key)).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._error(error) from error
        return True

    def stored_keys(self) -> Iterator[dict[str, Any]]:
        """The keys of all entries in no particular order, also those of older code.

        Files whose first lines are not those of an entry are passed over; that a
        payload is whole is seen when it is read.
        """
        if not self._folder.is_dir():
            return
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                with path.open("rb") as file:
                    first, text = file.readline(), file.readline()
                if not first.startswith(_FORMAT + b" ") or path != self._path(
                    text.decode().removesuffix("\n")
                ):
                    raise ValueError("its name is not that of its key")
                yield json.loads(text)
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                _log.warning("entry %s has no key that can be read (%s)", path, error)

    def prepare(self) -> None:
        """Make the folder and see whether it can be written.

        Raises:
            CacheError: it cannot.
        """
        self._write(None, b"", b"")

    def _path(self, text: str) -> Path:
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()}{_SUFFIX}"

    def _write(self, path: Path | None, header: bytes, payload: bytes) -> None:
        """Write a file and move it to its path, or take it away again without one."""
        unfinished = self._folder / f"{uuid.uuid4().hex}{_UNFINISHED}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._tidy()
            with unfinished.open("xb") as file:
                file.write(header)
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            if path is not None:
                os.replace(unfinished, path)
        except OSError as error:
            raise self._error(error) from error
        finally:
            _remove_quietly(unfinished)

    def _tidy(self) -> None:
        """Take away what killed writers left, at the first writing only."""
        if self._tidied:
            return
        self._tidied = True
        for path in self._folder.glob(f"*{_UNFINISHED}"):
            try:
                age = time.time() - path.stat().st_mtime
            except OSError:
                continue
            if age > _ABANDONED_SECONDS:
                _remove_quietly(path)

    def _error(self, error: OSError) -> CacheError:
        reason = error.strerror or error
        return CacheError(f"cannot write to the cache folder {self._folder}: {reason}")


def _text(key: Mapping[str, Any]) -> str:
    """The key as one line of JSON, the same for equal keys in any order."""
    if "code" not in key:
        raise InputError(
            f"key is {shorten(dict(key))}; expected the version of the code under "
            "'code'"
        )
    return json.dumps(key, sort_keys=True)


def _checksum(text: bytes, payload: bytes) -> bytes:
    """SHA-256 of key and payload; the line's end keeps one from running into the other.

    JSON has no line's end within a line, so that no other key and payload join to the
    same bytes.
    """
    digest = hashlib.sha256(text + b"\n")
    digest.update(payload)
    return digest.hexdigest().encode()


def _payload(content: bytes, text: str) -> bytes:
    """The payload of an entry's file.

    Raises:
        ValueError: it is not an entry, not whole, or that of another key.
    """
    first, _, rest = content.partition(b"\n")
    known, _, digest = first.partition(b" ")
    if known != _FORMAT:
        raise ValueError("it is not an entry")
    key, _, payload = rest.partition(b"\n")
    if _checksum(key, payload) != digest:
        raise ValueError("its checksum is another")
    if key != text.encode():
        raise ValueError("it belongs to another key")
    return payload


def _remove_quietly(path: Path) -> None:
    """Remove a file if it is there and can be removed: readers do not look at it."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.debug("%s is left behind (%s)", path, error)


def cache_folder() -> Path:
    """The folder of SYMBIND_CACHE, or the user's cache folder where that is not set."""
    if chosen := os.environ.get(_FOLDER):
        return Path(chosen)
    # Few callers need it: imported where it is used.
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("symbind"))


@cache
def code_version(packages: tuple[str, ...] = ("numerics", "symbind_theory")) -> str:
    """The distribution's version and a digest of the source of some of its packages."""
    digest = hashlib.sha256()
    for package in packages:
        for source in sorted(Path(str(files(package))).rglob("*.py")):
            digest.update(source.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:16]}"
