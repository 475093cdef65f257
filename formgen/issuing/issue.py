"""The way out: a document is written down, drawn, and laid where it was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from formgen import files, formats
from formgen.cases import prefill
from formgen.cases.workflow import Case, can_end_case
from formgen.documents.extraction import Identity, Keyring, Log, Notes, RenderRequest
from formgen.errors import UsageError, locate_error
from formgen.forms.form import Form, prefill_extraction
from formgen.forms.registry import Registry, find_template
from formgen.i18n import FORM_LANGUAGES, N_, load_locale, translate
from formgen.issuing import correction
from formgen.publishing import outbox
from formgen.settings import WorkspaceFolder
from formgen.storage.cases import build_case_record
from formgen.storage.journal import Journal
from formgen.storage.moments import format_timestamp, to_local_date
from formgen.storage.rows import IssuedDocument, Submission

log = structlog.get_logger()


@dataclass(frozen=True)
class GeneratedDocument:
    """One document that went out, and the file that it is in."""

    form: str
    version: str
    instance_id: str
    case_id: str | None
    format: str
    language: str
    path: str


def build_document_texts(
    workspace: WorkspaceFolder, keys: Keyring, form: type[Form], identity: Identity, case_id: str | None, language: str
) -> dict[str, str]:
    """Build the texts of a document besides its fields, by name."""
    office = workspace.office
    return {
        "token": identity.sign_token(keys),
        "instance": str(identity.instance),
        "case_id": case_id or "–",
        "organiser": office.organiser,
        "guidance": translate(office.guidance, language),
        "privacy": translate(office.privacy, language),
        "form_number": form.number,
        "form_version": form.version,
        "form_title": translate(form.title, language),
        "about": translate(form.about, language),
        "language": language,
        "locale": f"{load_locale(language).language}-FI",
    }


def build_render_request(
    workspace: WorkspaceFolder,
    keys: Keyring,
    form: type[Form],
    identity: Identity,
    case_id: str | None,
    language: str,
    omitted: Container[str] = (),
    record: bytes = b"",
    log: Log | None = None,
) -> RenderRequest:
    """Build the request from which a format renders a document of a form."""
    return RenderRequest(
        form.list_questions(language, omitted),
        language,
        build_document_texts(workspace, keys, form, identity, case_id, language),
        template=partial(find_template, workspace, form),
        store=workspace.var,
        sign_page_mark=partial(identity.sign_page_mark, keys),
        record=record,
        log=log,
    )


def choose_language(case: Case | None, default: str) -> str:
    """Choose the language of documents: that of the newest record which asks for one, else the default."""
    wishes = [getattr(known.record, "document_language", None) for known in case.list_current_records()] if case else []
    return next((wish for wish in reversed(wishes) if wish), default)


def find_withheld_fields(form: type[Form], case: Case) -> frozenset[str]:
    """Find the fields that an employer's document leaves out; raise `UsageError` when none may be made."""
    found = form.find_withheld_fields(case) if form.has_fields_for("employer") else None
    if found is None:
        message = N_("Lomaketta {form} ei voi tehdä työnantajalle: suostumusta nimen kertomiseen ei ole.")
        raise UsageError(message, form=form.id)
    return found


def select_subject(form: type[Form], case: Case, about: str) -> Case:
    """Select the case as seen by a document about one of its subjects; raise `UsageError` for an unknown one."""
    subjects = form.list_subjects(case)
    if about and about not in subjects:
        there = "; ".join(f"{name} ({label})" for name, label in subjects.items()) or "–"
        raise UsageError(
            "Lomakkeelle {form} ei ole kohdetta {about}. Kohteet: {all}.", form=form.id, about=about, all=there
        )
    return replace(case, about=about)


def issue_document(
    workspace: WorkspaceFolder,
    journal: Journal,
    registry: Registry,
    form: type[Form],
    *,
    now: datetime,
    instance: UUID,
    case_id: str | None = None,
    language: str | None = None,
    empty: bool = False,
    employer: bool = False,
    about: str = "",
    format_name: str | None = None,
    path: Path | None = None,
) -> GeneratedDocument:
    """Make one document of a form and return what went out; raise `UsageError`.

    Without a case only a form that opens one, or one of the unit, can be made; for a closed case
    only the form that closed it. ``empty`` leaves out what is known of the client; ``employer``
    makes the document that an employer may see; ``about`` chooses one of the form's subjects.
    The document is in the journal before it is on disk.
    """
    if case_id and form.unit:
        raise UsageError("Lomake {form} on yksikön oma. Jätä asian tunnus pois.", form=form.id)
    case = journal.load_case(case_id, to_local_date(now), workspace.office, registry) if case_id else None
    if form.is_of_unit(case_id):
        case = journal.load_unit(to_local_date(now), workspace.office, registry)
    if case and case.status == "closed" and not can_end_case(form):
        raise UsageError("Asia {case} on päättynyt. Avatkaa uusi asia.", case=case.case_id)
    if case is None and not empty and not any(move.source is None for move in form.moves):
        raise UsageError("Lomake {form} tehdään asialle. Anna asian tunnus.", remedy="case_id", form=form.id)
    drawn_as = formats.get_preferred_format() if format_name is None else formats.find_output_format(format_name)
    language = language or choose_language(case, workspace.office.language)
    if language not in FORM_LANGUAGES:
        raise UsageError("Kieltä {language} ei ole. Kielet: {all}.", language=language, all=", ".join(FORM_LANGUAGES))
    nobody = Case(case_id or "", to_local_date(now), workspace.office, forms=registry.ids, process=registry.process)
    known_of = nobody if case is None or empty else select_subject(form, case, about)
    omitted = form.find_omitted_fields(workspace.office.leave_out.get(form.id, ()))
    omitted |= find_withheld_fields(form, known_of) if employer else frozenset()
    extraction = prefill_extraction(form, prefill.collect_known_values(form, known_of), language)
    identity, keys = Identity(form.id, form.version, instance), journal.ensure_signing_keys(now)
    document = drawn_as.render(
        build_render_request(workspace, keys, form, identity, case_id, language, omitted, log=journal), extraction
    )
    journal.add_issued_document(
        IssuedDocument(
            instance_id=str(instance),
            form=form.id,
            version=form.version,
            case_id=case_id,
            language=language,
            format=drawn_as.name,
            answers={name: answer.text for name, answer in extraction.answers.items() if answer.text},
            sources=prefill.find_sources(form, known_of),
            omitted=tuple(omitted),
            key=keys.current,
            issued_at=format_timestamp(now),
        )
    )
    file = (
        path
        or workspace.outbox
        / "forms"
        / (case_id or "_unit")
        / f"{form.id}-{str(instance)[-12:]}{formats.get_ending(drawn_as)}"
    )
    files.write_file(file, document, workspace.office.files.bits)
    return GeneratedDocument(form.id, form.version, str(instance), case_id, drawn_as.name, language, str(file))


