"""The public interface: a program does with `formgen.Workspace` what a person does with commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

import formgen
from formgen import Workspace, formats
from formgen.demo import resolve_dates
from formgen.errors import UsageError
from formgen.sandbox import reader_pool
from formgen.storage.rows import Submission
from formgen.workspace import Result
from tests.conftest import AGREEMENT, DECISION, JOB, REFERRAL, Bench

At = Callable[[str], Bench]
Decide = Callable[[Bench, Submission], object]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a new workspace that settles what it is given at once."""
    made = Workspace.create(tmp_path / "työtila")
    (made.root / "formgen.toml").write_text("[intake]\nquiet = 0.0\n", encoding="utf-8")
    return Workspace(made.root)


def submit(workspace: Workspace, form: str, answers: Mapping[str, str], case_id: str | None = None) -> Result:
    """Make a form, fill it and hand it in; return what became of it."""
    made = workspace.generate(form, case_id=case_id)
    typed = {path: resolve_dates(text, workspace.today) for path, text in answers.items()}
    file = workspace.root / "täytetty.docx"
    file.write_bytes(formats.load_formats()[made.format].fill_document(Path(made.path).read_bytes(), typed))
    return workspace.wait_for_result(workspace.receive(file))


def test_a_program_takes_a_case_from_referral_to_job(workspace: Workspace) -> None:
    first = submit(workspace, "referral", {**REFERRAL, **DECISION})
    assert first.record
    case_id = first.record.case_id
    assert case_id
    for form, answers in (("cooperation_agreement", AGREEMENT), ("job_start", JOB)):
        done = submit(workspace, form, answers, case_id)
        assert (done.outcome, done.reason) == ("accepted", None)
    case = workspace.show_case(case_id)
    assert [step.form for step in case.steps] == ["referral", "referral", "cooperation_agreement", "job_start"]
    assert workspace.hold(case_id, workspace.today, workspace.today + timedelta(days=7), "Kesäloma") == ()
    assert workspace.load_case(case_id).status == "on_hold"
    assert workspace.resume(case_id, workspace.today) == ()
    assert workspace.list_tasks([case_id]) == [(case, task) for case, task in workspace.list_tasks()]
    assert workspace.verify()[0] == []


def test_what_is_missing_is_named_without_a_word_of_the_command_line(workspace: Workspace) -> None:
    with pytest.raises(UsageError) as refused:
        workspace.generate("job_start")
    assert (refused.value.remedy, "--" in str(refused.value)) == ("case_id", False)


def test_reading_a_file_writes_nothing(workspace: Workspace) -> None:
    result = workspace.read(workspace.generate("referral").path)
    assert (result.outcome, result.submission.submission_id) == ("rejected", "")
    assert workspace.journal.count_submissions() == {}


def test_places_may_be_given_as_text(workspace: Workspace, tmp_path: Path) -> None:
    made = workspace.generate("referral", path=str(tmp_path))
    assert Path(made.path).parent == tmp_path
    assert workspace.wait_for_result(workspace.receive(made.path)).outcome == "rejected"
    assert workspace.write_schemas(str(tmp_path))
    with pytest.raises(UsageError):
        workspace.wait_for_result("01980000-0000-7000-8000-000000000001")


def test_who_acts_stands_in_the_access_log(workspace: Workspace) -> None:
    case_id = workspace.open_case()
    acting = Workspace(workspace.root, by="Veera Valmentaja", command="ohjelma")
    acting.show_case(case_id)
    line = acting.list_accesses(case_id=case_id)[-1]
    assert (line.actor.startswith("Veera Valmentaja"), line.command) == (True, "ohjelma")


def test_the_package_offers_the_workspace_and_what_it_hands_out() -> None:
    assert {"Workspace", "Result", "Review", "GeneratedDocument"} <= set(dir(formgen))


# --- what was read is kept ----------------------------------------------------------------------

DECISIONS: dict[str, Decide] = {
    "show": lambda bench, row: Workspace(bench.root).show_review(row.submission_id, "fi"),
    "accept": lambda bench, row: Workspace(bench.root, by="Testi Tarkastaja").accept(row.submission_id),
    "accept with a change": lambda bench, row: Workspace(bench.root).accept(row.submission_id, {"hours": "20"}),
    "reject": lambda bench, row: Workspace(bench.root).reject(row.submission_id),
}


@pytest.mark.parametrize("decide", DECISIONS.values(), ids=DECISIONS)
def test_a_person_decides_on_what_was_read_and_no_file_is_opened_again(
    decide: Decide, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("decided")
    row = bench.send("cooperation_agreement", {**AGREEMENT, "client_name": "Toinen Nimi"}, bench.case().case_id)
    assert row.outcome == "review", row.reason
    refuse_reading(bench, row, monkeypatch)
    if decide is DECISIONS["accept with a change"]:
        with pytest.raises(UsageError):
            decide(bench, row)
    else:
        decide(bench, row)


def test_what_waits_is_released_and_expires_without_opening_its_file_again(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = at("decided")
    case_id = bench.case().case_id
    first, second = (bench.send("job_start", {**JOB, "employer_name": name}, case_id) for name in ("Eka Oy", "Toka Oy"))
    assert (first.outcome, second.outcome) == ("waiting", "waiting")
    for row in (first, second):
        (bench.workspace.originals / row.sha256).unlink()
    bench.clock.pass_days(15)
    read = reader_pool.read
    monkeypatch.setattr(reader_pool, "read", lambda *_: pytest.fail("a file is opened again"))
    bench.intake.expire_waiting_submissions()
    assert [bench.row(row.submission_id).outcome for row in (first, second)] == ["rejected", "rejected"]
    monkeypatch.setattr(reader_pool, "read", read)


def refuse_reading(bench: Bench, row: Submission, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file of a submission be gone, and let nothing be read in the sandbox."""
    (bench.workspace.originals / row.sha256).rename(bench.root / "siirretty")
    monkeypatch.setattr(reader_pool, "read", lambda *_: pytest.fail("a file is opened again"))
