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
from formgen.cases.person import NAME, Person, build_person, find_differing_fields, list_identifying_fields, read_person
from formgen.cases.workflow import CHANGED, Case, HiddenCase, Known, Move, advance
from formgen.documents.extraction import (
    AS_ISSUED,
    UNSEEN,
    Answer,
    Control,
    Identity,
    Keyring,
    Paper,
    Question,
    Sheet,
    completed,
    confirm_given,
    flat,
    key_of,
)
from formgen.errors import CutOff, Finding, FormgenError, Reason, Unreadable
from formgen.fields.kinds import DayDate, Kind, Misread, Sign
from formgen.forms.form import Field, Form, Judgement, judge
from formgen.forms.registry import Registry, template_file
from formgen.i18n import FORM_LANGUAGES, clean, plain
from formgen.issuing.correction import NOTHING_TO_MEND, build_sheet, notes, restore_known_answers
from formgen.sandbox import reader_pool
from formgen.settings import Workspace
from formgen.storage.journal import Caseloads, Journal, Row, day, dump

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
OVERTAKEN = "Samasta asiasta on jo uudempi asiakirja. Tarkistakaa, kumpi on voimassa."
UNSAFE = {
    *("macros", "altChunk", "embedded"),
    *("javascript", "launch", "external", "submit", "import", "richmedia", "xfa"),
}
MINDED = {
    "warned": "Tiedoston rakenteessa on virheitä. Tarkistakaa vastaukset asiakirjasta.",
    "missing_fields": "Asiakirjasta puuttuu lomakkeen kenttiä. Tarkistakaa vastaukset asiakirjasta.",
    "missing_pages": "Asiakirjasta puuttuu sivuja: {pages}.",
    "foreign_pages": "Asiakirjassa on muita kuin lomakkeen sivuja: {pages}.",
    "unknown_fields": "Asiakirjassa on kenttiä, joita lomakkeessa ei ole. Tarkistakaa, mitä niissä on.",
}


@dataclass(frozen=True)
class Recognised:
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
    sheet: Sheet
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
    about: Recognised | None = None
    record: Form | None = None
    told: tuple[Finding, ...] | None = None
    moves: tuple[Move, ...] = ()
    replaces: Known | None = None
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
    def writer(self) -> str:
        """Return the program that has saved the document, where it is known."""
        return self.about.sheet.writer if self.about else self.saved_by

    @property
    def language(self) -> str:
        """Return the language of the document, of one that is none of ours that of the answer to it."""
        return self.about.language if self.about else self.reply_language

    def of(self, severity: str) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(found for found in self.findings if found.severity == severity)


