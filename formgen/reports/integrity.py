"""The audit: whether what is kept and what was written is still what the journal says."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from formgen import files
from formgen.errors import OutOfReach
from formgen.i18n import N_
from formgen.publishing import outbox
from formgen.settings import WorkspaceFolder
from formgen.storage import ledger, signing_keys
from formgen.storage.access_log import Head
from formgen.storage.journal import Journal
from formgen.storage.ledger import Flaw
from formgen.storage.rows import StoredRecord, Submission
from formgen.storage.tables import records, submissions

MISSING = N_("Tiedosto puuttuu: {what}")
DIFFERENT = N_("Tiedosto ei ole se, joka kirjoitettiin: {what}")
UNWRITTEN = N_("Kansiossa outbox/records on jotakin, mitä työtila ei ole kirjoittanut: {what}")
FEED = N_("Tapahtumaluettelon rivi {what} ei ole se, joka kirjoitettiin.")
UNKNOWN_KEY = N_("Kansiossa var/keys on avain, jota työtila ei ole tehnyt ja jota ei käytetä: {what}")


def find_flaws(workspace: WorkspaceFolder, journal: Journal, head: Head | None = None) -> Iterator[Flaw]:
    """Yield all that is wrong; ``head`` is the last line of the access log as it was noted elsewhere."""
    with journal.open_snapshot() as ends:
        yield from ledger.find_flaws(journal, ends, head)
    yield from find_key_flaws(journal)
    yield from find_original_flaws(workspace, journal)
    yield from of_layouts(workspace, journal)
    yield from find_outbox_flaws(workspace, journal)
    yield from find_feed_flaws(workspace, journal)


def find_key_flaws(journal: Journal) -> Iterator[Flaw]:
    """Find flaws of the signing keys: those that are not as they were made, gone, or not ours."""
    try:
        there = set(journal.keys.keys)
        lying = set(signing_keys.read_keys(journal.var / "keys"))
    except OutOfReach as error:
        yield Flaw(error.message, **error.values)
        return
    yield from (Flaw(signing_keys.LOST, row.name) for row in journal.list_signing_keys() if row.name not in there)
    yield from (Flaw(UNKNOWN_KEY, name) for name in sorted(lying - there))


def find_original_flaws(workspace: WorkspaceFolder, journal: Journal) -> Iterator[Flaw]:
    """Yield the kept files that are missing or are not those that came."""
    for sha256 in journal.iter_original_digests():
        file = workspace.encryptor.locate_file(workspace.originals, sha256)
        yield from find_file_flaws(
            workspace, file, sha256, partial(workspace.encryptor.iter_pieces, workspace.originals, sha256)
        )


def of_layouts(workspace: WorkspaceFolder, journal: Journal) -> Iterator[Flaw]:
    """Yield the layouts of PDF forms that are missing or are not those that were made."""
    for name, sha256 in journal.iter_logged_digests("layouts"):
        yield from find_file_flaws(workspace, workspace.var / "layouts" / f"{name.partition(':')[2]}.pdf", sha256 or "")


def find_outbox_flaws(workspace: WorkspaceFolder, journal: Journal) -> Iterator[Flaw]:
    """Yield the records and rejected files that are missing or are not what the journal says, and records of none."""
    lying = set(outbox.lying_in_records(workspace))  # before it is asked of what: a record is written down first
    for name, stored in journal.iter_encrypted_rows(StoredRecord, records):
        yield from find_row_flaws(workspace, name, partial(iter_record_digests, workspace, journal, stored))
        with suppress(TypeError, ValueError):  # of a row that is not as it was written
            record = outbox.get_record_path(workspace, stored.case_id, stored.record_id, stored.form)
            lying -= {record, outbox.archived_path(record)}
    yield from (Flaw(UNWRITTEN, format_path(workspace, file)) for file in sorted(lying))
    for name, submission in journal.iter_encrypted_rows(Submission, submissions):
        if submission.outcome == "rejected":
            yield from find_row_flaws(workspace, name, partial(iter_rejected_digests, workspace, journal, submission))


def find_row_flaws(
    workspace: WorkspaceFolder, name: str, iter_digests: Callable[[], Iterable[tuple[Path, str]]]
) -> Iterator[Flaw]:
    """Find flaws of the files of a row; one that tells of none that could be is not as it was written."""
    try:
        found = list(iter_digests())
    except (OutOfReach, TypeError, ValueError):
        yield Flaw(ledger.CHANGED, name)
        return
    for file, sha256 in found:
        yield from find_file_flaws(workspace, file, sha256)


def iter_record_digests(
    workspace: WorkspaceFolder, journal: Journal, sealed: StoredRecord
) -> Iterator[tuple[Path, str]]:
    """Yield the place and the digest of the file of a record."""
    row = journal.decrypt(StoredRecord, sealed)
    payload = outbox.compute_digest(outbox.format_json(json.loads(row.payload)))
    yield outbox.get_record_path(workspace, row.case_id, row.record_id, row.form), payload


def iter_rejected_digests(
    workspace: WorkspaceFolder, journal: Journal, sealed: Submission
) -> Iterator[tuple[Path, str]]:
    """Yield the place and the digest of a rejected file and of its reason."""
    row = journal.decrypt(Submission, sealed)
    file = outbox.get_rejected_path(workspace, row.rejected_as or "")
    if row.sha256:  # nothing is known of one that was too large to be read
        yield file, row.sha256
    yield (
        file.with_name(file.name + outbox.REASON),
        outbox.compute_digest(outbox.format_json(json.loads(row.reason or ""))),
    )


def find_feed_flaws(workspace: WorkspaceFolder, journal: Journal) -> Iterator[Flaw]:
    """Yield the lines of the feed that are not the journal's events, in their order."""
    file = workspace.outbox / "feed.ndjson"
    try:
        with files.open_for_reading(file) as stream:
            lines = stream.read().split(b"\n")
    except OSError:
        lines = []
    said = [row.body.encode() for row in journal.list_events()]
    for number, expected in enumerate(said):
        if number >= len(lines) or lines[number] != expected:
            yield Flaw(FEED, str(number + 1))
    if any(lines[len(said) :]):
        yield Flaw(FEED, str(len(said) + 1))


def find_file_flaws(
    workspace: WorkspaceFolder, file: Path, sha256: str, pieces: Callable[[], Iterable[bytes]] | None = None
) -> Iterator[Flaw]:
    """Find flaws of a file whose digest is known; ``pieces`` gives what a kept one holds."""
    what = format_path(workspace, file)
    try:
        if pieces:
            deque(pieces(), maxlen=0)
        elif compute_file_digest(file) != sha256:
            yield Flaw(DIFFERENT, what)
    except FileNotFoundError:
        yield Flaw(MISSING, what)
    except (OutOfReach, OSError, ValueError):
        yield Flaw(DIFFERENT, what)


def format_path(workspace: WorkspaceFolder, file: Path) -> str:
    """Format a file's path relative to the workspace, safe to print."""
    return files.make_printable(
        file.relative_to(workspace.root).as_posix() if file.is_relative_to(workspace.root) else str(file)
    )


def compute_file_digest(file: Path) -> str:
    """Compute the sha256 of a file in hex without loading it whole."""
    with files.open_for_reading(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
