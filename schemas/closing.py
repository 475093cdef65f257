"""Työhönvalmennuksen jälkeen (L10): the service ends, with its results, its handover and its follow-up."""

from __future__ import annotations

from formgen.schema import (
    Case,
    Check,
    Choice,
    Code,
    Day,
    Decimal,
    Form,
    Hours,
    Int,
    Iterator,
    Line,
    Long,
    Move,
    Phone,
    Row,
    Signature,
    YesNo,
    ask,
    ask_table,
    check,
    count_days,
    date,
    deadline,
    define_options,
    rule,
    section,
    timedelta,
)

from ._case import (
    PHASES,
    ClientForm,
    TransitionMeeting,
    compile_pattern,
    forms,
    get_settings,
    has_consent,
    is_in_force,
    list_active_jobs,
    list_records,
)
from ._codes import K3, K4, K6, K10, K12, K30, K38

NEVER_BEGAN = frozenset(
    (
        "not_started",
        "client_not_reached_before_start",
        "client_withdrew",
        "moved_to_other_service",
        "moved_area",
        "death",
        "other",
    )
)
NOT_WITH_A_JOB = frozenset(
    ("moved_to_studies", "client_no_work_wish", "retired", "not_started", "client_not_reached_before_start")
)
NOT_REACHED = frozenset(("client_not_reached", "client_not_reached_before_start"))
EXPLAINED = frozenset(("other", "client_not_reached", "provider_ended", "moved_to_other_service"))
REVIEWED = frozenset(("client_not_reached", "provider_ended"))
IN_WORK = frozenset(("employed_support_not_needed", "scope_ended_employed"))
SUPPORT_LASTED = frozenset(("employed_support_not_needed", "support_transferred"))
TURNED_AWAY = frozenset(("redirected", "withdrawn"))
NO_MORE_WORK = frozenset(("no_work_now", "close_service"))

EMPLOYED = frozenset(("employed", "employed_and_studying"))
IDLE = frozenset(("studying", "job_search_alone", "not_active", "unknown"))
OPEN_STAGES = frozenset(("negotiation", "interview", "trial_visit", "offer"))
FACE_TO_FACE = K6.find_marked_codes("face_to_face")
LOGS = ("contacts", "activity_log", "support_log")
LATEST = 14
FOLLOW_UPS = {"1_month": 30, "3_months": 90, "6_months": 180, "12_months": 365}

FORBIDDEN = compile_pattern(
    r"poissaolo|\bjää?(?:i|ivät|nyt|neet|vät)? pois|\bväliin\b"
    r"|\bei (?:ole )?(?:tullut|tule|saapunut|saavu|ilmestynyt)\b"
    r"|takaraj|aikaraj|määräa(?:jan|ika) (?:tuli|täyt|päät|takia|vuoksi)|enimmäis(?:aika|aja|kesto)"
    r"|maksimiai|ai(?:ka|jan) (?:tuli )?täy|uteblev|uteblivit|frånvar|tidsgräns|tidsfrist|maximitid"
)

Phase = define_options(**{code: label for code, label in PHASES.items() if code != "closed"})


# --- what is already known --------------------------------------------------------------------


def jobs_now(case: Case) -> list[dict[str, object]]:
    """Return a row for every job that the client has now."""
    return [
        {
            "job_id": job.job_id,
            "employer": job.employer_name[:80],
            "job_title": job.job_title,
            "contract_type": job.contract_type,
            "weekly_hours": job.weekly_hours,
            "start_date": job.start_date,
        }
        for job in list_active_jobs(case, case.today)
    ]


def benefits(case: Case) -> list[dict[str, object]]:
    """Return a row for every benefit that the last job has left."""
    effects = case.find_latest_value(forms.JobStart.benefit_effects) or ()
    return [
        {"benefit": row.benefit} for row in effects if row.effect != "ends" and K3[row.benefit].is_valid(case.today)
    ]


