"""The verdict on one returned document: whose it is, what it says, whether the process allows it.

Nothing is written here; `pipeline` settles what is found.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from formgen import formats
from formgen.cases.person import NAME, Person, build_person, find_differing_fields, iter_identifying_fields, read_person
from formgen.cases.workflow import CHANGED, Case, CaseRecord, HiddenCase, Move, find_moves
from formgen.documents.extraction import (
    AS_ISSUED,
    UNSEEN,
    Answer,
    Control,
    Extraction,
    FormSpec,
    Identity,
    Keyring,
    Question,
    add_omitted_answers,
    confirm_given,
    extract_key_id,
    iter_questions,
)
from formgen.errors import CutOff, Finding, FormgenError, Reason, Unreadable
from formgen.fields import DayDate, FieldType, Misread, SignatureBlock
from formgen.forms.declare import Field
from formgen.forms.form import Form
from formgen.forms.registry import Registry, find_template
from formgen.forms.validate import ValidationResult, validate_extraction
from formgen.i18n import FORM_LANGUAGES, clean_text, normalise_text
from formgen.issuing.correction import NOTHING_TO_MEND, build_extraction, build_notes, restore_known_answers
from formgen.sandbox import reader_pool
from formgen.settings import Workspace
from formgen.storage.journal import Caseloads, Journal, Row, dump_json, to_local_date

UNTRUSTED = (
    "Asiakirja on allekirjoitettu sähköisesti, mutta luotettuja varmenteita ei ole asetettu. Tarkistakaa allekirjoitus."
)
BLANKED = "Tiedossa ollut vastaus on tyhjennetty. Tarkistakaa, onko se tarkoitus."
UNSIGNED = "Asiakirjassa ei ole tunnistetta, jonka yksikkö on allekirjoittanut. Tarkistakaa, onko se yksikön tekemä."
AMBIGUOUS = "Asiakirjan tunnisteet ovat ristiriidassa. Tarkistakaa, mistä lomakkeesta on kyse."
REVOKED = "Asiakirja on tehty avaimella {key}, joka on poistettu käytöstä. Tarkistakaa, onko se yksikön tekemä."
ELSEWHERE = "Sama tiedosto on jo otettu vastaan toisessa asiassa. Tarkistakaa, mihin asiaan se kuuluu."
OTHER_CASE = "Asiakirjassa lukee toinen asia kuin se, jolle se on tehty. Tarkistakaa, mihin asiaan se kuuluu."
OTHER_PERSON = "Henkilötiedot ovat toiset kuin asiassa tähän asti. Tarkistakaa, onko kyse samasta ihmisestä."
NO_PERSON = "Asiakirjasta ei näe, kenen se on. Tarkistakaa, onko se oikean ihmisen."
NEWER_DOCUMENT = "Samasta asiasta on jo uudempi asiakirja. Tarkistakaa, kumpi on voimassa."
UNSAFE_PARTS = {
    *("macros", "altChunk", "embedded"),
    *("javascript", "launch", "external", "submit", "import", "richmedia", "xfa"),
}
FACTS_TO_REVIEW = {
    "warned": "Tiedoston rakenteessa on virheitä. Tarkistakaa vastaukset asiakirjasta.",
    "missing_fields": "Asiakirjasta puuttuu lomakkeen kenttiä. Tarkistakaa vastaukset asiakirjasta.",
    "missing_pages": "Asiakirjasta puuttuu sivuja: {pages}.",
    "foreign_pages": "Asiakirjassa on muita kuin lomakkeen sivuja: {pages}.",
    "unknown_fields": "Asiakirjassa on kenttiä, joita lomakkeessa ei ole. Tarkistakaa, mitä niissä on.",
}


@dataclass(frozen=True)
class IdentifiedDocument:
    """A document that is one of ours: whose it is, and what the journal knows of it.

    ``given`` are the answers it went out with, ``sources`` where they came from, ``earlier``
    the records it has become before; ``made_for`` is the case that it was made for, and ``known``
    tells whether the journal knows its case, or that it needs none.
    A reply to a rejected return is the document that was issued ``first`` once more: what was
    given is what that one went out with, ``shown`` what it showed of its answers itself, and either
    has become the records of both. ``decided`` are the answers on which a person has decided, as
    they were read. ``key`` is the signing key on which it all stands: one that is revoked, if any has to do
    with it.
    """

    identity: Identity
    form: type[Form]
    case: Case
    language: str
    sheet: Extraction
    given: Mapping[str, str]
    shown: Mapping[str, str]
    sources: Mapping[str, Row]
    earlier: tuple[Row, ...]
    made_for: str
    known: bool
    omitted: tuple[str, ...]
    first: str
    issued_at: str
    key: str = ""
    doubts: tuple[Finding, ...] = ()
    decided: Mapping[str, Answer] = field(default_factory=dict)

    @property
    def claim(self) -> str:
        """Return the case that the document says it is of, unsigned: nothing follows from it."""
        return self.sheet.claims.get("case_id", "").strip("– ")

    @property
    def is_of_another_case(self) -> bool:
        """Tell whether the document says it is of another case than the one that it was made for or accepted in."""
        own = self.made_for or (self.earlier[-1]["case_id"] if self.earlier else "")
        return bool(own) and self.claim not in ("", own)

    @property
    def is_ambiguous(self) -> bool:
        """Tell whether the carriers of identity disagree or none is signed, so that it may be another document."""
        return any(found.message in (AMBIGUOUS, UNSIGNED) for found in self.doubts)

    @cached_property
    def names_client(self) -> bool:
        """Tell whether it says whose it is as it went out, or whether it is told nothing but what it says itself.

        Half of what else it brought of the client is there too: who knows a name and a birthday has no form yet.
        A blank that became a case by what stands in it may have been filled by anybody.
        """
        if not self.made_for:
            return not self.case.case_id
        names = list_given_names(self)
        if not all(is_as_issued(self, name) for name in names):
            return False
        besides = [path for path in self.given if path not in names and is_of_client(self, path)]
        return not besides or 2 * sum(is_as_issued(self, path) for path in besides) >= len(besides)


@dataclass(frozen=True)
class Verdict:
    """What is to become of one return.

    ``outcome`` and ``code`` are those of the outside contract; ``about`` is None for a file
    that is none of ours; ``replaces`` is the record that this one takes the place of;
    ``told`` are the findings of which its sender may be told, None where that is all errors;
    ``cut_off`` tells that the reader did not come to its end, so that another attempt may;
    ``saved_by`` is the program that has saved a file that is none of ours, ``reply_language`` the
    language in which its sender is answered.
    """

    outcome: str
    code: Reason | None = None
    findings: tuple[Finding, ...] = ()
    about: IdentifiedDocument | None = None
    record: Form | None = None
    told: tuple[Finding, ...] | None = None
    moves: tuple[Move, ...] = ()
    replaces: CaseRecord | None = None
    first_id: str | None = None
    waits_for: str | None = None
    confirmed_by: str | None = None
    cut_off: bool = False
    saved_by: str = ""
    reply_language: str = ""

    @property
    def form(self) -> str | None:
        """Return the id of the form, or None."""
        return self.about.form.id if self.about else None

    @property
    def case_id(self) -> str | None:
        """Return the id of the case there is, or None."""
        return (self.about.case.case_id or None) if self.about else None

    @property
    def producer(self) -> str:
        """Return the program that has saved the document, where it is known."""
        return self.about.sheet.producer if self.about else self.saved_by

    @property
    def language(self) -> str:
        """Return the language of the document, of one that is none of ours that of the answer to it."""
        return self.about.language if self.about else self.reply_language

    def select_findings(self, severity: str) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(found for found in self.findings if found.severity == severity)


@dataclass(frozen=True)
class DecisionEngine:
    """Where returns are read and weighed: the forms and the journal, with the keys, of one workspace."""

    workspace: Workspace
    journal: Journal
    registry: Registry

    def decide_file(self, data: bytes, received: datetime) -> Verdict:
        """Return the verdict on the bytes of a file."""
        return self.identify_and_decide(self.read_or_reject(data), received)

    def read_or_reject(self, data: bytes) -> Extraction | Verdict:
        """Return what stands in a file, or the verdict on one that cannot be read."""
        try:
            return self.read_document(data)
        except Unreadable as error:
            return reject_unreadable_file(error, self.workspace.office.language)

    def identify_and_decide(self, found: Extraction | Verdict, received: datetime) -> Verdict:
        """Return the verdict on what was found in a file."""
        if isinstance(found, Verdict):
            return found
        try:
            return review_doubtful_errors(self.decide(self.identify(found, received)))
        except Unreadable as error:
            return replace(reject_unreadable_file(error, self.find_language(found)), saved_by=found.producer)

    @property
    def too_large_verdict(self) -> Verdict:
        """Return the verdict on a file that is too large to be read."""
        error = Unreadable(Reason.TOO_LARGE)
        return reject_unreadable_file(error, self.workspace.office.language)

    def get_process_order(self, sheet: Extraction) -> tuple[date, int]:
        """Return the place of a document in the order of the process: its day, then the number of its form."""
        identity = self.find_identity(sheet)
        form = self.registry.forms.get(identity.form, {}).get(identity.version) if identity else None
        if form is None:
            return date.max, 0
        return read_document_date(form, sheet, date.max), list(self.registry.forms).index(form.id)

    def read_document(self, data: bytes) -> Extraction:
        """Return what stands in a file, read behind the wall; raise `Unreadable`."""
        papers, limits = self.build_form_specs(), self.workspace.office.intake
        sheet = reader_pool.read(data, papers, limits)
        if not sheet.answers and (named := self.find_bookmarked_form(sheet)) in papers:
            sheet = reader_pool.read(data, {named: papers[named]}, limits)
        if not sheet.answers and (found := self.find_spec_with_layout(sheet, papers)):
            paper, given = found
            sheet = confirm_given(reader_pool.read(data, paper, limits), given)
        return sheet

    def identify(self, sheet: Extraction, received: datetime) -> IdentifiedDocument:
        """Return whose document a sheet is; raise `Unreadable` when that cannot be told or trusted.

        One that holds what no form may carry is trusted in nothing.
        """
        if found := UNSAFE_PARTS & set(sheet.facts):
            message = "Tiedostossa on osia, joita lomakkeessa ei saa olla: {parts}."
            raise Unreadable(Reason.UNSAFE, message, parts=", ".join(sorted(found)))
        keys = self.journal.keys
        identity, doubts = self.verify_identity(sheet, keys)
        versions = self.registry.forms.get(identity.form)
        if versions is None:
            raise Unreadable(Reason.UNKNOWN_FORM)
        if identity.version not in versions:
            raise Unreadable(Reason.UNKNOWN_VERSION)
        own = str(identity.instance)
        issued = self.journal.find_issued_document(own) or {}
        form, given = versions[identity.version], issued.get("given", {})
        key, revoked = find_signing_key(keys, sheet, issued)
        omitted = (issued.get("omitted") or "").split()
        language = issued.get("language") or sheet.claims.get("language")
        doubts = (*doubts, *revoked, *find_facts_to_review(sheet, omitted))
        sheet = replace(
            sheet, pictures={path: shown for path, shown in sheet.pictures.items() if has_question(form, path)}
        )
        sheet = restore_known_answers(self.remove_own_notes(sheet, issued), form, issued)
        about = IdentifiedDocument(
            identity=identity,
            form=form,
            case=self.load_case("", to_local_date(received)),
            language=language if language in FORM_LANGUAGES else self.workspace.office.language,
            sheet=add_omitted_answers(sheet, self.questions_by_form[form.id, form.version], omitted, given),
            given=given,
            shown=issued.get("answers", {}),
            sources=issued.get("sources", {}),
            earlier=(),
            made_for="" if form.unit else issued.get("made_for", ""),
            known=False,
            omitted=tuple(omitted),
            first=issued.get("corrects") or own,
            issued_at=issued.get("issued_at", ""),
            key=key,
            doubts=doubts,
        )
        return self.place_in_case(about, to_local_date(received))

    def place_in_case(self, about: IdentifiedDocument, today: date) -> IdentifiedDocument:
        """Put a document of ours into its case, as the journal has it: what it says of its case counts for nothing."""
        rows = self.journal.find_instance_records(about.first)
        if not about.made_for and any(row["case_id"] for row in rows):
            rows = self.select_same_person(about, rows, today)
        case_id = about.made_for or (rows[-1]["case_id"] if rows else None) or ""
        of_unit = about.form.is_of_unit(case_id)
        known = bool(case_id or rows) or (not about.claim and (of_unit or can_open_case(about.form)))
        case = self.load_case(case_id if known else "", today, of_unit)
        return replace(about, case=case, earlier=tuple(rows), known=known)

    def select_same_person(self, about: IdentifiedDocument, rows: list[Row], today: date) -> list[Row]:
        """Return those of the records that a document for no case has become that may be of the person it names.

        Several people may have filled copies of one blank: each has a case of their own.
        """
        person, found = identify_person(about), {}
        for case_id, last in {row["case_id"]: row["record_id"] for row in rows}.items():
            other = read_person(self.load_case(case_id, today).find_current_record(last).record)
            if person.can_be(other):
                found[case_id] = len(person.find_differences([other]))
        closest = min(found, key=lambda case_id: found[case_id], default=None)
        return [row for row in rows if row["case_id"] == closest]

    def remove_own_notes(self, sheet: Extraction, issued: Row) -> Extraction:
        """Return the sheet without the lines that we have printed outside the fields of a reply."""
        answered = self.journal.find_submissions(reply_id=issued["instance_id"]) if sheet.strays and issued else ()
        ours = {
            normalise_text(line[:200])
            for row in answered
            for line in build_notes(self.registry, row, issued).iter_lines()
        }
        return (
            replace(sheet, strays=tuple(line for line in sheet.strays if normalise_text(line) not in ours))
            if ours
            else sheet
        )

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

    def decide(self, about: IdentifiedDocument) -> Verdict:
        """Return the verdict on a document of ours: its answers, its rules, the process."""
        if not about.known:
            return Verdict(
                "rejected",
                Reason.UNKNOWN_CASE,
                (Finding(Reason.UNKNOWN_CASE.rule, "error", "", Reason.UNKNOWN_CASE.message),),
                about,
            )
        corrects = find_corrected_record(about)
        own = {row["instance_id"] for row in about.earlier} or {corrects.instance_id if corrects else ""}
        judged = validate_extraction(
            about.form, about.sheet, about.case.exclude_documents(*own), get_document_date(about)
        )
        record = judged.record
        findings = (
            *judged.findings,
            *about.doubts,
            *find_changed_locked_answers(about),
            *find_changed_known_answers(about),
            *find_missing_person(about),
        )
        replaces = corrects or (find_replaced_record(about, record) if record else None)
        others = (*find_newer_document(about, corrects, record), *find_other_case(about))
        findings = (*findings, *others, *find_other_person(about, record, replaces, findings))
        told = tuple(self.find_told(about, judged))
        if record is None or any(found.severity == "error" for found in findings):
            return classify(Verdict("rejected", choose_reason(findings), findings, about, record, told))
        key = self.journal.vault.compute_digest(compute_answers_digest(record))
        same = next((row for row in about.earlier if row["answers_key"] == key), None)
        if same:
            return Verdict("duplicate", None, findings, about, record, first_id=same["submission_id"])
        moves, stopped = find_moves(about.case, record, correction=corrects is not None)
        outcome, code = ("rejected", Reason.TRANSITION_NOT_ALLOWED) if stopped else ("accepted", None)
        told += stopped if about.names_client else ()
        return classify(Verdict(outcome, code, (*findings, *stopped), about, record, told, moves, replaces))

    def find_told(self, about: IdentifiedDocument, judged: ValidationResult) -> Iterator[Finding]:
        """Yield what the sender of a document may be told of it: its errors, and what they may write more plainly.

        A document that is not as it went out where it says whose it is is judged without its case.
        """
        sheet = about.sheet
        if not about.names_client:
            seen = {path: answer for path, answer in sheet.answers.items() if answer.layer not in UNSEEN}
            case = HiddenCase(about.case.today, self.workspace.office, self.registry.ids)
            judged = validate_extraction(about.form, replace(sheet, answers=seen), case, get_document_date(about))
        for found in judged.findings:
            if found.severity == "error" or is_unsure(about, found):
                yield found

    def verify_identity(self, sheet: Extraction, keys: Keyring) -> tuple[Identity, tuple[Finding, ...]]:
        """Return the verified identity, and what is doubtful when the carriers disagree.

        All tokens are verified; a bookmark holds only the instance, which the journal must know: alone it is a
        claim, for ids stand in what others read.
        Raise `Unreadable` when no carrier has an identity that is ours.
        """
        tokens = {token for carrier, found in sheet.tokens.items() if carrier != "bookmark" for token in found}
        verified = {keys.verify_identity(token) for token in tokens}
        identities = sorted((identity for identity in verified if identity), key=str)
        instances = {UUID(found) for found in sheet.tokens.get("bookmark", ())}
        if not tokens:
            known = [(instance, self.journal.find_issued_document(str(instance))) for instance in sorted(instances)]
            identities = [Identity(row["form"], row["version"], instance) for instance, row in known if row]
        if tokens and not identities:
            raise Unreadable(Reason.BAD_IDENTITY)
        if not identities:
            raise Unreadable(
                Reason.NOT_A_FORM, "Tiedostosta ei löydy lomaketunnusta. Täytä yksiköltä saatu lomake ja lähetä se."
            )
        if not tokens:
            return identities[0], (Finding("R89", "review", "", UNSIGNED),)
        if len(identities) == 1 and None not in verified and instances <= {identities[0].instance}:
            return identities[0], ()
        return identities[0], (Finding("R89", "review", "", AMBIGUOUS),)

    def find_language(self, sheet: Extraction) -> str:
        """Return the language in which a document went out, the office's when that cannot be told."""
        identity = self.find_identity(sheet)
        issued = self.journal.find_issued_document(str(identity.instance)) if identity else None
        language = (issued or sheet.claims).get("language")
        return language if language in FORM_LANGUAGES else self.workspace.office.language

    def find_identity(self, sheet: Extraction) -> Identity | None:
        """Return an identity that a sheet carries and that was signed by us, or None."""
        keys = self.journal.keys
        tokens = sorted({token for found in sheet.tokens.values() for token in found})
        return next((found for token in tokens if (found := keys.verify_identity(token))), None)

    def find_bookmarked_form(self, sheet: Extraction) -> tuple[str, str]:
        """Return form and version of what was issued as the only instance that a sheet without tokens names."""
        bare = list(sheet.tokens) == ["bookmark"] and len(sheet.tokens["bookmark"]) == 1
        row = self.journal.find_issued_document(str(UUID(sheet.tokens["bookmark"][0]))) if bare else None
        return (row["form"], row["version"]) if row else ("", "")

    def find_spec_with_layout(
        self, sheet: Extraction, papers: Mapping[tuple[str, str], FormSpec]
    ) -> tuple[dict[tuple[str, str], FormSpec], dict[str, str]] | None:
        """Return the paper with the layout that the codes on the pages of a sheet name, if there is one.

        With it what the document went out with, which no reader is told.
        """
        keys = self.journal.keys
        marks = [mark for token in sheet.tokens.get("qr", ()) if (mark := keys.verify_page_mark(token))]
        for mark in marks[:1]:
            name = (mark.identity.form, mark.identity.version)
            layout = formats.load_formats()[sheet.reader].load_layout(
                mark.layout, self.workspace.var / "layouts", self.journal
            )
            issued = self.journal.find_issued_document(str(mark.identity.instance))
            if layout and name in papers:
                stands = build_extraction(self.registry.forms[name[0]][name[1]], issued).answers if issued else {}
                given = {path: answer.text for path, answer in stands.items() if answer.text}
                return {name: papers[name]._replace(layout=layout, issued_answers=frozenset(given))}, given
        return None

    @cached_property
    def questions_by_form(self) -> dict[tuple[str, str], tuple[Question, ...]]:
        """Return what every form asks, worked out once: each file that is read is held against all of it."""
        return {
            (form.id, version): form.list_questions()
            for versions in self.registry.forms.values()
            for version, form in versions.items()
        }

    def build_form_specs(self) -> dict[tuple[str, str], FormSpec]:
        """Return what the readers may look for: the questions and printed text of every form."""
        roots = self.workspace.roots
        return {
            (form.id, version): FormSpec(self.questions_by_form[form.id, version], self.read_template_text(form), roots)
            for versions in self.registry.forms.values()
            for version, form in versions.items()
        }

    def read_template_text(self, form: type[Form]) -> frozenset[str]:
        """Return the text that the office's template prints around the fields."""
        office = self.workspace.office
        words = {
            "organiser": office.organiser,
            "privacy": office.privacy,
            "guidance": office.guidance,
            "about": form.about,
            "form_title": form.title,
        }
        try:
            found: frozenset[str] = formats.load_formats()["docx"].load_printed_lines(
                find_template(self.workspace, form), words
            )
        except FormgenError:
            return frozenset()
        return found


