"""Suunnitelma työsuhteen aikaisesta tuesta (L07): goals, support, who does what, and the log of support given."""

from __future__ import annotations

from formgen.schema import (
    Any,
    Callable,
    Case,
    Check,
    Choice,
    Choices,
    Clock,
    Day,
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
    deadline,
    define_options,
    rule,
    section,
    timedelta,
)

from ._case import (
    ClientForm,
    client_name,
    coach_name,
    coach_phone,
    filter_chosen_jobs,
    forms,
    from_record,
    get_settings,
    has_consent,
    is_in_force,
    list_documents,
    list_records,
    name_jobs,
    shorten,
    today,
)
from ._codes import GRADES, K3, K6, K10, K13, K33, K36

AT_WORK = frozenset(("employer", "coworker"))
WORKPLACES = frozenset(("workplace", "employer_area"))
WEEKLY = frozenset(("weekly",))
MONTHLY = frozenset(("weekly", "every_2_weeks", "monthly"))
USUAL_RHYTHM = {"first_month": "weekly", "months_2_3": "every_2_weeks", "months_4_12": "monthly"}
NONE_WANTED = "none"
UNHAPPY = 2


# --- what is already known --------------------------------------------------------------------


def list_lasting_jobs(case: Case) -> list[forms.JobStart]:
    """Return the job starts whose job has not ended, those to come included, oldest first."""
    ended = {end.job_id for end in list_records(case, forms.JobEnd) if end.end_date <= case.today}
    return [job for job in list_records(case, forms.JobStart) if job.job_id not in ended]


def find_plan(case: Case, job_id: str) -> JobSupportPlan | None:
    """Return the plan in force of a job, or None."""
    plans = [plan for plan in list_records(case, JobSupportPlan) if plan.job_id == job_id]
    return plans[-1] if plans else None


def job_start(case: Case) -> forms.JobStart | None:
    """Return the job that a plan is due for: one without a plan, else the one to be reviewed first."""

    def review(job: forms.JobStart) -> date:
        plan = find_plan(case, job.job_id)
        return plan.review_date if plan else date.min

    return min(filter_chosen_jobs(list_lasting_jobs(case), case), key=review, default=None)


def job_support_plan(case: Case) -> JobSupportPlan | None:
    """Return the plan that a new document goes on from: the job's plan in force."""
    job = job_start(case)
    return find_plan(case, job.job_id) if job else None


def employer_contact(case: Case) -> forms.EmployerContact | None:
    """Return the contact with the job's employer, the newest, or None."""
    job = job_start(case)
    found = [
        contact
        for contact in list_records(case, forms.EmployerContact)
        if job and contact.employer_id == job.employer_id
    ]
    return found[-1] if found else None


def vocational_profile(case: Case) -> forms.VocationalProfile | None:
    """Return the newest profile."""
    return case.find_latest_record(forms.VocationalProfile)


def keep(name: str) -> Callable[[Case], Any]:
    """Prefill from the job's plan in force."""
    return from_record(name, job_support_plan)


def copy_from_job(field: object) -> Any:
    """Build what declares a field as a locked copy of one of the job start."""
    source = from_record(field, job_start)
    return {"by": "system", "prefill": source, "default": source, "locked": True}


def keep_rows(name: str, goes_on: Callable[[Any, Case], bool]) -> Callable[[Case], list[object]]:
    """Prefill from the rows of the job's plan in force that are not over."""

    def known(case: Case) -> list[object]:
        return [row for row in getattr(job_support_plan(case), name, ()) if goes_on(row, case)]

    known.__name__ = f"job_support_plan.{name}"
    return known


def plan_kind(case: Case) -> str:
    """Return ``review`` when the job has an approved plan."""
    job = job_start(case)
    plans = list_documents(case, JobSupportPlan)
    approved = [plan for plan in plans if job and plan.job_id == job.job_id and plan.plan_status == "approved"]
    return "review" if approved else "first"


def review_date(case: Case) -> date:
    """Return the day of the next review: a first plan is looked at sooner than a later one."""
    limits = get_settings(case).limits
    return case.today + timedelta(days=limits.support_review if plan_kind(case) == "first" else limits.plan_review)