def goals(case: Case) -> list[dict[str, object]]:
    """Return a row for every goal of the profile, as far as a text has room."""
    work_goals = case.find_latest_value(forms.VocationalProfile.work_goals) or ()
    return [{"goal_text": row.goal_text[:160]} for row in work_goals]


def questions_of_evaluation(case: Case) -> list[dict[str, object]]:
    """Return a row for everything that the client may give a score for."""
    return [{"item": item} for item in K38]


def helpful_supports(case: Case) -> str | None:
    """Return the supports that helped in the last job, by their labels."""
    helped = case.find_latest_value(forms.JobEnd.supports_that_helped) or ()
    return ", ".join(K10[action].label for action in helped)[:400] or None


def not_declined(case: Case) -> bool:
    """Return the usual answer: the client has not declined to meet."""
    return False


def services(case: Case) -> list[dict[str, object]]:
    """Return a row for every other service that the referral names with its organisation."""
    return [
        {
            "service": row.service,
            "organisation": row.organisation,
            "contact_person": (row.contact_person or "")[:60] or None,
            "phone": row.contact_phone,
        }
        for row in (case.find_latest_value(forms.Referral.other_services) or ())
        if row.organisation
    ]


def step_down_to(case: Case) -> str | None:
    """Return the body that goes on with the support, as the last support plan names it."""
    return (case.find_latest_value(forms.JobSupportPlan.step_down_to) or "")[:120] or None


def follow_ups(case: Case) -> list[dict[str, object]]:
    """Return a row for every usual follow-up, counted from today."""
    return [{"planned": code, "planned_date": case.today + timedelta(days=after)} for code, after in FOLLOW_UPS.items()]


def notice_not_needed(case: Case) -> str | None:
    """Return ``not_needed`` when the service was given without a decision."""
    basis = case.find_latest_value(forms.CooperationAgreement.legal_basis)
    return "not_needed" if basis and basis not in K30.find_marked_codes("decided") else None


# --- what is computed -------------------------------------------------------------------------


def service_start(record: Closing, case: Case) -> date | None:
    """Return the day on which the service began, None when it never did."""
    agreement = case.find_latest_record(forms.CooperationAgreement)
    return agreement.service_start_date if agreement else None


def service_days(record: Closing, case: Case) -> int:
    """Return the days of service, the day of closing not counted."""
    return count_days(record.service_start_date, record.closing_date) if record.service_start_date else 0


def phase_at_closing(record: Closing, case: Case) -> str:
    """Return the phase from which the case is closed: for a correction, from which it was."""
    closings = (step.before for step in case.steps if step.after == "closed" and step.before != "closed")
    return next(closings, case.phase) or "phase_1"


def jobs_total(record: Closing, case: Case) -> int:
    """Return the number of jobs."""
    return len(list_records(case, forms.JobStart))


def jobs_competitive(record: Closing, case: Case) -> int:
    """Return the number of jobs in the open labour market."""
    return sum(job.is_competitive for job in list_records(case, forms.JobStart))


def iter_job_days(record: Closing, case: Case) -> Iterator[range]:
    """Yield the days of every job up to the day of closing, as ordinals."""
    ends = {end.job_id: end.end_date for end in list_records(case, forms.JobEnd)}
    for job in list_records(case, forms.JobStart):
        last = min(ends.get(job.job_id) or job.end_date or record.closing_date, record.closing_date)
        yield range(job.start_date.toordinal(), last.toordinal() + 1)


def longest_job_days(record: Closing, case: Case) -> int:
    """Return the days of the longest job, both ends counted."""
    return max(map(len, iter_job_days(record, case)), default=0)


def total_employed_days(record: Closing, case: Case) -> int:
    """Return the days on which the client had a job, those with two jobs counted once."""
    return len(set().union(*iter_job_days(record, case)))


