"""Whatever ends or hinders the daemon, wherever: nothing is lost, nothing is doubled, the outbox is as ever."""

from __future__ import annotations

import errno
import json
import os
import pwd
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from formgen import checkpoints
from formgen.checkpoints import POINTS
from formgen.documents.extraction import TOKEN, Identity
from formgen.intake.watcher import Watch, is_daemon_alive
from tests.conftest import AGREEMENT, JOB, REFERRAL, Bench, changed, saved_again, tree
from tests.journeys.test_intake import with_stray

UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
SETTINGS = """\
[intake]
quiet = 0.0
incomplete = 0.0
# each kill takes an attempt of the files that were being read: here the kills are not the files' fault
attempts = 100000
"""
LONGEST = 300.0  # seconds for what takes none, on a machine that has much else to do
FILES = [point for point in POINTS if re.match("copy|original|file.[^r]|folder|feed|inbox", point)]


@dataclass
class Mortal:
    """The other end of `tests.support.mortal`."""

    process: subprocess.Popen[str]
    notes: Path

    def tell(self, root: Path, **how: Any) -> dict[str, Any]:
        """Return how a daemon of a workspace has ended that was told how to."""
        assert self.process.stdin
        assert self.process.stdout
        self.notes.unlink(missing_ok=True)
        self.process.stdin.write(json.dumps({"root": str(root), "notes": str(self.notes), **how}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    """Return daemons that die as they are told."""
    command = [sys.executable, "-m", "tests.support.mortal"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Mortal(process, tmp_path_factory.mktemp("mortal") / "notes")
        assert process.stdin
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def story(walked: Callable[[int], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace where a job start waits for an agreement, and what came then lies in the inbox.

    The agreement, which releases what waits, a correction of the referral with a fault in it, text outside
    the fields, two files that are no forms, one of them twice.
    """
    root = tmp_path_factory.mktemp("story") / "työtila"
    shutil.copytree(walked(2), root)
    (root / "formgen.toml").write_text(SETTINGS, encoding="utf-8")
    bench = Bench(root)
    case_id = bench.case().case_id
    assert bench.send("job_start", JOB, case_id).outcome == "waiting"
    agreement = bench.filled(bench.issue("cooperation_agreement", case_id), AGREEMENT)
    again = bench.issue("referral")
    bench.drop(agreement, "sopimus.docx")
    bench.drop(bench.filled(again, {**REFERRAL, "client_hetu": "010101-123X"}), "lähete.docx")
    bench.drop(with_stray(bench.filled(bench.issue("referral"), REFERRAL)), "lisä.docx")
    for name in ("a.txt", "b.txt"):
        bench.drop(b"no form", name)
    bench.drop(b"another thing", "c.txt")
    bench.journal.engine.dispose()
    return root


@pytest.fixture
def root(story: Path, tmp_path: Path) -> Path:
    """Return a copy of the story's workspace."""
    place = tmp_path / "työtila"
    shutil.copytree(story, place)
    return place


def outcome(root: Path) -> dict[str, str]:
    """Return all that others see of a workspace and what it keeps, ids told by their order in the feed."""
    assert list((root / "inbox").iterdir()) == []
    assert [place for place in root.rglob("*.tmp") if place.is_file()] == []
    feed = (root / "outbox" / "feed.ndjson").read_text(encoding="utf-8")
    number = {found: f"id-{index}" for index, found in enumerate(dict.fromkeys(UUIDS.findall(feed)))}

    def told(text: str) -> str:
        return UUIDS.sub(lambda match: number.get(match[0], match[0]), text)

    seen = {f"outbox/{told(name)}": data for name, data in tree(root / "outbox").items() if "palaute" not in name}
    kept = {f"originals/{name}": data for name, data in tree(root / "var" / "originals").items()}
    return {name: told(data.decode("utf-8", "surrogateescape")) for name, data in (seen | kept).items()}


def sound(root: Path) -> None:
    """Assert that the ledger holds and that everything is there once."""
    bench = Bench(root)
    counts = bench.journal.count_submissions()
    feed = bench.feed()
    returns = bench.journal.find_submissions()
    assert counts.get("in_work", 0) == 0
    assert sum(counts.values()) == len(returns)
    assert [line["seq"] for line in feed] == list(range(1, len(feed) + 1))
    final = {line["submission_id"]: line["event"].partition(".")[2] for line in feed}
    assert final == {row.submission_id: row.outcome for row in returns}
    assert len({row.source for row in returns}) == len(returns), "one file, one return"
    records = [row.record_id for row in bench.journal.list_record_places()]
    written = sorted(place.name.partition(".")[0] for place in (root / "outbox" / "records").rglob("*.json"))
    assert written == sorted(records)
    bench.journal.engine.dispose()


@pytest.fixture(scope="module")
def undisturbed(story: Path, mortal: Mortal, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Any]:
    """Return what comes of the story when nothing happens, and how often each point was reached."""
    place = tmp_path_factory.mktemp("undisturbed") / "työtila"
    shutil.copytree(story, place)
    ended = mortal.tell(place)
    assert ended["code"] == 0
    sound(place)
    bench = Bench(place)
    assert bench.journal.count_submissions() == {"accepted": 4, "rejected": 3, "review": 1, "duplicate": 1}
    return outcome(place), ended["reached"]


def test_every_point_is_passed_by_the_story(undisturbed: tuple[Any, dict[str, int]]) -> None:
    assert set(undisturbed[1]) == set(POINTS)


@pytest.mark.parametrize("time", ["first", "last"])
@pytest.mark.parametrize("point", POINTS)
def test_a_daemon_that_is_killed_at_any_point_loses_and_doubles_nothing(
    root: Path, mortal: Mortal, undisturbed: tuple[Any, dict[str, int]], point: str, time: str
) -> None:
    expected, reached = undisturbed
    ended = mortal.tell(root, kill=point, hit=1 if time == "first" else reached[point])
    assert ended["signal"] == signal.SIGKILL
    assert mortal.tell(root)["code"] == 0
    sound(root)
    assert outcome(root) == expected


@pytest.mark.parametrize("point", POINTS)
def test_a_power_cut_at_any_point_takes_nothing_that_has_arrived(
    root: Path, mortal: Mortal, undisturbed: tuple[Any, dict[str, int]], point: str
) -> None:
    expected, _ = undisturbed
    before = len(list((root / "inbox").iterdir()))
    ended = mortal.tell(root, cut=point, hit=1)
    assert ended["signal"] == signal.SIGKILL
    bench = Bench(root)
    arrived = bench.journal.find_submissions()
    assert {row.sha256 for row in arrived} <= {place.name for place in bench.workspace.originals.iterdir()}
    assert len(arrived) - 3 + len(list((root / "inbox").iterdir())) >= before
    bench.journal.engine.dispose()
    assert mortal.tell(root)["code"] == 0
    sound(root)
    assert outcome(root) == expected


def test_a_power_cut_takes_what_was_not_flushed(root: Path, mortal: Mortal) -> None:
    mortal.tell(root, cut="copy.written", hit=1)
    assert list((root / "var" / "work").iterdir()) == [], "the bench of the tests is one that can fail"
    mortal.tell(root, cut="file.named", hit=1)
    assert not any(place.is_file() for place in (root / "outbox" / "rejected").rglob("*"))


# --- what hinders --------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EACCES, errno.EIO], ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("point", FILES)
@pytest.mark.usefixtures("unwalled")
def test_a_disk_that_fails_at_any_point_for_a_while_delays_and_harms_nothing(
    root: Path, undisturbed: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, point: str, trouble: int
) -> None:
    bench = Bench(root)

    def fail(reached: str) -> None:
        if reached == point:
            raise OSError(trouble, os.strerror(trouble))

    watch = Watch(bench.intake)
    monkeypatch.setattr(checkpoints, "LISTENERS", [fail])
    for _ in range(4):
        watch.scan_inbox()
        watch.intake.retries.pauses.clear()
    checkpoints.LISTENERS.clear()
    assert {row.attempts for row in bench.journal.find_submissions()} <= {0, 1}
    watch.drain_inbox()
    watch.scan_inbox()
    bench.journal.engine.dispose()
    sound(root)
    assert outcome(root) == undisturbed[0]


@pytest.mark.parametrize("room", [0, 8192, 65_536, 250_000])
def test_where_files_can_grow_no_further_returns_wait_and_none_is_blamed(
    root: Path, mortal: Mortal, undisturbed: tuple[Any, Any], room: int
) -> None:
    largest = (root / "var" / "formgen.db").stat().st_size
    mortal.tell(root, weak={"bytes": room if room < 65_536 else largest + room - 65_536}, scans=4)
    assert mortal.tell(root)["code"] == 0
    sound(root)
    assert outcome(root) == undisturbed[0]


def given(folder: Path, user: int) -> None:
    """Give a folder and all in it to a user, where we may: root is stopped by no mode."""
    for each in (folder, *folder.rglob("*")) if os.getuid() == 0 else ():
        os.chown(each, user, -1)


@pytest.mark.parametrize("place", ["inbox", "outbox", "outbox/rejected", "var/originals", "var/work"])
def test_a_folder_that_may_not_be_written_to_delays_and_harms_nothing(
    story: Path, mortal: Mortal, undisturbed: tuple[Any, Any], place: str
) -> None:
    with tempfile.TemporaryDirectory() as above:
        root = Path(above) / "työtila"
        shutil.copytree(story, root)
        (root / place).mkdir(exist_ok=True)
        given(root.parent, pwd.getpwnam("nobody").pw_uid)
        (root / place).chmod(0o500)
        mortal.tell(root, weak={"nobody": True}, scans=4)
        (root / place).chmod(0o700)
        assert mortal.tell(root, weak={"nobody": True})["code"] == 0
        given(root.parent, os.getuid())
        sound(root)
        assert outcome(root) == undisturbed[0]


@pytest.mark.usefixtures("unwalled")
def test_a_database_that_somebody_has_locked_is_waited_for(root: Path, undisturbed: tuple[Any, Any]) -> None:
    bench = Bench(root)
    with ThreadPoolExecutor(1) as pool:
        with closing(sqlite3.connect(root / "var" / "formgen.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            scanning = pool.submit(Watch(bench.intake).run, True)
            while not any((root / "var" / "originals").iterdir()) or not is_daemon_alive(bench.workspace):
                pass
            assert len(bench.journal.find_submissions()) == 3
            other.execute("ROLLBACK")
        scanning.result(30)
    bench.journal.engine.dispose()
    sound(root)
    assert outcome(root) == undisturbed[0]


# --- killed again and again ------------------------------------------------------------------------


@dataclass
class Senders:
    """Those who go on sending referrals, each another one."""

    bench: Bench
    blank: bytes = field(init=False)
    old: Identity = field(init=False)
    sent: int = 0

    def __post_init__(self) -> None:
        """Fill one referral, of which all others are copies."""
        made = self.bench.issue("referral")
        self.blank = self.bench.filled(made, REFERRAL)
        self.old = Identity(made.form, made.version, UUID(made.instance_id))

    def send(self, number: int) -> None:
        """Lay so many more referrals into the inbox, and now and then one of them twice."""
        for _ in range(number):
            self.sent += 1
            instance = UUID(int=self.old.instance.int ^ self.sent << 8)
            token = Identity(self.old.form, self.old.version, instance).sign_token(self.bench.journal.keys)
            data = changed(
                self.blank,
                lambda _, text, token=token, instance=instance: (
                    TOKEN.sub(token, text)
                    .replace(str(self.old.instance), str(instance))
                    .replace(self.old.instance.hex, instance.hex)
                ),
            )
            self.bench.drop(data, f"{self.sent:05}.docx")
            if self.sent % 10 == 0:
                self.bench.drop(data, f"{self.sent:05} kopio.docx")
                self.bench.drop(saved_again(data), f"{self.sent:05} taas.docx")


KILLS = 100


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_daemon_that_is_killed_again_and_again_under_load_loses_and_doubles_nothing(
    bench: Bench, mortal: Mortal, seed: int
) -> None:
    (bench.root / "formgen.toml").write_text(SETTINGS, encoding="utf-8")
    senders, chance = Senders(bench), random.Random(seed)
    killed = 0
    while killed < KILLS:
        if len(list(bench.workspace.inbox.iterdir())) < 3:
            senders.send(2)
        some = {"points": chance.randint(1, 60), "then": chance.uniform(1e-6, 0.01)}
        killed += mortal.tell(bench.root, **some)["signal"] == signal.SIGALRM
    bench.journal.engine.dispose()
    assert mortal.tell(bench.root)["code"] == 0
    sound(bench.root)
    again = Bench(bench.root)
    expected = {"accepted": senders.sent, "duplicate": senders.sent // 10 * 2}
    assert again.journal.count_submissions() == {name: number for name, number in expected.items() if number}
    instances = [again.journal.find_record(row.record_id).instance_id for row in again.journal.list_record_places()]
    assert len(set(instances)) == len(instances) == senders.sent >= KILLS // 10


# --- a whole daemon --------------------------------------------------------------------------------


@pytest.fixture
def daemon(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a daemon of the story's workspace, with readers of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "formgen", "--workspace", str(root), "watch"], stderr=subprocess.DEVNULL
    )
    yield process
    process.kill()
    process.wait()


def until(holds: Callable[[], Any]) -> None:
    """Look until something holds."""
    patience = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < patience
        time.sleep(0.02)


def test_a_daemon_that_is_stopped_and_goes_on_has_missed_nothing(root: Path, daemon: subprocess.Popen[bytes]) -> None:
    bench = Bench(root)
    until(lambda: is_daemon_alive(bench.workspace))
    for number in range(6):
        daemon.send_signal(signal.SIGSTOP)
        bench.drop(f"thing {number}".encode())
        daemon.send_signal(signal.SIGCONT)
        time.sleep(0.05 * number)
    until(lambda: not any(file.suffix in (".docx", ".txt") for file in bench.workspace.inbox.iterdir()))
    until(lambda: "in_work" not in bench.journal.count_submissions())
    assert sum(bench.journal.count_submissions().values()) == 3 + 6 + 6
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(LONGEST) == 0


def test_two_daemons_on_one_workspace_do_the_work_once(root: Path, daemon: subprocess.Popen[bytes]) -> None:
    bench = Bench(root)
    until(lambda: is_daemon_alive(bench.workspace))
    second = subprocess.run(
        [sys.executable, "-m", "formgen", "--workspace", str(root), "watch", "--once"], capture_output=True, check=False
    )
    assert second.returncode == 5
    until(
        lambda: (
            sum(bench.journal.count_submissions().values()) == 9 and "in_work" not in bench.journal.count_submissions()
        )
    )
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(LONGEST) == 0
    sound(root)