def wanted_support(case: Case) -> str | None:
    """Return the support that the client wants: the plan's text, else what the profile says has helped."""
    plan, profile = job_support_plan(case), vocational_profile(case)
    return plan.client_view_support if plan else profile.helpful_supports if profile else None


def strengths(case: Case) -> str | None:
    """Return the strengths that help at work: the plan's text, else the profile's."""
    plan, profile = job_support_plan(case), vocational_profile(case)
    return plan.strengths_at_work if plan else shorten(profile.strengths if profile else None, 500)


def learning_needs(case: Case) -> list[object]:
    """List the needs for learning: the plan's rows that are not done alone yet, else the tasks of the job."""
    plan, job = job_support_plan(case), job_start(case)
    if plan:
        return [row for row in plan.learning_needs if not row.independent_on]
    tasks = job.main_tasks.splitlines() if job else []
    return [{"task": shorten(task, 100)} for task in tasks if task.strip()]


def support_actions(case: Case) -> list[object]:
    """Return the support that goes on: the plan's, else what was agreed on with the employer."""
    plan, contact = job_support_plan(case), employer_contact(case)
    if plan:
        return [row for row in plan.support_actions if row.status != "ended"]
    return [
        {
            "action": row.support,
            "detail": row.note,
            "who": row.who if row.who in K36 else None,
            "start": row.start,
            "status": "planned",
        }
        for row in (contact.support_agreed if contact else ())
    ]


def accommodations(case: Case) -> list[object]:
    """Return the accommodations: the plan's, else those agreed on when the job started."""
    plan, job = job_support_plan(case), job_start(case)
    if plan or not job:
        return list(plan.accommodations if plan else ())
    people = {
        "employer": job.supervisor_name or job.employer_name,
        "coach": coach_name(case),
        "client": client_name(case),
    }
    return [
        {
            "accommodation": row.accommodation,
            "detail": row.detail,
            "responsible": shorten(people.get(row.responsible), 60),
            "in_use_from": getattr(row, "from"),
        }
        for row in job.accommodations_agreed
    ]


def care_cooperation(case: Case) -> list[object]:
    """Return the cooperation with care: the plan's rows, else those of the profile's network with a consent."""
    plan, profile = job_support_plan(case), vocational_profile(case)
    if plan:
        return list(plan.care_cooperation)
    network = profile.care_network if profile else ()
    return [{"who": row.name or row.role, "consent_ref": row.consent_ref} for row in network if row.consent_ref]


def call_first(case: Case) -> str | None:
    """Return the name of the person to call first: the plan's, else the coach's."""
    return keep("call_first")(case) or coach_name(case)


def call_first_phone(case: Case) -> str | None:
    """Return the number that the client calls first: the plan's, else the coach's."""
    return keep("call_first_phone")(case) or coach_phone(case)


def mentor_name(case: Case) -> str | None:
    """Return the name of the mentor at the workplace: the plan's, else the one that the employer gave."""
    named: str | None = keep("mentor_name")(case) or from_record(
        forms.EmployerContact.workplace_mentor, employer_contact
    )(case)
    return named


def who_may_tell(case: Case) -> str | None:
    """Return the code of the person who may tell the employer: the plan's, else the client where no coach is known."""
    job = job_start(case)
    said: str | None = keep("who_may_tell_employer")(case)
    return said or ("client" if job and not job.coach_visible_to_employer else None)


def benefit_followup(case: Case) -> list[object]:
    """List the benefits to follow up: the plan's open rows, else the benefits that the wage changes."""
    plan, job = job_support_plan(case), job_start(case)
    if plan or not job:
        return [row for row in (plan.benefit_followup if plan else ()) if not row.done]
    return [
        {"what": shorten(K3[row.benefit].label, 80), "when": row.notify_by}
        for row in job.benefit_effects
        if row.effect != "none" and not row.done
    ]


