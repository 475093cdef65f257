"""The way of a submission, in the order it happens: it is read, judged, and settled exactly once."""

from __future__ import annotations

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
    CutOff,
    OutOfReach,
    Reason,
    Unreadable,
    UsageError,
    describe_cause,
    locate_error,
)
from formgen.forms.registry import Registry
from formgen.i18n import N_
from formgen.intake.answers import build_correction_answers
from formgen.intake.arrivals import Arrivals
from formgen.intake.decide import DecisionEngine, compute_answers_digest
from formgen.intake.identify import IdentifiedDocument, has_question
from formgen.intake.outcomes import (
    Accepted,
    Confirmation,
    Duplicate,
    InReview,
    Outcome,
    Rejected,
    Waiting,
    answer_sender,
    reject_undecided,
    reject_unreadable_file,
)
from formgen.intake.publication import build_event, build_record, build_rejection, name_event
from formgen.intake.publisher import Publisher
from formgen.intake.retries import ALL, Retries
from formgen.issuing import issue
from formgen.publishing import outbox
from formgen.sandbox.reader_pool import DIED
from formgen.settings import WorkspaceFolder
from formgen.storage.access_log import build_row_name
from formgen.storage.database import ALTERED, Transaction
from formgen.storage.journal import Journal
from formgen.storage.moments import format_timestamp, to_local_date
from formgen.storage.rows import IssuedDocument, StoredRecord, StoredStep, Submission

log = structlog.get_logger()

WORK_SECONDS = 3600.0  # after which a work file is nobody's any more
NOT_PENDING = N_("Palautus {id} ei odota ratkaisua.")
Found = TypeVar("Found")


@dataclass(frozen=True)
class OpenedSubmission:
    """A submission that has been opened: which attempt it is, and what was read or why it is rejected unread.

    Nothing is ``found`` where there is nothing to open: the bytes are known, or have been tried too often.
    """

    row: Submission
    attempt: int
    found: Extraction | Rejected | None = None


