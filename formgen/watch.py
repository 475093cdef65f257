"""The inbox daemon: events are hints, a full scan is the truth, and every drop gets its outcome."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatch
from functools import cached_property
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

import structlog
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from formgen import cage, files, formats
from formgen.errors import Busy, OutOfReach, SandboxUnavailable
from formgen.intake import Begun, Intake, let_go, signature
from formgen.settings import Workspace
from formgen.store import Row
from formgen.verdict import Verdict
from formgen.words import say

log = structlog.get_logger()

IGNORED = ("~$*", ".~lock.*#", "*.tmp", "*.part", "*.crdownload", "Thumbs.db", ".DS_Store", ".gitkeep", "TILA.txt")
CANARY = ".formgen-canary.tmp"
STATUS, SIGNED_EVERY, SIGNED_FOR = "TILA.txt", 60.0, timedelta(minutes=5)
SANDBOX = "sandbox.json"  # in the private folder: what holds for the readers of the daemon at work
CANARY_EVERY, CANARY_WITHIN = 60.0, 10.0
LONGEST_PAUSE = 300.0
PAUSE, BLINK = 0.2, 0.01
LOOKED_AT = 0.5  # seconds for which the lock may be held by those who only look whether a daemon is alive
BATCH = 50
LOOKS = 10_000  # files that are looked at before some of them have been taken
WORKING = "formgen ottaa vastaan tiedostoja. Tämä pätee {time} asti. Jos tämä aika on ohi, formgen ei ole käynnissä.\n"
STOPPED = "formgen on pysäytetty {time}. Tiedostoja ei oteta nyt vastaan.\n"


def batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the items some at a time."""
    rest = iter(items)
    while some := list(islice(rest, BATCH)):
        yield some


def ignored(name: str) -> bool:
    """Tell whether a file is an editor's or a transfer's own, never a return.

    >>> ignored("~$lomake.docx"), ignored("lomake.docx")
    (True, False)
    """
    return any(fnmatch(name, pattern) for pattern in IGNORED)


def being_edited(file: Path) -> bool:
    """Tell whether a lock file of Word or LibreOffice lies beside a file.

    Word puts ``~$`` before a short name, and in the place of one or two letters of a longer one.
    """
    locks = (f".~lock.{file.name}#", *(f"~${file.name[letters:]}" for letters in range(3)))
    return any(os.path.lexists(file.with_name(lock)) for lock in locks)


