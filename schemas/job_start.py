"""Työsuhteen aloittaminen (L06): a job begins, with its terms, subsidies, benefits and first support."""

from __future__ import annotations

from formgen.schema import (
    BusinessId,
    Callable,
    Case,
    Check,
    Choice,
    Choices,
    Clock,
    Day,
    Dec,
    Decimal,
    Email,
    Euro,
    Hours,
    Int,
    Line,
    Long,
    Move,
    Municipality,
    Name,
    Occupation,
    Phone,
    Row,
    Signature,
    YesNo,
    ask,
    ask_table,
    check,
    compute_age,
    contradiction,
    count_days,
    count_months,
    date,
    datetime,
    deadline,
    define_options,
    normalise_text,
    rule,
    section,
    timedelta,
)

from ._case import (
    ClientForm,
    Value,
    build_employer_id,
    forms,
    from_record,
    get_settings,
    has_consent,
    has_led_to_job,
    list_active_jobs,
    list_documents,
    list_open_negotiations,
    list_records,
)
from ._codes import K3, K4, K5, K6, K9, K15, K16, K20, K33, K35

NOT_EMPLOYMENT = K4.find_marked_codes("not_employment")
WITH_END = frozenset(("fixed_term", "seasonal"))
PENSIONS = frozenset(
    (
        "rehabilitation_subsidy",
        "disability_pension",
        "disability_pension_kela",
        "partial_disability_pension",
        "guarantee_pension",
    )
)
PURCHASES = frozenset(("assistive_device", "ergonomic"))
IN_HAND = frozenset(("applied", "granted"))
PLANS_OF_OFFICE = frozenset(("employment_plan", "multi_agency_plan", "activation_plan"))
SHORTEST_WEEK, LONG_WEEK, LONGEST_WEEK = Decimal("0.5"), Decimal(40), Decimal(48)
YOUNGEST = 15  # years
START_AHEAD, CONTRACT_BEHIND, APPLIED_BEHIND = 365, 30, 30  # days


# --- what is already known --------------------------------------------------------------------


def next_job_id(case: Case) -> str:
    """Return the first free id of a job in the case, such as ``JOB-1``."""
    taken = {getattr(known.record, "job_id", "") for known in case.records if known.record.id == JobStart.id}
    return next(job_id for number in range(1, len(taken) + 2) if (job_id := f"JOB-{number}") not in taken)


def employer_contact(case: Case) -> forms.EmployerContact | None:
    """Return the contact that led to the job: one whose offer was accepted, else an open negotiation, or None."""
    contacts = [contact for contact in list_records(case, forms.EmployerContact) if not has_led_to_job(contact, case)]
    accepted = [contact for contact in contacts if any(row.answer == "accepted" for row in contact.offer)]
    found = accepted or list_open_negotiations(case)
    return found[-1] if found else None


def offer(case: Case) -> forms.Offer | None:
    """Return the employer's offer that was accepted, else the last one, or None."""
    contact = employer_contact(case)
    offers = contact.offer if contact else ()
    found = [row for row in offers if row.answer == "accepted"] or list(offers)
    return found[-1] if found else None


def from_contact(field: Value) -> Callable[[Case], Value | None]:
    """Prefill from the contact with the employer."""
    return from_record(field, employer_contact)


def from_offer(field: Value) -> Callable[[Case], Value | None]:
    """Prefill from the employer's offer."""
    known = from_record(field, offer)
    known.__name__ = str(field)
    return known


def occupation(case: Case) -> str | None:
    """Return the occupation of the job that was searched for: the contact's target, else the first."""
    targets = case.find_latest_value(forms.JobSearchPlan.target_jobs) or ()
    meant = getattr(employer_contact(case), "target_id", None)
    found = next((row for row in targets if row.target_id == meant), targets[0] if targets else None)
    return found.occupation_code if found else None


def tasks(case: Case) -> str | None:
    """Return the tasks that the employer has thought of, one a line."""
    rows_of_tasks = getattr(employer_contact(case), "tasks_possible", ())
    return "\n".join(row.task for row in rows_of_tasks)[:600] or None


def open_to_all(case: Case) -> bool | None:
    """Tell whether the vacancy was open to all; None where the contact with the employer does not say."""
    contact = employer_contact(case)
    return None if contact is None or contact.vacancy_kind is None else contact.vacancy_kind == "open_to_all"


def coach_is_known(case: Case) -> bool | None:
    """Tell whether the employer may know of the coach; None where the agreement leaves doubt."""
    mode = case.find_latest_value(forms.CooperationAgreement.employer_contact_mode)
    return {"with_name": True, "no": False}.get(mode or "")


def accommodations(case: Case) -> list[dict[str, object]]:
    """Return a row for every accommodation that the profile asks for."""
    wanted = case.find_latest_value(forms.VocationalProfile.accommodations) or ()
    return [{"accommodation": code} for code in wanted if code != "none"]


def advice_given(case: Case) -> bool | None:
    """Return True when the plan says that advice on benefits has been given."""
    return True if case.find_latest_value(forms.JobSearchPlan.benefits_counselling) == "done" else None