@dataclass(frozen=True)
class Intake:
    """The intake of one workspace; ``clock`` tells the time, ``new_id`` makes UUIDv7s."""

    workspace: WorkspaceFolder
    journal: Journal
    registry: Registry
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID] = field(default=uuid7)

    @cached_property
    def decision_engine(self) -> DecisionEngine:
        """Where submissions are decided."""
        return DecisionEngine(self.workspace, self.journal, self.registry)

    @cached_property
    def retries(self) -> Retries:
        """What rests before it is tried again."""
        return Retries(self.journal, self.clock)

    @cached_property
    def arrivals(self) -> Arrivals:
        """Where files become submissions."""
        return Arrivals(self.workspace, self.journal, self.publisher, self.clock, self.new_id)

    @cached_property
    def publisher(self) -> Publisher:
        """Where what was decided becomes files."""
        return Publisher(self.workspace, self.journal, self.registry, self.retries)

    def process_submission(self, submission_id: str) -> Outcome:
        """Read, judge and settle one submission, and publish what came of it."""
        row = self.journal.get_submission(submission_id)
        self.start_attempts([row])
        return self.decide_and_settle(self.open_submission(row))

    def start_attempts(self, rows: Iterable[Submission]) -> None:
        """Write down that an attempt is made at submissions, before it is made."""
        self.journal.set_attempts({row.submission_id: row.attempts + 1 for row in rows})
        report_checkpoint("attempt.written")

    def open_submission(self, row: Submission) -> OpenedSubmission:
        """Open a kept file, the attempt at it having been written down.

        A reading that was cut off is tried again: the machine may have been at fault.
        """
        attempt = row.attempts + 1
        if not row.sha256:
            return OpenedSubmission(row, attempt, self.decision_engine.reject_oversized_file())
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
        self.publisher.publish_new_events()

    def decide_and_settle(self, begun: OpenedSubmission) -> Outcome:
        """Judge and settle a submission that has been read."""
        row, found = begun.row, begun.found
        with self.track_attempt(row, begun.attempt):
            decision: Outcome
            if first := self.find_identical_submission(row):
                decision = Duplicate(first_id=first.submission_id)
            elif found is None:
                error = Unreadable(Reason.UNSAFE, DIED)
                decision = reject_unreadable_file(error, self.workspace.office.language)
            else:
                decide = partial(self.decision_engine.identify_and_decide, found, get_arrival(row))
                decision = self.run_attempt(row, begun.attempt, decide)
            report_checkpoint("decision.reached")
            self.settle_submission(row, decision, found if isinstance(found, Extraction) else None)
        return decision

    @property
    def max_attempts(self) -> int:
        """Return how many attempts at a return are made."""
        return self.workspace.office.intake.attempts

    @contextmanager
    def track_attempt(self, row: Submission, attempt: int) -> Iterator[None]:
        """Count an attempt that fails, unless what it needs is out of reach: that is our fault, and no attempt."""
        try:
            with structlog.contextvars.bound_contextvars(submission_id=row.submission_id):
                yield
        except Exception as error:
            self.journal.set_attempts({row.submission_id: attempt - isinstance(error, OutOfReach)})
            raise

    def run_attempt(self, row: Submission, attempt: int, act: Callable[[], Found]) -> Found | Rejected:
        """Make an attempt; at the last one a fault of our own code rejects the submission."""
        try:
            return act()
        except (OutOfReach, CutOff):
            raise
        except Exception as error:
            if attempt < self.max_attempts:
                raise
            log.error(
                "submission.failed",
                submission_id=row.submission_id,
                error=type(error).__name__,
                at=locate_error(error),
            )
            fault = Unreadable(Reason.INTERNAL_ERROR)
            return reject_unreadable_file(fault, self.workspace.office.language)

    def read_submission(self, row: Submission, attempt: int) -> Extraction | Rejected:
        """Read a kept file, or reject it; raise `CutOff` when it may be tried again."""
        found = self.decision_engine.read_or_reject(self.read_original(row))
        if isinstance(found, Rejected) and found.cut_off and attempt < self.max_attempts:
            raise CutOff(found.code)
        return found

    def get_process_order(self, begun: OpenedSubmission) -> tuple[date, int]:
        """Return the place of a submission in the order of the process; what is no form comes first."""
        found = begun.found
        return (
            self.decision_engine.identifier.get_process_order(found) if isinstance(found, Extraction) else (date.min, 0)
        )

    def load_extraction(self, row: Submission) -> Extraction | Rejected:
        """Load what was read of a submission that awaits a decision; its file is not opened again."""
        if not row.sha256:
            return self.decision_engine.reject_oversized_file()
        found = self.journal.find_extraction(row.submission_id)
        if found is None:
            raise OutOfReach(ALTERED, remedy="verify", what=build_row_name("extractions", row.submission_id))
        return found

    def decide_submission(self, row: Submission, found: Extraction | Rejected | None = None) -> Outcome:
        """Decide on a submission as things stand now; ``found`` is what was read of it, where that is at hand."""
        return self.decision_engine.identify_and_decide(found or self.load_extraction(row), get_arrival(row))

    def read_original(self, row: Submission) -> bytes:
        """Read the bytes of a submission as they came; raise `OutOfReach`."""
        try:
            return self.workspace.encryptor.read_file(self.workspace.originals, row.sha256)
        except OSError as error:
            raise OutOfReach(detail=describe_cause(error)) from error

    def find_identical_submission(self, row: Submission) -> Submission | None:
        """Find the earlier submission of the same bytes whose answer still stands."""
        for other in self.journal.find_submissions(sha256=row.sha256) if row.sha256 else ():
            if other.submission_id == row.submission_id or other.outcome in (None, "duplicate"):
                continue
            if other.code is None or not Reason(other.code).can_help:
                return other
        return None

    def release_waiting_submissions(self, case_id: str | None) -> None:
        """Look again at the submissions that wait in a case that has just moved, in the order of the process.

        One that is accepted moves the case in its turn, and the rest are looked at from there. What
        goes wrong with one is tried again later and keeps no other waiting.
        """
        waiting = []
        for row in self.journal.find_submissions(case_id=case_id, outcome="waiting"):
            with self.retries.isolate_failure("settle", row.submission_id):
                begun = OpenedSubmission(row, row.attempts, self.load_extraction(row))
                waiting.append((self.get_process_order(begun), row.submission_id, begun))
        for _, submission_id, begun in sorted(waiting, key=itemgetter(0, 1)):
            accepted = False
            with self.retries.isolate_failure("settle", submission_id):
                decision = self.decide_submission(begun.row, begun.found)
                if not isinstance(decision, Waiting):
                    self.settle_submission(begun.row, decision)
                    accepted = isinstance(decision, Accepted)
            if accepted:
                report_checkpoint("waiting.released")
                return

    def identify_submission(self, row: Submission) -> IdentifiedDocument | None:
        """Tell whose document a submission is, None where that cannot be told."""
        found = self.journal.find_extraction(row.submission_id)
        with suppress(Unreadable):
            return self.decision_engine.identifier.identify(found, get_arrival(row)) if found else None
        return None

    def write_pictures(
        self, row: Submission, pictures: Mapping[str, bytes], folder: Path | None = None
    ) -> dict[str, str]:
        """Write the pictures of places in doubt into a folder, and return their files by the path of the place.

        Without a folder they lie in ``var/pictures`` for as long as a person has to decide; those of a sealed
        workspace are written nowhere that was not asked for.
        """
        if folder is None and self.workspace.encryptor.key:
            return {}
        folder = folder or self.workspace.pictures / row.submission_id
        places = {path: folder / f"{path}.png" for path in sorted(pictures)}
        for path, place in places.items():
            files.write_file(place, pictures[path], files.PRIVATE)
        return {path: str(place) for path, place in places.items()}

    def confirm_submission(self, row: Submission, who: str, values: Mapping[str, str]) -> Outcome:
        """Settle a submission in review as a person has decided: as it was read, or with other values.

        It goes through the same rules; errors leave it where it is. Raise `UsageError` for a path
        that the form does not have.
        """
        about = self.identify_submission(row)
        if about is None:
            return self.decide_submission(row)
        for path in values:
            if not has_question(about.form, path):
                raise UsageError("Lomakkeella ei ole kohtaa {path}.", path=path)
        read, new = about.extraction.answers, {path: Answer(text, CONFIRMED) for path, text in values.items()}
        decision = self.decision_engine.decide(
            replace(about, extraction=replace(about.extraction, answers={**read, **new}))
        )
        decided = {*values, *(found.field for found in decision.select_findings("review"))}
        seen = {path: read.get(path, Answer("")) for path in decided if path in read or path in values}
        if isinstance(decision, InReview) and decision.accepted:
            decision = decision.accepted
        if isinstance(decision, Accepted):
            decision = replace(decision, confirmed=Confirmation(person=who, answers=seen))
            self.settle_submission(row, decision)
        return decision

    def reject_submission(self, row: Submission) -> None:
        """Reject a submission in review or waiting, as a person has decided."""
        decision = self.decide_submission(row)
        log.info("submission.refused", submission_id=row.submission_id)
        self.settle_submission(row, reject_undecided(decision, Reason.INVALID_VALUES))

    def expire_waiting_submissions(self) -> None:
        """Reject the submissions that have waited longer than the settings allow."""
        limit = format_timestamp(self.clock() - timedelta(days=self.workspace.office.intake.waiting_days))
        for row in self.journal.list_overdue_submissions(limit):
            if self.retries.is_due("settle", row.submission_id):
                with self.retries.isolate_failure("settle", row.submission_id):
                    decision = self.decide_submission(row)
                    if isinstance(decision, Waiting):
                        decision = reject_undecided(decision, Reason.TRANSITION_NOT_ALLOWED)
                    self.settle_submission(row, decision)

    def retry_failed_work(self) -> None:
        """Settle and publish what could not be settled and published before, where it has rested long enough."""
        for row in self.journal.list_problems("process", "settle", "publish"):
            stage, submission_id = row.stage, row.subject
            if submission_id == ALL or not self.retries.is_due(stage, submission_id):
                continue
            self.retries.restore_failure(stage, submission_id, row.cause)
            found = self.journal.get_submission(submission_id)
            if stage == "publish":
                with self.retries.isolate_failure(stage, submission_id):
                    self.publisher.publish_submission(submission_id)
            elif stage == "settle" and found.outcome == "waiting":
                self.release_waiting_submissions(found.case_id)
            elif found.outcome:
                self.retries.resolve_problem(stage, submission_id)

    def settle_submission(self, row: Submission, decision: Outcome, found: Extraction | None = None) -> None:
        """Write everything that a decision means in one transaction, then publish it.

        ``found`` is what was read of the file just now; nothing later opens it again. Raise `UsageError` when
        somebody else has settled the submission meanwhile.
        """
        if not self.journal.current_transaction:
            with self.commit_and_publish():
                self.settle_submission(row, decision, found)
            return
        at, decision = self.clock(), answer_sender(decision)
        is_undecided = isinstance(decision, InReview | Waiting)
        with self.journal.begin_transaction() as connection:
            if self.journal.get_outcome(connection, row.submission_id) != row.outcome:
                raise UsageError(NOT_PENDING, id=row.submission_id)
            changes = {"case_id": decision.case_id, **self.save_outcome(connection, row, decision, at)}
            settled = replace(
                row,
                outcome=decision.outcome,
                form=decision.form,
                instance_id=str(decision.about.identity.instance) if decision.about else None,
                language=decision.language,
                processed_at=format_timestamp(at),
                **changes,
            )
            if found:
                self.journal.add_extraction(connection, row.submission_id, found, at, with_pictures=is_undecided)
            elif not is_undecided:
                self.journal.delete_pictures(connection, row.submission_id, at)
            self.journal.update_submission(connection, settled)
            place = self.find_published_file(settled)
            self.journal.add_event(
                connection,
                name_event(settled),
                settled,
                lambda seq: build_event(settled, seq, place).model_dump_json(),
            )
        report_checkpoint("outcome.written")
        log.info("submission.settled", submission_id=row.submission_id, outcome=settled.outcome, code=settled.code)
        if not is_undecided:
            shutil.rmtree(self.workspace.pictures / row.submission_id, ignore_errors=True)
        if isinstance(decision, Accepted):
            self.release_waiting_submissions(settled.case_id)

    def save_outcome(
        self, connection: Transaction, row: Submission, decision: Outcome, at: datetime
    ) -> Mapping[str, Any]:
        """Write down what an outcome brings with it, and return the columns of the submission that tell of it."""
        told: dict[str, Any] = dict.fromkeys(("code", "record_id", "first_id", "waits_for", "reason"))
        match decision:
            case Accepted():
                case_id, record_id = self.save_record_and_steps(connection, row, decision, at)
                return told | {"case_id": case_id, "record_id": record_id}
            case Duplicate():
                return told | {"first_id": decision.first_id}
            case Rejected():
                told |= {
                    "code": decision.code,
                    "rejected_as": outbox.find_free_name(
                        to_local_date(at).isoformat(), row.file_name, self.journal.has_rejected_file
                    ),
                    "reply_id": self.add_correction(decision, at),
                }
            case Waiting():
                told["waits_for"] = decision.waits_for
        return told | {"reason": build_rejection(row, decision).model_dump_json()}

    def find_published_file(self, settled: Submission) -> str | None:
        """Find the place below the outbox of what is published of a submission, None where nothing is."""
        if settled.record_id and settled.form:
            path = outbox.get_record_path(self.workspace, settled.case_id, settled.record_id, settled.form)
        elif settled.rejected_as:
            path = outbox.get_rejected_path(self.workspace, settled.rejected_as)
        else:
            return None
        return path.relative_to(self.workspace.outbox).as_posix()

    def add_correction(self, rejected: Rejected, at: datetime) -> str | None:
        """Write down the document that a submission is answered with, and return its instance.

        It is the same form again with what stood in it; None where no new form would mend what is wrong,
        or where it is in doubt which document came.
        """
        about = rejected.about
        if about is None or rejected.code is not Reason.INVALID_VALUES or not rejected.findings or about.is_ambiguous:
            return None
        form, instance = self.registry.find_latest_version(about.form.id), str(self.new_id())
        self.journal.add_issued_document(
            IssuedDocument(
                instance_id=instance,
                form=form.id,
                version=form.version,
                case_id=about.made_for or None,
                language=about.language,
                format=issue.choose_reply_format(about.extraction.reader),
                answers=build_correction_answers(about, form),
                sources=about.sources,
                omitted=about.omitted,
                corrects=about.first,
                key=about.key or None,
                issued_at=format_timestamp(at),
            )
        )
        return instance

    def save_record_and_steps(
        self, connection: Transaction, row: Submission, accepted: Accepted, at: datetime
    ) -> tuple[str | None, str]:
        """Write a record and its steps, and return the ids of case and record.

        A record of the unit has no case and takes no step.
        """
        record, case = accepted.record, accepted.about.case
        case_id = case.case_id or None
        if case_id is None and not record.is_of_unit(case_id):
            case_id = self.journal.open_case(connection, self.workspace.office.case_prefix, at, case.previous)
        record_id = str(self.new_id())
        content = build_record(row, accepted, record_id, case_id, at)
        stored = StoredRecord(
            record_id=record_id,
            case_id=case_id,
            form=record.id,
            version=record.version,
            instance_id=content.instance_id,
            answers_key=self.journal.encryptor.compute_digest(compute_answers_digest(record)),
            version_no=content.version_no,
            supersedes=content.supersedes,
            submission_id=row.submission_id,
            payload=content.model_dump_json(),
        )
        self.journal.add_record(connection, stored, at)
        if case_id and not record.is_of_unit(case_id):
            self.save_steps(connection, accepted, stored, case_id, at)
        return case_id, record_id

    def save_steps(
        self, connection: Transaction, accepted: Accepted, stored: StoredRecord, case_id: str, at: datetime
    ) -> None:
        """Write the steps that a record takes its case: one for each move, or one that leaves the phase as it is."""
        case = accepted.about.case
        seq, phase = case.steps[-1].seq if case.steps else 0, case.phase
        for move in accepted.moves or (None,):
            seq, before, phase = seq + 1, phase, move.target if move else phase
            step = StoredStep(
                case_id=case_id,
                seq=seq,
                record_id=stored.record_id,
                form=stored.form,
                transition=move.id if move else None,
                phase_before=before,
                phase_after=phase,
                coach=accepted.record.coach or case.coach,
                at=format_timestamp(at),
            )
            self.journal.add_step(connection, step)

    def recover_from_crash(self) -> None:
        """Make good what a crash has left half done, and what is gone from the outbox since.

        Old work files go, what the outbox lacks is published, what waits no longer is released.
        """
        for work in (self.workspace.var / "work").iterdir():
            with suppress(OSError):
                if self.clock().timestamp() - work.stat().st_mtime > WORK_SECONDS:
                    work.unlink()
        for row in self.journal.list_problems("take", "process", "settle", "publish", "upkeep"):
            self.retries.restore_failure(row.stage, row.subject, row.cause)
        self.publisher.restore_outbox()
        self.publisher.publish_new_events()
        for case_id in dict.fromkeys(row.case_id for row in self.journal.find_submissions(outcome="waiting")):
            self.release_waiting_submissions(case_id)


def get_arrival(row: Submission) -> datetime:
    """Return the moment at which a submission came."""
    return datetime.fromisoformat(row.received_at)
