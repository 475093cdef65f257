"""The inbox daemon: events are hints, a full scan is the truth, and every drop gets its outcome."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import islice
from math import inf
from pathlib import Path
from threading import Event
from typing import Any

import structlog
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from formgen import files
from formgen.errors import Busy, OutOfReach, SandboxUnavailable, describe_cause
from formgen.i18n import N_, translate
from formgen.intake.inbox import (
    CANARY,
    STATUS,
    create_empty_file,
    get_file_signature,
    hash_file_name,
    is_being_edited,
    is_being_written,
    is_whole,
    iter_candidate_files,
    open_regular_file,
)
from formgen.intake.outcomes import Decision
from formgen.intake.pipeline import Intake, OpenedSubmission
from formgen.intake.retries import ALL, Retries
from formgen.sandbox import confine
from formgen.settings import Intake as Settings
from formgen.settings import Workspace
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import NotedProblem, Submission

log = structlog.get_logger()

SIGNED_EVERY, SIGNED_FOR = 60.0, timedelta(minutes=5)
SANDBOX = "sandbox.json"  # in the private folder: what holds for the readers of the daemon at work
CANARY_EVERY, CANARY_WITHIN = 60.0, 10.0
SHORTEST_WAIT = 0.01
LOCK_PATIENCE = 0.5  # seconds for which the lock may be held by those who only look whether a daemon is alive
BATCH = 50
MAX_NEW_FILES = 10_000  # new files that are looked at before those that are ready have been taken
NOTED_AFTER = 10.0  # seconds for which a file has waited before it is written down
WORKING = N_(
    "formgen ottaa vastaan tiedostoja. Tämä pätee {time} asti. Jos tämä aika on ohi, formgen ei ole käynnissä."
)
STOPPED = N_("formgen on pysäytetty {time}. Tiedostoja ei oteta nyt vastaan.")
EMPTY, OPEN, UNFINISHED, CHANGING = "empty", "open", "unfinished", "changing"  # what a file waits for


def iter_batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the items some at a time."""
    rest = iter(items)
    while some := list(islice(rest, BATCH)):
        yield some


