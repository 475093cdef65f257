"""What was decided reaches the outbox: records, rejections with their replies, receipts, and the feed."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from formgen import files
from formgen.forms.registry import Registry
from formgen.intake.retries import ALL, Retries
from formgen.issuing import issue
from formgen.issuing.receipt import render_receipt
from formgen.publishing import outbox
from formgen.settings import WorkspaceFolder
from formgen.storage.journal import Journal
from formgen.storage.moments import to_local_date
from formgen.storage.rows import StoredEvent, StoredRecord, Submission

DISK_ERRNOS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
}  # what is wrong with the disk, not with one file on it
PUBLISH_BATCH = 100  # events that are published together


@dataclass(frozen=True)
class Publisher:
    """Where events become files: one that fails is tried again later and holds up no other."""

    workspace: WorkspaceFolder
    journal: Journal
    registry: Registry
    retries: Retries

    def publish_new_events(self) -> None:
        """Write to the outbox whatever the journal says and the outbox lacks.

        What goes wrong with one submission is tried again later and keeps neither another one nor the
        feed waiting; when it is the outbox as a whole, that is tried again later.
        """
        if not self.retries.is_due("publish", ALL):
            return
        with self.retries.isolate_failure("publish", ALL), outbox.lock_outbox(self.workspace):
            while lacking := self.journal.list_events(outbox.read_last_seq(self.workspace), PUBLISH_BATCH):
                self.write_event_files(lacking)
                outbox.publish_feed(self.workspace, ((event.seq, event.body) for event in lacking))

    def restore_outbox(self) -> None:
        """Write to the outbox what is gone from it, and remove what was not finished."""
        with self.retries.isolate_failure("publish", ALL), outbox.lock_outbox(self.workspace):
            for work in outbox.find_work_files(self.workspace):
                work.unlink()
            seq = 0
            while found := self.journal.list_events(seq, PUBLISH_BATCH):
                self.write_event_files(found)
                seq = found[-1].seq

    def write_event_files(self, events: Iterable[StoredEvent]) -> None:
        """Write the files of events that do not lie in their places: together, else those of each alone."""
        mode = self.workspace.office.files.bits
        try:
            outbox.publish_files((file for event in events for file in self.prepare_event_files(event)), mode)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_ERRNOS:
                raise
            for event in events:
                with self.retries.isolate_failure("publish", event.submission_id):
                    self.write_files_one_by_one([event])

    def write_files_one_by_one(self, events: Iterable[StoredEvent]) -> None:
        """Write the files of events, each of them whatever becomes of the others; raise what went wrong first."""
        errors = []
        for file in (file for event in events for file in self.prepare_event_files(event)):
            try:
                outbox.publish_files([file], self.workspace.office.files.bits)
            except Exception as error:  # noqa: BLE001 - raised below
                errors.append(error)
        if errors:
            raise errors[0]

    def publish_submission(self, submission_id: str) -> None:
        """Write the files of one submission that do not lie in their places; raise what went wrong first."""
        with outbox.lock_outbox(self.workspace):
            self.write_files_one_by_one(self.journal.find_submission_events(submission_id))

    def prepare_event_files(self, event: StoredEvent) -> Iterable[tuple[Path, files.Making]]:
        """Prepare the files that one event is about: their places, and what makes their bytes."""
        row = self.journal.get_submission(event.submission_id)
        if event.event == "record.accepted" and (record := self.journal.find_record(row.record_id)):
            return self.prepare_record_files(record)
        if event.event == "submission.rejected" and row.rejected_as:
            return self.prepare_rejection_files(row, row.rejected_as)
        return ()

    def prepare_record_files(self, record: StoredRecord) -> Iterator[tuple[Path, files.Making]]:
        """Prepare the file of a record, and its receipt where the office wants one."""
        place = outbox.get_record_path(self.workspace, record.case_id, record.record_id, record.form)
        yield place, lambda: outbox.format_json(json.loads(record.payload))
        if self.workspace.office.receipts:
            at = datetime.fromisoformat(record.content.provenance.processed_at)
            place = outbox.get_receipt_path(self.workspace, to_local_date(at).isoformat(), record.record_id)
            draw = partial(render_receipt, self.journal, self.registry, self.workspace.office, record)
            yield place, partial(issue.call_with_fallback, draw)

    def prepare_rejection_files(self, row: Submission, rejected_as: str) -> Iterator[tuple[Path, files.Making]]:
        """Prepare the files of a rejected submission: the reason, the replies, the file itself."""
        original = partial(self.workspace.encryptor.iter_pieces, self.workspace.originals, row.sha256)
        if not row.sha256:
            place = outbox.get_rejected_path(self.workspace, rejected_as)
            files.move_file(get_oversized_path(self.workspace, row), place, self.workspace.office.files.bits)
        replies = issue.prepare_replies(self.workspace, self.journal, self.registry, row)
        return outbox.iter_rejection_files(
            self.workspace, rejected_as, original if row.sha256 else None, row.reason or "", replies
        )


def get_oversized_path(workspace: WorkspaceFolder, row: Submission) -> Path:
    """Return where a file lies that is too large to be kept, until it is published."""
    return workspace.originals / row.submission_id
