"""A reply is put right with the programs that people have: only what it marks is filled in, and it is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from formgen.documents.extraction import Control, Question, iter_questions
from formgen.formats.pdf import fields
from formgen.forms.form import Form
from tests.conftest import Bench
from tests.foreign.test_libreoffice import Office, office, steps
from tests.support.foreign import FILLERS, Job
from tests.support.replies import PLACE, WRONG, rejected, reply, told

__all__ = ["office"]
At = Callable[[str], Bench]
ROWS = 60
EACH = ("ticks_in_a_cell", "list", "area", "what_another_answer_calls_for")
TURNS = [(filler, name) for turn, filler in enumerate(FILLERS) for name in ("many", EACH[turn % len(EACH)])]

pytestmark = pytest.mark.usefixtures("unwalled")


def questions(form: type[Form], answers: Mapping[str, str]) -> list[Question]:
    """Return the questions that answers are to."""
    return [question for question in iter_questions(form.list_questions(), ROWS) if question.path in answers]


def in_fields(form: type[Form], answers: Mapping[str, str]) -> dict[str, str | bool]:
    """Return what is done at each field of a PDF to give the answers."""
    found: dict[str, str | bool] = {}
    for question in questions(form, answers):
        text = answers[question.path]
        for name, option in fields.iter_field_names(question):
            found[name] = option.code in text.split() if option else text
    return found


@pytest.mark.parametrize(("filler", "name"), TURNS)
def test_a_pdf_reply_is_put_right_in_any_viewer(filler: str, name: str, at: At, tmp_path: Path) -> None:
    wrong = WRONG[name]
    bench = at(PLACE[wrong.form])
    row = rejected(bench, wrong, "pdf")
    job = Job(
        reply(bench, row, "pdf"), in_fields(bench.registry.find_latest_version(wrong.form), told(bench, row, wrong))
    )
    (data,) = FILLERS[filler]([job], tmp_path)
    done = bench.returned(data, "korjattu.pdf")
    assert (done.outcome, done.instance_id) == ("accepted", row.reply_id), done.reason


@pytest.mark.parametrize("name", ["many", *EACH, "signature", "date"])
def test_a_word_reply_is_put_right_in_libreoffice(name: str, at: At, office: Office) -> None:
    wrong = WRONG[name]
    bench = at(PLACE[wrong.form])
    row = rejected(bench, wrong)
    answers = told(bench, row, wrong)
    asked = questions(bench.registry.find_latest_version(wrong.form), answers)
    dates = {question.path for question in asked if question.control is Control.DATE}
    assert all(answers[path].count(".") == 2 for path in dates)
    (*_, missing, _), files = office.work(reply(bench, row), "docx", steps(asked, answers), ("docx",))
    assert not missing
    done = bench.returned(files["docx"])
    assert (done.outcome, done.instance_id) == ("accepted", row.reply_id), done.reason
