"""The outbox: everything that other systems read, derived from the journal, whole or not at all.

The same record gives the same bytes, so whatever is missing is written again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from formgen import files, formats
from formgen.checkpoints import report_checkpoint
from formgen.files import Making
from formgen.forms.form import Form
from formgen.publishing.contract import build_schemas
from formgen.settings import WorkspaceFolder

REASON, REPLY = ".reason.json", ".palaute"
TEXT, LETTER = "txt", formats.get_ending(formats.get_preferred_format())
REPLIES = {
    name: REPLY + formats.get_ending(formats.find_output_format(name)) for name in formats.list_output_formats()
} | {TEXT: f"{REPLY}.{TEXT}"}
REJECTION_ENDINGS = (REASON, *REPLIES.values())
LONGEST_ENDING = 16
WORK = re.compile(rf"\.[0-9a-f]{{32}}{re.escape(files.WORK)}")


def compute_digest(data: bytes) -> str:
    """Compute the sha256 of bytes in hex, which names an original."""
    return hashlib.sha256(data).hexdigest()


def format_json(value: Any) -> bytes:
    """Format a value as a JSON file: UTF-8, keys in their order, a line end."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def get_record_path(workspace: WorkspaceFolder, case_id: str | None, record_id: str, form: str) -> Path:
    """Return the path of a record."""
    return workspace.outbox / "records" / (case_id or "_unit") / f"{record_id}.{form}.json"


def archived_path(record: Path) -> Path:
    """Return the default path of the copy of a record for the archive."""
    return record.with_suffix(formats.get_ending(formats.get_archive_format()))


def get_receipt_path(workspace: WorkspaceFolder, day: str, record_id: str) -> Path:
    """Return the path of the receipt of an accepted submission."""
    return workspace.outbox / "receipts" / day / f"{record_id}.kuittaus{LETTER}"


def get_rejected_path(workspace: WorkspaceFolder, rejected_as: str) -> Path:
    """Return the path of a rejected file; ``rejected_as`` is day and name."""
    return workspace.outbox / "rejected" / rejected_as


def iter_rejection_files(
    workspace: WorkspaceFolder,
    rejected_as: str,
    original: Making | None,
    reason: str,
    replies: Mapping[str, Making],
) -> Iterator[tuple[Path, Making]]:
    """Yield place and bytes of the reason for machines, the replies for the sender, the rejected file untouched.

    ``replies`` are by their format; the plain text only stands in for a document that is not there.
    There is no ``original`` of a file that was too large to be kept.
    """
    file = get_rejected_path(workspace, rejected_as)
    yield file.with_name(file.name + REASON), lambda: format_json(json.loads(reason))
    document = file.with_name(file.name + REPLY + LETTER)
    for name, reply in replies.items():
        if name != TEXT or not document.exists():
            yield file.with_name(file.name + REPLIES[name]), reply
    if original:
        yield file, original


def publish_files(found: Iterable[tuple[Path, Making]], mode: int = files.SHARED) -> None:
    """Write what does not lie in its place already; a link there is none of ours."""
    files.write_files({place: data for place, data in found if place.is_symlink() or not place.is_file()}, mode)


def lock_outbox(workspace: WorkspaceFolder) -> AbstractContextManager[None]:
    """Lock the outbox so that nobody else publishes meanwhile."""
    return files.hold_lock(workspace.var / "outbox.lock")


def lying_in_records(workspace: WorkspaceFolder) -> Iterator[Path]:
    """Yield all that lies among the records but folders and what is being written; no link is followed."""
    for place, folders, names in os.walk(workspace.outbox / "records"):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        yield from (here / name for name in (*links, *names) if not WORK.fullmatch(name))


def find_work_files(workspace: WorkspaceFolder) -> Iterator[Path]:
    """Yield the work files of a publishing that a crash has ended."""
    for place in ("records", "rejected", "receipts"):
        yield from (workspace.outbox / place).rglob(f".*{files.WORK}")


