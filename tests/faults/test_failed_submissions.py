"""A return that goes wrong stops nobody: it rests, `status` names it with its cause, and all others go on."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from formgen import formats
from formgen.errors import OutOfReach
from formgen.intake import health, retries
from formgen.intake.arrivals import Arrivals
from formgen.intake.decide import DecisionEngine
from formgen.intake.pipeline import ALL, Intake
from formgen.intake.watcher import Watch
from formgen.issuing import correction, issue
from formgen.publishing import outbox
from formgen.storage.rows import Submission
from formgen.storage.tables import extractions
from tests.conftest import AGREEMENT, JOB, NOON, REFERRAL, Bench, thing
from tests.support.replies import WRONG, rejected
from tests.support.replies import reply as reply_to

At = Callable[[str], Bench]
pytestmark = pytest.mark.usefixtures("unwalled")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what has failed rest for a moment only at first."""
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.01)


def problems(bench: Bench) -> list[str]:
    """Return what `status` says is wrong."""
    found = health.check_health(bench.workspace, bench.journal, NOON.timestamp())
    return [problem.message.format_map(problem.values) for problem in found.problems]


def rested(bench: Bench) -> Bench:
    """Return the bench when all that rests has rested long enough."""
    bench.intake.retries.pauses.clear()
    return bench


def fail(*_: Any, **__: Any) -> Any:
    """Fail as code with a mistake in it does."""
    raise LookupError("a mistake")


# --- what cannot be published -------------------------------------------------------------------


