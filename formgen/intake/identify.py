"""Whose document a file is: by its tokens and by what was issued, never by what it claims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from formgen.cases.person import Person, build_person, read_person
from formgen.cases.workflow import Case
from formgen.documents.extraction import (
    Extraction,
    Identity,
    Keyring,
    Question,
    add_omitted_answers,
    extract_key_id,
    iter_questions,
)
from formgen.errors import Finding, Reason, Unreadable
from formgen.fields import DayDate, Misread
from formgen.forms.declare import Field
from formgen.forms.form import Form
from formgen.forms.registry import Registry
from formgen.i18n import FORM_LANGUAGES, N_, normalise_text
from formgen.issuing.correction import build_notes, restore_known_answers
from formgen.settings import WorkspaceFolder
from formgen.storage.cases import Caseloads
from formgen.storage.journal import Journal
from formgen.storage.moments import to_local_date
from formgen.storage.rows import IssuedDocument, StoredRecord

UNTRUSTED = N_(
    "Asiakirja on allekirjoitettu sähköisesti, mutta luotettuja varmenteita ei ole asetettu. Tarkistakaa allekirjoitus."
)
UNSIGNED = N_(
    "Asiakirjassa ei ole tunnistetta, jonka yksikkö on allekirjoittanut. Tarkistakaa, onko se yksikön tekemä."
)
AMBIGUOUS = N_("Asiakirjan tunnisteet ovat ristiriidassa. Tarkistakaa, mistä lomakkeesta on kyse.")
REVOKED = N_("Asiakirja on tehty avaimella {key}, joka on poistettu käytöstä. Tarkistakaa, onko se yksikön tekemä.")
UNSAFE_PARTS = {
    *("macros", "altChunk", "embedded"),
    *("javascript", "launch", "external", "submit", "import", "richmedia", "xfa"),
}
FACTS_TO_REVIEW = {
    "warned": N_("Tiedoston rakenteessa on virheitä. Tarkistakaa vastaukset asiakirjasta."),
    "missing_fields": N_("Asiakirjasta puuttuu lomakkeen kenttiä. Tarkistakaa vastaukset asiakirjasta."),
    "missing_pages": N_("Asiakirjasta puuttuu sivuja: {pages}."),
    "foreign_pages": N_("Asiakirjassa on muita kuin lomakkeen sivuja: {pages}."),
    "unknown_fields": N_("Asiakirjassa on kenttiä, joita lomakkeessa ei ole. Tarkistakaa, mitä niissä on."),
}


@dataclass(frozen=True)
class IdentifiedDocument:
    """A document that is one of ours: whose it is, and what the journal knows of it.

    ``given`` are the answers it went out with, ``sources`` where they came from, ``earlier``
    the records it has become before; ``made_for`` is the case that it was made for, and ``known``
    tells whether the journal knows its case, or that it needs none.
    A reply to a rejected return is the document that was issued ``first`` once more: what was
    given is what that one went out with, ``shown`` what it showed of its answers itself, and either
    has become the records of both. ``key`` is the signing key on which it all stands: one that is revoked,
    if any has to do with it. It ``is_ambiguous`` when the carriers of identity disagree or none is signed, so that
    it may be another document.
    """

    identity: Identity
    form: type[Form]
    case: Case
    language: str
    extraction: Extraction
    given: Mapping[str, str]
    shown: Mapping[str, str]
    sources: Mapping[str, Mapping[str, str]]
    earlier: tuple[StoredRecord, ...]
    made_for: str
    known: bool
    omitted: tuple[str, ...]
    first: str
    issued_at: str
    key: str = ""
    doubts: tuple[Finding, ...] = ()
    is_ambiguous: bool = False

    @property
    def claim(self) -> str:
        """Return the case that the document says it is of, unsigned: nothing follows from it."""
        return self.extraction.claimed_case

    @property
    def is_of_another_case(self) -> bool:
        """Tell whether the document says it is of another case than the one that it was made for or accepted in."""
        own = self.made_for or (self.earlier[-1].case_id if self.earlier else "")
        return bool(own) and self.claim not in ("", own)


@dataclass(frozen=True)
class DocumentIdentifier:
    """Where documents are recognised: with the forms and the journal of one workspace."""

    workspace: WorkspaceFolder
    journal: Journal
    registry: Registry

    def identify(self, extraction: Extraction, received: datetime) -> IdentifiedDocument:
        """Return whose document a extraction is; raise `Unreadable` when that cannot be told or trusted.

        One that holds what no form may carry is trusted in nothing.
        """
        if found := UNSAFE_PARTS & set(extraction.facts):
            message = N_("Tiedostossa on osia, joita lomakkeessa ei saa olla: {parts}.")
            raise Unreadable(Reason.UNSAFE, message, parts=", ".join(sorted(found)))
        keys = self.journal.keys
        identity, doubts = self.verify_identity(extraction, keys)
        is_ambiguous = bool(doubts)
        versions = self.registry.forms.get(identity.form)
        if versions is None:
            raise Unreadable(Reason.UNKNOWN_FORM)
        if identity.version not in versions:
            raise Unreadable(Reason.UNKNOWN_VERSION)
        own = str(identity.instance)
        issued = self.journal.find_issued_document(own)
        form, given = versions[identity.version], issued.given if issued else {}
        key, revoked = find_signing_key(keys, extraction, issued)
        omitted = issued.omitted if issued else ()
        language = issued.language if issued else extraction.claims.get("language")
        doubts = (*doubts, *revoked, *find_facts_to_review(extraction, omitted))
        extraction = replace(
            extraction,
            pictures={path: shown for path, shown in extraction.pictures.items() if has_question(form, path)},
        )
        extraction = restore_known_answers(self.remove_own_notes(extraction, issued), form, issued)
        about = IdentifiedDocument(
            identity=identity,
            form=form,
            case=self.load_case("", to_local_date(received)),
            language=language if language in FORM_LANGUAGES else self.workspace.office.language,
            extraction=add_omitted_answers(extraction, list_questions(form), omitted, given),
            given=given,
            shown=issued.answers if issued else {},
            sources=issued.sources if issued else {},
            earlier=(),
            made_for=issued.made_for if issued and not form.unit else "",
            known=False,
            omitted=omitted,
            first=(issued.corrects if issued else None) or own,
            issued_at=issued.issued_at if issued else "",
            key=key,
            doubts=doubts,
            is_ambiguous=is_ambiguous,
        )
        return self.place_in_case(about, to_local_date(received))

    def place_in_case(self, about: IdentifiedDocument, today: date) -> IdentifiedDocument:
        """Put a document of ours into its case, as the journal has it: what it says of its case counts for nothing."""
        rows = self.journal.find_instance_records(about.first)
        if not about.made_for and any(row.case_id for row in rows):
            rows = self.select_same_person(about, rows, today)
        case_id = about.made_for or (rows[-1].case_id if rows else None) or ""
        of_unit = about.form.is_of_unit(case_id)
        known = bool(case_id or rows) or (not about.claim and (of_unit or can_open_case(about.form)))
        case = self.load_case(case_id if known else "", today, of_unit)
        return replace(about, case=case, earlier=tuple(rows), known=known)

    def select_same_person(
        self, about: IdentifiedDocument, rows: list[StoredRecord], today: date
    ) -> list[StoredRecord]:
        """Return those of the records that a document for no case has become that may be of the person it names.

        Several people may have filled copies of one blank: each has a case of their own.
        """
        person, found = identify_person(about), {}
        for case_id, last in {row.case_id or "": row.record_id for row in rows}.items():
            other = read_person(self.load_case(case_id, today).find_current_record(last).record)
            if person.can_be(other):
                found[case_id] = len(person.find_differences([other]))
        closest = min(found, key=lambda case_id: found[case_id], default=None)
        return [row for row in rows if (row.case_id or "") == closest]

    def remove_own_notes(self, extraction: Extraction, issued: IssuedDocument | None) -> Extraction:
        """Return the extraction without the lines that we have printed outside the fields of a reply."""
        if issued is None or not extraction.strays:
            return extraction
        ours = {
            normalise_text(line[:200])
            for answered in self.journal.find_submissions(reply_id=issued.instance_id)
            for line in build_notes(self.registry, answered, issued).iter_lines()
        }
        return replace(extraction, strays=tuple(line for line in extraction.strays if normalise_text(line) not in ours))

    def load_case(self, case_id: str, day: date, unit: bool = False) -> Case:
        """Return a case, or the unit, as it is on a day; without an id a case that is yet to be opened."""
        if unit:
            return self.journal.load_unit(day, self.workspace.office, self.registry)
        if case_id:
            return self.journal.load_case(case_id, day, self.workspace.office, self.registry)
        return Case(
            "",
            day,
            self.workspace.office,
            forms=self.registry.ids,
            caseloads=Caseloads(self.journal),
            process=self.registry.process,
        )

    def verify_identity(self, extraction: Extraction, keys: Keyring) -> tuple[Identity, tuple[Finding, ...]]:
        """Return the verified identity, and what is doubtful when the carriers disagree.

        All tokens are verified; a bookmark holds only the instance, which the journal must know: alone it is a
        claim, for ids stand in what others read.
        Raise `Unreadable` when no carrier has an identity that is ours.
        """
        tokens = {token for carrier, found in extraction.tokens.items() if carrier != "bookmark" for token in found}
        verified = {keys.verify_identity(token) for token in tokens}
        identities = sorted((identity for identity in verified if identity), key=str)
        instances = {UUID(found) for found in extraction.tokens.get("bookmark", ())}
        if not tokens:
            known = [(instance, self.journal.find_issued_document(str(instance))) for instance in sorted(instances)]
            identities = [Identity(row.form, row.version, instance) for instance, row in known if row]
        if tokens and not identities:
            raise Unreadable(Reason.BAD_IDENTITY)
        if not identities:
            raise Unreadable(Reason.NOT_A_FORM)
        if not tokens:
            return identities[0], (Finding("R89", "review", "", UNSIGNED),)
        if len(identities) == 1 and None not in verified and instances <= {identities[0].instance}:
            return identities[0], ()
        return identities[0], (Finding("R89", "review", "", AMBIGUOUS),)

    def find_language(self, extraction: Extraction) -> str:
        """Return the language in which a document went out, the office's when that cannot be told."""
        identity = self.find_identity(extraction)
        issued = self.journal.find_issued_document(str(identity.instance)) if identity else None
        language = issued.language if issued else extraction.claims.get("language")
        return language if language in FORM_LANGUAGES else self.workspace.office.language

    def find_identity(self, extraction: Extraction) -> Identity | None:
        """Return an identity that a extraction carries and that was signed by us, or None."""
        keys = self.journal.keys
        tokens = sorted({token for found in extraction.tokens.values() for token in found})
        return next((found for token in tokens if (found := keys.verify_identity(token))), None)

    def get_process_order(self, extraction: Extraction) -> tuple[date, int]:
        """Return the place of a document in the order of the process: its day, then the number of its form."""
        identity = self.find_identity(extraction)
        form = self.registry.forms.get(identity.form, {}).get(identity.version) if identity else None
        if form is None:
            return date.max, 0
        return read_document_date(form, extraction, date.max), list(self.registry.forms).index(form.id)


