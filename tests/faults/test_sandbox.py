"""Where a foreign file could do harm it is not read, and everybody is told so, unless the office has allowed it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from formgen.errors import SandboxUnavailable
from formgen.i18n import translate
from formgen.intake.health import check_health
from formgen.intake.watcher import SANDBOX, Watch, hold_workspace_lock
from formgen.sandbox import confine, reader_pool
from formgen.sandbox.confine import PROTECTIONS
from formgen.storage.rows import Submission
from tests.conftest import JOB, REFERRAL, SETTINGS, Bench
from tests.journeys.test_cli import Run, run
from tests.journeys.test_watcher import until

__all__ = ["run"]  # the fixture of the command line
At = Callable[[str], Bench]
Become = Callable[[bool], None]
READER, TELLER = reader_pool.READER, confine.PROBE
HELD = dict.fromkeys(PROTECTIONS, True)
WEAK = HELD | {"memory": False}
ALLOWED = f"{SETTINGS}allow_weak_sandbox = true\n"


def told(language: str, message: str = SandboxUnavailable().message) -> str:
    """Return what is said in a language of a machine on which memory is not limited."""
    return translate(message, language, what=(PROTECTIONS["memory"],))


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Iterator[Become]:
    """Return a function that makes of the machine one that limits what a process takes, or one that does not."""

    def change(weak: bool) -> None:
        monkeypatch.setattr(reader_pool, "READER", "tests.support.takeover:reads_without_as" if weak else READER)
        monkeypatch.setattr(confine, "PROBE", "tests.support.takeover:tell_without_as" if weak else TELLER)
        confine.probe_reader_protections.cache_clear()
        reader_pool.stop_idle_readers()

    yield change
    change(weak=False)


@pytest.fixture
def weak(become: Become) -> None:
    """Be on a machine that does not limit what a process takes."""
    become(weak=True)


def in_work(bench: Bench) -> Submission:
    """Return the only return, which has been kept and is not read, at no cost of an attempt."""
    (row,) = bench.journal.find_submissions()
    assert (row.outcome, row.attempts, list(bench.workspace.inbox.iterdir())) == (None, 0, [])
    return row


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.usefixtures("weak")
def test_a_file_is_not_read_and_why_is_said_in_words(language: str, bench: Bench, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "lomake.docx"
    file.write_bytes(bench.filled(bench.issue("referral"), REFERRAL))
    said = run("--workspace", str(bench.root), "--lang", language, "read", str(file))
    assert (said.code, said.out) == (5, "")
    assert " ".join(said.err.split()) == told(language)
    assert "allow_weak_sandbox = true" in said.err


def test_what_is_dropped_stays_in_work_until_the_machine_is_mended(bench: Bench, run: Run, become: Become) -> None:
    become(weak=True)
    bench.drop(bench.filled(bench.issue("referral"), REFERRAL))
    said = run("watch", "--once", at=bench.root)
    assert (said.code, told("fi") in " ".join(said.err.split())) == (5, True)
    row = in_work(bench)
    shown = run("status", "--json", at=bench.root)
    assert (shown.code, shown.json["ok"], shown.json["in_work"]) == (1, False, 1)
    assert (shown.json["sandbox"], shown.json["problems"], shown.json["warnings"]) == (WEAK, [told("fi")], [])
    lines = run("status", at=bench.root).out.splitlines()
    assert {f"! {told('fi')}", f"{'sandbox':16} pitävät: files, network, processes"} <= set(lines)
    become(weak=False)
    assert run("watch", "--once", at=bench.root).code == 0
    assert bench.row(row.submission_id).outcome == "accepted"
    assert run("status", "--json", at=bench.root).json["problems"] == []


@pytest.mark.usefixtures("weak")
def test_what_is_submitted_stays_in_work(bench: Bench, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "lomake.docx"
    file.write_bytes(bench.filled(bench.issue("referral"), REFERRAL))
    said = run("submit", str(file), at=bench.root)
    assert (said.code, told("fi") in " ".join(said.err.split())) == (5, True)
    in_work(bench)
    with hold_workspace_lock(bench.workspace):  # and beside a daemon, which cannot read it either
        again = run("submit", str(file), at=bench.root)
    assert (again.code, told("fi") in " ".join(again.err.split())) == (5, True)


def test_the_daemon_goes_on_and_reads_when_it_can(bench: Bench, become: Become) -> None:
    become(weak=True)
    bench.drop(bench.filled(bench.issue("referral"), REFERRAL))
    daemon = Watch(bench.intake)
    assert until(lambda: daemon.scan_inbox() and bench.journal.find_submissions())
    for _ in range(bench.workspace.office.intake.attempts + 1):
        bench.intake.retries.pauses.clear()
        assert daemon.scan_inbox() == 1
    row = in_work(bench)
    become(weak=False)
    bench.intake.retries.pauses.clear()
    assert daemon.scan_inbox() == 0
    assert bench.row(row.submission_id).outcome == "accepted"


def test_a_daemon_begins_although_it_cannot_read_what_waits(at: At, become: Become) -> None:
    bench = at("decided")
    row = bench.send("job_start", JOB, bench.case().case_id)
    assert row.outcome == "waiting"
    become(weak=True)
    bench.watch()
    assert bench.row(row.submission_id).outcome == "waiting"


@pytest.mark.usefixtures("weak")
def test_an_office_may_allow_it_and_is_told_what_it_has_allowed(bench: Bench, run: Run) -> None:
    (bench.root / "formgen.toml").write_text(ALLOWED, encoding="utf-8")
    allowed = bench.restarted()
    row = allowed.send("referral", REFERRAL)
    assert row.outcome == "accepted"
    shown = run("status", "--json", at=bench.root)
    (warning,) = shown.json["warnings"]
    assert (shown.code, shown.json["ok"], shown.json["sandbox"], shown.json["problems"]) == (0, True, WEAK, [])
    assert PROTECTIONS["memory"] in warning
    said = run("status", at=bench.root)
    assert (said.code, f"? {warning}" in said.out.splitlines()) == (0, True)


# --- what the daemon has noted --------------------------------------------------------------------


def held(bench: Bench) -> Any:
    """Return what status tells of the protections."""
    return check_health(bench.workspace, bench.journal, 0).sandbox


def test_status_tells_what_holds_for_the_readers_of_the_daemon(bench: Bench) -> None:
    (bench.workspace.var / SANDBOX).write_text(json.dumps(WEAK), encoding="utf-8")
    assert held(bench) == HELD, "nobody is at work, so that it is tried"
    with hold_workspace_lock(bench.workspace):
        assert held(bench) == WEAK


@pytest.mark.usefixtures("weak")
def test_the_daemon_notes_what_holds_while_it_is_at_work(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    note = bench.workspace.var / SANDBOX
    daemon, seen = Watch(bench.intake), []

    def scan() -> int:
        seen.append(json.loads(note.read_bytes()))
        daemon.request_stop()
        return 0

    monkeypatch.setattr(daemon, "scan_inbox", scan)
    daemon.run()
    assert (seen, note.exists()) == ([WEAK], False)
