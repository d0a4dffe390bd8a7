"""Finished runs of checkers on disk, from which an interrupted ledger goes on."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from numerics.store.value_cache import cache_folder, code_version
from symbind_theory.records.ledger import Trial
from symbind_theory.validation import InputError, shorten

__all__ = ["TrialStore"]

_log = logging.getLogger(__name__)

_PACKAGES = ("symbind_theory", "numerics", "proofs_check")
_TABLE = "CREATE TABLE IF NOT EXISTS trials (key TEXT PRIMARY KEY, trial TEXT)"


class _Kept(BaseModel):
    # Bounds of intervals may be infinite, which JSON writes only when told to.
    model_config = ConfigDict(ser_json_inf_nan="constants")

    trial: Trial


class TrialStore:
    """Runs under keys that say what they are.

    A run counts only for the code that made it: after any change to the packages it is
    made again. The file is an SQLite database, in which a run is there whole or not at
    all.

    Args:
        path: of the file, made if it is not there; `runs.sqlite` in the folder of the
            cached kernel values (SYMBIND_CACHE, or the user's cache folder) when None.

    Raises:
        InputError: a file that cannot be written, or that is something else.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = cache_folder() / "runs.sqlite" if path is None else Path(path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._ask(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"runs cannot be kept in {shorten(str(self._path), 200)}: {error}; "
                "expected a file of the ledger's runs, or a new one in a "
                "folder that can be written to (SYMBIND_CACHE sets it)"
            ) from None

    def get(self, key: str) -> Trial | None:
        """The run under a key, or None where there is none that can be used."""
        try:
            rows = self._ask("SELECT trial FROM trials WHERE key = ?", _versioned(key))
            return _Kept.model_validate_json(rows[0][0]).trial if rows else None
        except (sqlite3.Error, ValidationError) as error:
            _log.warning("the run %s cannot be read (%s): made again", key, error)
            return None

    def put(self, key: str, trial: Trial) -> None:
        """Keep a run; a warning is logged where that is not possible."""
        text = _Kept(trial=trial).model_dump_json()
        try:
            self._ask(
                "INSERT OR REPLACE INTO trials VALUES (?, ?)", _versioned(key), text
            )
        except sqlite3.Error as error:
            _log.warning("the run %s cannot be kept (%s)", key, error)

    def _ask(self, query: str, *values: str) -> list[tuple[str]]:
        with closing(sqlite3.connect(self._path)) as database, database:
            return database.execute(query, values).fetchall()


def _versioned(key: str) -> str:
    return f"{key} | {code_version(_PACKAGES)}"
