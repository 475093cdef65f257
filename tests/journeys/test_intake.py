"""The intake keeps every file and ends every return in one outcome, whatever dies, lies or stands in the way."""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from formgen.documents.extraction import TOKEN, Answer, Extraction, Identity
from formgen.errors import Busy, UsageError
from formgen.files import make_printable
from formgen.intake.answers import classify_change
from formgen.intake.decide import DecisionEngine
from formgen.intake.pipeline import Intake
from formgen.intake.publisher import Publisher
from formgen.intake.watcher import Watch
from formgen.issuing.issue import GeneratedDocument
from formgen.publishing import outbox
from formgen.sandbox import reader_pool
from formgen.storage.moments import format_timestamp
from formgen.storage.rows import Submission
from tests.conftest import AGREEMENT, JOB, REFERRAL, Bench, changed, provenance_of, saved_again, tree

At = Callable[[str], Bench]


def arrived(bench: Bench, data: bytes, name: str = "lomake.docx") -> str:
    """Return the id of the return that a file has become, not yet processed."""
    submission_id = bench.intake.arrivals.receive_file(bench.drop(data, name))
    assert submission_id
    return submission_id


def limited(bench: Bench, **limits: Any) -> Bench:
    """Return the bench with other limits of the intake."""
    office = bench.workspace.office
    bench.workspace.__dict__["office"] = office.model_copy(update={"intake": office.intake.model_copy(update=limits)})
    return bench


# --- the bytes are kept -------------------------------------------------------------------------


def test_a_received_file_is_kept_under_its_digest_and_left_where_it_is(bench: Bench) -> None:
    file = bench.drop(b"what came", "lomake.docx")
    submission_id = bench.intake.arrivals.receive_file(file)
    assert submission_id
    row = bench.row(submission_id)
    assert row.sha256 == outbox.compute_digest(b"what came")
    assert (bench.workspace.originals / row.sha256).read_bytes() == b"what came"
    assert (row.file_name, row.size, row.attempts, row.outcome) == ("lomake.docx", 9, 0, None)
    assert file.exists()
    assert list((bench.workspace.var / "work").iterdir()) == []


def test_a_link_is_never_followed(bench: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"of somebody else")
    link = bench.workspace.inbox / "lomake.docx"
    link.symlink_to(secret)
    assert bench.intake.arrivals.receive_file(link) is None
    bench.watch()
    assert bench.journal.find_submissions() == []
    assert list(bench.workspace.originals.iterdir()) == []


def test_a_pipe_is_never_read(bench: Bench) -> None:
    pipe = bench.workspace.inbox / "lomake.docx"
    os.mkfifo(pipe)
    assert bench.intake.arrivals.receive_file(pipe) is None
    assert bench.journal.find_submissions() == []


