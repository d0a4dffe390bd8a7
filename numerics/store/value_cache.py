"""Estimates kept on disk: one file for each, found by all that it depends on.

An entry is a NumPy archive, whose members carry checksums. It is written beside its
place and then moved there in one step, so that a process killed half-way leaves no half
entry, and processes may share a folder. An entry that cannot be read, or that is not
what its name promises, is computed again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from symbind_theory.validation import InputError, shorten
from symbind_theory.version import __version__

__all__ = ["CacheError", "ValueCache", "cache_folder", "code_version"]

_log = logging.getLogger(__name__)

_FOLDER = "SYMBIND_CACHE"

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    EOFError,
    OSError,
    NotImplementedError,
)


class CacheError(OSError):
    """The folder cannot be written: full, read-only or not a folder."""


class ValueCache:
    """Arrays on disk under keys that say what they are.

    Args:
        folder: where the entries lie; "auto" for the environment variable
            SYMBIND_CACHE, or the user's cache folder where that is not set; None to
            keep nothing.

    Raises:
        InputError: something else than a path.
    """

    def __init__(self, folder: object = "auto") -> None:
        if folder is not None and not isinstance(folder, str | os.PathLike):
            raise InputError(
                f"cache is {shorten(folder)}; expected 'auto', a folder or None"
            )
        self._folder = None if folder in (None, "auto") else Path(folder)
        self._auto = folder == "auto"

    @property
    def folder(self) -> Path | None:
        """Where the entries lie. "auto" is looked up each time, so that a pickled cache
        follows the machine that it is on."""
        return cache_folder() if self._auto else self._folder

    def get(
        self, key: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """The arrays under a key, computed and kept if they are not there.

        Args:
            key: all that the arrays depend on, as JSON can write it; the version of
                the code is added.
            compute: makes the arrays.

        Raises:
            CacheError: the entry cannot be written.
        """
        folder = self.folder
        if folder is None:
            return compute()
        text = json.dumps({**key, "code": code_version()}, sort_keys=True)
        path = folder / f"{hashlib.sha256(text.encode()).hexdigest()}.npz"
        found = _read(path, text)
        if found is None:
            found = compute()
            self._write(path, text, found)
        return found

    def _write(self, path: Path, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        temporary = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=path.parent, suffix=".tmp", delete=False
            ) as file:
                temporary = file.name
                np.savez(file, allow_pickle=False, key=np.array(key), **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            raise CacheError(
                f"cannot write to the cache folder {path.parent}: "
                f"{error.strerror or error}; free space there, choose another folder "
                "(cache=FOLDER), or keep nothing (cache=None)"
            ) from error
        finally:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)


def _read(path: Path, key: str) -> dict[str, np.ndarray] | None:
    """The arrays of an entry; None where it is missing, out of reach or damaged."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.warning("cache entry %s cannot be opened (%s)", path, error.strerror)
        return None
    try:
        with file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if str(arrays.pop("key")) != key:
            raise ValueError("it belongs to another key")
    except _DAMAGED as error:
        _log.warning("cache entry %s is damaged (%s): computed again", path, error)
        return None
    return arrays


def cache_folder() -> Path:
    """The folder of SYMBIND_CACHE, or the user's cache folder where that is not set."""
    if found := os.environ.get(_FOLDER):
        return Path(found)
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
