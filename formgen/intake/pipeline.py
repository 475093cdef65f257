"""The way in, in the order it happens: bytes are kept, read, judged, and settled exactly once."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from formgen import files
from formgen.checkpoints import report_checkpoint
from formgen.documents.extraction import CONFIRMED, Answer, Extraction
from formgen.errors import (
    Busy,
    CutOff,
    OutOfReach,
    Reason,
    SandboxUnavailable,
    Unreadable,
    UsageError,
    describe_cause,
    locate_error,
)
from formgen.forms.registry import Registry
from formgen.intake.decide import (
    DecisionEngine,
    Verdict,
    answer_sender,
    build_correction_answers,
    compute_answers_digest,
    has_question,
    reject_unreadable_file,
)
from formgen.intake.inbox import (
    NotReadable,
    get_file_signature,
    iter_pieces,
    move_oversized_file,
    open_regular_file,
    remove_if_unchanged,
)
from formgen.intake.publication import build_event, build_record, build_rejection, name_event
from formgen.intake.retries import Retries
from formgen.issuing import issue
from formgen.issuing.receipt import render_receipt
from formgen.publishing import outbox
from formgen.settings import Workspace
from formgen.storage.journal import Journal, Row, Transaction, format_timestamp, to_local_date

log = structlog.get_logger()

DISK_ERRNOS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
}  # what is wrong with the disk, not with one file on it
ALL = ""  # subject of what rests as a whole
PUBLISH_BATCH = 100  # events that are published together
WORK_SECONDS = 3600.0  # after which a work file is nobody's any more
Found = TypeVar("Found")


@dataclass(frozen=True)
class KeptFile:
    """A file whose bytes have been kept: the row of its return, which has ``arrived`` when it is written already."""

    row: Row
    arrived: bool = False


@dataclass(frozen=True)
class OpenedSubmission:
    """A return that has been opened: which attempt it is, and its sheet or the verdict on what cannot be read.

    Nothing is ``found`` where there is nothing to open: the bytes are known, or have been tried too often.
    """

    row: Row
    attempt: int
    found: Extraction | Verdict | None = None


@dataclass(frozen=True)
class Intake:
    """The intake of one workspace; ``clock`` tells the time, ``new_id`` makes UUIDv7s."""

    workspace: Workspace
    journal: Journal
    registry: Registry
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID] = field(default=uuid7)
    retries: Retries = field(default_factory=Retries)

    @cached_property
    def decision_engine(self) -> DecisionEngine:
        """Return where returns are read and weighed."""
        return DecisionEngine(self.workspace, self.journal, self.registry)

    # --- stop 1: the bytes are kept -----------------------------------------------------------

    def receive_file(self, file: Path, channel: str = "folder") -> str | None:
        """Keep a file's bytes, write its arrival down, and return the id of the return.

        The file itself is left alone; `let_go` removes it. None when it has changed or gone
        while it was copied: then it has not arrived yet. Raise `OSError` when it cannot be read.
        """
        kept = self.keep_file(file, file.lstat(), channel)
        if kept:
            self.save_arrivals([kept])
        return kept.row["submission_id"] if kept else None

    def keep_file(self, file: Path, before: os.stat_result, channel: str = "folder") -> KeptFile | None:
        """Return what is to be written of a file whose bytes have been kept; None when it is not as it was before.

        A file that was kept before a crash, but not let go, is the same return. One that is too large
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
        row = {
            "submission_id": str(self.new_id()),
            "sha256": sha256,
            "file_name": files.make_printable(file.name),
            "size": before.st_size,
            "channel": channel,
            "source": source,
            "received_at": format_timestamp(self.clock()),
        }
        return KeptFile(row)

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
        if kept.row["sha256"]:
            return remove_if_unchanged(file, self.workspace.inbox, status, kept.row["sha256"])
        gone, submission_id = (
            move_oversized_file(file, self.workspace.inbox, status, self.get_oversized_path(kept.row)),
            kept.row["submission_id"],
        )
        if gone and kept.arrived:  # it may have been answered before it could be moved
            with self.isolate_failure("publish", submission_id), outbox.lock_outbox(self.workspace):
                self.write_files_one_by_one(self.journal.find_submission_events(submission_id))
        return gone

    def get_oversized_path(self, row: Row) -> Path:
        """Return where a file lies that is too large to be kept, until it is published."""
        return self.workspace.originals / str(row["submission_id"])

    def save_arrivals(self, kept: Iterable[KeptFile]) -> None:
        """Write down the arrival of files whose bytes have been kept; from now on they are returns."""
        new = [item.row for item in kept if not item.arrived]
        if new:
            try:
                files.sync_folder(self.workspace.originals)
            except OSError as error:
                raise Busy(detail=error.strerror or "") from error
            report_checkpoint("original.flushed")
            self.journal.add_submissions(new)
            report_checkpoint("arrival.written")

    # --- stops 2 to 7: read, judged, settled once ---------------------------------------------

    def process_submission(self, submission_id: str) -> Verdict:
        """Read, judge and settle one return, and publish what came of it."""
        row = self.journal.find_submissions(submission_id=submission_id)[0]
        self.start_attempts([row])
        return self.decide_and_settle(self.open_submission(row))

    def start_attempts(self, rows: Iterable[Row]) -> None:
        """Write down that an attempt is made at returns, before it is made."""
        self.journal.set_attempts({row["submission_id"]: row["attempts"] + 1 for row in rows})
        report_checkpoint("attempt.written")

    def open_submission(self, row: Row) -> OpenedSubmission:
        """Return what stands in a kept file, the attempt at it having been written down.

        A reading that was cut off is tried again: the machine may have been at fault.
        """
        attempt = row["attempts"] + 1
        if not row["sha256"]:
            return OpenedSubmission(row, attempt, self.decision_engine.too_large_verdict)
        if attempt > self.max_attempts or self.find_identical_submission(row):
            return OpenedSubmission(row, attempt)
        with self.track_attempt(row, attempt):
            found = self.run_attempt(row, attempt, partial(self.read_submission, row, attempt))
        report_checkpoint("file.read")
        return OpenedSubmission(row, attempt, found)

    @contextmanager
    def commit_and_publish(self) -> Iterator[None]:
        """Let what is settled within be on disk at once, and publish it then."""
        with self.journal.begin_transaction():
            yield
        report_checkpoint("outcome.committed")
        self.publish_new_events()

    def decide_and_settle(self, begun: OpenedSubmission) -> Verdict:
        """Judge and settle a return that has been read."""
        row = begun.row
        with self.track_attempt(row, begun.attempt):
            if first := self.find_identical_submission(row):
                verdict = Verdict("duplicate", first_id=first["submission_id"])
            elif begun.found is None:
                error = Unreadable(Reason.UNSAFE, "Tiedoston lukeminen keskeytyi. Tiedosto ei ole turvallinen.")
                verdict = reject_unreadable_file(error, self.workspace.office.language)
            else:
                received = datetime.fromisoformat(row["received_at"])
                verdict = self.run_attempt(
                    row, begun.attempt, partial(self.decision_engine.identify_and_decide, begun.found, received)
                )
            report_checkpoint("verdict.reached")
            self.settle_submission(row, verdict)
        return verdict

    @property
    def max_attempts(self) -> int:
        """Return how many attempts at a return are made."""
        return self.workspace.office.intake.attempts

    @contextmanager
    def track_attempt(self, row: Row, attempt: int) -> Iterator[None]:
        """Count an attempt that fails, unless what it needs is out of reach: that is our fault, and no attempt."""
        try:
            with structlog.contextvars.bound_contextvars(submission_id=row["submission_id"]):
                yield
        except Exception as error:
            self.journal.set_attempts({row["submission_id"]: attempt - isinstance(error, OutOfReach)})
            raise

    def run_attempt(self, row: Row, attempt: int, act: Callable[[], Found]) -> Found | Verdict:
        """Return what an attempt gives; a fault of our own code is a verdict too at the last one."""
        try:
            return act()
        except (OutOfReach, CutOff):
            raise
        except Exception as error:
            if attempt < self.max_attempts:
                raise
            log.error(
                "submission.failed",
                submission_id=row["submission_id"],
                error=type(error).__name__,
                at=locate_error(error),
            )
            fault = Unreadable(Reason.INTERNAL_ERROR)
            return reject_unreadable_file(fault, self.workspace.office.language)

    def read_submission(self, row: Row, attempt: int) -> Extraction | Verdict:
        """Return what stands in a kept file, or the verdict on it; raise `CutOff` when it may be tried again."""
        found = self.decision_engine.read_or_reject(self.read_original(row))
        if isinstance(found, Verdict) and found.code and found.cut_off and attempt < self.max_attempts:
            raise CutOff(found.code)
        return found

    def get_process_order(self, begun: OpenedSubmission) -> tuple[date, int]:
        """Return the place of a return in the order of the process; what is no form comes first."""
        return (
            self.decision_engine.get_process_order(begun.found)
            if isinstance(begun.found, Extraction)
            else (date.min, 0)
        )

    def decide_submission(self, row: Row) -> Verdict:
        """Return the verdict on a kept return as things stand now."""
        if not row["sha256"]:
            return self.decision_engine.too_large_verdict
        return self.decision_engine.decide_file(self.read_original(row), datetime.fromisoformat(row["received_at"]))

    def read_original(self, row: Row) -> bytes:
        """Return the bytes of a return as they came; raise `OutOfReach`."""
        try:
            return self.workspace.encryptor.read_file(self.workspace.originals, row["sha256"])
        except OSError as error:
            raise OutOfReach(detail=describe_cause(error)) from error

    def find_identical_submission(self, row: Row) -> Row | None:
        """Return the earlier return of the same bytes whose answer still stands."""
        for other in self.journal.find_submissions(sha256=row["sha256"]) if row["sha256"] else ():
            if other["submission_id"] == row.get("submission_id") or other["outcome"] in (None, "duplicate"):
                continue
            if other["outcome"] != "rejected" or not Reason(other["code"]).can_help:
                return other
        return None

    def release_waiting_submissions(self, case_id: str | None) -> None:
        """Look again at the returns that wait in a case that has just moved, in the order of the process.

        One that is accepted moves the case in its turn, and the rest are looked at from there. What
        goes wrong with one is tried again later and keeps no other waiting.
        """
        waiting = []
        for row in self.journal.find_submissions(case_id=case_id, outcome="waiting"):
            with self.isolate_failure("settle", row["submission_id"]):
                begun = OpenedSubmission(
                    row, row["attempts"], self.decision_engine.read_or_reject(self.read_original(row))
                )
                waiting.append((self.get_process_order(begun), row["submission_id"], begun))
        for _, _, begun in sorted(waiting, key=itemgetter(0, 1)):
            outcome = ""
            with self.isolate_failure("settle", begun.row["submission_id"]):
                assert begun.found, "what waits has been opened"
                verdict = self.decision_engine.identify_and_decide(
                    begun.found, datetime.fromisoformat(begun.row["received_at"])
                )
                if verdict.outcome != "waiting" and not verdict.cut_off:
                    self.settle_submission(begun.row, verdict)
                    outcome = verdict.outcome
            if outcome == "accepted":
                report_checkpoint("waiting.released")
                return

    @contextmanager
    def isolate_failure(self, stage: str, subject: str) -> Iterator[None]:
        """Let what goes wrong with one subject, such as a return, be its own: it rests, and the others go on.

        What goes wrong with the database within a transaction is that transaction's.
        """
        try:
            yield
        except Exception as error:
            ours = isinstance(error, Busy) and not isinstance(error, SandboxUnavailable)
            if ours and self.journal.current_transaction:
                raise
            self.report_problem(stage, subject, describe_cause(error))
        else:
            self.resolve_problem(stage, subject)

    def report_problem(self, stage: str, subject: str, cause: str, **about: str) -> None:
        """Let something rest before it is tried again, and write down for `status` what it is and why.

        ``about`` is what else its row says: a file's ``place`` and ``signature``.
        """
        if self.retries.postpone_retry(stage, subject, cause):
            log.warning("problem", stage=stage, subject=subject, cause=cause)
        row = {"stage": stage, "subject": subject, "place": "", "signature": "", "cause": cause, **about}
        with suppress(OutOfReach):
            self.journal.save_problems([{**row, "since": format_timestamp(self.clock())}])

    def resolve_problem(self, stage: str, subject: str) -> None:
        """Forget what went wrong with something, since it has been done."""
        if self.retries.clear_failure(stage, subject):
            with suppress(OutOfReach):
                self.journal.delete_problems([(stage, subject)])

    def confirm_submission(self, row: Row, who: str, values: Mapping[str, str]) -> Verdict:
        """Settle a return in review as a person has decided: as it was read, or with other values.

        It goes through the same rules; errors leave it where it is. Raise `UsageError` for a path
        that the form does not have.
        """
        sheet = self.decision_engine.read_document(self.read_original(row))
        about = self.decision_engine.identify(sheet, datetime.fromisoformat(row["received_at"]))
        for path in values:
            if not has_question(about.form, path):
                raise UsageError("Lomakkeella ei ole kohtaa {path}.", path=path)
        read, new = about.sheet.answers, {path: Answer(text, CONFIRMED) for path, text in values.items()}
        about = replace(about, sheet=replace(about.sheet, answers={**read, **new}))
        verdict = self.decision_engine.decide(about)
        decided = {*values, *(found.field for found in verdict.select_findings("review"))}
        seen = {path: read.get(path, Answer("")) for path in decided if path in read or path in values}
        verdict = replace(verdict, confirmed_by=who, about=replace(about, decided=seen))
        if verdict.outcome == "review" and verdict.record:
            verdict = replace(verdict, outcome="accepted")
        if verdict.outcome == "accepted":
            self.settle_submission(row, verdict)
        return verdict

    def reject_submission(self, row: Row, who: str) -> None:
        """Reject a return in review or waiting, as a person has decided."""
        verdict = self.decide_submission(row)
        log.info("submission.refused", submission_id=row["submission_id"])
        self.settle_submission(
            row, replace(verdict, outcome="rejected", code=verdict.code or Reason.INVALID_VALUES, waits_for=None)
        )

    def expire_waiting_submissions(self) -> None:
        """Reject the returns that have waited longer than the settings allow."""
        limit = format_timestamp(self.clock() - timedelta(days=self.workspace.office.intake.waiting_days))
        for row in self.journal.list_overdue_submissions(limit):
            if self.retries.is_due("settle", row["submission_id"]):
                with self.isolate_failure("settle", row["submission_id"]):
                    verdict = self.decide_submission(row)
                    if verdict.outcome == "waiting":
                        verdict = replace(
                            verdict, outcome="rejected", code=Reason.TRANSITION_NOT_ALLOWED, waits_for=None
                        )
                    self.settle_submission(row, verdict)

    def retry_failed_work(self) -> None:
        """Settle and publish what could not be settled and published before, where it has rested long enough."""
        for row in self.journal.list_problems("process", "settle", "publish"):
            stage, submission_id = row["stage"], row["subject"]
            if submission_id == ALL or not self.retries.is_due(stage, submission_id):
                continue
            self.retries.restore_failure(stage, submission_id, row["cause"])
            (found,) = self.journal.find_submissions(submission_id=submission_id)
            if stage == "publish":
                with self.isolate_failure(stage, submission_id), outbox.lock_outbox(self.workspace):
                    self.write_files_one_by_one(self.journal.find_submission_events(submission_id))
            elif stage == "settle" and found["outcome"] == "waiting":
                self.release_waiting_submissions(found["case_id"])
            elif found["outcome"]:
                self.resolve_problem(stage, submission_id)

    def settle_submission(self, row: Row, verdict: Verdict) -> None:
        """Write everything that a verdict means in one transaction, then publish it.

        Raise `UsageError` when somebody else has settled the return meanwhile.
        """
        if not self.journal.current_transaction:
            with self.commit_and_publish():
                self.settle_submission(row, verdict)
            return
        at, verdict = self.clock(), answer_sender(verdict)
        if verdict.outcome == "review":
            self.keep_pictures(row, verdict)
        changes: dict[str, Any] = {
            "outcome": verdict.outcome,
            "code": verdict.code,
            "form": verdict.form,
            "instance_id": str(verdict.about.identity.instance) if verdict.about else None,
            "case_id": verdict.case_id,
            "record_id": None,
            "first_id": verdict.first_id,
            "waits_for": verdict.waits_for,
            "reason": None,
            "language": verdict.language,
            "processed_at": format_timestamp(at),
        }
        with self.journal.begin_transaction() as connection:
            if self.journal.get_outcome(connection, row["submission_id"]) != row["outcome"]:
                raise UsageError("Palautus {id} ei odota ratkaisua.", id=row["submission_id"])
            path = None
            if verdict.outcome == "accepted":
                changes |= self.save_record_and_steps(connection, row, verdict, at)
                path = outbox.get_record_path(self.workspace, changes["case_id"], changes["record_id"], changes["form"])
            elif verdict.outcome != "duplicate":
                changes["reason"] = build_rejection(row, verdict).model_dump_json()
            if verdict.outcome == "rejected":
                today = to_local_date(at).isoformat()
                changes["rejected_as"] = outbox.find_free_name(today, row["file_name"], self.journal.has_rejected_file)
                changes["reply_id"] = self.add_correction(verdict, at)
                path = outbox.get_rejected_path(self.workspace, changes["rejected_as"])
            place = path.relative_to(self.workspace.outbox).as_posix() if path else None
            self.journal.update_submission(connection, row["submission_id"], changes)
            settled = {**row, **changes}
            self.journal.add_event(
                connection,
                name_event(settled),
                settled,
                lambda seq: build_event(settled, seq, place).model_dump_json(),
            )
        report_checkpoint("outcome.written")
        log.info("submission.settled", submission_id=row["submission_id"], outcome=verdict.outcome, code=verdict.code)
        if verdict.outcome != "review":
            shutil.rmtree(self.workspace.pictures / row["submission_id"], ignore_errors=True)
        if verdict.outcome == "accepted":
            self.release_waiting_submissions(changes["case_id"])

    def keep_pictures(self, row: Row, verdict: Verdict) -> None:
        """Keep the pictures of the places in doubt, by path, for as long as the return is in review.

        In a sealed workspace none are kept: ``review show`` draws them anew.
        """
        if self.workspace.encryptor.key:
            return
        folder = self.workspace.pictures / row["submission_id"]
        for path, picture in verdict.about.sheet.pictures.items() if verdict.about else ():
            files.write_file(folder / f"{path}.png", picture, files.PRIVATE)

    def add_correction(self, verdict: Verdict, at: datetime) -> str | None:
        """Write down the document that a return is answered with, and return its instance.

        It is the same form again with what stood in it; None where no new form would mend what is wrong,
        or where it is in doubt which document came.
        """
        about = verdict.about
        if about is None or verdict.code != "invalid_values" or not verdict.findings or about.is_ambiguous:
            return None
        form, instance = self.registry.find_latest_version(about.form.id), str(self.new_id())
        self.journal.add_issued_document(
            {
                "instance_id": instance,
                "form": form.id,
                "version": form.version,
                "case_id": about.made_for or None,
                "language": about.language,
                "format": issue.choose_reply_format(about.sheet.reader),
                "omitted": " ".join(sorted(about.omitted)),
                "corrects": about.first,
                "key": about.key or None,
                "issued_at": format_timestamp(at),
            },
            build_correction_answers(about, form),
            about.sources,
        )
        return instance

    def save_record_and_steps(
        self, connection: Transaction, row: Row, verdict: Verdict, at: datetime
    ) -> dict[str, Any]:
        """Write record and steps, and return what the return's own row is to say.

        A record of the unit has no case and takes no step.
        """
        record, about = verdict.record, verdict.about
        assert record, "only a whole record is accepted"
        assert about, "a record is of a document of ours"
        case = about.case
        prefix = self.workspace.office.case_prefix
        case_id = case.case_id or None
        if case_id is None and not record.is_of_unit(case_id):
            case_id = self.journal.open_case(connection, prefix, at, case.previous)
        record_id = str(self.new_id())
        payload = build_record(row, verdict, record_id, case_id, at)
        self.journal.add_record(
            connection,
            {
                "record_id": record_id,
                "case_id": case_id,
                "form": record.id,
                "version": record.version,
                "instance_id": payload.instance_id,
                "answers_key": self.journal.vault.compute_digest(compute_answers_digest(record)),
                "version_no": payload.version_no,
                "supersedes": payload.supersedes,
                "submission_id": row["submission_id"],
                "payload": payload.model_dump_json(),
            },
            at,
        )
        seq = case.steps[-1].seq if case.steps else 0
        phase = case.phase
        for move in () if record.is_of_unit(case_id) else verdict.moves or (None,):
            seq += 1
            after = move.target if move else phase
            self.journal.add_step(
                connection,
                {
                    "case_id": case_id,
                    "seq": seq,
                    "record_id": record_id,
                    "form": record.id,
                    "transition": move.id if move else None,
                    "phase_before": phase,
                    "phase_after": after,
                    "coach": record.coach or case.coach,
                    "at": format_timestamp(at),
                },
            )
            phase = after
        return {"case_id": case_id, "record_id": record_id}

    def publish_new_events(self) -> None:
        """Write to the outbox whatever the journal says and the outbox lacks.

        What goes wrong with one return is tried again later and keeps neither another one nor the
        feed waiting; when it is the outbox as a whole, that is tried again later.
        """
        if not self.retries.is_due("publish", ALL):
            return
        with self.isolate_failure("publish", ALL), outbox.lock_outbox(self.workspace):
            while lacking := self.journal.list_events(outbox.read_last_seq(self.workspace), PUBLISH_BATCH):
                self.write_event_files(lacking)
                outbox.publish_feed(self.workspace, lacking)

    def restore_outbox(self) -> None:
        """Write to the outbox what is gone from it, and remove what was not finished."""
        with self.isolate_failure("publish", ALL), outbox.lock_outbox(self.workspace):
            for work in outbox.find_work_files(self.workspace):
                work.unlink()
            seq = 0
            while found := self.journal.list_events(seq, PUBLISH_BATCH):
                self.write_event_files(found)
                seq = found[-1]["seq"]

    def write_event_files(self, events: Iterable[Row]) -> None:
        """Write the files of events that do not lie in their places: together, or else those of each return alone."""
        mode = self.workspace.office.files.bits
        try:
            outbox.publish_files((file for event in events for file in self.prepare_event_files(event)), mode)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_ERRNOS:
                raise
            for event in events:
                with self.isolate_failure("publish", event["submission_id"]):
                    self.write_files_one_by_one([event])

    def write_files_one_by_one(self, events: Iterable[Row]) -> None:
        """Write the files of events, each of them whatever becomes of the others; raise what went wrong first."""
        errors = []
        for file in (file for event in events for file in self.prepare_event_files(event)):
            try:
                outbox.publish_files([file], self.workspace.office.files.bits)
            except Exception as error:  # noqa: BLE001 - raised below
                errors.append(error)
        if errors:
            raise errors[0]

    def prepare_event_files(self, event: Row) -> Iterable[tuple[Path, files.Making]]:
        """Return place and bytes of the files that one event is about."""
        row = self.journal.find_submissions(submission_id=event["submission_id"])[0]
        if event["event"] == "record.accepted":
            record = self.journal.find_record(row["record_id"])
            assert record, "an accepted return has its record"
            written = [outbox.prepare_record_file(self.workspace, record)]
            if self.workspace.office.receipts:
                today = to_local_date(datetime.fromisoformat(row["processed_at"])).isoformat()
                draw = partial(render_receipt, self.journal, self.registry, self.workspace.office, record)
                place = outbox.get_receipt_path(self.workspace, today, row["record_id"])
                written.append((place, partial(issue.call_with_fallback, draw)))
            return written
        if event["event"] == "submission.rejected":
            original = partial(self.workspace.encryptor.iter_pieces, self.workspace.originals, row["sha256"])
            if not row["sha256"]:
                place = outbox.get_rejected_path(self.workspace, row["rejected_as"])
                files.move_file(self.get_oversized_path(row), place, self.workspace.office.files.bits)
            replies = issue.prepare_replies(self.workspace, self.journal, self.registry, row)
            return outbox.iter_rejection_files(
                self.workspace, row["rejected_as"], original if row["sha256"] else None, row["reason"], replies
            )
        return []

    def recover_from_crash(self) -> None:
        """Make good what a crash has left half done, and what is gone from the outbox since.

        Old work files go, what the outbox lacks is published, what waits no longer is released.
        """
        for work in (self.workspace.var / "work").iterdir():
            with suppress(OSError):
                if self.clock().timestamp() - work.stat().st_mtime > WORK_SECONDS:
                    work.unlink()
        for row in self.journal.list_problems("take", "process", "settle", "publish", "upkeep"):
            self.retries.restore_failure(row["stage"], row["subject"], row["cause"])
        self.restore_outbox()
        self.publish_new_events()
        for case_id in dict.fromkeys(row["case_id"] for row in self.journal.find_submissions(outcome="waiting")):
            with suppress(SandboxUnavailable):
                self.release_waiting_submissions(case_id)