class InboxEventHandler(FileSystemEventHandler):
    """Wakes the scanner, and notes when the canary has been seen."""

    def __init__(self, wake: Event) -> None:
        """Keep the event to set."""
        self.wake = wake
        self.canary_seen = 0.0

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Take any event as a hint that there is something to look at."""
        if os.fsdecode(event.src_path).endswith(CANARY):
            self.canary_seen = time.monotonic()
        elif event.event_type not in ("opened", "closed_no_write"):
            self.wake.set()


@dataclass
class FileState:
    """What a file was like when last looked at, and since when it has been so (the system's steady clock).

    ``waits`` says what it waits for, ``noted`` what has been written down of that; ``whole`` is
    whether it is whole, where that has been asked.
    """

    signature: tuple[int, ...]
    since: float
    waits: str = CHANGING
    whole: bool | None = None
    noted: str = ""


@dataclass(frozen=True)
class Reading:
    """Submissions that are being read, and what will have been found in each: nothing where it failed."""

    rows: list[Submission] = field(default_factory=list)
    found: list[Future[list[OpenedSubmission]]] = field(default_factory=list)


@dataclass
class Watch:
    """The daemon of one workspace; ``poll`` is the seconds between looks at a network share, or None."""

    intake: Intake
    poll: float | None = None
    file_states: dict[Path, FileState] = field(default_factory=dict)
    next_look: float = inf
    stop: Event = field(default_factory=Event)
    wake: Event = field(default_factory=Event)
    observe: Callable[[float], None] = lambda _: None
    signed: float | None = None
    sandbox_error: SandboxUnavailable | None = None
    reading: Reading = field(default_factory=Reading)

    @property
    def language(self) -> str:
        """Return the language of the office."""
        return self.intake.workspace.office.language

    @cached_property
    def readers(self) -> ThreadPoolExecutor:
        """Return the threads that have files read, each by a process of its own."""
        return ThreadPoolExecutor(self.intake.workspace.office.intake.readers or len(os.sched_getaffinity(0)))

    @property
    def inbox(self) -> Path:
        """Return the drop zone."""
        return self.intake.workspace.inbox

    def run(self, once: bool = False, inbox: bool = True) -> None:
        """Empty the inbox once, or watch it until stopped; raise `OutOfReach` beside another daemon.

        Without ``inbox`` only what has arrived already is settled.
        """
        with hold_workspace_lock(self.intake.workspace, LOCK_PATIENCE):
            if inbox:
                self.intake.recover_from_crash()
            if once:
                self.drain_inbox(inbox)
            else:
                self.watch_inbox()

    def request_stop(self) -> None:
        """Ask the daemon to stop when it has finished what it holds."""
        self.stop.set()
        self.wake.set()

    def drain_inbox(self, inbox: bool = True) -> None:
        """Scan until nothing is left that can be taken or settled soon: for nothing else is waited.

        Raise `SandboxUnavailable` where files may not be read.
        """
        while (self.scan_inbox() if inbox else self.process_without_scan()) and not self.stop.is_set():
            if self.sandbox_error:
                raise self.sandbox_error
            soon = time.monotonic() + max(self.quiet_seconds, self.limits.incomplete)
            until = min(
                self.next_look if self.next_look <= soon else inf,
                self.retries.find_next_due_time(tries=self.limits.attempts),
            )
            if until == inf:
                break
            self.wake.wait(max(SHORTEST_WAIT, until - time.monotonic()))
        self.save_waiting_files(0.0)

    def process_without_scan(self) -> int:
        """Settle every return in work without a look at the inbox; return how many still wait."""
        left = self.process_submissions()
        self.run_maintenance()
        return left

    def watch_inbox(self) -> None:
        """Scan on every hint and every few seconds; make a new observer when the canary is not seen."""
        hint = InboxEventHandler(self.wake)
        observer = self.start_observer(hint)
        planted: float | None = None
        within = max(CANARY_WITHIN, 2 * (self.poll or 0))
        canary = self.inbox / CANARY
        note = self.intake.workspace.var / SANDBOX
        files.write_file(note, json.dumps(confine.probe_reader_protections()).encode(), files.PRIVATE)
        try:
            while not self.stop.is_set():
                with self.retries.isolate_failure("upkeep", "scan"):
                    self.scan_inbox()
                self.write_status_file()
                until = min(self.next_look, self.retries.find_next_due_time(after=time.monotonic()))
                self.wake.wait(max(SHORTEST_WAIT, min(until - time.monotonic(), self.poll or self.limits.rescan)))
                self.wake.clear()
                now = time.monotonic()
                if planted is not None and now - planted > within and hint.canary_seen < planted:
                    log.warning("watch.observer_renewed")
                    stop_observer(observer)
                    observer, planted = self.start_observer(hint), None
                if planted is None or now - planted > CANARY_EVERY:
                    planted = None
                    with suppress(OSError):
                        create_empty_file(self.inbox, CANARY)
                        planted = now
        finally:
            self.write_status_file(ending=True)
            with suppress(OSError):
                canary.unlink(missing_ok=True)
                note.unlink(missing_ok=True)
            stop_observer(observer)

    def start_observer(self, hint: InboxEventHandler) -> Any:
        """Return a started observer of the inbox, or None where none can be had: scans do without."""
        observer = PollingObserver(timeout=self.poll) if self.poll else Observer()
        try:
            observer.schedule(hint, str(self.inbox), recursive=True)
            observer.start()
        except Exception as error:  # noqa: BLE001 - whatever lies in the inbox, scans see it too
            log.warning("watch.no_observer", reason=describe_cause(error))
            return None
        return observer

    def scan_inbox(self) -> int:
        """Take every finished file and settle every return in work; return how many still wait.

        Some are taken, then settled, then the next ones, so that a backlog of any length is
        answered from the start and held nowhere. A file that somebody has open is not counted:
        nobody knows how long that takes.
        """
        self.next_look = inf
        for some in iter_batches(self.find_finished_files()):
            self.take_files(some)
            self.process_submissions(rest=False)
            if self.stop.is_set():
                self.advance_reading([])
                return len(self.file_states)
        left = self.process_submissions()
        self.run_maintenance()
        return left + sum(look.waits != OPEN for look in self.file_states.values())

    def find_finished_files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Yield the files that can be taken now, whatever lies before them.

        Of new files no more than `LOOKS` are looked at: the next ones when those have been taken.
        """
        present, new = set(), 0
        for file, status in iter_candidate_files(self.inbox, self.limits.ignore):
            present.add(file)
            look = self.file_states.get(file)
            if look is None or look.signature != get_file_signature(status):
                self.file_states[file] = look = self.create_file_state(file, status, look)
                new += 1
            if self.is_finished(file, status, look):
                yield file, status
            if new >= MAX_NEW_FILES:
                return
        self.forget_files(self.file_states.keys() - present)
        self.forget_vanished_files(present)

    def create_file_state(self, file: Path, status: os.stat_result, before: FileState | None) -> FileState:
        """Return a look at a file that is new or has changed; the waiting that was written down of it goes on."""
        noted = self.earlier_waiting_files.pop(hash_file_name(self.intake.workspace, file), None)
        look = FileState(get_file_signature(status), time.monotonic(), noted=before.noted if before else "")
        if noted:
            look.noted = noted.cause
        if noted and noted.signature == str(look.signature):
            waited = self.intake.clock() - datetime.fromisoformat(noted.since)
            look.since -= max(0.0, waited.total_seconds())
        return look

    def is_finished(self, file: Path, status: os.stat_result, look: FileState) -> bool:
        """Tell whether a file has been left alone long enough to be whole, and nothing else is in its way."""
        look.waits, until = CHANGING, look.since + self.quiet_seconds
        if status.st_size == 0:
            look.waits, until = EMPTY, look.since + self.limits.empty
        elif until <= time.monotonic():
            if not self.retries.is_due("take", hash_file_name(self.intake.workspace, file)):
                look.waits = ""
                return False
            try:
                look.waits = self.find_hindrance(file, look)
            except Exception as error:  # noqa: BLE001 - whatever is in the file, it is this file's
                self.postpone_file(file, look, describe_cause(error))
                return False
            if look.waits:
                self.retries.resolve_problem("take", hash_file_name(self.intake.workspace, file))
                until = inf if look.waits == OPEN else look.since + self.limits.incomplete
        if until > time.monotonic():
            self.next_look = min(self.next_look, until)
            return False
        return True

    def find_hindrance(self, file: Path, look: FileState) -> str:
        """Tell why a file that is left alone has to wait, empty for nothing; raise `OSError`."""
        if is_being_edited(file):
            return OPEN
        with open_regular_file(file, self.inbox) as (stream, _):
            if is_being_written(stream):
                return OPEN
            if look.whole is None:
                look.whole = look.signature[2] > self.limits.max_bytes or is_whole(stream)
        return "" if look.whole else UNFINISHED

    def take_files(self, finished: Iterable[tuple[Path, os.stat_result]]) -> None:
        """Keep finished files, write down their arrival, and let them go from the inbox.

        What cannot be read or removed rests alone; where nothing can be kept, all rest.
        """
        if not self.retries.is_due("take", ALL):
            return
        kept, full = [], ""
        for file, status in finished:
            try:
                if found := self.intake.arrivals.keep_file(file, status):
                    kept.append((file, status, found))
            except Exception as error:  # noqa: BLE001 - whatever is in its way, it is in this file's
                self.postpone_file(file, self.file_states[file], describe_cause(error))
                if isinstance(error, Busy):
                    full = describe_cause(error)
                    break
        try:
            self.intake.arrivals.save_arrivals(found for _, _, found in kept)
        except (OSError, OutOfReach) as error:
            kept, full = [], describe_cause(error)
        if full:
            self.retries.report_problem("take", ALL, full)
        else:
            self.retries.resolve_problem("take", ALL)
        for file, status, found in kept:
            try:
                self.intake.arrivals.remove_from_inbox(file, status, found)
                self.forget_files([file])
            except OSError as error:
                self.postpone_file(file, self.file_states[file], describe_cause(error))

    def postpone_file(self, file: Path, look: FileState, cause: str) -> None:
        """Let a file rest that cannot be taken or removed now, and have `status` name it."""
        look.waits = ""
        self.retries.report_problem(
            "take", hash_file_name(self.intake.workspace, file), cause, self.format_place(file), str(look.signature)
        )

    def format_place(self, file: Path) -> str:
        """Write the place of a file in the inbox as it is written down."""
        return files.make_printable(file.relative_to(self.inbox).as_posix())

    def save_waiting_files(self, after: float = NOTED_AFTER) -> None:
        """Write down which files have waited for so many seconds, and what for."""
        now, at, rows = time.monotonic(), self.intake.clock(), []
        for file, look in self.file_states.items():
            if look.waits not in ("", look.noted) and now - look.since >= after:
                look.noted = look.waits
                rows.append(
                    NotedProblem(
                        stage="wait",
                        subject=hash_file_name(self.intake.workspace, file),
                        place=self.format_place(file),
                        signature=str(look.signature),
                        cause=look.waits,
                        since=format_timestamp(at - timedelta(seconds=now - look.since)),
                    )
                )
        if rows:
            self.intake.journal.save_problems(rows)

    def forget_files(self, files: Iterable[Path]) -> None:
        """Forget files that lie in the inbox no more, and what was written down of them."""
        gone = []
        for file in files:
            about, look = hash_file_name(self.intake.workspace, file), self.file_states.pop(file, None)
            self.retries.resolve_problem("take", about)
            if look and look.noted:
                gone.append(("wait", about))
        if gone:
            self.intake.journal.delete_problems(gone)

    def forget_vanished_files(self, present: Iterable[Path]) -> None:
        """Forget what an earlier daemon has written down of files that are gone."""
        if self.earlier_waiting_files:
            self.intake.journal.delete_problems([("wait", about) for about in self.earlier_waiting_files])
            self.earlier_waiting_files.clear()
        resting = {about for stage, about in self.retries.pauses if stage == "take" and about != ALL}
        if resting:
            for about in resting - {hash_file_name(self.intake.workspace, file) for file in present}:
                self.retries.resolve_problem("take", about)

    @property
    def retries(self) -> Retries:
        """Where failures rest before they are tried again."""
        return self.intake.retries

    @property
    def limits(self) -> Settings:
        """Return the settings of the intake."""
        return self.intake.workspace.office.intake

    @property
    def quiet_seconds(self) -> float:
        """Return the seconds for which a file must be left alone before it is whole."""
        return max(self.limits.quiet, 2 * (self.poll or 0))

    @cached_property
    def earlier_waiting_files(self) -> dict[str, NotedProblem]:
        """Return the waiting files that a daemon before this one has written down, by subject."""
        return {row.subject: row for row in self.intake.journal.list_problems("wait")}

    def process_submissions(self, rest: bool = True) -> int:
        """Process every submission without an outcome, unless it pauses; return how many are left.

        While some are read, those before them are judged; without the ``rest`` the last ones are
        still being read at the end. Where an earlier attempt failed, the file may be what kills
        us: it is read alone, so that it takes no other with it.
        """
        seen = done = 0
        after = ""
        while rows := self.intake.journal.list_unsettled_submissions(BATCH, after):
            after = rows[-1].submission_id
            seen += len(rows)
            due = self.select_due_submissions(rows)
            done += self.advance_reading([row for row in due if not row.attempts])
            for row in due:
                if row.attempts:
                    done += self.advance_reading([]) + self.advance_reading([row])
            if self.stop.is_set():  # what has begun is finished, the rest stays as it is
                break
        return seen - done - (self.advance_reading([]) if rest else 0)

    def select_due_submissions(self, rows: Iterable[Submission]) -> list[Submission]:
        """Select the submissions that neither rest nor are being read."""
        retries, read = self.retries, {row.submission_id for row in self.reading.rows}
        if not retries.is_due("process", ALL):
            return []
        return [row for row in rows if row.submission_id not in read and retries.is_due("process", row.submission_id)]

    def advance_reading(self, rows: list[Submission]) -> int:
        """Have submissions read, and settle those that were read until now; return how many came to an outcome."""
        before, self.reading = self.reading, self.start_reading(rows)
        return self.settle_reading(before) if before.rows else 0

    def start_reading(self, rows: list[Submission]) -> Reading:
        """Start to read submissions, which goes on in other processes; the attempts are written down before."""
        try:
            if rows:
                self.intake.start_attempts(rows)
        except Exception as error:  # noqa: BLE001 - what could not be written down now is tried again
            self.postpone_all(rows, error)
            return Reading()
        return Reading(
            rows, [self.readers.submit(self.try_action, row, self.intake.open_submission, row) for row in rows]
        )

    def settle_reading(self, reading: Reading) -> int:
        """Settle submissions that have been read, all in one transaction; return how many came to an outcome.

        All have been read first, then they are judged in the order of the process. Where it cannot
        be written down for all, it is for each alone: one may be what hinders the others.
        """
        begun = sorted((item for found in reading.found for item in found.result()), key=self.get_process_order)
        done: list[Any] = []
        try:
            with self.intake.commit_and_publish():
                for item in begun:
                    done += self.try_action(item.row, self.intake.decide_and_settle, item)
        except Exception as error:  # noqa: BLE001 - what could not be written down now is tried again
            log.warning("watch.each_alone", cause=describe_cause(error))
            done = []
            for item in begun:
                if not self.retries.is_due("process", ALL):
                    self.postpone_all([item.row], error)
                else:
                    done += self.try_action(item.row, self.intake.decide_and_settle, item)
        else:
            self.retries.resolve_problem("process", ALL)
        return len(done)

    def get_process_order(self, begun: OpenedSubmission) -> Any:
        """Return the place of a return in the order of the process; one of which that cannot be told comes last."""
        try:
            return self.intake.get_process_order(begun)
        except Exception:  # noqa: BLE001 - what is wrong with it shows when it is judged
            return date.max, inf

    def postpone_all(self, rows: Iterable[Submission], error: Exception) -> None:
        """Let all submissions rest, since nothing could be written down of some: that was no attempt at them."""
        self.retries.report_problem("process", ALL, describe_cause(error))
        with suppress(OutOfReach):
            self.intake.journal.set_attempts({row.submission_id: row.attempts for row in rows})

    def try_action(self, row: Submission, act: Callable[..., Any], *about: Any) -> list[Any]:
        """Take a step on the way of a submission; return its result, or nothing where it fails: then it rests."""
        try:
            found = act(*about)
        except Busy as error:
            if self.intake.journal.current_transaction:
                raise
            self.sandbox_error = error if isinstance(error, SandboxUnavailable) else self.sandbox_error
            self.postpone_all([row], error)
            return []
        except Exception as error:  # noqa: BLE001 - one return must not end the daemon; it is tried again
            self.retries.report_problem("process", row.submission_id, describe_cause(error))
            return []
        self.write_status_file()
        if isinstance(found, Decision):
            self.retries.resolve_problem("process", row.submission_id)
            self.observe((self.intake.clock() - datetime.fromisoformat(row.received_at)).total_seconds())
        return [found]

    def write_status_file(self, ending: bool = False) -> None:
        """Write into the share until when it is certain that the daemon is at work, when the settings ask for it."""
        now, moment = time.monotonic(), self.intake.clock().astimezone()
        due = self.signed is None or now - self.signed >= SIGNED_EVERY or ending
        if not self.intake.workspace.office.intake.status_file or not due:
            return
        self.signed = now
        text, at = (STOPPED, moment) if ending else (WORKING, moment + SIGNED_FOR)
        line = translate(text, self.language, time=at.strftime("%-d.%-m.%Y %H.%M")) + "\n"
        with suppress(OSError):
            files.write_file(self.inbox / STATUS, line.encode(), 0o644)

    def run_maintenance(self) -> None:
        """Publish and settle what could not be before, let go what has waited too long, write down what waits."""
        for act in (
            self.intake.publisher.publish_new_events,
            self.intake.retry_failed_work,
            self.intake.expire_waiting_submissions,
            self.save_waiting_files,
        ):
            with self.retries.isolate_failure("upkeep", act.__name__):
                act()


def stop_observer(observer: Any) -> None:
    """Stop an observer."""
    if observer is not None:
        observer.stop()
        observer.join(5)


@contextmanager
def hold_workspace_lock(workspace: Workspace, patience: float = 0.0) -> Iterator[None]:
    """Hold the workspace's lock; raise `OutOfReach` when another process still holds it after so many seconds."""
    until = time.monotonic() + patience
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(files.hold_lock(workspace.var / "intake.lock", wait=False))
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise OutOfReach(N_("Toinen käsittelijä on jo käynnissä tässä työtilassa.")) from error
                time.sleep(SHORTEST_WAIT)
        yield


def is_daemon_alive(workspace: Workspace) -> bool:
    """Tell whether a daemon holds the workspace's lock."""
    try:
        with hold_workspace_lock(workspace):
            return False
    except OutOfReach:
        return True
    except OSError:
        return False
