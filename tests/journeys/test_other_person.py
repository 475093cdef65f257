"""What replaces the record of another person is looked at, and a blank filled by two people is of two people."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from formgen import formats
from formgen.cases.person import Person
from formgen.cases.workflow import Case
from formgen.intake.duplicates import find_repeat
from formgen.storage.rows import Submission
from tests.conftest import AGREEMENT, DECIDED, DECISION, JOB, REFERRAL, Bench, saved_again
from tests.support.strangers import OUTSIDER, WRONG_DAY, answers_to, told

At = Callable[[str], Bench]
pytestmark = pytest.mark.usefixtures("unwalled")

OTHER_CODE = {"client_hetu": "240585-9558", "client_birth_date": "24.5.1985"}
BARE = {"client_hetu": "", "client_birth_date": "13.4.1985"}
NAMED = ("client_last_name", "client_first_names", "client_hetu", "client_birth_date")
OF_THE_FORM = {path: OUTSIDER[path] for path in NAMED}
CHANGES: Mapping[str, tuple[Mapping[str, str], set[str]]] = {
    "another_code": ({"client_hetu": "130485-903N"}, {"client_hetu"}),
    "another_code_and_birth_date": (OTHER_CODE, {"client_hetu", "client_birth_date"}),
    "no_code": (BARE, {"client_hetu"}),
    "another_last_name": ({"client_last_name": "Toinen-Malli"}, {"client_last_name"}),
    "another_first_name": ({"client_first_names": "Esimerkki"}, {"client_first_names"}),
    "a_shorter_name": ({"client_first_names": "Onni"}, {"client_last_name", "client_first_names"}),
    "one_name_twice": ({"client_first_names": "Metsälä"}, {"client_last_name", "client_first_names"}),
    "another_person": (
        {**OUTSIDER, "client_birth_date": ""},
        {"client_last_name", "client_first_names", "client_hetu"},
    ),
}


def whose(bench: Bench, row: Submission) -> set[str]:
    """Return the places at which a return in review may be of another person."""
    return {field for code, field in bench.errors(row) if code == "R89"}


def looked_at(bench: Bench, row: Submission) -> set[str]:
    """Return the places of a return that a person has to look at."""
    assert row.outcome == "review", (row.outcome, row.reason)
    return {field for _, field in bench.errors(row)}


# --- what comes for a case that is known -----------------------------------------------------------


@pytest.mark.parametrize("format_name", ["docx", "pdf"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_referral_that_replaces_that_of_another_person_is_looked_at(name: str, format_name: str, at: At) -> None:
    change, places = CHANGES[name]
    bench = at("referred")
    made = bench.issue("referral", bench.case().case_id, format_name=format_name)
    row = bench.returned(bench.filled(made, {**DECISION, **asked(change)}), f"lähete.{format_name}")
    assert looked_at(bench, row) >= places
    assert [known.version_no for known in bench.case().records] == [1]
    bench.intake.confirm_submission(row, "Testi Tarkastaja", {})
    assert [known.version_no for known in bench.case().records] == [1, 2]


def asked(change: Mapping[str, str]) -> dict[str, str]:
    """Return what of a change a referral asks."""
    return {path: text for path, text in change.items() if path != "client_name"}


@pytest.mark.parametrize(
    "same",
    [{}, {"client_last_name": "METSÄLÄ"}, {"client_birth_date": "13.4.1985"}],
    ids=["nothing", "capitals", "birth_date"],
)
def test_a_referral_of_the_same_person_is_taken_as_before(same: Mapping[str, str], at: At) -> None:
    bench = at("referred")
    row = bench.send("referral", {**DECISION, **same}, bench.case().case_id)
    assert bench.record(row)["version_no"] == 2


@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("onni metsälä", False),
        ("metsälä", False),
        ("kaisa metsälä", True),
        ("onni testinen metsälä kaisa", True),
    ],
)
def test_a_name_that_was_written_shorter_makes_no_room_for_another(name: str, differs: bool) -> None:
    known = [ONNI, Person(name=frozenset(("metsälä",)))]
    assert Person(name=frozenset(name.split())).find_differences(known) == ({"name"} if differs else set())


def test_a_name_that_a_person_has_accepted_is_known_from_then_on(at: At) -> None:
    bench = at("decided")
    row = bench.send("referral", {"client_last_name": "Uusi-Malli"}, bench.case().case_id)
    assert looked_at(bench, row) == {"client_last_name"}
    bench.intake.confirm_submission(row, "Testi Tarkastaja", {})
    assert bench.send("cooperation_agreement", AGREEMENT, bench.case().case_id).outcome == "accepted"


@pytest.mark.parametrize("places", [("client_name",), ("client_birth_date",), ("client_name", "client_birth_date")])
def test_a_blank_for_a_case_that_another_person_has_filled_is_looked_at(places: tuple[str, ...], at: At) -> None:
    bench = at("signed")
    made = bench.issue("job_start", bench.case().case_id, empty=True)
    prefilled = bench.journal.find_issued_document(bench.issue("job_start", bench.case().case_id).instance_id)
    assert prefilled
    own = {**prefilled.answers, "client_name": "Onni Metsälä"}
    other = {place: OUTSIDER[place] for place in places}
    row = bench.returned(bench.filled(made, {**own, **JOB, **other}))
    assert looked_at(bench, row) == {*places}
    assert bench.returned(bench.filled(made, {**own, **JOB})).outcome == "accepted"


# --- one blank, two people --------------------------------------------------------------------------


def copies(bench: Bench, *answers: Mapping[str, str]) -> list[Submission]:
    """Return what becomes of copies of one blank referral."""
    made = bench.issue("referral")
    return [bench.returned(bench.filled(made, filled)) for filled in answers]


@pytest.mark.parametrize("other", [OF_THE_FORM, {**OF_THE_FORM, "client_hetu": ""}])
def test_one_blank_filled_by_two_people_opens_two_cases(other: Mapping[str, str], bench: Bench) -> None:
    first, second = copies(bench, DECIDED, {**DECIDED, **other})
    assert (first.outcome, second.outcome) == ("accepted", "accepted"), second.reason
    records = [bench.record(row) for row in (first, second)]
    assert [(record["version_no"], record["supersedes"]) for record in records] == [(1, None), (1, None)]
    assert len({record["case_id"] for record in records}) == 2


def test_each_of_two_people_may_correct_their_own(bench: Bench) -> None:
    made = bench.issue("referral")
    answers = (DECIDED, {**DECIDED, **OF_THE_FORM})
    cases = [bench.returned(bench.filled(made, filled)).case_id for filled in answers]
    for filled, case_id in zip(answers, cases, strict=True):
        row = bench.returned(bench.filled(made, {**filled, "client_email": "uusi@example.fi"}))
        assert (row.outcome, row.case_id) == ("accepted", case_id), row.reason
        assert bench.record(row)["version_no"] == 2
    again = bench.returned(saved_again(bench.filled(made, {**answers[1], "client_email": "uusi@example.fi"})))
    assert (again.outcome, again.case_id) == ("duplicate", cases[1])


def test_a_file_of_the_second_person_is_no_correction(bench: Bench) -> None:
    _, second = copies(bench, DECIDED, {**DECIDED, **OF_THE_FORM})
    assert find_repeat(bench.journal, bench.registry, second) is None


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "another_person"])
def test_a_copy_that_may_be_of_the_same_person_or_not_is_looked_at(name: str, bench: Bench) -> None:
    change, places = CHANGES[name]
    _, second = copies(bench, DECIDED, {**DECIDED, **change})
    assert whose(bench, second) == places
    assert second.outcome == "review"
    assert len(bench.journal.list_case_ids()) == len(bench.journal.list_record_places()) == 1


def test_two_people_whose_copies_were_wrong_are_answered_each_for_themselves(bench: Bench) -> None:
    wrong = {"decision_date": WRONG_DAY}
    made = bench.issue("referral")
    people = (DECIDED, {**DECIDED, **OF_THE_FORM})
    rows = [bench.returned(bench.filled(made, {**filled, **wrong})) for filled in people]
    done = []
    for row in rows:
        (name,) = [name for name in answers_to(bench, row) if name.endswith(".palaute.docx")]
        data = formats.load_formats()["docx"].fill_document(
            answers_to(bench, row)[name], {"decision_date": "20.5.2026"}
        )
        done.append(bench.returned(data))
    assert [row.outcome for row in done] == ["accepted", "accepted"]
    assert len({row.case_id for row in done}) == 2


def test_who_has_filled_a_copy_of_a_blank_learns_nothing_of_the_first(bench: Bench) -> None:
    first, second = copies(bench, DECIDED, {**DECIDED, "client_hetu": "130485-903N", "decision_date": WRONG_DAY})
    assert first.outcome == "accepted"
    assert (second.outcome, bench.errors(second)) == ("rejected", [("format", "decision_date")])
    assert not any(first.case_id in told(data) for data in answers_to(bench, second).values())


def test_a_refused_copy_is_answered_without_a_word_of_the_first(bench: Bench) -> None:
    _, second = copies(bench, DECIDED, {**DECIDED, "client_hetu": "130485-903N"})
    assert second.outcome == "review"
    bench.intake.reject_submission(second)
    refused = bench.row(second.submission_id)
    assert (refused.outcome, bench.reason(refused)["errors"]) == ("rejected", [])
    said = "\n".join(told(data) for data in answers_to(bench, refused).values())
    assert "Ota yhteyttä yksikköön." in said
    assert "asiassa" not in said


def test_a_copy_that_comes_when_the_case_is_closed_is_told_nothing_of_it(bench: Bench, monkeypatch: Any) -> None:
    made = bench.issue("referral")
    first = bench.returned(bench.filled(made, DECIDED))
    monkeypatch.setattr(Case, "status", property(lambda case: "closed" if case.case_id else "open"))
    late = bench.returned(bench.filled(made, {**DECIDED, "client_email": "uusi@example.fi"}))
    assert (late.outcome, late.code) == ("rejected", "bad_identity")
    said = json.dumps(bench.reason(late)) + "".join(told(data) for data in answers_to(bench, late).values())
    assert "päättynyt" not in said
    assert first.case_id not in said


# --- who is who ---------------------------------------------------------------------------------------

ONNI = Person("130485-901L", date(1985, 4, 13), frozenset(("onni", "testinen", "metsälä")))
TABLE: Mapping[str, tuple[Person, bool]] = {
    "the same": (ONNI, True),
    "a shorter name and nothing else": (Person(name=frozenset(("onni", "metsälä"))), True),
    "another name": (Person(ONNI.code, ONNI.born, frozenset(("onni", "uusi"))), True),
    "a mistyped code": (Person("130485-903N", ONNI.born, ONNI.name), True),
    "a twin": (Person("130485-903N", ONNI.born, frozenset(("aino", "metsälä"))), False),
    "born the same day, without a code": (Person(born=ONNI.born, name=frozenset(("aino", "malli"))), True),
    "a namesake": (Person(born=date(1950, 1, 1), name=ONNI.name), True),
    "somebody else": (Person("020292-9111", date(1992, 2, 2), frozenset(("vieno", "outolintu"))), False),
    "nobody": (Person(), False),
}


@pytest.mark.parametrize("name", TABLE)
def test_two_may_be_one_person_unless_all_that_tells_people_apart_is_different(name: str) -> None:
    other, one = TABLE[name]
    assert (ONNI.can_be(other), other.can_be(ONNI)) == (one, one)


def test_the_answers_of_the_tests_are_of_one_person() -> None:
    assert (REFERRAL["client_hetu"], REFERRAL["client_last_name"]) == (ONNI.code, "Metsälä")
