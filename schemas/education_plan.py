"""Opintoihin liittyvä suunnitelma (L09): studies as a route to a job, their support, funding and progress."""

from __future__ import annotations

from formgen.schema import (
    Any,
    Callable,
    Case,
    Check,
    Choice,
    Choices,
    Day,
    Dec,
    Decimal,
    Email,
    Hours,
    Int,
    Line,
    Long,
    Move,
    Name,
    Phone,
    Row,
    Signature,
    YesNo,
    ask,
    ask_table,
    check,
    count_days,
    date,
    define_options,
    rule,
    section,
    timedelta,
)

from ._case import ClientForm, forms, has_consent, list_active_jobs, list_open_jobs, list_records, today
from ._codes import K6, K9, K13

SEEKING = frozenset(("exploring", "applying"))
ADMITTED = frozenset(("admitted", "studying", "interrupted", "completed", "dropped"))
STOPPED = frozenset(("interrupted", "dropped"))
GOING_ON = frozenset(("admitted", "studying"))
FUNDED_BY = {
    "student_aid": "student_aid",
    "rehabilitation_allowance": "rehabilitation_allowance",
    "youth_rehabilitation_allowance": "rehabilitation_allowance",
}
TOLD = {"support_only": "support_needs", "health_general": "health", "health_specific": "health"}
LONGEST_WEEK = Decimal(48)
HALF_A_YEAR = 184


# --- what is already known --------------------------------------------------------------------


def keep(name: str) -> Callable[[Case], Any]:
    """Prefill from the plan in force."""

    def known(case: Case) -> Any:
        return getattr(case.find_latest_record(EducationPlan), name, None)

    known.__name__ = f"education_plan.{name}"
    return known


def kind_of_plan(case: Case) -> str | None:
    """Return ``first`` when there is no plan yet."""
    return None if case.find_latest_record(EducationPlan) else "first"


def goal(case: Case) -> str | None:
    """Return the goal that the plan in force serves, else the profile's when it has one only."""
    goals = case.find_latest_value(forms.VocationalProfile.work_goals) or ()
    ids: list[str] = [row.goal_id for row in goals]
    return keep("goal_id")(case) or (ids[0] if len(ids) == 1 else None)


def strengths(case: Case) -> str | None:
    """Return the strengths in the plan in force, else the profile's as far as they have room."""
    said = keep("strengths_in_study")(case) or case.find_latest_value(forms.VocationalProfile.strengths)
    return said if said is None or len(said) <= 400 else f"{said[:399]}…"


def open_actions(case: Case) -> list[Action]:
    """Return the rows of the plan in force that are not done."""
    return [row for row in keep("actions")(case) or () if not row.done]


def funding(case: Case) -> Any:
    """Return the funding of the plan in force, else a row for every benefit of the profile that funds studies."""
    benefits = case.find_latest_value(forms.VocationalProfile.current_benefits) or ()
    sources = dict.fromkeys(FUNDED_BY[row.benefit] for row in benefits if row.benefit in FUNDED_BY)
    return keep("funding")(case) or [{"source": source} for source in sources]


def job(case: Case) -> str | None:
    """Return the id of the job that the client has, where there is one only."""
    jobs = list_open_jobs(case)
    return jobs[0].job_id if len(jobs) == 1 else None


def end_of_term(case: Case) -> date:
    """Return the end of the term that goes on, the end of May or December, but no later than in half a year."""
    ends = (date(case.today.year, 5, 31), date(case.today.year, 12, 31), date(case.today.year + 1, 5, 31))
    return min(next(end for end in ends if end > case.today), case.today + timedelta(days=HALF_A_YEAR - 2))


# --- when something is needed -----------------------------------------------------------------


def is_chosen(record: EducationPlan) -> bool:
    """Tell whether a school has been chosen."""
    return record.study_status != "exploring"


def is_admitted(record: EducationPlan) -> bool:
    """Tell whether the client has been admitted to studies."""
    return record.study_status in ADMITTED


