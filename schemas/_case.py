"""What all forms of a case share: the head of the document and the tables that several forms have."""

from __future__ import annotations

import hashlib
import re
from typing import TypeVar, cast

from formgen.schema import (
    Callable,
    Case,
    Choice,
    Clock,
    Day,
    Email,
    Form,
    Iterable,
    Line,
    Long,
    Name,
    Phone,
    Row,
    YesNo,
    ask,
    date,
    define_options,
    normalise_text,
    parse_birth_date,
    rule,
    section,
)

from . import _forms
from ._codes import K3, K28
from ._process import PHASES as PHASES
from ._process import get_settings as get_settings

F = TypeVar("F", bound=Form)
Value = TypeVar("Value")
forms = _forms  # the forms by their names, for one to name another

PHASES_WITH_CLIENT = ("phase_2", "phase_3", "phase_4", "phase_5")
SUPPORT = frozenset(  # what tells of support at work, not of health: its own scope of consent
    (
        "accommodations",
        "accommodations_agreed",
        "adjustment_support",
        "adjustment_support_detail",
        "adjustment_support_talk",
    )
)
NEGOTIATION = frozenset(("interview", "trial_visit", "negotiation", "offer"))


def organiser(case: Case) -> str:
    """Return the organiser of the service, from the settings."""
    return case.office.organiser


def provider(case: Case) -> str | None:
    """Return the provider when it is another than the organiser, from the settings."""
    return case.office.provider or None


def service_task(case: Case) -> str:
    """Return the service task of the case, or the office's usual one."""
    records = case.list_current_records()
    return (
        getattr(records[-1].record, "service_task", None) or get_settings(case).service_task
        if records
        else get_settings(case).service_task
    )


def author(case: Case) -> str:
    """Return the author of documents, from the settings."""
    return case.office.author


def today(case: Case) -> date:
    """Return the day."""
    return case.today


def client_name(case: Case) -> str | None:
    """Return the client's name as the referral has it, first names first."""
    referral = case.find_latest_record(forms.Referral)
    return f"{referral.client_first_names} {referral.client_last_name}" if referral else None


def client_birth_date(case: Case) -> date | None:
    """Return the client's date of birth as the referral has it."""
    referral = case.find_latest_record(forms.Referral)
    if referral and referral.client_hetu and not referral.client_birth_date:
        return parse_birth_date(referral.client_hetu)
    return referral.client_birth_date if referral else None


def coach_name(case: Case) -> str | None:
    """Return the coach who is named for the case; the unit's own documents are any coach's."""
    return case.coach if case.case_id else None


def coach_phone(case: Case) -> str | None:
    """Return the named coach's phone number, from the settings."""
    return case.office.find_coach(coach_name(case) or "").phone or None


def coach_email(case: Case) -> str | None:
    """Return the named coach's e-mail address, from the settings."""
    return case.office.find_coach(coach_name(case) or "").email or None