def find_signing_key(keys: Keyring, sheet: Extraction, issued: Row) -> tuple[str, tuple[Finding, ...]]:
    """Return the key on which a document stands, by its tokens and by its issue, and what is doubtful of it.

    One that has to do with a revoked key needs a person, whatever other key it was signed with too.
    """
    tokens = {token for found in sheet.tokens.values() for token in found if keys.verify_identity(token)}
    signers = {extract_key_id(token) for token in tokens} | {issued.get("key") or ""}
    for key in sorted(signers & keys.revoked):
        return key, (Finding("R89", "review", "", REVOKED, {"key": key}),)
    return issued.get("key") or max(signers), ()


def find_facts_to_review(sheet: Extraction, omitted: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for every fact of a document that a person must look at.

    Fields that it was issued without are not missing.
    """
    for fact in sheet.facts:
        name, _, which = fact.partition(":")
        if name in FACTS_TO_REVIEW and not (name == "missing_fields" and set(which.split()) <= set(omitted)):
            yield Finding("format", "review", "", FACTS_TO_REVIEW[name], {"pages": which} if "pages" in name else {})
    if any(not seal.root for seal in sheet.digital_signatures):
        yield Finding("format", "review", "", UNTRUSTED)


def reject_unreadable_file(error: Unreadable, language: str) -> Verdict:
    """Return the verdict on a file that is none of ours or cannot be read, which is answered in a language."""
    finding = Finding(error.code.rule, "error", "", error.message, error.values)
    return Verdict("rejected", error.code, (finding,), cut_off=isinstance(error, CutOff), reply_language=language)


def classify(verdict: Verdict) -> Verdict:
    """Return the verdict as ``waiting`` when only an earlier form is missing, as ``review`` when only in doubt."""
    errors = verdict.select_findings("error")
    if errors and all(found.waits_for for found in errors):
        return replace(verdict, outcome="waiting", code=None, waits_for=errors[0].waits_for)
    if not errors and verdict.select_findings("review"):
        return replace(verdict, outcome="review", code=None)
    return verdict


def review_doubtful_errors(verdict: Verdict) -> Verdict:
    """Return the verdict with each error at a place that was not read surely left to a person.

    Its sender may have written it right.
    """
    if verdict.about is None or verdict.code != Reason.INVALID_VALUES:
        return verdict
    read = verdict.about.sheet.answers

    def left(found: Finding) -> Finding:
        unsure = found.severity == "error" and found.field in read and read[found.field].confidence < 1
        return replace(found, severity="review") if unsure else found

    findings, told = (tuple(map(left, found)) for found in (verdict.findings, verdict.told or ()))
    return classify(replace(verdict, findings=findings, told=told))


def answer_sender(verdict: Verdict) -> Verdict:
    """Return the verdict as its sender is told it: of a rejection nothing that they neither brought nor may know."""
    if verdict.outcome != "rejected" or verdict.told is None:
        return verdict
    told, errors = verdict.told, {found for found in verdict.told if found.severity == "error"}
    if errors == {*verdict.select_findings("error")}:
        return replace(verdict, findings=told)
    if errors:
        return replace(verdict, code=choose_reason(told), findings=told)
    return replace(
        verdict, code=Reason.BAD_IDENTITY, findings=(Finding(Reason.BAD_IDENTITY.rule, "error", "", NOTHING_TO_MEND),)
    )


def has_question(form: type[Form], path: str) -> bool:
    """Tell whether a document of a form may hold an answer at a path, in whichever row of its tables."""
    return re.sub(r"\.\d{1,3}\.", ".0.", path, count=1) in {
        question.path for question in iter_questions(form.list_questions(), 1)
    }


def can_open_case(form: type[Form]) -> bool:
    """Tell whether a form may come before there is a case."""
    return any(move.source is None for move in form.moves)


def find_corrected_record(about: IdentifiedDocument) -> CaseRecord | None:
    """Return the record in force that a document corrects: the newest of its line, or the only one of its form."""
    if about.earlier:
        return about.case.find_current_record(about.earlier[-1]["record_id"])
    return find_replaced_record(about) if about.form.single else None


def find_replaced_record(about: IdentifiedDocument, record: Form | None = None) -> CaseRecord | None:
    """Return the record in force whose place a new one of the form takes, if any."""
    found = list_current_records(about, record) if about.form.versions or about.form.single else []
    return found[-1] if found else None


def list_current_records(about: IdentifiedDocument, record: Form | None) -> list[CaseRecord]:
    """Return the records in force of a document's form, those of the subject of a record where the form has one."""
    found, per = about.case.list_current_records(about.form.id), about.form.versions_per
    return [known for known in found if not (record and per) or getattr(known.record, per) == getattr(record, per)]


def find_newer_document(
    about: IdentifiedDocument, corrects: CaseRecord | None, record: Form | None
) -> Iterator[Finding]:
    """Yield a finding when what a document said before has since been changed by another document.

    A reply is overtaken too by what has been accepted of the same since it was made, whatever document that was.
    """
    own, ours = str(about.identity.instance), {row["record_id"] for row in about.earlier}
    others = [corrects] if corrects and about.earlier else []
    if about.first != own and record and not about.earlier:
        others = list_current_records(about, record)
        ours = {known.record_id for known in others}
    if any(
        known.instance_id != own and (known.record_id not in ours or known.at > about.issued_at) for known in others
    ):
        yield Finding("choice", "review", "", NEWER_DOCUMENT)


def find_other_case(about: IdentifiedDocument) -> Iterator[Finding]:
    """Yield a finding when a document says it is of another case than its own: its sender is told nothing of that."""
    if about.is_of_another_case:
        yield Finding("R89", "review", "", ELSEWHERE if about.earlier else OTHER_CASE)


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


def find_missing_person(about: IdentifiedDocument) -> Iterator[Finding]:
    """Yield a finding when nothing in a document says whose it is that was made for somebody."""
    known, answers = list_given_names(about), about.sheet.answers
    if known and all(name in answers and answers[name].layer == AS_ISSUED for name in known):
        yield Finding("R89", "review", known[0], NO_PERSON)


def list_given_names(about: IdentifiedDocument) -> list[str]:
    """List the fields with which a document went out that say whose it is."""
    asked = (asked.name for _, asked in iter_identifying_fields(about.form) if asked.name not in about.omitted)
    return [name for name in asked if about.given.get(name)]


def is_of_client(about: IdentifiedDocument, path: str) -> bool:
    """Tell whether what a document asks at a path tells of its client, not of the office, and may be changed."""
    name = path.partition(".")[0]
    asked, outer = about.form.find_field(path), about.form.find_field(name)
    locked = outer is None or outer.locked
    return asked is not None and asked.sensitivity != "n" and not locked and name not in about.omitted


def is_as_issued(about: IdentifiedDocument, path: str) -> bool:
    """Tell whether a place of a document holds what it went out with."""
    answer = about.sheet.answers.get(path)
    return answer is not None and answer.layer not in UNSEEN and classify_change(about, path) == "confirmed"


def is_unsure(about: IdentifiedDocument, found: Finding) -> bool:
    """Tell whether a finding is of what its sender may write more plainly: a place that is lost or not read surely.

    Not where they have to leave what was printed, which is read more surely where it is right.
    """
    asked, answer = about.form.find_field(found.field), about.sheet.answers.get(found.field)
    whose = {one.name for _, one in iter_identifying_fields(about.form)} if about.made_for else ()
    if found.severity != "review" or (asked and (asked.locked or asked.name in whose)):
        return False
    return bool(about.sheet.strays) if not found.field else answer is None or answer.confidence < 1


def identify_person(about: IdentifiedDocument) -> Person:
    """Return the person whom a document names, as far as that can be read."""

    def answer(asked: Field) -> Any:
        try:
            return (
                asked.field_type and asked.field_type.read(about.sheet.answers[asked.name].text, about.case.today).value
            )
        except (KeyError, Misread):
            return None

    return build_person(about.form, answer)


def get_document_date(about: IdentifiedDocument) -> date:
    """Return the day that a document says it is of, else today: what codes must be valid on."""
    return read_document_date(about.form, about.sheet, about.case.today)


def read_document_date(form: type[Form], sheet: Extraction, otherwise: date) -> date:
    """Return the day that a sheet says it is of; two-digit years are of this century."""
    answer = sheet.answers.get(form.date_field)
    try:
        day = DayDate().read(answer.text, otherwise).value if answer else None
    except Misread:
        day = None
    return day or otherwise


def find_changed_locked_answers(about: IdentifiedDocument) -> Iterator[Finding]:
    """Yield a finding for every locked answer that is not as it was issued."""
    for asked in about.form.fields:
        if asked.locked and asked.field_type and classify_change(about, asked.name) in ("changed", "blanked"):
            yield Finding("choice", "review", asked.name, "Lukittua tietoa on muutettu. Tarkistakaa, kumpi on oikein.")


def classify_change(about: IdentifiedDocument, path: str) -> str:
    """Return what the person did at a place: ``confirmed``, ``changed``, ``blanked``, ``new`` or nothing."""
    answer, given = about.sheet.answers.get(path), clean_text(about.given.get(path, ""))
    text = clean_text(answer.text) if answer else given
    asked = about.form.find_field(path)
    if asked and asked.field_type and not isinstance(asked.field_type, SignatureBlock) and text:
        value = normalise_answer(asked.field_type, text, about)
        text, given = value, value if given == text else normalise_answer(asked.field_type, given, about)
    if not given:
        return "new" if text else ""
    return "blanked" if not text else "confirmed" if text == given else "changed"


def build_correction_answers(about: IdentifiedDocument, form: type[Form]) -> dict[str, str]:
    """Return the answers that a document is issued again with, in a version of its form: what stood in it.

    What was known and did not stand in it is left out, see `correction.find_hidden_answers`; a place that a reply
    showed and has lost is blank. An option is written as its code, for the controls that hold
    nothing else.
    """
    found = {}
    for path, answer in about.sheet.answers.items():
        asked, text = form.find_field(path), answer.text
        if asked is None or asked.fill or answer.layer in UNSEEN:
            continue
        if asked.field_type and asked.field_type.control in (Control.TICKS, Control.LIST):
            text = normalise_answer(asked.field_type, text, about)
        found[path] = clean_text(text)
    is_reply = about.first != str(about.identity.instance)
    return found | {path: "" for path in about.shown if is_reply and path not in about.sheet.answers}


def normalise_answer(kind: FieldType, text: str, about: IdentifiedDocument) -> str:
    """Return an answer as it would be written out, however a person has written it."""
    try:
        return kind.write(kind.read(text, about.case.today).value)
    except Misread:
        return text


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


def choose_reason(findings: Iterable[Finding]) -> Reason:
    """Return the reason for a rejection: the process only when nothing is wrong that an answer would mend."""
    errors = [found for found in findings if found.severity == "error"]
    process = errors and all(found.waits_for or found.code.startswith("T") or not found.field for found in errors)
    return Reason.TRANSITION_NOT_ALLOWED if process else Reason.INVALID_VALUES


def compute_answers_digest(record: Form) -> str:
    """Return a digest of what a record says: the same answers give the same key."""
    return hashlib.sha256(dump_json(record.model_dump(mode="json")).encode()).hexdigest()
