"""What a person or a program can do in a workspace, one method each: the public interface of formgen.

The command line and other programs read what they are given, call these methods, and show what comes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from formgen import files, formats, intake
from formgen.cases.workflow import Case, Task, check_hold, check_resume, list_tasks
from formgen.documents.extraction import UNSEEN, Answer, Extraction
from formgen.encryption import NO_ENCRYPTION, load_encryptor
from formgen.errors import Finding, OutOfReach, SandboxUnavailable, UsageError
from formgen.forms.form import Form
from formgen.forms.registry import Registry, find_template, load_forms
from formgen.i18n import N_
from formgen.intake.duplicates import Repeat, find_repeat, predict_repeat
from formgen.intake.identify import IdentifiedDocument
from formgen.intake.outcomes import Accepted, Duplicate, Outcome, answer_sender
from formgen.intake.pipeline import NOT_PENDING, Intake
from formgen.intake.publication import build_record, build_rejection
from formgen.intake.retries import ALL
from formgen.intake.review import Doubt, list_doubts
from formgen.issuing.issue import GeneratedDocument, archive_record, issue_document
from formgen.publishing import outbox
from formgen.publishing.contract import Record, Rejection
from formgen.reports import integrity
from formgen.settings import CONTENT_MODE, PACKAGED, WorkspaceFolder
from formgen.storage.access_log import Actor, Head
from formgen.storage.cases import Caseloads
from formgen.storage.journal import Journal
from formgen.storage.ledger import Flaw
from formgen.storage.moments import format_timestamp, to_local_date
from formgen.storage.rekey import reencrypt_workspace
from formgen.storage.rows import AccessLine, SigningKey, Submission

if TYPE_CHECKING:
    from formgen.intake.health import Health, Problem
    from formgen.intake.watcher import Watch


NOT_OPENED = N_("Tiedostoa ei voi avata: {file}")
EXAMPLE_SETTINGS = """\
# formgen: toimiston asetukset. Jokaisella on oletus, joten tiedosto voi olla tyhjäkin.

organiser = "Esimerkkilän hyvinvointialue"
author = "Työhönvalmennuksen tiimi"
case_prefix = "PK"

# [[coaches]]
# name = "Veera Valmentaja"
# phone = "+358 40 000 0000"
# email = "veera.valmentaja@example.fi"

[intake]
quiet = 1.0
"""
PAUSE = 0.2  # seconds between looks at what another daemon has settled
NOTHING: Mapping[str, str] = MappingProxyType({})
Place = Path | str


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a file, or would: the record or the reason that others read, and the answers that it held.

    ``answers`` is None for a file that is no form of ours; ``repeat`` tells of what came before it.
    """

    submission: Submission
    outcome: str
    record: Record | None = None
    reason: Rejection | None = None
    answers: Mapping[str, Answer] | None = None
    repeat: Repeat | None = None


@dataclass(frozen=True, kw_only=True)
class Review:
    """A submission that a person decides on: what it would become, each place in doubt, and the files of pictures."""

    result: Result
    doubts: tuple[Doubt, ...]
    pictures: Mapping[str, str]


