"""What other libraries do of the same work: each peer gets a sample and gives a way to be timed.

A peer that is not there raises `ImportError` or `OSError`, one that has left out answers
`ValueError`; the table then says so in its place.
"""

from __future__ import annotations

import importlib
import io
import json
import re
import subprocess
from collections.abc import Container, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docx
import pikepdf
import pypdf
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docxtpl import DocxTemplate
from jinja2 import Environment
from pikepdf.form import ExtendedAppearanceStreamGenerator, Form

from benchmarks.contest import LEAST, Way, paced
from benchmarks.pdf_fill import with_pypdf
from benchmarks.samples import ROWS, Sample
from formgen.documents.extraction import Control, Question, iter_questions
from formgen.formats.pdf.fill import iter_named_fields

CHECKED, UNCHECKED = "☒", "☐"
W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
DAY = re.compile(r"(\d+)\.(\d+)\.(\d{4})")
NODE = Path(__file__).parent / "js"


# --- making a Word document -------------------------------------------------------------------


def docxtpl(sample: Sample) -> Way:
    """Return docxtpl's way to render the same template, with the states of the controls as right as ours."""
    context = told(sample)
    work = partial(rendered, sample.template, context)
    words = [shown(question, sample.answers[question.path]) for question in asked(sample)]
    expect("docxtpl", "".join(docx.Document(io.BytesIO(work())).element.body.itertext()), words)
    return partial(paced, work)


def rendered(template: Path, context: Mapping[str, Any]) -> bytes:
    """Return a template as docxtpl renders it, its boxes, days and lists in the state that they show."""
    document = DocxTemplate(template)
    document.render(context, Environment(autoescape=True))
    for control in document.docx.element.body.iter(qn("w:sdt")):
        stated(control, "".join(control.find(qn("w:sdtContent")).itertext(qn("w:t"))))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def stated(control: Any, text: str) -> None:
    """Set the state of a control to what it shows."""
    properties = control.find(qn("w:sdtPr"))
    for checked in properties.iter(f"{W14}checked"):
        checked.set(f"{W14}val", str(int(text == CHECKED)))
    day, listed = properties.find(qn("w:date")), properties.find(qn("w:dropDownList"))
    if day is not None and (match := DAY.fullmatch(text)):
        day.set(qn("w:fullDate"), f"{match[3]}-{match[2]:0>2}-{match[1]:0>2}T00:00:00Z")
    if listed is not None:
        for item in listed:
            if item.get(qn("w:displayText")) == text:
                listed.set(qn("w:lastValue"), item.get(qn("w:value")))


def told(sample: Sample) -> dict[str, Any]:
    """Return what the template of a sample is rendered from: words, answers by path, rows as lists."""
    context: dict[str, Any] = {**sample.draft.words, "_": lambda text: text}
    for question in asked(sample):
        *above, name = question.path.split(".")
        place = context
        for step in above:
            place = place.setdefault(step, {})
        place[name] = said(question, sample.answers[question.path])
    for table in sample.draft.questions:
        if table.columns:
            context[table.path] = list(context[table.path].values())
    return context


def said(question: Question, text: str) -> str | SimpleNamespace:
    """Return what an answer looks like: for boxes the sign of each."""
    if question.control is Control.TICKS:
        signs = {choice.code: CHECKED if choice.code in text.split() else UNCHECKED for choice in question.choices}
        return SimpleNamespace(**signs)  # a dict has a `get` of its own, and there is such a code
    return shown(question, text)


def shown(question: Question, text: str) -> str:
    """Return the words that a document shows of an answer: those of a list's item, none of boxes."""
    if question.control is Control.TICKS:
        return ""
    return next((choice.label for choice in question.choices if choice.code == text), text)


def asked(sample: Sample) -> list[Question]:
    """Return the questions that the sample answers."""
    return list(iter_questions(sample.draft.questions, ROWS))


def tiny(names: Iterable[str], mark: str) -> bytes:
    """Return a document of one paragraph a name, in each the mark that a library replaces, ``@`` being the name."""
    document = docx.Document()
    for name in names:
        document.add_paragraph()._p.append(parse_xml(mark.replace("@", name)))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def numbered(sample: Sample) -> dict[str, str]:
    """Return the answers of a sample by names that a merge field may have."""
    return {f"F{number}": text for number, text in enumerate(sample.answers.values())}


