"""A limit that the office has set is the limit that people are told: no message, task or hint tells the usual one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from formgen.cases.workflow import Case, check_hold
from formgen.errors import Finding
from formgen.forms.rules import Check
from formgen.i18n import translate
from tests.rules import FORMS, TODAY, Office, crowded, judged, new, signed
from tests.support.messages import iter_fields
from tests.unit.test_rules import BASE, CASE, DUES, TABLES, declared

Limits = type(Office().limits)
USUAL = Limits().model_dump()
UNUSUAL = {name: 4001 + number for number, name in enumerate(USUAL)}
LANGUAGES = ("fi", "sv", "en")
NUMBER = re.compile(r"\d+([.,]\d+)?")
IN_WORDS = {7: r"viiko", 30: r"kuukau|månad|month", 180: r"puol", 365: r"vuo|år\b|year"}
WITH_UNIT = re.compile(r"\d\s*(päiv|vuorokau|viik|kuukau|vuot|vuod|tun|asiak|kert)")


@dataclass
class ReadLimits:
    """Limits of the office that note which of them were asked for."""

    values: dict[str, int]
    read: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> int:
        self.read.add(name)
        return self.values[name]


def limited(case: Case, limits: Any) -> Case:
    """Return the case in an office with other limits."""
    return replace(case, office=case.office.model_copy(update={"limits": limits}))


@cache
def answers() -> tuple[tuple[str, Check, set[str]], ...]:
    """Return the message and the answer of every rule and deadline that is shown, as an unusual office has them."""
    return tuple(iter_answers())


def iter_answers() -> Iterator[tuple[str, Check, set[str]]]:
    """Yield the message of every rule and deadline that is shown, what it answers, and the limits that it asks for."""
    for form, table in TABLES.items():
        for shown in table.SHOWN:
            case, limits = (shown.case or CASE[form])(), ReadLimits(UNUSUAL)
            if record := judged(form, {**BASE[form], **shown.breaks}, case).record:
                rule = declared(form, shown)
                yield rule.message, rule.check(record, limited(case, limits)), limits.read
    for due in DUES:
        form, _, name, overdue, _ = due.values
        case, limits = overdue(), ReadLimits(UNUSUAL)
        deadline = next(one for one in FORMS.find_latest_version(form).deadlines if one.name == name)
        for known in case.list_current_records(form):
            yield deadline.message, deadline.since(known.record, limited(case, limits)), limits.read


def test_what_is_said_under_a_limit_is_not_the_usual_number() -> None:
    for message, told, read in answers():
        for language in LANGUAGES:
            said = translate(message, language, **told.values)
            assert "{" not in said
            for name in read:
                assert str(USUAL[name]) not in [found[0] for found in NUMBER.finditer(said)], (name, said)
                assert not re.search(IN_WORDS.get(USUAL[name], "(?!)"), said), (name, said)


def test_the_limit_that_is_said_is_the_one_that_is_set() -> None:
    for message, told, read in answers():
        numbers = {value for value in told.values.values() if value in map(str, UNUSUAL.values())}
        assert numbers <= {str(UNUSUAL[name]) for name in read}, message


def test_what_a_message_names_is_a_number_and_nothing_that_stood_in_a_field() -> None:
    for message, told, _ in answers():
        assert set(told.values) == set(re.findall(r"{(\w+)}", message)), message
        assert all(NUMBER.fullmatch(value) for value in told.values.values()), message


def test_no_message_and_no_hint_has_a_measure_written_into_it() -> None:
    said = {declared.message for form in FORMS for declared in (*form.rules, *form.deadlines, *form.contradictions)}
    numbered = {text for text in said if re.search(r"\d", text)}
    assert all(
        text.startswith(("Numeroikaa tavoitteiden tärkeys: 1, 2, 3", "Tarkistakaa palkka.")) for text in numbered
    )
    said |= {asked.hint for form in FORMS for asked in iter_fields(form.fields)}
    assert [text for text in said if WITH_UNIT.search(text) and not text.startswith("Esimerkiksi")] == []


@pytest.mark.parametrize("limit", [1, 25])
def test_a_coach_is_told_the_limit_of_the_office(limit: int) -> None:
    decided = {**BASE["referral"], **TABLES["referral"].DECISION}
    case = limited(crowded() if limit > 1 else new(), Limits(caseload=limit))
    case = replace(case, caseloads={"Veera Valmentaja-Esimerkki": limit})
    (found,) = [found for found in judged("referral", decided, case).findings if found.code == "R08"]
    assert translate(found.message, "fi", **found.values) == (
        f"Valmentajalla on liikaa asiakkaita. Enimmäismäärä on {limit}."
    )


def test_a_hold_is_measured_by_the_limit_of_the_office() -> None:
    case = limited(signed(), Limits(hold_contact=4001))
    (found,) = check_hold(case, TODAY, TODAY + timedelta(days=4002))
    assert isinstance(found, Finding)
    assert translate(found.message, "fi", **found.values) == "Seuraava yhteydenotto on yli 4001 päivän päässä."
    assert check_hold(case, TODAY, TODAY + timedelta(days=4001)) == ()
