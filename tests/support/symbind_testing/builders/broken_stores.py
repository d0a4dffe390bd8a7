"""Keyed stores, the real one and some with one fault each, and processes that write."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from numerics.store import keyed_store
from numerics.store.keyed_store import CacheError, KeyedStore

CODE = "1"
SIZE = 300_000


def key(number: object) -> dict[str, object]:
    return {"number": number, "code": CODE}


class InPlace(KeyedStore):
    """Writes an entry where it will lie, so that half of it may be seen."""

    def _write(self, path, header, payload):
        if path is None:
            super()._write(path, header, payload)
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(header)
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._error(error) from error


class SharedName(KeyedStore):
    """All writers use one unfinished file."""

    def _write(self, path, header, payload):
        unfinished = self._folder / "unfinished.tmp"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                file.write(header + payload)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path or unfinished)
        except OSError as error:
            raise self._error(error) from error
        finally:
            unfinished.unlink(missing_ok=True)


class Untidy(KeyedStore):
    """Leaves what it could not finish, and what others could not."""

    def _write(self, path, header, payload):
        self._tidied = True
        try:
            unfinished = self._folder / f"{os.getpid()}.tmp"
            self._folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                file.write(header + payload)
            os.replace(unfinished, path or unfinished)
        except OSError as error:
            raise self._error(error) from error


class Trusting(KeyedStore):
    """Takes the end of any file for the payload."""

    def get(self, key, decode):
        try:
            content = self._path(keyed_store._text(key)).read_bytes()
        except OSError:
            return None
        return decode(content.split(b"\n", 2)[-1])


class Coarse(KeyedStore):
    """Keys whose values print alike are one key."""

    def _path(self, text):
        digits = "".join(c for c in text if c not in '".') + "0"
        return super()._path(digits.replace("0", ""))

    def get(self, key, decode):
        try:
            content = self._path(keyed_store._text(key)).read_bytes()
        except OSError:
            return None
        return decode(content.split(b"\n", 2)[-1])


class Silent(KeyedStore):
    """Says nothing where it could not write."""

    def put(self, key, payload):
        with contextlib.suppress(CacheError):
            super().put(key, payload)


class Clinging(KeyedStore):
    """Removes nothing."""

    def remove(self, key):
        return self._path(keyed_store._text(key)).exists()


BROKEN = (InPlace, SharedName, Untidy, Trusting, Coarse, Silent, Clinging)

KINDS = {kind.__name__: kind for kind in (KeyedStore, *BROKEN)}


def write_until_killed(store: KeyedStore) -> None:
    """Die before the bytes of the second version of an entry are on the disk."""
    store.put(key(0), b"old")

    def die(descriptor: int) -> None:
        os.ftruncate(descriptor, 100)
        os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = die
    store.put(key(0), bytes(SIZE))


def write_often(store: KeyedStore, byte: str) -> None:
    """When told to begin, write one entry again and again with this writer's bytes."""
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(60):
        store.put(key(0), bytes([int(byte)]) * SIZE)


def write_without_permission(store: KeyedStore, folder: str) -> None:
    """Try to write as somebody who may only read; print what came of it."""
    os.chdir(folder)
    os.chmod(".", 0o555)
    if os.getuid() == 0:
        # Nobody: to root no folder is read-only.
        os.setuid(65534)
    here = type(store)(".")
    kept = here.get(key(0), bytes)
    try:
        here.put(key(1), b"new")
        said = ""
    except CacheError as error:
        said = str(error)
    print(json.dumps([(kept or b"").decode(), said]))


ACTIONS = {
    action.__name__: action
    for action in (write_until_killed, write_often, write_without_permission)
}


def main() -> None:
    """Do what the command line says, in a process of its own."""
    kind, folder, action, *more = sys.argv[1:]
    ACTIONS[action](KINDS[kind](Path(folder)), *more)
