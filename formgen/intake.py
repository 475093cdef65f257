"""The way in, in the order it happens: bytes are kept, read, judged, and settled exactly once."""

from __future__ import annotations

import hashlib
import os
import stat
import traceback
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, select, update
from uuid_utils.compat import uuid7

from formgen import __version__, formats, outbox, reply, wall
from formgen.errors import Busy, Finding, FormgenError, Unreadable
from formgen.form import Form, judge
from formgen.kinds import DayDate, Misread, clean
from formgen.process import Case, Move, advance
from formgen.registry import Registry, template_file
from formgen.settings import Workspace
from formgen.sheet import Answer, Identity, Paper, Sheet
from formgen.store import Journal, dump, events, records, returns, stamp, steps
from formgen.words import say

log = structlog.get_logger()

UNSAFE = {"macros", "altChunk", "embedded"}
AGAIN = {"transition_not_allowed", "unknown_case", "unknown_version", "bad_identity", "internal_error", "timeout"}
CHUNK = 1_048_576


@dataclass(frozen=True)
class Verdict:
    """What is to become of one return, and all that is known of it."""

    outcome: str
    code: str | None = None
    findings: tuple[Finding, ...] = ()
    identity: Identity | None = None
    form: type[Form] | None = None
    case: Case | None = None
    language: str = "fi"
    sheet: Sheet | None = None
    record: Form | None = None
    moves: tuple[Move, ...] = ()
    corrects: Mapping[str, Any] | None = None
    first_id: str | None = None
    waits_for: str | None = None
    confirmed_by: str | None = None