class SchoolContact(Row):
    """Somebody at the school."""

    role: Choice = ask(
        "Tehtävä",
        of=define_options(
            study_counsellor="Opinto-ohjaaja",
            special_teacher="Erityisopettaja",
            tutor_teacher="Vastuuopettaja",
            curator="Kuraattori",
            psychologist="Psykologi",
            workplace_instructor="Työpaikkaohjaaja",
            other="Muu",
        ),
    )
    name: Name | None = ask("Nimi", max_length=60)
    phone: Phone | None = ask("Puhelin")
    email: Email | None = ask("Sähköposti")
    consent_ref: Line | None = ask(
        "Suostumuksen tunniste", max_length=40, hint="Yhteistyösopimuksen rivi, esimerkiksi school-1."
    )


class Arrangement(Row):
    """One individual arrangement of studies."""

    accommodation: Line = ask("Järjestely", max_length=100)
    requested_from: Line | None = ask("Keneltä pyydetty", max_length=60)
    requested_on: Day | None = ask("Pyydetty", needed=lambda row: row.granted not in (None, "open"))
    granted: Choice | None = ask(
        "Saatiinko järjestely?", of=define_options(open="Odotetaan", yes="Kyllä", partly="Osittain", no="Ei")
    )
    in_use_from: Day | None = ask("Käytössä alkaen", needed=lambda row: row.granted in ("yes", "partly"))


class Action(Row):
    """One thing to be done, by whom and by when."""

    action: Line = ask("Mitä tehdään", max_length=140)
    who: Choice = ask(
        "Kuka tekee", of=define_options(client="Asiakas", coach="Valmentaja", school="Oppilaitos", other="Muu")
    )
    due: Day = ask("Viimeistään")
    done: YesNo | None = ask("Onko tehty?")
    done_date: Day | None = ask("Milloin tehty")


class Funding(Row):
    """One source of money for the time of the studies."""

    source: Choice = ask(
        "Mistä rahoitus tulee",
        of=define_options(
            student_aid="Opintotuki",
            unemployment_benefit_studies="Työttömyysetuus opintojen ajalta",
            rehabilitation_allowance="Kuntoutusraha",
            apprenticeship_pay="Oppisopimuksen palkka",
            own="Omat varat",
            other="Muu",
        ),
    )
    applied_on: Day | None = ask("Haettu")
    decision: Line | None = ask("Päätös", max_length=60)
    valid_until: Day | None = ask("Voimassa asti")


class Period(Row):
    """A period of learning at a workplace; it is part of the studies, not a job."""

    workplace: Line = ask("Työpaikka", max_length=80)
    start: Day = ask("Alkaa")
    end: Day = ask("Päättyy")
    employer_id: Line | None = ask("Työnantajan tunniste", max_length=40)
    leads_to_job: Choice | None = ask(
        "Voiko jaksosta tulla työ?", of=define_options(unknown="Ei tiedossa", possible="Mahdollista", agreed="Sovittu")
    )


class Support(Row):
    """Support that was given."""

    date: Day = ask("Päivä")
    minutes: Int = ask("Minuuttia", low=1, high=480)
    place: Choice = ask("Missä", of=K13)
    mode: Choice = ask("Miten", of=K6)
    # The column's name is a word of Python's own, so it cannot stand on the left of an equals sign.
    __annotations__["with"] = "Choices"
    vars()["with"] = ask("Kenen kanssa", of=define_options(client="Asiakas", school="Oppilaitos", other="Muu"))
    note: Line | None = ask("Huomautus", max_length=200)


class Term(Row):
    """How one term went."""

    term: Line = ask("Lukukausi", max_length=20, hint="Esimerkiksi syksy 2026.")
    planned: Dec | None = ask("Suunniteltu", places=1, low=Decimal(0), high=Decimal(9999))
    completed: Dec | None = ask("Suoritettu", places=1, low=Decimal(0), high=Decimal(9999))
    note: Line | None = ask("Huomautus", max_length=160)


