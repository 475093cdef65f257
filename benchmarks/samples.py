"""One document of every form with an answer in every field, made as the engine makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from benchmarks.backlog import open_cases
from formgen import demo, formats
from formgen.documents.extraction import Answer, Control, Extraction, Identity, Question, RenderRequest, iter_questions
from formgen.forms import registry
from formgen.forms.form import Form, prefill_extraction
from formgen.forms.registry import find_template
from formgen.intake.decide import DecisionEngine
from formgen.issuing.issue import build_render_request, issue_document
from formgen.settings import WorkspaceFolder
from formgen.storage.journal import Journal

CASE, ROWS = "PK-2025-00001", 2


@dataclass(frozen=True)
class Sample:
    """A form and its answers, and what the engine makes and reads it with."""

    form: type[Form]
    answers: Mapping[str, str]
    template: Path
    draft: RenderRequest
    desk: DecisionEngine
    now: datetime

    def drawn(self, format_name: str, answers: Mapping[str, str]) -> bytes:
        """Return the document with the answers known when it goes out."""
        sheet = Extraction({path: Answer(text, "prefill") for path, text in answers.items()})
        document: bytes = formats.load_formats()[format_name].render(self.draft, sheet)
        return document

    def empty(self, format_name: str) -> bytes:
        """Return the document with nothing known."""
        document: bytes = formats.load_formats()[format_name].render(self.draft, prefill_extraction(self.form, {}))
        return document

    @property
    def texts(self) -> dict[str, str]:
        """Return the answers that are written, not ticked, into fields that an empty document has."""
        ticked = {
            question.path
            for question in iter_questions(self.draft.questions, ROWS)
            if question.control is Control.TICKS
        }
        drawn = {question.path for question in iter_questions(self.draft.questions, 1)}
        return {path: text for path, text in self.answers.items() if path in drawn - ticked}

    def judged(self, data: bytes, papers: Mapping[tuple[str, str], Any]) -> object:
        """Return the verdict on the document, read in this very process."""
        return self.desk.identify_and_decide(formats.read_document(data, papers), self.now)


def samples(folder: Path, chosen: Iterable[str] = ()) -> list[Sample]:
    """Return a sample of each of the chosen forms, or of all, in a new workspace."""
    workspace = WorkspaceFolder(folder).make_folders()
    forms = registry.load_forms(workspace)
    desk = DecisionEngine(workspace, Journal.open_or_create(workspace.var), forms)
    open_cases(desk.journal, [CASE])
    return [sample(desk, forms.find_latest_version(form)) for form in list(chosen) or sorted(forms.ids)]


def sample(desk: DecisionEngine, form: type[Form]) -> Sample:
    """Return a sample of a form whose document is written down as one that went out."""
    now, instance = demo.datetime.now(demo.UTC), uuid7()
    case_id = None if form.unit else CASE
    issue_document(desk.workspace, desk.journal, desk.registry, form, now=now, instance=instance, case_id=case_id)
    identity = Identity(form.id, form.version, UUID(str(instance)))
    draft = build_render_request(desk.workspace, desk.journal.ensure_signing_keys(now), form, identity, case_id, "fi")
    answers = {question.path: answer(question) for question in iter_questions(draft.questions, ROWS)}
    return Sample(form, answers, find_template(desk.workspace, form), draft, desk, now)


def answer(question: Question) -> str:
    """Return a plausible answer."""
    if question.control in (Control.LIST, Control.TICKS):
        return question.choices[0].code
    if question.control is Control.DATE:
        return "6.12.2026"
    return "Testi Mallikas, Äänekoski – 12,50 €"[: question.limit or None]
