"""The access log: who read or changed what, each line holding the digest of the one before it.

A line that is changed, removed or put in breaks the chain. The newest lines could still be cut off,
so how far the log has come stands in a file beside the database too. Who can write both can write a
new chain: only a head that was noted elsewhere (`Head`, ``formgen verify --head``) tells of that.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from formgen.files import PRIVATE, user_name

START = "0" * 64
SAID = ("seq", "at", "actor", "command", "action", "return_id", "record_id", "case_id", "prev")


class Actor(NamedTuple):
    """Who is at work, and by which command."""

    name: str
    command: str = ""

    @classmethod
    def here(cls, command: str = "", known_as: str = "") -> Actor:
        """Return the user of the machine, with the name under which they say they act."""
        user = user_name(os.getuid())
        known_as = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in known_as)
        return cls(f"{known_as} ({user})" if known_as and known_as != user else user, command)


class Head(NamedTuple):
    """The last line of the log: its number and digest, 0 before the first."""

    seq: int = 0
    hash: str = START

    def __str__(self) -> str:
        """Return it as it is noted."""
        return f"{self.seq}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> Head | None:
        """Return a head as it was noted, or None for any other text.

        >>> Head.read(str(Head())) == Head()
        True
        """
        match = re.fullmatch(r"(\d+):([0-9a-f]{64})", text.strip())
        return cls(int(match[1]), match[2]) if match else None


def digest(line: Mapping[str, Any]) -> str:
    """Return the digest of a line, which is over the digest of the line before it too."""
    return hashlib.sha256(json.dumps([line[name] for name in SAID], ensure_ascii=False).encode()).hexdigest()


@contextmanager
def noting(file: Path, before: Head, after: Head) -> Iterator[None]:
    """Note where the log stands and where it will before a transaction ends, and where it stands when it has.

    Between the two it is at one of them, whatever dies; what another process has noted meanwhile stays.
    """
    both, reached = f"{before}\n{after}\n".encode(), f"{after}\n".encode()
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE), "r+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        overwrite(stream, both)
        os.fdatasync(stream.fileno())
        fcntl.flock(stream, fcntl.LOCK_UN)
        yield
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        if stream.read() == both:
            overwrite(stream, reached)


def overwrite(stream: Any, data: bytes) -> None:
    """Write a file anew in its place."""
    stream.seek(0)
    stream.write(data)
    stream.truncate()


def noted(file: Path) -> tuple[Head | None, ...]:
    """Return where the log stands by the file, nothing when there is none."""
    try:
        return tuple(Head.read(line) for line in file.read_text(encoding="ascii", errors="replace").splitlines())
    except FileNotFoundError:
        return ()


def broken(lines: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """Yield the number of every line that does not follow from the one before it, or is not as it was written."""
    before = Head()
    for line in lines:
        here = Head(line["seq"], line["hash"])
        if (line["seq"], line["prev"]) != (before.seq + 1, before.hash) or digest(line) != line["hash"]:
            yield line["seq"]
        before = here
