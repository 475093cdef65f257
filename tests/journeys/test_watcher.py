"""The daemon takes what is whole and nobody's, leaves the rest alone, and proves that it still hears."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from formgen import files
from formgen.errors import OutOfReach
from formgen.intake import retries, watcher
from formgen.intake.arrivals import Arrivals
from formgen.intake.health import check_health, find_unfinished_work
from formgen.intake.inbox import CANARY, DEEPEST, is_being_edited, is_ignored, iter_candidate_files, iter_special_files
from formgen.intake.pipeline import Intake, OpenedSubmission
from formgen.intake.publisher import Publisher
from formgen.intake.watcher import Watch, hold_workspace_lock, is_daemon_alive
from tests.conftest import JOB, REFERRAL, Bench, saved_again, thing

At = Callable[[str], Bench]
LONGEST = 300.0  # seconds for what takes none, on a machine that has much else to do
pytestmark = pytest.mark.usefixtures("unwalled")


class Time:
    """The daemon's clock: it stands still until it is moved, and waiting moves it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of the real one."""
        self.now = 1000.0
        for module in (watcher, retries):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Return the daemon's clock."""
    return Time(monkeypatch)


def limits(bench: Bench) -> Any:
    """Return the limits of the intake."""
    return bench.workspace.office.intake


def until(holds: Callable[[], Any]) -> bool:
    """Tell whether something comes to hold soon; looks often, waits no longer than it must."""
    end = time.monotonic() + LONGEST
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.01)
    return bool(held)


