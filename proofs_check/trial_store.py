"""Finished trials of checkers on disk, from which an interrupted ledger goes on."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from numerics.store.keyed_store import (
    CacheError,
    KeyedStore,
    cache_folder,
    code_version,
)
from symbind_theory.records.ledger import Trial
from symbind_theory.validation import InputError, shorten

__all__ = ["TrialStore"]

_log = logging.getLogger(__name__)

_PACKAGES = ("symbind_theory", "numerics", "proofs_check")


class _Kept(BaseModel):
    # Bounds of intervals may be infinite, which JSON writes only when told to.
    model_config = ConfigDict(ser_json_inf_nan="constants")

    trial: Trial


class TrialStore:
    """Trials under keys that say what they are, in a folder (`KeyedStore`).

    A trial counts only for the code that made it: after any change to the packages it
    is made again.

    Args:
        path: the folder, made where it is missing; when None `trials` in the folder of
            the cached kernel values (SYMBIND_CACHE, or the user's cache folder).

    Raises:
        InputError: a folder that cannot be written, or something else than a folder.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        folder = cache_folder() / "trials" if path is None else Path(path)
        self._store = KeyedStore(folder)
        try:
            self._store.prepare()
        except CacheError as error:
            raise InputError(
                f"trials cannot be kept in {shorten(str(folder), 200)}: {error}; "
                "expected a folder of the ledger's trials, or a new one in a "
                "folder that can be written to (SYMBIND_CACHE sets it)"
            ) from None

    def get(self, key: str) -> Trial | None:
        """The trial under a key, or None where there is none that can be used."""
        return self._store.get(_versioned(key), _trial)

    def put(self, key: str, trial: Trial) -> None:
        """Keep a trial; a warning is logged where that is not possible."""
        text = _Kept(trial=trial).model_dump_json()
        try:
            self._store.put(_versioned(key), text.encode())
        except CacheError as error:
            _log.warning("the trial %s cannot be kept (%s)", key, error)


def _versioned(trial: str) -> dict[str, str]:
    return {"trial": trial, "code": code_version(_PACKAGES)}


def _trial(payload: bytes) -> Trial:
    """The trial that a payload describes; pydantic's complaint is a ValueError."""
    return _Kept.model_validate_json(payload).trial