def from_first(*sources: Value | str) -> Callable[[Case], Value | None]:
    """Prefill from the first of the sources whose form the case has, a blank included.

    A source is a field of another form, or ``form.field`` by name.
    """

    def known(case: Case) -> Value | None:
        for form, _, name in (str(source).partition(".") for source in sources):
            if record := case.find_latest_record(form):
                found: Value | None = getattr(record, name)
                return found
        return None

    known.__name__ = " / ".join(map(str, sources))
    return known


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern that is looked for in what people write, whatever the case of its letters."""
    return re.compile(pattern, re.IGNORECASE)


def shorten(text: str | None, most: int) -> str | None:
    """Return the text as far as there is room for it.

    >>> shorten("Aamuvuoro", 5)
    'Aamu…'
    """
    return text if text is None or len(text) <= most else f"{text[: most - 1]}…"


def build_text_id(texts: Iterable[str], index: int) -> str:
    """Return an id for the text at an index: the text itself, and its running number among its like.

    It stays the same when other rows come or go, and a person can write it.

    >>> build_text_id(["Kokki", "Myyjä", "kokki"], 2)
    'kokki-2'
    """
    likes = [normalise_text(text) for text in texts][: index + 1]
    count = likes.count(likes[-1])
    return likes[-1] if count == 1 else f"{likes[-1]}-{count}"


def is_in_force(consent: forms.Consent, on: date) -> bool:
    """Tell whether a row of consent has been given and is in force on a day."""
    return (
        consent.granted is True
        and (consent.granted_date is None or consent.granted_date <= on)
        and (consent.valid_until is None or consent.valid_until >= on)
        and (consent.withdrawn_date is None or consent.withdrawn_date > on)
    )


def from_record(field: Value, *finds: Callable[[Case], object]) -> Callable[[Case], Value | None]:
    """Prefill from the first of the records or rows found that holds a field or column.

    A function that finds one is called after the form, as the source is shown outside.
    """
    name = str(field).rpartition(".")[2]

    def known(case: Case) -> Value | None:
        values = (getattr(find(case), name, None) for find in finds)
        return next((value for value in values if value not in (None, "", ())), None)

    known.__name__ = " / ".join(f"{find.__name__}.{name}" for find in finds)
    return known


def is_granted(consents: Iterable[forms.Consent], recipient: str, scope: str, on: date) -> bool:
    """Tell whether rows of consent let a kind of recipient have a kind of data on a day."""
    return any(
        row.recipient_type == recipient and scope in (row.data_scope or ()) and is_in_force(row, on) for row in consents
    )


def has_consent(case: Case, recipient: str, scope: str, on: date) -> bool:
    """Tell whether the agreement in force holds such a consent on the day."""
    agreement = case.find_latest_record(forms.CooperationAgreement)
    return agreement is not None and is_granted(agreement.consents, recipient, scope, on)


def has_named_consent(case: Case, name: str | None, on: date) -> bool:
    """Tell whether a consent that goes by a name, its own id or that of the recipient, is in force on a day."""
    agreement = case.find_latest_record(forms.CooperationAgreement)
    return any(
        normalise_text(name or "")
        in (normalise_text(row.consent_id), normalise_text(row.recipient_name or row.consent_id))
        and is_in_force(row, on)
        for row in (agreement.consents if agreement else ())
    )


def list_records(case: Case, form: type[F]) -> list[F]:
    """List the records of a form that no later one corrects, oldest first."""
    return [cast(F, known.record) for known in case.list_current_records(form)]


def list_documents(case: Case, form: type[F]) -> list[F]:
    """List the newest record of every document of a form, oldest first: versions that others replaced too.

    What is only ever added to, such as a log of contacts, is told by all of them together.
    """
    newest = {known.instance_id: known.record for known in case.records if known.record.id == form.id}
    return [cast(F, record) for record in newest.values()]


def list_active_jobs(case: Case, on: date) -> tuple[forms.JobStart, ...]:
    """Return the job starts whose job has begun by the day and has not ended by it."""
    ended = {end.job_id for end in list_records(case, forms.JobEnd) if end.end_date <= on}
    return tuple(job for job in list_records(case, forms.JobStart) if job.start_date <= on and job.job_id not in ended)


def list_open_jobs(case: Case) -> tuple[forms.JobStart, ...]:
    """Return the job starts whose end is not on record, those that are yet to begin included."""
    return list_active_jobs(case, date.max)


def is_decision_pending(case: Case) -> bool:
    """Tell whether the last job has ended and what comes next is not settled."""
    return case.phase == "phase_5" and not list_open_jobs(case)


def find_active_plan(case: Case) -> forms.JobSearchPlan | None:
    """Return the job-search plan that the case follows, or None.

    The plan that was approved last stays active until its successor is approved: a draft does
    not take its place. Going back to profiling ends it.
    """
    newest = {known.instance_id: known for known in case.records if known.record.id == forms.JobSearchPlan.id}
    plans = {known.record_id: cast(forms.JobSearchPlan, known.record) for known in newest.values()}
    for step in reversed(case.steps):
        if step.after == "phase_2" != step.before:
            break
        plan = plans.get(step.record_id or "")
        if plan and plan.plan_status != "draft":
            return plan if plan.plan_status == "approved" else None
    return None


def filter_chosen_jobs(jobs: Iterable[forms.JobStart], case: Case) -> list[forms.JobStart]:
    """Return the jobs that a document may be about: the one that was chosen, else all of them."""
    return [job for job in jobs if case.about in ("", job.job_id)]


def name_jobs(jobs: Iterable[forms.JobStart]) -> dict[str, str]:
    """Return employer and title of jobs by their ids."""
    return {job.job_id: f"{job.employer_name}, {job.job_title}" for job in jobs}


def find_job(case: Case, job_id: str | None) -> forms.JobStart | None:
    """Return the job start of an id, or None."""
    return next((job for job in list_records(case, forms.JobStart) if job.job_id == job_id), None)


def has_led_to_job(contact: forms.EmployerContact, case: Case) -> bool:
    """Tell whether a job with the employer has followed the contact."""
    return any(
        job.employer_id == contact.employer_id and job.document_date >= contact.document_date
        for job in list_records(case, forms.JobStart)
    )


def is_negotiating(contact: forms.EmployerContact, case: Case) -> bool:
    """Tell whether a contact with an employer is an open negotiation about a job for the client.

    One that a job has followed is over, even if its stage was left as it was.
    """
    about_client = contact.contact_basis != "general" and contact.stage in NEGOTIATION
    return about_client and contact.closed_date is None and not has_led_to_job(contact, case)


def list_open_negotiations(case: Case) -> list[forms.EmployerContact]:
    """Return the contacts with employers that are open negotiations, oldest first."""
    return [contact for contact in list_records(case, forms.EmployerContact) if is_negotiating(contact, case)]


def build_employer_id(business_id: str | None, name: str, municipality: str) -> str:
    """Return the id of an employer: the same for the same business id, else for the same name and place.

    >>> build_employer_id(None, "Kahvila  Testi", "167") == build_employer_id(None, "kahvila testi", "167")
    True
    """
    known_by = business_id or f"{normalise_text(name)}|{municipality}"
    return f"E-{hashlib.sha256(known_by.encode()).hexdigest()[:8]}"


class CaseForm(Form):
    """A form of one case: the head that every document of social care carries."""

    with section("Asiakirja", by="system", sensitivity="n"):
        service_organiser: Line = ask("Palvelun järjestäjä", prefill=organiser, default=organiser, max_length=120)
        service_provider: Line | None = ask("Palvelun tuottaja", prefill=provider, default=provider, max_length=120)
        service_task: Choice = ask("Palvelutehtävä", by="coach", of=K28, prefill=service_task, default=service_task)
        document_date: Day = ask("Asiakirjan päiväys", by="coach", prefill=today, default=today)
        document_author: Line = ask("Asiakirjan laatija", prefill=author, default=author, max_length=120)

    @rule("range", field="document_date")
    def document_is_not_of_tomorrow(self, case: Case) -> bool:
        """Asiakirjan päiväys ei voi olla tulevaisuudessa."""
        return self.document_date <= case.today


class ClientForm(CaseForm):
    """A form of a case whose client and coach are known."""

    with section("Asiakirja", by="system", sensitivity="n"):
        client_name: Line = ask(
            "Asiakkaan nimi",
            sensitivity="s",
            prefill=client_name,
            default=client_name,
            locked=True,
            person=True,
            max_length=140,
        )
        client_birth_date: Day = ask(
            "Syntymäaika",
            sensitivity="s",
            prefill=client_birth_date,
            default=client_birth_date,
            locked=True,
            birth=True,
        )
        coach_name: Name = ask("Työhönvalmentaja", prefill=coach_name, default=coach_name, max_length=80)
        coach_phone: Phone | None = ask("Valmentajan puhelin", prefill=coach_phone, default=coach_phone)
        coach_email: Email | None = ask("Valmentajan sähköposti", prefill=coach_email, default=coach_email)

    @classmethod
    def find_withheld_fields(cls, case: Case) -> frozenset[str] | None:
        """Return the fields about health and support that the client has not let employers know.

        There is no document for an employer before the client has let its name be told.
        """
        if case.records and not has_consent(case, "employer", "name_contact", case.today):
            return None
        scopes = {"h": "health", "support": "support_needs"}
        told = {kind for kind, scope in scopes.items() if has_consent(case, "employer", scope, case.today)}
        kinds = {asked.name: "support" if asked.name in SUPPORT else asked.sensitivity for asked in cls.fields}
        return frozenset(name for name, kind in kinds.items() if kind in scopes and kind not in told)

    @property
    def coach(self) -> str | None:
        """Return the coach whose name the document carries."""
        return self.coach_name


class Benefit(Row):
    """A benefit that the client receives."""

    benefit: Choice = ask("Etuus", by="referrer", of=K3)
    payer: Line | None = ask("Maksaja", by="referrer", max_length=60)
    valid_until: Day | None = ask("Voimassa asti", by="referrer")
    note: Line | None = ask("Huomautus", by="referrer", max_length=120)


class TransitionMeeting(Row):
    """A handover meeting: at the start, at a change of coach, in between, at the end."""

    kind: Choice = ask(
        "Palaverin vaihe",
        of=define_options(start="Alku", coach_change="Valmentajan vaihto", mid="Välipalaveri", end="Loppu"),
    )
    meeting_date: Day = ask("Päivä")
    meeting_time: Clock | None = ask("Kellonaika")
    place: Line | None = ask("Paikka", max_length=80)
    participants: Line = ask("Osallistujat", max_length=200)
    notes: Long | None = ask("Muistiinpanot", max_length=1000)
    agreed_actions: Long | None = ask("Sovitut asiat", max_length=500)


class OtherService(Row):
    """Another service that the client has right now."""

    service: Line = ask("Palvelu", max_length=80)
    organisation: Line | None = ask("Organisaatio", max_length=80)
    contact_person: Line | None = ask("Yhteyshenkilö", max_length=80)
    contact_phone: Phone | None = ask("Puhelin")
    contact_allowed: YesNo = ask("Saako ottaa yhteyttä?", by="client")