@dataclass(frozen=True)
class Desk:
    """Where returns are read and weighed: the forms and the journal, with the keys, of one workspace."""

    workspace: Workspace
    journal: Journal
    registry: Registry

    def read(self, data: bytes, received: datetime) -> Verdict:
        """Return the verdict on the bytes of a file."""
        return self.judge(self.opened(data), received)

    def opened(self, data: bytes) -> Sheet | Verdict:
        """Return what stands in a file, or the verdict on one that cannot be read."""
        try:
            return self.sheet(data)
        except Unreadable as error:
            return refused(error, self.workspace.office.language)

    def judge(self, found: Sheet | Verdict, received: datetime) -> Verdict:
        """Return the verdict on what was found in a file."""
        if isinstance(found, Verdict):
            return found
        try:
            return leave_doubtful(self.weigh(self.recognise(found, received)))
        except Unreadable as error:
            return replace(refused(error, self.find_language(found)), saved_by=found.writer)

    @property
    def too_large(self) -> Verdict:
        """Return the verdict on a file that is too large to be read."""
        error = Unreadable(Reason.TOO_LARGE)
        return refused(error, self.workspace.office.language)

    def turn(self, sheet: Sheet) -> tuple[date, int]:
        """Return the place of a document in the order of the process: its day, then the number of its form."""
        identity = self.find_identity(sheet)
        form = self.registry.forms.get(identity.form, {}).get(identity.version) if identity else None
        if form is None:
            return date.max, 0
        return day_of(form, sheet, date.max), list(self.registry.forms).index(form.id)

    def sheet(self, data: bytes) -> Sheet:
        """Return what stands in a file, read behind the wall; raise `Unreadable`."""
        papers, limits = self.papers(), self.workspace.office.intake
        sheet = reader_pool.read(data, papers, limits)
        if not sheet.answers and (named := self.bookmarked(sheet)) in papers:
            sheet = reader_pool.read(data, {named: papers[named]}, limits)
        if not sheet.answers and (found := self.measured(sheet, papers)):
            paper, given = found
            sheet = confirm_given(reader_pool.read(data, paper, limits), given)
        return sheet

    def recognise(self, sheet: Sheet, received: datetime) -> Recognised:
        """Return whose document a sheet is; raise `Unreadable` when that cannot be told or trusted.

        One that holds what no form may carry is trusted in nothing.
        """
        if found := UNSAFE & set(sheet.facts):
            message = "Tiedostossa on osia, joita lomakkeessa ei saa olla: {parts}."
            raise Unreadable(Reason.UNSAFE, message, parts=", ".join(sorted(found)))
        keys = self.journal.keys
        identity, doubts = self.identity_of(sheet, keys)
        versions = self.registry.forms.get(identity.form)
        if versions is None:
            raise Unreadable(Reason.UNKNOWN_FORM)
        if identity.version not in versions:
            raise Unreadable(Reason.UNKNOWN_VERSION)
        own = str(identity.instance)
        issued = self.journal.issued(own) or {}
        form, given = versions[identity.version], issued.get("given", {})
        key, revoked = signer(keys, sheet, issued)
        omitted = (issued.get("omitted") or "").split()
        language = issued.get("language") or sheet.claims.get("language")
        doubts = (*doubts, *revoked, *minded(sheet, omitted))
        sheet = replace(sheet, pictures={path: shown for path, shown in sheet.pictures.items() if asks(form, path)})
        sheet = restore_known_answers(self.unnoted(sheet, issued), form, issued)
        about = Recognised(
            identity=identity,
            form=form,
            case=self.case("", day(received)),
            language=language if language in FORM_LANGUAGES else self.workspace.office.language,
            sheet=completed(sheet, self.asked[form.id, form.version], omitted, given),
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
        return self.place_in_case(about, day(received))

    def place_in_case(self, about: Recognised, today: date) -> Recognised:
        """Put a document of ours into its case, as the journal has it: what it says of its case counts for nothing."""
        rows = self.journal.of_instance(about.first)
        if not about.made_for and any(row["case_id"] for row in rows):
            rows = self.select_same_person(about, rows, today)
        case_id = about.made_for or (rows[-1]["case_id"] if rows else None) or ""
        of_unit = about.form.of_unit(case_id)
        known = bool(case_id or rows) or (not about.claim and (of_unit or opens_case(about.form)))
        case = self.case(case_id if known else "", today, of_unit)
        return replace(about, case=case, earlier=tuple(rows), known=known)

    def select_same_person(self, about: Recognised, rows: list[Row], today: date) -> list[Row]:
        """Return those of the records that a document for no case has become that may be of the person it names.

        Several people may have filled copies of one blank: each has a case of their own.
        """
        person, found = identify_person(about), {}
        for case_id, last in {row["case_id"]: row["record_id"] for row in rows}.items():
            other = read_person(self.case(case_id, today).newest(last).record)
            if person.may_be(other):
                found[case_id] = len(person.find_differences([other]))
        closest = min(found, key=lambda case_id: found[case_id], default=None)
        return [row for row in rows if row["case_id"] == closest]

    def unnoted(self, sheet: Sheet, issued: Row) -> Sheet:
        """Return the sheet without the lines that we have printed outside the fields of a reply."""
        answered = self.journal.returned(reply_id=issued["instance_id"]) if sheet.strays and issued else ()
        ours = {plain(line[:200]) for row in answered for line in notes(self.registry, row, issued).lines()}
        return replace(sheet, strays=tuple(line for line in sheet.strays if plain(line) not in ours)) if ours else sheet

    def case(self, case_id: str, day: date, unit: bool = False) -> Case:
        """Return a case, or the unit, as it is on a day; without an id a case that is yet to be opened."""
        if unit:
            return self.journal.unit(day, self.workspace.office, self.registry)
        if case_id:
            return self.journal.case(case_id, day, self.workspace.office, self.registry)
        return Case("", day, self.workspace.office, forms=self.registry.ids, caseloads=Caseloads(self.journal))

    def weigh(self, about: Recognised) -> Verdict:
        """Return the verdict on a document of ours: its answers, its rules, the process."""
        if not about.known:
            return Verdict(
                "rejected",
                Reason.UNKNOWN_CASE,
                (Finding(Reason.UNKNOWN_CASE.rule, "error", "", Reason.UNKNOWN_CASE.message),),
                about,
            )
        corrects = corrected(about)
        own = {row["instance_id"] for row in about.earlier} or {corrects.instance_id if corrects else ""}
        judged = judge(about.form, about.sheet, about.case.without(*own), document_day(about))
        record = judged.record
        findings = (*judged.findings, *about.doubts, *locked(about), *touched(about), *find_missing_person(about))
        replaces = corrects or (current_version(about, record) if record else None)
        others = (*overtaken(about, corrects, record), *elsewhere(about))
        findings = (*findings, *others, *find_other_person(about, record, replaces, findings))
        told = tuple(self.find_told(about, judged))
        if record is None or any(found.severity == "error" for found in findings):
            return sentenced(Verdict("rejected", reason_code(findings), findings, about, record, told))
        key = self.journal.vault.digest(answers_key(record))
        same = next((row for row in about.earlier if row["answers_key"] == key), None)
        if same:
            return Verdict("duplicate", None, findings, about, record, first_id=same["submission_id"])
        moves, stopped = advance(about.case, record, correction=corrects is not None)
        outcome, code = ("rejected", Reason.TRANSITION_NOT_ALLOWED) if stopped else ("accepted", None)
        told += stopped if about.names_client else ()
        return sentenced(Verdict(outcome, code, (*findings, *stopped), about, record, told, moves, replaces))

    def find_told(self, about: Recognised, judged: Judgement) -> Iterator[Finding]:
        """Yield what the sender of a document may be told of it: its errors, and what they may write more plainly.

        A document that is not as it went out where it says whose it is is judged without its case.
        """
        sheet = about.sheet
        if not about.names_client:
            seen = {path: answer for path, answer in sheet.answers.items() if answer.layer not in UNSEEN}
            case = HiddenCase(about.case.today, self.workspace.office, self.registry.ids)
            judged = judge(about.form, replace(sheet, answers=seen), case, document_day(about))
        for found in judged.findings:
            if found.severity == "error" or is_unsure(about, found):
                yield found

    def identity_of(self, sheet: Sheet, keys: Keyring) -> tuple[Identity, tuple[Finding, ...]]:
        """Return the verified identity, and what is doubtful when the carriers disagree.

        All tokens are verified; a bookmark holds only the instance, which the journal must know: alone it is a
        claim, for ids stand in what others read.
        Raise `Unreadable` when no carrier has an identity that is ours.
        """
        tokens = {token for carrier, found in sheet.tokens.items() if carrier != "bookmark" for token in found}
        verified = {keys.identify(token) for token in tokens}
        identities = sorted((identity for identity in verified if identity), key=str)
        instances = {UUID(found) for found in sheet.tokens.get("bookmark", ())}
        if not tokens:
            known = [(instance, self.journal.issued(str(instance))) for instance in sorted(instances)]
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

    def find_language(self, sheet: Sheet) -> str:
        """Return the language in which a document went out, the office's when that cannot be told."""
        identity = self.find_identity(sheet)
        issued = self.journal.issued(str(identity.instance)) if identity else None
        language = (issued or sheet.claims).get("language")
        return language if language in FORM_LANGUAGES else self.workspace.office.language

    def find_identity(self, sheet: Sheet) -> Identity | None:
        """Return an identity that a sheet carries and that was signed by us, or None."""
        keys = self.journal.keys
        tokens = sorted({token for found in sheet.tokens.values() for token in found})
        return next((found for token in tokens if (found := keys.identify(token))), None)

    def bookmarked(self, sheet: Sheet) -> tuple[str, str]:
        """Return form and version of what was issued as the only instance that a sheet without tokens names."""
        bare = list(sheet.tokens) == ["bookmark"] and len(sheet.tokens["bookmark"]) == 1
        row = self.journal.issued(str(UUID(sheet.tokens["bookmark"][0]))) if bare else None
        return (row["form"], row["version"]) if row else ("", "")

    def measured(
        self, sheet: Sheet, papers: Mapping[tuple[str, str], Paper]
    ) -> tuple[dict[tuple[str, str], Paper], dict[str, str]] | None:
        """Return the paper with the layout that the codes on the pages of a sheet name, if there is one.

        With it what the document went out with, which no reader is told.
        """
        keys = self.journal.keys
        marks = [mark for token in sheet.tokens.get("qr", ()) if (mark := keys.marked(token))]
        for mark in marks[:1]:
            name = (mark.identity.form, mark.identity.version)
            layout = formats.every()[sheet.reader].kept(mark.layout, self.workspace.var / "layouts", self.journal)
            issued = self.journal.issued(str(mark.identity.instance))
            if layout and name in papers:
                stands = build_sheet(self.registry.forms[name[0]][name[1]], issued).answers if issued else {}
                given = {path: answer.text for path, answer in stands.items() if answer.text}
                return {name: papers[name]._replace(layout=layout, given=frozenset(given))}, given
        return None

    @cached_property
    def asked(self) -> dict[tuple[str, str], tuple[Question, ...]]:
        """Return what every form asks, worked out once: each file that is read is held against all of it."""
        return {
            (form.id, version): form.questions()
            for versions in self.registry.forms.values()
            for version, form in versions.items()
        }

    def papers(self) -> dict[tuple[str, str], Paper]:
        """Return what the readers may look for: the questions and printed text of every form."""
        roots = self.workspace.roots
        return {
            (form.id, version): Paper(self.asked[form.id, version], self.printed(form), roots)
            for versions in self.registry.forms.values()
            for version, form in versions.items()
        }

    def printed(self, form: type[Form]) -> frozenset[str]:
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
            found: frozenset[str] = formats.every()["docx"].wording(template_file(self.workspace, form), words)
        except FormgenError:
            return frozenset()
        return found


def signer(keys: Keyring, sheet: Sheet, issued: Row) -> tuple[str, tuple[Finding, ...]]:
    """Return the key on which a document stands, by its tokens and by its issue, and what is doubtful of it.

    One that has to do with a revoked key needs a person, whatever other key it was signed with too.
    """
    tokens = {token for found in sheet.tokens.values() for token in found if keys.identify(token)}
    signers = {key_of(token) for token in tokens} | {issued.get("key") or ""}
    for key in sorted(signers & keys.revoked):
        return key, (Finding("R89", "review", "", REVOKED, {"key": key}),)
    return issued.get("key") or max(signers), ()


def minded(sheet: Sheet, omitted: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for every fact of a document that a person must look at.

    Fields that it was issued without are not missing.
    """
    for fact in sheet.facts:
        name, _, which = fact.partition(":")
        if name in MINDED and not (name == "missing_fields" and set(which.split()) <= set(omitted)):
            yield Finding("format", "review", "", MINDED[name], {"pages": which} if "pages" in name else {})
    if any(not seal.root for seal in sheet.seals):
        yield Finding("format", "review", "", UNTRUSTED)


def refused(error: Unreadable, language: str) -> Verdict:
    """Return the verdict on a file that is none of ours or cannot be read, which is answered in a language."""
    finding = Finding(error.code.rule, "error", "", error.message, error.values)
    return Verdict("rejected", error.code, (finding,), cut_off=isinstance(error, CutOff), reply_language=language)


def sentenced(verdict: Verdict) -> Verdict:
    """Return the verdict as ``waiting`` when only an earlier form is missing, as ``review`` when only in doubt."""
    errors = verdict.of("error")
    if errors and all(found.waits_for for found in errors):
        return replace(verdict, outcome="waiting", code=None, waits_for=errors[0].waits_for)
    if not errors and verdict.of("review"):
        return replace(verdict, outcome="review", code=None)
    return verdict


def leave_doubtful(verdict: Verdict) -> Verdict:
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
    return sentenced(replace(verdict, findings=findings, told=told))


def answer_sender(verdict: Verdict) -> Verdict:
    """Return the verdict as its sender is told it: of a rejection nothing that they neither brought nor may know."""
    if verdict.outcome != "rejected" or verdict.told is None:
        return verdict
    told, errors = verdict.told, {found for found in verdict.told if found.severity == "error"}
    if errors == {*verdict.of("error")}:
        return replace(verdict, findings=told)
    if errors:
        return replace(verdict, code=reason_code(told), findings=told)
    return replace(
        verdict, code=Reason.BAD_IDENTITY, findings=(Finding(Reason.BAD_IDENTITY.rule, "error", "", NOTHING_TO_MEND),)
    )


def asks(form: type[Form], path: str) -> bool:
    """Tell whether a document of a form may hold an answer at a path, in whichever row of its tables."""
    return re.sub(r"\.\d{1,3}\.", ".0.", path, count=1) in {question.path for question in flat(form.questions(), 1)}


def opens_case(form: type[Form]) -> bool:
    """Tell whether a form may come before there is a case."""
    return any(move.source is None for move in form.moves)


def corrected(about: Recognised) -> Known | None:
    """Return the record in force that a document corrects: the newest of its line, or the only one of its form."""
    if about.earlier:
        return about.case.newest(about.earlier[-1]["record_id"])
    return current_version(about) if about.form.single else None


def current_version(about: Recognised, record: Form | None = None) -> Known | None:
    """Return the record in force whose place a new one of the form takes, if any."""
    found = of_same(about, record) if about.form.versions or about.form.single else []
    return found[-1] if found else None


def of_same(about: Recognised, record: Form | None) -> list[Known]:
    """Return the records in force of a document's form, those of the subject of a record where the form has one."""
    found, per = about.case.current(about.form.id), about.form.per
    return [known for known in found if not (record and per) or getattr(known.record, per) == getattr(record, per)]


def overtaken(about: Recognised, corrects: Known | None, record: Form | None) -> Iterator[Finding]:
    """Yield a finding when what a document said before has since been changed by another document.

    A reply is overtaken too by what has been accepted of the same since it was made, whatever document that was.
    """
    own, ours = str(about.identity.instance), {row["record_id"] for row in about.earlier}
    others = [corrects] if corrects and about.earlier else []
    if about.first != own and record and not about.earlier:
        others = of_same(about, record)
        ours = {known.record_id for known in others}
    if any(
        known.instance_id != own and (known.record_id not in ours or known.at > about.issued_at) for known in others
    ):
        yield Finding("choice", "review", "", OVERTAKEN)


def elsewhere(about: Recognised) -> Iterator[Finding]:
    """Yield a finding when a document says it is of another case than its own: its sender is told nothing of that."""
    if about.is_of_another_case:
        yield Finding("R89", "review", "", ELSEWHERE if about.earlier else OTHER_CASE)


def find_other_person(
    about: Recognised, record: Form | None, replaces: Known | None, found: Iterable[Finding]
) -> Iterator[Finding]:
    """Yield a finding where a record names another person than its case; not where a person must look anyway.

    The name with which a document went out is not held against the one that it replaces.
    """
    seen = {finding.field for finding in found if finding.severity == "review"}
    known = [one.record for one in about.case.current()] if about.case.case_id else []
    names = [asked.name for part, asked in list_identifying_fields(about.form) if part == NAME]
    replaced = replaces.record if replaces and not all(is_as_issued(about, name) for name in names) else None
    for name in find_differing_fields(record, known, replaced) if record else ():
        if name not in seen:
            yield Finding("R89", "review", name, OTHER_PERSON)


def find_missing_person(about: Recognised) -> Iterator[Finding]:
    """Yield a finding when nothing in a document says whose it is that was made for somebody."""
    known, answers = list_given_names(about), about.sheet.answers
    if known and all(name in answers and answers[name].layer == AS_ISSUED for name in known):
        yield Finding("R89", "review", known[0], NO_PERSON)


def list_given_names(about: Recognised) -> list[str]:
    """List the fields with which a document went out that say whose it is."""
    asked = (asked.name for _, asked in list_identifying_fields(about.form) if asked.name not in about.omitted)
    return [name for name in asked if about.given.get(name)]


def is_of_client(about: Recognised, path: str) -> bool:
    """Tell whether what a document asks at a path tells of its client, not of the office, and may be changed."""
    name = path.partition(".")[0]
    asked, outer = about.form.field(path), about.form.field(name)
    locked = outer is None or outer.locked
    return asked is not None and asked.sensitivity != "n" and not locked and name not in about.omitted


def is_as_issued(about: Recognised, path: str) -> bool:
    """Tell whether a place of a document holds what it went out with."""
    answer = about.sheet.answers.get(path)
    return answer is not None and answer.layer not in UNSEEN and change(about, path) == "confirmed"


def is_unsure(about: Recognised, found: Finding) -> bool:
    """Tell whether a finding is of what its sender may write more plainly: a place that is lost or not read surely.

    Not where they have to leave what was printed, which is read more surely where it is right.
    """
    asked, answer = about.form.field(found.field), about.sheet.answers.get(found.field)
    whose = {one.name for _, one in list_identifying_fields(about.form)} if about.made_for else ()
    if found.severity != "review" or (asked and (asked.locked or asked.name in whose)):
        return False
    return bool(about.sheet.strays) if not found.field else answer is None or answer.confidence < 1


def identify_person(about: Recognised) -> Person:
    """Return the person whom a document names, as far as that can be read."""

    def answer(asked: Field) -> Any:
        try:
            return asked.reads and asked.reads.read(about.sheet.answers[asked.name].text, about.case.today).value
        except (KeyError, Misread):
            return None

    return build_person(about.form, answer)


def document_day(about: Recognised) -> date:
    """Return the day that a document says it is of, else today: what codes must be valid on."""
    return day_of(about.form, about.sheet, about.case.today)


def day_of(form: type[Form], sheet: Sheet, otherwise: date) -> date:
    """Return the day that a sheet says it is of; two-digit years are of this century."""
    answer = sheet.answers.get(form.dated)
    try:
        day = DayDate().read(answer.text, otherwise).value if answer else None
    except Misread:
        day = None
    return day or otherwise


def locked(about: Recognised) -> Iterator[Finding]:
    """Yield a finding for every locked answer that is not as it was issued."""
    for asked in about.form.fields:
        if asked.locked and asked.reads and change(about, asked.name) in ("changed", "blanked"):
            yield Finding("choice", "review", asked.name, "Lukittua tietoa on muutettu. Tarkistakaa, kumpi on oikein.")


def change(about: Recognised, path: str) -> str:
    """Return what the person did at a place: ``confirmed``, ``changed``, ``blanked``, ``new`` or nothing."""
    answer, given = about.sheet.answers.get(path), clean(about.given.get(path, ""))
    text = clean(answer.text) if answer else given
    asked = about.form.field(path)
    if asked and asked.reads and not isinstance(asked.reads, Sign) and text:
        value = same_value(asked.reads, text, about)
        text, given = value, value if given == text else same_value(asked.reads, given, about)
    if not given:
        return "new" if text else ""
    return "blanked" if not text else "confirmed" if text == given else "changed"


def kept(about: Recognised, form: type[Form]) -> dict[str, str]:
    """Return the answers that a document is issued again with, in a version of its form: what stood in it.

    What was known and did not stand in it is left out, see `correction.find_hidden_answers`; a place that a reply
    showed and has lost is blank. An option is written as its code, for the controls that hold
    nothing else.
    """
    found = {}
    for path, answer in about.sheet.answers.items():
        asked, text = form.field(path), answer.text
        if asked is None or asked.fill or answer.layer in UNSEEN:
            continue
        if asked.reads and asked.reads.control in (Control.TICKS, Control.LIST):
            text = same_value(asked.reads, text, about)
        found[path] = clean(text)
    is_reply = about.first != str(about.identity.instance)
    return found | {path: "" for path in about.shown if is_reply and path not in about.sheet.answers}


def same_value(kind: Kind, text: str, about: Recognised) -> str:
    """Return an answer as it would be written out, however a person has written it."""
    try:
        return kind.write(kind.read(text, about.case.today).value)
    except Misread:
        return text


def touched(about: Recognised) -> Iterator[Finding]:
    """Yield a finding for every known value that was changed or blanked: a blank never erases."""
    for path in about.given:
        done, asked = change(about, path), about.form.field(path)
        if asked is None or asked.locked or done not in ("changed", "blanked"):
            continue
        source = about.sources.get(path.partition(".")[0], {}).get("field", "")
        if done == "blanked" and source:
            yield Finding("format", "review", path, BLANKED)
        elif source and not source.startswith(f"{about.form.id}."):
            yield Finding(CHANGED, "warning", path, "Muuttunut tieto: aiemmin tiedossa oli toisin.")


def reason_code(findings: Iterable[Finding]) -> Reason:
    """Return the reason for a rejection: the process only when nothing is wrong that an answer would mend."""
    errors = [found for found in findings if found.severity == "error"]
    process = errors and all(found.waits_for or found.code.startswith("T") or not found.field for found in errors)
    return Reason.TRANSITION_NOT_ALLOWED if process else Reason.INVALID_VALUES


def answers_key(record: Form) -> str:
    """Return a digest of what a record says: the same answers give the same key."""
    return hashlib.sha256(dump(record.model_dump(mode="json")).encode()).hexdigest()