@contextmanager
def in_the_way(place: Path) -> Iterator[None]:
    """Let something else lie in the place of a folder or file of ours."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("not ours", encoding="utf-8")
    yield
    place.unlink()


def test_a_record_that_cannot_be_published_keeps_neither_others_nor_the_feed_waiting(bench: Bench) -> None:
    with in_the_way(bench.workspace.outbox / "records" / "PK-2026-00001"):
        first = bench.send("referral", REFERRAL)
        second = bench.send("referral", REFERRAL)
        wrong = bench.returned(thing())
        assert [line["submission_id"] for line in bench.feed()] == [row.submission_id for row in (first, second, wrong)]
        assert bench.record(second)["case_id"] == "PK-2026-00002"
        assert bench.reason(wrong)["code"] == "unsupported_type"
        (named,) = problems(bench)
        assert first.submission_id in named
        assert "File exists" in named or "Not a directory" in named
        rested(bench).watch()
        assert problems(bench) == [named]
    rested(bench).watch()
    assert bench.record(first)["case_id"] == "PK-2026-00001"
    assert problems(bench) == []
    assert [line["seq"] for line in bench.feed()] == [1, 2, 3]


def test_what_a_daemon_could_not_publish_the_next_one_does(bench: Bench) -> None:
    with in_the_way(bench.workspace.outbox / "records" / "PK-2026-00001"):
        row = bench.send("referral", REFERRAL)
        again = bench.restarted()
        again.watch()
        assert len(problems(again)) == 1
    last = bench.restarted()
    last.watch()
    assert last.record(row)["record_id"] == row.record_id
    assert problems(last) == []


def test_what_another_process_could_not_publish_the_daemon_does(bench: Bench) -> None:
    daemon, other = Watch(bench.intake), bench.restarted()
    with in_the_way(bench.workspace.outbox / "records" / "PK-2026-00001"):
        submission_id = other.intake.arrivals.receive_file(
            other.drop(other.filled(other.issue("referral"), REFERRAL)), "cli"
        )
        assert submission_id
        other.intake.process_submission(submission_id)
    for file in bench.workspace.inbox.iterdir():
        file.unlink()
    daemon.scan_inbox()
    assert bench.record(bench.row(submission_id))["form"] == "referral"
    assert problems(bench) == []


def test_while_the_whole_outbox_cannot_be_written_the_feed_waits_and_no_return_is_blamed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    data = bench.filled(bench.issue("referral"), REFERRAL)
    with monkeypatch.context() as disk:
        disk.setattr("formgen.files.write_new_file", full)
        row = bench.returned(data)
    assert bench.feed() == []
    assert [(problem.stage, problem.subject) for problem in bench.journal.list_problems()] == [("publish", ALL)]
    rested(bench).watch()
    assert (bench.record(row)["form"], len(bench.feed()), problems(bench)) == ("referral", 1, [])


def test_a_rejected_document_of_another_word_processor_gets_its_reply_as_word_document(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = rejected(bench, WRONG["many"])
    issued = bench.journal.find_issued_document(row.reply_id)
    assert issued
    for place in outbox.get_rejected_path(bench.workspace, row.rejected_as).parent.iterdir():
        place.unlink()
    for other in ("odt", "doc", "rtf"):
        monkeypatch.setattr(
            type(bench.journal), "find_issued_document", lambda _, __, other=other: replace(issued, format=other)
        )
        replies = issue.prepare_replies(bench.workspace, bench.journal, bench.registry, row)
        assert [name for name, draw in replies.items() if draw()] == ["docx"]
    bench.restarted().watch()
    assert zipfile.is_zipfile(outbox.get_rejected_path(bench.workspace, f"{row.rejected_as}.palaute.docx"))


@pytest.mark.parametrize("broken", ["form", "form and letter", "all"])
def test_a_reply_that_cannot_be_drawn_falls_back_and_the_reason_is_there_in_any_case(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(issue, "render_correction", fail)
    if broken != "form":
        monkeypatch.setattr(correction, "render_letter", fail)
    if broken == "all":
        monkeypatch.setattr(correction, "render_letter_text", fail)
    row = rejected(bench, WRONG["many"])
    file = outbox.get_rejected_path(bench.workspace, row.rejected_as)
    beside = {place.name.removeprefix(file.name) for place in file.parent.iterdir()}
    expected = {"form": {".palaute.docx"}, "form and letter": {".palaute.txt"}, "all": set()}[broken]
    assert beside == {"", ".reason.json", *expected}
    assert bench.reason(row)["code"] == "invalid_values"
    assert len(bench.feed()) == 1
    if broken == "form":
        assert reply_to(bench, row).startswith(b"PK")
    if broken == "form and letter":
        text = file.with_name(f"{file.name}.palaute.txt").read_text(encoding="utf-8")
        assert all(error["message"] in text for error in bench.reason(row)["errors"])
    assert len(problems(bench)) == (1 if broken == "all" else 0)
    monkeypatch.undo()
    monkeypatch.setattr("formgen.sandbox.reader_pool.read", lambda data, papers, _: formats.read_document(data, papers))
    rested(bench).watch()
    assert problems(bench) == []


def test_an_original_that_has_gone_keeps_the_reason_and_the_reply_from_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = Intake.settle_submission

    def lose(intake: Intake, row: Any, *about: Any) -> None:
        settle(intake, row, *about)
        (bench.workspace.originals / row.sha256).unlink(missing_ok=True)

    monkeypatch.setattr(Intake, "settle_submission", lose)
    row = rejected(bench, WRONG["line"])
    file = outbox.get_rejected_path(bench.workspace, row.rejected_as)
    assert {place.name.removeprefix(file.name) for place in file.parent.iterdir()} == {".reason.json", ".palaute.docx"}
    (named,) = problems(bench)
    assert row.submission_id in named


# --- what cannot be read, decided, released or let go ----------------------------------------------


@pytest.mark.parametrize(
    "error", [LookupError("a mistake"), OutOfReach(detail="gone"), OSError(5, "broken"), AssertionError()], ids=repr
)
@pytest.mark.parametrize("stop", ["open_submission", "decide_and_settle"])
def test_whatever_goes_wrong_with_one_return_the_others_of_its_batch_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, stop: str, error: Exception
) -> None:
    act, desk_act = (
        getattr(Intake, stop),
        {"open_submission": "read_or_reject", "decide_and_settle": "identify_and_decide"}[stop],
    )
    poisoned: list[bool] = []

    def mark(intake: Intake, about: Any) -> Any:
        poisoned[:] = [getattr(about, "row", about).file_name == "1.docx"]
        return act(intake, about)

    do = getattr(DecisionEngine, desk_act)

    def poison(*about: Any) -> Any:
        if any(poisoned):
            raise error
        return do(*about)

    monkeypatch.setattr(Intake, stop, mark)
    monkeypatch.setattr(DecisionEngine, desk_act, poison)
    bench.workspace.__dict__["office"] = one_reader(bench)
    bench.drop(thing(b"poison"), "1.docx")
    bench.drop(bench.filled(bench.issue("referral"), REFERRAL), "2.docx")
    bench.drop(thing(b"other"), "3.docx")
    daemon = Watch(bench.intake)
    daemon.drain_inbox()
    daemon.process_submissions()
    assert {row.file_name: row.outcome for row in bench.journal.find_submissions() if row.outcome}.items() >= {
        ("2.docx", "accepted"),
        ("3.docx", "rejected"),
    }
    first = bench.journal.find_submissions()[0]
    if isinstance(error, OutOfReach):  # ours: it is tried for ever, and no form is blamed
        assert (first.outcome, first.attempts) == (None, 0)
        assert problems(bench) == [f"Palautuksen {first.submission_id} käsittely ei onnistu: gone"]
    else:
        assert (first.outcome, first.code, problems(bench)) == ("rejected", "internal_error", [])
    monkeypatch.undo()
    monkeypatch.setattr("formgen.sandbox.reader_pool.read", lambda data, papers, _: formats.read_document(data, papers))
    rested(bench).watch()
    assert bench.journal.count_submissions() == {"accepted": 1, "rejected": 2}
    assert (problems(bench), len(bench.feed())) == ([], 3)


def one_reader(bench: Bench) -> Any:
    """Return settings by which files are read one after another."""
    office = bench.workspace.office
    return office.model_copy(update={"intake": office.intake.model_copy(update={"readers": 1})})


def test_a_row_that_cannot_be_written_down_keeps_no_other_of_its_batch_from_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = type(bench.journal).add_event

    def refuse(journal: Any, connection: Any, name: str, row: Any, line: Any) -> None:
        if row.code == "empty_file":
            raise OutOfReach(detail="constraint failed")
        add(journal, connection, name, row, line)

    monkeypatch.setattr(type(bench.journal), "add_event", refuse)
    (bench.root / "formgen.toml").write_text(
        "[intake]\nquiet = 0.05\nincomplete = 0.2\nempty = 0.1\n", encoding="utf-8"
    )
    bench = bench.restarted()
    bench.drop(b"", "1.docx")
    bench.drop(thing(), "2.docx")
    bench.drop(bench.filled(bench.issue("referral"), REFERRAL), "3.docx")
    bench.watch()
    outcomes = {row.file_name: row.outcome for row in bench.journal.find_submissions()}
    assert outcomes == {"1.docx": None, "2.docx": "rejected", "3.docx": "accepted"}
    assert len(bench.feed()) == 2
    (named,) = problems(bench)
    assert "constraint failed" in named
    monkeypatch.undo()
    rested(bench).watch()
    assert bench.journal.count_submissions() == {"accepted": 1, "rejected": 2}
    assert problems(bench) == []


def store_extraction(bench: Bench, row: Submission, text: str) -> str:
    """Write over what was read of a submission behind the log's back, and return what stood there."""
    own = extractions.c.submission_id == row.submission_id
    with bench.journal.engine.execution_options(writes=True).begin() as connection:
        before: str = connection.execute(select(extractions.c.extraction).where(own)).scalar_one()
        connection.execute(extractions.update().where(own).values(extraction=text))
    return before


