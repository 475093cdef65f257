"""The way in, in the order it happens: bytes are kept, read, judged, and settled exactly once."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from formgen import files, issue, outbox
from formgen.errors import Busy, CutOff, Unreadable, UsageError, raised_at
from formgen.faults import reached
from formgen.receipt import receipt
from formgen.registry import Registry
from formgen.settings import Workspace
from formgen.sheet import Answer, Sheet
from formgen.store import Journal, Row, Transaction, day, dump, stamp
from formgen.verdict import Desk, Verdict, answers_key, asks, envelope, kept, reason, refused

log = structlog.get_logger()

AGAIN = {"transition_not_allowed", "unknown_case", "unknown_version", "bad_identity", "internal_error", "timeout"}
CHUNK = 1_048_576
MANY = 100  # events that are published together
WORK_SECONDS = 3600.0  # after which a work file is nobody's any more
Found = TypeVar("Found")


@dataclass(frozen=True)
class Kept:
    """A file whose bytes have been kept: the row of its return, which has ``arrived`` when it is written already."""

    row: Row
    arrived: bool = False


@dataclass(frozen=True)
class Begun:
    """A return that has been opened: which attempt it is, and its sheet or the verdict on what cannot be read.

    Nothing is ``found`` where there is nothing to open: the bytes are known, or have been tried too often.
    """

    row: Row
    attempt: int
    found: Sheet | Verdict | None = None


@dataclass(frozen=True)
class Intake:
    """The intake of one workspace; ``clock`` tells the time, ``new_id`` makes UUIDv7s."""

    workspace: Workspace
    journal: Journal
    registry: Registry
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID] = field(default=uuid7)

    @cached_property
    def desk(self) -> Desk:
        """Return where returns are read and weighed."""
        return Desk(self.workspace, self.journal, self.registry)

    # --- stop 1: the bytes are kept -----------------------------------------------------------

    def receive(self, file: Path, channel: str = "folder") -> str | None:
        """Keep a file's bytes, write its arrival down, and return the id of the return.

        The file itself is left alone; `let_go` removes it. None when it has changed or gone
        while it was copied: then it has not arrived yet.
        """
        kept = self.keep(file, channel)
        if kept:
            self.arrive([kept])
        return kept.row["return_id"] if kept else None

    def keep(self, file: Path, channel: str = "folder") -> Kept | None:
        """Return what is to be written of a file whose bytes have been kept; None when it is not whole yet.

        A file that was kept before a crash, but not let go, is the same return.
        """
        before = file.lstat()
        source = f"{channel}:{shown(str(file))}:{signature(before)}"
        if channel == "folder" and (earlier := self.journal.returned(source=source)):
            return Kept(earlier[0], arrived=True)
        work = self.workspace.var / "work" / str(self.new_id())
        digest = hashlib.sha256()
        try:
            with open_plain(file) as stream, files.new(work) as target:
                reached("copy.begun")
                with self.workspace.vault.into(target) as sealing:
                    while chunk := stream.read(CHUNK):
                        digest.update(chunk)
                        sealing.write(chunk)
                reached("copy.written")
                files.put(target)
            reached("copy.flushed")
            if signature(file.lstat()) != signature(before):
                return None
            work.replace(self.workspace.vault.place(self.workspace.originals, digest.hexdigest()))
            reached("original.named")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Busy(detail=error.strerror or "") from error
        finally:
            with suppress(OSError):
                work.unlink(missing_ok=True)
        row = {
            "return_id": str(self.new_id()),
            "sha256": digest.hexdigest(),
            "file_name": shown(file.name),
            "size": before.st_size,
            "channel": channel,
            "source": source,
            "received_at": stamp(self.clock()),
        }
        return Kept(row)

    def arrive(self, kept: Iterable[Kept]) -> None:
        """Write down the arrival of files whose bytes have been kept; from now on they are returns."""
        new = [item.row for item in kept if not item.arrived]
        if new:
            try:
                files.flush(self.workspace.originals)
            except OSError as error:
                raise Busy(detail=error.strerror or "") from error
            reached("original.flushed")
            self.journal.arrive(new)
            reached("arrival.written")

    # --- stops 2 to 7: read, judged, settled once ---------------------------------------------

    def process(self, return_id: str) -> Verdict:
        """Read, judge and settle one return, and publish what came of it."""
        row = self.journal.returned(return_id=return_id)[0]
        self.attempt([row])
        return self.conclude(self.begin(row))

    def attempt(self, rows: Iterable[Row]) -> None:
        """Write down that an attempt is made at returns, before it is made."""
        self.journal.attempts({row["return_id"]: row["attempts"] + 1 for row in rows})
        reached("attempt.written")

    def begin(self, row: Row) -> Begun:
        """Return what stands in a kept file, the attempt at it having been written down.

        A reading that was cut off is tried again: the machine may have been at fault.
        """
        attempt = row["attempts"] + 1
        if attempt > self.limit or self.first_of_same_bytes(row):
            return Begun(row, attempt)
        with self.counted(row, attempt):
            found = self.attempted(row, attempt, partial(self.opened, row, attempt))
        reached("file.read")
        return Begun(row, attempt, found)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let what is settled within be on disk at once, and publish it then."""
        with self.journal.transaction():
            yield
        reached("outcome.committed")
        self.publish()

    def conclude(self, begun: Begun) -> Verdict:
        """Judge and settle a return that has been read."""
        row = begun.row
        with self.counted(row, begun.attempt):
            if first := self.first_of_same_bytes(row):
                verdict = Verdict("duplicate", first_id=first["return_id"])
            elif begun.found is None:
                verdict = refused(Unreadable("unsafe", "Tiedoston lukeminen keskeytyi. Tiedosto ei ole turvallinen."))
            else:
                received = datetime.fromisoformat(row["received_at"])
                verdict = self.attempted(row, begun.attempt, partial(self.desk.judge, begun.found, received))
            reached("verdict.reached")
            self.settle(row, verdict)
        return verdict

    @property
    def limit(self) -> int:
        """Return how many attempts at a return are made."""
        return self.workspace.office.intake.attempts

    @contextmanager
    def counted(self, row: Row, attempt: int) -> Iterator[None]:
        """Count an attempt that fails, unless by a fault of ours that passes (`Busy`): that is none."""
        try:
            with structlog.contextvars.bound_contextvars(return_id=row["return_id"]):
                yield
        except Exception as error:
            self.journal.attempts({row["return_id"]: attempt - isinstance(error, Busy)})
            raise

    def attempted(self, row: Row, attempt: int, act: Callable[[], Found]) -> Found | Verdict:
        """Return what an attempt gives; a fault of our own code is a verdict too at the last one."""
        try:
            return act()
        except (Busy, CutOff):
            raise
        except Exception as error:
            if attempt < self.limit:
                raise
            log.error("return.failed", return_id=row["return_id"], error=type(error).__name__, at=raised_at(error))
            return refused(Unreadable("internal_error", "Lomakkeen käsittely ei onnistunut. Vika on meillä."))

    def opened(self, row: Row, attempt: int) -> Sheet | Verdict:
        """Return what stands in a kept file, or the verdict on it; raise `CutOff` when it may be tried again."""
        found = self.desk.opened(self.original(row))
        if isinstance(found, Verdict) and found.cut_off and attempt < self.limit:
            raise CutOff(found.code or "", detail=found.code or "")
        return found

    def turn(self, begun: Begun) -> tuple[date, int]:
        """Return the place of a return in the order of the process; what is no form comes first."""
        return self.desk.turn(begun.found) if isinstance(begun.found, Sheet) else (date.min, 0)

    def read(self, row: Row) -> Verdict:
        """Return the verdict on a kept return as things stand now."""
        return self.desk.read(self.original(row), datetime.fromisoformat(row["received_at"]))

    def original(self, row: Row) -> bytes:
        """Return the bytes of a return as they came; raise `Busy`."""
        try:
            return self.workspace.vault.read(self.workspace.originals, row["sha256"])
        except OSError as error:
            raise Busy(detail=error.strerror or "") from error

    def first_of_same_bytes(self, row: Row) -> Row | None:
        """Return the earlier return of the same bytes whose answer still stands."""
        for other in self.journal.returned(sha256=row["sha256"]):
            if other["return_id"] == row.get("return_id") or other["outcome"] in (None, "duplicate"):
                continue
            if other["outcome"] != "rejected" or other["code"] not in AGAIN:
                return other
        return None

    def release(self, case_id: str | None) -> None:
        """Look again at the returns that wait in a case that has just moved, in the order of the process.

        One that is accepted moves the case in its turn, and the rest are looked at from there.
        """
        rows = self.journal.returned(case_id=case_id, outcome="waiting")
        waiting = [Begun(row, row["attempts"], self.desk.opened(self.original(row))) for row in rows]
        for begun in sorted(waiting, key=self.turn):
            assert begun.found, "what waits has been opened"
            verdict = self.desk.judge(begun.found, datetime.fromisoformat(begun.row["received_at"]))
            if verdict.outcome != "waiting" and not verdict.cut_off:
                self.settle(begun.row, verdict)
            if verdict.outcome == "accepted":
                reached("waiting.released")
                return

    def confirm(self, row: Row, who: str, values: Mapping[str, str]) -> Verdict:
        """Settle a return in review as a person has decided: as it was read, or with other values.

        It goes through the same rules; errors leave it where it is. Raise `UsageError` for a path
        that the form does not have.
        """
        sheet = self.desk.sheet(self.original(row))
        about = self.desk.recognise(sheet, datetime.fromisoformat(row["received_at"]))
        for path in values:
            if not asks(about.form, path):
                raise UsageError("Lomakkeella ei ole kohtaa {path}.", path=path)
        read, new = about.sheet.answers, {path: Answer(text, "confirmed") for path, text in values.items()}
        about = replace(about, sheet=replace(about.sheet, answers={**read, **new}))
        verdict = self.desk.weigh(about)
        decided = {*values, *(found.field for found in verdict.of("review"))}
        seen = {path: read.get(path, Answer("")) for path in decided if path in read or path in values}
        verdict = replace(verdict, confirmed_by=who, about=replace(about, decided=seen))
        if verdict.outcome == "review" and verdict.record:
            verdict = replace(verdict, outcome="accepted")
        if verdict.outcome == "accepted":
            self.settle(row, verdict)
        return verdict

    def refuse(self, row: Row, who: str) -> None:
        """Reject a return in review or waiting, as a person has decided."""
        verdict = self.read(row)
        log.info("return.refused", return_id=row["return_id"], by=who)
        self.settle(row, replace(verdict, outcome="rejected", code=verdict.code or "invalid_values", waits_for=None))

    def expire(self) -> None:
        """Reject the returns that have waited longer than the settings allow."""
        limit = stamp(self.clock() - timedelta(days=self.workspace.office.intake.waiting_days))
        for row in self.journal.overdue(limit):
            verdict = self.read(row)
            if verdict.outcome == "waiting":
                verdict = replace(verdict, outcome="rejected", code="transition_not_allowed", waits_for=None)
            self.settle(row, verdict)

    def settle(self, row: Row, verdict: Verdict) -> None:
        """Write everything that a verdict means in one transaction, then publish it.

        Raise `UsageError` when somebody else has settled the return meanwhile.
        """
        if not self.journal.open_transaction:
            with self.together():
                self.settle(row, verdict)
            return
        at = self.clock()
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
            "processed_at": stamp(at),
        }
        with self.journal.transaction() as connection:
            if self.journal.outcome(connection, row["return_id"]) != row["outcome"]:
                raise UsageError("Palautus {id} ei odota ratkaisua.", id=row["return_id"])
            path = None
            if verdict.outcome == "accepted":
                changes |= self.accept(connection, row, verdict, at)
                path = outbox.record_path(self.workspace, changes["case_id"], changes["record_id"], changes["form"])
            elif verdict.outcome != "duplicate":
                changes["reason"] = dump(reason(row, verdict))
            if verdict.outcome == "rejected":
                today = day(at).isoformat()
                changes["rejected_as"] = outbox.free_name(today, row["file_name"], self.journal.rejected_as)
                changes["reply_id"] = self.answer(verdict, at)
                path = outbox.rejected_path(self.workspace, changes["rejected_as"])
            place = path.relative_to(self.workspace.outbox).as_posix() if path else None
            self.journal.change_return(connection, row["return_id"], changes)
            self.journal.add_event(connection, event({**row, **changes}, place))
        reached("outcome.written")
        log.info("return.settled", return_id=row["return_id"], outcome=verdict.outcome, code=verdict.code)
        if verdict.outcome != "review":
            shutil.rmtree(self.workspace.pictures / row["return_id"], ignore_errors=True)
        if verdict.outcome == "accepted":
            try:
                self.release(changes["case_id"])
            except Busy as error:
                log.warning("return.not_released", case_id=changes["case_id"], reason=str(error))

    def keep_pictures(self, row: Row, verdict: Verdict) -> None:
        """Keep the pictures of the places in doubt, by path, for as long as the return is in review.

        In a sealed workspace none are kept: ``review show`` draws them anew.
        """
        if self.workspace.vault.key:
            return
        folder = self.workspace.pictures / row["return_id"]
        for path, picture in verdict.about.sheet.pictures.items() if verdict.about else ():
            files.write(folder / f"{path}.png", picture, files.PRIVATE)

    def answer(self, verdict: Verdict, at: datetime) -> str | None:
        """Write down the document that a return is answered with, and return its instance.

        It is the same form again with what stood in it; None where no new form would mend what is wrong,
        or where it is in doubt which document came.
        """
        about = verdict.about
        if about is None or verdict.code != "invalid_values" or not verdict.findings_for_sender or about.is_ambiguous:
            return None
        form, instance = self.registry.latest(about.form.id), str(self.new_id())
        self.journal.issue(
            {
                "instance_id": instance,
                "form": form.id,
                "version": form.version,
                "case_id": about.made_for or None,
                "language": about.language,
                "format": about.sheet.reader,
                "omitted": " ".join(sorted(about.omitted)),
                "corrects": about.first,
                "issued_at": stamp(at),
            },
            kept(about, form),
            about.sources,
        )
        return instance

    def accept(self, connection: Transaction, row: Row, verdict: Verdict, at: datetime) -> dict[str, Any]:
        """Write record and steps, and return what the return's own row is to say.

        A record of the unit has no case and takes no step.
        """
        record, about = verdict.record, verdict.about
        assert record, "only a whole record is accepted"
        assert about, "a record is of a document of ours"
        case = about.case
        prefix = self.workspace.office.case_prefix
        case_id = case.case_id or None
        if case_id is None and not record.of_unit(case_id):
            case_id = self.journal.open_case(connection, prefix, at, case.previous)
        record_id = str(self.new_id())
        payload = envelope(row, verdict, record_id, case_id, at)
        self.journal.add_record(
            connection,
            {
                "record_id": record_id,
                "case_id": case_id,
                "form": record.id,
                "version": record.version,
                "instance_id": payload["instance_id"],
                "answers_key": self.journal.vault.digest(answers_key(record)),
                "version_no": payload["version_no"],
                "supersedes": payload["supersedes"],
                "return_id": row["return_id"],
                "payload": dump(payload),
            },
        )
        seq = case.steps[-1].seq if case.steps else 0
        phase = case.phase
        for move in () if record.of_unit(case_id) else verdict.moves or (None,):
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
                    "at": stamp(at),
                },
            )
            phase = after
        return {"case_id": case_id, "record_id": record_id}

    def publish(self) -> None:
        """Write to the outbox whatever the journal says and the outbox lacks."""
        with outbox.publishing(self.workspace):
            while lacking := self.journal.feed(outbox.last_seq(self.workspace), MANY):
                self.write(lacking)
                outbox.publish_feed(self.workspace, lacking)

    def publish_again(self) -> None:
        """Write to the outbox what is gone from it, and remove what was not finished."""
        with outbox.publishing(self.workspace):
            for work in outbox.unfinished(self.workspace):
                work.unlink()
            seq = 0
            while found := self.journal.feed(seq, MANY):
                self.write(found)
                seq = found[-1]["seq"]

    def write(self, events: Iterable[Row]) -> None:
        """Write the files of events that do not lie in their places."""
        outbox.publish((file for event in events for file in self.files(event)), self.workspace.office.files.bits)

    def files(self, event: Row) -> Iterable[tuple[Path, files.Making]]:
        """Return place and bytes of the files that one event is about."""
        row = self.journal.returned(return_id=event["return_id"])[0]
        if event["event"] == "record.accepted":
            record = self.journal.record(row["record_id"])
            assert record, "an accepted return has its record"
            written = [outbox.record_file(self.workspace, record)]
            if self.workspace.office.receipts:
                today = day(datetime.fromisoformat(row["processed_at"])).isoformat()
                draw = partial(receipt, self.journal, self.registry, self.workspace.office, record)
                place = outbox.receipt_path(self.workspace, today, row["record_id"])
                written.append((place, partial(issue.spared, draw)))
            return written
        if event["event"] == "return.rejected":
            original = partial(self.original, row)
            replies = issue.replies(self.workspace, self.journal, self.registry, row)
            return outbox.rejection_files(self.workspace, row["rejected_as"], original, row["reason"], replies)
        return []

    def recover(self) -> None:
        """Make good what a crash has left half done, and what is gone from the outbox since.

        Old work files go, what the outbox lacks is published, what waits no longer is released.
        """
        for work in (self.workspace.var / "work").iterdir():
            with suppress(FileNotFoundError):
                if self.clock().timestamp() - work.stat().st_mtime > WORK_SECONDS:
                    work.unlink()
        self.publish_again()
        self.publish()
        for case_id in dict.fromkeys(row["case_id"] for row in self.journal.returned(outcome="waiting")):
            self.release(case_id)