@dataclass(frozen=True)
class Workspace:
    """A workspace: whoever acts in it is the user of the machine, ``by`` their own name where it is another.

    ``command`` is what they run; both stand in the access log. Places are paths or texts.
    """

    root: Path
    by: str = ""
    command: str = ""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        """Take the folder as it is written, as text too."""
        object.__setattr__(self, "root", Path(self.root))

    @classmethod
    def create(cls, root: Path | str) -> Workspace:
        """Make a workspace where there is none yet: its folders, settings, templates, database and schemas."""
        made = cls(Path(root).resolve())
        folder = made.folder.make_folders()
        settings = folder.root / "formgen.toml"
        if not settings.exists():
            files.write_file(settings, EXAMPLE_SETTINGS.encode(), CONTENT_MODE)
        _ = made.journal
        for source in sorted((PACKAGED / "templates" / "forms").iterdir()):
            target = folder.root / "templates" / "forms" / source.name
            if not target.exists():
                files.write_file(target, source.read_bytes(), CONTENT_MODE)
        made.write_schemas()
        return made

    @property
    def actor(self) -> Actor:
        """Who acts, as the access log tells it."""
        return Actor.from_system_user(self.command, self.by)

    @cached_property
    def folder(self) -> WorkspaceFolder:
        """Its folders and settings."""
        return WorkspaceFolder(self.root)

    @cached_property
    def registry(self) -> Registry:
        """Its forms."""
        return load_forms(self.folder)

    @cached_property
    def journal(self) -> Journal:
        """Its database; raise `OutOfReach` when there is no such folder or it is not as it was written."""
        if not self.root.is_dir():
            raise OutOfReach(detail=str(self.root))
        folder = self.folder.make_folders()
        return Journal.open_or_create(folder.var, self.actor, folder.encryptor, folder.head)

    @cached_property
    def intake(self) -> Intake:
        """Its way in."""
        return Intake(self.folder, self.journal, self.registry, self.clock)

    @property
    def today(self) -> date:
        """The day by the office's own clock."""
        return to_local_date(self.clock())

    # --- documents ----------------------------------------------------------------------------

    def generate(
        self,
        form: str,
        *,
        case_id: str | None = None,
        language: str | None = None,
        format_name: str | None = None,
        blank: bool = False,
        for_employer: bool = False,
        about: str = "",
        path: Place | None = None,
    ) -> GeneratedDocument:
        """Make a document of a form, prefilled from a case; raise `UsageError` where it may not be used now.

        ``blank`` leaves out what is known of the client, ``for_employer`` what the client has not let employers
        know; ``about`` chooses one of several jobs or employers. Into a folder it comes under its own name.
        """
        found, instance = self.registry.find_latest_version(form), self.intake.new_id()
        path = Path(path) if path else None
        if path and path.is_dir():
            made_as = formats.find_output_format(format_name) if format_name else formats.get_preferred_format()
            path /= f"{found.id}-{str(instance)[-12:]}{formats.get_ending(made_as)}"
        return issue_document(
            self.folder,
            self.journal,
            self.registry,
            found,
            now=self.clock(),
            instance=instance,
            case_id=case_id,
            language=language,
            empty=blank,
            employer=for_employer,
            about=about,
            format_name=format_name,
            path=path,
        )

    def list_needed_forms(self, case_id: str) -> list[type[Form]]:
        """List the forms that a case needs now."""
        case = self.load_case(case_id)
        return [form for form in self.registry if form.is_needed(case)]

    def archive(self, record_id: str, path: Place | None = None) -> GeneratedDocument:
        """Make the copy of a record that is archived, with the record attached; raise `UsageError` for no record."""
        target = Path(path) if path else None
        if target and target.is_dir():
            target /= record_id + formats.get_ending(formats.get_archive_format())
        return archive_record(self.folder, self.journal, self.registry, record_id, self.clock(), target)

    # --- submissions --------------------------------------------------------------------------

    def read(self, place: Place) -> Result:
        """Read a file and decide on it as if it had come in; nothing is written. Raise `OSError` without a file."""
        file = Path(place)
        at, size = self.clock(), file.stat().st_size
        is_large = size > self.folder.office.intake.max_bytes
        data = b"" if is_large else file.read_bytes()
        engine = self.intake.decision_engine
        decision = engine.reject_oversized_file() if is_large else engine.decide_file(data, at)
        if decision.case_id:
            self.journal.log_reads(at, {"case_id": decision.case_id})
        submission = Submission(
            submission_id="",
            sha256="" if is_large else outbox.compute_digest(data),
            file_name=file.name,
            size=size,
            channel="read",
            received_at=format_timestamp(at),
        )
        first = self.intake.find_identical_submission(submission)
        return self.describe_decision(submission, decision, predict_repeat(decision, first))

    def receive(self, place: Place) -> str:
        """Take a file in as if it had been dropped into the inbox, and return the id of the submission.

        The file itself stays. Raise `UsageError` for one that cannot be taken.
        """
        file = Path(place)
        submission_id = self.intake.arrivals.receive_file(file, "cli") if file.is_file() else None
        if submission_id is None:
            raise UsageError(NOT_OPENED, file=str(file))
        return submission_id

    def wait_for_result(self, submission_id: str) -> Result:
        """Wait until a submission is settled, here or by the daemon when one is at work; return what became of it.

        Raise `OutOfReach` when something that is no fault of the file's keeps it from being processed.
        """
        if not self.journal.find_submissions(submission_id=submission_id):
            raise UsageError("Palautusta {id} ei ole.", id=submission_id)
        while (submission := self.journal.get_submission(submission_id)).outcome is None:
            try:
                intake.Watch(self.intake).run(once=True, inbox=False)
            except SandboxUnavailable:
                raise
            except OutOfReach:
                intake.require_sandbox(self.folder, living=True)
                time.sleep(PAUSE)
            for problem in self.journal.list_problems("process"):
                if problem.subject in (ALL, submission_id) and not submission.attempts:
                    raise OutOfReach(detail=problem.cause)
        return self.describe_submission(submission)

    def describe_submission(self, submission: Submission) -> Result:
        """Describe what became of a submission."""
        record = self.journal.find_record(submission.record_id)
        return Result(
            submission=submission,
            outcome=submission.outcome or "in_work",
            record=record.content if record else None,
            reason=submission.rejection if submission.reason else None,
            answers=select_answers(self.intake.identify_submission(submission)),
            repeat=find_repeat(self.journal, self.registry, submission),
        )

    def describe_decision(self, submission: Submission, decision: Outcome, repeat: Repeat | None = None) -> Result:
        """Describe what a submission would become by a decision that is not settled."""
        at = self.clock()
        is_final = isinstance(decision, Accepted | Duplicate)
        return Result(
            submission=submission,
            outcome=decision.outcome,
            record=build_record(submission, decision, None, decision.case_id, at)
            if isinstance(decision, Accepted)
            else None,
            reason=None if is_final else build_rejection(submission, answer_sender(decision)),
            answers=select_answers(decision.about),
            repeat=repeat,
        )

    def build_watch(self, poll: float | None = None) -> Watch:
        """Build the daemon of the inbox; ``poll`` is the seconds between looks at a network share."""
        watch = intake.Watch(self.intake, poll)  # refuses a workspace that it may not open before anything is written
        self.write_schemas()
        return watch

    # --- review -------------------------------------------------------------------------------

    def list_pending(self) -> list[Submission]:
        """List the submissions in review, then those that wait for another form."""
        found = [row for outcome in ("review", "waiting") for row in self.journal.find_submissions(outcome=outcome)]
        self.journal.log_reads(
            self.clock(), *({"submission_id": row.submission_id, "case_id": row.case_id} for row in found)
        )
        return found

    def find_pending(self, submission_id: str) -> Submission:
        """Find a submission that awaits a decision; raise `UsageError` for any other."""
        for row in self.journal.find_submissions(submission_id=submission_id):
            if row.outcome in ("review", "waiting"):
                return row
        raise UsageError(NOT_PENDING, id=submission_id)

    def show_review(self, submission_id: str, language: str, pictures: Place | None = None) -> Review:
        """Show what was read of a submission that awaits a decision, and what is doubtful, in a language.

        Pictures of the places in doubt are written into a folder; without one into the workspace, unless it is sealed.
        """
        submission = self.find_pending(submission_id)
        self.journal.log_reads(self.clock(), {"submission_id": submission_id, "case_id": submission.case_id})
        found = self.intake.load_extraction(submission)
        decision = self.intake.decide_submission(submission, found)
        shown = found.pictures if isinstance(found, Extraction) else {}
        files_by_path = self.intake.write_pictures(submission, shown, Path(pictures) if pictures else None)
        doubts = tuple(list_doubts(decision, language, files_by_path))
        return Review(result=self.describe_decision(submission, decision), doubts=doubts, pictures=files_by_path)

    def accept(self, submission_id: str, changes: Mapping[str, str] = NOTHING) -> Result:
        """Accept a submission as it was read, or with other answers by path; it goes through the same rules.

        Errors leave it where it is. Raise `UsageError` for a path that the form does not have.
        """
        submission = self.find_pending(submission_id)
        decision = self.intake.confirm_submission(submission, self.by or self.actor.name, changes)
        if isinstance(decision, Accepted):
            return self.describe_submission(self.journal.get_submission(submission_id))
        return self.describe_decision(submission, decision)

    def reject(self, submission_id: str) -> None:
        """Reject a submission that awaits a decision."""
        self.intake.reject_submission(self.find_pending(submission_id))

    # --- cases --------------------------------------------------------------------------------

    def load_case(self, case_id: str) -> Case:
        """Load a case as it is today; raise `UsageError` for one that there is not."""
        return self.journal.load_case(case_id, self.today, self.folder.office, self.registry)

    def list_cases(self) -> list[Case]:
        """List all cases as they are today, by coach."""
        self.journal.log_reads(self.clock(), {"case_id": "*"})
        found = map(self.load_case, self.journal.list_case_ids())
        return sorted(found, key=lambda case: (case.coach or "", case.case_id))

    def show_case(self, case_id: str) -> Case:
        """Show a case as it is today; raise `UsageError` for one that there is not."""
        found = self.load_case(case_id)
        self.journal.log_reads(self.clock(), {"case_id": case_id})
        return found

    def count_cases_by_coach(self) -> Mapping[str, int]:
        """Count the open cases of each coach."""
        return Caseloads(self.journal)

    def list_tasks(self, case_ids: Iterable[str] = ()) -> list[tuple[Case, Task]]:
        """List the open tasks of some cases or of all, those that are overdue longest coming first."""
        chosen = list(case_ids)
        cases = [self.load_case(case_id) for case_id in chosen or self.journal.list_case_ids()]
        self.journal.log_reads(self.clock(), *({"case_id": case_id} for case_id in chosen or "*"))
        found = [(case, task) for case in cases for task in list_tasks(case)]
        return sorted(found, key=lambda item: (item[1].due, item[0].case_id))

    def find_case_submissions(self, case_id: str, outcome: str) -> list[Submission]:
        """Find the submissions of a case that have an outcome, oldest first."""
        return self.journal.find_submissions(case_id=case_id, outcome=outcome)

    def open_case(self) -> str:
        """Open a case by hand and return its id."""
        with self.journal.begin_transaction() as connection:
            return self.journal.open_case(connection, self.folder.office.case_prefix, self.clock())

    def hold(self, case_id: str, start: date, next_contact: date, reason: str) -> tuple[Finding, ...]:
        """Put a case on hold, and return what should be looked at; raise `UsageError` where it cannot be."""
        case = self.load_case(case_id)
        found = tuple(check_hold(case, start, next_contact))
        note = {"reason": reason, "start": start.isoformat(), "next_contact": next_contact.isoformat()}
        return self.take_step(case, case.process.hold.begin, found, note)

    def resume(self, case_id: str, end: date) -> tuple[Finding, ...]:
        """End the hold of a case, and return what should be looked at; raise `UsageError` where it cannot be."""
        case = self.load_case(case_id)
        return self.take_step(case, case.process.hold.end, tuple(check_resume(case, end)), {"end": end.isoformat()})

    def take_step(
        self, case: Case, transition: str, findings: tuple[Finding, ...], note: Mapping[str, str]
    ) -> tuple[Finding, ...]:
        """Write a step that no document makes; raise `UsageError` where a finding forbids it."""
        for found in findings:
            if found.severity == "error":
                raise UsageError(found.message, **{name: str(value) for name, value in found.values.items()})
        self.journal.add_manual_step(case, transition, note, self.clock())
        return findings

    def accept_changed_values(self, case_id: str) -> list[str]:
        """Accept the known values that documents have changed or other records contradict; return their places."""
        case = self.load_case(case_id)
        places = [*case.find_changed_values(), *case.find_contradictions()]
        if places:
            self.take_step(case, "", (), {"accepted": " ".join(places)})
        return places

    # --- the workspace as a whole -------------------------------------------------------------

    def check_health(self, now: float) -> Health:
        """Check its counts, queue and problems; ``now`` is the system's clock in seconds."""
        return intake.check_health(self.folder, self.journal, now)

    def find_unfinished_work(self) -> tuple[Problem, ...]:
        """Find what a daemon that has ended could not take, process or publish."""
        return intake.find_unfinished_work(self.folder, self.journal)

    def verify(self, head: Head | None = None) -> tuple[list[Flaw], Head]:
        """Verify that everything is as it was written; return what is not, and where the access log ends now.

        ``head`` is where it ended as it was noted elsewhere.
        """
        found = list(integrity.find_flaws(self.folder, self.journal, head))
        with self.journal.begin_transaction() as connection:
            return found, self.journal.find_head(connection)

    def list_accesses(self, case_id: str = "", record_id: str = "", submission_id: str = "") -> list[AccessLine]:
        """List who read or changed what, of all or of one case, record or submission."""
        asked = {"case_id": case_id, "record_id": record_id, "submission_id": submission_id}
        return self.journal.find_log_lines(**{name: value for name, value in asked.items() if value})

    def list_keys(self) -> list[SigningKey]:
        """List the signing keys, oldest first."""
        return self.journal.list_signing_keys()

    def rotate_key(self) -> str:
        """Make the key that signs from now on and return its name; what older ones have signed stays good."""
        return self.journal.rotate_key(self.clock())

    def revoke_key(self, key: str, reason: str = "") -> None:
        """Have the documents of a key go to review; raise `UsageError` for the one that signs."""
        self.journal.revoke_key(key, reason, self.clock())

    def encrypt(self, old_key: Place | None = None) -> str:
        """Bring what is kept to the key of the settings and return its name, empty when there is none.

        Raise `OutOfReach` while the daemon runs, or when neither key is that of the workspace.
        """
        folder = self.folder.make_folders()
        old = load_encryptor(Path(old_key), folder.root) if old_key else NO_ENCRYPTION
        with intake.hold_workspace_lock(folder):
            reencrypt_workspace(folder, old, self.actor, self.clock())
        return folder.encryptor.name if folder.encryptor.key else ""

    def write_schemas(self, place: Place | None = None) -> list[Path]:
        """Write the JSON Schemas of what is published, and return their files."""
        mode = self.folder.office.files.bits
        return outbox.publish_schemas(Path(place) if place else self.folder.outbox / "schemas", self.registry, mode)

    def build_template(self, form: str, *, replace: bool = False) -> Path:
        """Build the first draft of a form's template; raise `FileExistsError` where the office has one already."""
        found, templates = self.registry.find_latest_version(form), formats.get_templates()
        file = self.folder.root / "templates" / "forms" / f"{found.id}{templates.ending}"
        if file.exists() and not replace:
            raise FileExistsError(file)
        draft = templates.build_template(found.title, found.number, found.version, found.list_questions(), found.unit)
        files.write_file(file, draft)
        return file

    def check_template(self, place: Place) -> list[Finding]:
        """Check that the template in a file is whole; raise `UsageError` or `OSError` for one that cannot be read."""
        file = Path(place)
        form = self.registry.find_latest_version(file.stem)
        return list(formats.get_templates().find_problems(file, form.list_questions()))

    def list_templates(self) -> list[Path]:
        """List the templates of all forms."""
        return [find_template(self.folder, form) for form in self.registry]


def select_answers(about: IdentifiedDocument | None) -> Mapping[str, Answer] | None:
    """Select what stood in the fields of a document, nothing that was known besides; None for no form of ours."""
    if about is None:
        return None
    return {path: answer for path, answer in about.extraction.answers.items() if answer.layer not in UNSEEN}
