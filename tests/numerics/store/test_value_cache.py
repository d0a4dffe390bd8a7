"""The cache on disk: hits, damage, killed writers, full disks."""

import io
import os
import pickle
import resource
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from numerics.store import value_cache
from numerics.store.keyed_store import KeyedStore
from numerics.store.value_cache import CacheError, ValueCache
from symbind_theory import InputError

KEY = {"what": "test", "numbers": [1, 2]}


def bytes_of_one_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


ARRAY = bytes_of_one_array()


class Counting:
    """A computation that counts how often it is asked for."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"x": np.arange(1000.0), "y": np.eye(3)}


def test_the_second_time_nothing_is_computed(tmp_path):
    compute = Counting()
    first = ValueCache(tmp_path).get(KEY, compute)
    second = ValueCache(str(tmp_path)).get(dict(reversed(KEY.items())), compute)
    assert compute.calls == 1
    assert first.keys() == second.keys() == {"x", "y"}
    assert all((first[name] == second[name]).all() for name in first)


def test_another_key_or_version_is_another_entry(tmp_path, monkeypatch):
    compute, cache = Counting(), ValueCache(tmp_path)
    cache.get(KEY, compute)
    cache.get({**KEY, "seed": 1}, compute)
    assert compute.calls == 2
    monkeypatch.setattr(value_cache, "code_version", lambda: "another")
    cache.get(KEY, compute)
    assert compute.calls == 3


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other key"])
def test_damaged_entries_are_computed_again(tmp_path, damage, caplog):
    compute, cache = Counting(), ValueCache(tmp_path)
    known = cache.get(KEY, compute)
    (entry,) = tmp_path.iterdir()
    data = bytearray(entry.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    elif damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "empty":
        data = bytearray()
    elif damage == "other key":
        cache.get({"what": "other"}, lambda: {"x": np.zeros(2)})
        (other,) = set(tmp_path.iterdir()) - {entry}
        data = other.read_bytes()
    entry.write_bytes(data)
    found = cache.get(KEY, compute)
    assert compute.calls == 2
    assert (found["x"] == known["x"]).all()
    assert "damaged" in caplog.text
    cache.get(KEY, compute)
    assert compute.calls == 2


@pytest.mark.parametrize(
    "payload", [b"", b"something else", ARRAY, b"PK\x05\x06 no archive"]
)
def test_whole_entries_without_arrays_are_computed_again(tmp_path, payload, caplog):
    """One array is no archive of them, whatever numpy makes of its bytes."""
    code = value_cache.code_version()
    KeyedStore(tmp_path).put({**KEY, "code": code}, payload)
    compute = Counting()
    ValueCache(tmp_path).get(KEY, compute)
    assert compute.calls == 1
    assert "it holds no arrays" in caplog.text


def test_none_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBIND_CACHE", str(tmp_path))
    compute = Counting()
    for _ in range(2):
        ValueCache(None).get(KEY, compute)
    assert compute.calls == 2
    assert not list(tmp_path.iterdir())


def test_auto_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBIND_CACHE", str(tmp_path / "here"))
    ValueCache().get(KEY, Counting())
    assert len(list((tmp_path / "here").iterdir())) == 1
    monkeypatch.delenv("SYMBIND_CACHE")
    folder = ValueCache().folder
    assert folder is not None
    assert folder.name == "symbind"


def test_a_pickled_cache_follows_the_environment(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYMBIND_CACHE", str(tmp_path / "file" / "gone"))
    kept = pickle.dumps([ValueCache(), ValueCache(tmp_path / "chosen")])
    monkeypatch.setenv("SYMBIND_CACHE", str(tmp_path / "there"))
    auto, chosen = pickle.loads(kept)
    assert auto.folder == tmp_path / "there"
    assert chosen.folder == tmp_path / "chosen"
    auto.get(KEY, Counting())
    assert len(list((tmp_path / "there").iterdir())) == 1


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(CacheError, match="cannot write to the cache folder") as e:
            ValueCache(tmp_path).get(KEY, Counting())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert "free space" in str(e.value)
    assert "cache=None" in str(e.value)
    assert not list(tmp_path.iterdir())
    compute = Counting()
    for _ in range(2):
        ValueCache(tmp_path).get(KEY, compute)
    assert compute.calls == 1


def test_a_folder_that_is_a_file(tmp_path, caplog):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(CacheError, match="choose another folder"):
        ValueCache(path).get(KEY, Counting())
    assert "cannot be opened (Not a directory)" in caplog.text
    assert "damaged" not in caplog.text


def test_bad_folder():
    with pytest.raises(InputError, match="expected 'auto', a folder or None"):
        ValueCache(*[3])


KILLED = """
    import os, signal, sys
    import numpy as np
    from numerics.store.value_cache import ValueCache
    cache = ValueCache(sys.argv[1])
    cache.get({"n": 0}, lambda: {"x": np.arange(5.0)})
    if sys.argv[2] == "computing":
        cache.get({"n": 1}, lambda: os.kill(os.getpid(), signal.SIGKILL))
    def half(descriptor):
        os.ftruncate(descriptor, 100)
        os.kill(os.getpid(), signal.SIGKILL)
    os.fsync = half
    cache.get({"n": 1}, lambda: {"x": np.arange(6.0)})
"""


@pytest.mark.parametrize("moment", ["computing", "writing"])
def test_a_killed_process_leaves_the_cache_usable(tmp_path, moment):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), moment]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    cache, compute = ValueCache(tmp_path), Counting()
    assert cache.get({"n": 0}, compute)["x"].tolist() == [0, 1, 2, 3, 4]
    assert compute.calls == 0
    assert len(cache.get({"n": 1}, compute)["x"]) == 1000
    assert compute.calls == 1