@contextmanager
def running(daemon: Watch) -> Iterator[Thread]:
    """Run a daemon in a thread; it ends with the block."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            daemon.run()
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    thread = Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        daemon.request_stop()
        thread.join(LONGEST)
    assert not thread.is_alive()
    assert failed == []


# --- what is a return ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "~$lomake.docx",
        ".~lock.lomake.docx#",
        "lomake.docx.tmp",
        "~WRD0001.tmp",
        "lomake.docx.part",
        "lomake.docx.crdownload",
        "Thumbs.db",
        ".DS_Store",
        ".gitkeep",
        CANARY,
    ],
)
def test_files_of_editors_and_transfers_are_ignored_and_stay(bench: Bench, name: str) -> None:
    file = bench.drop(b"not a return", name)
    assert is_ignored(name)
    bench.watch()
    assert file.exists()
    assert bench.journal.find_submissions() == []


@pytest.mark.parametrize("name", ["lomake.docx", "lomake (konflikti 2026-06-01).docx", "tmp", "part.docx", ".docx"])
def test_any_other_name_is_a_return(bench: Bench, name: str) -> None:
    assert not is_ignored(name)
    assert bench.returned(thing(), name).file_name == name


def test_files_in_subfolders_are_returns_and_their_folders_stay(bench: Bench) -> None:
    row = bench.returned(thing(), "Joensuu/toimisto 2/lomake.docx")
    assert row.file_name == "lomake.docx"
    assert (bench.workspace.inbox / "Joensuu" / "toimisto 2").is_dir()


def test_odd_things_are_named_and_neither_opened_nor_removed(bench: Bench, tmp_path: Path) -> None:
    inbox = bench.workspace.inbox
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "lomake.docx").write_bytes(b"not in the inbox")
    (inbox / "linkki.docx").symlink_to(outside / "lomake.docx")
    (inbox / "kansio").symlink_to(outside)
    os.mkfifo(inbox / "putki")
    with socket.socket(socket.AF_UNIX) as plug:
        here = Path.cwd()
        os.chdir(inbox)
        try:
            plug.bind("pistoke")
        finally:
            os.chdir(here)
    assert {file.name for file in iter_special_files(inbox)} == {"linkki.docx", "kansio", "putki", "pistoke"}
    assert list(iter_candidate_files(inbox)) == []
    bench.watch()
    assert bench.journal.find_submissions() == []
    assert {file.name for file in inbox.iterdir()} == {"linkki.docx", "kansio", "putki", "pistoke"}


def dig(place: Path, folders: int) -> None:
    """Make so many folders in each other; their path may be longer than the system opens."""
    handle = os.open(place, os.O_RDONLY)
    for _ in range(folders):
        os.mkdir("d", dir_fd=handle)
        above, handle = handle, os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(above)
    os.close(handle)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # of watchdog, which is
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # not so patient
@pytest.mark.parametrize("options", [(), ("--poll", "0.1")])
def test_folders_in_each_other_without_end_are_named_once_and_keep_no_file_of_others(
    bench: Bench, options: tuple[str, ...]
) -> None:
    inbox = bench.workspace.inbox
    command = [sys.executable, "-m", "formgen", "--workspace", str(bench.root), "watch", *options]
    daemon = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        bench.drop(thing(b"1"), "ennen.docx")
        assert until(lambda: bench.journal.count_submissions() == {"rejected": 1})
        dig(inbox, 1200)
        bench.drop(thing(b"2"), "jälkeen.docx")
        bench.drop(thing(b"3"), "/".join(["d"] * DEEPEST) + "/syvin.docx")
        assert until(lambda: bench.journal.count_submissions() == {"rejected": 3})
        daemon.terminate()
        assert daemon.wait(LONGEST) == 0
        named = {"name": "d", "depth": DEEPEST}
        found = check_health(bench.workspace, bench.journal, time.time()).problems
        assert [problem.values for problem in found] == [named]
        bench.drop(thing(b"4"), "myöhemmin.docx")
        with running(Watch(bench.intake, 0.1 if options else None)):  # which finds them there
            assert until(lambda: bench.journal.count_submissions() == {"rejected": 4})
        bench.watch()
        assert [problem.values for problem in find_unfinished_work(bench.workspace, bench.journal)] == [named]
    finally:
        daemon.kill()
        daemon.wait()
        subprocess.run(["rm", "-rf", inbox / "d"], check=True)


# --- when it is whole ---------------------------------------------------------------------------


def test_a_file_is_taken_after_it_has_been_left_alone_for_the_quiet_time(bench: Bench, moment: Time) -> None:
    daemon = Watch(bench.intake)
    file = bench.drop(thing(), "lomake.docx")
    assert daemon.scan_inbox() == 1
    moment.now += limits(bench).quiet * 0.9
    assert daemon.scan_inbox() == 1
    assert file.exists()
    moment.now += limits(bench).quiet * 0.2
    assert daemon.scan_inbox() == 0
    assert not file.exists()


def test_a_file_that_a_long_scan_comes_to_late_is_left_alone_for_the_quiet_time_too(
    bench: Bench, moment: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "BATCH", 1)
    daemon = Watch(bench.intake)
    first, late = bench.drop(thing(), "1.docx"), bench.workspace.inbox / "z" / "2.docx"
    late.parent.mkdir()
    daemon.scan_inbox()
    moment.now += limits(bench).quiet * 2
    let_go = Arrivals.remove_from_inbox

    def long(intake: Intake, file: Path, *about: Any) -> bool:
        gone = let_go(intake, file, *about)
        late.write_bytes(thing(b"else"))
        moment.now += 3600
        return gone

    monkeypatch.setattr(Arrivals, "remove_from_inbox", long)
    assert daemon.scan_inbox() == 1
    assert not first.exists()
    monkeypatch.setattr(Arrivals, "remove_from_inbox", let_go)
    assert daemon.scan_inbox() == 1
    assert late.exists()


def test_of_a_long_backlog_no_more_is_looked_at_than_fits_and_all_is_taken_in_the_end(
    bench: Bench, moment: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "BATCH", 2)
    monkeypatch.setattr(watcher, "MAX_NEW_FILES", 3)
    daemon = Watch(bench.intake)
    for number in range(11):
        bench.drop(thing(f"something {number}".encode()), f"{number:02}.docx")
    looked_at = []
    while daemon.scan_inbox():
        looked_at.append(len(daemon.file_states))
        moment.now += limits(bench).quiet * 2
    assert looked_at == [3, 3, 3, 2]
    assert len(bench.journal.find_submissions()) == 11


def test_a_growing_file_is_not_taken_until_it_rests(bench: Bench, moment: Time) -> None:
    daemon = Watch(bench.intake)
    file = bench.drop(b"page ", "skannaus.txt")
    for _ in range(5):
        daemon.scan_inbox()
        moment.now += limits(bench).quiet * 2
        with file.open("ab") as stream:
            stream.write(b"page ")
    assert daemon.scan_inbox() == 1
    moment.now += limits(bench).incomplete * 2
    assert daemon.scan_inbox() == 0
    (row,) = bench.journal.find_submissions()
    assert row.size == len(b"page ") * 6


def test_on_a_polled_share_a_file_rests_for_two_looks(bench: Bench, moment: Time) -> None:
    daemon = Watch(bench.intake, poll=5.0)
    bench.drop(thing())
    daemon.scan_inbox()
    moment.now += 9.0
    assert daemon.scan_inbox() == 1
    moment.now += 2.0
    assert daemon.scan_inbox() == 0


def test_an_empty_file_waits_and_is_then_rejected_as_empty(bench: Bench, moment: Time) -> None:
    daemon = Watch(bench.intake)
    bench.drop(b"", "lomake.docx")
    daemon.scan_inbox()
    moment.now += limits(bench).empty - 1
    assert daemon.scan_inbox() == 1
    moment.now += 2
    assert daemon.scan_inbox() == 0
    assert bench.reason(bench.journal.find_submissions()[-1])["code"] == "empty_file"


def test_an_empty_file_that_is_filled_later_is_a_return_like_any_other(bench: Bench, moment: Time) -> None:
    daemon = Watch(bench.intake)
    file = bench.drop(b"", "lomake.docx")
    daemon.scan_inbox()
    moment.now += 10
    file.write_bytes(bench.filled(bench.issue("referral"), REFERRAL))
    daemon.scan_inbox()
    moment.now += limits(bench).quiet * 2
    assert daemon.scan_inbox() == 0
    assert bench.journal.find_submissions()[-1].outcome == "accepted"


def test_a_package_without_its_end_waits_longer_before_it_is_called_broken(bench: Bench, moment: Time) -> None:
    daemon = Watch(bench.intake)
    data = bench.filled(bench.issue("referral"), REFERRAL)
    bench.drop(data[:-200], "lomake.docx")
    daemon.scan_inbox()
    moment.now += limits(bench).incomplete - 1
    assert daemon.scan_inbox() == 1
    moment.now += 2
    assert daemon.scan_inbox() == 0
    assert bench.reason(bench.journal.find_submissions()[-1])["code"] == "unreadable"


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("lomake.docx", "~$lomake.docx"),
        ("palaute.docx", "~$alaute.docx"),
        ("palautus.docx", "~$lautus.docx"),
        ("palautus.docx", ".~lock.palautus.docx#"),
    ],
)
def test_a_file_whose_editor_is_still_open_is_left_alone(bench: Bench, moment: Time, name: str, lock: str) -> None:
    daemon = Watch(bench.intake)
    file, beside = bench.drop(thing(), name), bench.drop(b"", lock)
    assert is_being_edited(file)
    daemon.scan_inbox()
    moment.now += 1000
    daemon.scan_inbox()
    assert file.exists()
    beside.unlink()
    daemon.scan_inbox()
    assert not file.exists()
    assert bench.journal.find_submissions()[-1].file_name == name


def test_emptying_the_inbox_once_does_not_wait_for_an_editor(bench: Bench) -> None:
    open_one = bench.drop(thing(), "auki.docx")
    bench.drop(b"", ".~lock.auki.docx#")
    other = bench.drop(thing(b"else"), "valmis.docx")
    bench.watch()
    assert (open_one.exists(), other.exists()) == (True, False)


def test_a_file_that_cannot_be_taken_now_is_taken_later(
    bench: Bench, moment: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Watch(bench.intake)
    file = bench.drop(thing())
    daemon.scan_inbox()
    moment.now += 1

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        assert daemon.scan_inbox() == 1
    assert file.exists()
    assert [row.cause for row in bench.journal.list_problems("take")] == ["No space left on device"] * 2
    moment.now += 1
    assert daemon.scan_inbox() == 0
    assert not file.exists()
    assert bench.journal.list_problems() == []


# --- the daemon lives ---------------------------------------------------------------------------


def stumble(*_: Any) -> None:
    """Fail as code with a mistake in it does."""
    raise LookupError("a mistake")


@pytest.mark.parametrize("stop", ["open_submission", "decide_and_settle"])
def test_one_return_that_makes_us_stumble_holds_up_no_other(
    bench: Bench, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Watch(bench.intake)
    first = bench.intake.arrivals.receive_file(bench.drop(thing(b"one")))
    second = bench.intake.arrivals.receive_file(bench.drop(thing(b"two")))
    assert first
    assert second
    act = getattr(Intake, stop)

    def only_second(intake: Intake, about: Any, *rest: Any) -> Any:
        row = about.row if isinstance(about, OpenedSubmission) else about
        return act(intake, about, *rest) if row.submission_id == second else stumble()

    monkeypatch.setattr(Intake, stop, only_second)
    assert daemon.process_submissions() == 1
    assert (bench.row(first).outcome, bench.row(second).outcome) == (None, "rejected")
    assert daemon.process_submissions() == 1


def test_what_stumbles_is_tried_again_after_a_longer_pause_each_time(
    bench: Bench, moment: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Watch(bench.intake)
    submission_id = bench.intake.arrivals.receive_file(bench.drop(thing(b"one")))
    assert submission_id
    monkeypatch.setattr(Intake, "open_submission", stumble)
    pauses = []
    for _ in range(12):
        daemon.process_submissions()
        pauses.append(bench.intake.retries.pauses["process", submission_id].until - moment.now)
        moment.now += pauses[-1]
    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert pauses[-1] == retries.LONGEST_PAUSE


@pytest.mark.parametrize(("owner", "name"), [(Intake, "expire_waiting_submissions"), (Publisher, "publish_new_events")])
def test_trouble_in_upkeep_does_not_end_the_daemon(
    bench: Bench, owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, stumble)
    assert Watch(bench.intake).scan_inbox() == 0


def test_what_could_not_be_published_is_published_at_a_later_scan(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Watch(bench.intake)
    bench.intake.arrivals.receive_file(bench.drop(bench.filled(bench.issue("referral"), REFERRAL)))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(files, "write_new_file", full)
        daemon.process_submissions()
    assert bench.feed() == []
    bench.intake.retries.pauses.clear()
    for file in list(bench.workspace.inbox.iterdir()):
        file.unlink()
    daemon.scan_inbox()
    assert bench.record(bench.journal.find_submissions()[-1])["form"] == "referral"
    assert [line["event"] for line in bench.feed()] == ["record.accepted"]


def test_all_that_was_received_has_an_outcome(at: At) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    job = bench.filled(bench.issue("job_start", case_id), JOB)
    wrong = bench.filled(bench.issue("job_start", case_id), {**JOB, "weekly_hours": "52"})
    dropped = [job, saved_again(job), wrong, wrong, thing(b"no form"), thing(b"no form")]
    for data in dropped:
        bench.drop(data)
    bench.watch()
    counts = bench.journal.count_submissions()
    assert counts == {"accepted": 4, "rejected": 2, "duplicate": 3}
    assert sum(counts.values()) == len(bench.feed()) == 3 + len(dropped)
    assert list(bench.workspace.inbox.iterdir()) == []


# --- one daemon, and its ears -------------------------------------------------------------------


def hold(root: str, held: Any, done: Any) -> None:
    """Hold a workspace's lock as another process does."""
    from formgen.settings import WorkspaceFolder

    with hold_workspace_lock(WorkspaceFolder(Path(root))):
        held.set()
        done.wait(LONGEST)


