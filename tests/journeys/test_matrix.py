"""The matrix is whole: no cell is left out, every form comes in every format, and all of it may come at once."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from formgen import formats
from formgen.publishing import outbox
from formgen.publishing.contract import build_schemas
from formgen.storage.rows import Submission
from tests.conftest import AGREEMENT, DECIDED, JOB, REFERRAL, Bench, Clock
from tests.foreign.test_libreoffice import Office, office
from tests.formats.test_pdf_signatures import chain
from tests.rules import FORMS
from tests.support.matrix import FORMATS, IMPOSSIBLE, LANGUAGES, OUTCOMES, SETTINGS, Cell, Unit, cells, forms_of
from tests.support.matrix_checks import validators_of
from tests.support.replies import WRONG

__all__ = ["office"]
FOUND = {  # what a file ends as, and why; what is read off a page is shown to a person first
    "accepted": ("accepted", None),
    "duplicate": ("duplicate", None),
    "review": ("review", None),
    "waiting": ("waiting", None),
    **{
        reason: ("rejected", code)
        for reason, code in (
            ("values", "invalid_values"),
            ("process", "transition_not_allowed"),
            ("no_form", "not_a_form"),
            ("unsafe", "unsafe"),
            ("encrypted", "encrypted"),
            ("unreadable", "unreadable"),
            ("picture", "unsupported_type"),
        )
    },
}
ODD = ("duplicate", "encrypted", "no_form", "unsafe", "process", "unsafe", "waiting")  # one of each format


def test_every_cell_is_played_by_a_file_of_tests_or_named_as_impossible() -> None:
    files = [
        importlib.import_module(f"tests.journeys.{file.stem}")
        for file in Path(__file__).parent.glob("test_matrix_*.py")
    ]
    played = [cell for file in files for cell in cells(*file.FORMATS)]
    impossible = [Cell(*pair, language) for pair in IMPOSSIBLE for language in LANGUAGES]
    assert len(played) == len(set(played))
    assert {*played, *impossible} == {Cell(*names) for names in product(OUTCOMES, FORMATS, LANGUAGES)}
    assert all(reason.endswith(".") for reason in IMPOSSIBLE.values())


def test_the_matrix_has_every_outcome_and_every_format_that_there_is() -> None:
    events = build_schemas(FORMS)["feed.schema.json"]["properties"]["event"]["enum"]
    told = {event.rpartition(".")[2] for event in events}
    assert {end for cell in cells(*FORMATS) for end in cell.ends} == told
    endings = {ending for found in formats.load_formats().values() for ending in found.media_types}
    assert {f".{name}" for name in FORMATS} >= endings


@pytest.mark.parametrize("name", FORMATS)
def test_every_form_is_accepted_in_every_format(name: str) -> None:
    assert sorted(form for language in LANGUAGES for form in forms_of(name, language)) == sorted(FORMS.ids)


def test_a_password_keeps_nobody_from_reading_rtf(office: Office, bench: Bench) -> None:
    data = bench.filled(bench.issue("referral"), REFERRAL)
    stored = office.work(data, "docx", [], ("rtf",), "salainen")[1]["rtf"]
    assert bench.returned(stored, "lomake.rtf").outcome == "accepted"


# --- thirty files at once --------------------------------------------------------------------------


def lay(unit: Unit, name: str, odd: str, first: bytes) -> None:
    """Drop four files of a format: a right one, one with a mistake, a damaged one and an odd one."""
    filled = unit.send("accepted", "referral", REFERRAL, "new", name)
    unit.send("values", "referral", {**REFERRAL, **WRONG["code"].answers}, "new", name)
    unit.drop("unreadable", unit.damaged(unit.saved(filled)), name)
    match odd:
        case "process":
            unit.send(odd, "cooperation_agreement", {**AGREEMENT, "agreement_kind": "initial"}, "signed", name)
        case "waiting":
            unit.send(odd, "job_start", JOB, "decided", name)
        case _:
            make = {"encrypted": unit.locked, "unsafe": unit.harmful, "duplicate": lambda _: first}
            unit.drop(odd, make[odd](filled) if odd in make else unit.ordinary(), name)


def formgen(root: Path, *words: str) -> Any:
    """Return what a command of the program answers, run as a process of its own; it ends well."""
    command = [sys.executable, "-m", "formgen", "--workspace", str(root), "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def start(root: Path) -> tuple[Bench, bytes]:
    """Return a workspace with cases of today that are signed and decided, and a file that it has taken already."""
    root.mkdir()
    (root / "juuri.pem").write_bytes(chain()[0].pem)
    (root / "formgen.toml").write_text(SETTINGS.format(language="fi"), encoding="utf-8")
    bench = Bench(root, Clock(datetime.now(UTC)))
    taken = bench.filled(bench.issue("referral"), REFERRAL)
    assert bench.returned(taken).outcome == "accepted"
    decided = bench.send("referral", DECIDED).case_id
    signed = bench.send("referral", DECIDED).case_id
    assert bench.send("cooperation_agreement", AGREEMENT, signed).outcome == "accepted"
    cases = {"new": None, "decided": decided, "signed": signed}
    (root / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    return bench, taken


def ends(row: Submission) -> tuple[str, str | None]:
    """Return how a return has ended and why."""
    return row.outcome, row.code


def test_of_thirty_files_with_a_damaged_one_of_every_format_each_has_its_outcome(
    office: Office, tmp_path: Path
) -> None:
    bench, taken = start(tmp_path / "unit")
    before = len(bench.feed())
    units = [Unit(bench, name, "fi", office) for name in FORMATS]
    for unit, odd in zip(units, ODD, strict=True):
        lay(unit, unit.format, odd, taken)
    units[0].send("review", "job_start", {**JOB, "client_name": "Joku Muu"}, "signed")
    bench.drop(b"\xff\xd8\xff\xe0\0\x10JFIF\0", "picture.jpg")
    dropped = sorted(file.name for file in bench.workspace.inbox.iterdir())
    assert len(dropped) == 30

    formgen(bench.root, "watch", "--once")

    expected = {name: FOUND[name.partition("-")[0].partition(".")[0]] for name in dropped}
    expected |= {f"{name}-flattened.pdf": FOUND["review"] for name in ("accepted", "values")}
    rows = {row.file_name: row for row in bench.journal.find_submissions() if row.file_name in dropped}
    assert {name: ends(row) for name, row in rows.items()} == expected
    lines = bench.feed()[before:]
    assert sorted(line["submission_id"] for line in lines) == sorted(row.submission_id for row in rows.values())
    published = validators_of(bench.workspace.outbox / "schemas")
    for line in lines:
        published["feed.schema.json"].validate(line)
    for row in rows.values():
        check_published(bench, row, published)
    assert list(bench.workspace.inbox.iterdir()) == []
    assert formgen(bench.root, "status")["ok"]
    formgen(bench.root, "verify")


def check_published(bench: Bench, row: Submission, published: Mapping[str, Any]) -> None:
    """Hold what has been published of a return against the schemas; a rejected one has its reply."""
    if row.outcome == "accepted":
        published["record.schema.json"].validate(bench.record(row))
    if row.outcome == "rejected":
        published["reason.schema.json"].validate(bench.reason(row))
        assert outbox.get_rejected_path(bench.workspace, f"{row.rejected_as}.palaute.docx").is_file()
