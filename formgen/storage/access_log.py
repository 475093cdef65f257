"""The access log: who read or changed what, each line holding the digest of the one before it.

A line about a row that was written names the row and holds its digest: the newest line about a row
tells how it stands, so that none can be changed, moved, removed or put in behind the log's back. What
is ever removed for good reason gets a line with no digest. A line that is changed, removed or put in
breaks the chain; with a key nobody else can write a chain that holds. The newest lines could still be
cut off, so how far the log has come stands in a file besides (`HeadFile`). Who can write both can
bring back an older log, and without a key write a new one: only a head that they cannot reach tells.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from formgen.errors import Busy, OutOfReach
from formgen.files import get_user_name, open_for_reading, open_regular, sync_folder
from formgen.i18n import N_

START = "0" * 64
WIDTH = 90  # of a noted head: one is written over the other without changing the length of the file
DIGESTED_COLUMNS = ("seq", "at", "actor", "command", "action", "submission_id", "record_id", "case_id", "prev")
DIGESTED_ROW_COLUMNS = ("written", "digest")
UNDIGESTED_COLUMNS = {"attempts"}  # columns that are work in progress: they say nothing of what was decided
CUT = N_(
    "Käyttöloki päättyy riviin {what}, mutta merkitty loppu on {noted}. Mitään ei kirjoiteta, ennen kuin syy on "
    "selvitetty."
)
UNNOTED = N_(
    "Käyttölokin loppua ei ole merkitty tiedostoon {what}. Jos asetus [access] head_file on uusi, siirrä tiedosto "
    "var/access.head sinne. Muuten mitään ei kirjoiteta, ennen kuin syy on selvitetty."
)


class Actor(NamedTuple):
    """Who is at work, and by which command."""

    name: str
    command: str = ""

    @classmethod
    def from_system_user(cls, command: str = "", known_as: str = "") -> Actor:
        """Return the user of the machine, with the name under which they say they act."""
        user = get_user_name(os.getuid())
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
    def from_text(cls, text: str) -> Head | None:
        """Return a head as it was noted, or None for any other text.

        >>> Head.from_text(str(Head())) == Head()
        True
        """
        match = re.fullmatch(r"([0-9]{1,20}):([0-9a-f]{64})", text.strip())
        return cls(int(match[1]), match[2]) if match else None


@dataclass(frozen=True)
class HeadFile:
    """Where the end of the log is noted: a small file, which may lie where who can write the log cannot."""

    file: Path

    @property
    def heads(self) -> tuple[Head | None, ...]:
        """Return where the log ends by the file, nothing when there is none; two while a transaction ends."""
        try:
            with open_for_reading(self.file) as stream:
                return parse_heads(stream.read())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise OutOfReach(detail=f"{self.file}: {error.strerror}") from error

    def require_noted_head(self, end: Head, there: tuple[Head | None, ...]) -> None:
        """Raise `OutOfReach` unless the log, which ends with ``end``, does so where it is noted."""
        if not there and end != Head():
            raise OutOfReach(UNNOTED, remedy="verify", what=str(self.file))
        if there and end not in there:
            raise OutOfReach(CUT, remedy="verify", what=str(end), noted=str(there[-1]))

    @contextmanager
    def advance_head(self, before: Head, after: Head) -> Iterator[None]:
        """Note where the log stands and where it will before a transaction ends, and where it stands when it has.

        Between the two it is at one of them, whatever dies; what another process has noted meanwhile
        stays. Raise `OutOfReach` when the log does not stand where the file says: then somebody
        has cut it off, or brought back an older one, and what the file says must not be lost.
        """
        both, reached = format_heads(before, after), format_heads(after, after)
        try:
            with self.open_stream(create=before == Head()) as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                there = parse_heads(stream.read())
                self.require_noted_head(before, there)
                overwrite_stream(stream, both)
                os.fdatasync(stream.fileno())
                if not there:
                    sync_folder(self.file.parent)
        except FileNotFoundError as error:
            raise OutOfReach(UNNOTED, remedy="verify", what=str(self.file)) from error
        except OSError as error:
            raise Busy(detail=f"{self.file}: {error.strerror}") from error
        yield
        with suppress(OSError), self.open_stream() as stream:  # else both stand there, of which one is right
            fcntl.flock(stream, fcntl.LOCK_EX)
            if stream.read() == both:
                overwrite_stream(stream, reached)

    def open_stream(self, create: bool = False) -> Any:
        """Return a stream on the file, which is no link; raise `FileNotFoundError` unless it may be made."""
        flags = os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        return os.fdopen(open_regular(self.file, flags), "r+b", buffering=0)


def parse_heads(data: bytes) -> tuple[Head | None, ...]:
    """Return the heads that are noted, None for each line that is none."""
    return tuple(dict.fromkeys(Head.from_text(line) for line in data.decode("ascii", "replace").splitlines()))


def format_heads(*heads: Head) -> bytes:
    """Return heads as they are noted, in lines of the same length."""
    return "".join(f"{head!s:<{WIDTH}}\n" for head in heads).encode()


def overwrite_stream(stream: Any, data: bytes) -> None:
    """Write a file anew in its place."""
    stream.seek(0)
    stream.write(data)
    stream.truncate()


def compute_line_digest(line: Mapping[str, Any], key: bytes = b"") -> str:
    """Return the digest of a line, which is over the digest of the line before it too; with a key nobody else can."""
    said = [line[name] for name in DIGESTED_COLUMNS]
    if any(line[name] is not None for name in DIGESTED_ROW_COLUMNS):
        said += [line[name] for name in DIGESTED_ROW_COLUMNS]
    text = json.dumps(said, ensure_ascii=False, default=repr).encode()
    return (hmac.new(key, text, hashlib.sha256) if key else hashlib.sha256(text)).hexdigest()


def compute_row_digest(row: Mapping[str, Any]) -> str:
    """Return the digest of a row as it is stored; a column without a value, which it may get later, is no part of it.

    >>> compute_row_digest({"a": "x", "attempts": 1}) == compute_row_digest({"a": "x", "b": None, "attempts": 2})
    True
    """
    held = {name: value for name, value in row.items() if value is not None and name not in UNDIGESTED_COLUMNS}
    return hashlib.sha256(json.dumps(held, ensure_ascii=False, sort_keys=True, default=repr).encode()).hexdigest()


def build_row_name(table: str, *key: Any) -> str:
    """Build the name of a row in the log: names are in the order of the rows' keys.

    >>> build_row_name("steps", "PK-2026-00017", 3)
    'steps:PK-2026-00017 0000000003'
    """
    return f"{table}:" + " ".join(f"{part:010}" if isinstance(part, int) else str(part) for part in key)


def is_valid_line(line: Mapping[str, Any], before: Head, key: bytes = b"") -> bool:
    """Tell whether a line is as it was written, after the one before it."""
    return (line["seq"], line["prev"], line["hash"]) == (before.seq + 1, before.hash, compute_line_digest(line, key))


def iter_chain_links(lines: Iterable[Mapping[str, Any]], key: bytes = b"") -> Iterator[dict[str, Any]]:
    """Yield ``seq``, ``prev`` and ``hash`` of every line as a key has them."""
    prev = START
    for line in lines:
        link = {"seq": line["seq"], "prev": prev, "hash": compute_line_digest({**line, "prev": prev}, key)}
        yield link
        prev = link["hash"]
