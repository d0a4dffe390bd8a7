"""What a sweep has finished, in one SQLite file that survives being killed.

Each finished point is brought to the disk in its own transaction at once. A run claims
a point before it works on it; a claim counts as long as the run lives (`run_locks`), so
that several runs share the points of one store, and nothing waits for a dead one.
Only processes that run a sweep open the store, never those that measure a point.

SQLite rather than files of `numerics.store`: claims need transactions, and rows are
small. Its locks want a disk of this machine; a cluster has one run with many workers.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numerics.sweeps.changes import Changes, compared
from numerics.sweeps.run_locks import RunLock, clear_dead_locks, is_alive, new_run
from numerics.sweeps.store_file import StoreFile, has_begun
from numerics.sweeps.sweep_file import Sweep
from symbind_theory.validation import InputError
from symbind_theory.version import __version__

__all__ = [
    "StoredPoint",
    "SweepStore",
    "accept_changes",
    "check_unchanged",
    "stored_points",
]


@dataclass(frozen=True)
class StoredPoint:
    """What a store has of one point.

    Attributes:
        id: the id of the point (`Point.id`).
        settings: the settings of the point as JSON has them.
        state: "pending", "running" (by a run that is alive), "done" or "failed".
        attempts: how often runs have begun to measure the point.
        result: the row of results of a point that is done; None for others.
        reason: why a point has failed, in one line; None for others.
        seconds: how long measuring the point took; None until it is done or failed,
            and where its process was killed.
        finished: when the point was done or failed, in UTC as ISO 8601 writes it; None
            before.
        version: the version of symbind that last measured the point; None where none
            has.
    """

    id: str
    settings: Mapping[str, Any]
    state: str
    attempts: int
    result: Mapping[str, Any] | None
    reason: str | None
    seconds: float | None
    finished: str | None
    version: str | None


class SweepStore:
    """A store on disk. Close it, or use it in a `with` statement.

    Args:
        path: the path of the file.
        create: whether to make the file where it is missing. A file that cannot be
            written is opened to be read where it is not to be made.

    Raises:
        InputError: no file, one that is not a store or has another format, or one that
            cannot be opened or made.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = False) -> None:
        # Locks are beside the file itself, by whatever link it is reached.
        self.path = Path(os.path.realpath(path))
        self.run = new_run()
        self._lock: RunLock | None = None
        self._file = StoreFile(self.path, create, str(path))

    def __enter__(self) -> SweepStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the run, if one has begun, and let go of the file."""
        try:
            if self._lock is not None:
                with contextlib.suppress(InputError):
                    self.release()
                self._lock.release()
                self._lock = None
        finally:
            self._file.close()

    def changes(self, sweep: Sweep) -> Changes | None:
        """How a sweep differs from the store's; None where points agree or are none."""
        with self._file.reading() as database:
            rows = database.execute("SELECT id, position FROM points").fetchall()
            document = self._file.meta().get("document", "{}")
        before = self._file.decoded(document, "sweep")
        asked = {id for id, position in rows if position is not None}
        if not rows or asked == {point.id for point in sweep.points}:
            return None
        return compared(before, sweep, asked, {id for id, _ in rows})

    def lay_in(self, sweep: Sweep) -> None:
        """Make the points of a sweep those of the store, and keep what is finished.

        Points that are no longer asked for stay without a position.
        """
        with self._file.transaction() as database:
            if self._asked(database) == [point.id for point in sweep.points]:
                return
            # A run of an earlier version knows by this that its points have changed.
            database.execute("DELETE FROM meta WHERE key = 'points'")
            database.execute("UPDATE points SET position = NULL")
            database.executemany(
                "INSERT INTO points (id, position, settings) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET position = excluded.position",
                [(p.id, p.position, json.dumps(p.record)) for p in sweep.points],
            )
            fields = {
                "name": sweep.name,
                "document": json.dumps(sweep.document),
            }
            database.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", fields.items()
            )

    def begin(self, retry_failed: bool = False) -> None:
        """Begin a run: it is alive until `close`, and dead runs lose their claims.

        Args:
            retry_failed: whether points that have failed are to be tried again.
        """
        with self._file.transaction() as database:
            clear_dead_locks(self.path)
            self._lock = self._lock or RunLock(self.path, self.run)
            self._recover(database)
            if retry_failed:
                database.execute(
                    "UPDATE points SET state = 'pending', owner = NULL, reason = NULL, "
                    "seconds = NULL, finished = NULL WHERE state = 'failed' "
                    "AND position IS NOT NULL"
                )

    def claim(self, sweep: Sweep) -> str | None:
        """The id of the next point, which now is this run's; None if there is none.

        Raises:
            InputError: another run has laid another sweep into the store.
        """
        with self._file.transaction() as database:
            # In whatever order: another run may have the same points in its own.
            if set(self._asked(database)) != {point.id for point in sweep.points}:
                raise InputError(
                    "another run has changed the points of the store "
                    f"{self._file.shown}; what was finished is kept: run again to go "
                    "on with its sweep file"
                )
            return self._claim_next(database) or (
                self._claim_next(database) if self._recover(database) else None
            )

    def claim_again(self, id: str) -> None:
        """Count one attempt more at a point that is this run's already."""
        with self._file.transaction() as database:
            database.execute(
                "UPDATE points SET attempts = attempts + 1 WHERE id = ? AND owner = ?",
                (id, self.run),
            )

    def finish(
        self,
        id: str,
        result: Mapping[str, Any] | None,
        reason: str | None,
        seconds: float | None,
    ) -> None:
        """Record a point of this run as done, or as failed where there is no result.

        Args:
            id: the id of the point.
            result: the row of results; None where the point has failed.
            reason: why the point has failed; None where it is done.
            seconds: how long measuring it took; None where nobody knows.
        """
        text = None if result is None else json.dumps(result, allow_nan=False)
        state = "failed" if result is None else "done"
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        with self._file.transaction() as database:
            database.execute(
                "UPDATE points SET state = ?, result = ?, reason = ?, seconds = ?, "
                "finished = ?, version = ? "
                "WHERE id = ? AND owner = ? AND state = 'running'",
                (state, text, reason, seconds, finished, __version__, id, self.run),
            )

    def release(self) -> None:
        """Give back what this run has claimed and not finished."""
        with self._file.transaction() as database:
            _release(database, self.run)

    def points(self) -> dict[str, StoredPoint]:
        """All points by id, those that are no longer asked for last.

        A point whose run is dead is pending.
        """
        with self._file.reading() as database:
            rows = database.execute(
                "SELECT id, settings, state, owner, attempts, result, reason, seconds, "
                "finished, version FROM points ORDER BY position IS NULL, position, "
                "rowid"
            ).fetchall()
        owners = {row[3] for row in rows if row[2] == "running"}
        dead = {owner for owner in owners if not self._is_alive(owner)}
        return {row[0]: self._stored(row, dead) for row in rows}

    def others_at_work(self) -> int:
        """How many points other runs, which are alive, have claimed."""
        with self._file.reading() as database:
            rows = database.execute(
                "SELECT owner FROM points WHERE state = 'running' AND owner <> ? "
                "AND position IS NOT NULL",
                (self.run,),
            ).fetchall()
        claims = Counter(owner for (owner,) in rows)
        return sum(n for owner, n in claims.items() if self._is_alive(owner))

    def _asked(self, database: sqlite3.Connection) -> list[str]:
        """The ids of the points that are asked for, in their order."""
        rows = database.execute(
            "SELECT id FROM points WHERE position IS NOT NULL ORDER BY position"
        ).fetchall()
        return [id for (id,) in rows]

    def _stored(self, row: tuple[Any, ...], dead: Iterable[str]) -> StoredPoint:
        id, settings, state, owner, attempts, result, reason, seconds, *last = row
        finished, version = last
        decoded = self._file.decoded
        return StoredPoint(
            id=id,
            settings=decoded(settings, "settings of a point"),
            state="pending" if state == "running" and owner in dead else state,
            attempts=attempts,
            result=None if result is None else decoded(result, "result of a point"),
            reason=reason,
            seconds=seconds,
            finished=finished,
            version=version,
        )

    def _is_alive(self, run: str) -> bool:
        return run == self.run or is_alive(self.path, run)

    def _claim_next(self, database: sqlite3.Connection) -> str | None:
        row = database.execute(
            "SELECT id FROM points WHERE state = 'pending' AND position IS NOT NULL "
            "ORDER BY position LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        database.execute(
            "UPDATE points SET state = 'running', owner = ?, attempts = attempts + 1 "
            "WHERE id = ?",
            (self.run, row[0]),
        )
        return row[0]

    def _recover(self, database: sqlite3.Connection) -> bool:
        """Take their claims from dead runs; whether there were any."""
        rows = database.execute(
            "SELECT DISTINCT owner FROM points WHERE state = 'running'"
        ).fetchall()
        dead = [owner for (owner,) in rows if not self._is_alive(owner)]
        for owner in dead:
            _release(database, owner)
        return bool(dead)