def contact_rhythm(case: Case) -> list[object]:
    """List the rhythm of contacts: the plan's, else the usual one."""
    if plan := job_support_plan(case):
        return list(plan.contact_rhythm)
    return [{"period": period, "frequency": frequency} for period, frequency in USUAL_RHYTHM.items()]


def step_down(case: Case) -> str:
    """Return the plan's answer to whether support moves on, else ``no``."""
    return keep("step_down")(case) or "no"


# --- what is computed -------------------------------------------------------------------------


def number_rows(letter: str) -> Callable[[Any, int], str]:
    """Return a fill: the letter and the running number of a row, such as ``G-1``."""
    return lambda _record, index: f"{letter}-{index + 1}"


# --- when something is needed -----------------------------------------------------------------


def is_approved(record: JobSupportPlan, case: Case | None = None) -> bool:
    """Tell whether the plan is one that all have agreed on."""
    return record.plan_status == "approved"


def is_handed_over(record: JobSupportPlan) -> bool:
    """Tell whether support moves to somebody else."""
    return record.step_down in ("planned", "done")


class Goal(Row):
    """One goal at work."""

    goal_id: Line = ask("Tunniste", by="system", fill=number_rows("G"), max_length=40)
    goal: Line = ask("Tavoite", max_length=160)
    measure: Line | None = ask("Mistä huomaamme, että tavoite toteutui?", max_length=120)
    review_date: Day = ask("Milloin arvioidaan")
    result: Choice | None = ask(
        "Tulos",
        of=define_options(
            open="Kesken",
            reached="Saavutettu",
            partly="Osittain saavutettu",
            **{"not": "Ei saavutettu"},
            dropped="Luovuttiin",
        ),
    )


class LearningNeed(Row):
    """One task to be learned."""

    task: Line = ask("Työtehtävä", max_length=100)
    how: Line = ask("Miten opitaan", max_length=120)
    who: Line = ask("Kuka opettaa", max_length=60)
    ready_when: Line | None = ask("Milloin osaaminen riittää", max_length=100)
    independent_on: Day | None = ask("Sujuu itsenäisesti alkaen")


class SupportAction(Row):
    """One thing that is done to support the client."""

    action_id: Line = ask("Tunniste", by="system", fill=number_rows("A"), max_length=40)
    action: Choice = ask("Tukitoimi", of=K10)
    detail: Line | None = ask("Tarkemmin", max_length=160)
    who: Choice = ask("Kuka antaa tukea", of=K36)
    where: Choice = ask("Missä", of=K13)
    frequency: Choice = ask(
        "Kuinka usein",
        of=define_options(
            once="Kerran",
            daily="Päivittäin",
            weekly="Viikoittain",
            every_2_weeks="Joka toinen viikko",
            monthly="Kuukausittain",
            as_needed="Tarvittaessa",
        ),
    )
    start: Day = ask("Alkaa")
    end: Day | None = ask("Päättyy")
    status: Choice = ask("Tilanne", of=define_options(planned="Sovittu", ongoing="Käynnissä", ended="Päättynyt"))
    helpful: Choice | None = ask("Onko tuki auttanut?", by="client", of=GRADES)


class Accommodation(Row):
    """One accommodation at work."""

    accommodation: Choice = ask("Mukautus", of=K33)
    detail: Line | None = ask("Tarkemmin", max_length=160)
    responsible: Line = ask("Kuka hoitaa", max_length=60)
    in_use_from: Day | None = ask("Käytössä alkaen")
    works: Choice | None = ask(
        "Toimiiko?", of=define_options(yes="Kyllä", partly="Osittain", no="Ei", not_tried="Ei ole kokeiltu")
    )


class CareCooperation(Row):
    """Cooperation with one worker of care or social services."""

    who: Line = ask("Kenen kanssa", max_length=60)
    what: Line = ask("Missä asiassa", max_length=120)
    how_often: Line | None = ask("Kuinka usein", max_length=40)
    consent_ref: Line = ask("Suostumuksen tunniste", max_length=40, hint="Sopimuksessa, esimerkiksi care_team-1.")


