"""The answers of a document beside those that it went out with, and beside what its case knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from formgen.cases.person import NAME, find_differing_fields, iter_identifying_fields
from formgen.cases.workflow import CHANGED, CaseRecord
from formgen.documents.extraction import (
    AS_ISSUED,
    UNSEEN,
    Control,
)
from formgen.errors import Finding
from formgen.fields import FieldType, Misread, SignatureBlock
from formgen.forms.form import Form
from formgen.i18n import N_, clean_text
from formgen.intake.identify import IdentifiedDocument, read_document_date

BLANKED = N_("Tiedossa ollut vastaus on tyhjennetty. Tarkistakaa, onko se tarkoitus.")
ELSEWHERE = N_("Sama tiedosto on jo otettu vastaan toisessa asiassa. Tarkistakaa, mihin asiaan se kuuluu.")
OTHER_CASE = N_("Asiakirjassa lukee toinen asia kuin se, jolle se on tehty. Tarkistakaa, mihin asiaan se kuuluu.")
OTHER_PERSON = N_("Henkilötiedot ovat toiset kuin asiassa tähän asti. Tarkistakaa, onko kyse samasta ihmisestä.")
NO_PERSON = N_("Asiakirjasta ei näe, kenen se on. Tarkistakaa, onko se oikean ihmisen.")
NEWER_DOCUMENT = N_("Samasta asiasta on jo uudempi asiakirja. Tarkistakaa, kumpi on voimassa.")


def get_document_date(about: IdentifiedDocument) -> date:
    """Return the day that a document says it is of, else today: what codes must be valid on."""
    return read_document_date(about.form, about.extraction, about.case.today)


def classify_change(about: IdentifiedDocument, path: str) -> str:
    """Classify what the person did at a place: ``confirmed``, ``changed``, ``blanked``, ``new`` or nothing."""
    answer, given = about.extraction.answers.get(path), clean_text(about.given.get(path, ""))
    text = clean_text(answer.text) if answer else given
    asked = about.form.find_field(path)
    if asked and asked.field_type and not isinstance(asked.field_type, SignatureBlock) and text:
        value = normalise_answer(asked.field_type, text, about)
        text, given = value, value if given == text else normalise_answer(asked.field_type, given, about)
    if not given:
        return "new" if text else ""
    return "blanked" if not text else "confirmed" if text == given else "changed"


def normalise_answer(kind: FieldType, text: str, about: IdentifiedDocument) -> str:
    """Return an answer as it would be written out, however a person has written it."""
    try:
        return kind.write(kind.read(text, about.case.today).value)
    except Misread:
        return text


def names_client(about: IdentifiedDocument) -> bool:
    """Tell whether a document says whose it is as it went out, or is told nothing but what it says itself.

    Half of what else it brought of the client is there too: who knows a name and a birthday has no form yet.
    A blank that became a case by what stands in it may have been filled by anybody.
    """
    if not about.made_for:
        return not about.case.case_id
    names = list_given_names(about)
    if not all(is_as_issued(about, name) for name in names):
        return False
    besides = [path for path in about.given if path not in names and is_of_client(about, path)]
    return not besides or 2 * sum(is_as_issued(about, path) for path in besides) >= len(besides)


def is_as_issued(about: IdentifiedDocument, path: str) -> bool:
    """Tell whether a place of a document holds what it went out with."""
    answer = about.extraction.answers.get(path)
    return answer is not None and answer.layer not in UNSEEN and classify_change(about, path) == "confirmed"


def is_of_client(about: IdentifiedDocument, path: str) -> bool:
    """Tell whether what a document asks at a path tells of its client, not of the office, and may be changed."""
    name = path.partition(".")[0]
    asked, outer = about.form.find_field(path), about.form.find_field(name)
    locked = outer is None or outer.locked
    return asked is not None and asked.sensitivity != "n" and not locked and name not in about.omitted


def is_unsure(about: IdentifiedDocument, found: Finding) -> bool:
    """Tell whether a finding is of what its sender may write more plainly: a place that is lost or not read surely.

    Not where they have to leave what was printed, which is read more surely where it is right.
    """
    asked, answer = about.form.find_field(found.field), about.extraction.answers.get(found.field)
    whose = {one.name for _, one in iter_identifying_fields(about.form)} if about.made_for else ()
    if found.severity != "review" or (asked and (asked.locked or asked.name in whose)):
        return False
    return bool(about.extraction.strays) if not found.field else answer is None or answer.confidence < 1


def list_given_names(about: IdentifiedDocument) -> list[str]:
    """List the fields with which a document went out that say whose it is."""
    asked = (asked.name for _, asked in iter_identifying_fields(about.form) if asked.name not in about.omitted)
    return [name for name in asked if about.given.get(name)]


def find_changed_locked_answers(about: IdentifiedDocument) -> Iterator[Finding]:
    """Yield a finding for every locked answer that is not as it was issued."""
    for asked in about.form.fields:
        if asked.locked and asked.field_type and classify_change(about, asked.name) in ("changed", "blanked"):
            yield Finding("choice", "review", asked.name, "Lukittua tietoa on muutettu. Tarkistakaa, kumpi on oikein.")


def find_changed_known_answers(about: IdentifiedDocument) -> Iterator[Finding]:
    """Yield a finding for every known value that was changed or blanked: a blank never erases."""
    for path in about.given:
        done, asked = classify_change(about, path), about.form.find_field(path)
        if asked is None or asked.locked or done not in ("changed", "blanked"):
            continue
        source = about.sources.get(path.partition(".")[0], {}).get("field", "")
        if done == "blanked" and source:
            yield Finding("format", "review", path, BLANKED)
        elif source and not source.startswith(f"{about.form.id}."):
            yield Finding(CHANGED, "warning", path, "Muuttunut tieto: aiemmin tiedossa oli toisin.")


def find_missing_person(about: IdentifiedDocument) -> Iterator[Finding]:
    """Yield a finding when nothing in a document says whose it is that was made for somebody."""
    known, answers = list_given_names(about), about.extraction.answers
    if known and all(name in answers and answers[name].layer == AS_ISSUED for name in known):
        yield Finding("R89", "review", known[0], NO_PERSON)


def find_other_person(
    about: IdentifiedDocument, record: Form | None, replaces: CaseRecord | None, found: Iterable[Finding]
) -> Iterator[Finding]:
    """Yield a finding where a record names another person than its case; not where a person must look anyway.

    The name with which a document went out is not held against the one that it replaces.
    """
    seen = {finding.field for finding in found if finding.severity == "review"}
    known = [one.record for one in about.case.list_current_records()] if about.case.case_id else []
    names = [asked.name for part, asked in iter_identifying_fields(about.form) if part == NAME]
    replaced = replaces.record if replaces and not all(is_as_issued(about, name) for name in names) else None
    for name in find_differing_fields(record, known, replaced) if record else ():
        if name not in seen:
            yield Finding("R89", "review", name, OTHER_PERSON)


def find_other_case(about: IdentifiedDocument) -> Iterator[Finding]:
    """Yield a finding when a document says it is of another case than its own: its sender is told nothing of that."""
    if about.is_of_another_case:
        yield Finding("R89", "review", "", ELSEWHERE if about.earlier else OTHER_CASE)


def find_newer_document(
    about: IdentifiedDocument, corrects: CaseRecord | None, record: Form | None
) -> Iterator[Finding]:
    """Yield a finding when what a document said before has since been changed by another document.

    A reply is overtaken too by what has been accepted of the same since it was made, whatever document that was.
    """
    own, ours = str(about.identity.instance), {row.record_id for row in about.earlier}
    others = [corrects] if corrects and about.earlier else []
    if about.first != own and record and not about.earlier:
        others = list_current_records(about, record)
        ours = {known.record_id for known in others}
    if any(
        known.instance_id != own and (known.record_id not in ours or known.at > about.issued_at) for known in others
    ):
        yield Finding("choice", "review", "", NEWER_DOCUMENT)


def find_corrected_record(about: IdentifiedDocument) -> CaseRecord | None:
    """Return the record in force that a document corrects: the newest of its line, or the only one of its form."""
    if about.earlier:
        return about.case.find_current_record(about.earlier[-1].record_id)
    return find_replaced_record(about) if about.form.single else None


def find_replaced_record(about: IdentifiedDocument, record: Form | None = None) -> CaseRecord | None:
    """Return the record in force whose place a new one of the form takes, if any."""
    found = list_current_records(about, record) if about.form.versions or about.form.single else []
    return found[-1] if found else None


def list_current_records(about: IdentifiedDocument, record: Form | None) -> list[CaseRecord]:
    """Return the records in force of a document's form, those of the subject of a record where the form has one."""
    found, per = about.case.list_current_records(about.form.id), about.form.versions_per
    return [known for known in found if not (record and per) or getattr(known.record, per) == getattr(record, per)]


def build_correction_answers(about: IdentifiedDocument, form: type[Form]) -> dict[str, str]:
    """Return the answers that a document is issued again with, in a version of its form: what stood in it.

    What was known and did not stand in it is left out, see `correction.find_hidden_answers`; a place that a reply
    showed and has lost is blank. An option is written as its code, for the controls that hold
    nothing else.
    """
    found = {}
    for path, answer in about.extraction.answers.items():
        asked, text = form.find_field(path), answer.text
        if asked is None or asked.fill or answer.layer in UNSEEN:
            continue
        if asked.field_type and asked.field_type.control in (Control.TICKS, Control.LIST):
            text = normalise_answer(asked.field_type, text, about)
        found[path] = clean_text(text)
    is_reply = about.first != str(about.identity.instance)
    return found | {path: "" for path in about.shown if is_reply and path not in about.extraction.answers}
