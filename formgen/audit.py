"""The audit: whether what is kept and what was written is still what the journal says."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from formgen import outbox
from formgen.access import Head, broken, noted
from formgen.errors import OutOfReach
from formgen.settings import Workspace
from formgen.store import ACCESS, Journal

CHAIN = "Käyttölokin riviä {what} on muutettu, tai rivejä on poistettu tai lisätty ennen sitä."
CUT = "Käyttöloki päättyy riviin {what}, mutta merkitty loppu on {noted}."
UNNOTED = "Käyttölokin loppua ei ole merkitty tiedostoon {what}."
MISSING = "Tiedosto puuttuu: {what}"
DIFFERENT = "Tiedosto ei ole se, joka kirjoitettiin: {what}"
FEED = "Tapahtumaluettelon rivi {what} ei ole se, joka kirjoitettiin."


class Flaw(NamedTuple):
    """One thing that is not as it should be: a message, and what it is about."""

    message: str
    what: str
    noted: str = ""


def flaws(workspace: Workspace, journal: Journal, head: Head | None = None) -> Iterator[Flaw]:
    """Yield all that is wrong; ``head`` is the last line of the access log as it was noted elsewhere."""
    yield from of_log(workspace, journal, head)
    yield from of_originals(workspace, journal)
    yield from of_outbox(workspace, journal)
    yield from of_feed(workspace, journal)


def of_log(workspace: Workspace, journal: Journal, head: Head | None = None) -> Iterator[Flaw]:
    """Yield what is wrong with the access log: lines out of their chain, an end that is not the noted one."""
    lines = journal.accessed()
    yield from (Flaw(CHAIN, str(number)) for number in broken(lines))
    heads = {Head(), *(Head(line["seq"], line["hash"]) for line in lines)}
    last = max(heads)
    ends = noted(workspace.var / ACCESS)
    if not ends and lines:
        yield Flaw(UNNOTED, ACCESS)
    elif ends and last not in ends:
        yield Flaw(CUT, str(last), str(ends[-1]))
    if head and head not in heads:
        yield Flaw(CUT, str(last), str(head))


def of_originals(workspace: Workspace, journal: Journal) -> Iterator[Flaw]:
    """Yield the kept files that are missing or are not those that came."""
    for sha256 in dict.fromkeys(row["sha256"] for row in journal.returned() if row["sha256"]):
        file = workspace.vault.place(workspace.originals, sha256)
        yield from compared(workspace, file, sha256, partial(workspace.vault.pieces, workspace.originals, sha256))


def of_outbox(workspace: Workspace, journal: Journal) -> Iterator[Flaw]:
    """Yield the records and rejected files that are missing or are not what the journal says."""
    for place in journal.record_rows():
        row = journal.record(place["record_id"])
        assert row, "what is listed is there"
        file = outbox.record_path(workspace, row["case_id"], row["record_id"], row["form"])
        yield from compared(workspace, file, outbox.digest(outbox.pretty(json.loads(row["payload"]))))
    for row in journal.returned(outcome="rejected"):
        file = outbox.rejected_path(workspace, row["rejected_as"])
        reason = outbox.digest(outbox.pretty(json.loads(row["reason"])))
        if row["sha256"]:  # nothing is known of one that was too large to be read
            yield from compared(workspace, file, row["sha256"])
        yield from compared(workspace, file.with_name(file.name + outbox.REASON), reason)


def of_feed(workspace: Workspace, journal: Journal) -> Iterator[Flaw]:
    """Yield the lines of the feed that are not the journal's events, in their order."""
    file = workspace.outbox / "feed.ndjson"
    lines = file.read_bytes().split(b"\n") if file.exists() else []
    said = [row["body"].encode() for row in journal.feed()]
    for number, expected in enumerate(said):
        if number >= len(lines) or lines[number] != expected:
            yield Flaw(FEED, str(number + 1))
    if any(lines[len(said) :]):
        yield Flaw(FEED, str(len(said) + 1))


def compared(
    workspace: Workspace, file: Path, sha256: str, pieces: Callable[[], Iterable[bytes]] | None = None
) -> Iterator[Flaw]:
    """Yield what is wrong with a file whose digest is known; ``pieces`` gives what a kept one holds."""
    what = file.relative_to(workspace.root).as_posix()
    try:
        if pieces:
            deque(pieces(), maxlen=0)
        elif digest_of(file) != sha256:
            yield Flaw(DIFFERENT, what)
    except FileNotFoundError:
        yield Flaw(MISSING, what)
    except OutOfReach:
        yield Flaw(DIFFERENT, what)


def digest_of(file: Path) -> str:
    """Return the sha256 of a file in hex, read some at a time."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
