"""A document and a submission cost as many calls and steps of the database as they always have, without a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

import formgen
from benchmarks.samples import Sample, samples
from formgen import formats
from formgen.documents.extraction import Identity
from formgen.forms.validate import validate_extraction
from formgen.issuing.issue import build_document_texts
from tests.conftest import REFERRAL, Bench
from tests.support.strategies import KEYS

FORM = "job_start"
ENGINE = str(Path(formgen.__file__).parent)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Return a form with an answer in every field, its identity always the same."""
    (found,) = samples(tmp_path_factory.mktemp("speed"), [FORM])
    identity = Identity(FORM, found.form.version, UUID(int=1))
    words = build_document_texts(found.desk.workspace, KEYS, found.form, identity, "PK-2025-00001", "fi")
    return replace(found, draft=replace(found.draft, words=words))


# --- by counted calls -------------------------------------------------------------------------

# Calls of and from the engine's own functions for one document, when everything is warm. Fewer than
# before: lower the number. More: something is done twice, or has become dearer on purpose.
CALLS = {
    "draw docx": 1_591,
    "read docx": 25_636,
    "judge docx": 6_016,
    "draw pdf": 32_005,
    "fill pdf": 5_986,
    "read pdf": 23_642,
}
MORE, FEWER = 1.1, 0.8


def calls(work: Callable[[], object]) -> int:
    """Return how many calls the engine's code makes and gets, those within other libraries left out."""
    count = 0

    def tell(frame: Any, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call") and frame.f_code.co_filename.startswith(ENGINE)

    work()
    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def work_of(sample: Sample, name: str) -> Callable[[], object]:
    """Return the work of a name in `CALLS`."""
    task, kind = name.split()
    module = formats.load_formats()[kind]
    data, papers = sample.drawn(kind, sample.answers), sample.desk.reader.build_form_specs()
    sheet, empty, texts = formats.read_document(data, papers), sample.empty(kind), sample.texts
    return {
        "draw": lambda: sample.drawn(kind, sample.answers),
        "read": lambda: formats.read_document(data, papers),
        "judge": lambda: validate_extraction(
            sample.form, sheet, sample.desk.identifier.load_case("", sample.now.date()), sample.now.date()
        ),
        "fill": lambda: module.fill_document(empty, texts),
    }[task]


@pytest.mark.parametrize("name", CALLS)
def test_a_document_takes_as_many_calls_as_it_always_has(name: str, sample: Sample) -> None:
    counted = calls(work_of(sample, name))
    assert CALLS[name] * FEWER <= counted <= CALLS[name] * MORE, counted


# --- by steps of the database -----------------------------------------------------------------

NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)"
LONG_AGO = tuple(
    f"{NUMBERS} INSERT INTO {table} ({changed}, {same}) SELECT {copied}, {same} FROM {table}, numbers"
    for table, changed, copied, same in (
        (
            "submissions",
            "submission_id, sha256, source",
            "submission_id || n, sha256 || n, source || n",
            "file_name, size, channel, received_at, attempts, outcome, form, case_id, processed_at",
        ),
        ("events", "seq, submission_id", "-1000000 * seq - n, submission_id || n", "event, body"),
        ("issued", "instance_id", "instance_id || n", "form, version, language, format, answers, sources, issued_at"),
    )
)


@pytest.mark.usefixtures("unwalled")
def test_a_return_costs_the_database_no_more_when_many_have_come_before(bench: Bench) -> None:
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    def taken() -> int:
        nonlocal steps
        bench.drop(bench.filled(bench.issue("referral"), REFERRAL))
        steps = 0
        bench.watch()
        return steps

    event.listen(bench.journal.engine, "checkout", lambda raw, *_: raw.set_progress_handler(step, 20))
    taken()
    few = taken()
    with bench.journal.begin_transaction() as connection:
        for copied in LONG_AGO:
            connection.exec_driver_sql(copied)
    assert 0 < taken() < few * 1.3
    assert bench.journal.count_submissions()["accepted"] > 3