def choose_reply_format(reader: str) -> str:
    """Choose the format of a reply: that of the submission when it can be made, else Word."""
    made = formats.list_output_formats()
    return reader if reader in made else made[0]


def prepare_replies(
    workspace: WorkspaceFolder, journal: Journal, registry: Registry, row: Submission
) -> dict[str, files.Making]:
    """Prepare what draws the reply to a rejected submission, by format.

    It is the form again, with what is wrong marked, in the preferred format and in the one that it
    came in; where none was written down, or it cannot be drawn, a letter; where that cannot be
    drawn either, plain text.
    """
    form = call_with_fallback(partial(registry.find_latest_version, row.form)) if row.form else None
    letter = partial(correction.render_letter, row, form, workspace.office)
    issued = call_with_fallback(partial(journal.find_issued_document, row.reply_id)) if row.reply_id else None
    keys = call_with_fallback(lambda: journal.keys)
    preferred, *_ = formats.list_output_formats()
    drawn: dict[str, files.Making] = {}
    if issued and keys:
        issued = replace(issued, case_id=None)  # whoever guesses one is not told that it is right
        notes = cache(partial(correction.build_notes, registry, row, issued))
        for name in dict.fromkeys((preferred, choose_reply_format(issued.format))):
            drawn[name] = partial(render_correction, workspace, journal, keys, registry, issued, notes, name)
    document = cache(partial(call_with_fallback, drawn.pop(preferred, letter), partial(call_with_fallback, letter)))
    others = {name: partial(call_with_fallback, draw) for name, draw in drawn.items()}
    text = partial(correction.render_letter_text, row, form, workspace.office)
    return {preferred: document, **others, "txt": lambda: None if document() else text()}


def call_with_fallback(draw: Callable[[], Any], otherwise: Callable[[], Any] | None = None) -> Any:
    """Make a document for people, or another one when that fails, so that nothing else is held up."""
    try:
        return draw()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one document, records go out
        log.error("document.not_drawn", error=type(error).__name__, at=locate_error(error))
        return otherwise() if otherwise else None


def render_correction(
    workspace: WorkspaceFolder,
    journal: Journal,
    keys: Keyring,
    registry: Registry,
    issued: IssuedDocument,
    notes: Callable[[], Notes],
    format_name: str,
) -> bytes:
    """Draw the document that a rejected submission is answered with; raise `UsageError` without a template to use."""
    form = registry.forms[issued.form][issued.version]
    identity = Identity(form.id, form.version, UUID(issued.instance_id))
    draft = build_render_request(
        workspace, keys, form, identity, issued.case_id, issued.language, issued.omitted, log=journal
    )
    extraction = correction.build_extraction(form, issued)
    return formats.find_output_format(format_name).render(replace(draft, notes=notes()), extraction)


def archive_record(
    workspace: WorkspaceFolder,
    journal: Journal,
    registry: Registry,
    record_id: str,
    now: datetime,
    path: Path | None = None,
) -> GeneratedDocument:
    """Make the copy of an accepted record that is archived, as PDF/A-3; raise `UsageError`.

    It is the same document with the values of the record, and the record itself attached. Without
    a path it lies beside the record.
    """
    row = journal.find_record(record_id)
    if row is None:
        raise UsageError("Tietuetta {record} ei ole.", record=record_id)
    record, payload = build_case_record(row, registry).record, json.loads(row.payload)
    form, language, case_id = type(record), payload["language"], row.case_id
    identity = Identity(form.id, form.version, UUID(row.instance_id))
    journal.log_reads(now, {"record_id": record_id, "case_id": case_id})
    draft = build_render_request(
        workspace,
        journal.ensure_signing_keys(now),
        form,
        identity,
        case_id,
        language,
        record=outbox.format_json(payload),
        log=journal,
    )
    values = {asked.name: getattr(record, asked.name) for asked in form.fields}
    drawn_as = formats.get_archive_format()
    document = drawn_as.render(draft, prefill_extraction(form, values, language))
    file = path or outbox.archived_path(outbox.get_record_path(workspace, case_id, record_id, form.id))
    files.write_file(file, document, workspace.office.files.bits)
    return GeneratedDocument(form.id, form.version, row.instance_id, case_id, drawn_as.name, language, str(file))