class BenefitFollowUp(Row):
    """One thing to do about wage and benefits."""

    what: Line = ask("Mitä", max_length=80)
    who: Line = ask("Kuka", max_length=60)
    when: Day = ask("Milloin")
    done: YesNo | None = ask("Tehty?")


class HoursChange(Row):
    """One planned change of the weekly hours."""

    from_date: Day = ask("Alkaen")
    weekly_hours: Hours = ask("Viikkotyöaika")
    note: Line | None = ask("Huomautus", max_length=100)


class Rhythm(Row):
    """How often there is contact in one period."""

    period: Choice = ask(
        "Aika",
        of=define_options(
            first_month="Ensimmäinen kuukausi",
            months_2_3="2.–3. kuukausi",
            months_4_12="4.–12. kuukausi",
            after_12="12 kuukauden jälkeen",
        ),
    )
    # The column's name is a word of Python's own, so it cannot stand on the left of an equals sign.
    __annotations__["with"] = "Choice"
    vars()["with"] = ask(
        "Kenen kanssa", of=define_options(client="Asiakas", employer="Työnantaja", both="Asiakas ja työnantaja")
    )
    frequency: Choice = ask(
        "Kuinka usein",
        of=define_options(
            weekly="Viikoittain",
            every_2_weeks="Joka toinen viikko",
            monthly="Kuukausittain",
            quarterly="Kolmen kuukauden välein",
            as_needed="Tarvittaessa",
        ),
    )
    mode: Choice = ask("Tapa", of=K6)


class Support(Row):
    """Support that was given on one day."""

    log_id: Line = ask("Tunniste", by="system", fill=number_rows("L"), max_length=40)
    date: Day = ask("Päivä")
    start_time: Clock | None = ask("Kellonaika")
    minutes: Int = ask("Kesto minuutteina", low=1, high=480)
    __annotations__["with"] = "Choices"
    vars()["with"] = ask(
        "Kenen kanssa",
        of=define_options(
            client="Asiakas",
            employer="Työnantaja",
            coworker="Työtoveri",
            family="Läheinen",
            care_team="Hoitotaho",
            other="Muu",
        ),
    )
    mode: Choice = ask("Tapa", of=K6)
    place: Choice = ask("Paikka", of=K13)
    topic: Choices = ask("Aihe", of=K10)
    initiated_by: Choice | None = ask(
        "Kenen aloitteesta", of=define_options(coach="Valmentaja", client="Asiakas", employer="Työnantaja", other="Muu")
    )
    note: Long | None = ask("Muistiinpano", max_length=400)