def benefits(case: Case) -> list[dict[str, object]]:
    """Return a row for every benefit that the profile, else the referral, knows and that still exists."""
    profile, referral = case.find_latest_record(forms.VocationalProfile), case.find_latest_record(forms.Referral)
    now = getattr(profile, "current_benefits", ()) or getattr(referral, "benefits", ()) or ()
    return [{"benefit": row.benefit} for row in now if K3[row.benefit].is_valid(case.today)]


def travel(case: Case) -> str | None:
    """Return the notes of the profile on travelling."""
    ways = case.find_latest_value(forms.VocationalProfile.travel) or ()
    return "; ".join(row.note for row in ways if row.note)[:160] or None


def from_start(limit: str) -> Callable[[Case], date | None]:
    """Prefill the day that is as many days after the offered start as the office's limit says."""

    def known(case: Case) -> date | None:
        start = from_offer(forms.Offer.start_date)(case)
        return start + timedelta(days=getattr(get_settings(case).limits, limit)) if start else None

    known.__name__ = f"employer_contact.offer.start_date + {limit}"
    return known


# --- what is computed -------------------------------------------------------------------------


def employer_id(record: JobStart, case: Case) -> str:
    """Return the id of the employer."""
    return build_employer_id(record.business_id, record.employer_name, record.workplace_municipality)


def first_in_service(record: JobStart, case: Case) -> bool:
    """Tell whether it is the first job that the service has led to; one kept from before is none."""
    others = [job for job in list_records(case, JobStart) if job.job_id != record.job_id]
    return not record.retention_case and all(other.retention_case for other in others)


def list_uncompetitive_terms(record: JobStart) -> list[str]:
    """Return the answers that make the job another than one in the open labour market."""
    own = {
        normalise_text(record.service_organiser),
        normalise_text(record.service_provider or record.service_organiser),
    }
    reasons = {
        "contract_type": record.contract_type in NOT_EMPLOYMENT,
        "open_to_anyone": not record.open_to_anyone,
        "same_terms_as_others": not record.same_terms_as_others,
        "wage_amount": record.wage_amount <= 0,
        "employer_name": normalise_text(record.employer_name) in own,
    }
    return [name for name, holds in reasons.items() if holds]


def competitive(record: JobStart, case: Case) -> bool:
    """Tell whether the job is one in the open labour market."""
    return not list_uncompetitive_terms(record)


def is_new_to_case(record: JobStart, case: Case) -> bool:
    """Tell whether the case has no such job yet: the correction of one that it has moves nothing."""
    return record.job_id not in {job.job_id for job in list_records(case, JobStart)}


# --- when something is needed -----------------------------------------------------------------


def is_coach_visible(record: JobStart) -> bool:
    """Tell whether the employer knows of the coach."""
    return record.coach_visible_to_employer


def is_subsidised(record: JobStart) -> bool:
    """Tell whether a wage subsidy has been granted."""
    return record.wage_subsidy_status == "granted"


def is_advised(record: JobStart) -> bool:
    """Tell whether advice on benefits has been given."""
    return record.benefit_counselling_done


def has_variable_hours(record: JobStart) -> bool:
    """Tell whether the hours vary."""
    return record.variable_hours is True


class Shift(Row):
    """One day of the weekly schedule."""

    weekday: Choice = ask(
        "Viikonpäivä",
        of=define_options(
            ma="maanantai",
            ti="tiistai",
            ke="keskiviikko",
            to="torstai",
            pe="perjantai",
            la="lauantai",
            su="sunnuntai",
        ),
    )
    start: Clock | None = ask("Alkaa")
    end: Clock | None = ask("Päättyy")
    crosses_midnight: YesNo | None = ask("Jatkuuko yli puolenyön?")
    break_minutes: Int | None = ask("Tauot minuutteina", low=0, high=480)
    note: Line | None = ask("Huomautus", max_length=60)

    @property
    def minutes(self) -> int | None:
        """Return the working time in minutes, or None when an end of it is not known."""
        if self.start is None or self.end is None:
            return None
        day = date(2026, 1, 1)
        span = datetime.combine(day, self.end) - datetime.combine(day, self.start)
        if self.crosses_midnight and span <= timedelta(0):
            span += timedelta(days=1)
        return int(span.total_seconds()) // 60 - (self.break_minutes or 0)


class Accommodation(Row):
    """One accommodation that was agreed on."""

    accommodation: Choice = ask("Mukautus", of=K33)
    detail: Line | None = ask("Tarkemmin", max_length=160)
    responsible: Choice = ask(
        "Kuka hoitaa", of=define_options(employer="Työnantaja", coach="Valmentaja", client="Asiakas", other="Muu")
    )
    # The column's name is a word of Python's own, so it cannot stand on the left of an equals sign.
    __annotations__["from"] = "Day | None"
    vars()["from"] = ask("Alkaen")


class BenefitEffect(Row):
    """What the wage does to one benefit."""

    benefit: Choice = ask("Etuus", of=K3)
    effect: Choice = ask(
        "Mitä palkka vaikuttaa",
        of=define_options(
            none="Ei vaikuta", reduced="Pienenee", suspended="Keskeytyy", ends="Loppuu", extra="Tulee lisää"
        ),
    )
    notify_who: Line | None = ask("Kenelle ilmoitetaan", max_length=60)
    notify_by: Day | None = ask("Viimeistään")
    done: YesNo | None = ask("Onko ilmoitettu?")


