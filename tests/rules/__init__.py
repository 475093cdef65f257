"""What the tests of rules share: from answers to a judgement, and the cases that rules are asked about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from formgen.cases import prefill
from formgen.cases.workflow import Case, CaseRecord, Step
from formgen.demo import resolve_dates
from formgen.documents.extraction import Answer, Extraction
from formgen.forms import registry
from formgen.forms.form import Form, prefill_extraction
from formgen.forms.validate import ValidationResult, validate_extraction
from formgen.settings import WorkspaceFolder

REPOSITORY = Path(__file__).parents[2]
FORMS = registry.load_forms(WorkspaceFolder(REPOSITORY))
DEMO = json.loads((REPOSITORY / "demo" / "cases.json").read_text(encoding="utf-8"))
TODAY = date(2026, 6, 1)
EVERY_FORM = FORMS.ids | {name for _, declared in FORMS.iter_pending_rules() for name in declared.needs}

Answers = Mapping[str, str]


# --- from answers to a judgement ------------------------------------------------------------


def returned(form: type[Form], answers: Answers, case: Case, today: date = TODAY) -> Extraction:
    """Return the sheet of a prefilled document into which the answers were written.

    A path that ends in ``.*`` blanks a whole row or signature.
    """
    sheet = prefill_extraction(form, prefill.collect_known_values(form, case))
    paths = {path: answer.text for path, answer in sheet.answers.items()}
    for path, text in answers.items():
        table, _, index = path.removesuffix(".*").partition(".")
        asked = form.find_field(table)
        assert asked, f"{form.id} asks no {table}"
        if asked.columns:
            row = f"{table}.{index.partition('.')[0]}"
            for column in asked.columns:
                paths.setdefault(f"{row}.{column.name}", "")
        for gone in paths if path.endswith(".*") else ():
            if gone.startswith(path.removesuffix("*")):
                paths[gone] = ""
        if not path.endswith(".*"):
            paths[path] = resolve_dates(text, today)
    return Extraction({path: Answer(text) for path, text in paths.items() if not computed(form, path)})


def computed(form: type[Form], path: str) -> bool:
    """Tell whether nobody is asked for the value at a path."""
    asked = form.find_field(path)
    return asked is not None and asked.fill is not None


def judged(form: str, answers: Answers, case: Case, today: date = TODAY) -> ValidationResult:
    """Return the judgement of a returned document."""
    return validate_extraction(
        FORMS.find_latest_version(form),
        returned(FORMS.find_latest_version(form), answers, case, today),
        case,
        case.today,
    )


def accept(case: Case, form: str, answers: Answers, phase: str) -> Case:
    """Return the case after the document, in a phase."""
    judgement = judged(form, answers, case)
    assert judgement.record, judgement.findings
    return holding(case, judgement.record, phase=phase)


def holding(case: Case, *records: Any, phase: str = "") -> Case:
    """Return the case with records that were accepted, in a phase; a later version replaces the earlier one."""
    for record in records:
        number = len(case.records) + 1
        per = getattr(record, "versions_per", "")
        same = [
            known
            for known in case.list_current_records(record.id)
            if not per or getattr(known.record, per) == getattr(record, per)
        ]
        before = same[-1:] if getattr(record, "versions", False) else []
        version, supersedes = (before[0].version_no + 1, before[0].record_id) if before else (1, None)
        made = CaseRecord(f"r{number}", f"i{number}", version, record, supersedes)
        step = Step(number, record.id, made.record_id, None, case.phase, phase or case.phase, "")
        case = replace(case, records=(*case.records, made), steps=(*case.steps, step))
    return case


# --- the cases that rules are asked about -----------------------------------------------------

Office = FORMS.process.office
NEW = Case("PK-2026-00001", TODAY, Office(), forms=EVERY_FORM, process=FORMS.process)
REFERRAL, DECISION, AGREEMENT, JOB = (step["answers"] for step in DEMO[0]["submissions"])
DECIDED = {**REFERRAL, **DECISION}
BASE: dict[str, Answers] = {"referral": REFERRAL, "cooperation_agreement": AGREEMENT, "job_start": JOB}
REFUSAL = {"decision": "redirected", "decision_date": "{today-10}", "redirect_target": "Kuntouttava työtoiminta"}
AMENDMENT = {
    "agreement_kind": "amendment",
    "amendment_reason": "coach_change",
    "amendment_reason_detail": "Valmentaja vaihtuu",
}
SUBSIDY = {
    "wage_subsidy_status": "granted",
    "wage_subsidy_percent": "50 %",
    "wage_subsidy_from": "{today+5}",
    "wage_subsidy_to": "{today+155}",
    "subsidy_decision_date": "{today-1}",
}


@cache
def undecided() -> Case:
    return accept(NEW, "referral", REFERRAL, "phase_1")


@cache
def decided() -> Case:
    return accept(NEW, "referral", DECIDED, "phase_1")


@cache
def refused() -> Case:
    return accept(NEW, "referral", {**REFERRAL, **REFUSAL, "decision_reason": "Asiakas muuttaa."}, "phase_1")


@cache
def signed() -> Case:
    return accept(decided(), "cooperation_agreement", AGREEMENT, "phase_2")


@cache
def nameless() -> Case:
    answers = {**AGREEMENT, "consents.0.granted": "no", "employer_contact_mode": "no"}
    return accept(decided(), "cooperation_agreement", answers, "phase_2")


@cache
def employed() -> Case:
    return accept(signed(), "job_start", JOB, "phase_5")


@cache
def planless() -> Case:
    case = accept(NEW, "referral", {**DECIDED, "existing_plans": "client_plan"}, "phase_1")
    return accept(case, "cooperation_agreement", AGREEMENT, "phase_2")


@cache
def unmet() -> Case:
    return accept(NEW, "referral", {**DECIDED, "transition_meetings.0.*": ""}, "phase_1")


def new() -> Case:
    return NEW


def crowded() -> Case:
    return replace(NEW, caseloads={"Veera Valmentaja-Esimerkki": 20})


def regional() -> Case:
    return replace(NEW, office=Office(service_area=("422",)))


def unreferred() -> Case:
    return replace(decided(), records=())


def unsigned() -> Case:
    return replace(signed(), records=decided().records)


def in_phase(phase: str, case: Callable[[], Case] = signed) -> Callable[[], Case]:
    return lambda: replace(case(), steps=(*case().steps, Step(9, "", "", None, case().phase, phase, "")))


def with_stub(form: str, case: Callable[[], Case] = signed, /, **values: Any) -> Callable[[], Case]:
    silent: dict[str, Any] = {"coach": None, "deadlines": (), "contradictions": (), "infer_phase": lambda _: None}
    return lambda: holding(case(), SimpleNamespace(id=form, **silent, **values))


def later(days: int, case: Callable[[], Case] = signed) -> Callable[[], Case]:
    return lambda: replace(case(), today=TODAY + timedelta(days=days))


PROFILE = with_stub("vocational_profile", work_goals=[SimpleNamespace(goal_id="G-1")])
CAFE = "E-54b07bb1"


@dataclass(frozen=True)
class Shown:
    """One rule: what breaks it, where the finding stands then (at places set apart by spaces), and what keeps it."""

    code: str
    name: str
    breaks: Answers
    at: str
    holds: Answers = field(default_factory=dict)
    case: Callable[[], Case] | None = None
    held_case: Callable[[], Case] | None = None

    @property
    def places(self) -> list[str]:
        """Return where the findings stand; that of no place stands at ``""``."""
        return self.at.split() or [""]


TOMORROW = Shown("range", "document_is_not_of_tomorrow", {"document_date": "{today+1}"}, "document_date")


Moved = tuple[tuple[str, ...], Answers, Callable[[], Case]]
Dued = tuple[str, str, Callable[[], Case], Callable[[], Case]]