class JobSupportPlan(ClientForm):
    """The plan of support for one job; every job has versions of its own."""

    id = "job_support_plan"
    number = "L07"
    version = "2026.1"
    versions = True
    versions_per = "job_id"
    title = "Suunnitelma työsuhteen aikaisesta tuesta"
    about = (
        "Tällä lomakkeella sovitaan tuesta työssä ja työn ulkopuolella. Suunnitelma tehdään jokaiselle työsuhteelle "
        "ja arvioidaan säännöllisesti. Toteutunut tuki kirjataan samaan lomakkeeseen, ja lomake palautetaan uudelleen. "
        "Kirjoita vain se, mitä työn kannalta tarvitaan."
    )
    moves = (Move("T14", "phase_5", "phase_5", when=is_approved),)
    allowed_phases = ("phase_5",)

    with section("1 Työ ja lähtökohta", by="system"):
        job_id: Line = ask("Työsuhde", max_length=40, **copy_from_job(forms.JobStart.job_id))
        employer_name: Line = ask("Työnantaja", max_length=120, **copy_from_job(forms.JobStart.employer_name))
        job_title: Line = ask("Tehtävänimike", max_length=80, **copy_from_job(forms.JobStart.job_title))
        start_date: Day = ask("Aloituspäivä", **copy_from_job(forms.JobStart.start_date))
        weekly_hours: Hours | None = ask(
            "Viikkotyöaika", hint="Tyhjä, jos työaika vaihtelee.", **copy_from_job(forms.JobStart.weekly_hours)
        )
        plan_date: Day = ask("Suunnitelman päiväys", by="coach", prefill=today, sensitivity="n")
        plan_kind: Choice = ask(
            "Suunnitelman laji",
            by="coach",
            prefill=plan_kind,
            sensitivity="n",
            of=define_options(
                first="Ensimmäinen suunnitelma",
                review="Arviointi",
                changed_situation="Tilanne on muuttunut",
                step_down="Tuki kevenee",
            ),
        )
        participants: Choices = ask(
            "Suunnitelman tekijät",
            by="coach",
            of=define_options(
                client="Asiakas",
                coach="Työhönvalmentaja",
                employer="Työnantaja",
                coworker="Työtoveri",
                family="Läheinen",
                care_team="Hoitotaho",
                other="Muu",
            ),
            hint="Työnantaja saa olla mukana vain asiakkaan suostumuksella.",
        )
        client_view_support: Long = ask("Millaista tukea haluan", by="client", prefill=wanted_support, max_length=800)
        no_support_wanted: YesNo = ask(
            "En halua tukea työpaikalle",
            by="client",
            prefill=keep("no_support_wanted"),
            hint="Kyllä tarkoittaa, että tukea annetaan vain työpaikan ulkopuolella.",
        )
        no_support_wanted_detail: Line | None = ask(
            "Jos tukitoimia ei ole: miksi",
            by="client",
            prefill=keep("no_support_wanted_detail"),
            max_length=200,
            needed=lambda record: record.no_support_wanted and not record.support_actions,
        )

    with section("2 Tavoitteet", by="client"):
        goals: tuple[Goal, ...] = ask_table(
            "Tavoitteet työssä",
            prefill=keep_rows("goals", lambda row, _: row.result in (None, "open", "partly")),
            required=True,
            printed=3,
        )
        learning_needs: tuple[LearningNeed, ...] = ask_table(
            "Opittavat tehtävät", by="employer", prefill=learning_needs, printed=3
        )
        strengths_at_work: Long = ask("Mikä auttaa onnistumaan", prefill=strengths, max_length=500)

    with section("3 Tukitoimet", by="employer"):
        support_actions: tuple[SupportAction, ...] = ask_table(
            "Tukitoimet",
            by="coach",
            prefill=support_actions,
            needed=lambda record: not record.no_support_wanted,
            printed=3,
            hint="Tukea voi antaa moni: valmentaja, esihenkilö, työtoveri tai läheinen.",
        )
        accommodations: tuple[Accommodation, ...] = ask_table(
            "Mukautukset", prefill=accommodations, sensitivity="h", printed=2
        )
        tools: Choices = ask(
            "Apukeinot",
            by="client",
            prefill=keep("tools"),
            of=define_options(
                task_list="Tehtävälista",
                photo_instructions="Kuvaohjeet",
                phone_reminders="Muistutukset puhelimessa",
                timer="Ajastin",
                checklist="Tarkistuslista",
                quiet_place="Rauhallinen paikka",
                assistive_device="Apuväline",
                mentor="Tukihenkilö",
                none="Ei apukeinoja",
            ),
        )
        mentor_name: Name | None = ask("Tukihenkilö työpaikalla", prefill=mentor_name, sensitivity="n", max_length=80)
        employer_support: Choices = ask(
            "Tuki työnantajalle ja työyhteisölle",
            prefill=keep("employer_support"),
            of=define_options(
                team_briefing="Työyhteisön perehdytys",
                guidance_advice="Neuvoja ohjaamiseen",
                info_material="Tietomateriaali",
                regular_calls="Säännölliset soitot",
                subsidy_help="Apu tukien hakemiseen",
                problem_solving="Ongelmien ratkaisu",
                none="Ei tukea",
            ),
            hint="Vain asiakkaan suostumuksella.",
        )
        off_work_support: Choices = ask(
            "Tuki työn ulkopuolella",
            by="client",
            prefill=keep("off_work_support"),
            sensitivity="h",
            of=define_options(
                wake_up="Herääminen",
                travel="Kulkeminen",
                sleep_rhythm="Unirytmi",
                money="Raha-asiat",
                housing="Asuminen",
                care_appointments="Hoitokäynnit",
                family="Läheiset",
                peer_group="Vertaisryhmä",
                none="Ei tukea",
            ),
        )
        care_cooperation: tuple[CareCooperation, ...] = ask_table(
            "Yhteistyö hoidon tai sosiaalipalvelun kanssa",
            by="coach",
            prefill=care_cooperation,
            sensitivity="h",
            printed=2,
        )

    with section("4 Jos tulee vaikeaa", by="client"):
        early_signs: Long | None = ask(
            "Varoitusmerkit",
            prefill=from_record(forms.VocationalProfile.early_signs, job_support_plan, vocational_profile),
            sensitivity="h",
            max_length=400,
            hint="Mistä huomaat, että tilanne vaikeutuu?",
        )
        crisis_steps: Long = ask("Mitä silloin tehdään", prefill=keep("crisis_steps"), max_length=500)
        call_first: Line = ask("Kenelle soitan ensin", prefill=call_first, max_length=80)
        call_first_phone: Phone = ask("Kenelle soitan ensin: puhelin", prefill=call_first_phone)
        sick_leave_steps: Line = ask("Miten toimin, jos sairastun", prefill=keep("sick_leave_steps"), max_length=200)
        who_may_tell_employer: Choice = ask(
            "Kuka saa kertoa työnantajalle",
            prefill=who_may_tell,
            of=define_options(client="Vain minä", coach="Valmentaja", both="Minä ja valmentaja", nobody="Ei kukaan"),
        )

    with section("5 Talous ja eteneminen", by="client"):
        benefit_followup: tuple[BenefitFollowUp, ...] = ask_table(
            "Palkan ja etuuksien seuranta",
            by="coach",
            prefill=benefit_followup,
            required=True,
            printed=3,
        )
        career_wishes: Long | None = ask(
            "Eteneminen: lisätunnit, uudet tehtävät, koulutus", prefill=keep("career_wishes"), max_length=400
        )
        hours_change_plan: tuple[HoursChange, ...] = ask_table(
            "Suunniteltu muutos työaikaan",
            prefill=keep_rows("hours_change_plan", lambda row, case: row.from_date >= case.today),
            printed=2,
        )

    with section("6 Yhteydenpito ja seuranta"):
        contact_rhythm: tuple[Rhythm, ...] = ask_table("Yhteydenpito", prefill=contact_rhythm, required=True, printed=4)
        support_log: tuple[Support, ...] = ask_table(
            "Toteutunut tuki", printed=3, hint="Kirjaa jokainen tapaaminen, puhelu ja viesti omalle rivilleen."
        )
        employer_feedback: Long | None = ask("Työnantajan palaute", by="employer", max_length=400)
        client_satisfaction: Int | None = ask(
            "Asiakkaan tyytyväisyys työhön (1–5)",
            by="client",
            low=1,
            high=5,
            hint="1 on huonoin ja 5 on paras.",
        )
        review_date: Day = ask("Seuraava arviointi", prefill=review_date, sensitivity="n")
        review_text: Long | None = ask(
            "Arvio",
            by="client",
            max_length=800,
            needed=lambda record: record.plan_kind != "first",
            hint="Miten työ ja tuki ovat sujuneet? Ei tarvita ensimmäisessä suunnitelmassa.",
        )
        step_down: Choice = ask(
            "Siirtyykö tuki toiselle taholle?",
            prefill=step_down,
            of=define_options(no="Ei", planned="Suunnitteilla", done="On siirtynyt"),
        )
        step_down_to: Line | None = ask(
            "Tuki siirtyy: kenelle", prefill=keep("step_down_to"), max_length=100, needed=is_handed_over
        )
        step_down_date: Day | None = ask("Tuki siirtyy: milloin", prefill=keep("step_down_date"), needed=is_handed_over)
        step_down_contact: Line | None = ask(
            "Tuki siirtyy: yhteystieto", prefill=keep("step_down_contact"), max_length=80, needed=is_handed_over
        )
        plan_status: Choice = ask(
            "Suunnitelman tila",
            sensitivity="n",
            of=define_options(draft="Luonnos", approved="Hyväksytty", superseded="Korvattu uudella"),
        )
        sign_client: Signature | None = ask("Asiakkaan allekirjoitus", by="client", needed=is_approved, code="T14")
        sign_coach: Signature | None = ask("Työhönvalmentajan allekirjoitus", sensitivity="n")
        sign_employer: Signature | None = ask(
            "Työnantajan allekirjoitus", by="employer", hint="Ei pakollinen. Vain asiakkaan suostumuksella."
        )

    @classmethod
    def list_subjects(cls, case: Case) -> dict[str, str]:
        """Return the jobs that have not ended."""
        return name_jobs(list_lasting_jobs(case))

    @classmethod
    def is_needed(cls, case: Case) -> bool:
        """Tell whether a job has no approved plan, or one whose review has come."""
        job = job_start(case)
        if job is None or case.phase != "phase_5":
            return False
        plan = find_plan(case, job.job_id)
        return plan is None or plan.plan_status != "approved" or plan.review_date <= case.today

    def job(self, case: Case) -> forms.JobStart | None:
        """Return the start of the job that the plan is for, or None."""
        return next((job for job in list_records(case, forms.JobStart) if job.job_id == self.job_id), None)

    # --- what must hold -----------------------------------------------------------------------

    @rule("R19", field="plan_date")
    def plan_is_made_in_service(self, case: Case) -> bool:
        """Asiakirja on päivätty ennen palvelun alkua."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        return agreement is None or self.plan_date >= agreement.service_start_date

    @rule("R65")
    def employer_takes_part_by_consent_only(self, case: Case) -> list[str]:
        """Työnantajan tuki edellyttää suostumusta."""
        if self.plan_status != "approved":
            return []
        known = has_consent(case, "employer", "name_contact", self.plan_date)
        helps = known and has_consent(case, "employer", "support_needs", self.plan_date)
        broken = {
            "participants": not known and "employer" in self.participants,
            "employer_support": not helps and self.employer_support != (NONE_WANTED,),
            "who_may_tell_employer": not known and self.who_may_tell_employer in ("coach", "both"),
        }
        helpers = [index for index, row in enumerate(self.support_actions) if not helps and row.who in AT_WORK]
        return [name for name, holds_not in broken.items() if holds_not] + [
            f"support_actions.{index}.who" for index in helpers
        ]

    @rule("R66", field="support_actions", severity="warning")
    def support_comes_from_several_people(self, case: Case) -> bool:
        """Tukea antaa vain yksi taho."""
        return len({row.who for row in self.support_actions}) != 1

    @rule("R68", field="step_down_date", severity="warning")
    def support_is_not_lessened_early(self, case: Case) -> bool:
        """Tuki kevenee hyvin aikaisin."""
        lessens = is_handed_over(self) or self.plan_kind == "step_down"
        day = self.step_down_date or self.plan_date
        return not lessens or count_days(self.start_date, day) >= get_settings(case).limits.step_down

    @rule("T14", field="job_id", waits_for="job_start")
    def job_has_been_started(self, case: Case) -> bool:
        """Työsuhteen aloittamista ei ole kirjattu."""
        return bool(list_lasting_jobs(case)) or self.job(case) is not None

    @rule("T14", field="job_id")
    def job_is_known(self, case: Case) -> bool:
        """Työsuhdetta ei ole tässä asiassa."""
        return not list_lasting_jobs(case) or self.job(case) is not None

    @rule("T14", field="sign_client")
    def client_has_signed(self, case: Case) -> bool:
        """Hyväksytystä suunnitelmasta puuttuu asiakkaan allekirjoitus."""
        return self.plan_status != "approved" or self.sign_client is not None

    @rule("T14", field="review_date")
    def review_follows_the_plan(self, case: Case) -> bool:
        """Seuraavan arvioinnin pitää olla suunnitelman päiväyksen jälkeen."""
        return self.review_date > self.plan_date

    @rule("T14", field="plan_date", severity="warning")
    def plan_is_made_soon_after_the_start(self, case: Case) -> Check:
        """Suunnitelma on tehty yli {limit} päivän kuluttua työn alkamisesta."""
        job, limit = self.job(case), get_settings(case).limits.support_plan
        late = job is not None and count_days(job.begins, self.plan_date) > limit
        return check(self.plan_kind != "first" or not late, limit=limit)

    @rule("R63", field="contact_rhythm", severity="warning")
    def first_month_is_planned_weekly(self, case: Case) -> bool:
        """Ensimmäisenä kuukautena yhteyttä pidetään viikoittain."""
        return self.often_enough("first_month", WEEKLY, needed=self.plan_kind == "first")

    @rule("R64", field="contact_rhythm", severity="warning")
    def first_year_is_planned_monthly(self, case: Case) -> bool:
        """Ensimmäisen vuoden aikana yhteyttä pidetään vähintään kuukausittain."""
        return self.often_enough("months_4_12", MONTHLY)

    @rule("choice")
    def support_keeps_off_the_workplace(self, case: Case) -> list[str]:
        """Asiakas ei halua tukea työpaikalle. Valitkaa toinen paikka."""
        return self.find_breaking_paths(
            "support_actions.where",
            lambda row: self.no_support_wanted and row.where in WORKPLACES and row.who != "client",
        )

    @rule("choice")
    def none_stands_alone(self, case: Case) -> list[str]:
        """Ei mitään ja jokin muu eivät voi olla valittuina yhtä aikaa."""
        chosen = {name: getattr(self, name, ()) for name in ("tools", "employer_support", "off_work_support")}
        return [name for name, codes in chosen.items() if NONE_WANTED in codes and len(codes) > 1]

    @rule("choice")
    def care_is_worked_with_by_consent_only(self, case: Case) -> list[str]:
        """Sopimuksessa ei ole tätä suostumusta, tai se ei ole voimassa."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        given = {row.consent_id for row in getattr(agreement, "consents", ()) if is_in_force(row, self.plan_date)}
        return self.find_breaking_paths("care_cooperation.consent_ref", lambda row: row.consent_ref not in given)

    @rule("range")
    def goals_are_reviewed_after_the_plan(self, case: Case) -> list[str]:
        """Tavoitteen arviointi on ennen suunnitelman päiväystä."""
        return self.find_breaking_paths(
            "goals.review_date", lambda row: row.result in (None, "open") and row.review_date < self.plan_date
        )

    @rule("range")
    def support_ends_after_it_starts(self, case: Case) -> list[str]:
        """Tukitoimi ei voi päättyä ennen kuin se alkaa."""
        return self.find_breaking_paths("support_actions.end", lambda row: row.end and row.end < row.start)

    @rule("range")
    def support_is_not_logged_ahead(self, case: Case) -> list[str]:
        """Toteutunut tuki ei voi olla tulevaisuudessa."""
        return self.find_breaking_paths("support_log.date", lambda row: row.date > case.today)

    @rule("range", field="client_satisfaction", severity="warning")
    def client_is_content(self, case: Case) -> bool:
        """Asiakas ei ole tyytyväinen työhön. Sopikaa arviointi."""
        return self.client_satisfaction is None or self.client_satisfaction > UNHAPPY

    def often_enough(self, period: str, frequencies: frozenset[str], needed: bool = False) -> bool:
        """Tell whether contact in a period is planned often enough, or less is what the client wants."""
        planned = {row.frequency for row in self.contact_rhythm if row.period == period}
        return self.no_support_wanted or bool(planned & frequencies) or not (planned or needed)

    # --- what the clock brings ----------------------------------------------------------------

    @deadline("R67")
    def plan_is_reviewed_in_time(self, case: Case) -> date | None:
        """Tukisuunnitelman arviointi on myöhässä."""
        lasts = self.job_id in {job.job_id for job in list_lasting_jobs(case)}
        return case.add_active_days(self.review_date, 1) if lasts and self.plan_status != "superseded" else None