@dataclass(frozen=True)
class Intake:
    """The intake of one workspace; ``clock`` tells the time, ``new_id`` makes UUIDv7s."""

    workspace: Workspace
    journal: Journal
    registry: Registry
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID] = field(default=uuid7)

    # --- stop 1: the bytes are kept -----------------------------------------------------------

    def receive(self, file: Path, channel: str = "folder") -> str | None:
        """Keep a file's bytes, write its arrival down, and return the id of the return.

        The file itself is left alone; `let_go` removes it. None when it has changed or gone
        while it was copied: then it has not arrived yet.
        """
        before = file.lstat()
        work = self.workspace.var / "work" / str(self.new_id())
        digest = hashlib.sha256()
        try:
            with open_plain(file) as source, work.open("xb") as target:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
            if signature(file.lstat()) != signature(before):
                return None
            kept = self.workspace.originals / digest.hexdigest()
            work.replace(kept)
            outbox.flush(kept.parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Busy(detail=error.strerror or "") from error
        finally:
            work.unlink(missing_ok=True)
        return_id = str(self.new_id())
        self.journal.arrive(
            {
                "return_id": return_id,
                "sha256": digest.hexdigest(),
                "file_name": shown(file.name),
                "size": before.st_size,
                "channel": channel,
                "received_at": stamp(self.clock()),
            }
        )
        return return_id

    # --- stops 2 to 6: read, judge, advance ---------------------------------------------------

    def read(self, data: bytes, received: datetime) -> Verdict:
        """Return what is to become of the bytes; nothing is written."""
        try:
            sheet = wall.read(data, self.papers(), self.workspace.office.intake)
        except Unreadable as error:
            return rejected(error.code, Finding("format", "error", "", error.message, error.values))
        found = UNSAFE & set(sheet.facts)
        if found:
            message = "Tiedostossa on osia, joita lomakkeessa ei saa olla: {parts}."
            return rejected("unsafe", Finding("format", "error", "", message, {"parts": ", ".join(sorted(found))}))
        return self.recognise(sheet, received)

    def recognise(self, sheet: Sheet, received: datetime) -> Verdict:
        """Return the verdict on a sheet, starting from whose document it is."""
        identity, doubts = self.identity_of(sheet)
        if identity is None:
            code = "bad_identity" if any(name != "bookmark" for name in sheet.tokens) else "not_a_form"
            return replace(rejected(code, Finding("R89", "error", "", IDENTITY[code])), sheet=sheet)
        versions = self.registry.forms.get(identity.form)
        if versions is None or identity.version not in versions:
            code = "unknown_version" if versions else "unknown_form"
            number = "R90" if versions else "R89"
            return replace(rejected(code, Finding(number, "error", "", IDENTITY[code])), identity=identity)
        form = versions[identity.version]
        issued = self.journal.issued(str(identity.instance)) or {}
        earlier = self.journal.of_instance(str(identity.instance))
        case_id = earlier[-1]["case_id"] if earlier else issued.get("case_id") or sheet.claims.get("case_id", "")
        language = issued.get("language") or sheet.claims.get("language") or self.workspace.office.language
        base = Verdict("", identity=identity, form=form, language=language, sheet=sheet)
        claimed = sheet.claims.get("case_id", "")
        known = {item["case_id"] for item in self.journal.case_rows()}
        strange = claimed and claimed != case_id and not earlier
        if strange or (case_id and case_id not in known) or (not case_id and not opens_case(form)):
            finding = Finding("R89", "error", "", "Lomake ei kuulu tähän asiaan.")
            return replace(base, outcome="rejected", code="unknown_case", findings=(finding,))
        day = received.date()
        if case_id:
            case = self.journal.case(case_id, day, self.workspace.office, self.registry)
        else:
            case = Case("", day, self.workspace.office, forms=self.registry.ids, caseloads=self.journal.caseloads())
        return self.weigh(replace(base, case=case), doubts, issued.get("answers", {}), earlier)

    def weigh(
        self,
        base: Verdict,
        doubts: tuple[Finding, ...],
        given: Mapping[str, str],
        earlier: list[Mapping[str, Any]],
    ) -> Verdict:
        """Return the verdict on a recognised document: its answers, its rules, the process."""
        assert base.form and base.case and base.sheet, "the document has been recognised"
        form, case, sheet = base.form, base.case, base.sheet
        corrects = corrected(form, case, earlier)
        before = case.without(corrects["record_id"] if corrects else None)
        judged = judge(form, sheet, before, document_day(form, sheet, case))
        findings = (*judged.findings, *doubts, *locked(form, sheet, given))
        moves: tuple[Move, ...] = ()
        if judged.record and not any(found.severity == "error" for found in findings):
            key = answers_key(judged.record)
            same = next((item for item in earlier if item["answers_key"] == key), None)
            if same:
                return replace(base, outcome="duplicate", findings=findings, first_id=same["return_id"])
            moves, refused = advance(case, judged.record, correction=corrects is not None)
            findings = (*findings, *refused)
            outcome, code = ("rejected", "transition_not_allowed") if refused else ("accepted", None)
        else:
            outcome, code = "rejected", reason_code(findings)
        errors = [found for found in findings if found.severity == "error"]
        waits_for = None
        if errors and all(found.waits_for for found in errors):
            outcome, code, waits_for = "waiting", None, errors[0].waits_for
        elif not errors and any(found.severity == "review" for found in findings):
            outcome, code = "review", None
        return replace(
            base,
            outcome=outcome,
            code=code,
            findings=findings,
            record=judged.record,
            moves=moves,
            corrects=corrects,
            waits_for=waits_for,
        )

    def identity_of(self, sheet: Sheet) -> tuple[Identity | None, tuple[Finding, ...]]:
        """Return the verified identity, and what is doubtful when the carriers disagree."""
        tokens = {token for carrier, found in sheet.tokens.items() if carrier != "bookmark" for token in found}
        verified = {self.workspace.keys.verify(token) for token in tokens}
        identities = [identity for identity in verified if identity]
        instances = {UUID(found) for found in sheet.tokens.get("bookmark", ())}
        if not identities and not tokens:
            for instance in instances:
                if issued := self.journal.issued(str(instance)):
                    identities.append(Identity(issued["form"], issued["version"], instance))
        if not identities:
            return None, ()
        agreed = len(identities) == 1 and None not in verified and instances <= {identities[0].instance}
        doubt = Finding(
            "R89", "review", "", "Asiakirjan tunnisteet ovat ristiriidassa. Tarkistakaa, mistä lomakkeesta on kyse."
        )
        return sorted(identities, key=str)[0], () if agreed else (doubt,)

    def papers(self) -> dict[tuple[str, str], Paper]:
        """Return what the readers may look for: the questions and printed text of every form."""
        return {
            (form.id, version): Paper(form.questions(), self.printed(form))
            for versions in self.registry.forms.values()
            for version, form in versions.items()
        }

    def printed(self, form: type[Form]) -> frozenset[str]:
        """Return the text that the office's templates print around the fields."""
        docx = formats.every()["docx"]
        try:
            template = docx.load(template_file(self.workspace, form), form.questions())
        except FormgenError:
            return frozenset()
        office = self.workspace.office
        words = {
            "organiser": office.organiser,
            "privacy": office.privacy,
            "guidance": office.guidance,
            "about": form.about,
            "form_title": form.title,
        }
        found: frozenset[str] = template.printed(words)
        return found

    # --- stop 7: settled once -----------------------------------------------------------------

    def process(self, return_id: str) -> Verdict:
        """Read, judge and settle one return, and publish what came of it."""
        row = self.journal.returned(return_id=return_id)[0]
        limits = self.workspace.office.intake
        attempt = self.journal.attempt(return_id)
        received = datetime.fromisoformat(row["received_at"])
        first = self.first_of_same_bytes(row)
        if first:
            verdict = Verdict("duplicate", form=self.registry_form(first["form"]), first_id=first["return_id"])
        elif attempt > limits.attempts:
            verdict = rejected(
                "unsafe", Finding("format", "error", "", "Tiedoston lukeminen keskeytyi. Tiedosto ei ole turvallinen.")
            )
        else:
            verdict = self.attempted(row, received, last=attempt == limits.attempts)
        self.settle(row, verdict)
        self.publish()
        log.info("return.settled", return_id=return_id, outcome=verdict.outcome, code=verdict.code)
        if verdict.outcome == "accepted":
            self.release(return_id)
        return verdict

    def attempted(self, row: Mapping[str, Any], received: datetime, last: bool) -> Verdict:
        """Return the verdict on a kept file; a fault of ours ends in one too at the last attempt."""
        try:
            return self.read(self.original(row), received)
        except Busy:
            raise
        except Exception as error:
            if not last:
                raise
            log.error("return.failed", return_id=row["return_id"], error=type(error).__name__, at=raised_at(error))
            return rejected(
                "internal_error", Finding("format", "error", "", "Lomakkeen käsittely ei onnistunut. Vika on meillä.")
            )

    def original(self, row: Mapping[str, Any]) -> bytes:
        """Return the bytes of a return as they came; raise `Busy`."""
        try:
            return (self.workspace.originals / row["sha256"]).read_bytes()
        except OSError as error:
            raise Busy(detail=error.strerror or "") from error

    def registry_form(self, name: str | None) -> type[Form] | None:
        """Return the newest version of a form, or None for none."""
        return self.registry.latest(name) if name in self.registry.ids and name else None

    def first_of_same_bytes(self, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the earlier return of the same bytes whose answer still stands."""
        for other in self.journal.returned(sha256=row["sha256"]):
            if other["return_id"] == row["return_id"] or other["outcome"] in (None, "duplicate"):
                continue
            if other["outcome"] != "rejected" or other["code"] not in AGAIN:
                return other
        return None

    def release(self, return_id: str) -> None:
        """Look again at the returns that wait in the case that has just moved."""
        case_id = self.journal.returned(return_id=return_id)[0]["case_id"]
        for row in self.journal.returned(case_id=case_id, outcome="waiting"):
            verdict = self.read(self.original(row), datetime.fromisoformat(row["received_at"]))
            if verdict.outcome != "waiting":
                self.settle(row, verdict)
                self.publish()
                self.release(return_id)
                return

    def confirm(self, return_id: str, who: str, values: Mapping[str, str]) -> Verdict:
        """Settle a return in review as a person has decided: as it was read, or with other values.

        It goes through the same rules; errors leave it where it is.
        """
        row = self.journal.returned(return_id=return_id)[0]
        received = datetime.fromisoformat(row["received_at"])
        sheet = wall.read(self.original(row), self.papers(), self.workspace.office.intake)
        answers = dict(sheet.answers) | {path: Answer(text, "confirmed") for path, text in values.items()}
        verdict = replace(self.recognise(replace(sheet, answers=answers), received), confirmed_by=who)
        if verdict.outcome == "review" and verdict.record:
            verdict = replace(verdict, outcome="accepted")
        if verdict.outcome == "accepted":
            self.settle(row, verdict)
            self.publish()
            self.release(return_id)
        return verdict

    def refuse(self, return_id: str, who: str) -> None:
        """Reject a return in review or waiting, as a person has decided."""
        row = self.journal.returned(return_id=return_id)[0]
        verdict = self.read(self.original(row), datetime.fromisoformat(row["received_at"]))
        log.info("return.refused", return_id=return_id, by=who)
        self.settle(row, replace(verdict, outcome="rejected", code=verdict.code or "invalid_values", waits_for=None))
        self.publish()

    def expire(self) -> None:
        """Reject the returns that have waited longer than the settings allow."""
        limit = self.clock() - timedelta(days=self.workspace.office.intake.waiting_days)
        for row in self.journal.returned(outcome="waiting"):
            if datetime.fromisoformat(row["received_at"]) < limit:
                verdict = self.read(self.original(row), datetime.fromisoformat(row["received_at"]))
                if verdict.outcome == "waiting":
                    verdict = replace(verdict, outcome="rejected", code="transition_not_allowed", waits_for=None)
                self.settle(row, verdict)
        self.publish()

    def settle(self, row: Mapping[str, Any], verdict: Verdict) -> None:
        """Write everything that a verdict means in one transaction."""
        at = self.clock()
        changes: dict[str, Any] = {
            "outcome": verdict.outcome,
            "code": verdict.code,
            "form": verdict.form.id if verdict.form else None,
            "instance_id": str(verdict.identity.instance) if verdict.identity else None,
            "case_id": (verdict.case.case_id or None) if verdict.case else None,
            "first_id": verdict.first_id,
            "waits_for": verdict.waits_for,
            "language": verdict.language,
            "processed_at": stamp(at),
        }
        path: Path | None = None
        with self.journal.transaction() as connection:
            if verdict.outcome == "accepted":
                changes |= self.accept(connection, row, verdict, at)
                path = outbox.record_path(self.workspace, changes["case_id"], changes["record_id"], changes["form"])
            if verdict.outcome in ("rejected", "review", "waiting"):
                changes["reason"] = dump(reason(row, verdict))
            if verdict.outcome == "rejected":
                day = at.astimezone().date().isoformat()
                taken = connection.execute(
                    select(returns.c.rejected_as).where(returns.c.rejected_as.startswith(f"{day}/"))
                ).scalars()
                changes["rejected_as"] = outbox.free_name(day, row["file_name"], [name for name in taken if name])
                path = outbox.rejected_path(self.workspace, changes["rejected_as"])
            connection.execute(update(returns).where(returns.c.return_id == row["return_id"]).values(**changes))
            announce(connection, self.workspace, row, changes, path, at)

    def accept(self, connection: Connection, row: Mapping[str, Any], verdict: Verdict, at: datetime) -> dict[str, Any]:
        """Write record and steps, and return what the return's own row is to say."""
        assert verdict.record and verdict.identity and verdict.case, "only a whole record is accepted"
        case, record = verdict.case, verdict.record
        case_id = case.case_id or self.journal.open_case(
            connection, self.workspace.office.case_prefix, at, case.previous
        )
        record_id = str(self.new_id())
        payload = envelope(row, verdict, record_id, case_id, at)
        connection.execute(
            records.insert().values(
                record_id=record_id,
                case_id=case_id,
                form=record.id,
                version=record.version,
                instance_id=str(verdict.identity.instance),
                answers_key=answers_key(record),
                version_no=payload["version_no"],
                supersedes=payload["supersedes"],
                return_id=row["return_id"],
                payload=dump(payload),
            )
        )
        seq = case.steps[-1].seq if case.steps else 0
        phase = case.phase
        for move in verdict.moves or (None,):
            seq += 1
            after = move.target if move else phase
            connection.execute(
                steps.insert().values(
                    case_id=case_id,
                    seq=seq,
                    record_id=record_id,
                    form=record.id,
                    transition=move.id if move else None,
                    phase_before=phase,
                    phase_after=after,
                    coach=record.coach or case.coach,
                    at=stamp(at),
                )
            )
            phase = after
        return {"case_id": case_id, "record_id": record_id}

    def publish(self) -> None:
        """Write to the outbox whatever the journal says and the outbox lacks."""
        for event in self.journal.feed(outbox.last_seq(self.workspace)):
            self.publish_event(event)
        outbox.publish_feed(self.workspace, self.journal.feed(outbox.last_seq(self.workspace)))

    def publish_event(self, event: Mapping[str, Any]) -> None:
        """Write the files that one event is about."""
        row = self.journal.returned(return_id=event["return_id"])[0]
        if event["event"] == "record.accepted":
            record = self.journal.record(row["record_id"])
            assert record, "an accepted return has its record"
            outbox.publish_record(self.workspace, record["payload"])
        elif event["event"] == "return.rejected":
            letter = reply.letter(row, self.registry_form(row["form"]), self.workspace.office)
            original = self.workspace.originals / row["sha256"]
            outbox.publish_rejection(self.workspace, row["rejected_as"], original, row["reason"], letter)

    def recover(self) -> None:
        """Clear what a crash has left half done: work files go, what the outbox lacks is published."""
        for work in (self.workspace.var / "work").iterdir():
            work.unlink(missing_ok=True)
        for event in self.journal.feed():
            self.publish_event(event)
        self.publish()


IDENTITY = {
    "bad_identity": "Lomakkeen tunniste ei ole aito. Käytä yksiköltä saatua lomaketta.",
    "not_a_form": "Tiedostosta ei löydy lomaketunnusta. Täytä yksiköltä saatu lomake ja lähetä se.",
    "unknown_form": "Lomake on tuntematon.",
    "unknown_version": "Lomakepohjan versio on tuntematon.",
}


def rejected(code: str, *findings: Finding) -> Verdict:
    """Return the verdict on a file that nothing more is known of."""
    return Verdict("rejected", code, findings)


# --- small questions --------------------------------------------------------------------------


def open_plain(file: Path) -> Any:
    """Return a stream on a regular file; a link, FIFO or device raises `OSError`."""
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    stream = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        stream.close()
        raise FileNotFoundError(file)
    return stream


def signature(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return what changes when a file is changed or replaced."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def shown(name: str) -> str:
    """Return a file's name as text: NFC, no control characters, undecodable bytes replaced."""
    text = os.fsencode(name).decode("utf-8", "replace")
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return unicodedata.normalize("NFC", text)


def opens_case(form: type[Form]) -> bool:
    """Tell whether a form may come before there is a case."""
    return any(move.source is None for move in form.moves)


def corrected(form: type[Form], case: Case, earlier: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return id and version of the record that a document corrects: its own, or the only one of its form."""
    if earlier:
        return earlier[-1]
    current = case.current(form.id) if form.single else ()
    return {"record_id": current[-1].record_id, "version_no": current[-1].version_no} if current else None


def replaced(verdict: Verdict) -> Mapping[str, Any] | None:
    """Return id and version of the record that a new one takes the place of, if any."""
    assert verdict.form and verdict.case, "the document has been recognised"
    current = verdict.case.current(verdict.form.id) if verdict.form.versions else ()
    if verdict.corrects or not current:
        return verdict.corrects
    return {"record_id": current[-1].record_id, "version_no": current[-1].version_no}


def document_day(form: type[Form], sheet: Sheet, case: Case) -> date:
    """Return the day that a document says it is of, else today: what codes must be valid on."""
    answer = sheet.answers.get(form.dated)
    try:
        day = DayDate().read(answer.text, case.today).value if answer else None
    except Misread:
        day = None
    return day or case.today


def locked(form: type[Form], sheet: Sheet, given: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for every locked answer that is not as it was issued."""
    for asked in form.fields:
        answer = sheet.answers.get(asked.name)
        if asked.locked and answer and given.get(asked.name) and clean(answer.text) != clean(given[asked.name]):
            yield Finding("choice", "review", asked.name, "Lukittua tietoa on muutettu. Tarkistakaa, kumpi on oikein.")


def reason_code(findings: Iterable[Finding]) -> str:
    """Return the reason for a rejection: the process only when nothing else is wrong."""
    errors = [found for found in findings if found.severity == "error"]
    process = errors and all(found.waits_for or found.code.startswith("T") for found in errors)
    return "transition_not_allowed" if process else "invalid_values"


def answers_key(record: Form) -> str:
    """Return a digest of what a record says: the same answers give the same key."""
    return hashlib.sha256(dump(record.model_dump(mode="json")).encode()).hexdigest()


def said(found: Finding, language: str) -> dict[str, str]:
    """Return a finding as it is written outside."""
    return {
        "code": found.code,
        "severity": found.severity,
        "field": found.field,
        "message": say(found.message, language, **found.values),
    }


def reason(row: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    """Return why a return was not accepted, as the outside contract has it."""
    return {
        "code": verdict.code,
        "errors": [said(found, verdict.language) for found in verdict.findings if found.severity != "warning"],
        "file_name": row["file_name"],
        "sha256": row["sha256"],
        "form": verdict.form.id if verdict.form else None,
        "case_id": (verdict.case.case_id or None) if verdict.case else None,
        "received_at": row["received_at"],
    }


def envelope(
    row: Mapping[str, Any], verdict: Verdict, record_id: str | None, case_id: str | None, at: datetime
) -> dict[str, Any]:
    """Return the record as the outside contract has it."""
    record, case, sheet, identity = verdict.record, verdict.case, verdict.sheet, verdict.identity
    assert record and case and sheet and identity, "only a whole record has an envelope"
    earlier = replaced(verdict)
    return {
        "record_schema": "formgen.record/1",
        "record_id": record_id,
        "form": record.id,
        "form_version": record.version,
        "instance_id": str(identity.instance),
        "case_id": case_id,
        "version_no": earlier["version_no"] + 1 if earlier else 1,
        "supersedes": earlier["record_id"] if earlier else None,
        "language": verdict.language,
        "phase": {
            "before": case.phase,
            "after": verdict.moves[-1].target if verdict.moves else case.phase,
            "transition": verdict.moves[0].id if verdict.moves else None,
        },
        "data": record.model_dump(mode="json"),
        "signatures": {role: block.model_dump(mode="json") for role, block in record.signatures().items()},
        "issues": [said(found, verdict.language) for found in verdict.findings],
        "provenance": {
            "file_name": row["file_name"],
            "sha256": row["sha256"],
            "size": row["size"],
            "media_type": media_type(sheet.reader),
            "channel": row["channel"],
            "received_at": row["received_at"],
            "processed_at": stamp(at),
            "software": f"formgen {__version__}",
            "reader": sheet.reader,
            "confirmed_by": verdict.confirmed_by,
            "fields": {
                path: {"raw": answer.text, "layer": answer.layer, "confidence": answer.confidence}
                for path, answer in sheet.answers.items()
                if answer.text
            },
        },
    }


def media_type(reader: str) -> str:
    """Return the media type of what a reader reads."""
    module = formats.every().get(reader)
    found: str = module.MEDIA_TYPE if module else MEDIA_TYPES.get(reader, "application/octet-stream")
    return found


MEDIA_TYPES = {"odt": "application/vnd.oasis.opendocument.text", "doc": "application/msword", "rtf": "application/rtf"}


def announce(
    connection: Connection,
    workspace: Workspace,
    row: Mapping[str, Any],
    changes: Mapping[str, Any],
    path: Path | None,
    at: datetime,
) -> None:
    """Write the event of a settled return; its line in the feed is derived from it."""
    kind = "record.accepted" if changes["outcome"] == "accepted" else f"return.{changes['outcome']}"
    inserted = connection.execute(events.insert().values(event=kind, return_id=row["return_id"], body=""))
    assert inserted.inserted_primary_key, "the database numbers events"
    seq = inserted.inserted_primary_key[0]
    body = {
        "seq": seq,
        "event": kind,
        "at": stamp(at),
        "return_id": row["return_id"],
        "sha256": row["sha256"],
        "form": changes["form"],
        "case_id": changes["case_id"],
        "record_id": changes.get("record_id"),
        "first": changes["first_id"],
        "waits_for": changes["waits_for"],
        "code": changes["code"],
        "path": path.relative_to(workspace.outbox).as_posix() if path else None,
    }
    connection.execute(update(events).where(events.c.seq == seq).values(body=dump(body)))


def raised_at(error: BaseException) -> str:
    """Return where an error was raised: file and line, never a value."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def let_go(file: Path, status: os.stat_result) -> None:
    """Remove a file from the inbox, if it is still the one that was kept."""
    with suppress(FileNotFoundError):
        if signature(file.lstat()) == signature(status):
            file.unlink()