def test_a_second_daemon_is_refused(bench: Bench) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(str(bench.root), held, done))
    other.start()
    try:
        assert held.wait(LONGEST)
        assert is_daemon_alive(bench.workspace)
        with pytest.raises(OutOfReach) as refused:
            bench.watch()
        assert refused.value.exit_code == 5
    finally:
        done.set()
        other.join(LONGEST)
    assert not is_daemon_alive(bench.workspace)
    bench.watch()


class Deaf:
    """An observer that starts, stops, and hears nothing."""

    def __init__(self) -> None:
        """Begin without having been stopped."""
        self.stopped = False

    def stop(self) -> None:
        """Stop."""
        self.stopped = True

    def join(self, timeout: float) -> None:
        """Be over at once."""


def slow_scans(bench: Bench) -> None:
    """Let scans come so rarely that only a hint can explain what happens soon."""
    office = bench.workspace.office
    bench.workspace.__dict__["office"] = office.model_copy(
        update={"intake": office.intake.model_copy(update={"rescan": 10 * LONGEST})}
    )


def test_a_deaf_observer_is_replaced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    office = bench.workspace.office
    quick = office.intake.model_copy(update={"rescan": 0.01})
    bench.workspace.__dict__["office"] = office.model_copy(update={"intake": quick})
    monkeypatch.setattr(watcher, "CANARY_WITHIN", 0.05)
    made: list[Deaf] = []

    def deaf(_self: Watch, _hint: Any) -> Deaf:
        made.append(Deaf())
        return made[-1]

    monkeypatch.setattr(Watch, "start_observer", deaf)
    with running(Watch(bench.intake)):
        assert until(lambda: len(made) >= 3)
        assert made[0].stopped
    assert made[-1].stopped
    assert not (bench.workspace.inbox / CANARY).exists()


