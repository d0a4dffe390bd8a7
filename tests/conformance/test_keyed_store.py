"""The laws of a keyed store, and stores with one fault each that break one of them."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from symbind_testing.builders import broken_stores
from symbind_testing.builders.broken_stores import BROKEN, SIZE, KeyedStore, key

from numerics.store.keyed_store import CacheError
from symbind_theory.validation import InputError

REPOSITORY = Path(__file__).resolve().parents[2]

Kind = type[KeyedStore]

# A store stands on the standard library. Here `numerics` is its folder and no more: the
# package itself would load torch in each process, which takes longer than all the rest.
ACT = """
import sys, types
numerics = sys.modules["numerics"] = types.ModuleType("numerics")
numerics.__path__ = [sys.argv.pop(1)]
from symbind_testing.builders.broken_stores import main
main()
"""


def process(kind: Kind, folder: Path, action: Callable[..., None], *more: str):
    """Another process that does something with a store on this folder."""
    path = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests" / "support")))
    house = str(REPOSITORY / "numerics")
    names = (house, kind.__name__, str(folder), action.__name__)
    return subprocess.Popen(
        [sys.executable, "-c", ACT, *names, *more],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def payloads_come_back(kind: Kind, folder: Path, caplog) -> None:
    """Any bytes, lines and empty ones included; the last put counts."""
    store = kind(folder / "made" / "here")
    for payload in (b"", b"\n", b"a\nb\n\n", bytes(range(256)) * 300, b"last"):
        store.put(key(0), payload)
        assert kind(folder / "made" / "here").get(key(0), bytes) == payload
    reordered = dict(reversed(key(0).items()))
    assert store.get(reordered, bytes) == b"last"
    assert store.get(key("another"), bytes) is None
    assert not caplog.text


def keys_differ_in_one_value(kind: Kind, folder: Path, caplog) -> None:
    """An entry answers to its own key only, however alike another one looks."""
    numbers = [1, 10, 1.0, 1.00000000000001, True, "1", None, "", [1], [1, 1], [[1]]]
    keys = [
        *map(key, numbers),
        {**key(1), "code": "2"},
        {**key(1), "more": None},
        {"code": broken_stores.CODE},
        {"code": broken_stores.CODE, "NUMBER": 1},
    ]
    store = kind(folder)
    for i, each in enumerate(keys):
        assert store.get(each, bytes) is None
        store.put(each, str(i).encode())
    found = [store.get(each, bytes) for each in keys]
    assert found == [str(i).encode() for i in range(len(keys))]


def damage_is_noticed(kind: Kind, folder: Path, caplog) -> None:
    """Whichever byte is another, and wherever the file ends."""
    store, payload = kind(folder), b"the payload\n" * 9
    store.put(key(1), payload)
    (other,) = folder.glob("*")
    foreign = other.read_bytes()
    other.unlink()
    store.put(key(0), payload)
    (entry,) = folder.glob("*")
    whole = entry.read_bytes()
    flipped = [
        whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(len(whole))
    ]
    cut = [whole[:i] for i in range(len(whole))]
    other_kinds = [whole + b"\n", foreign, b"something else\n\n\n", whole[1:]]
    for damaged in (*flipped, *cut, *other_kinds):
        entry.write_bytes(damaged)
        caplog.clear()
        assert store.get(key(0), bytes) is None
        assert "damaged" in caplog.text
    store.put(key(0), payload)
    caplog.clear()
    assert store.get(key(0), bytes) == payload
    assert not caplog.text


def a_killed_writer_leaves_the_old_entry(kind: Kind, folder: Path, caplog) -> None:
    """What it had not finished is seen by nobody, and is gone a day later."""
    writer = process(kind, folder, broken_stores.write_until_killed)
    writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    store = kind(folder)
    assert store.get(key(0), bytes) == b"old"
    assert list(store.stored_keys()) == [key(0)]
    yesterday = time.time() - 25 * 3600
    for path in folder.glob("*.tmp"):
        os.utime(path, (yesterday, yesterday))
    running = folder / "of another writer.tmp"
    running.write_bytes(b"")
    store.put(key(1), b"new")
    entries = {path for path in folder.glob("*") if path.suffix == ".entry"}
    assert set(folder.glob("*")) == {running, *entries}
    assert len(entries) == 2
    assert not caplog.text


def writers_at_the_same_time(kind: Kind, folder: Path, caplog) -> None:
    """A reader sees one of them whole, or what was there before."""
    store, before = kind(folder), bytes(SIZE)
    store.put(key(0), before)
    whole = {before, *(bytes([byte]) * SIZE for byte in (1, 2))}
    writers = [
        process(kind, folder, broken_stores.write_often, str(byte)) for byte in (1, 2)
    ]
    seen = set()
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
        while any(writer.poll() is None for writer in writers):
            seen.add(store.get(key(0), bytes))
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= whole
    assert store.get(key(0), bytes) in whole - {before}
    assert len(list(folder.glob("*"))) == 1
    assert not caplog.text


def a_full_disk_is_said(kind: Kind, folder: Path, caplog) -> None:
    """The old entry is still there, and nothing else is."""
    store = kind(folder)
    store.put(key(0), b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(CacheError, match="cannot write to the cache folder"):
            store.put(key(0), bytes(SIZE))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert store.get(key(0), bytes) == b"old"
    assert len(list(folder.glob("*"))) == 1


def a_folder_that_is_read_only(kind: Kind, folder: Path, caplog) -> None:
    """What it has can be read, and that nothing can be added is said."""
    kind(folder).put(key(0), b"old")
    visitor = process(kind, folder, broken_stores.write_without_permission, str(folder))
    output, _ = visitor.communicate()
    folder.chmod(0o755)
    kept, said = json.loads(output)
    assert kept == "old"
    assert said == "cannot write to the cache folder .: Permission denied"


def keys_are_listed_and_entries_removed(kind: Kind, folder: Path, caplog) -> None:
    """Those of older code too, and none whose first lines are damaged."""
    store = kind(folder)
    assert list(store.stored_keys()) == []
    assert list(kind(folder / "missing").stored_keys()) == []
    keys = [key(i) for i in range(5)]
    keys.append({**key(1), "code": "0"})
    for each in keys:
        store.put(each, b"x")
    (folder / "notes.txt").write_text("not an entry")
    by_text = {json.dumps(each, sort_keys=True) for each in keys}
    listed = [json.dumps(each, sort_keys=True) for each in store.stored_keys()]
    assert sorted(listed) == sorted(by_text)
    assert not caplog.text
    assert store.remove(key(0))
    assert not store.remove(key(0))
    assert store.get(key(0), bytes) is None
    assert len(list(store.stored_keys())) == 5
    for i, path in enumerate(sorted(folder.glob("*.entry"))[:3]):
        content = path.read_bytes()
        damaged = [b"", content.replace(b'"code"', b'"kode"'), content[1:]][i]
        path.write_bytes(damaged)
    assert len(list(store.stored_keys())) == 2
    assert caplog.text.count("has no key that can be read") == 3


LAWS = (
    payloads_come_back,
    keys_differ_in_one_value,
    damage_is_noticed,
    a_killed_writer_leaves_the_old_entry,
    writers_at_the_same_time,
    a_full_disk_is_said,
    a_folder_that_is_read_only,
    keys_are_listed_and_entries_removed,
)

CAUGHT = {
    "InPlace": a_killed_writer_leaves_the_old_entry,
    "SharedName": writers_at_the_same_time,
    "Untidy": a_full_disk_is_said,
    "Trusting": damage_is_noticed,
    "Coarse": keys_differ_in_one_value,
    "Silent": a_folder_that_is_read_only,
    "Clinging": keys_are_listed_and_entries_removed,
}


@pytest.mark.parametrize("law", LAWS)
def test_the_store_keeps_the_law(law, tmp_path, caplog):
    law(KeyedStore, tmp_path, caplog)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_store_is_caught(kind, tmp_path, caplog):
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        CAUGHT[kind.__name__](kind, tmp_path, caplog)


def test_a_key_says_which_code_made_its_payload(tmp_path):
    store = KeyedStore(tmp_path)
    for call in (
        lambda: store.put({"number": 1}, b""),
        lambda: store.get({"number": 1}, bytes),
        lambda: store.remove({"number": 1}),
    ):
        with pytest.raises(InputError, match="expected the version of the code"):
            call()
    assert not list(tmp_path.iterdir())


def test_a_payload_of_another_kind_is_damaged(tmp_path, caplog):
    """A decoder's ValueError is damage like any other."""
    store = KeyedStore(tmp_path)
    store.put(key(0), b"no number")
    assert store.get(key(0), int) is None
    assert "is damaged (invalid literal" in caplog.text


def test_preparing_leaves_nothing_and_says_what_cannot_be_written(tmp_path):
    KeyedStore(tmp_path / "new").prepare()
    assert (tmp_path / "new").is_dir()
    assert not list((tmp_path / "new").iterdir())
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CacheError, match=r"cache folder .*file: File exists"):
        KeyedStore(tmp_path / "file").prepare()
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(CacheError, match="Not a directory"):
        KeyedStore(tmp_path / "file").remove(key(0))