def test_one_that_waits_and_cannot_be_released_holds_up_neither_the_others_nor_what_released_it(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    stuck, free = (bench.send("job_start", {**JOB, "employer_name": name}, case_id) for name in ("Eka Oy", "Toka Oy"))
    assert (stuck.outcome, free.outcome) == ("waiting", "waiting")
    kept = store_extraction(bench, stuck, "damaged")
    agreement = bench.send("cooperation_agreement", AGREEMENT, case_id)
    assert agreement.outcome == "accepted"
    assert [bench.row(row.submission_id).outcome for row in (stuck, free)] == ["waiting", "accepted"]
    (named,) = problems(bench)
    assert stuck.submission_id in named
    store_extraction(bench, stuck, kept)
    rested(bench).watch()
    assert bench.row(stuck.submission_id).outcome != "waiting"
    assert problems(bench) == []


def test_one_that_cannot_expire_keeps_no_other_from_it(at: At) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    stuck, free = (bench.send("job_start", {**JOB, "employer_name": name}, case_id) for name in ("Eka Oy", "Toka Oy"))
    kept = store_extraction(bench, stuck, "damaged")
    bench.clock.pass_days(15)
    bench.watch()
    assert [bench.row(row.submission_id).outcome for row in (stuck, free)] == ["waiting", "rejected"]
    (named,) = problems(bench)
    assert stuck.submission_id in named
    store_extraction(bench, stuck, kept)
    rested(bench).watch()
    assert bench.row(stuck.submission_id).outcome == "rejected"
    assert problems(bench) == []


def test_a_journal_that_cannot_be_read_for_a_while_does_not_end_the_daemon(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Watch(bench.intake)
    scans: list[int] = []
    scan = Watch.scan_inbox

    def stumble(watch: Watch) -> int:
        scans.append(1)
        if len(scans) == 1:
            raise OSError(5, "Input/output error")
        if len(scans) == 2:
            watch.request_stop()
        return scan(watch)

    monkeypatch.setattr(Watch, "scan_inbox", stumble)
    daemon.wake.set()
    daemon.run()
    assert len(scans) == 2


# --- what lies in the folder ----------------------------------------------------------------------


def limited(bench: Bench, **limits: Any) -> Bench:
    """Return the bench with other limits of the intake."""
    lines = {"quiet": 0.05, "incomplete": 0.2, **limits}
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
    (bench.root / "formgen.toml").write_text(f"[intake]\n{text}", encoding="utf-8")
    return bench.restarted()


def test_a_file_that_is_too_large_is_neither_read_nor_copied_and_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = limited(bench, max_bytes=100_000)
    file = bench.workspace.inbox / "suuri.docx"
    with file.open("wb") as stream:
        stream.truncate(5_000_000_000)
    reading: list[str] = []
    monkeypatch.setattr("formgen.intake.arrivals.open_regular_file", lambda file, _: reading.append(file.name))
    bench.watch()
    row = bench.journal.find_submissions()[-1]
    assert (reading, row.outcome, row.code, row.size) == ([], "rejected", "too_large", 5_000_000_000)
    assert bench.reason(row)["sha256"] is None
    moved = outbox.get_rejected_path(bench.workspace, row.rejected_as)
    assert (moved.stat().st_size, moved.stat().st_blocks, file.exists()) == (5_000_000_000, 0, False)
    assert moved.with_name(f"{moved.name}.palaute.docx").exists()
    assert list(bench.workspace.originals.iterdir()) == []
    assert problems(bench) == []
    assert bench.feed()[-1]["sha256"] is None


def test_a_file_that_is_too_large_and_cannot_be_moved_is_answered_once_left_and_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = limited(bench, max_bytes=100_000)
    file = bench.drop(bytes(100_001), "suuri.docx")
    sound = bench.drop(bench.filled(bench.issue("referral"), REFERRAL))

    def refuse(*_: Any) -> bool:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("formgen.intake.arrivals.move_oversized_file", refuse)
    for _ in range(3):
        rested(bench).watch()
    assert (file.exists(), sound.exists()) == (True, False)
    assert bench.journal.count_submissions() == {"accepted": 1, "rejected": 1}
    (named,) = problems(bench)
    assert "suuri.docx" in named
    assert "cross-device" in named
    row = next(row for row in bench.journal.find_submissions() if row.outcome == "rejected")
    assert [row.stage for row in bench.journal.list_problems()] == ["take"]
    monkeypatch.undo()
    rested(bench).watch()
    assert (outbox.get_rejected_path(bench.workspace, row.rejected_as).stat().st_size, problems(bench)) == (
        100_001,
        [],
    )


def test_a_file_that_cannot_be_removed_keeps_no_other_in_the_inbox_and_is_taken_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = os.unlink

    def stuck(file: Any, *how: Any, **more: Any) -> None:
        if file == "03.docx":
            raise PermissionError(1, "Operation not permitted")
        unlink(file, *how, **more)

    with monkeypatch.context() as folder:
        folder.setattr(os, "unlink", stuck)
        for number in range(8):
            bench.drop(thing(str(number).encode()), f"{number:02}.docx")
        for _ in range(3):
            rested(bench).watch()
        assert [file.name for file in bench.workspace.inbox.iterdir()] == ["03.docx"]
        assert bench.journal.count_submissions() == {"rejected": 8}
        (named,) = problems(bench)
        assert "03.docx" in named
        assert "Operation not permitted" in named
        daemon = Watch(rested(bench).intake)
        daemon.scan_inbox()
        daemon.wake.wait(0.1)
        daemon.scan_inbox()
        assert daemon.next_look == inf, "what rests costs nothing"
    rested(bench).watch()
    assert (list(bench.workspace.inbox.iterdir()), problems(bench)) == ([], [])
    assert bench.journal.count_submissions() == {"rejected": 8}


def test_a_file_that_may_not_be_read_is_named_and_taken_when_it_may(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def closed(place: Any, *how: Any, **more: Any) -> int:
        if str(place).endswith("salattu.docx"):
            raise PermissionError(13, "Permission denied")
        return real(place, *how, **more)

    file = bench.drop(bench.filled(bench.issue("referral"), REFERRAL), "salattu.docx")
    with monkeypatch.context() as rights:
        rights.setattr(os, "open", closed)
        bench.watch()
        (named,) = problems(bench)
        assert "salattu.docx" in named
        assert "Permission denied" in named
    rested(bench).watch()
    assert (file.exists(), bench.journal.count_submissions(), problems(bench)) == (False, {"accepted": 1}, [])


def test_a_problem_with_a_file_that_somebody_has_taken_away_is_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> bool:
        raise PermissionError(1, "Operation not permitted")

    file = bench.drop(thing())
    with monkeypatch.context() as folder:
        folder.setattr("formgen.intake.arrivals.remove_if_unchanged", refuse)
        bench.watch()
    assert len(problems(bench)) == 1
    file.unlink()
    assert problems(bench) == []
    bench.watch()
    assert bench.journal.list_problems() == []


def test_status_counts_from_when_a_file_came_whatever_its_time_of_writing(bench: Bench) -> None:
    file = bench.drop(b"half a file", "vanha.docx")
    os.utime(file, (1, 1))
    found = health.check_health(bench.workspace, bench.journal, file.lstat().st_ctime + 7)
    assert (found.oldest, found.problems) == (7.0, ())
    bench = limited(bench, incomplete=300)
    daemon = Watch(bench.intake)
    daemon.scan_inbox()
    daemon.save_waiting_files(0.0)
    bench.clock.now = NOON.replace(hour=11)
    file.chmod(0o600)
    daemon.scan_inbox()
    daemon.save_waiting_files(0.0)
    found = health.check_health(bench.workspace, bench.journal, bench.clock.now.timestamp())
    assert found.oldest is not None
    assert 7200 <= found.oldest < 7210
    assert any("vanha.docx" in problem.values.get("place", "") for problem in found.problems)


def test_an_empty_file_is_rejected_in_its_time_also_by_a_daemon_that_is_run_now_and_then(bench: Bench) -> None:
    file = bench.drop(b"", "tyhjä.docx")
    bench.watch()
    bench.restarted().watch()  # ends as the first one did
    assert bench.journal.find_submissions() == []
    bench.clock.now = NOON.replace(minute=11)
    bench.restarted().watch()
    assert not file.exists()
    assert bench.reason(bench.journal.find_submissions()[-1])["code"] == "empty_file"
    assert bench.journal.list_problems() == []


LITTER = [
    *("lomake.docx~", ".lomake.pdf.a8X2bQ", "lomake.docx.filepart", ".nfs000000000a1b2c3d00000001", "._lomake.docx"),
    *("desktop.ini", "Desktop.ini", ".lomake.docx.swp", "Lomakkeet.lnk", "Ohje.url", "lomake.docx.sb-1a2b3c4d-Xyz123"),
    *("THUMBS.DB", "#lomake.docx#", ".goutputstream-ABC123", "lomake.pdf.partial", ".smbdelete1234", "Icon\r"),
    *("#recycle/lomake.docx", "@eaDir/lomake.docx", ".Trash-1000/files/lomake.docx", "$RECYCLE.BIN/S-1-5/lomake.docx"),
    *(".stfolder/x", ".stversions/lomake.docx", ".snapshot/lomake.docx", "a/b/#recycle/lomake.docx", "__MACOSX/x.docx"),
]


def test_the_litter_of_other_programs_is_left_and_counted_and_never_answered(bench: Bench) -> None:
    for name in LITTER:
        bench.drop(thing(name.encode()), name)
    sound = bench.drop(thing(), "a/b/lomake.docx")
    bench.watch()
    assert [row.file_name for row in bench.journal.find_submissions()] == [sound.name]
    found = health.check_health(bench.workspace, bench.journal, NOON.timestamp())
    assert (found.inbox, found.oldest, found.problems) == (0, None, ())
    assert found.ignored == len(LITTER)


def test_an_office_may_name_more_that_is_to_be_ignored(bench: Bench) -> None:
    bench = limited(bench, ignore=["*.bak", "vanhat/"])
    kept = [bench.drop(thing(b"1"), "lomake.bak"), bench.drop(thing(b"2"), "vanhat/lomake.docx")]
    row = bench.returned(thing(b"3"), "uudet/lomake.docx")
    assert [file.exists() for file in kept] == [True, True]
    assert bench.journal.find_submissions() == [row]


@pytest.mark.parametrize("form", ["docx", "odt", "doc", "rtf", "pdf"])
def test_what_a_copier_has_reserved_but_not_written_is_no_file_yet(form: str, whole: dict[str, bytes]) -> None:
    data = whole[form]
    assert formats.is_whole(io.BytesIO(data))
    for kept in (0, 1, 100, len(data) // 4, len(data) // 2, len(data) * 3 // 4, len(data) - 2048):
        assert not formats.is_whole(io.BytesIO(data[:kept])), kept
        assert not formats.is_whole(io.BytesIO(data[:kept] + bytes(len(data) - kept))), kept


STEPS = 100_000  # lines and calls of ours, for a file of any bytes that is as large as files may be
LARGEST = 20_000_000
FAT = 0xFFFFFFFD


def compound(number: int, chained: int, sectors: bytes) -> bytes:
    """Return a compound file whose header tells of a table of so many sectors."""
    header = bytearray(512)
    struct.pack_into("<8s22xH", header, 0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 9)
    struct.pack_into("<8L109L", header, 44, number, 0, 0, 0, 0, 0, 0, chained, *range(109))
    return bytes(header) + sectors


def directory(entry: bytes) -> bytes:
    """Return a ZIP that is one directory of the same entry again and again."""
    listed = entry * (LARGEST // len(entry))
    return b"PK\3\4" + listed + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, len(listed), 4, 0)


MADE_TO_LAST = {
    "groups of an RTF": lambda: b"{\\rtf" + b"{" * LARGEST,
    "groups of an RTF that end": lambda: b"{\\rtf" + b"{}" * (LARGEST // 2),
    "escapes of an RTF": lambda: b"{\\rtf" + b"\\~" * (LARGEST // 2),
    "backslashes of an RTF": lambda: b"{\\rtf" + b"\\" * LARGEST,
    "pictures of an RTF": lambda: b"{\\rtf" + b"\\bin1 {" * (LARGEST // 7),
    "table of a compound file": lambda: compound(40_000, 40_000, bytes(LARGEST)),
    "chain of a compound file": lambda: compound(2**32 - 1, 2**32 - 1, struct.pack("<L", 1) * (LARGEST // 4)),
    "entries of a compound file": lambda: compound(306, 40_000, struct.pack("<L", FAT) * (LARGEST // 4)),
    "members of a ZIP": lambda: directory(struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 16)),
    "ends of a ZIP": lambda: b"PK\3\4" + b"PK\5\6" * (LARGEST // 4),
    "ends of a PDF": lambda: b"%PDF-" + b"startxref 1 %%EOF" * (LARGEST // 17),
    "room of a PDF": lambda: b"%PDF-" + b"startxref" + b" " * LARGEST + b"%%EOF",
}


@pytest.mark.parametrize("what", MADE_TO_LAST)
def test_no_file_is_looked_at_for_long_before_it_is_handed_on(what: str) -> None:
    stream, steps = io.BytesIO(MADE_TO_LAST[what]()), 0

    def count(frame: Any, event: str, _: object) -> Any:
        nonlocal steps
        steps += frame.f_code.co_filename.endswith("_whole.py")
        assert steps <= STEPS
        return count

    sys.settrace(count)
    try:
        formats.is_whole(stream)
    finally:
        sys.settrace(None)


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        (rb"{\rtf1 {a}}", True),
        (rb"{\rtf1 {a}", False),
        (rb"{\rtf1 \{a}", True),
        (rb"{\rtf1 \\{a}}", True),
        (rb"{\rtf1 \\\{a}", True),
        (rb"{\rtf1 \\\\{a}", False),
        (rb"{\rtf1 a\}", False),
        (b"{\\rtf1 a}\r\n\0\0", True),
        (b"{\\rtf1 {\\bin3 {{{}}", True),
        (b"{\\rtf1 {\\bin3 {{{} a", False),
    ],
)
def test_a_group_that_is_open_is_told_from_a_sign_that_is_written(text: bytes, is_whole: bool) -> None:
    assert formats.is_whole(io.BytesIO(text)) == is_whole


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return a form in every format, as LibreOffice saves it."""
    folder = tmp_path_factory.mktemp("whole")
    source = Path(__file__).parents[2] / "templates" / "forms" / "referral.docx"
    found = {"docx": source.read_bytes()}
    for ending in ("odt", "doc", "rtf", "pdf"):
        command = ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
        subprocess.run([*command, "--convert-to", ending, "--outdir", folder, source], check=True, capture_output=True)
        found[ending] = (folder / f"referral.{ending}").read_bytes()
    return found


def test_a_file_that_a_program_has_open_for_writing_waits_however_long_it_is_silent(bench: Bench) -> None:
    data = bench.filled(bench.issue("referral"), REFERRAL)
    file = bench.workspace.inbox / "varattu.docx"
    with file.open("wb") as stream:
        stream.truncate(len(data))
        for _ in range(3):
            bench.watch()
        assert bench.journal.find_submissions() == []
        assert [row.cause for row in bench.journal.list_problems("wait")] == ["open"]
        stream.write(data)
    bench.watch()
    assert bench.journal.count_submissions() == {"accepted": 1}
    assert bench.journal.list_problems() == []


def test_what_is_written_into_a_file_after_it_was_copied_stays_in_the_inbox_and_comes_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = bench.filled(bench.issue("referral"), REFERRAL)
    file = bench.drop(thing(b"x" * len(sound))[: len(sound)].ljust(len(sound), b"\0"), "lomake.docx")
    let_go = Arrivals.remove_from_inbox

    def late(intake: Intake, file: Path, status: Any, kept: Any) -> bool:
        times = file.stat()
        with file.open("r+b") as stream:
            stream.write(sound)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        monkeypatch.setattr(Arrivals, "remove_from_inbox", let_go)
        return let_go(intake, file, file.lstat(), kept)  # as if the time had not told it

    monkeypatch.setattr(Arrivals, "remove_from_inbox", late)
    bench.watch()
    bench.watch()
    assert not file.exists()
    assert bench.journal.count_submissions() == {"rejected": 1, "accepted": 1}


def test_of_a_long_backlog_those_that_are_ready_go_first_whatever_lies_before_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("formgen.intake.watcher.MAX_NEW_FILES", 20)
    bench = limited(bench, incomplete=3600)
    daemon = Watch(bench.intake)
    for number in range(60):
        bench.drop(f"half {number}".encode(), f"{number:03}.docx")
    for number in range(60, 100):
        bench.drop(thing(str(number).encode()), f"{number:03}.docx")
    for _ in range(8):
        daemon.scan_inbox()
        daemon.wake.wait(0.1)
    assert bench.journal.count_submissions() == {"rejected": 40}
    assert len(list(bench.workspace.inbox.iterdir())) == 60


# --- the command ----------------------------------------------------------------------------------


def formgen(bench: Bench, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return how a command of formgen has ended, run as people run it."""
    command = [sys.executable, "-m", "formgen", "--workspace", str(bench.root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def test_emptying_the_inbox_ends_where_only_an_empty_file_lies_and_says_so(bench: Bench) -> None:
    bench.drop(b"", "tyhjä.docx")
    done = formgen(bench, "watch", "--once")
    assert done.returncode == 4, done.stderr
    assert "tyhjä.docx" in done.stderr
    status = formgen(bench, "status", "--json")
    assert (status.returncode, json.loads(status.stdout)["inbox"]) == (0, 1)


def test_emptying_the_inbox_says_what_could_not_be_published(bench: Bench) -> None:
    bench.drop(bench.filled(bench.issue("referral"), REFERRAL))
    with in_the_way(bench.workspace.outbox / "records"):
        done = formgen(bench, "watch", "--once")
        (row,) = bench.journal.find_submissions()
        assert (done.returncode, row.submission_id in done.stderr) == (1, True), done.stderr
        status = formgen(bench, "status")
        assert (status.returncode, row.submission_id in status.stdout) == (1, True)
    assert formgen(bench, "watch", "--once").returncode == 0
    assert formgen(bench, "status").returncode == 0
    assert bench.record(row)["form"] == "referral"


def test_a_daemon_whose_log_cannot_be_written_goes_on(bench: Bench) -> None:
    bench.drop(thing(), "lomake.docx")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "formgen", "--workspace", str(bench.root), "watch", "--once"]
        done = subprocess.run(command, stderr=full, timeout=600, check=False)
    assert done.returncode == 0
    assert bench.journal.count_submissions() == {"rejected": 1}
