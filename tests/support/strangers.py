"""Strangers: what they do to blanks, tokens and forms of others, and all that a unit knows and must not tell them."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pikepdf
import pypdfium2
from docx import Document
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String
from stdnum.fi import hetu

from formgen import formats
from formgen.demo import resolve_dates
from formgen.documents.extraction import TOKEN, Control, Question, iter_questions
from formgen.fields import DayDate
from formgen.forms.form import Form
from formgen.i18n import load_catalog
from formgen.publishing import outbox
from formgen.storage.moments import to_local_date
from formgen.storage.rows import Submission
from tests.conftest import DECIDED, Bench, changed
from tests.rules.closing import BASE as CLOSING
from tests.support.stages import LEGAL, TO_WORK, filled, take, typed
from tests.unit.test_rules import BASE, CASE, MOVES

OUTSIDER = {  # whom the unit does not know
    "client_last_name": "Outolintu",
    "client_first_names": "Vieno Vieras",
    "client_hetu": "020292-9111",
    "client_birth_date": "2.2.1992",
    "client_name": "Vieno Vieras Outolintu",
    "client_email": "vieno.outolintu@example.fi",
    "client_phone": "0457000001",
}
FORMER = {  # whose case is closed
    "client_last_name": "Päättynyt-Keksitty",
    "client_first_names": "Kaisa Testi",
    "client_hetu": "010190-900P",
    "client_birth_date": "1.1.1990",
    "client_email": "kaisa.paattynyt@example.fi",
    "client_phone": "0457000002",
}
MISSING, MALFORMED = "PK-2026-09999", "PK-2026-00001' OR 1=1 ../../{0}%s"
WRONG_DAY = "huomenna"
Answers = Mapping[str, str]


# --- the unit -----------------------------------------------------------------------------------


def open_unit(bench: Bench) -> tuple[str, str]:
    """Let a unit have a client at work and one whose case is closed; return the ids of the two cases."""
    for move in TO_WORK:
        form, answers = LEGAL[move]
        case_id = bench.journal.list_case_ids()[0] if bench.journal.list_case_ids() else None
        row = take(bench, filled(bench, form, answers, case_id))
        assert row.outcome == "accepted", (form, row.reason)
    first = take(bench, filled(bench, "referral", {**DECIDED, **FORMER}, None))
    assert first.outcome == "accepted", first.reason
    made = MOVES["T05"]
    bench.clock.pass_days(1)
    last = take(bench, filled(bench, "closing", typed({**CLOSING, **made[2]}, made[3]()), first.case_id))
    assert last.outcome == "accepted", last.reason
    (open_case, closed) = bench.journal.list_case_ids()
    return open_case, closed


def right(form: str) -> dict[str, str]:
    """Return answers that are right for the open case, and for a new one where the form opens it."""
    return {**typed(BASE[form], CASE[form]()), **(OUTSIDER if form == "referral" else {})}


def asked(form: type[Form], answers: Answers) -> dict[str, str]:
    """Return those of the answers that a form asks, not in rows that no longer are."""
    paths = {question.path for question in iter_questions(form.list_questions(), 30)}
    return {path: text for path, text in answers.items() if path in paths}


def state(bench: Bench, *cases: str) -> list[Any]:
    """Return everything of some cases that nobody may change unseen."""
    found: list[Any] = []
    for case_id in cases:
        case = bench.journal.load_case(case_id, to_local_date(bench.clock()), bench.workspace.office, bench.registry)
        files = sorted((bench.workspace.outbox / "records" / case_id).glob("*"))
        found.append((case.records, case.steps, case.phase, case.status, [file.read_bytes() for file in files]))
    return found


# --- what is known ------------------------------------------------------------------------------


def leaves(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, str):
        yield value


def known(bench: Bench) -> set[str]:
    """Return all texts that tell something of a client or a case: answers, as they are written and shown, and ids.

    What stands on a blank, or is said by the program to anybody, tells nothing.
    """
    found = {"JOB-1"}
    for row in bench.journal.list_record_places():
        record = bench.journal.find_record(row.record_id)
        assert record
        found |= {row.record_id, record.instance_id, record.submission_id}
        if row.case_id:
            found |= {row.case_id, *leaves(json.loads(record.payload)["data"])}
    return shown(found, bench)


def shown(texts: Iterable[str], bench: Bench) -> set[str]:
    """Return those of the texts that tell something, in every way in which they may be written."""
    found = {line for text in texts for line in (text, *text.split("\n"))}
    for text in list(found):
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            found.add(DayDate().write(date.fromisoformat(text)))
    said = said_to_anybody(bench)
    plain = {text for text in found if len(text) > 3 and not re.fullmatch(r"[\d.:]+", text)}
    return {text for text in plain if text.rstrip(".") not in said} | ({"13.4.1985", "1.1.1990"} & found)


def said_to_anybody(bench: Bench) -> str:
    """Return all that stands on blanks, the codes of options, and what the program says: the same in every unit."""
    if not SAID:
        blanks = [told(read(bench.issue(form.id, empty=True).path)) for form in bench.registry]
        asked = [
            choice.code
            for form in bench.registry
            for one in iter_questions(form.list_questions(), 1)
            for choice in one.choices
        ]
        SAID.append("\n".join((*blanks, *asked, *load_catalog("en"))))
    return SAID[0]


SAID: list[str] = []


def told(data: bytes) -> str:
    """Return all that somebody can find in a file: its texts, its properties, its parts."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = [package.read(name).decode(errors="replace") for name in package.namelist()]
        return "\n".join((*parts, *(re.sub(r"<[^>]+>", "", part) for part in parts)))
    if data.startswith(b"%PDF"):
        return told_by_pdf(data)
    return data.decode(errors="replace")