class EducationPlan(ClientForm):
    """The plan for studies; each term's review takes the place of the plan before it."""

    id = "education_plan"
    number = "L09"
    version = "2026.1"
    versions = True
    title = "Opintoihin liittyvä suunnitelma"
    about = (
        "Tällä lomakkeella suunnitellaan opintoja, jotka vievät kohti työtä: mitä opiskellaan, millaista tukea "
        "tarvitaan ja miten opinnot etenevät. Suunnitelma tarkistetaan joka lukukausi."
    )
    moves = tuple(Move("T24", phase, phase) for phase in ("phase_2", "phase_3", "phase_4", "phase_5"))

    with section("1 Miksi opinnot"):
        plan_date: Day = ask("Suunnitelman päiväys", prefill=today, default=today, sensitivity="n")
        plan_kind: Choice = ask(
            "Suunnitelman laji",
            prefill=kind_of_plan,
            sensitivity="n",
            of=define_options(
                first="Ensimmäinen", term_review="Lukukauden tarkistus", change="Muutos", end="Opinnot päättyvät"
            ),
        )
        why_studies: Long = ask(
            "Miksi opinnot, miten ne liittyvät työtavoitteeseen",
            by="client",
            prefill=keep("why_studies"),
            max_length=600,
        )
        goal_id: Line | None = ask(
            "Liittyvä työtavoite",
            by="client",
            prefill=goal,
            max_length=40,
            needed=lambda _: True,
            code="R77",
            hint="Tavoitteen tunniste ammatillisesta profiilista.",
        )

    with section("2 Opinnot", by="client"):
        study_status: Choice = ask(
            "Opintojen tilanne",
            of=define_options(
                exploring="Mietitään vaihtoehtoja",
                applying="Hakee opiskelupaikkaa",
                admitted="Opiskelupaikka saatu",
                studying="Opiskelee",
                interrupted="Keskeytynyt",
                completed="Suoritettu loppuun",
                dropped="Lopetettu kesken",
            ),
        )
        institution: Line | None = ask("Oppilaitos", prefill=keep("institution"), max_length=120, needed=is_chosen)
        programme: Line | None = ask(
            "Tutkinto tai koulutus", prefill=keep("programme"), max_length=120, needed=is_chosen
        )
        education_form: Choice = ask(
            "Koulutuksen muoto",
            prefill=keep("education_form"),
            of=define_options(
                vocational="Ammatillinen koulutus",
                vocational_special="Ammatillinen koulutus, vaativa erityinen tuki",
                tuva="Tutkintokoulutukseen valmentava koulutus (TUVA)",
                telma="Työhön ja itsenäiseen elämään valmentava koulutus (TELMA)",
                apprenticeship="Oppisopimuskoulutus",
                general_upper="Lukio",
                uas="Ammattikorkeakoulu",
                university="Yliopisto",
                labour_market_training="Työvoimakoulutus",
                short_course="Lyhyt kurssi",
                adult_basic="Aikuisten perusopetus",
                open_studies="Avoimet opinnot",
                other="Muu",
            ),
        )
        study_mode: Choices = ask(
            "Opiskelutapa",
            prefill=keep("study_mode"),
            of=define_options(
                full_time="Kokoaikainen",
                part_time="Osa-aikainen",
                remote="Etäopiskelu",
                workplace="Työpaikalla oppiminen",
                evening="Iltaopiskelu",
                multiform="Monimuoto-opiskelu",
            ),
        )
        application_deadline: Day | None = ask(
            "Haku päättyy",
            needed=lambda record: record.study_status in SEEKING,
            hint="Jatkuvassa haussa se päivä, johon mennessä haetaan.",
        )
        start_date: Day | None = ask("Opinnot alkavat", prefill=keep("start_date"), needed=is_admitted)
        end_date: Day | None = ask("Opinnot päättyvät (arvio)", prefill=keep("end_date"), needed=is_admitted)
        scope: Dec | None = ask(
            "Opintojen laajuus",
            prefill=keep("scope"),
            places=1,
            low=Decimal("0.1"),
            high=Decimal(9999),
        )
        scope_unit: Choice | None = ask(
            "Laajuuden yksikkö",
            prefill=keep("scope_unit"),
            of=define_options(osp="Osaamispistettä", op="Opintopistettä", weeks="Viikkoa", hours="Tuntia"),
            needed=lambda record: record.scope is not None,
        )
        weekly_study_hours: Hours | None = ask(
            "Opiskelua viikossa",
            prefill=keep("weekly_study_hours"),
            places=1,
            low=Decimal(0),
            high=Decimal(60),
            hint="Tuntia viikossa.",
        )
        hoks_exists: Choice = ask(
            "Onko HOKS tai muu opintosuunnitelma?",
            prefill=keep("hoks_exists"),
            of=define_options(yes="Kyllä", no="Ei", coming="Tulossa", not_applicable="Ei koske"),
        )

    with section("3 Tuki opinnoissa", by="client", sensitivity="h"):
        school_contacts: tuple[SchoolContact, ...] = ask_table(
            "Yhteyshenkilöt oppilaitoksessa",
            sensitivity="s",
            prefill=keep("school_contacts"),
            printed=2,
            hint="Vain, jos asiakas on antanut suostumuksen yhteydenpitoon oppilaitoksen kanssa.",
        )
        disclosure_school: Choice = ask("Mitä oppilaitokselle kerrotaan", prefill=keep("disclosure_school"), of=K9)
        strengths_in_study: Long | None = ask(
            "Mikä sujuu opinnoissa", sensitivity="s", prefill=strengths, max_length=400
        )
        study_difficulties: Long | None = ask("Mikä on vaikeaa", prefill=keep("study_difficulties"), max_length=400)
        support_needs: Choices = ask(
            "Tuen tarve",
            prefill=keep("support_needs"),
            of=define_options(
                reading_writing="Lukeminen ja kirjoittaminen",
                maths="Matematiikka",
                concentration="Keskittyminen",
                note_taking="Muistiinpanot",
                exam_arrangements="Kokeiden järjestelyt",
                time_planning="Ajankäytön suunnittelu",
                anxiety="Jännittäminen ja ahdistus",
                motivation="Motivaatio",
                social="Sosiaaliset tilanteet",
                digital="Digitaidot",
                travel="Koulumatkat",
                finances="Raha-asiat",
                none="Ei tuen tarvetta",
            ),
        )
        accommodations: tuple[Arrangement, ...] = ask_table(
            "Yksilölliset järjestelyt opinnoissa", prefill=keep("accommodations"), printed=2
        )

    with section("4 Tehtävät, rahoitus ja työ", by="client"):
        actions: tuple[Action, ...] = ask_table("Tehtävät ja työnjako", prefill=open_actions, required=True, printed=4)
        funding: tuple[Funding, ...] = ask_table("Rahoitus ja etuudet", prefill=funding, required=True, printed=2)
        benefit_effect_checked: Choice = ask(
            "Opintojen vaikutus etuuksiin tarkistettu",
            by="coach",
            of=define_options(yes="Kyllä", no="Ei", not_needed="Ei tarvetta"),
        )
        work_alongside: Choice = ask(
            "Työ opintojen rinnalla",
            of=define_options(
                none="Ei työtä", current_job="Nykyinen työ", job_search="Etsitään työtä", practice="Harjoittelu"
            ),
        )
        job_id: Line | None = ask(
            "Työsuhteen tunniste",
            prefill=job,
            max_length=40,
            needed=lambda record: record.work_alongside == "current_job",
            hint="Tarvitaan, jos nykyinen työ jatkuu. Esimerkiksi JOB-1.",
        )

    with section("5 Eteneminen"):
        workplace_learning: tuple[Period, ...] = ask_table(
            "Työpaikalla oppimisen jaksot",
            by="client",
            prefill=keep("workplace_learning"),
            printed=2,
            hint="Jakso on osa opintoja. Jos siitä tulee työsuhde, täyttäkää työsuhteen aloittaminen.",
        )
        support_log: tuple[Support, ...] = ask_table("Toteutunut tuki", prefill=keep("support_log"), printed=4)
        progress: tuple[Term, ...] = ask_table(
            "Opintojen eteneminen",
            prefill=keep("progress"),
            printed=2,
            hint="Samassa yksikössä kuin opintojen laajuus.",
        )
        if_interrupted: Long | None = ask(
            "Jos opinnot keskeytyvät: syy ja mitä sitten",
            by="client",
            prefill=keep("if_interrupted"),
            max_length=400,
            needed=lambda record: record.study_status in STOPPED,
        )

    with section("6 Tarkistus ja allekirjoitukset", sensitivity="n"):
        review_date: Day = ask(
            "Seuraava tarkistus", prefill=end_of_term, hint="Lukukauden lopussa, viimeistään puolen vuoden päästä."
        )
        sign_client: Signature | None = ask(
            "Asiakkaan allekirjoitus", by="client", sensitivity="s", needed=lambda _: True, code="T24"
        )
        sign_coach: Signature | None = ask("Työhönvalmentajan allekirjoitus", needed=lambda _: True, code="T24")

    @classmethod
    def is_needed(cls, case: Case) -> bool:
        """Tell whether studies are the next step and not planned yet, or the review of a plan has come."""
        plan, end = case.find_latest_record(EducationPlan), case.find_latest_record(forms.JobEnd)
        if plan is not None and plan.plan_kind != "end":
            return bool(plan.review_date <= case.today)
        return end is not None and end.next_step == "studies" and (plan is None or plan.plan_date < end.end_date)

    def may(self, case: Case, scope: str, on: date) -> bool:
        """Tell whether the school may have a kind of data on a day; while there is no agreement it is not asked."""
        return case.find_latest_record(forms.CooperationAgreement) is None or has_consent(case, "school", scope, on)

    def at_school(self) -> bool:
        """Tell whether the coach is in touch with the school."""
        return bool(self.school_contacts) or any("school" in getattr(row, "with") for row in self.support_log)

    # --- what must hold -----------------------------------------------------------------------

    @rule("R19", field="plan_date")
    def plan_is_of_the_service(self, case: Case) -> bool:
        """Asiakirja on päivätty ennen palvelun alkua."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        return agreement is None or self.plan_date >= agreement.service_start_date

    @rule("T24", waits_for="cooperation_agreement")
    def agreement_has_been_made(self, case: Case) -> bool:
        """Yhteistyösopimus puuttuu."""
        return case.find_latest_record(forms.CooperationAgreement) is not None

    @rule("T24")
    def both_have_signed(self, case: Case) -> list[str]:
        """Suunnitelmasta puuttuu allekirjoitus."""
        return [name for name in ("sign_client", "sign_coach") if getattr(self, name, ...) is None]

    @rule("T24", field="end_date")
    def studies_end_after_they_start(self, case: Case) -> bool:
        """Opinnot eivät voi päättyä ennen kuin ne alkavat."""
        return self.start_date is None or self.end_date is None or self.end_date >= self.start_date

    @rule("R77", field="goal_id", severity="warning")
    def studies_serve_a_goal(self, case: Case) -> bool:
        """Opinnot eivät liity työtavoitteeseen."""
        return bool(self.goal_id)

    @rule("choice", field="goal_id", needs=("vocational_profile",))
    def goal_is_of_the_profile(self, case: Case) -> bool:
        """Tavoitetta ei ole asiakkaan profiilissa."""
        profile = case.find_latest_record(forms.VocationalProfile)
        return not self.goal_id or profile is None or self.goal_id in {row.goal_id for row in profile.work_goals}

    @rule("R78", field="education_form", severity="warning")
    def apprenticeship_is_recorded_as_a_job(self, case: Case) -> bool:
        """Oppisopimus on työsuhde: täyttäkää työsuhteen aloittaminen."""
        begins = self.education_form == "apprenticeship" and self.study_status in GOING_ON
        return not begins or any(job.contract_type == "apprenticeship" for job in list_records(case, forms.JobStart))

    @rule("R79", field="weekly_study_hours", severity="warning")
    def load_is_bearable(self, case: Case) -> Check:
        """Kokonaiskuormitus on suuri. Työtä ja opiskelua on yhteensä yli {limit} tuntia viikossa."""
        if self.study_status in ADMITTED - GOING_ON:
            return check(True, limit=LONGEST_WEEK)
        jobs = list_active_jobs(case, max(case.today, self.start_date or case.today))
        work: list[Decimal] = [job.most_hours for job in jobs]
        return check(sum(work, self.weekly_study_hours or Decimal(0)) <= LONGEST_WEEK, limit=LONGEST_WEEK)

    @rule("choice")
    def school_is_contacted_by_consent_only(self, case: Case) -> list[str]:
        """Yhteydenpitoon oppilaitoksen kanssa tarvitaan asiakkaan suostumus."""
        planned = self.find_breaking_paths(
            "school_contacts.consent_ref", lambda row: not self.may(case, "name_contact", self.plan_date)
        )
        done = self.find_breaking_paths(
            "support_log.with",
            lambda row: "school" in getattr(row, "with") and not self.may(case, "name_contact", row.date),
        )
        return planned + done

    @rule("choice")
    def consents_named_are_in_the_agreement(self, case: Case) -> list[str]:
        """Tällaista oppilaitosta koskevaa suostumusta ei ole yhteistyösopimuksessa."""
        consents = case.find_latest_value(forms.CooperationAgreement.consents) or ()
        there = {row.consent_id for row in consents if row.recipient_type == "school"}
        named = [row.consent_ref for row in self.school_contacts]
        return [f"school_contacts.{index}.consent_ref" for index, ref in enumerate(named) if ref and ref not in there]

    @rule("R36", field="disclosure_school")
    def support_and_health_are_told_by_consent_only(self, case: Case) -> bool:
        """Terveystiedon kertomiseen ei ole lupaa."""
        scope = TOLD.get(self.disclosure_school)
        return scope is None or not self.at_school() or self.may(case, scope, self.plan_date)

    @rule("choice", field="support_needs")
    def no_need_stands_alone(self, case: Case) -> bool:
        """Ei tuen tarvetta ja jokin tuen tarve eivät voi olla valittuina yhtä aikaa."""
        return "none" not in self.support_needs or len(self.support_needs) == 1

    @rule("range")
    def open_actions_are_ahead(self, case: Case) -> list[str]:
        """Tehtävän määräpäivä on ennen suunnitelman päiväystä."""
        return self.find_breaking_paths("actions.due", lambda row: not row.done and row.due < self.plan_date)

    @rule("choice", field="benefit_effect_checked", severity="warning")
    def effect_on_benefits_is_checked(self, case: Case) -> bool:
        """Opintojen vaikutus etuuksiin on tarkistamatta."""
        return self.benefit_effect_checked != "no"

    @rule("choice", field="job_id")
    def job_is_of_the_case(self, case: Case) -> bool:
        """Tällaista voimassa olevaa työsuhdetta ei ole tässä asiassa."""
        return (
            self.work_alongside != "current_job"
            or not self.job_id
            or self.job_id in {job.job_id for job in list_open_jobs(case)}
        )

    @rule("range")
    def periods_end_after_they_start(self, case: Case) -> list[str]:
        """Jakso ei voi päättyä ennen kuin se alkaa."""
        periods = self.workplace_learning
        return [f"workplace_learning.{index}.end" for index, row in enumerate(periods) if row.end < row.start]

    @rule("range")
    def support_has_been_given(self, case: Case) -> list[str]:
        """Toteutuneen tuen päivä on tulevaisuudessa."""
        return self.find_breaking_paths("support_log.date", lambda row: row.date > case.today)

    @rule("range", severity="warning")
    def progress_is_credible(self, case: Case) -> list[str]:
        """Suorituksia on paljon enemmän kuin suunniteltiin. Tarkistakaa luvut."""
        return self.find_breaking_paths(
            "progress.completed",
            lambda row: (
                row.planned is not None and row.completed is not None and row.completed > row.planned * Decimal("1.5")
            ),
        )

    @rule("range", field="review_date")
    def review_is_within_half_a_year(self, case: Case) -> Check:
        """Tarkistuksen pitää olla suunnitelman päiväyksen jälkeen ja {limit} päivän sisällä siitä."""
        return check(0 < count_days(self.plan_date, self.review_date) <= HALF_A_YEAR, limit=HALF_A_YEAR)