def days_to_first_employer_contact(record: Closing, case: Case) -> int | None:
    """Return the days from the start to the first meeting with an employer for this client (criterion 15)."""
    met = [
        row.date
        for contact in list_records(case, forms.EmployerContact)
        for row in contact.contacts
        if contact.contact_basis != "general" and row.mode in FACE_TO_FACE and row.about_competitive_job
    ]
    return count_days(record.service_start_date, min(met)) if record.service_start_date and met else None


def days_to_first_job(record: Closing, case: Case) -> int | None:
    """Return the days from the start to the first job that was not there before."""
    begun = [job.start_date for job in list_records(case, forms.JobStart) if not job.retention_case]
    return count_days(record.service_start_date, min(begun)) if record.service_start_date and begun else None


# --- when something is needed -----------------------------------------------------------------


def has_started(record: Closing) -> bool:
    """Tell whether the service had begun."""
    return record.service_start_date is not None


def needs_review(record: Closing) -> bool:
    """Tell whether the team leader has to deal with the closing."""
    return record.client_agrees == "disagrees" or record.closing_reason in REVIEWED


def can_client_sign(record: Closing) -> bool:
    """Tell whether the client can be asked to sign."""
    return record.client_agrees != "not_reached" and record.closing_reason != "death"


class JobAtClosing(Row):
    """A job that the client has when the service ends."""

    job_id: Line = ask("Työsuhteen tunniste", by="system", max_length=40, hint="Esimerkiksi JOB-1.")
    employer: Line | None = ask("Työnantaja", by="system", max_length=80)
    job_title: Line | None = ask("Tehtävänimike", by="system", max_length=80)
    contract_type: Choice | None = ask("Työsuhteen laji", by="system", of=K4)
    weekly_hours: Hours | None = ask("Tuntia viikossa", by="system", low=Decimal(0), high=Decimal(168))
    start_date: Day | None = ask("Alkanut", by="system")
    continues: YesNo = ask("Jatkuuko työ?")


class BenefitAtClosing(Row):
    """A benefit that the client goes on to receive."""

    benefit: Choice = ask("Etuus", of=K3)
    note: Line | None = ask("Huomautus", max_length=80)


class GoalResult(Row):
    """What became of one goal."""

    goal_text: Line = ask("Tavoite", max_length=160)
    result: Choice = ask(
        "Miten kävi",
        of=define_options(
            **{"reached": "Toteutui", "partly": "Toteutui osittain", "not": "Ei toteutunut", "changed": "Muuttui"}
        ),
    )
    note: Line | None = ask("Lisätietoa", max_length=120)


class Evaluation(Row):
    """The client's score for one side of the service."""

    item: Choice = ask("Väite", of=K38)
    score: Choice = ask(
        "Arvio 1–5",
        of=define_options(
            **{
                "1": "1 – täysin eri mieltä",
                "2": "2 – jokseenkin eri mieltä",
                "3": "3 – siltä väliltä",
                "4": "4 – jokseenkin samaa mieltä",
                "5": "5 – täysin samaa mieltä",
            }
        ),
    )


class Outreach(Row):
    """One attempt to reach the client."""

    date: Day = ask("Päivä")
    mode: Choice = ask("Tapa", of=define_options(**K6, home_visit=Code("Kotikäynti", mark="face_to_face")))
    by: Choice = ask(
        "Kuka yritti",
        of=define_options(coach="Valmentaja", care_team="Hoitotaho", family="Läheinen", referrer="Lähettäjä"),
    )
    result: Choice = ask(
        "Miten kävi",
        of=define_options(
            no_answer="Ei vastannut", message_left="Jätettiin viesti", reached="Tavoitettiin", refused="Kieltäytyi"
        ),
    )
    note: Line | None = ask("Huomautus", max_length=120)


class FollowOnService(Row):
    """A service that goes on or begins after this one."""

    service: Line = ask("Palvelu", max_length=80)
    organisation: Line = ask("Organisaatio", max_length=80)
    contact_person: Line | None = ask("Yhteyshenkilö", max_length=60)
    phone: Phone | None = ask("Puhelin")
    start_date: Day | None = ask("Alkaa")
    consent_ref: Line | None = ask(
        "Suostumuksen tunniste", max_length=40, hint="Jos asiakkaan tietoja annetaan. Esimerkiksi care_team-1."
    )