def test_a_file_that_changes_while_it_is_copied_has_not_arrived(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    file = bench.drop(b"first page", "lomake.docx")
    flush = os.fsync

    def write_on(handle: int) -> None:
        flush(handle)
        with file.open("ab") as stream:
            stream.write(b", second page")

    monkeypatch.setattr(os, "fsync", write_on)
    assert bench.intake.arrivals.receive_file(file) is None
    assert bench.journal.find_submissions() == []
    assert [list(folder.iterdir()) for folder in (bench.workspace.originals, bench.workspace.var / "work")] == [[], []]
    assert file.exists()


def test_a_file_that_is_gone_before_it_is_copied_has_not_arrived(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    file = bench.drop(b"gone", "lomake.docx")
    lstat = Path.lstat

    def look(path: Path) -> os.stat_result:
        status = lstat(path)
        if path == file and path.exists():
            path.unlink()
        return status

    monkeypatch.setattr(Path, "lstat", look)
    assert bench.intake.arrivals.receive_file(file) is None


def test_a_full_disk_is_our_fault_and_leaves_the_file_in_the_inbox(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bench.drop(b"what came", "lomake.docx")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(Busy):
            bench.intake.arrivals.receive_file(file)
        assert file.exists()
        assert list((bench.workspace.var / "work").iterdir()) == []
    assert bench.intake.arrivals.receive_file(file)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lomake.docx", "lomake.docx"),
        ("a\u0308iti\n.docx", "äiti\ufffd.docx"),
        (os.fsdecode(b"\xff.docx"), "\ufffd.docx"),
        ("a\u202ecod.exe", "a\ufffdcod.exe"),
    ],
)
def test_a_file_name_is_shown_as_text_that_is_safe_to_print(name: str, said: str) -> None:
    assert make_printable(name) == said


# --- one return, whatever dies ------------------------------------------------------------------


def test_a_crash_between_arrival_and_removal_gives_one_return(at: At) -> None:
    bench = at("signed")
    data = bench.filled(bench.issue("job_start", bench.case().case_id), JOB)
    file = bench.drop(data, "lomake.docx")
    submission_id = bench.intake.arrivals.receive_file(file)
    again = bench.restarted()
    again.watch()
    assert not file.exists()
    (row,) = [row for row in again.journal.find_submissions() if row.sha256 == outbox.compute_digest(data)]
    assert (row.submission_id, row.outcome) == (submission_id, "accepted")
    assert [line["submission_id"] for line in again.feed()].count(submission_id) == 1


def test_the_same_entry_dropped_again_after_its_answer_is_a_return_of_its_own(bench: Bench, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_bytes(b"no form")
    for _ in range(2):
        os.link(kept, bench.workspace.inbox / "sama.txt")
        bench.watch()
    assert [row.outcome for row in bench.journal.find_submissions()] == ["rejected", "duplicate"]


@pytest.mark.parametrize(
    "point",
    [
        "journal.set_attempts",
        "desk.read_or_reject",
        "desk.decide",
        "intake.save_record_and_steps",
        "publisher.publish_new_events",
        "outbox.publish_files",
        "outbox.publish_feed",
    ],
)
@pytest.mark.usefixtures("unwalled")
def test_a_crash_at_any_stop_loses_nothing_and_doubles_nothing(
    at: At, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("signed")
    case_id = bench.case().case_id
    data = bench.filled(bench.issue("job_start", case_id), JOB)
    submission_id = arrived(bench, data)

    class Killed(BaseException):
        """The process is gone."""

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    room, _, name = point.partition(".")
    owners = {"desk": DecisionEngine, "intake": Intake, "publisher": Publisher, "outbox": outbox}
    owner: Any = {"journal": type(bench.journal), **owners}[room]
    with monkeypatch.context() as crash:
        crash.setattr(owner, name, die)
        with pytest.raises(Killed):
            bench.intake.process_submission(submission_id)
    again = bench.restarted()
    again.watch()
    assert again.row(submission_id).outcome == "accepted"
    assert [step.transition for step in again.case().steps] == ["T01", "T02", "T04", "T13"]
    assert [line["seq"] for line in again.feed()] == [1, 2, 3, 4]
    assert again.record(again.row(submission_id))["case_id"] == case_id
    assert sum(again.journal.count_submissions().values()) == 4


# --- attempts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "limits", "reader"),
    [("unsafe", {}, "tests.support.takeover:dies"), ("timeout", {"wall_seconds": 0.0}, reader_pool.READER)],
)
def test_a_file_whose_reader_is_cut_off_three_times_is_rejected(
    bench: Bench, code: str, limits: Mapping[str, float], reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader_pool.stop_idle_readers()
    monkeypatch.setattr(reader_pool, "READER", reader)
    limited(bench, **limits)
    submission_id = arrived(bench, bench.filled(bench.issue("referral"), REFERRAL))
    watch = Watch(bench.intake)
    for attempt in (1, 2):
        assert watch.process_submissions() == 1
        assert (bench.row(submission_id).attempts, bench.row(submission_id).outcome) == (attempt, None)
        watch.intake.retries.pauses.clear()
    assert watch.process_submissions() == 0
    assert bench.reason(bench.row(submission_id))["code"] == code
    assert bench.row(submission_id).attempts == 3


def test_a_reader_that_is_cut_off_once_is_no_reason_to_reject(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    submission_id = arrived(bench, bench.filled(bench.issue("referral"), REFERRAL))
    watch = Watch(bench.intake)
    reader_pool.stop_idle_readers()
    with monkeypatch.context() as bad_day:
        bad_day.setattr(reader_pool, "READER", "tests.support.takeover:dies")
        watch.process_submissions()
    watch.intake.retries.pauses.clear()
    watch.process_submissions()
    assert bench.row(submission_id).outcome == "accepted"


def test_a_file_whose_reading_kills_us_every_time_is_rejected_as_unsafe(bench: Bench) -> None:
    submission_id = arrived(bench, bench.filled(bench.issue("referral"), REFERRAL))
    bench.journal.set_attempts({submission_id: bench.workspace.office.intake.attempts})
    bench.watch()
    assert bench.reason(bench.row(submission_id))["code"] == "unsafe"


def test_a_file_that_is_too_large_is_rejected_unread(bench: Bench) -> None:
    limited(bench, max_bytes=10)
    assert bench.reason(bench.returned(b"eleven signs"))["code"] == "too_large"


def test_a_fault_in_our_own_code_ends_in_internal_error_after_the_last_attempt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: Any) -> None:
        raise LookupError("130485-901L")

    monkeypatch.setattr(DecisionEngine, "decide", stumble)
    submission_id = arrived(bench, bench.filled(bench.issue("referral"), REFERRAL))
    for _ in range(2):
        with pytest.raises(LookupError):
            bench.intake.process_submission(submission_id)
        assert bench.row(submission_id).outcome is None
    bench.intake.process_submission(submission_id)
    reason = bench.reason(bench.row(submission_id))
    assert reason["code"] == "internal_error"
    assert "130485" not in json.dumps(reason)


def test_after_an_internal_error_the_same_file_may_come_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bench.filled(bench.issue("referral"), REFERRAL)
    submission_id = arrived(bench, data)
    with monkeypatch.context() as bad_day:
        bad_day.setattr(DecisionEngine, "decide", lambda *_: 1 / 0)
        bench.journal.set_attempts({submission_id: 2})
        bench.intake.process_submission(submission_id)
    assert bench.row(submission_id).code == "internal_error"
    bench.watch()
    assert bench.returned(data, "uudelleen.docx").outcome == "accepted"


def test_a_passing_fault_of_ours_never_rejects_a_form(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    submission_id = arrived(bench, bench.filled(bench.issue("referral"), REFERRAL))

    def busy(*_: Any) -> None:
        raise Busy(detail="fork")

    with monkeypatch.context() as bad_day:
        bad_day.setattr(reader_pool, "read", busy)
        for _ in range(10):
            with pytest.raises(Busy):
                bench.intake.process_submission(submission_id)
    assert bench.row(submission_id).outcome is None
    assert bench.intake.process_submission(submission_id).outcome == "accepted"


# --- what the outbox lacks ----------------------------------------------------------------------


def busy_office(bench: Bench) -> None:
    """Let something end in every outcome that the outbox tells of."""
    case_id = bench.case().case_id
    job = bench.filled(bench.issue("job_start", case_id), JOB)
    bench.returned(job)
    bench.returned(saved_again(job))
    bench.send("job_start", {**JOB, "job_title": "Tarjoilija", "weekly_hours": "52"}, case_id)
    bench.returned(b"no form at all", "kissa.txt")


@pytest.mark.usefixtures("unwalled")
def test_an_outbox_that_was_deleted_is_written_again_to_the_byte(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = at("signed")
    busy_office(bench)
    published = {name: data for name, data in tree(bench.workspace.outbox).items() if not name.startswith("forms/")}
    assert len(published) == 4 + 2 * 3 + 1
    for name in published:
        (bench.workspace.outbox / name).unlink()
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)
    bench.restarted().intake.recover_from_crash()
    again = {name: data for name, data in tree(bench.workspace.outbox).items() if not name.startswith("forms/")}
    assert again == published


@pytest.mark.usefixtures("unwalled")
def test_one_missing_record_is_written_again_and_nothing_else_is_touched(at: At) -> None:
    bench = at("signed")
    record = next((bench.workspace.outbox / "records").rglob("*.referral.json"))
    data = record.read_bytes()
    times = {file: file.stat().st_mtime_ns for file in (bench.workspace.outbox / "records").rglob("*.json")}
    record.unlink()
    bench.restarted().intake.recover_from_crash()
    assert record.read_bytes() == data
    assert all(file.stat().st_mtime_ns == time for file, time in times.items() if file != record)


@pytest.mark.parametrize("cut", [1, 2, 100, 300])
def test_a_feed_that_was_cut_mid_line_is_mended(at: At, cut: int) -> None:
    bench = at("signed")
    feed = bench.workspace.outbox / "feed.ndjson"
    whole = feed.read_bytes()
    with feed.open("r+b") as stream:
        stream.truncate(len(whole) - cut)
    bench.restarted().intake.recover_from_crash()
    assert feed.read_bytes() == whole


def test_work_files_of_a_crash_are_cleared_and_those_at_work_are_left(bench: Bench) -> None:
    for name, minutes in (("half", 90), ("at work", 1)):
        file = bench.workspace.var / "work" / name
        file.write_bytes(b"half a file")
        moment = bench.clock().timestamp() - 60 * minutes
        os.utime(file, (moment, moment))
    bench.restarted().intake.recover_from_crash()
    assert [file.name for file in (bench.workspace.var / "work").iterdir()] == ["at work"]


# --- whose document it is -----------------------------------------------------------------------


def carriers_changed(data: bytes, change: Callable[[str, re.Match[str]], str]) -> bytes:
    """Return the document each of whose tokens is as ``change(part, token)`` says."""
    return changed(data, lambda name, text: TOKEN.sub(lambda match: change(name, match), text))


def of(made: GeneratedDocument) -> Identity:
    """Return the identity of a document that went out."""
    return Identity(made.form, made.version, UUID(made.instance_id))


def test_carriers_that_disagree_go_to_review(bench: Bench) -> None:
    made = bench.issue("referral")
    other = replace(of(made), instance=UUID(int=7)).sign_token(bench.journal.keys)
    data = bench.filled(made, REFERRAL)
    row = bench.returned(carriers_changed(data, lambda name, match: other if "core" in name else match[0]))
    assert (row.outcome, bench.errors(row)) == ("review", [("R89", "")])
    assert bench.journal.list_record_places() == []


def test_one_forged_carrier_among_true_ones_goes_to_review(bench: Bench) -> None:
    data = bench.filled(bench.issue("referral"), REFERRAL)
    forged = carriers_changed(data, lambda name, match: match[0][:-32] + "0" * 32 if "core" in name else match[0])
    assert bench.returned(forged).outcome == "review"


def test_a_forged_identity_is_rejected(bench: Bench) -> None:
    data = bench.filled(bench.issue("referral"), REFERRAL)
    row = bench.returned(carriers_changed(data, lambda _, match: match[0][:-32] + "0" * 32))
    assert bench.reason(row)["code"] == "bad_identity"
    assert bench.errors(row) == [("R89", "")]


def test_a_document_of_another_office_is_rejected(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "toinen").mkdir()
    other = Bench(tmp_path / "toinen")
    row = bench.returned(other.filled(other.issue("referral"), REFERRAL))
    assert bench.reason(row)["code"] == "bad_identity"


@pytest.mark.parametrize("kept", ["word/document.xml", "docProps/core.xml", "docProps/custom.xml", "word/footer"])
def test_any_one_carrier_is_enough_to_recognise_a_return(bench: Bench, kept: str) -> None:
    made = bench.issue("referral")
    data = carriers_changed(bench.filled(made, REFERRAL), lambda name, match: match[0] if name.startswith(kept) else "")
    data = changed(data, lambda _, text: re.sub(r"form_[0-9a-f]{32}", "form", text))
    row = bench.returned(data)
    assert (row.outcome, row.instance_id) == ("accepted", made.instance_id)


def test_without_any_token_the_bookmark_is_a_claim_that_a_person_looks_at(bench: Bench) -> None:
    made = bench.issue("referral")
    row = bench.returned(carriers_changed(bench.filled(made, REFERRAL), lambda *_: ""))
    assert (row.form, row.instance_id, row.outcome) == ("referral", made.instance_id, "review")
    assert bench.intake.confirm_submission(row, "testi", {}).outcome == "accepted"


def test_what_only_a_bookmark_names_is_never_answered_with_a_signed_form(bench: Bench) -> None:
    made = bench.issue("referral")
    row = bench.returned(carriers_changed(bench.filled(made, {**REFERRAL, "client_hetu": "x"}), lambda *_: ""))
    assert (row.outcome, row.code, row.reply_id) == ("rejected", "invalid_values", None)


def test_a_bookmark_of_no_document_of_ours_is_not_enough(bench: Bench) -> None:
    data = carriers_changed(bench.filled(bench.issue("referral"), REFERRAL), lambda *_: "")
    data = changed(data, lambda _, text: re.sub(r"form_[0-9a-f]{32}", f"form_{7:032x}", text))
    assert bench.reason(bench.returned(data))["code"] == "not_a_form"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"no form at all", "unsupported_type"),
        (b"PK\x03\x04 word/ PK\x05\x06", "unreadable"),
        (b"%PDF-1.7\n%%EOF", "unreadable"),
    ],
)
def test_what_is_no_form_is_rejected_with_the_reason(bench: Bench, data: bytes, code: str) -> None:
    assert bench.reason(bench.row(settled(bench, data)))["code"] == code


def settled(bench: Bench, data: bytes) -> str:
    """Return the id of a return that was settled as it came."""
    submission_id = arrived(bench, data)
    bench.intake.process_submission(submission_id)
    return submission_id


def test_an_empty_office_document_is_not_a_form(bench: Bench) -> None:
    from docx import Document

    file = bench.workspace.root / "tyhja.docx"
    Document().save(str(file))
    assert bench.reason(bench.returned(file.read_bytes()))["code"] == "not_a_form"


# --- what needs a person ------------------------------------------------------------------------


def with_stray(data: bytes) -> bytes:
    """Return the document with a sentence written outside all fields."""
    stray = "<w:p><w:r><w:t>Soittakaa minulle ennen päätöstä.</w:t></w:r></w:p>"
    return changed(
        data,
        lambda name, text: re.sub(r"(<w:body[^>]*>)", rf"\1{stray}", text) if name == "word/document.xml" else text,
    )


def in_review(bench: Bench) -> Submission:
    """Return a job start in review: text stands outside its fields."""
    data = with_stray(bench.filled(bench.issue("job_start", bench.case().case_id), JOB))
    row = bench.returned(data)
    assert row.outcome == "review", row.reason
    return row


def test_text_outside_the_fields_goes_to_review_and_into_no_record(at: At) -> None:
    bench = at("signed")
    row = in_review(bench)
    assert bench.errors(row) == [("format", "")]
    assert (bench.feed()[-1]["event"], bench.feed()[-1]["path"]) == ("submission.review", None)
    assert "job_start" not in {known.form for known in bench.journal.list_record_places()}
    assert bench.case().phase == "phase_2"


def test_a_locked_value_that_was_changed_goes_to_review(at: At) -> None:
    bench = at("signed")
    row = bench.send("job_start", {**JOB, "client_name": "Joku Muu"}, bench.case().case_id)
    assert (row.outcome, bench.errors(row)) == ("review", [("choice", "client_name")])


def test_a_field_that_is_gone_goes_to_review(at: At) -> None:
    bench = at("signed")
    data = bench.filled(bench.issue("job_start", bench.case().case_id), JOB)

    def tear(name: str, text: str) -> str:
        control = re.compile(r'<w:tr\b(?:(?!</w:tr>).)*?w:val="fg:pay_day"(?:(?!</w:tr>).)*</w:tr>', re.DOTALL)
        return control.sub("", text) if name == "word/document.xml" else text

    torn = changed(data, tear)
    row = bench.returned(torn)
    assert row.outcome == "review"
    assert ("required", "pay_day") in bench.errors(row)


def test_a_person_confirms_a_review_with_other_values_and_is_named(at: At) -> None:
    bench = at("signed")
    row = in_review(bench)
    bench.intake.confirm_submission(row, "Testi Tarkastaja", {"weekly_hours": "20"})
    record = bench.record(bench.row(row.submission_id))
    assert record["provenance"]["confirmed_by"] == "Testi Tarkastaja"
    assert record["data"]["weekly_hours"] == "20.0"
    assert provenance_of(record)["weekly_hours"] == {
        "path": "weekly_hours",
        "raw": "20",
        "layer": "confirmed",
        "confidence": 1.0,
        "change": "new",
        "source": None,
        "decided": "changed",
        "read": JOB["weekly_hours"],
    }
    assert bench.case().phase == "phase_5"
    assert [line["event"] for line in bench.feed()[-2:]] == ["submission.review", "record.accepted"]


def test_the_record_tells_which_values_a_person_confirmed_which_they_changed_and_when(at: At) -> None:
    bench = at("signed")
    answers = {**JOB, "client_name": "Joku Muu"}
    row = bench.send("job_start", answers, bench.case().case_id)
    bench.clock.pass_days(3)
    bench.intake.confirm_submission(row, "Testi Tarkastaja", {"weekly_hours": "20", "job_title": answers["job_title"]})
    record = bench.record(bench.row(row.submission_id))
    provenance, fields = record["provenance"], provenance_of(record)
    decided = {path: (told["decided"], told["read"]) for path, told in fields.items() if told["decided"]}
    assert decided == {
        "client_name": ("confirmed", None),
        "job_title": ("confirmed", None),
        "weekly_hours": ("changed", answers["weekly_hours"]),
    }
    assert fields["client_name"]["raw"] == "Joku Muu"
    assert (provenance["confirmed_by"], provenance["confirmed_at"]) == (
        "Testi Tarkastaja",
        format_timestamp(bench.clock()),
    )


@pytest.mark.parametrize(
    ("given", "typed", "done"),
    [
        ("–", "–", ""),
        ("", "–", ""),
        ("–", "Kuopio", "new"),
        ("Kuopio", "–", "blanked"),
        ("Kuopio", "kuopio", "confirmed"),
        ("Kuopio", "Kuopio", "confirmed"),
        ("Kuopio", "Joensuu", "changed"),
    ],
)
def test_a_dash_is_no_answer_even_where_it_was_known(bench: Bench, given: str, typed: str, done: str) -> None:
    path, case = "client_municipality", SimpleNamespace(today=bench.clock().date())
    sheet = Extraction({path: Answer(typed)})
    about: Any = SimpleNamespace(
        extraction=sheet, given={path: given}, form=bench.registry.find_latest_version("referral"), case=case
    )
    assert classify_change(about, path) == done


def test_a_record_that_no_person_looked_at_tells_of_no_decision(at: At) -> None:
    bench = at("employed")
    row = bench.journal.find_submissions()[-1]
    record = bench.record(row)
    assert (record["provenance"]["confirmed_by"], record["provenance"]["confirmed_at"]) == (None, None)
    assert not any(told["decided"] for told in provenance_of(record).values())


def test_what_a_person_takes_out_is_told_with_what_was_read(at: At) -> None:
    bench = at("signed")
    row = in_review(bench)
    path = "pay_day"
    assert JOB[path]
    bench.intake.confirm_submission(row, "Testi Tarkastaja", {path: ""})
    told = provenance_of(bench.record(bench.row(row.submission_id)))[path]
    assert (told["raw"], told["change"], told["decided"]) == ("", "blanked", "changed")


@pytest.mark.parametrize(
    "path", ["weekly_hour", "", "benefits", "benefits.x.benefit", "benefits.0.nothing", "sign_client"]
)
def test_a_value_for_a_place_that_the_form_does_not_have_changes_nothing(at: At, path: str) -> None:
    bench = at("signed")
    row = in_review(bench)
    with pytest.raises(UsageError):
        bench.intake.confirm_submission(row, "Testi Tarkastaja", {path: "1"})
    assert bench.row(row.submission_id) == row


def test_nothing_in_review_is_accepted_or_lost_by_time(at: At) -> None:
    bench = at("signed")
    row = in_review(bench)
    records = len(bench.journal.list_record_places())
    for days in (1, bench.workspace.office.intake.waiting_days + 1, 3650):
        bench.clock.pass_days(days)
        bench.watch()
        bench.restarted().intake.recover_from_crash()
    assert bench.row(row.submission_id) == row
    assert len(bench.journal.list_record_places()) == records
    assert bench.intake.confirm_submission(row, "Testi Tarkastaja", {}).outcome == "accepted"


def test_a_person_cannot_confirm_what_breaks_a_rule(at: At) -> None:
    bench = at("signed")
    row = in_review(bench)
    assert bench.intake.confirm_submission(row, "Testi Tarkastaja", {"weekly_hours": "52"}).outcome == "rejected"
    assert bench.row(row.submission_id).outcome == "review"
    assert bench.case().phase == "phase_2"


def test_a_person_refuses_a_review_and_its_sender_gets_an_answer(at: At) -> None:
    bench = at("signed")
    row = in_review(bench)
    bench.intake.reject_submission(row)
    refused = bench.row(row.submission_id)
    assert bench.reason(refused)["code"] == "invalid_values"
    assert bench.feed()[-1]["event"] == "submission.rejected"


def test_two_people_who_decide_at_once_make_one_decision(at: At) -> None:
    bench = at("signed")
    row = in_review(bench)
    bench.intake.confirm_submission(row, "Testi Tarkastaja", {})
    with pytest.raises(UsageError):
        bench.intake.reject_submission(row)
    assert bench.row(row.submission_id).outcome == "accepted"
    assert [line["event"] for line in bench.feed()].count("submission.rejected") == 0


def test_a_duplicate_of_a_return_in_review_names_it(at: At) -> None:
    bench = at("signed")
    row = in_review(bench)
    again = bench.returned((bench.workspace.originals / row.sha256).read_bytes())
    assert (again.outcome, again.first_id) == ("duplicate", row.submission_id)


# --- what waits too long ------------------------------------------------------------------------


def test_what_waits_is_rejected_after_the_time_in_the_settings(at: At) -> None:
    bench = at("decided")
    row = bench.send("job_start", JOB, bench.case().case_id)
    bench.clock.pass_days(bench.workspace.office.intake.waiting_days)
    bench.watch()
    assert bench.row(row.submission_id).outcome == "waiting"
    bench.clock.pass_days(1)
    bench.watch()
    reason = bench.reason(bench.row(row.submission_id))
    assert (reason["code"], [error["code"] for error in reason["errors"]]) == ("transition_not_allowed", ["R46"])
    assert bench.feed()[-1]["event"] == "submission.rejected"


def test_what_has_waited_too_long_but_fits_by_then_is_accepted(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    row = bench.send("job_start", JOB, case_id)
    with monkeypatch.context() as crash:
        crash.setattr(Intake, "release_waiting_submissions", lambda *_: None)
        bench.send("cooperation_agreement", AGREEMENT, case_id)
    bench.clock.pass_days(bench.workspace.office.intake.waiting_days + 1)
    bench.intake.expire_waiting_submissions()
    assert bench.row(row.submission_id).outcome == "accepted"


def test_no_value_of_a_sensitive_field_enters_a_path_or_the_feed(at: At) -> None:
    bench = at("employed")
    told = "\n".join(tree(bench.root / "outbox")) + (bench.workspace.outbox / "feed.ndjson").read_text(encoding="utf-8")
    for secret in ("Metsälä", "Onni", "130485-901L", "901L", "0401234567"):
        assert secret not in told