def mailmerge(sample: Sample) -> Way:
    """Return docx-mailmerge2's way to merge as many fields into a template that holds nothing else."""
    library = importlib.import_module("mailmerge")
    values = numbered(sample)
    mark = f'<w:fldSimple {nsdecls("w")} w:instr=" MERGEFIELD @ "><w:r><w:t>@</w:t></w:r></w:fldSimple>'
    template = tiny(values, mark)

    def work() -> bytes:
        out = io.BytesIO()
        with library.MailMerge(io.BytesIO(template)) as document:
            document.merge(**values)
            document.write(out)
        return out.getvalue()

    expect("docx-mailmerge2", "".join(docx.Document(io.BytesIO(work())).element.body.itertext()), values.values())
    return partial(paced, work)


class Node:
    """One warm process of node that renders with docxtemplater as often as it is asked to."""

    def __init__(self, template: bytes, values: Mapping[str, str], folder: Path) -> None:
        """Start it; raise `OSError` where node or the library is missing."""
        if not (NODE / "node_modules" / "docxtemplater").is_dir():
            raise FileNotFoundError("docxtemplater is missing: cd benchmarks/js && npm ci")
        (folder / "template.docx").write_bytes(template)
        (folder / "values.json").write_text(json.dumps(values), encoding="utf-8")
        command = ["node", str(NODE / "docxtemplater.mjs"), str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603

    def __call__(self, least: float = LEAST) -> float:
        """Return the milliseconds of one render, as the process itself has measured them."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{least}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise OSError("node has ended")
        return float(line)

    def end(self) -> None:
        """End the process."""
        self.process.communicate()


def docxtemplater(sample: Sample, folder: Path) -> Node:
    """Return docxtemplater's way to render as many tags in a template that holds nothing else, warmed up."""
    values = numbered(sample)
    template = tiny(values, f"<w:r {nsdecls('w')}><w:t>{{@}}</w:t></w:r>")
    node = Node(template, values, folder)
    node(LEAST * 20)
    made = docx.Document(folder / "made.docx")
    expect("docxtemplater", "".join(made.element.body.itertext()), values.values())
    return node


# --- reading a Word document ------------------------------------------------------------------


def python_docx(data: bytes) -> Way:
    """Return python-docx's own walk over the text of every cell of every table."""

    def work() -> list[str]:
        tables = docx.Document(io.BytesIO(data)).tables
        return [cell.text for table in tables for row in table.rows for cell in row.cells]

    return partial(paced, work)


def docx2python(data: bytes) -> Way:
    """Return docx2python's reading of the body."""
    library = importlib.import_module("docx2python")

    def work() -> object:
        with library.docx2python(io.BytesIO(data)) as document:
            return document.body

    return partial(paced, work)


# --- a PDF ------------------------------------------------------------------------------------


def pypdf_read(data: bytes) -> Way:
    """Return pypdf's reading of the fields."""
    return partial(paced, lambda: pypdf.PdfReader(io.BytesIO(data)).get_fields())


def pypdf_fill(empty: bytes, values: Mapping[str, str]) -> Way:
    """Return pypdf's filling of the fields, as `benchmarks.pdf_fill` does it."""
    expect("pypdf", held(with_pypdf(empty, values)), values.items())
    return partial(paced, lambda: with_pypdf(empty, values))


def pikepdf_fill(empty: bytes, values: Mapping[str, str]) -> Way:
    """Return pikepdf's filling through its own forms, with what the fields look like."""

    def work() -> bytes:
        with pikepdf.open(io.BytesIO(empty)) as document:
            form = Form(document, ExtendedAppearanceStreamGenerator)
            for name, text in values.items():
                form[name].value = text
            out = io.BytesIO()
            document.save(out)
            return out.getvalue()

    expect("pikepdf", held(work()), values.items())
    return partial(paced, work)


def held(data: bytes) -> Container[tuple[str, str]]:
    """Return name and value of every field that has one."""
    with pikepdf.open(io.BytesIO(data)) as document:
        return {
            (name, str(found.V)) for name, found in iter_named_fields(document.Root.AcroForm.Fields) if "/V" in found
        }


def expect(peer: str, found: Container[Any], values: Iterable[Any]) -> None:
    """Raise `ValueError` when a peer has not written all the values: it would be timed at other work."""
    if missing := sum(value not in found for value in values):
        raise ValueError(f"{peer} has left out {missing} values")