def find_signing_key(
    keys: Keyring, extraction: Extraction, issued: IssuedDocument | None
) -> tuple[str, tuple[Finding, ...]]:
    """Return the key on which a document stands, by its tokens and by its issue, and what is doubtful of it.

    One that has to do with a revoked key needs a person, whatever other key it was signed with too.
    """
    own = (issued.key if issued else None) or ""
    tokens = {token for found in extraction.tokens.values() for token in found if keys.verify_identity(token)}
    signers = {extract_key_id(token) for token in tokens} | {own}
    for key in sorted(signers & keys.revoked):
        return key, (Finding("R89", "review", "", REVOKED, {"key": key}),)
    return own or max(signers), ()


def find_facts_to_review(extraction: Extraction, omitted: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for every fact of a document that a person must look at.

    Fields that it was issued without are not missing.
    """
    for fact in extraction.facts:
        name, _, which = fact.partition(":")
        if name in FACTS_TO_REVIEW and not (name == "missing_fields" and set(which.split()) <= set(omitted)):
            yield Finding("format", "review", "", FACTS_TO_REVIEW[name], {"pages": which} if "pages" in name else {})
    if any(not seal.root for seal in extraction.digital_signatures):
        yield Finding("format", "review", "", UNTRUSTED)


def can_open_case(form: type[Form]) -> bool:
    """Tell whether a form may come before there is a case."""
    return any(move.source is None for move in form.moves)


@cache
def list_questions(form: type[Form]) -> tuple[Question, ...]:
    """List what a form asks, worked out once: each file that is read is held against all of it."""
    return form.list_questions()


def has_question(form: type[Form], path: str) -> bool:
    """Tell whether a document of a form may hold an answer at a path, in whichever row of its tables."""
    return re.sub(r"\.\d{1,3}\.", ".0.", path, count=1) in {
        question.path for question in iter_questions(list_questions(form), 1)
    }


def identify_person(about: IdentifiedDocument) -> Person:
    """Return the person whom a document names, as far as that can be read."""

    def answer(asked: Field) -> Any:
        try:
            return (
                asked.field_type
                and asked.field_type.read(about.extraction.answers[asked.name].text, about.case.today).value
            )
        except (KeyError, Misread):
            return None

    return build_person(about.form, answer)


def read_document_date(form: type[Form], extraction: Extraction, otherwise: date) -> date:
    """Return the day that a extraction says it is of; two-digit years are of this century."""
    answer = extraction.answers.get(form.date_field)
    try:
        day = DayDate().read(answer.text, otherwise).value if answer else None
    except Misread:
        day = None
    return day or otherwise
