"""What people and systems should see of each file of the matrix, looked at one cell at a time."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import docx
import pypdf
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from formgen.documents.extraction import Answer
from formgen.i18n import load_catalog, translate
from formgen.publishing import outbox
from formgen.storage.rows import Submission
from tests.conftest import AGREEMENT, provenance_of
from tests.support.matrix import CODES, LANGUAGES, WORD, Cell, Unit, differing, flat_text

RETURNED = "Lomake palautetaan korjattavaksi"
AGAIN = (
    "Lomaketta ei voitu vielä ottaa vastaan. Se on tässä uudelleen, ja vastauksesi ovat tallella. "
    "Korjaa merkityt kohdat, tallenna tiedosto ja lähetä se."
)
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def check(unit: Unit, cell: Cell) -> None:
    """Hold what people and systems see of the files of a cell against what they should see."""
    for name in unit.names[cell.outcome]:
        row = check_file(unit, name, cell.ends)
        assert row.code == CODES.get(cell.outcome)
        listed = {item["submission_id"]: item["outcome"] for item in unit.listed}
        assert listed.get(row.submission_id) == next((end for end in cell.ends if end in ("waiting", "review")), None)
        LOOKS[row.outcome](unit, cell, row)


def check_file(unit: Unit, name: str, ends: tuple[str, ...]) -> Submission:
    """Return what a file has become, after its ends: it is gone, kept as it was, and told of once for each end."""
    row, workspace = unit.row(name), unit.bench.workspace
    lines = [line for line in unit.bench.feed() if line["submission_id"] == row.submission_id]
    assert ([line["event"].rpartition(".")[2] for line in lines], row.outcome) == ([*ends], ends[-1]), row.reason
    for line in lines:
        validators(unit)["feed.schema.json"].validate(line)
    assert not (workspace.inbox / name).exists()
    assert (
        workspace.encryptor.read_file(workspace.originals, outbox.compute_digest(unit.files[name])) == unit.files[name]
    )
    if ends[-1] == "accepted":
        check_record(unit, name, lines[-1])
    return row


def validators(unit: Unit) -> Mapping[str, Draft202012Validator]:
    """Return a validator for each schema that is published, by the name of its file."""
    return validators_of(unit.bench.workspace.outbox / "schemas")


@cache
def validators_of(folder: Path) -> Mapping[str, Draft202012Validator]:
    """Return a validator for each schema in a folder, able to follow their references."""
    bodies = {place.name: json.loads(place.read_text(encoding="utf-8")) for place in folder.glob("*.schema.json")}
    known: Registry[Any] = Registry().with_resources(
        (body["$id"], Resource.from_contents(body)) for body in bodies.values()
    )
    checker = Draft202012Validator.FORMAT_CHECKER
    return {name: Draft202012Validator(body, registry=known, format_checker=checker) for name, body in bodies.items()}


def check_record(unit: Unit, name: str, line: Mapping[str, Any]) -> None:
    """Hold the record of an accepted file against the schema and against what was written into it."""
    record = json.loads((unit.bench.workspace.outbox / line["path"]).read_text(encoding="utf-8"))
    validators(unit)["record.schema.json"].validate(record)
    assert (record["record_id"], record["language"]) == (line["record_id"], unit.language)
    form = unit.bench.registry.find_latest_version(record["form"])
    read = {path: Answer(told["raw"]) for path, told in provenance_of(record).items()}
    assert differing(unit, form, unit.wrote(name), read) == {}


def look_at_accepted(unit: Unit, cell: Cell, row: Submission) -> None:
    """Look at a correction: it takes the place of what was accepted before."""
    record = unit.bench.record(row)
    assert (record["version_no"] > 1, bool(record["supersedes"])) == (cell.outcome == "correction",) * 2


def look_at_review(unit: Unit, cell: Cell, row: Submission) -> None:
    """Look at a return in review: the office is shown what is asked, and nothing is published but the event."""
    (listed,) = [item for item in unit.listed if item["submission_id"] == row.submission_id]
    shown = unit.run("review", "show", row.submission_id)
    assert listed["outcome"] == shown["outcome"] == "review"
    doubts = {doubt["path"]: doubt for doubt in shown["doubts"]}
    if unit.format == "flattened":
        assert doubts.keys() >= {path for path, text in AGREEMENT.items() if text and path.startswith("sign_")}
        assert all(Path(doubt["picture"]).is_file() for doubt in doubts.values())
    else:
        assert ("client_name" if unit.format in WORD else "") in doubts
    assert not row.record_id
    assert not row.rejected_as


def look_at_duplicate(unit: Unit, cell: Cell, row: Submission) -> None:
    """Look at a copy: the event names the first one, and there is no second record."""
    (line,) = [line for line in unit.bench.feed() if line["submission_id"] == row.submission_id]
    first = unit.bench.row(line["first"])
    assert (first.outcome, first.file_name.partition("-")[0]) == ("accepted", "accepted")
    assert (line["record_id"], line["path"], row.rejected_as) == (None, None, None)


def look_at_rejected(unit: Unit, cell: Cell, row: Submission) -> None:
    """Look at a rejected return: the file as it came, the reason for machines, the reply for its sender."""
    place = outbox.get_rejected_path(unit.bench.workspace, row.rejected_as)
    assert place.read_bytes() == unit.files[row.file_name]
    reason = json.loads(place.with_name(f"{place.name}.reason.json").read_text(encoding="utf-8"))
    validators(unit)["reason.schema.json"].validate(reason)
    assert reason["code"] == CODES[cell.outcome]
    assert [error["message"] for error in reason["errors"] if not is_said(error["message"], cell.language)] == []
    kinds = {"docx", unit.issued_as} if cell.outcome == "values" else {"docx"}
    beside = {file.name.removeprefix(f"{place.name}.palaute.") for file in place.parent.glob(f"{place.name}.palaute.*")}
    assert beside == kinds
    for kind in kinds:
        data = place.with_name(f"{place.name}.palaute.{kind}").read_bytes()
        check_words(TEXTS[kind](data), AGAIN if cell.outcome == "values" else RETURNED, reason, cell.language)
        check_identity(unit, row, data)
    if cell.outcome == "values":
        done = check_file(unit, f"right.{unit.ending}", Cell("accepted", cell.format, cell.language).ends)
        assert done.instance_id == row.reply_id


def check_words(text: str, head: str, reason: Mapping[str, Any], language: str) -> None:
    """Hold the words of a reply against the language and the reason: what is wrong stands there in that language."""
    said = [other for other in LANGUAGES if flat_text(translate(head, other)) in text]
    assert said == [other for other in LANGUAGES if translate(head, other) == translate(head, language)]
    assert [error["message"] for error in reason["errors"] if flat_text(error["message"]) not in text] == []


def check_identity(unit: Unit, row: Submission, data: bytes) -> None:
    """Hold whose document a reply is against what was written down: a letter is nobody's."""
    desk = unit.bench.intake.decision_engine
    if row.reply_id:
        assert desk.identifier.identify(desk.reader.read_document(data), unit.bench.clock()).identity.instance == UUID(
            row.reply_id
        )
    else:
        assert desk.decide_file(data, unit.bench.clock()).code == "not_a_form"