class JobStart(ClientForm):
    """The start of one job; every job of a case has its own."""

    id = "job_start"
    number = "L06"
    version = "2026.1"
    title = "Työsuhteen aloittaminen"
    about = (
        "Tällä lomakkeella kirjataan alkava työsuhde: työ, sopimus, tuet, etuudet ja alun tuki. Jokaisesta "
        "työsuhteesta tehdään oma lomake. Kirjoita vain se, mitä työn kannalta tarvitaan."
    )
    moves = (
        Move("T11", "phase_4", "phase_5", when=is_new_to_case),
        Move("T12", "phase_3", "phase_5", when=is_new_to_case),
        Move("T13", "phase_2", "phase_5", when=is_new_to_case),
        Move("T15", "phase_5", "phase_5", when=is_new_to_case),
    )

    with section("1 Työ"):
        job_id: Line = ask(
            "Työsuhteen tunniste",
            by="system",
            prefill=next_job_id,
            default=next_job_id,
            locked=True,
            max_length=40,
        )
        found_by: Choice = ask(
            "Miten työ löytyi",
            of=define_options(
                coach_network="Valmentajan verkostosta",
                coach_new_contact="Valmentajan uudesta yhteydenotosta",
                client_own="Asiakas löysi itse",
                open_vacancy="Avoin työpaikka",
                network_person="Tutun kautta",
                previous_employer="Entinen työnantaja",
                agency="Vuokra- tai välitysyritys",
                other="Muu",
            ),
        )
        employer_id: Line = ask("Työnantajan tunniste", by="system", fill=employer_id, max_length=40)
        employer_name: Line = ask(
            "Työnantaja", prefill=from_contact(forms.EmployerContact.employer_name), max_length=120
        )
        business_id: BusinessId | None = ask(
            "Y-tunnus",
            prefill=from_contact(forms.EmployerContact.business_id),
            sensitivity="n",
            needed=lambda record: not record.business_id_detail,
            hint="Esimerkiksi 9000001-1.",
        )
        business_id_detail: Line | None = ask(
            "Jos Y-tunnusta ei ole: miksi",
            sensitivity="n",
            max_length=80,
            hint="Esimerkiksi kotitalous, tai tunnus ei ole tiedossa.",
        )
        workplace_address: Line = ask(
            "Työpaikan osoite", prefill=from_contact(forms.EmployerContact.employer_address), max_length=120
        )
        workplace_municipality: Municipality = ask(
            "Työpaikan kunta", prefill=from_contact(forms.EmployerContact.employer_municipality), of=K20
        )
        supervisor_name: Name | None = ask(
            "Esihenkilön nimi",
            by="employer",
            prefill=from_contact(forms.EmployerContact.contact_person),
            max_length=80,
            needed=is_coach_visible,
            hint="Tarvitaan, jos työnantaja tietää valmentajan tuesta.",
        )
        supervisor_phone: Phone | None = ask(
            "Esihenkilön puhelin",
            by="employer",
            prefill=from_contact(forms.EmployerContact.contact_phone),
            needed=lambda record: is_coach_visible(record) and not record.supervisor_email,
            hint="Puhelin tai sähköposti riittää.",
        )
        supervisor_email: Email | None = ask(
            "Esihenkilön sähköposti",
            by="employer",
            prefill=from_contact(forms.EmployerContact.contact_email),
            needed=lambda record: is_coach_visible(record) and not record.supervisor_phone,
        )
        job_title: Line = ask("Tehtävänimike", by="employer", prefill=from_offer(forms.Offer.job_title), max_length=80)
        occupation_code: Occupation = ask(
            "Ammattiluokka",
            prefill=occupation,
            sensitivity="n",
            hint="Ammattiluokituksen numero. Esimerkiksi 5223 on myyjä ja 9412 keittiöapulainen.",
        )
        industry: Choice = ask("Toimiala", prefill=from_contact(forms.EmployerContact.industry), sensitivity="n", of=K5)
        main_tasks: Long = ask("Työtehtävät", by="employer", prefill=tasks, max_length=600)
        matches_goal: Choice = ask(
            "Vastaako työ asiakkaan tavoitetta?",
            by="client",
            of=define_options(yes="Kyllä", partly="Osittain", no="Ei"),
        )
        goal_id: Line | None = ask(
            "Tavoitteen tunniste", by="client", max_length=40, hint="Ammatillisen profiilin tavoite, jos se on tehty."
        )
        first_job_in_service: YesNo = ask("Ensimmäinen työ palvelussa", by="system", fill=first_in_service)
        retention_case: YesNo = ask(
            "Työsuhde oli jo ennen palvelua", hint="Kyllä, jos tuki auttaa pysymään työssä, joka on jo alkanut."
        )
        replaces_job_id: Line | None = ask(
            "Jatkoa aiemmalle työsuhteelle samassa työpaikassa",
            max_length=40,
            hint="Aiemman työsuhteen tunniste, esimerkiksi JOB-1.",
        )

    with section("2 Sopimus", by="employer"):
        contract_signed_date: Day | None = ask("Työsopimus tehty", by="client")
        contract_form: Choice = ask(
            "Sopimuksen muoto",
            by="client",
            of=define_options(written="Kirjallinen", electronic="Sähköinen", oral="Suullinen", unknown="Ei tiedossa"),
        )
        contract_type: Choice = ask("Työsuhteen laji", prefill=from_offer(forms.Offer.contract_type), of=K4)
        start_date: Day = ask("Aloituspäivä", prefill=from_offer(forms.Offer.start_date))
        end_date: Day | None = ask(
            "Päättymispäivä",
            prefill=from_offer(forms.Offer.end_date),
            needed=lambda record: record.contract_type in WITH_END,
            hint="Tarvitaan, jos työ on määräaikainen tai kausityö.",
        )
        fixed_term_reason: Line | None = ask("Määräaikaisuuden peruste", max_length=120)
        trial_period_months: Dec | None = ask("Koeaika kuukausina", places=1, low=Decimal(0), high=Decimal(24))
        weekly_hours: Hours | None = ask(
            "Viikkotyöaika",
            prefill=from_offer(forms.Offer.weekly_hours),
            low=Decimal(0),
            high=Decimal(168),
            needed=lambda record: not has_variable_hours(record),
            hint="Tuntia viikossa. Jos työaika vaihtelee, vastaa seuraaviin kohtiin.",
        )
        variable_hours: YesNo | None = ask("Vaihteleeko työaika?")
        hours_min: Hours | None = ask(
            "Työaika viikossa vähintään", low=Decimal(0), high=Decimal(168), needed=has_variable_hours
        )
        hours_max: Hours | None = ask(
            "Työaika viikossa enintään", low=Decimal(0), high=Decimal(168), needed=has_variable_hours
        )
        working_time_form: Choice = ask("Työaikamuoto", of=K15)
        weekly_schedule: tuple[Shift, ...] = ask_table("Viikkoaikataulu", by="client", printed=5)
        wage_type: Choice = ask("Palkan laji", by="client", prefill=from_offer(forms.Offer.wage_type), of=K16)
        wage_amount: Euro = ask(
            "Palkka",
            by="client",
            prefill=from_offer(forms.Offer.wage),
            low=None,
            hint="Euroa tunnissa tai kuukaudessa ennen veroja.",
        )
        pay_basis: Choice = ask(
            "Palkan peruste",
            by="client",
            of=define_options(
                tes="Työehtosopimus",
                agreed_above_tes="Sovittu, yli työehtosopimuksen",
                agreed_no_tes="Sovittu, työehtosopimusta ei ole",
                unknown="Ei tiedossa",
            ),
        )
        tes_name: Line | None = ask(
            "Työehtosopimus",
            by="client",
            max_length=80,
            needed=lambda record: record.pay_basis in ("tes", "agreed_above_tes"),
        )
        pay_day: Line | None = ask("Palkkapäivä", by="client", max_length=40)
        open_to_anyone: YesNo = ask(
            "Onko työ sellainen, jota kuka tahansa voi hakea?", by="coach", prefill=open_to_all, sensitivity="n"
        )
        same_terms_as_others: YesNo = ask("Samat ehdot kuin muilla samassa työssä", by="coach", sensitivity="n")
        is_competitive: YesNo = ask("Työ avoimilla työmarkkinoilla", by="system", fill=competitive, sensitivity="n")

    with section("3 Tuet ja järjestelyt", by="employer", sensitivity="n"):
        wage_subsidy_status: Choice = ask(
            "Palkkatuki", by="coach", prefill=from_contact(forms.EmployerContact.wage_subsidy_talk), of=K35
        )
        wage_subsidy_percent: Int | None = ask("Palkkatuki prosentteina", low=1, high=100, needed=is_subsidised)
        wage_subsidy_from: Day | None = ask("Palkkatuki alkaa", needed=is_subsidised)
        wage_subsidy_to: Day | None = ask("Palkkatuki päättyy", needed=is_subsidised)
        subsidy_decision_date: Day | None = ask("Palkkatukipäätöksen päivä", needed=is_subsidised)
        adjustment_support: Choice = ask(
            "Työolosuhteiden järjestelytuki",
            by="coach",
            prefill=from_contact(forms.EmployerContact.adjustment_support_talk),
            sensitivity="h",
            of=K35,
        )
        adjustment_support_detail: Line | None = ask("Järjestelytuki: mihin", sensitivity="h", max_length=120)
        accommodations_agreed: tuple[Accommodation, ...] = ask_table(
            "Sovitut mukautukset", prefill=accommodations, sensitivity="h", printed=3
        )
        disclosure_level: Choice = ask(
            "Mitä työpaikalla tiedetään",
            by="client",
            prefill=forms.JobSearchPlan.disclosure_level,
            sensitivity="h",
            of=K9,
        )
        coach_visible_to_employer: YesNo = ask(
            "Tietääkö työnantaja valmentajan tuesta?", by="client", sensitivity="s", prefill=coach_is_known
        )
        who_knows: Line | None = ask(
            "Ketkä työpaikalla tietävät", by="client", sensitivity="s", max_length=120, needed=is_coach_visible
        )

    with section("4 Etuudet"):
        benefit_counselling_done: YesNo = ask(
            "Etuusneuvonta tehty", prefill=advice_given, hint="Selvitetty, miten palkka vaikuttaa etuuksiin."
        )
        benefit_counselling_date: Day | None = ask(
            "Etuusneuvonnan päivä", prefill=forms.JobSearchPlan.benefits_counselling_date, needed=is_advised
        )
        benefit_counsellor: Line | None = ask(
            "Kuka neuvoi", prefill=forms.JobSearchPlan.benefits_counselling_by, max_length=80, needed=is_advised
        )
        benefit_effects: tuple[BenefitEffect, ...] = ask_table(
            "Palkan vaikutus etuuksiin",
            by="client",
            prefill=benefits,
            required=True,
            printed=4,
            hint="Jos etuuksia ei ole, valitse Ei etuuksia ja Ei vaikuta.",
        )
        earnings_limit_checked: Choice = ask(
            "Ansaintaraja tarkistettu (jos eläke)",
            of=define_options(yes="Kyllä", no="Ei", not_applicable="Ei koske"),
            hint="Raja on eläkepäätöksessä.",
        )
        income_reporting_agreed: Line | None = ask("Palkan ilmoittaminen sovittu", by="client", max_length=120)

    with section("5 Aloitus ja tuki"):
        onboarding_plan: Long = ask(
            "Perehdytys: kuka ja miten",
            by="employer",
            prefill=from_contact(forms.EmployerContact.tailoring_detail),
            max_length=400,
        )
        coach_first_days: Choice = ask(
            "Valmentaja mukana alussa",
            by="client",
            of=define_options(
                not_wanted="En halua",
                first_day="Ensimmäisenä päivänä",
                first_three_days="Kolmena ensimmäisenä päivänä",
                first_week="Ensimmäisellä viikolla",
                by_agreement="Sovitaan erikseen",
            ),
        )
        first_support_meeting: Day = ask(
            "Ensimmäinen tukitapaaminen aloituksen jälkeen: päivä", prefill=from_start("first_support_meeting")
        )
        first_support_meeting_time: Clock = ask("Ensimmäinen tukitapaaminen: kellonaika")
        first_support_meeting_mode: Choice = ask("Ensimmäinen tukitapaaminen: tapa", of=K6)
        checklist: Choices | None = ask(
            "Muistilista",
            by="client",
            of=define_options(
                tax_card="Verokortti",
                bank_account="Tilinumero",
                travel="Kulkuyhteys",
                clothes="Työvaatteet",
                keys_access="Avaimet ja kulkuluvat",
                emergency_contact="Lähiomaisen yhteystieto",
                sick_leave_rule="Miten sairastumisesta ilmoitetaan",
                holidays="Lomat",
            ),
        )
        travel_plan: Line | None = ask("Työmatka", by="client", prefill=travel, max_length=160)
        support_plan_due: Day = ask(
            "Tukisuunnitelma tehdään viimeistään", prefill=from_start("support_plan"), sensitivity="n"
        )
        sign_client: Signature | None = ask("Asiakkaan allekirjoitus", by="client")
        sign_coach: Signature | None = ask("Työhönvalmentajan allekirjoitus", sensitivity="n")

    @classmethod
    def is_needed(cls, case: Case) -> bool:
        """Tell whether the client has taken a job that has no document yet."""
        return any(row.answer == "accepted" for row in getattr(employer_contact(case), "offer", ()))

    def infer_phase(self, case: Case) -> str | None:
        """Return phase 5 from the day the start is known until the job has ended."""
        day = max(case.today, self.start_date)
        return "phase_5" if self.job_id in {job.job_id for job in list_active_jobs(case, day)} else None

    @property
    def begins(self) -> date:
        """Return the day from which support is counted: the start, for a job kept from before this document's."""
        return self.document_date if self.retention_case else self.start_date

    @property
    def most_hours(self) -> Decimal:
        """Return the weekly hours, the most of them where they vary."""
        return self.weekly_hours or self.hours_max or Decimal(0)

    def missed(self, case: Case, first: int, length: int, count: int) -> date | None:
        """Return the day from which contact has been overdue, or None; a later contact makes up for it.

        There are ``count`` periods of ``length`` days, from day ``first`` of the job. Contact is
        what the support plans of the job tell of. A client who wants no support, or whose
        support has moved to somebody else, is left in peace.
        """
        plans = [plan for plan in list_documents(case, forms.JobSupportPlan) if plan.job_id == self.job_id]
        moved = bool(plans) and (plans[-1].no_support_wanted or plans[-1].step_down == "done")
        if moved or self.ended(case):
            return None
        last = max((count_days(self.begins, row.date) for plan in plans for row in plan.support_log), default=-1)
        starts = (first + length * number for number in range(count))
        return next((case.add_active_days(self.begins, start + length) for start in starts if start > last), None)

    def ended(self, case: Case) -> bool:
        """Tell whether the job has ended by the day of the case."""
        return any(end.job_id == self.job_id and end.end_date <= case.today for end in list_records(case, forms.JobEnd))

    # --- what must hold -----------------------------------------------------------------------

    @rule("R46", waits_for="cooperation_agreement")
    def agreement_has_been_made(self, case: Case) -> bool:
        """Yhteistyösopimus puuttuu."""
        return case.find_latest_record(forms.CooperationAgreement) is not None

    @rule("R47", field="start_date")
    def job_starts_in_service(self, case: Case) -> bool:
        """Työ alkoi ennen palvelua. Merkitkää työssä pysymisen tuki."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        return agreement is None or self.retention_case or self.start_date >= agreement.service_start_date

    @rule("R48", field="end_date")
    def job_ends_after_it_starts(self, case: Case) -> bool:
        """Tarkistakaa päivät. Työ ei voi päättyä ennen kuin se alkaa."""
        return self.end_date is None or self.end_date >= self.start_date

    @rule("R48")
    def hours_are_possible(self, case: Case) -> Check:
        """Tarkistakaa tunnit. Viikkotyöaika on {low}–{high} tuntia."""
        low, high, week = self.hours_min, self.hours_max, self.weekly_hours
        broken = {
            "weekly_hours": week is not None and not SHORTEST_WEEK <= week <= LONGEST_WEEK,
            "hours_min": low is not None and high is not None and low > high,
            "hours_max": high is not None and high > LONGEST_WEEK,
        }
        return check([name for name, holds in broken.items() if holds], low=SHORTEST_WEEK, high=LONGEST_WEEK)

    @rule("R48", field="wage_amount")
    def wage_is_possible(self, case: Case) -> bool:
        """Tarkistakaa palkka. Työsuhteessa palkka on yli 0 euroa."""
        return self.wage_amount > 0 or (self.wage_amount == 0 and self.contract_type in NOT_EMPLOYMENT)

    @rule("R48", field="start_date")
    def start_is_possible(self, case: Case) -> Check:
        """Tarkistakaa aloituspäivä. Se on yli {limit} päivän päässä tai ennen asiakkaan {age}-vuotispäivää."""
        far = count_days(case.today, self.start_date) > START_AHEAD
        possible = not far and compute_age(self.client_birth_date, self.start_date) >= YOUNGEST
        return check(possible, limit=START_AHEAD, age=YOUNGEST)

    @rule("R48", field="job_title")
    def job_is_told_from_another_with_the_employer(self, case: Case) -> bool:
        """Samalla työnantajalla on jo sama työ samaan aikaan. Merkitkää, mitä työtä tämä jatkaa."""
        ends = {end.job_id: end.end_date for end in list_records(case, forms.JobEnd)}
        same = [
            job
            for job in list_records(case, JobStart)
            if job.employer_id == self.employer_id and normalise_text(job.job_title) == normalise_text(self.job_title)
        ]
        return bool(self.replaces_job_id) or all(
            job.job_id == self.job_id or is_apart(self, job, ends.get(job.job_id, job.end_date)) for job in same
        )

    @rule("T15", field="job_id")
    def job_is_new_to_the_case(self, case: Case) -> bool:
        """Tämä työsuhde on jo kirjattu. Uudelle työsuhteelle tarvitaan uusi lomake."""
        return is_new_to_case(self, case)

    @rule("choice", field="replaces_job_id")
    def replaced_job_is_known(self, case: Case) -> bool:
        """Aiempaa työsuhdetta ei ole tässä asiassa."""
        return not self.replaces_job_id or self.replaces_job_id in {job.job_id for job in list_records(case, JobStart)}

    @rule("R49", field="weekly_hours", severity="warning")
    def week_is_not_long(self, case: Case) -> Check:
        """Viikkotyöaika on yli {limit} tuntia."""
        return check(self.most_hours <= LONG_WEEK, limit=LONG_WEEK)

    @rule("R50", field="weekly_hours", severity="warning")
    def hours_of_all_jobs_are_within_law(self, case: Case) -> Check:
        """Työaika yhteensä ylittää {limit} tuntia viikossa."""
        jobs = list_active_jobs(case, max(case.today, self.start_date))
        others: list[Decimal] = [
            job.most_hours for job in jobs if job.job_id not in (self.job_id, self.replaces_job_id)
        ]
        return check(sum(others, self.most_hours) <= LONGEST_WEEK, limit=LONGEST_WEEK)

    @rule("R51", field="contract_form", severity="warning")
    def contract_is_in_writing(self, case: Case) -> bool:
        """Pyytäkää kirjallinen selvitys työsuhteen ehdoista."""
        return self.contract_form not in ("oral", "unknown")

    @rule("R52", field="trial_period_months", severity="warning")
    def trial_is_within_law(self, case: Case) -> bool:
        """Koeaika on liian pitkä."""
        trial = self.trial_period_months or Decimal(0)
        fixed = self.end_date if self.contract_type in WITH_END else None
        return trial <= 6 and (fixed is None or trial <= count_months(self.start_date, fixed) / 2)

    @rule("R53", field="pay_basis", severity="warning")
    def basis_of_pay_is_known(self, case: Case) -> bool:
        """Palkan peruste puuttuu."""
        return self.pay_basis != "unknown"

    @rule("R54", severity="warning")
    def job_is_in_the_open_market(self, case: Case) -> list[str]:
        """Työ ei täytä avointen työmarkkinoiden ehtoja."""
        return list_uncompetitive_terms(self)

    @rule("R55", field="benefit_counselling_date", severity="warning")
    def benefits_are_settled_before_start(self, case: Case) -> bool:
        """Etuusneuvontaa ei ole tehty ennen työn alkua."""
        advice = self.benefit_counselling_date
        return self.benefit_counselling_done and (advice is None or advice <= self.begins)

    @rule("R56", field="earnings_limit_checked", severity="warning")
    def earnings_limit_of_pension_is_checked(self, case: Case) -> bool:
        """Ansaintaraja on tarkistamatta."""
        return self.earnings_limit_checked == "yes" or not PENSIONS & {row.benefit for row in self.benefit_effects}

    @rule("R57", field="disclosure_level")
    def disclosure_is_decided(self, case: Case) -> bool:
        """Päättäkää, mitä työpaikalla kerrotaan."""
        return self.disclosure_level != "undecided" or not self.coach_visible_to_employer

    @rule("T27", field="start_date", severity="warning")
    def case_is_not_on_hold(self, case: Case) -> bool:
        """Asia on tauolla. Päättäkää tauko, kun työ alkaa."""
        return case.status != "on_hold"

    @rule("R35", field="coach_visible_to_employer")
    def name_is_told_by_consent_only(self, case: Case) -> bool:
        """Asiakkaan nimeä ei saa kertoa ilman suostumusta."""
        unknown = case.find_latest_record(forms.CooperationAgreement) is None
        return (
            not self.coach_visible_to_employer or unknown or has_consent(case, "employer", "name_contact", self.begins)
        )

    @rule("R58", field="subsidy_decision_date", severity="warning")
    def subsidy_is_decided_before_start(self, case: Case) -> bool:
        """Palkkatuki pitää päättää ennen työn alkua."""
        if self.wage_subsidy_status not in IN_HAND:
            return True
        return (self.subsidy_decision_date or case.today) <= self.start_date

    @rule("R59", field="adjustment_support", severity="warning")
    def adjustment_support_is_applied_for_in_time(self, case: Case) -> Check:
        """Järjestelytukea haetaan {limit} päivän sisällä hankinnasta."""
        bought = [
            since
            for row in self.accommodations_agreed
            if row.accommodation in PURCHASES and (since := getattr(row, "from"))
        ]
        late = any(count_days(day, case.today) > APPLIED_BEHIND for day in bought)
        return check(not (late and self.adjustment_support in ("discussed", "to_apply")), limit=APPLIED_BEHIND)

    @rule("R60", field="contract_type", severity="warning")
    def work_trial_is_in_the_plan(self, case: Case) -> bool:
        """Työkokeilusta sovitaan työllistymissuunnitelmassa ennen alkua."""
        referral = case.find_latest_record(forms.Referral)
        plans = set(getattr(referral, "existing_plans", None) or ())
        return self.contract_type != "work_trial" or bool(plans & PLANS_OF_OFFICE)

    @rule("R61", field="support_plan_due", severity="warning")
    def support_plan_is_due_soon(self, case: Case) -> Check:
        """Tukisuunnitelma tehdään yli {limit} päivän kuluttua työn alkamisesta."""
        limit = get_settings(case).limits.support_plan
        return check(count_days(self.begins, self.support_plan_due) <= limit, limit=limit)

    @rule("R62", field="first_support_meeting", severity="warning")
    def first_support_is_soon(self, case: Case) -> Check:
        """Ensimmäinen tukitapaaminen on yli {limit} päivän kuluttua työn alkamisesta."""
        limit = get_settings(case).limits.first_support_meeting
        return check(count_days(self.begins, self.first_support_meeting) <= limit, limit=limit)

    @rule("range", field="first_support_meeting")
    def first_support_follows_start(self, case: Case) -> bool:
        """Ensimmäinen tukitapaaminen on ennen työn alkamista."""
        return self.first_support_meeting >= self.start_date

    @rule("range", field="contract_signed_date")
    def contract_is_made_by_start(self, case: Case) -> Check:
        """Työsopimus on tehty yli {limit} päivän kuluttua työn alkamisesta. Tarkistakaa päivä."""
        made = self.contract_signed_date
        return check(made is None or count_days(self.start_date, made) <= CONTRACT_BEHIND, limit=CONTRACT_BEHIND)

    @rule("range", field="wage_subsidy_from")
    def subsidy_starts_with_the_job(self, case: Case) -> bool:
        """Palkkatuki ei voi alkaa ennen työtä."""
        return self.wage_subsidy_from is None or self.wage_subsidy_from >= self.start_date

    @rule("range", field="wage_subsidy_to")
    def subsidy_ends_after_it_starts(self, case: Case) -> bool:
        """Palkkatuki ei voi päättyä ennen kuin se alkaa."""
        begins, ends = self.wage_subsidy_from, self.wage_subsidy_to
        return begins is None or ends is None or begins <= ends

    @rule("range", field="wage_amount", severity="warning")
    def wage_is_usual(self, case: Case) -> bool:
        """Palkka on hyvin suuri. Tarkistakaa summa ja palkan laji."""
        most = {"hourly": 200, "monthly": 20_000}.get(self.wage_type)
        return most is None or self.wage_amount < most

    @rule("range")
    def shifts_end_after_they_start(self, case: Case) -> list[str]:
        """Työvuoro ei voi päättyä ennen kuin se alkaa. Merkitkää, jos se jatkuu yli puolenyön."""
        minutes = [row.minutes for row in self.weekly_schedule]
        return [f"weekly_schedule.{index}.end" for index, span in enumerate(minutes) if span is not None and span <= 0]

    @rule("range", field="weekly_schedule", severity="warning")
    def schedule_agrees_with_hours(self, case: Case) -> bool:
        """Viikkoaikataulun tunnit eivät vastaa viikkotyöaikaa."""
        minutes = [row.minutes for row in self.weekly_schedule]
        spans = [span for span in minutes if span is not None]
        if not spans or len(spans) < len(minutes) or self.weekly_hours is None:
            return True
        return abs(Decimal(sum(spans)) / 60 - self.weekly_hours) <= self.weekly_hours / 10

    @rule("choice", field="benefit_effects")
    def no_benefits_stands_alone(self, case: Case) -> bool:
        """Ei etuuksia ja jokin etuus eivät voi olla valittuina yhtä aikaa."""
        named = [row.benefit for row in self.benefit_effects]
        return "none" not in named or len(named) == 1

    # --- what needs forms of later phases -----------------------------------------------------

    @rule("choice", field="goal_id", needs=("vocational_profile",))
    def goal_is_of_the_profile(self, case: Case) -> bool:
        """Tavoitetta ei ole asiakkaan profiilissa."""
        profile = case.find_latest_record(forms.VocationalProfile)
        return not self.goal_id or profile is None or self.goal_id in {row.goal_id for row in profile.work_goals}

    @rule("T12", field="found_by", severity="warning", needs=("employer_contact",))
    def contact_with_employer_is_recorded(self, case: Case) -> bool:
        """Työ löytyi valmentajan verkostosta, mutta yhteydestä työnantajaan ei ole merkintää."""
        contacts = {contact.employer_id for contact in list_records(case, forms.EmployerContact)}
        return case.phase != "phase_3" or self.found_by != "coach_network" or self.employer_id in contacts

    @rule("T13", severity="warning", needs=("vocational_profile",))
    def profile_has_been_made(self, case: Case) -> Check:
        """Ammatillinen profiili puuttuu. Se tehdään {limit} päivän kuluessa palvelun alusta."""
        made = case.phase != "phase_2" or case.find_latest_record(forms.VocationalProfile) is not None
        return check(made, limit=get_settings(case).limits.profile)

    # --- what another form may contradict ------------------------------------------------------

    @contradiction("contradiction", field="start_date")
    def start_is_as_offered(self, case: Case) -> forms.EmployerContact | None:
        """Aloituspäivä on eri kuin työtarjouksessa. Selvittäkää, kumpi on oikein."""
        contact, offer = self.offered(case)
        return contact if offer and offer.start_date != self.start_date else None

    @contradiction("contradiction", field="weekly_hours")
    def hours_are_as_offered(self, case: Case) -> forms.EmployerContact | None:
        """Viikkotyöaika on eri kuin työtarjouksessa. Selvittäkää, kumpi on oikein."""
        contact, offer = self.offered(case)
        least, most = self.weekly_hours or self.hours_min, self.weekly_hours or self.hours_max
        return contact if offer and least and most and not least <= offer.weekly_hours <= most else None

    def offered(self, case: Case) -> tuple[forms.EmployerContact, forms.Offer] | tuple[None, None]:
        """Return the employer's last offer of this job and the contact that tells of it, or nothing twice.

        An offer is of the first job with the employer that follows it and has its title, or of
        the only one: one that was accepted goes before others, one that was declined is of none.
        """
        jobs = [job for job in list_records(case, type(self)) if job.employer_id == self.employer_id]
        found = [
            (row.answer == "accepted", row.offered_date, number, contact, row)
            for number, contact in enumerate(list_records(case, forms.EmployerContact))
            if contact.employer_id == self.employer_id
            for row in contact.offer
            if row.answer != "declined" and self is find_offered_job(jobs, row)
        ]
        return max(found, key=lambda one: one[:3])[3:] if found else (None, None)

    # --- what the clock brings ----------------------------------------------------------------

    @deadline("R61")
    def support_plan_is_made_in_time(self, case: Case) -> date | None:
        """Tukisuunnitelma puuttuu."""
        plans = [plan for plan in list_documents(case, forms.JobSupportPlan) if plan.job_id == self.job_id]
        if self.ended(case) or any(plan.plan_status != "draft" for plan in plans):
            return None
        return case.add_active_days(self.begins, get_settings(case).limits.support_plan + 1)

    @deadline("R62")
    def first_support_is_given_in_time(self, case: Case) -> date | None:
        """Ensimmäinen tuki työn alettua puuttuu."""
        return self.missed(case, first=0, length=get_settings(case).limits.first_support_meeting + 1, count=1)

    @deadline("R63")
    def first_month_has_weekly_contact(self, case: Case) -> date | None:
        """Viikoittaista yhteyttä ei ole."""
        return self.missed(case, first=0, length=7, count=4)

    @deadline("R64")
    def first_year_has_monthly_contact(self, case: Case) -> date | None:
        """Kuukausittainen yhteys puuttuu."""
        return self.missed(case, first=30, length=30, count=11)


def find_offered_job(jobs: list[JobStart], offer: forms.Offer) -> JobStart | None:
    """Return the job of one employer, among those given, that an offer has led to, or None."""
    titled = [job for job in jobs if normalise_text(job.job_title) == normalise_text(offer.job_title)]
    later = [job for job in titled or (jobs if len(jobs) == 1 else ()) if job.document_date >= offer.offered_date]
    return min(later, key=lambda job: job.document_date, default=None)


def is_apart(job: JobStart, other: JobStart, end: date | None) -> bool:
    """Tell whether two jobs do not overlap in time; ``end`` is the last day of the other one."""
    before = job.end_date is not None and job.end_date < other.start_date
    return before or (end is not None and end < job.start_date)
