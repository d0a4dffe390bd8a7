"""Arrays kept on disk between runs, found by all that they depend on.

An entry of `numerics.store.keyed_store` whose payload is a NumPy archive. One that
cannot be read, or that is not what its name promises, is computed again.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from numerics.store.keyed_store import (
    CacheError,
    KeyedStore,
    cache_folder,
    code_version,
)
from symbind_theory.validation import InputError, shorten

__all__ = ["CacheError", "ValueCache", "cache_folder", "code_version"]

# What numpy raises for bytes that are no archive of plain arrays.
_NO_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    EOFError,
    OSError,
    NotImplementedError,
)


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
        store, versioned = KeyedStore(folder), {**key, "code": code_version()}
        arrays = store.get(versioned, _arrays)
        if arrays is not None:
            return arrays
        arrays = compute()
        try:
            store.put(versioned, _archive(arrays))
        except CacheError as error:
            raise CacheError(
                f"{error}; free space there, choose another folder (cache=FOLDER), or "
                "keep nothing (cache=None)"
            ) from error
        return arrays


def _archive(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The arrays as the bytes of a NumPy archive."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _arrays(archive: bytes) -> dict[str, np.ndarray]:
    """The arrays of an archive.

    Raises:
        ValueError: the bytes are something else.
    """
    # Other bytes numpy would read as one array, or try to unpickle.
    if not archive.startswith(b"PK"):
        raise ValueError("it holds no arrays")
    try:
        with np.load(io.BytesIO(archive), allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files}
    except _NO_ARCHIVE as error:
        raise ValueError(f"it holds no arrays: {error}") from error
