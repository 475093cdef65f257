"""The process and the registry: every move is of the catalogue, one fits at a time, and a form is loaded once."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from formgen.cases import diagram, prefill
from formgen.cases.workflow import Case, CaseRecord, Move, Step, find_moves, infer_case_phase
from formgen.errors import UsageError
from formgen.forms import registry
from formgen.forms.declare import Answers
from formgen.forms.form import Form
from formgen.settings import WorkspaceFolder
from tests.conftest import JOB, Bench

At = Callable[[str], Bench]
pytestmark = pytest.mark.usefixtures("unwalled")
REPOSITORY = Path(__file__).parents[2]
FORMS = registry.load_forms(WorkspaceFolder(REPOSITORY))
PHASES = FORMS.process.phases
TODAY = date(2026, 6, 1)
CATALOGUE = {f"T{number:02}" for number in range(1, 31)} | {"T22b"}
WORDS = {"format", "required", "choice", "range", "contradiction"}
RULES = {f"R{number:02}" for number in range(1, 94)} | CATALOGUE | WORDS
every_form = pytest.mark.parametrize("form", tuple(FORMS), ids=lambda form: form.id)


# --- the forms keep to the catalogue ------------------------------------------------------------


@every_form
def test_every_move_is_of_the_catalogue_and_between_phases(form: type[Form]) -> None:
    for move in form.moves:
        assert move.id in CATALOGUE
        assert move.source in {None, *PHASES}
        assert move.target in PHASES
        assert set(move.then) <= {other.id for other in form.moves}


@every_form
def test_every_rule_and_task_has_a_code_of_the_catalogue(form: type[Form]) -> None:
    codes = {declared.code for declared in (*form.rules, *form.deadlines, *form.contradictions)}
    codes |= {asked.code for asked in form.fields if asked.code}
    assert codes - RULES == set()


@every_form
def test_no_move_leads_back_to_the_first_phase_or_out_of_a_closed_case(form: type[Form]) -> None:
    for move in form.moves:
        assert move.source != "closed"
        assert move.target != "phase_1" or move.source in (None, "phase_1")


def test_no_two_forms_share_an_id_or_a_number() -> None:
    assert len({form.number for form in FORMS}) == len(FORMS.ids)
    assert [form.number for form in FORMS] == sorted(form.number for form in FORMS)


def test_phases_stand_in_the_order_of_the_process() -> None:
    assert list(PHASES) == [*(f"phase_{number}" for number in range(1, 6)), "closed"]


@every_form
def test_every_prefill_that_names_a_form_names_one_of_its_fields(form: type[Form]) -> None:
    for asked in form.fields:
        source, _, name = (prefill.get_source_name(asked) or "").partition(".")
        if isinstance(asked.prefill, str) and source in FORMS.ids:
            assert name in {other.name for other in FORMS.find_latest_version(source).fields}, asked.name


# --- advance ------------------------------------------------------------------------------------


def record_of(moves: tuple[Move, ...], **values: Any) -> Any:
    """Return something that moves cases as a form does."""
    return SimpleNamespace(
        **{"id": "stub", "is_of_unit": lambda _: False, "moves": moves, "allowed_phases": (), **values}
    )


def case_in(phase: str | None) -> Case:
    """Return a case in a phase, or one that is yet to be opened."""
    steps = (Step(1, "stub", "r1", None, None, phase, ""),) if phase else ()
    return Case("PK-2026-00001" if phase else "", TODAY, steps=steps, process=FORMS.process)


def test_the_one_move_that_fits_is_made() -> None:
    moves = (Move("T11", "phase_4", "phase_5"), Move("T12", "phase_3", "phase_5"))
    made, stopped = find_moves(case_in("phase_3"), record_of(moves))
    assert ([move.id for move in made], stopped) == (["T12"], ())


def test_two_moves_that_fit_are_a_mistake_in_the_schemas() -> None:
    moves = (Move("T11", "phase_4", "phase_5"), Move("T12", "phase_4", "phase_5"))
    with pytest.raises(LookupError, match="T11, T12"):
        find_moves(case_in("phase_4"), record_of(moves))


def test_a_move_whose_condition_does_not_hold_does_not_fit() -> None:
    moves = (Move("T11", "phase_4", "phase_5", when=lambda record, _: record.signed), Move("T12", "phase_4", "phase_3"))
    assert find_moves(case_in("phase_4"), record_of(moves[:1], signed=False))[0] == ()
    made, _ = find_moves(case_in("phase_4"), record_of(moves[:1], signed=True))
    assert [move.id for move in made] == ["T11"]


def test_a_document_may_make_a_second_move_right_after_its_first() -> None:
    moves = (
        Move("T01", None, "phase_1", then=("T02",)),
        Move("T02", "phase_1", "phase_1"),
        Move("T03", "phase_1", "phase_1"),
    )
    made, _ = find_moves(case_in(None), record_of(moves))
    assert [move.id for move in made] == ["T01", "T02"]


def test_a_form_that_stays_in_a_phase_needs_no_move_there() -> None:
    record = record_of((Move("T11", "phase_4", "phase_5"),), allowed_phases=("phase_1",))
    assert find_moves(case_in("phase_1"), record) == ((), ())
    assert find_moves(case_in("phase_2"), record)[1]


def test_a_document_that_does_not_fit_the_phase_is_told_which_phase_it_is() -> None:
    made, (found,) = find_moves(case_in("phase_1"), record_of((Move("T11", "phase_4", "phase_5"),)))
    assert (made, found.code, found.severity, found.values["phase"]) == ((), "T11", "error", PHASES["phase_1"])


def test_a_closed_case_takes_no_new_form_and_no_correction_of_one_that_did_not_close_it() -> None:
    moves = tuple(Move("T24", phase, phase) for phase in PHASES if phase != "closed")
    for correction in (False, True):
        made, (found,) = find_moves(case_in("closed"), record_of(moves), correction)
        assert (made, found.code) == ((), "R88")


def test_a_correction_may_make_no_move() -> None:
    assert find_moves(case_in("phase_5"), record_of((Move("T11", "phase_4", "phase_5"),)), correction=True) == ((), ())


def test_a_document_is_not_issued_for_a_closed_case(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = at("signed")
    monkeypatch.setattr(Case, "phase", property(lambda _: "closed"))
    with pytest.raises(UsageError, match="päättynyt"):
        bench.issue("job_start", bench.case().case_id)


def test_a_return_to_a_closed_case_is_rejected(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = at("signed")
    data = bench.filled(bench.issue("job_start", bench.case().case_id), JOB)
    monkeypatch.setattr(Case, "phase", property(lambda _: "closed"))
    row = bench.returned(data)
    assert bench.reason(row)["code"] == "transition_not_allowed"
    assert bench.errors(row) == [("R88", "")]


# --- the case -----------------------------------------------------------------------------------


def known(number: int, expects: str | None = None, supersedes: int | None = None, instance: int = 0) -> CaseRecord:
    """Return a record of a case that speaks for a phase."""
    record: Any = SimpleNamespace(
        id="stub", infer_phase=lambda _: expects, number=number, coach=None, deadlines=(), contradictions=()
    )
    old = f"r{supersedes}" if supersedes else None
    return CaseRecord(f"r{number}", f"i{instance or number}", 1, record, old)


def test_the_expected_phase_is_the_furthest_that_a_record_in_force_speaks_for() -> None:
    case = replace(case_in("phase_2"), records=(known(1, "phase_1"), known(2, "phase_5"), known(3, "phase_2")))
    assert infer_case_phase(case) == "phase_5"
    assert infer_case_phase(case_in("phase_2")) is None


def test_a_corrected_record_speaks_for_no_phase() -> None:
    case = replace(case_in("phase_2"), records=(known(1, "phase_5"), known(2, "phase_2", supersedes=1)))
    assert infer_case_phase(case) == "phase_2"


def test_the_expected_phase_follows_the_walk(at: At) -> None:
    assert [infer_case_phase(at(place).case()) for place in ("referred", "decided", "signed")] == [
        "phase_1",
        "phase_1",
        "phase_2",
    ]
    employed = at("employed").case()
    assert infer_case_phase(replace(employed, today=date(2026, 6, 6))) == "phase_5"


def test_only_the_last_of_a_line_of_corrections_is_in_force() -> None:
    line = tuple(known(number, supersedes=number - 1 or None, instance=1) for number in range(1, 5))
    case = replace(case_in("phase_2"), records=(*line, known(9)))
    assert [item.record_id for item in case.list_current_records()] == ["r4", "r9"]
    assert {case.find_current_record(item.record_id).record_id for item in line} == {"r4"}
    assert [item.record_id for item in case.exclude_documents("i1").list_current_records()] == ["r9"]


# --- the registry -------------------------------------------------------------------------------


def test_each_schema_file_is_loaded_once(tmp_path: Path) -> None:
    first, second = (registry.load_forms(WorkspaceFolder(root)) for root in (tmp_path, tmp_path))
    assert first is second
    for form in first:
        assert isinstance(sys.modules[form.__module__], type(sys))
        assert getattr(sys.modules[form.__module__], form.__name__) is form
        assert first.forms[form.id][form.version] is form


def test_bases_that_files_share_are_the_same_class() -> None:
    bases = {base for form in FORMS for base in form.__mro__ if base.__name__ == "CaseForm"}
    assert len(bases) == 1
    rows = {asked.row for form in FORMS for asked in form.fields if asked.row and asked.row.__name__ == "Benefit"}
    assert all(issubclass(row, Answers) for row in rows)
    assert len(rows) <= 1


OWN = '''
"""A form of this office."""

from __future__ import annotations

from formgen.schema import Form, Line, Move, ask


class Own(Form):
    """A form of this office."""

    id = "{id}"
    number = "{number}"
    version = "{version}"
    title = "Oma lomake"
    moves = (Move("T01", None, "phase_1"),)

    name: Line = ask("Nimi", max_length=40)
'''


def own(workspace: WorkspaceFolder, file: str, **what: str) -> None:
    """Write a schema file of the office."""
    (workspace.root / "schemas" / file).write_text(OWN.format(**what), encoding="utf-8")


def test_a_schema_file_of_the_office_hides_the_packaged_one(workspace: WorkspaceFolder) -> None:
    own(workspace, "referral.py", id="referral", number="L01", version="2027.1")
    found = registry.load_forms(workspace)
    assert list(found.forms["referral"]) == ["2027.1"]
    assert [asked.name for asked in found.find_latest_version("referral").fields] == ["name"]
    assert found.ids == FORMS.ids
    assert list(FORMS.forms["referral"]) != ["2027.1"]


def test_a_form_of_the_office_stands_beside_the_packaged_ones(workspace: WorkspaceFolder) -> None:
    own(workspace, "own_form.py", id="own_form", number="L99", version="1")
    found = registry.load_forms(workspace)
    assert found.ids == FORMS.ids | {"own_form"}
    assert list(found)[-1].id == "own_form"


def test_a_form_may_have_two_versions_the_newest_of_which_is_issued(workspace: WorkspaceFolder) -> None:
    text = OWN.format(id="own_form", number="L99", version="2026.1")
    newer = re.sub(r"^.*?(?=class Own)", "", OWN, flags=re.DOTALL).replace("class Own", "class Newer")
    text += "\n\n" + newer.format(id="own_form", number="L99", version="2026.2")
    (workspace.root / "schemas" / "own_form.py").write_text(text, encoding="utf-8")
    found = registry.load_forms(workspace)
    assert list(found.forms["own_form"]) == ["2026.1", "2026.2"]
    assert found.find_latest_version("own_form").version == "2026.2"
    assert [form.version for form in found if form.id == "own_form"] == ["2026.2"]


def test_the_tenth_version_comes_after_the_ninth(workspace: WorkspaceFolder) -> None:
    text = OWN.format(id="own_form", number="L99", version="2026.10")
    older = re.sub(r"^.*?(?=class Own)", "", OWN, flags=re.DOTALL).replace("class Own", "class Older")
    text += "\n\n" + older.format(id="own_form", number="L99", version="2026.9")
    (workspace.root / "schemas" / "own_form.py").write_text(text, encoding="utf-8")
    assert registry.load_forms(workspace).find_latest_version("own_form").version == "2026.10"


def test_a_form_that_there_is_not_is_wrong_usage_and_names_those_that_there_are() -> None:
    with pytest.raises(UsageError) as wrong:
        FORMS.find_latest_version("horoscope")
    assert set(wrong.value.values["forms"].split(", ")) == FORMS.ids


def test_rules_that_wait_for_forms_to_come_are_listed_and_not_asked() -> None:
    pending = list(FORMS.iter_pending_rules())
    assert all(set(rule.needs) - FORMS.ids for _, rule in pending)
    waiting = {(form, rule.name) for form, rule in pending}
    for form in FORMS:
        for rule in form.rules:
            assert ((form.id, rule.name) in waiting) is bool(set(rule.needs) - FORMS.ids)


def test_no_phase_is_a_dead_end_or_out_of_reach_and_no_moves_overlap() -> None:
    assert list(diagram.find_faults(FORMS, PHASES)) == []


def test_the_faults_of_a_process_are_named() -> None:
    moves = (Move("T01", None, "phase_1"), Move("T02", "phase_1", "phase_1"), Move("T03", "phase_1", "phase_1"))
    found = list(diagram.find_faults([record_of(moves)], PHASES))
    assert "T02 and T03 of stub overlap in phase_1" in found
    assert "phase_1 is a dead end" in found
    assert "phase_5 is never reached" in found


def test_the_picture_in_the_docs_is_the_process_as_it_stands() -> None:
    drawn = (REPOSITORY / "docs" / "process.svg").read_text(encoding="utf-8")
    assert drawn == diagram.render_svg(FORMS, PHASES)
    assert all(line.move in drawn for line in diagram.list_moves(FORMS))
