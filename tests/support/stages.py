"""A case on its way to work: every answer of the rules' tables as it is typed, and workspaces a move further each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest

from formgen.cases.workflow import Case
from formgen.issuing.issue import GeneratedDocument
from formgen.storage.rows import Submission
from tests.conftest import SETTINGS, Bench, build_once
from tests.rules import TODAY
from tests.unit.test_rules import MOVES

TO_WORK = ("T02", "T04", "T06", "T07", "T09", "T11", "T14")  # each stage is one move further
STAGES = range(len(TO_WORK) + 1)
PREFILLED = {"target_id", "goal_id"}  # they name rows of other forms: what a document brings with it is right


def typed(answers: Mapping[str, str], case: Case) -> dict[str, str]:
    """Return the answers that a person types, without the ids that documents bring with them.

    Their days are told from the day of the case for which they were written.
    """
    ahead = (case.today - TODAY).days

    def nearer(match: re.Match[str]) -> str:
        return f"{{today{int(match[1] or 0) - ahead:+}}}"

    return {
        path: re.sub(r"\{today([+-]\d+)?\}", nearer, text) for path, text in answers.items() if path not in PREFILLED
    }


LEGAL = {name: (form, typed(answers, case())) for name, (_, form, answers, case) in MOVES.items()}


def open_bench(root: Path) -> Bench:
    """Return a bench whose sent documents are taken as soon as they come."""
    return Bench(root, numbers=count(1))


def filled(
    bench: Bench, form: str, answers: Mapping[str, str], case_id: str | None, format_name: str = "docx"
) -> bytes:
    """Return a document as a person fills it; a path that ends in ``.*`` blanks what stands in a whole row."""
    made = bench.issue(form, case_id, format_name=format_name)
    return bench.filled(made, written(bench, made, answers))


def written(bench: Bench, made: GeneratedDocument, answers: Mapping[str, str]) -> dict[str, str]:
    """Return what a person writes into a document, a path that ends in ``.*`` being each place of a row, left blank."""
    issued = bench.journal.find_issued_document(made.instance_id)
    assert issued
    found: dict[str, str] = {}
    for path, text in answers.items():
        if path.endswith(".*"):
            gone = [known for known in {**issued.answers, **found} if known.startswith(path.removesuffix("*"))]
            found.update(dict.fromkeys(gone, ""))
        else:
            found[path] = text
    return found


def take(bench: Bench, data: bytes, ending: str = "docx") -> Submission:
    """Return what a document has become, taken in without the inbox."""
    file = bench.root / f"palautus-{next(bench.numbers)}.{ending}"
    file.write_bytes(data)
    submission_id = bench.intake.arrivals.receive_file(file, "cli")
    assert submission_id
    bench.intake.process_submission(submission_id)
    return bench.row(submission_id)


def go_on(bench: Bench, form: str, answers: Mapping[str, str]) -> None:
    """Send a right document about the only case, or that makes it."""
    case_id = bench.case().case_id if bench.journal.list_case_ids() else None
    row = take(bench, filled(bench, form, answers, case_id))
    assert row.outcome == "accepted", (form, row.reason)


@pytest.fixture(scope="module")
def workspaces(common: Path) -> list[Path]:
    """Return workspaces whose only case stands a move further each."""
    home = build_once(common / "stages", take_stages)
    return [home / str(stage) for stage in range(len(TO_WORK) + 1)]


def take_stages(home: Path) -> None:
    """Make the workspaces, by number, one from the other."""
    before = home / "0"
    before.mkdir(parents=True)
    (before / "formgen.toml").write_text(SETTINGS, encoding="utf-8")
    open_bench(before).journal.engine.dispose()
    for stage, name in enumerate(TO_WORK, start=1):
        shutil.copytree(before, home / str(stage))
        before = home / str(stage)
        bench = open_bench(before)
        go_on(bench, *LEGAL[name])
        bench.journal.engine.dispose()
