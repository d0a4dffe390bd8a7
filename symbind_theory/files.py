"""Files read and written whole; the file system's errors as one clear line."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

from symbind_theory.validation import InputError, shorten

__all__ = [
    "check_distinct",
    "check_writable",
    "read_text",
    "write_bytes",
    "write_text",
]

StrPath = str | os.PathLike[str]


def read_text(path: StrPath, what: str, most_bytes: int) -> str:
    """The text of a UTF-8 file.

    Args:
        path: of the file.
        what: its name in messages, such as "the task file".
        most_bytes: size up to which it is read.

    Raises:
        InputError: a file that is missing, a folder, unreadable, too large, or not
            UTF-8.
    """
    shown = shorten(str(path), 200)
    try:
        with open(path, "rb") as file:
            content = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{what} {shown} could not be read: {reason}; expected a text file"
        ) from None
    if len(content) > most_bytes:
        raise InputError(f"{what} {shown} is larger than {most_bytes} bytes, the most")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{what} {shown} is not UTF-8 at line {line}; expected UTF-8 text"
        ) from None


def check_writable(path: StrPath, what: str) -> None:
    """Refuse early a path to which nothing can be written.

    Args:
        path: of the file to be written.
        what: its name in messages, such as "the certificate".

    Raises:
        InputError: no name, a folder, or a file in a folder that is missing or
            read-only.
    """
    target = Path(path)
    with _one_line(path, what):
        if not os.fspath(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not target.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        where = target if target.exists() else target.parent
        if not os.access(where, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def check_distinct(files: Mapping[str, StrPath]) -> None:
    """Refuse to write a file over one that is read, or over another that is written.

    Args:
        files: paths by what each is, such as "the page".

    Raises:
        InputError: two of them are one file.
    """
    for (what, path), (other, same) in combinations(files.items(), 2):
        if Path(path).resolve() == Path(same).resolve():
            raise InputError(
                f"{what} and {other} are one file, {shorten(str(path), 200)}; expected "
                "two"
            )


def write_text(path: StrPath, text: str, what: str) -> None:
    """Write a file as UTF-8: it is there whole, or as it was before.

    Args:
        path: of the file.
        text: what to write.
        what: the file's name in messages.

    Raises:
        InputError: the file cannot be written.
    """
    with _one_line(path, what):
        content = text.encode("utf-8")
    write_bytes(path, content, what)


def write_bytes(path: StrPath, content: bytes, what: str) -> None:
    """Write a file: it is there whole, or as it was before.

    Args:
        path: of the file.
        content: what to write.
        what: the file's name in messages.

    Raises:
        InputError: the file cannot be written.
    """
    check_writable(path, what)
    with _one_line(path, what):
        target = Path(path).resolve()
        if target.exists() and not target.is_file():
            # A pipe or a device takes the content itself.
            target.write_bytes(content)
            return
        mode = target.stat().st_mode if target.exists() else 0o644
        descriptor, partial = tempfile.mkstemp(dir=target.parent, prefix=".symbind-")
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
            os.chmod(partial, stat.S_IMODE(mode))
            os.replace(partial, target)
        except BaseException:
            os.unlink(partial)
            raise


@contextmanager
def _one_line(path: StrPath, what: str) -> Iterator[None]:
    """Errors of the file system as one clear line."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{what} could not be written to {shorten(str(path))}: {reason}; "
            "expected a file in a folder that can be written to"
        ) from None
