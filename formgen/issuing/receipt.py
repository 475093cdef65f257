"""The receipt of an accepted submission, for the coach: what was accepted, what it changed, what comes next.

It names fields, never what stands in them, and is derived from the journal as it was when the record
was written: the same record gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from babel.dates import format_date

from formgen import formats
from formgen.cases.workflow import Case, list_tasks
from formgen.forms.form import Form
from formgen.forms.registry import Registry
from formgen.i18n import load_locale, translate
from formgen.settings import Office
from formgen.storage.journal import Journal
from formgen.storage.moments import to_local_date
from formgen.storage.rows import StoredRecord


def render_receipt(journal: Journal, registry: Registry, office: Office, row: StoredRecord) -> bytes:
    """Draw the receipt of a record as a Word document."""
    content, language = row.content, office.language
    form = registry.forms[row.form][row.version]
    today = to_local_date(datetime.fromisoformat(content.provenance.processed_at))
    said = [
        translate("Lomake: {name}", language, name=translate(form.title, language)),
        translate("Asia: {case}", language, case=row.case_id or "–"),
        translate("Otettu vastaan: {day}", language, day=format_date(today, "d.M.yyyy", locale="fi")),
        translate("Tietue: {record}, versio {number}", language, record=row.record_id, number=row.version_no),
    ]
    items = [
        (translate("Muuttunut kohta", language), label) for label in iter_changed_labels(journal, form, row, language)
    ]
    if row.case_id:
        before, after = (
            translate(registry.process.get_phase_name(phase), language)
            for phase in (content.phase.before, content.phase.after)
        )
        change = after if before == after else f"{before} → {after}"
        said.append(translate("Vaihe: {phase}", language, phase=change))
        case = replace(rewind_case(journal.load_case(row.case_id, today, office, registry), row.record_id), today=today)
        wanted = (one for one in registry if one.is_needed(case))
        items += [(translate("Seuraava lomake", language), translate(one.title, language)) for one in wanted]
        for task in list_tasks(case):
            items.append((translate("Tehtävä", language), translate(task.message, language, **task.values)))
    return formats.get_preferred_format().render_letter(
        office.organiser,
        translate("Kuittaus vastaanotetusta lomakkeesta", language),
        said,
        items,
        f"{load_locale(language).language}-FI",
        translate("Järjestäjän tunnus", language),
    )


def iter_changed_labels(journal: Journal, form: type[Form], row: StoredRecord, language: str) -> Iterator[str]:
    """Yield the labels of the fields that are not as the record says whose place this one takes."""
    if earlier := journal.find_record(row.supersedes):
        before, now = earlier.content.data, row.content.data
        yield from (
            translate(asked.label, language) for asked in form.fields if before.get(asked.name) != now[asked.name]
        )


def rewind_case(case: Case, record_id: str) -> Case:
    """Rewind a case to when one of its records had been written; other cases are left out."""
    ids = [known.record_id for known in case.records]
    last = max(step.seq for step in case.steps if step.record_id == record_id)
    return replace(
        case,
        records=case.records[: ids.index(record_id) + 1],
        steps=tuple(step for step in case.steps if step.seq <= last),
        caseloads={},
    )
