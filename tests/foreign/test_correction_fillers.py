"""A reply is put right with the programs that people have: only what it marks is filled in, and it is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from formgen.documents.extraction import Control, Question, iter_questions
from formgen.formats.pdf import fields
from formgen.forms.form import Form
from tests.conftest import Bench
from tests.foreign.test_libreoffice import FORMATS, Office, office, steps
from tests.support.foreign import FILLERS, Job
from tests.support.replies import PLACE, WRONG, rejected, reply, told

__all__ = ["office"]
At = Callable[[str], Bench]
ROWS = 60
EACH = ("many", "ticks_in_a_cell", "list", "area", "what_another_answer_calls_for")

pytestmark = pytest.mark.usefixtures("unwalled")
every_wrong = pytest.mark.parametrize("name", EACH)


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


@pytest.mark.parametrize("filler", FILLERS)
@every_wrong
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


@pytest.mark.slow
@every_wrong
def test_a_word_reply_is_put_right_in_libreoffice_and_saved_in_any_format(name: str, at: At, office: Office) -> None:
    wrong = WRONG[name]
    bench = at(PLACE[wrong.form])
    row = rejected(bench, wrong)
    answers = told(bench, row, wrong)
    asked = questions(bench.registry.find_latest_version(wrong.form), answers)
    dates = {question.path for question in asked if question.control is Control.DATE}
    assert all(answers[path].count(".") == 2 for path in dates)
    _, files = office.work(reply(bench, row), "docx", steps(asked, answers), FORMATS)
    outcomes = []
    for ending, data in files.items():
        done = bench.returned(data, f"korjattu.{ending}")
        assert done.instance_id == row.reply_id or done.outcome == "duplicate", done.reason
        outcomes.append(done.outcome)
    assert outcomes == ["accepted", *["duplicate"] * (len(FORMATS) - 1)], [
        found.reason for found in bench.journal.find_submissions() if found.outcome in ("review", "rejected")
    ]