# --- small questions --------------------------------------------------------------------------


def open_plain(file: Path) -> Any:
    """Return a stream on a regular file; a link, FIFO or device raises `FileNotFoundError`."""
    if not stat.S_ISREG(file.lstat().st_mode):
        raise FileNotFoundError(file)
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    stream = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        stream.close()
        raise FileNotFoundError(file)
    return stream


def signature(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file is changed or replaced.

    The time of the last change of its entry tells a file from one that was dropped again under
    the same name and number with its old time of writing.
    """
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def shown(name: str) -> str:
    """Return a file's name as text: NFC, no control characters, undecodable bytes replaced."""
    text = os.fsencode(name).decode("utf-8", "replace")
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return unicodedata.normalize("NFC", text)


def event(row: Row, path: str | None) -> dict[str, Any]:
    """Return what the feed says of a settled return, all but its number.

    ``row`` is the return as it stands now, ``path`` what was published of it, below the outbox.
    """
    return {
        "event": "record.accepted" if row["outcome"] == "accepted" else f"return.{row['outcome']}",
        "at": row["processed_at"],
        "return_id": row["return_id"],
        "sha256": row["sha256"],
        "form": row["form"],
        "case_id": row["case_id"],
        "record_id": row["record_id"],
        "first": row["first_id"],
        "waits_for": row["waits_for"],
        "code": row["code"],
        "path": path,
    }


def let_go(file: Path, status: os.stat_result) -> None:
    """Remove a file from the inbox, if it is still the one that was kept."""
    with suppress(FileNotFoundError):
        if signature(file.lstat()) == signature(status):
            file.unlink()
            reached("inbox.removed")