class FollowUp(Row):
    """One contact after the end of the service, planned and made."""

    planned: Choice = ask(
        "Milloin",
        of=define_options(
            **{
                "1_month": "1 kuukauden päästä",
                "3_months": "3 kuukauden päästä",
                "6_months": "6 kuukauden päästä",
                "12_months": "12 kuukauden päästä",
            }
        ),
    )
    planned_date: Day = ask("Suunniteltu päivä")
    done_date: Day | None = ask("Toteutunut päivä")
    employed: Choice | None = ask(
        "Onko asiakas työssä?", by="client", of=define_options(yes="Kyllä", no="Ei", unknown="Ei tiedossa")
    )
    same_job: YesNo | None = ask("Sama työ kuin palvelun päättyessä?", by="client")
    weekly_hours: Hours | None = ask("Tuntia viikossa", by="client", low=Decimal(0), high=Decimal(168))
    note: Line | None = ask("Huomautus", max_length=160)


class Closing(ClientForm):
    """The end of the service; a later one corrects it and adds the follow-up."""

    id = "closing"
    number = "L10"
    version = "2026.1"
    title = "Työhönvalmennuksen jälkeen"
    about = (
        "Tällä lomakkeella palvelu päätetään yhdessä asiakkaan kanssa. Samalla sovitaan, kuka auttaa jatkossa. "
        "Palvelua ei päätetä poissaolojen tai määräajan takia. Palveluun voi aina hakea uudelleen."
    )
    single = True
    moves = (
        Move("T05", "phase_1", "closed"),
        *(Move("T28", phase, "closed") for phase in ("phase_2", "phase_3", "phase_4")),
        Move("T29", "phase_5", "closed"),
    )

    with section("1 Päättyminen"):
        closing_date: Day = ask("Palvelun päättymispäivä")
        service_start_date: Day | None = ask("Palvelun aloitus", by="system", fill=service_start)
        service_days: Int = ask("Palvelun kesto päivinä", by="system", fill=service_days, sensitivity="n")
        phase_at_closing: Choice = ask(
            "Vaihe päättyessä", by="system", fill=phase_at_closing, sensitivity="n", of=Phase
        )
        closing_reason: Choice = ask("Palvelun päättymisen syy", of=K12)
        closing_reason_detail: Long | None = ask(
            "Syy tarkemmin",
            max_length=600,
            needed=lambda record: record.closing_reason in EXPLAINED,
            hint="Tarvitaan, jos asiakasta ei tavoitettu, järjestäjä päätti palvelun, asiakas siirtyi toiseen "
            "palveluun tai syy on muu.",
        )
        not_started_detail: Line | None = ask(
            "Miksi palvelu ei alkanut", max_length=300, needed=lambda record: record.closing_reason == "not_started"
        )
        initiative: Choice = ask(
            "Kenen aloitteesta palvelu päättyy",
            of=define_options(
                client="Asiakkaan",
                coach="Valmentajan",
                both="Yhdessä sovittu",
                organiser="Järjestäjän",
                other="Muun tahon",
            ),
        )
        client_agrees: Choice = ask(
            "Mitä mieltä asiakas on päättymisestä",
            by="client",
            of=define_options(agrees="Samaa mieltä", disagrees="Eri mieltä", not_reached="Asiakasta ei ole tavoitettu"),
            hint="Jos asiakas on eri mieltä, kerro muistutuksesta ja sosiaaliasiavastaavasta.",
        )
        supervisor_reviewed: YesNo | None = ask(
            "Tiiminvetäjä on käsitellyt päättymisen",
            by="leader",
            needed=needs_review,
            code="R85",
            hint="Tarvitaan, jos asiakas on eri mieltä, häntä ei tavoitettu tai järjestäjä päätti palvelun.",
        )
        supervisor_reviewed_date: Day | None = ask(
            "Tiiminvetäjän käsittelyn päivä",
            by="leader",
            needed=lambda record: record.supervisor_reviewed is True or needs_review(record),
        )

    with section("2 Tilanne päättyessä", by="system", sensitivity="n"):
        employment_at_closing: tuple[JobAtClosing, ...] = ask_table(
            "Työ päättymishetkellä",
            by="coach",
            sensitivity="s",
            prefill=jobs_now,
            printed=1,
            needed=lambda record: record.closing_reason in IN_WORK,
            code="T29",
            hint="Jokainen voimassa oleva työsuhde omalle rivilleen.",
        )
        activity_at_closing: Choice = ask(
            "Toiminta päättymishetkellä",
            by="coach",
            sensitivity="s",
            of=define_options(
                employed="Työssä",
                employed_and_studying="Työssä ja opiskelee",
                studying="Opiskelee",
                job_search_alone="Hakee työtä itse",
                other_service="Muussa palvelussa",
                work_activity="Työtoiminnassa",
                retired="Eläkkeellä",
                not_active="Ei toimintaa",
                unknown="Ei tiedossa",
            ),
        )
        benefits_at_closing: tuple[BenefitAtClosing, ...] = ask_table(
            "Etuudet päättyessä",
            by="client",
            sensitivity="s",
            prefill=benefits,
            printed=2,
        )
        income_from_work: Choice | None = ask(
            "Onko ansiotyö pääasiallinen tulo?",
            by="client",
            sensitivity="s",
            of=define_options(yes="Kyllä", partly="Osittain", no="Ei"),
        )

        jobs_total: Int = ask("Työsuhteita yhteensä", fill=jobs_total)
        jobs_competitive: Int = ask("Työsuhteita avoimilla työmarkkinoilla", fill=jobs_competitive)
        longest_job_days: Int = ask("Pisin työsuhde päivinä", fill=longest_job_days)
        total_employed_days: Int = ask("Työssä yhteensä päivinä", fill=total_employed_days)
        days_to_first_employer_contact: Int | None = ask(
            "Päiviä ensimmäiseen työnantajan tapaamiseen", fill=days_to_first_employer_contact
        )
        days_to_first_job: Int | None = ask("Päiviä ensimmäiseen työhön", fill=days_to_first_job)

    with section("3 Tulokset", by="client"):
        goals_result: tuple[GoalResult, ...] = ask_table(
            "Tavoitteiden toteutuminen", prefill=goals, needed=has_started, hint="Tarvitaan, jos palvelu oli alkanut."
        )
        client_evaluation: tuple[Evaluation, ...] = ask_table(
            "Asiakkaan arvio palvelusta",
            prefill=questions_of_evaluation,
            printed=7,
            locked=True,
            given=("item",),
            hint="Vapaaehtoinen. 1 on huonoin ja 5 on paras.",
        )
        client_feedback_text: Long | None = ask("Palaute omin sanoin", max_length=800)
        what_helped_most: Long | None = ask("Mistä oli eniten apua", prefill=helpful_supports, max_length=400)

    with section("4 Sitouttaminen ja siirto"):
        outreach_attempts: tuple[Outreach, ...] = ask_table(
            "Yhteydenottoyritykset",
            needed=lambda record: record.closing_reason in NOT_REACHED,
            code="R81",
            hint="Tarvitaan, jos asiakasta ei tavoitettu: useita yrityksiä eri tavoilla ja eri aikoina.",
        )
        transition_meetings: tuple[TransitionMeeting, ...] = ask_table(
            "Nivelvaihepalaveri palvelun lopussa",
            printed=1,
            needed=lambda record: record.handover_declined is False,
            code="R84",
        )
        handover_declined: YesNo = ask("Asiakas ei halua siirtopalaveria", by="client", prefill=not_declined)
        follow_on_services: tuple[FollowOnService, ...] = ask_table("Jatkossa tukena", prefill=services, printed=2)
        step_down_support: Choice = ask(
            "Kevyt tuki jatkossa",
            by="client",
            of=define_options(
                none="Ei tukea",
                same_unit_on_request="Tästä yksiköstä pyynnöstä",
                care_team="Hoitotaholta",
                occupational_health="Työterveyshuollosta",
                employer_mentor="Tukihenkilöltä työpaikalla",
                other="Muualta",
            ),
        )
        step_down_support_detail: Line | None = ask(
            "Kevyt tuki: kuka ja miten",
            by="client",
            prefill=step_down_to,
            max_length=120,
            needed=lambda record: record.step_down_support == "other",
        )
        plan_after: Long = ask("Asiakkaan oma suunnitelma jatkosta", by="client", max_length=600)
        employer_informed: Choice = ask(
            "Onko työnantajalle kerrottu tuen päättymisestä?",
            of=define_options(yes="Kyllä", no="Ei", not_allowed="Asiakas ei halua", not_relevant="Ei koske"),
            hint="Työnantajalle saa kertoa vain asiakkaan suostumuksella.",
        )
        reopening_explained: YesNo = ask("Kerrottu, miten palveluun pääsee takaisin", sensitivity="n")

    with section("5 Seuranta ja tiedot"):
        follow_up_agreed: YesNo = ask("Saako sinuun ottaa yhteyttä jälkikäteen?", by="client")
        follow_ups: tuple[FollowUp, ...] = ask_table(
            "Seurantayhteydet",
            prefill=follow_ups,
            printed=4,
            needed=lambda record: record.follow_up_agreed,
            given=("planned", "planned_date"),
            hint="Vain, jos sinuun saa ottaa yhteyttä. Toteutuneet yhteydet voi lisätä palvelun päättymisen jälkeen.",
        )
        records_info_given: YesNo = ask("Kerrottu tietojen säilytyksestä ja oikeudesta tarkastaa ne", sensitivity="n")
        consents_withdrawn: YesNo = ask(
            "Suostumukset päätetty",
            sensitivity="n",
            hint="Kyllä: työnantajaa koskevat suostumukset päättyvät palvelun päättymispäivänä, ellei kevyt tuki "
            "tarvitse niitä.",
        )
        decision_notice: Choice = ask(
            "Päätös palvelun päättymisestä annettu",
            prefill=notice_not_needed,
            of=define_options(yes="Kyllä", coming="Annetaan myöhemmin", not_needed="Ei tarvita"),
        )
        decision_notice_detail: Line | None = ask("Lopettamispäätöksen numero", max_length=40)
        sign_client: Signature | None = ask("Asiakkaan allekirjoitus", by="client", needed=can_client_sign)
        sign_coach: Signature | None = ask("Työhönvalmentajan allekirjoitus", needed=lambda _: True)

    @classmethod
    def is_needed(cls, case: Case) -> bool:
        """Tell whether nothing but the end is left to write down, or a follow-up after it."""
        if closing := case.find_latest_record(cls):
            day = closing.follow_up_is_made(case)
            return day is not None and day <= case.today
        referral, end = case.find_latest_record(forms.Referral), case.find_latest_record(forms.JobEnd)
        turned_away = case.phase == "phase_1" and referral is not None and referral.decision in TURNED_AWAY
        no_more = case.phase == "phase_5" and end is not None and end.next_step in NO_MORE_WORK
        return turned_away or (no_more and not list_active_jobs(case, case.today))

    def infer_phase(self, case: Case) -> str:
        """Return ``closed``."""
        return "closed"

    # --- what must hold -----------------------------------------------------------------------

    @rule("R80", severity="warning")
    def reason_is_not_absence_or_a_time_limit(self, case: Case) -> list[str]:
        """Palvelua ei lopeteta poissaolojen tai määräajan takia."""
        told = ("closing_reason_detail", "not_started_detail")
        return [name for name in told if FORBIDDEN.search(getattr(self, name, None) or "")]

    @rule("R81", field="outreach_attempts")
    def client_was_sought_long_enough(self, case: Case) -> bool:
        """Yhteydenottoyrityksiä on liian vähän."""
        if self.closing_reason not in NOT_REACHED:
            return True
        limits, tried = get_settings(case).limits, [row.date for row in self.outreach_attempts]
        enough = len(tried) >= limits.outreach_attempts and len({row.mode for row in self.outreach_attempts}) >= 2
        return enough and count_days(min(tried), max(tried)) >= limits.outreach_days

    @rule("R82", field="closing_reason")
    def reason_suits_a_job_that_goes_on(self, case: Case) -> bool:
        """Työsuhde on voimassa. Valitkaa toinen syy."""
        return self.closing_reason not in NOT_WITH_A_JOB or not list_active_jobs(case, self.closing_date)

    @rule("R83", severity="warning", needs=("employer_contact",))
    def no_employer_is_still_talked_with(self, case: Case) -> bool:
        """Keskustelu työnantajan kanssa on kesken."""
        return not any(
            contact.stage in OPEN_STAGES and contact.closed_date is None
            for contact in list_records(case, forms.EmployerContact)
        )

    @rule("R84", field="transition_meetings", severity="warning")
    def end_was_handed_over(self, case: Case) -> bool:
        """Loppuvaiheen nivelvaihepalaveri puuttuu."""
        return self.handover_declined or any(row.kind == "end" for row in self.transition_meetings)

    @rule("R85", field="supervisor_reviewed")
    def team_leader_has_dealt_with_it(self, case: Case) -> bool:
        """Tiiminvetäjän käsittely puuttuu."""
        return not needs_review(self) or self.supervisor_reviewed is True

    @rule("R86", field="closing_date")
    def closing_follows_every_document(self, case: Case) -> bool:
        """Päättymispäivä on ennen muita asiakirjoja."""
        return all(day <= self.closing_date for known in case.list_current_records() for day in iter_days(known.record))

    @rule("R87", field="reopening_explained", severity="warning")
    def way_back_has_been_explained(self, case: Case) -> bool:
        """Kertokaa, miten palveluun pääsee takaisin."""
        return self.reopening_explained

    @rule("T05", field="closing_reason")
    def reason_suits_a_service_that_never_began(self, case: Case) -> bool:
        """Syy ei sovi: palvelu ei ole alkanut."""
        return self.phase_at_closing != "phase_1" or self.closing_reason in NEVER_BEGAN

    @rule("T28", field="records_info_given", severity="warning")
    def handling_of_data_has_been_explained(self, case: Case) -> bool:
        """Kertokaa, miten tietoja säilytetään ja miten ne voi tarkastaa."""
        return self.records_info_given

    @rule("T29", field="employment_at_closing")
    def every_job_is_listed(self, case: Case) -> bool:
        """Voimassa oleva työsuhde puuttuu taulukosta."""
        listed = {row.job_id for row in self.employment_at_closing}
        jobs = {job.job_id for job in list_active_jobs(case, self.closing_date)}
        return jobs <= listed and (bool(listed) or self.closing_reason not in IN_WORK)

    @rule("T29", field="closing_reason", severity="warning")
    def support_has_lasted(self, case: Case) -> Check:
        """Tuki päättyy hyvin aikaisin: työtä on ollut alle {limit} päivän ajan."""
        limit = get_settings(case).limits.step_down
        early = self.phase_at_closing == "phase_5" and total_employed_days(self, case) < limit
        return check(self.closing_reason not in SUPPORT_LASTED or not early, limit=limit)

    @rule("R35", field="employer_informed")
    def employer_is_told_by_consent_only(self, case: Case) -> bool:
        """Asiakkaan nimeä ei saa kertoa ilman suostumusta."""
        return self.employer_informed != "yes" or has_consent(case, "employer", "name_contact", self.closing_date)

    @rule("choice")
    def data_is_given_by_consent_only(self, case: Case) -> list[str]:
        """Suostumus ei ole voimassa, tai sellaista ei ole."""
        consents = case.find_latest_value(forms.CooperationAgreement.consents) or ()
        valid = {row.consent_id for row in consents if is_in_force(row, self.closing_date)}
        return self.find_breaking_paths(
            "follow_on_services.consent_ref", lambda row: row.consent_ref and row.consent_ref not in valid
        )

    @rule("choice")
    def listed_jobs_are_of_the_case(self, case: Case) -> list[str]:
        """Työsuhdetta ei ole tässä asiassa."""
        known = {job.job_id for job in list_records(case, forms.JobStart)}
        return self.find_breaking_paths("employment_at_closing.job_id", lambda row: row.job_id not in known)

    @rule("choice", field="activity_at_closing")
    def activity_agrees_with_the_jobs(self, case: Case) -> bool:
        """Toiminta ja työ päättymishetkellä ovat ristiriidassa."""
        goes_on = any(row.continues for row in self.employment_at_closing)
        return self.activity_at_closing not in (IDLE if goes_on else EMPLOYED)

    @rule("choice", field="benefits_at_closing")
    def no_benefits_stands_alone(self, case: Case) -> bool:
        """Ei etuuksia ja jokin etuus eivät voi olla valittuina yhtä aikaa."""
        named = [row.benefit for row in self.benefits_at_closing]
        return "none" not in named or len(named) == 1

    @rule("choice", field="follow_ups")
    def follow_up_is_agreed_on(self, case: Case) -> bool:
        """Asiakas ei halua yhteydenottoja. Tyhjentäkää seurantayhteydet."""
        return self.follow_up_agreed or not self.follow_ups

    @rule("choice", field="decision_notice", severity="warning")
    def decision_is_given_where_one_began_the_service(self, case: Case) -> bool:
        """Palvelusta on tehty päätös. Myös sen päättymisestä tarvitaan päätös."""
        basis = case.find_latest_value(forms.CooperationAgreement.legal_basis)
        return self.decision_notice != "not_needed" or basis not in K30.find_marked_codes("decided")

    @rule("range", field="closing_date")
    def closing_is_near(self, case: Case) -> Check:
        """Päättymispäivä on yli {limit} päivän päässä."""
        return check(count_days(case.today, self.closing_date) <= LATEST, limit=LATEST)

    @rule("range")
    def attempts_precede_closing(self, case: Case) -> list[str]:
        """Yhteydenottoyritys on päättymispäivän jälkeen."""
        return self.find_breaking_paths("outreach_attempts.date", lambda row: row.date > self.closing_date)

    @rule("range")
    def what_is_done_is_not_of_tomorrow(self, case: Case) -> list[str]:
        """Päivä on tulevaisuudessa. Merkitkää vain se, mikä on jo tehty."""
        done = {f"follow_ups.{index}.done_date": row.done_date for index, row in enumerate(self.follow_ups)}
        done["supervisor_reviewed_date"] = self.supervisor_reviewed_date
        return [path for path, day in done.items() if day and day > case.today]

    @rule("range")
    def follow_up_comes_after_the_end(self, case: Case) -> list[str]:
        """Seurantayhteys on ennen palvelun päättymistä."""
        return self.find_breaking_paths("follow_ups.planned_date", lambda row: row.planned_date < self.closing_date)

    # --- what the clock calls for -------------------------------------------------------------

    @deadline("T28")
    def follow_up_is_made(self, case: Case) -> date | None:
        """Sovittu seurantayhteys on tekemättä."""
        return min((row.planned_date for row in self.follow_ups if not row.done_date), default=None)


def iter_days(record: Form) -> Iterator[date]:
    """Yield the days that a record tells of: its own, that of its arrival, those of its logs."""
    named = ("document_date", getattr(record, "date_field", ""), "received_date")
    yield from (day for name in named if (day := getattr(record, name, None)))
    yield from (row.date for log in LOGS for row in getattr(record, log, ()))