def is_said(text: str, language: str) -> bool:
    """Tell whether a text is one of those that are said in a language, whatever its values are."""
    return bool(sayings(language).fullmatch(text))


@cache
def sayings(language: str) -> re.Pattern[str]:
    """Return a pattern of all that is said in a language."""
    said = {translate(key, language) for key in load_catalog("sv")}
    return re.compile("|".join(re.sub(r"\\\{\w+\\\}", "(?s:.+)", re.escape(text)) for text in sorted(said)))


def text_of_word(data: bytes) -> str:
    """Return the words of a Word document as python-docx finds them."""
    body = docx.Document(io.BytesIO(data)).element.body
    return flat_text(
        " ".join("".join(piece.text or "" for piece in block.iter(f"{W}t")) for block in body.iter(f"{W}p"))
    )


def text_of_pdf(data: bytes) -> str:
    """Return the words of a PDF as pypdf finds them."""
    return flat_text(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages))


TEXTS = {"docx": text_of_word, "pdf": text_of_pdf}
LOOKS = {
    "accepted": look_at_accepted,
    "review": look_at_review,
    "duplicate": look_at_duplicate,
    "rejected": look_at_rejected,
}


def check_workspace(unit: Unit) -> None:
    """Hold a workspace to being sound: nothing lies in the inbox, all adds up, all is as it was written."""
    health = unit.run("status")
    assert (health["ok"], health["inbox"], health["in_work"], health["problems"]) == (True, 0, 0, [])
    unit.run("verify")
    seen = [line["seq"] for line in unit.bench.feed()]
    assert seen == list(range(1, len(seen) + 1))
