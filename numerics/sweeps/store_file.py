"""The SQLite file of a store: opened, made, refused; its transactions and errors."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from symbind_theory.validation import InputError, shorten

__all__ = ["FORMAT", "StoreFile", "has_begun"]

FORMAT = "1"
"""The version of the tables; a store of another one is refused."""

_BUSY_SECONDS = 60.0
"""So long another run's transaction is waited for: each takes milliseconds."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE points (
    id TEXT PRIMARY KEY,
    position INTEGER,
    settings TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'running', 'done', 'failed')),
    owner TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    result TEXT,
    reason TEXT,
    seconds REAL,
    finished TEXT,
    version TEXT
);
CREATE INDEX points_by_state ON points (state, position);
"""


class StoreFile:
    """A file with the tables of a store, open.

    Args:
        path: the path of the file, absolute: SQLite gives names such as ":memory:" a
            meaning of its own.
        create: whether to make the file where it is missing.
        name: what messages call the file; its path when None.

    Raises:
        InputError: no file, one that is not a store or has another format, or one that
            cannot be opened or made.
    """

    def __init__(self, path: Path, create: bool, name: str | None = None) -> None:
        self.shown = shorten(str(path) if name is None else name, 200)
        if not create and not path.exists():
            raise InputError(
                f"the store {self.shown} is missing; expected one that `run` has begun"
            )
        with self._one_line():
            self._database = _opened(path, create)
        try:
            with self._one_line():
                self._prepare(create)
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def meta(self) -> dict[str, str]:
        """What the store says of itself."""
        return dict(self._database.execute("SELECT key, value FROM meta").fetchall())

    def decoded(self, text: Any, what: str) -> Any:
        """What a cell has as JSON.

        Args:
            text: the cell.
            what: what it holds, for messages.

        Raises:
            InputError: the cell is damaged.
        """
        try:
            value = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise InputError(
                f"the store {self.shown} is damaged: the {what} is {shorten(text)}; "
                "expected a table as JSON: use a copy of the store, or a new one"
            )
        return value

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database, to look something up.

        Raises:
            InputError: it cannot be read.
        """
        with self._one_line():
            yield self._database

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The database, to write all or nothing, and no other run's between.

        Raises:
            InputError: it cannot be read or written; what was there before is kept.
        """
        with self._one_line():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                # After a full disk SQLite may have rolled back by itself.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _one_line(self) -> Iterator[None]:
        """The database's errors as one clear line."""
        try:
            yield
        except sqlite3.OperationalError as error:
            busy = "locked" in str(error)
            more = f" for {_BUSY_SECONDS:.0f} s by another program" if busy else ""
            hint = "; run again when that has ended" if busy else ""
            raise InputError(
                f"the store {self.shown} could not be used: {error}{more}; what was "
                f"finished before is kept{hint}"
            ) from None
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{self.shown} is no store of a sweep ({error}); expected a file that "
                "`run` has made, or a new one"
            ) from None

    def _prepare(self, create: bool) -> None:
        """See that the file is a store; make one of an empty file."""
        names = self._tables()
        if not names and create and not _is_foreign(self._database):
            # The mode is a property of the file, which the first run gives to it.
            _use_write_ahead_log(self._database)
            with self.transaction() as database:
                if not self._tables():
                    for statement in filter(str.strip, _TABLES.split(";")):
                        database.execute(statement)
                    database.execute("INSERT INTO meta VALUES ('format', ?)", (FORMAT,))
            names = self._tables()
        if not {"meta", "points"} <= names:
            raise InputError(
                f"{self.shown} is no store of a sweep; expected a file that `run` has "
                "made, or a new one"
            )
        found = self.meta().get("format")
        if found != FORMAT:
            raise InputError(
                f"the store {self.shown} has the format {found}; expected {FORMAT}, "
                "that of this version of symbind"
            )
        self._database.execute("PRAGMA synchronous = FULL")

    def _tables(self) -> set[str]:
        rows = self._database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        return {name for (name,) in rows}


def has_begun(path: Path) -> bool:
    """Whether a run has made its tables in a file; nothing is written to it.

    A run that was killed while it made its store has left an empty one. What is there
    and is no store of a run is said by `StoreFile`.
    """
    if not path.is_file():
        return path.exists()
    try:
        with contextlib.closing(_opened(Path(os.path.realpath(path)), False)) as file:
            (count,) = file.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            return count > 0 or _is_foreign(file)
    except sqlite3.Error:
        return True


def _opened(path: Path, create: bool) -> sqlite3.Connection:
    # Transactions are begun by hand: claims need an IMMEDIATE one.
    options: Any = {"timeout": _BUSY_SECONDS, "isolation_level": None}
    if create or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return sqlite3.connect(path, **options)
    # What a run that is at work has not yet put into the file itself is in its log,
    # which is shared. Without one SQLite would make it, unless nothing can change.
    log = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    return sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True, **options)


def _is_foreign(database: sqlite3.Connection) -> bool:
    """Whether another program has put its mark into the file."""
    return database.execute("PRAGMA application_id").fetchone() != (0,)


def _use_write_ahead_log(database: sqlite3.Connection) -> None:
    """Set the mode; SQLite does not wait by itself for another run that sets it too."""
    last = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > last:
                raise
        time.sleep(0.01)