def find_free_name(day: str, name: str, taken: Callable[[Iterable[str]], object]) -> str:
    """Find a free day and name for a rejected file, with `` (2)``, `` (3)`` … before the ending on a clash.

    Neither the file nor what is written beside it may take the place of what another one has;
    ``taken`` tells whether a rejected file lies at one of some places.

    >>> find_free_name("2026-04-13", "lomake.docx", {"2026-04-13/lomake.docx"}.intersection)
    '2026-04-13/lomake (2).docx'
    """
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > LONGEST_ENDING:
        stem, dot, ending = name, "", ""
    number = 1
    while True:
        tail = (f" ({number})" if number > 1 else "") + dot + ending
        found = f"{day}/{shorten_stem(stem, tail)}{tail}"
        if not taken(
            [
                found,
                *(found + beside for beside in REJECTION_ENDINGS),
                *(found.removesuffix(beside) for beside in REJECTION_ENDINGS),
            ]
        ):
            return found
        number += 1


def shorten_stem(stem: str, tail: str) -> str:
    """Shorten a stem so that name, ending and the reply's ending are no longer than 255 bytes."""
    room = 255 - len(f"{tail}{max(REJECTION_ENDINGS, key=len)}".encode())
    return stem.encode()[:room].decode(errors="ignore")


def publish_feed(workspace: WorkspaceFolder, lines: Iterable[tuple[int, str]]) -> None:
    """Add to the feed the numbered lines that it lacks, in order; half a line of an earlier crash is cut off.

    Another process may be publishing too: what it has written meanwhile is not written again.
    """
    file = workspace.outbox / "feed.ndjson"
    mode = workspace.office.files.bits
    files.make_folder(file.parent, mode)
    with os.fdopen(files.open_regular(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode), "r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        end, seq = read_last_line(stream)
        if not end:
            os.fchmod(stream.fileno(), mode)
            files.sync_folder(file.parent)
        stream.seek(end)
        stream.truncate()
        for number, line in lines:
            if number > seq:
                stream.write(line.encode() + b"\n")
        stream.flush()
        report_checkpoint("feed.written")
        os.fsync(stream.fileno())
    report_checkpoint("feed.flushed")


def find_end_of_lines(stream: Any) -> int:
    """Find the position behind the last whole line."""
    position = int(stream.seek(0, os.SEEK_END))
    while position:
        start = max(0, position - 65_536)
        stream.seek(start)
        found = stream.read(position - start).rfind(b"\n")
        if found >= 0:
            return start + int(found) + 1
        position = start
    return 0


def read_last_seq(workspace: WorkspaceFolder) -> int:
    """Read the number of the last event in the feed, 0 for none."""
    file = workspace.outbox / "feed.ndjson"
    if not os.path.lexists(file):
        return 0
    with os.fdopen(files.open_regular(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
        return read_last_line(stream)[1]


def read_last_line(stream: Any) -> tuple[int, int]:
    """Read the last whole line of a feed: the position behind it and the number of its event."""
    end = find_end_of_lines(stream)
    start = max(0, end - 65_536)
    stream.seek(start)
    lines = stream.read(end - start).splitlines()
    return end, int(json.loads(lines[-1])["seq"]) if lines else 0


def find_foreign_line(workspace: WorkspaceFolder, known: Iterable[str]) -> int:
    """Find the number of the first whole line of the feed that is not the known one, 0 when there is none."""
    file = workspace.outbox / "feed.ndjson"
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    bodies = (line.encode() for line in islice(known, len(lines)))
    pairs = enumerate(zip_longest(lines, bodies), start=1)
    return next((number for number, (line, body) in pairs if line != body), 0)


# --- schemas ----------------------------------------------------------------------------------


def publish_schemas(place: Path, forms: Iterable[type[Form]], mode: int = files.SHARED) -> list[Path]:
    """Write every JSON Schema that is new or has changed, and return their places."""
    places = []
    for name, body in build_schemas(forms).items():
        file = place / name
        data = format_json(body)
        if not file.exists() or file.read_bytes() != data:
            files.write_file(file, data, mode)
        places.append(file)
    return places