def told_by_pdf(data: bytes) -> str:
    """Return every string in a PDF, what its streams hold in clear, and the text of its pages."""
    found: list[str] = []
    with pikepdf.open(io.BytesIO(data)) as document:
        for item in document.objects:
            found += strings(item)
            if isinstance(item, Stream):
                found.append(item.read_bytes().decode("utf-8", "replace"))
        found += strings(document.trailer.get("/Info", Dictionary()))
    document = pypdfium2.PdfDocument(data)
    try:
        found += [document[number].get_textpage().get_text_range() for number in range(len(document))]
    finally:
        document.close()
    return "\n".join(found)


def strings(item: Any) -> Iterator[str]:
    """Yield the strings that an object of a PDF holds itself."""
    if isinstance(item, String):
        yield str(item)
    elif isinstance(item, Array):
        for part in item:
            if not getattr(part, "is_indirect", False):
                yield from strings(part)
    elif isinstance(item, Dictionary | Stream):
        for _, part in item.items():
            if not getattr(part, "is_indirect", False):
                yield from strings(part)


def answers_to(bench: Bench, row: Submission) -> dict[str, bytes]:
    """Return what was written for the sender of a return and for systems: the files beside it, by their names."""
    if row.outcome != "rejected":
        return {}
    place = outbox.get_rejected_path(bench.workspace, row.rejected_as)
    return {file.name: file.read_bytes() for file in place.parent.glob(f"{place.name}.*")}


def leaked(secrets: Iterable[str], sent: bytes, written: Iterable[bytes]) -> set[str]:
    """Return the secrets that were not in the file that was sent, and stand in what was written; moments are none."""
    brought = told(sent)
    brought += "\n".join(
        date(int(year), int(month), int(day)).isoformat()
        for day, month, year in re.findall(r"\b(\d\d?)\.(\d\d?)\.(\d{4})\b", brought)
    )
    said = [re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "", told(data)) for data in written]
    return {text for text in secrets if text not in brought and any(text in one for one in said)}


# --- what strangers do ----------------------------------------------------------------------------


def claiming(data: bytes, case_id: str, *, shown: bool = False) -> bytes:
    """Return a document that says of itself, unsigned, that it is of a case; ``shown`` says so on the page too."""
    return claiming_pdf(data, case_id) if data.startswith(b"%PDF") else claiming_docx(data, case_id, shown)


def claiming_docx(data: bytes, case_id: str, shown: bool) -> bytes:
    """Return a Word document whose property claims a case."""
    safe = case_id.replace("&", "&amp;").replace("<", "&lt;")
    hidden = re.compile(r'(name="formgen_case_id"><vt:lpwstr)(?:/>|>.*?</vt:lpwstr>)')

    def claim(name: str, text: str) -> str:
        if name == "docProps/custom.xml":
            return hidden.sub(lambda match: f"{match[1]}>{safe}</vt:lpwstr>", text)
        return re.sub(r"(Asia: )[^<]*", rf"\g<1>{safe}", text) if shown and name == "word/document.xml" else text

    found = changed(data, claim)
    assert found != data
    return found


