"""A form is declared as it reads: sections say once what holds for their questions, and tables for their columns."""

from __future__ import annotations

import pytest

from formgen.fields import Day, Line, Phone
from formgen.forms.declare import Row, ask, ask_table, section
from formgen.forms.form import Form


class Helper(Row):
    """Somebody who helps, and until when."""

    name: Line = ask("Nimi")
    phone: Phone | None = ask("Puhelin", by="coach", sensitivity="h")


class Visit(Form):
    """One visit, in two sections."""

    id = "visit"
    number = "L98"
    version = "2026.1"
    title = "Käynti"

    written_on: Day = ask("Päiväys")

    with section("1 Käynti", by="client", sensitivity="n"):
        place: Line = ask("Paikka")
        reason: Line | None = ask("Syy", by="employer", sensitivity="h")
        helpers: tuple[Helper, ...] = ask_table("Auttajat")

    with section("2 Muuta"):
        note: Line | None = ask("Huomautus")


def said(form: type[Form]) -> dict[str, tuple[str, str, str]]:
    """Return section, who fills it and sensitivity of every field and column."""
    fields = {field.name: field for field in form.fields}
    fields |= {f"{table}.{column.name}": column for table, field in fields.items() for column in field.columns}
    return {name: (field.section, field.by, field.sensitivity) for name, field in fields.items()}


def test_a_section_says_once_what_holds_for_its_questions() -> None:
    assert said(Visit) == {
        "written_on": ("", "coach", "s"),
        "place": ("1 Käynti", "client", "n"),
        "reason": ("1 Käynti", "employer", "h"),
        "helpers": ("1 Käynti", "client", "n"),
        "helpers.name": ("", "client", "n"),
        "helpers.phone": ("", "coach", "h"),
        "note": ("2 Muuta", "coach", "s"),
    }


def test_the_title_of_a_section_stands_at_its_first_question_that_is_asked() -> None:
    titles = {question.path: question.section for question in Visit.list_questions()}
    assert titles == {"written_on": "", "place": "1 Käynti", "reason": "", "helpers": "", "note": "2 Muuta"}
    left_out = Visit.list_questions(omitted={"place"})
    assert [question.section for question in left_out if not question.omitted] == ["", "1 Käynti", "", "2 Muuta"]


def test_a_section_stands_in_no_other_section() -> None:
    with section("1 Käynti"):
        inner = section("2 Muuta")
        with pytest.raises(TypeError, match="'2 Muuta' stands in section '1 Käynti'"):
            inner.__enter__()


def test_a_section_that_fails_leaves_nothing_behind() -> None:
    with pytest.raises(ValueError, match="mistaken"), section("1 Käynti", by="client"):
        raise ValueError("mistaken")
    assert said(type("Later", (Visit,), {"__annotations__": {"last": Line}, "last": ask("Viimeinen")}))["last"] == (
        "",
        "coach",
        "s",
    )
