"""Työsuhteen lopettaminen (L08): a job ends, what was learned from it, and what comes next."""

from __future__ import annotations

from formgen.schema import (
    Callable,
    Case,
    Check,
    Choice,
    Choices,
    Day,
    Decimal,
    Hours,
    Int,
    Line,
    Long,
    Move,
    Row,
    Signature,
    YesNo,
    ask,
    ask_table,
    check,
    count_days,
    count_months,
    date,
    deadline,
    define_options,
    rule,
    section,
    timedelta,
)

from ._case import (
    ClientForm,
    Value,
    filter_chosen_jobs,
    find_job,
    forms,
    get_settings,
    has_consent,
    list_open_jobs,
    list_open_negotiations,
    list_records,
    name_jobs,
)
from ._codes import K3, K4, K10, K11, K37

NOT_EMPLOYMENT = K4.find_marked_codes("not_employment")
WITH_END = frozenset(("fixed_term", "seasonal"))
SUBSIDISED = frozenset(("granted", "ended"))
IN_TRIAL = frozenset(("trial_client", "trial_employer"))
NEUTRAL = frozenset(("mutual", "contract_end", "other"))
ANYBODYS = frozenset(("retired", "other"))
OUT_OF_WORK_LIFE = frozenset(("retired", "death"))
AT_THE_END = frozenset(("work_certificate", "final_pay"))
COPIED = ("employer_name", "job_title", "start_date", "weekly_hours", "contract_type")
NOTED_AHEAD = 31


# --- what is already known --------------------------------------------------------------------


def find_ending_job(case: Case) -> forms.JobStart | None:
    """Return the job that ends: of those that go on the one agreed to end first, else the newest; or None."""
    return min(
        filter_chosen_jobs(list_open_jobs(case), case),
        key=lambda job: (job.end_date or date.max, -job.start_date.toordinal()),
        default=None,
    )


def from_job(field: Value) -> Callable[[Case], Value | None]:
    """Prefill from the start of the job that ends."""
    name = str(field).rpartition(".")[2]

    def known(case: Case) -> Value | None:
        found: Value | None = getattr(find_ending_job(case), name, None)
        return found

    known.__name__ = str(field)
    return known


def supports(case: Case) -> tuple[str, ...]:
    """Return the kinds of support in the job's plan, those left out that the client found of little help."""
    plans = [
        plan
        for plan in list_records(case, forms.JobSupportPlan)
        if plan.job_id == from_job(forms.JobStart.job_id)(case)
    ]
    actions = plans[-1].support_actions if plans else ()
    used = {row.action for row in actions if str(getattr(row, "helpful", None)) not in ("1", "2")}
    return tuple(code for code in K10 if code in used)


def profile_due(case: Case) -> date | None:
    """Return the day by which the profile should be updated, where the job's last day was agreed on."""
    end = from_job(forms.JobStart.end_date)(case)
    return end + timedelta(days=get_settings(case).limits.profile_after_job) if end else None


def benefits(case: Case) -> list[dict[str, object]]:
    """Return a row for every benefit that the wage changed and that still exists."""
    effects = from_job(forms.JobStart.benefit_effects)(case) or ()
    changed = [row.benefit for row in effects if row.benefit != "none" and row.effect != "none"]
    return [{"benefit": benefit} for benefit in changed if K3[benefit].is_valid(case.today)]


# --- what is computed -------------------------------------------------------------------------


def duration(record: JobEnd, case: Case) -> int:
    """Return the days of the job, first and last included."""
    return count_days(record.start_date, record.end_date) + 1


# --- when something is needed, and which move it is -------------------------------------------


def is_client_heard(record: JobEnd) -> bool:
    """Tell whether the client could be asked."""
    return not record.client_not_reached and record.end_reason != "death"


def has_other_job(record: JobEnd, case: Case) -> bool:
    """Tell whether another job that has begun goes on."""
    day = max(case.today, record.end_date)
    return any(job.job_id != record.job_id and job.start_date <= day for job in list_open_jobs(case))