def candidates(inbox: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the regular files of a folder and its subfolders; links are not followed."""
    for folder, _, names in os.walk(inbox):
        for name in sorted(names):
            if ignored(name):
                continue
            file = Path(folder) / name
            with suppress(OSError):
                status = file.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield file, status


def oddities(inbox: Path) -> Iterator[Path]:
    """Yield what lies in the inbox and is never opened: links, pipes, sockets, devices."""
    for folder, folders, names in os.walk(inbox):
        for name in (*folders, *names):
            file = Path(folder) / name
            with suppress(OSError):
                mode = file.lstat().st_mode
                if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                    yield file


def cut_short(file: Path, size: int) -> bool:
    """Tell whether a ZIP lacks its end record, or a PDF goes on after its last end mark or has none."""
    with file.open("rb") as stream:
        head = stream.read(5)
        stream.seek(max(0, size - 65_600))
        tail = stream.read()
    return not formats.whole(head, tail)


class Hint(FileSystemEventHandler):
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
class Look:
    """What a file was like when last looked at, and since when it has been so."""

    signature: tuple[int, ...]
    since: float


@dataclass(frozen=True)
class Reading:
    """Returns that are being read, and what will have been found in each: nothing where it failed."""

    rows: list[Row] = field(default_factory=list)
    found: list[Future[list[Begun]]] = field(default_factory=list)


@dataclass
class Watch:
    """The daemon of one workspace; ``poll`` is the seconds between looks at a network share, or None."""

    intake: Intake
    poll: float | None = None
    looks: dict[Path, Look] = field(default_factory=dict)
    pauses: dict[str, tuple[int, float]] = field(default_factory=dict)
    stop: Event = field(default_factory=Event)
    wake: Event = field(default_factory=Event)
    observe: Callable[[float], None] = lambda _: None
    signed: float | None = None
    refused: SandboxUnavailable | None = None
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
        with alone(self.intake.workspace, LOOKED_AT):
            if inbox:
                self.intake.recover()
            if once:
                self.empty(inbox)
            else:
                self.watch()

    def end(self) -> None:
        """Ask the daemon to stop when it has finished what it holds."""
        self.stop.set()
        self.wake.set()

    def empty(self, inbox: bool = True) -> None:
        """Scan until nothing is left that could be taken; raise `SandboxUnavailable` where it may not be read."""
        while (self.scan() if inbox else self.settle()) and not self.stop.is_set():
            if self.refused:
                raise self.refused
            self.wake.wait(self.pause())

    def watch(self) -> None:
        """Scan on every hint and every few seconds; make a new observer when the canary is not seen."""
        hint = Hint(self.wake)
        observer = self.observer(hint)
        planted: float | None = None
        within = max(CANARY_WITHIN, 2 * (self.poll or 0))
        canary = self.inbox / CANARY
        note = self.intake.workspace.var / SANDBOX
        files.write(note, json.dumps(cage.tried()).encode(), files.PRIVATE)
        try:
            while not self.stop.is_set():
                waiting = self.scan()
                self.sign()
                self.wake.wait(self.pause() if waiting else self.poll or self.intake.workspace.office.intake.rescan)
                self.wake.clear()
                now = time.monotonic()
                if planted is not None and now - planted > within and hint.canary_seen < planted:
                    log.warning("watch.observer_renewed")
                    end(observer)
                    observer, planted = self.observer(hint), None
                if planted is None or now - planted > CANARY_EVERY:
                    planted = now
                    with suppress(OSError):
                        canary.touch()
        finally:
            self.sign(ending=True)
            with suppress(OSError):
                canary.unlink(missing_ok=True)
                note.unlink(missing_ok=True)
            end(observer)

    def observer(self, hint: Hint) -> Any:
        """Return a started observer of the inbox, or None where none can be had: scans do without."""
        observer = PollingObserver(timeout=self.poll) if self.poll else Observer()
        try:
            observer.schedule(hint, str(self.inbox), recursive=True)
            observer.start()
        except OSError as error:
            log.warning("watch.no_observer", reason=error.strerror)
            return None
        return observer

    def scan(self) -> int:
        """Take every finished file and settle every return in work; return how many still wait.

        Some are taken, then settled, then the next ones, so that a backlog of any length is
        answered from the start and held nowhere; of a long one the first `LOOKS` files are looked
        at, the next when these have been taken. A file that somebody has open is not counted:
        nobody knows how long that takes.
        """
        waiting = 0
        present = set()
        now = time.monotonic()
        for some in batches(candidates(self.inbox)):
            present |= {file for file, _ in some}
            finished = [(file, status) for file, status in some if self.finished(file, status, now)]
            self.take(finished)
            waiting += sum(os.path.lexists(file) and not being_edited(file) for file, _ in some)
            if finished:
                self.settle(rest=False)
            elif len(self.looks) >= LOOKS:
                break
            if self.stop.is_set():
                self.go_on([])
                return waiting
        self.looks = {file: look for file, look in self.looks.items() if file in present}
        waiting += self.settle()
        self.keep_up()
        return waiting

    @property
    def quiet(self) -> float:
        """Return the seconds for which a file must be left alone before it is whole."""
        return max(self.intake.workspace.office.intake.quiet, 2 * (self.poll or 0))

    def pause(self) -> float:
        """Return the seconds until the next file will have been left alone long enough, `PAUSE` at most."""
        now = time.monotonic()
        coming = (left for look in self.looks.values() if (left := look.since + self.quiet - now) > -BLINK)
        return min(PAUSE, max(BLINK, min(coming, default=PAUSE)))

    def finished(self, file: Path, status: os.stat_result, now: float) -> bool:
        """Tell whether a file has been left alone long enough to be whole."""
        limits = self.intake.workspace.office.intake
        look = self.looks.get(file)
        if look is None or look.signature != signature(status):
            self.looks[file] = Look(signature(status), time.monotonic())
            return False
        quiet = now - look.since
        if status.st_size == 0:
            return quiet >= limits.empty
        if quiet < self.quiet or being_edited(file):
            return False
        try:
            return quiet >= limits.incomplete or not cut_short(file, status.st_size)
        except OSError:
            return False

    def take(self, finished: Iterable[tuple[Path, os.stat_result]]) -> None:
        """Keep finished files, write down their arrival, and let them go from the inbox."""
        kept = []
        for file, status in finished:
            try:
                if found := self.intake.keep(file):
                    kept.append((file, status, found))
            except (OSError, Busy) as error:
                log.warning("watch.not_taken", reason=str(error))
        try:
            self.intake.arrive(found for _, _, found in kept)
            for file, status, _ in kept:
                let_go(file, status)
                self.looks.pop(file, None)
        except (OSError, OutOfReach) as error:
            log.warning("watch.not_taken", reason=str(error))

    def settle(self, rest: bool = True) -> int:
        """Process every return without an outcome, unless it pauses; return how many are left.

        While some are read, those before them are judged; without the ``rest`` the last ones are
        still being read at the end. Where an earlier attempt failed, the file may be what kills
        us: it is read alone, so that it takes no other with it.
        """
        seen = done = 0
        after = ""
        while rows := self.intake.journal.unsettled(BATCH, after):
            after = rows[-1]["return_id"]
            seen += len(rows)
            due = self.due(rows)
            done += self.go_on([row for row in due if not row["attempts"]])
            for row in due:
                if row["attempts"]:
                    done += self.go_on([]) + self.go_on([row])
            if self.stop.is_set():  # what has begun is finished, the rest stays as it is
                break
        return seen - done - (self.go_on([]) if rest else 0)

    def due(self, rows: Iterable[Row]) -> list[Row]:
        """Return the returns that neither pause nor are being read."""
        now = time.monotonic()
        read = {row["return_id"] for row in self.reading.rows}
        waking = (row for row in rows if self.pauses.get(row["return_id"], (0, 0.0))[1] <= now)
        return [row for row in waking if row["return_id"] not in read]

    def go_on(self, rows: list[Row]) -> int:
        """Have returns read, and settle those that were read until now; return how many came to an outcome."""
        before, self.reading = self.reading, self.begun(rows)
        return self.concluded(before) if before.rows else 0

    def begun(self, rows: list[Row]) -> Reading:
        """Return the reading of returns, which goes on in other processes; the attempts are written down before."""
        try:
            if rows:
                self.intake.attempt(rows)
        except Exception as error:  # noqa: BLE001 - what could not be written down now is tried again
            self.give_up(rows, error)
            return Reading()
        return Reading(rows, [self.readers.submit(self.tried, row, self.intake.begin, row) for row in rows])

    def concluded(self, reading: Reading) -> int:
        """Return how many of the returns come to an outcome; it is written down for all together.

        All have been read first, then they are judged in the order of the process.
        """
        done: list[Any] = []
        try:
            begun = [item for found in reading.found for item in found.result()]
            with self.intake.together():
                for item in sorted(begun, key=self.intake.turn):
                    done += self.tried(item.row, self.intake.conclude, item)
        except Exception as error:  # noqa: BLE001 - what could not be written down now is tried again
            self.give_up(reading.rows, error)
            return 0
        return len(done)

    def give_up(self, rows: Iterable[Row], error: Exception) -> None:
        """Let returns rest of which nothing could be written down: that was no attempt at them."""
        for row in rows:
            self.postpone(row, error)
        with suppress(OutOfReach):
            self.intake.journal.attempts({row["return_id"]: row["attempts"] for row in rows})

    def tried(self, row: Row, act: Callable[..., Any], *about: Any) -> list[Any]:
        """Return what a stop of a return's way gives, or nothing when it fails: then the return pauses."""
        try:
            found = act(*about)
        except OutOfReach as error:
            if self.intake.journal.open_transaction:
                raise
            self.postpone(row, error)
            return []
        except Exception as error:  # noqa: BLE001 - one return must not end the daemon; it is tried again
            self.postpone(row, error)
            return []
        self.sign()
        if isinstance(found, Verdict):
            self.pauses.pop(row["return_id"], None)
            self.observe((self.intake.clock() - datetime.fromisoformat(row["received_at"])).total_seconds())
        return [found]

    def postpone(self, row: Row, error: Exception) -> None:
        """Let a return rest before it is tried again, longer each time."""
        self.refused = error if isinstance(error, SandboxUnavailable) else self.refused
        return_id = row["return_id"]
        tries = self.pauses.get(return_id, (0, 0.0))[0]
        log.warning("return.postponed", return_id=return_id, reason=type(error).__name__)
        self.pauses[return_id] = (tries + 1, time.monotonic() + min(LONGEST_PAUSE, 0.5 * 2**tries))

    def sign(self, ending: bool = False) -> None:
        """Write into the share until when it is certain that the daemon is at work, when the settings ask for it."""
        now, moment = time.monotonic(), self.intake.clock().astimezone()
        due = self.signed is None or now - self.signed >= SIGNED_EVERY or ending
        if not self.intake.workspace.office.intake.status_file or not due:
            return
        self.signed = now
        text, at = (STOPPED, moment) if ending else (WORKING, moment + SIGNED_FOR)
        with suppress(OSError):
            files.write(self.inbox / STATUS, say(text, self.language, time=f"{at:%-d.%-m.%Y %H.%M}").encode(), 0o644)

    def keep_up(self) -> None:
        """Publish what could not be published before, and let go what has waited too long."""
        try:
            self.intake.publish()
            self.intake.expire()
        except Exception as error:  # noqa: BLE001 - what cannot be done now is done at a later scan
            log.warning("watch.not_kept_up", reason=type(error).__name__)


def end(observer: Any) -> None:
    """Stop an observer."""
    if observer is not None:
        observer.stop()
        observer.join(5)


@contextmanager
def alone(workspace: Workspace, patience: float = 0.0) -> Iterator[None]:
    """Hold the workspace's lock; raise `OutOfReach` when another process still holds it after so many seconds."""
    until = time.monotonic() + patience
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(files.locked(workspace.var / "intake.lock", wait=False))
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise OutOfReach("Toinen käsittelijä on jo käynnissä tässä työtilassa.") from error
                time.sleep(BLINK)
        yield


def alive(workspace: Workspace) -> bool:
    """Tell whether a daemon holds the workspace's lock."""
    try:
        with alone(workspace):
            return False
    except OutOfReach:
        return True
    except OSError:
        return False