def test_an_observer_that_hears_its_canary_is_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    office = bench.workspace.office
    quick = office.intake.model_copy(update={"rescan": 0.01})
    bench.workspace.__dict__["office"] = office.model_copy(update={"intake": quick})
    monkeypatch.setattr(watcher, "CANARY_WITHIN", 0.5)
    monkeypatch.setattr(watcher, "CANARY_EVERY", 0.05)
    real, made, heard = Watch.start_observer, [], []

    def counted(daemon: Watch, hint: Any) -> Any:
        made.append(hint)
        return real(daemon, hint)

    monkeypatch.setattr(Watch, "start_observer", counted)
    with running(Watch(bench.intake)):
        for _ in range(3):
            seen = made[0].canary_seen if made else 0.0
            heard.append(until(lambda: made and made[0].canary_seen > seen))  # noqa: B023 - asked at once
    assert heard == [True] * 3
    assert len(made) == 1


@pytest.mark.parametrize("poll", [None, 0.1])
def test_a_dropped_file_wakes_the_daemon_long_before_its_next_scan(bench: Bench, poll: float | None) -> None:
    slow_scans(bench)
    daemon = Watch(bench.intake, poll)
    hears: list[Any] = []
    real = Watch.start_observer
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Watch, "start_observer", lambda self, hint: hears.append(real(self, hint)) or hears[-1])
        with running(daemon):
            assert until(lambda: hears and hears[0].is_alive())
            file = bench.drop(thing(), "lomake.docx")
            assert until(lambda: not file.exists())
            assert until(lambda: bench.journal.count_submissions().get("rejected") == 1)


