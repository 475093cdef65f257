"""Files become submissions: their bytes are kept, their arrival is written down, then they leave the inbox."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from formgen import files
from formgen.checkpoints import report_checkpoint
from formgen.errors import Busy, describe_cause
from formgen.intake.inbox import (
    NotReadable,
    get_file_signature,
    iter_pieces,
    move_oversized_file,
    open_regular_file,
    remove_if_unchanged,
)
from formgen.intake.publisher import Publisher, get_oversized_path
from formgen.settings import Workspace
from formgen.storage.journal import Journal
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import Submission


@dataclass(frozen=True)
class KeptFile:
    """A file whose bytes have been kept: its submission, which has ``arrived`` when it is written already."""

    row: Submission
    arrived: bool = False


@dataclass(frozen=True)
class Arrivals:
    """Where files become submissions in one workspace; ``clock`` tells the time, ``new_id`` makes UUIDv7s."""

    workspace: Workspace
    journal: Journal
    publisher: Publisher
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]

    def receive_file(self, file: Path, channel: str = "folder") -> str | None:
        """Keep a file's bytes, write its arrival down, and return the id of the submission.

        The file itself is left alone; `remove_from_inbox` removes it. None when it has changed or gone
        while it was copied: then it has not arrived yet. Raise `OSError` when it cannot be read.
        """
        kept = self.keep_file(file, file.lstat(), channel)
        if kept:
            self.save_arrivals([kept])
        return kept.row.submission_id if kept else None

    def keep_file(self, file: Path, before: os.stat_result, channel: str = "folder") -> KeptFile | None:
        """Keep the bytes of a file, and return the submission to be written down; None when it is not as it was before.

        A file that was kept before a crash, but not let go, is the same submission. One that is too large
        is neither read nor copied, and has no digest. Raise `OSError` when the file cannot be read,
        `Busy` when it cannot be kept.
        """
        sha256 = ""
        if before.st_size <= self.workspace.office.intake.max_bytes:
            try:
                sha256 = self.copy_file(file, before)
            except FileNotFoundError:
                return None
            if not sha256:
                return None
        source = f"{channel}:{files.make_printable(str(file))}:{get_file_signature(before)}:{sha256}"
        if channel == "folder" and (earlier := self.journal.find_submissions(source=source)):
            return KeptFile(earlier[0], arrived=True)
        arrival = Submission(
            submission_id=str(self.new_id()),
            sha256=sha256,
            file_name=files.make_printable(file.name),
            size=before.st_size,
            channel=channel,
            source=source,
            received_at=format_timestamp(self.clock()),
        )
        return KeptFile(arrival)

    def copy_file(self, file: Path, before: os.stat_result) -> str:
        """Return the digest under which a file's bytes have been kept, empty when it is not as it was before."""
        work = self.workspace.var / "work" / str(self.new_id())
        with open_regular_file(file, self.workspace.inbox) as (stream, _):
            try:
                with files.open_new_file(work) as target:
                    report_checkpoint("copy.begun")
                    with self.workspace.encryptor.encrypt_stream(target) as sealing:
                        digest = hashlib.sha256()
                        for piece in iter_pieces(stream, before.st_size):
                            digest.update(piece)
                            sealing.write(piece)
                    report_checkpoint("copy.written")
                    files.sync_stream(target)
                report_checkpoint("copy.flushed")
                if get_file_signature(os.fstat(stream.fileno())) != get_file_signature(before):
                    return ""
                work.replace(self.workspace.encryptor.locate_file(self.workspace.originals, digest.hexdigest()))
                report_checkpoint("original.named")
                return digest.hexdigest()
            except NotReadable:
                raise
            except OSError as error:
                raise Busy(detail=describe_cause(error)) from error
            finally:
                with suppress(OSError):
                    work.unlink(missing_ok=True)

    def remove_from_inbox(self, file: Path, status: os.stat_result, kept: KeptFile) -> bool:
        """Remove a file that has arrived from the inbox if it is still the same; return whether it is gone.

        One that is too large is set aside. Raise `OSError` when neither can be done.
        """
        if kept.row.sha256:
            return remove_if_unchanged(file, self.workspace.inbox, status, kept.row.sha256)
        gone, submission_id = (
            move_oversized_file(file, self.workspace.inbox, status, get_oversized_path(self.workspace, kept.row)),
            kept.row.submission_id,
        )
        if gone and kept.arrived:  # it may have been answered before it could be moved
            with self.publisher.retries.isolate_failure("publish", submission_id):
                self.publisher.publish_submission(submission_id)
        return gone

    def save_arrivals(self, kept: Iterable[KeptFile]) -> None:
        """Write down the arrival of files whose bytes have been kept; from now on they are submissions."""
        new = [item.row for item in kept if not item.arrived]
        if new:
            try:
                files.sync_folder(self.workspace.originals)
            except OSError as error:
                raise Busy(detail=error.strerror or "") from error
            report_checkpoint("original.flushed")
            self.journal.add_submissions(new)
            report_checkpoint("arrival.written")