def stored_points(path: str | os.PathLike[str]) -> dict[str, StoredPoint]:
    """All points of a store by id; none where there is no store yet.

    Raises:
        InputError: a file that is no store.
    """
    if not has_begun(Path(path)):
        return {}
    with SweepStore(path) as opened:
        return opened.points()


def check_unchanged(sweep: Sweep, store: SweepStore) -> None:
    """Refuse a sweep whose points are not those that a store was begun for.

    Raises:
        InputError: they are others; the message says what differs.
    """
    if (changes := store.changes(sweep)) is not None:
        raise InputError(
            f"the sweep was changed since the store {store.path.name} was begun: "
            f"{changes}; expected the same points, or --changed (in Python "
            "`accept_changes`) to go on with these"
        )


def accept_changes(sweep: Sweep, store: str | os.PathLike[str]) -> None:
    """Lay a sweep whose file was changed into a store that was begun for another one.

    The points that match are kept; those that are no longer asked for stay in the store
    and are exported only when asked for.

    Args:
        sweep: the sweep as the file says it now.
        store: the path of the store.

    Raises:
        InputError: a store that cannot be used.
    """
    with SweepStore(store, create=True) as opened:
        opened.lay_in(sweep)


def _release(database: sqlite3.Connection, owner: str) -> None:
    database.execute(
        "UPDATE points SET state = 'pending', owner = NULL "
        "WHERE state = 'running' AND owner = ?",
        (owner,),
    )