def test_a_file_that_was_there_before_the_daemon_is_taken_at_its_start(bench: Bench) -> None:
    slow_scans(bench)
    file = bench.drop(thing())
    with running(Watch(bench.intake)):
        assert until(lambda: not file.exists())


def test_a_daemon_that_cannot_observe_scans(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    office = bench.workspace.office
    quick = office.intake.model_copy(update={"rescan": 0.05})
    bench.workspace.__dict__["office"] = office.model_copy(update={"intake": quick})

    class Refused(watcher.Observer):  # type: ignore[misc, valid-type]
        """An observer for which the kernel has no room."""

        def start(self) -> None:
            """Fail as inotify does at its limit."""
            raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watcher, "Observer", Refused)
    with running(Watch(bench.intake)):
        file = bench.drop(thing())
        assert until(lambda: not file.exists())


def test_a_daemon_that_is_asked_to_end_ends_and_lets_go_of_the_workspace(bench: Bench) -> None:
    slow_scans(bench)
    with running(Watch(bench.intake)) as thread:
        assert until(lambda: is_daemon_alive(bench.workspace))
        assert thread.is_alive()
    assert not is_daemon_alive(bench.workspace)


def test_a_daemon_starts_when_those_who_looked_whether_one_is_alive_are_done(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = ExitStack()
    looking.enter_context(hold_workspace_lock(bench.workspace))
    monkeypatch.setattr(time, "sleep", lambda _: looking.close())
    file = bench.drop(thing(b"no form"), "a.txt")
    Watch(bench.intake).run(once=True)
    assert not file.exists()