def claiming_pdf(data: bytes, case_id: str) -> bytes:
    """Return a PDF whose field and information claim a case."""
    with pikepdf.open(io.BytesIO(data)) as document:
        for field in document.Root.AcroForm.Fields:
            if str(field.T) == "formgen_case_id":
                field.V = String(case_id)
        document.docinfo["/formgen_case_id"] = case_id
        return saved(document)


def saved(document: Pdf) -> bytes:
    """Return a PDF as it is saved plainly."""
    out = io.BytesIO()
    document.save(out, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue()


def with_token(data: bytes, token: str) -> bytes:
    """Return a document whose every carrier of identity says another token of the same form."""
    if data.startswith(b"%PDF"):
        pattern = re.compile(TOKEN.pattern.encode())
        assert {len(match[0]) for match in pattern.finditer(data)} == {len(token)}
        return pattern.sub(token.encode(), data)
    match = TOKEN.fullmatch(token)
    assert match
    mark = f"form_{UUID(match[3]).hex}"
    return changed(data, lambda _, text: re.sub(r"form_[0-9a-f]{32}", mark, TOKEN.sub(token, text)))


def only_a_token(token: str) -> bytes:
    """Return a Word document that holds a token and nothing else."""
    document = Document()
    document.add_paragraph(token)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def token_of(data: bytes) -> str:
    """Return the token that a document carries."""
    match = TOKEN.search(told(data))
    assert match
    return match[0]


def without_fields(data: bytes, gone: Callable[[str], bool]) -> bytes:
    """Return a document that has lost the fields of some paths."""
    if data.startswith(b"%PDF"):
        with pikepdf.open(io.BytesIO(data)) as document:
            drop(document.Root.AcroForm.Fields, "", gone)
            for page in document.pages:
                kept = [item for item in page.get("/Annots", ()) if not gone(name_of(item))]
                page.Annots = Array(kept)
            return saved(document)

    def tear(name: str, text: str) -> str:
        if name != "word/document.xml":
            return text
        rows = re.compile(r"<w:tr\b(?:(?!</?w:tr\b).)*</w:tr>", re.DOTALL)
        return rows.sub(lambda row: "" if any(map(gone, re.findall(r'"fg:([\w.]+)"', row[0]))) else row[0], text)

    return changed(data, tear)


def drop(fields: Array, above: str, gone: Callable[[str], bool]) -> None:
    """Take fields out of the tree of a PDF."""
    for at in reversed(range(len(fields))):
        name = f"{above}{fields[at].T}"
        if "/FT" not in fields[at]:
            drop(fields[at].Kids, f"{name}.", gone)
            if not len(fields[at].Kids):
                del fields[at]
        elif gone(name):
            del fields[at]


def name_of(widget: Any) -> str:
    """Return the name of the field that a widget is of, empty for what is none."""
    if widget.get("/Subtype") != Name.Widget:
        return ""
    steps = [str(widget.T)]
    while "/Parent" in widget:
        widget = widget.Parent
        steps.append(str(widget.T))
    return ".".join(reversed(steps))


def unfilled(form: type[Form]) -> list[Question]:
    """Return the questions of a form that stand in no table."""
    return [question for question in form.list_questions() if not question.columns]


@cache
def a_day(form: type[Form]) -> str:
    """Return the path of a day that a form asks and anybody may write."""
    return next(
        question.path for question in unfilled(form) if question.control is Control.DATE and not question.locked
    )


def put(data: bytes, bench: Bench, answers: Answers) -> bytes:
    """Return a document with answers typed into it, as far as it has fields for them."""
    name = "pdf" if data.startswith(b"%PDF") else "docx"
    found: bytes = formats.load_formats()[name].fill_document(
        data, {path: resolve_dates(text, to_local_date(bench.clock())) for path, text in answers.items()}
    )
    return found


def read(path: str) -> bytes:
    """Return the bytes of a document that went out."""
    return Path(path).read_bytes()


assert all(hetu.is_valid(person["client_hetu"], allow_temporary=True) for person in (OUTSIDER, FORMER))