def leads_to(*steps: str) -> Callable[[JobEnd, Case], bool]:
    """Return the condition that no other job goes on and the next step is one of these."""
    return lambda record, case: record.next_step in steps and not has_other_job(record, case)


class BenefitAction(Row):
    """One thing to be done about a benefit now that the wage ends."""

    benefit: Choice = ask("Etuus", of=K3)
    action: Line = ask("Mitä tehdään", max_length=120)
    by: Day = ask("Viimeistään")
    who: Line | None = ask("Kuka tekee", max_length=60)


class JobEnd(ClientForm):
    """The end of one job; every job of a case ends once."""

    id = "job_end"
    number = "L08"
    version = "2026.1"
    title = "Työsuhteen lopettaminen"
    about = (
        "Tällä lomakkeella kirjataan, että työsuhde päättyy, mitä siitä opittiin ja mitä tehdään seuraavaksi. "
        "Työn päättyminen ei lopeta palvelua. Jokaisesta työsuhteesta tehdään oma lomake."
    )
    moves = (
        Move("T16", "phase_5", "phase_5", when=has_other_job),
        Move("T17", "phase_5", "phase_3", when=leads_to("new_job_search")),
        Move("T18", "phase_5", "phase_2", when=leads_to("new_profile")),
        Move("T19", "phase_5", "phase_4", when=leads_to("other_negotiation")),
        Move("T20", "phase_5", "phase_5", when=leads_to("undecided", "new_job_starts")),
        Move("T21", "phase_5", "phase_3", when=leads_to("studies")),
        Move("T22", "phase_5", "phase_5", when=leads_to("no_work_now", "close_service")),
    )

    with section("1 Työsuhde", by="system"):
        job_id: Line = ask("Työsuhteen tunniste", prefill=from_job(forms.JobStart.job_id), locked=True, max_length=40)
        employer_name: Line = ask(
            "Työnantaja", prefill=from_job(forms.JobStart.employer_name), locked=True, max_length=120
        )
        job_title: Line = ask("Tehtävänimike", prefill=from_job(forms.JobStart.job_title), locked=True, max_length=80)
        start_date: Day = ask("Aloituspäivä", prefill=from_job(forms.JobStart.start_date), locked=True)
        weekly_hours: Hours | None = ask(
            "Viikkotyöaika",
            prefill=from_job(forms.JobStart.weekly_hours),
            locked=True,
            low=Decimal(0),
            high=Decimal(168),
            hint="Tyhjä, jos työaika on vaihdellut.",
        )
        contract_type: Choice = ask(
            "Työsuhteen laji", prefill=from_job(forms.JobStart.contract_type), locked=True, of=K4
        )

    with section("2 Päättyminen"):
        end_date: Day = ask("Viimeinen työpäivä", by="client", prefill=from_job(forms.JobStart.end_date))
        duration_days: Int = ask("Työsuhteen kesto päivinä", by="system", fill=duration, sensitivity="n")
        learned_date: Day = ask("Milloin valmentaja sai tiedon")
        end_initiative: Choice = ask(
            "Kenen aloitteesta työ päättyy",
            by="client",
            of=define_options(
                client="Asiakkaan",
                employer="Työnantajan",
                mutual="Molempien",
                contract_end="Sopimus päättyy",
                other="Muu syy",
            ),
        )
        end_reason: Choice = ask("Päättymisen syy", by="client", of=K11, code="R69")
        end_reason_detail: Long = ask(
            "Syy tarkemmin",
            by="client",
            max_length=600,
            hint="Kertokaa asiakkaan omin sanoin. Kirjoittakaa vain se, mitä tarvitaan.",
        )
        end_kind: Choice = ask(
            "Millainen päättyminen oli", of=define_options(planned="Suunniteltu", unexpected="Yllättävä")
        )
        notice_given_date: Day | None = ask("Irtisanominen annettu")
        notice_period: Line | None = ask("Irtisanomisaika", max_length=40, hint="Esimerkiksi 14 päivää.")
        termination_in_trial: YesNo | None = ask(
            "Purettiinko työsuhde koeajalla?", needed=lambda record: record.end_reason in IN_TRIAL
        )

    with section("3 Mitä opittiin", by="client"):
        client_view: Long | None = ask(
            "Miten työ sujui omasta mielestäni", max_length=800, needed=is_client_heard, code="T16"
        )
        client_not_reached: YesNo = ask(
            "Onko asiakas jäänyt tavoittamatta?",
            by="coach",
            default=lambda _: False,
            hint="Kyllä, jos asiakkaaseen ei ole saatu yhteyttä. Tyhjä tarkoittaa: ei.",
        )
        employer_view: Long | None = ask(
            "Työnantajan palaute", by="employer", max_length=600, hint="Pyydetään vain asiakkaan suostumuksella."
        )
        employer_asked: Choice = ask(
            "Pyydettiinkö työnantajalta palautetta?",
            by="coach",
            of=define_options(yes="Kyllä", no_consent="Ei ole suostumusta", not_needed="Ei tarvittu"),
        )
        what_worked: Long | None = ask("Mikä toimi", max_length=600, needed=lambda _: True, code="R70")
        what_was_hard: Long | None = ask("Mikä oli vaikeaa", max_length=600, needed=lambda _: True, code="R70")
        lessons: Long | None = ask("Mitä opimme seuraavaan työhön", max_length=600, needed=lambda _: True, code="R70")
        skills_gained: Line | None = ask("Uudet taidot", max_length=300)
        supports_that_helped: Choices = ask("Tuki, josta oli apua", prefill=supports, of=K10)
        could_have_prevented: Long | None = ask("Olisiko päättymisen voinut estää? Miten?", max_length=400)

    with section("4 Seuraava askel"):
        first_contact_after_date: Day | None = ask(
            "Ensimmäinen yhteys asiakkaaseen tiedon jälkeen", needed=is_client_heard
        )
        next_step: Choice = ask("Seuraava askel", by="client", of=K37)
        new_job_known: Choice = ask(
            "Onko uusi työ jo tiedossa?",
            by="client",
            of=define_options(no="Ei", yes="Kyllä", offer_open="Tarjous on auki"),
        )
        new_job_known_detail: Line | None = ask("Uusi työnantaja", by="client", max_length=80)
        profile_update_due: Day = ask(
            "Profiili päivitetään viimeistään",
            prefill=profile_due,
            sensitivity="n",
            hint="Määräaika lasketaan työn päättymisestä.",
        )
        job_search_restart: Day | None = ask(
            "Työnhaku jatkuu alkaen",
            sensitivity="n",
            needed=lambda record: record.next_step == "new_job_search",
            hint="Tarvitaan, jos työnhaku jatkuu.",
        )

    with section("5 Hoidettavat asiat ja allekirjoitukset", by="client"):
        checklist: Choices | None = ask(
            "Muistilista",
            needed=lambda _: True,
            code="R76",
            of=define_options(
                work_certificate="Työtodistus",
                final_pay="Lopputili",
                holiday_pay="Lomakorvaus",
                unemployment_registration="Ilmoittautuminen työnhakijaksi",
                benefit_application="Etuuden hakeminen",
                occupational_health="Työterveyshuolto",
                keys_returned="Avaimet ja välineet palautettu",
                trade_union="Ammattiliitto ja työttömyyskassa",
                subsidy_reported="Palkkatuesta ilmoitettu",
            ),
            hint="Rastittakaa ne, jotka on hoidettu tai sovittu.",
        )
        benefit_actions: tuple[BenefitAction, ...] = ask_table("Etuusasiat", by="coach", prefill=benefits, printed=3)
        rehire_possible: Choice = ask(
            "Voisiko asiakas palata samalle työnantajalle?",
            by="coach",
            of=define_options(yes="Kyllä", maybe="Ehkä", no="Ei", unknown="Ei tiedossa"),
        )
        reference_ok: Choice | None = ask(
            "Saako työnantajaa käyttää suosittelijana?",
            of=define_options(yes="Kyllä", no="Ei", ask_first="Kysykää ensin"),
        )
        support_wish: Long | None = ask("Millaista tukea haluan nyt", max_length=400, needed=is_client_heard)
        sign_client: Signature | None = ask("Asiakkaan allekirjoitus")
        sign_coach: Signature | None = ask("Työhönvalmentajan allekirjoitus", by="coach", sensitivity="n")

    @classmethod
    def list_subjects(cls, case: Case) -> dict[str, str]:
        """Return the jobs that have not ended."""
        return name_jobs(list_open_jobs(case))

    @classmethod
    def is_needed(cls, case: Case) -> bool:
        """Tell whether a job has reached the last day agreed on and its end is not on record."""
        ends = [job.end_date for job in list_open_jobs(case)]
        return case.phase == "phase_5" and any(end and end <= case.today for end in ends)

    def infer_phase(self, case: Case) -> str | None:
        """Return the phase that the newest end of a job leads to while no other job goes on."""
        if list_open_jobs(case) or not self.newest(case):
            return None
        if self.next_step in ("new_job_search", "studies"):
            return "phase_3"
        if self.next_step == "new_profile":
            return "phase_2"
        return "phase_5" if self.leaves_open(case) else None

    @property
    def known_since(self) -> date:
        """Return the day from which the end was known: what is planned from then on is planned for after it."""
        return min(self.learned_date, self.end_date)

    def newest(self, case: Case) -> bool:
        """Tell whether no job of the case has ended later than this one."""
        return all(end.end_date <= self.end_date for end in list_records(case, JobEnd) if end.job_id != self.job_id)

    def planned_anew(self, case: Case) -> bool:
        """Tell whether a job-search plan has been agreed on since the end was known."""
        plans = list_records(case, forms.JobSearchPlan)
        return any(plan.plan_status == "approved" and plan.plan_date >= self.known_since for plan in plans)

    def calls(self, case: Case, *steps: str) -> bool:
        """Tell whether it is still for this record to call for one of the next steps."""
        done = case.status == "closed" or bool(list_open_jobs(case)) or not self.newest(case)
        return self.next_step in steps and not done

    def leaves_open(self, case: Case) -> bool:
        """Tell whether what comes after the job is still open: no new job, no new plan, no closing."""
        steps = ("undecided", "new_job_starts", "no_work_now", "close_service")
        return self.calls(case, *steps) and not self.planned_anew(case)

    # --- what must hold -----------------------------------------------------------------------

    @rule("T16", field="job_id", waits_for="job_start")
    def job_has_been_started(self, case: Case) -> bool:
        """Työsuhteen aloittamista ei ole kirjattu."""
        return find_job(case, self.job_id) is not None

    @rule("choice", severity="review")
    def job_is_described_as_at_its_start(self, case: Case) -> list[str]:
        """Tieto ei ole sama kuin työsuhteen aloittamisessa. Tarkistakaa, kumpi on oikein."""
        job = find_job(case, self.job_id)
        return [name for name in COPIED if job and getattr(self, name, there := getattr(job, name)) != there]

    @rule("R69")
    def reason_agrees_with_initiative(self, case: Case) -> list[str]:
        """Päättymisen syy on ristiriitainen. Tarkistakaa syy ja kenen aloitteesta työ päättyy."""
        group = K11[self.end_reason].mark
        agrees = self.end_reason in ANYBODYS or self.end_initiative in ({group} if group else NEUTRAL)
        return [] if agrees else ["end_initiative", "end_reason"]

    @rule("R70", field="lessons")
    def something_was_learned(self, case: Case) -> bool:
        """Kirjatkaa, mitä opittiin. Vastatkaa ainakin kahteen: mikä toimi, mikä oli vaikeaa, mitä opimme."""
        return sum(bool(text) for text in (self.what_worked, self.what_was_hard, self.lessons)) >= 2

    @rule("R71", field="end_date")
    def job_ends_after_it_starts(self, case: Case) -> bool:
        """Päättymispäivä ei sovi työsuhteeseen. Työ ei voi päättyä ennen kuin se alkaa."""
        return self.end_date >= self.start_date

    @rule("R71", field="job_id")
    def job_ends_once(self, case: Case) -> bool:
        """Tämän työsuhteen päättyminen on jo kirjattu."""
        return self.job_id not in {end.job_id for end in list_records(case, JobEnd)}

    @rule("range", field="end_date")
    def job_ends_soon(self, case: Case) -> Check:
        """Viimeinen työpäivä on yli {limit} päivän päässä. Lähettäkää lomake lähempänä päättymistä."""
        return check(count_days(case.today, self.end_date) <= NOTED_AHEAD, limit=NOTED_AHEAD)

    @rule("range", field="end_date", severity="warning")
    def fixed_term_has_not_been_passed(self, case: Case) -> bool:
        """Työ jatkui sovitun päättymispäivän yli. Kertokaa jatkosta kohdassa Syy tarkemmin."""
        agreed = getattr(find_job(case, self.job_id), "end_date", None)
        return self.contract_type not in WITH_END or agreed is None or self.end_date <= agreed

    @rule("R75")
    def fixed_term_is_of_the_contract(self, case: Case) -> list[str]:
        """Määräaikaisuus ei täsmää työsopimukseen."""
        subsidy = getattr(find_job(case, self.job_id), "wage_subsidy_status", None)
        ended = self.end_reason == "season_ended" or (
            self.end_reason == "fixed_term_ended" and subsidy not in SUBSIDISED
        )
        return ["end_initiative", "end_reason"] if self.contract_type == "permanent" and ended else []

    @rule("range", field="learned_date", severity="warning")
    def coach_has_learned_of_it(self, case: Case) -> bool:
        """Päivä, jona valmentaja sai tiedon, on tulevaisuudessa."""
        return self.learned_date <= case.today

    @rule("range", field="notice_given_date")
    def notice_precedes_the_end(self, case: Case) -> bool:
        """Irtisanominen on annettu vasta viimeisen työpäivän jälkeen."""
        return self.notice_given_date is None or self.notice_given_date <= self.end_date

    @rule("range", field="termination_in_trial")
    def trial_was_not_over(self, case: Case) -> bool:
        """Koeaika oli jo ohi. Tarkistakaa viimeinen työpäivä ja koeajan pituus."""
        trial = getattr(find_job(case, self.job_id), "trial_period_months", None)
        return not self.termination_in_trial or trial is None or count_months(self.start_date, self.end_date) <= trial

    @rule("T16", field="client_view", severity="warning")
    def client_has_told_how_it_went(self, case: Case) -> bool:
        """Asiakkaan oma näkemys puuttuu."""
        return bool(self.client_view) or not is_client_heard(self)

    @rule("R35", field="employer_asked")
    def employer_is_asked_by_consent_only(self, case: Case) -> bool:
        """Työnantajalta saa pyytää palautetta vain asiakkaan suostumuksella."""
        asked = self.employer_asked == "yes" or bool(self.employer_view)
        return not asked or has_consent(case, "employer", "name_contact", self.document_date)

    @rule("R72", field="first_contact_after_date", severity="warning")
    def contact_with_client_was_prompt(self, case: Case) -> bool:
        """Yhteys asiakkaaseen viivästyi."""
        contact = self.first_contact_after_date or case.today
        prompt = count_days(self.learned_date, contact) <= get_settings(case).limits.contact_after_job_loss
        return prompt or self.end_reason == "death"

    @rule("range", field="first_contact_after_date")
    def contact_follows_the_news(self, case: Case) -> bool:
        """Yhteys asiakkaaseen on ennen päivää, jona valmentaja sai tiedon."""
        return self.first_contact_after_date is None or self.first_contact_after_date >= self.learned_date

    @rule("T19", field="next_step", needs=("employer_contact",), waits_for="employer_contact")
    def another_employer_is_spoken_with(self, case: Case) -> bool:
        """Muun työnantajan kanssa ei ole keskustelua auki."""
        unfit = self.next_step == "other_negotiation" and not has_other_job(self, case)
        return not unfit or bool(list_open_negotiations(case))

    @rule("R74", field="profile_update_due", severity="warning")
    def profile_is_updated_soon(self, case: Case) -> Check:
        """Profiili päivitetään yli {limit} päivän kuluttua työn päättymisestä."""
        limit = get_settings(case).limits.profile_after_job
        return check(count_days(self.end_date, self.profile_update_due) <= limit, limit=limit)

    @rule("R76", field="checklist", severity="warning")
    def client_registers_as_unemployed(self, case: Case) -> bool:
        """Muistakaa ilmoittautuminen työnhakijaksi. Se tehdään viimeistään ensimmäisenä työttömyyspäivänä."""
        needed = self.end_reason not in OUT_OF_WORK_LIFE and not has_other_job(self, case)
        return not needed or "unemployment_registration" in (self.checklist or ())

    @rule("T16", field="checklist", severity="warning")
    def pay_and_certificate_are_settled(self, case: Case) -> bool:
        """Lopputili tai työtodistus on hoitamatta."""
        return self.contract_type in NOT_EMPLOYMENT or set(self.checklist or ()) >= AT_THE_END

    # --- what the clock brings ----------------------------------------------------------------

    @deadline("R73")
    def new_search_plan(self, case: Case) -> date | None:
        """Uusi työnhakusuunnitelma puuttuu."""
        if not self.calls(case, "new_job_search") or self.planned_anew(case):
            return None
        return case.add_active_days(self.end_date, get_settings(case).limits.search_plan_after_job)

    @deadline("R74")
    def updated_profile(self, case: Case) -> date | None:
        """Profiili on päivittämättä."""
        profile = case.find_latest_record(forms.VocationalProfile)
        updated = profile is not None and profile.profile_date >= self.known_since
        if updated or case.status == "closed" or self.end_reason == "death":
            return None
        return case.add_active_days(self.end_date, get_settings(case).limits.profile_after_job)

    @deadline("T20")
    def decided_step(self, case: Case) -> date | None:
        """Seuraava askel on päättämättä. Tehkää uusi työnhakusuunnitelma tai palvelun päättäminen."""
        if self.next_step != "undecided" or not self.leaves_open(case):
            return None
        return case.add_active_days(self.end_date, get_settings(case).limits.decision_pending)

    @deadline("T20")
    def recorded_new_job(self, case: Case) -> date | None:
        """Uuden työsuhteen aloittaminen on kirjaamatta."""
        if self.next_step != "new_job_starts" or not self.leaves_open(case):
            return None
        return case.add_active_days(self.end_date, get_settings(case).limits.new_job)

    @deadline("T21")
    def plan_for_studies(self, case: Case) -> date | None:
        """Opintoihin liittyvä suunnitelma puuttuu."""
        plans = [plan for plan in list_records(case, forms.EducationPlan) if plan.plan_kind != "end"]
        if not self.calls(case, "studies") or plans:
            return None
        return case.add_active_days(self.end_date, get_settings(case).limits.studies_plan)

    @deadline("T22")
    def service_is_closed(self, case: Case) -> date | None:
        """Palvelun jatko on ratkaisematta. Tehkää palvelun päättäminen tai uusi työnhakusuunnitelma."""
        if self.next_step not in ("no_work_now", "close_service") or not self.leaves_open(case):
            return None
        return case.add_active_days(self.end_date, get_settings(case).limits.decision_pending)
