"""Työnhakusuunnitelma (L04): what work is searched for, how, by whom, and what employers are told."""

from __future__ import annotations

from formgen.schema import (
    Any,
    BusinessId,
    Callable,
    Case,
    Check,
    Choice,
    Choices,
    Clock,
    Day,
    Euro,
    Hours,
    Int,
    Line,
    Long,
    Mapping,
    Move,
    Municipalities,
    Municipality,
    Occupation,
    Row,
    Sequence,
    Signature,
    YesNo,
    ask,
    ask_table,
    check,
    count_days,
    date,
    deadline,
    define_options,
    normalise_text,
    rule,
    section,
    timedelta,
)

from ._case import (
    ClientForm,
    build_text_id,
    find_active_plan,
    forms,
    get_settings,
    has_consent,
    has_named_consent,
    is_decision_pending,
    list_documents,
    list_records,
    today,
)
from ._codes import K4, K5, K6, K9, K13, K15, K16, K20

NOT_EMPLOYMENT = K4.find_marked_codes("not_employment")
TOLD = frozenset(("support_only", "health_general", "health_specific"))
MODES = ("no", "general_without_name", "with_name")
SEARCH = frozenset(("phase_3", "phase_4"))
DOCUMENTS = {
    "cv_ready": {"document": "cv", "status": "ready"},
    "cv_needs_update": {"document": "cv", "status": "draft"},
    "application_help": {"document": "application_template", "status": "missing"},
}
ADVISED = frozenset(("done", "booked"))
PROFILE_AHEAD = 14  # days that a plan may be older than the profile it rests on
WEEKLY_CONTACTS = 2


# --- what is already known --------------------------------------------------------------------


def keep(name: str, *profile: object) -> Callable[[Case], Any]:
    """Prefill from the plan in force, from a field of the profile where that is the newer one."""
    sources = (f"job_search_plan.{name}", *map(str, profile))
    names = dict(source.split(".") for source in sources)

    def known(case: Case) -> Any:
        newest = next(
            (known.record for known in reversed(case.list_current_records()) if known.record.id in names), None
        )
        return getattr(newest, names[newest.id]) if newest else None

    known.__name__ = " / ".join(sources)
    return known


def plan_kind(case: Case) -> str:
    """Return ``first``, ``after_job_end`` when a job has ended since the last plan, else ``review``."""
    plan = case.find_latest_record(JobSearchPlan)
    if plan is None:
        return "first"
    return "after_job_end" if has_ended_since(case, plan) else "review"


def has_ended_since(case: Case, plan: JobSearchPlan) -> bool:
    """Tell whether a job has ended that a plan knows nothing of yet."""
    return any(end.end_date > plan.plan_date for end in list_records(case, forms.JobEnd))


def profile_version(case: Case) -> int | None:
    """Return the number of the profile in force, or None."""
    profiles = case.list_current_records(forms.VocationalProfile)
    return profiles[-1].version_no if profiles else None


def list_goals(case: Case) -> list[forms.WorkGoal]:
    """Return the goals of the profile, the most important first."""
    profile = case.find_latest_record(forms.VocationalProfile)
    return sorted(profile.work_goals, key=lambda row: row.priority) if profile else []


def main_goal(case: Case) -> str | None:
    """Return the client's most important goal as the profile has it."""
    return next((row.goal_text for row in list_goals(case)), None)


def target_jobs(case: Case) -> list[dict[str, object]]:
    """Return the jobs that were searched for toward goals there still are, and one for every other goal."""
    goals, plan = list_goals(case), case.find_latest_record(JobSearchPlan)
    there_are = {row.goal_id for row in goals}
    found = [row.model_dump() for row in (plan.target_jobs if plan else ()) if row.goal_id in there_are]
    known = {row["goal_id"] for row in found}
    return found + [
        {
            "goal_id": row.goal_id,
            "job_title": row.occupation,
            "occupation_code": row.occupation_code,
            "priority": row.priority,
        }
        for row in goals
        if row.goal_id not in known
    ]


def target_employers(case: Case) -> list[dict[str, object]]:
    """Return the employers that are still in the plan, else those of acquaintances who may be asked."""
    if plan := case.find_latest_record(JobSearchPlan):
        return [row.model_dump() for row in plan.target_employers if row.status != "dropped"]
    profile = case.find_latest_record(forms.VocationalProfile)
    return [
        {"employer_name": row.workplace, "known_contact": row.name}
        for row in (profile.job_network if profile else ())
        if row.workplace and row.may_contact
    ]


def search_area(case: Case) -> tuple[str, ...] | None:
    """Return the area of the plan in force, else the client's municipality."""
    if plan := case.find_latest_record(JobSearchPlan):
        return plan.search_area
    referral = case.find_latest_record(forms.Referral)
    return (referral.client_municipality,) if referral else None


def longest_way(case: Case) -> int | None:
    """Return the longest way to work in minutes: the plan's, else the longest that the profile allows."""
    if plan := case.find_latest_record(JobSearchPlan):
        return plan.search_area_max_minutes
    profile = case.find_latest_record(forms.VocationalProfile)
    return max((row.max_minutes for row in (profile.travel if profile else ()) if row.max_minutes), default=None)


def open_actions(case: Case) -> list[dict[str, object]]:
    """Return the tasks of the plan in force that have not been done."""
    plan = case.find_latest_record(JobSearchPlan)
    return [row.model_dump() for row in (plan.actions if plan else ()) if not row.done]


def weekly_contacts(case: Case) -> int:
    """Return the number agreed on before, else the usual one."""
    agreed: int | None = keep("weekly_contact_target")(case)
    return WEEKLY_CONTACTS if agreed is None else agreed


def meeting_rhythm(case: Case) -> str | None:
    """Return the rhythm of the plan in force, else that of the agreement as far as it is one of a plan's."""
    if plan := case.find_latest_record(JobSearchPlan):
        return plan.meeting_rhythm
    agreement = case.find_latest_record(forms.CooperationAgreement)
    if agreement is None:
        return None
    return agreement.meeting_frequency if agreement.meeting_frequency in RHYTHMS else "other"


def documents_status(case: Case) -> Sequence[Mapping[str, object]]:
    """Return the papers of the plan in force, else those that the profile speaks of."""
    if plan := case.find_latest_record(JobSearchPlan):
        return [row.model_dump() for row in plan.documents_status]
    profile = case.find_latest_record(forms.VocationalProfile)
    return [DOCUMENTS[code] for code in (profile.job_seeking_skills if profile else ()) if code in DOCUMENTS]


def supports_other_people(case: Case) -> list[dict[str, object]]:
    """Return the people of the plan in force, else those of the profile who may be contacted."""
    if plan := case.find_latest_record(JobSearchPlan):
        return [row.model_dump() for row in plan.supports_other_people]
    profile = case.find_latest_record(forms.VocationalProfile)
    return [
        {"name": row.name, "role": row.role, "consent_ref": row.consent_ref}
        for row in (profile.care_network if profile else ())
        if row.consent_ref
    ]


def from_advice(name: str) -> Callable[[Case], Any]:
    """Prefill from what the plan in force says of advice on benefits, else from the agreement's first plan for it."""

    def known(case: Case) -> Any:
        if plan := case.find_latest_record(JobSearchPlan):
            return getattr(plan, f"benefits_counselling{name}")
        agreement = case.find_latest_record(forms.CooperationAgreement)
        first = next(iter(agreement.benefits_counselling_plan if agreement else ()), None)
        return {"": "booked", "_date": first.planned_date, "_by": first.who}[name] if first else None

    known.__name__ = f"job_search_plan.benefits_counselling{name} / cooperation_agreement.benefits_counselling_plan"
    return known


def next_review(case: Case) -> date:
    """Return the day by which the plan should be looked at again."""
    return case.today + timedelta(days=get_settings(case).limits.plan_review)


# --- what is computed, and when something is needed -------------------------------------------


def target_id(record: JobSearchPlan, index: int) -> str:
    """Return the id of a job that is searched for: its title, such as ``kokki`` or, the second time, ``kokki-2``."""
    return build_text_id((getattr(row, "job_title", "") for row in record.target_jobs), index)


def is_approved(record: JobSearchPlan, case: Case) -> bool:
    """Tell whether the plan is agreed on."""
    return record.plan_status == "approved"


def is_in_preparation(record: JobSearchPlan, case: Case) -> bool:
    """Tell whether the plan is not agreed on."""
    return not is_approved(record, case)


def begins_search_again(record: JobSearchPlan, case: Case) -> bool:
    """Tell whether the plan is the answer to an end of job after which nothing had been settled."""
    return is_decision_pending(case) and is_approved(record, case) and record.plan_kind == "after_job_end"


def keeps_phase(record: JobSearchPlan, case: Case) -> bool:
    """Tell whether the plan leaves a case with a job as it is."""
    return not begins_search_again(record, case)


class TargetJob(Row):
    """One job that is searched for."""

    target_id: Line = ask("Tunniste", by="system", fill=target_id, max_length=90)
    goal_id: Line = ask("Tavoitteen tunniste", max_length=90, hint="Profiilin tavoite, esimerkiksi kokki.")
    job_title: Line = ask("Tehtävänimike", max_length=80)
    occupation_code: Occupation | None = ask(
        "Ammattiluokka", by="coach", sensitivity="n", hint="Esimerkiksi 5223 on myyjä."
    )
    why_fits: Line = ask("Miksi työ sopii", max_length=200)
    priority: Int = ask("Tärkeys", low=1, high=20, hint="1 on tärkein.")


class TargetEmployer(Row):
    """One employer to be contacted."""

    employer_name: Line = ask("Työnantaja", max_length=100)
    business_id: BusinessId | None = ask("Y-tunnus", by="coach", sensitivity="n")
    municipality: Municipality | None = ask("Kunta", of=K20)
    industry: Choice | None = ask("Toimiala", by="coach", sensitivity="n", of=K5)
    contact_by: Choice = ask(
        "Kuka ottaa yhteyttä", of=define_options(coach="Valmentaja", client="Asiakas", together="Yhdessä")
    )
    by_date: Day = ask("Viimeistään")
    known_contact: Line | None = ask("Tuttu, jonka kautta", max_length=80)
    status: Choice | None = ask(
        "Tilanne",
        of=define_options(planned="Suunniteltu", contacted="Yhteys otettu", ongoing="Kesken", dropped="Jätetty pois"),
    )


class Action(Row):
    """One task and who does it."""

    action: Line = ask("Tehtävä", max_length=160)
    who: Choice = ask(
        "Kuka tekee", of=define_options(client="Asiakas", coach="Valmentaja", together="Yhdessä", other="Muu")
    )
    due_date: Day = ask("Viimeistään")
    done: YesNo | None = ask("Tehty")
    done_date: Day | None = ask("Milloin tehty", needed=lambda row: row.done is True)
    note: Line | None = ask("Huomautus", max_length=120)


class SearchDocument(Row):
    """One of the papers that a search needs."""

    document: Choice = ask(
        "Asiakirja",
        of=define_options(
            cv="CV",
            application_template="Hakemuspohja",
            portfolio="Työnäytteet",
            video_cv="Videoesittely",
            certificates="Todistukset",
            references="Suosittelijat",
        ),
    )
    status: Choice = ask("Tilanne", of=define_options(missing="Puuttuu", draft="Luonnos", ready="Valmis"))
    responsible: Choice | None = ask("Kuka hoitaa", of=define_options(client="Asiakas", coach="Valmentaja"))


class Obstacle(Row):
    """One obstacle and what is done about it."""

    obstacle: Line = ask("Este", max_length=120)
    solution: Line = ask("Ratkaisu", max_length=160)
    who: Line | None = ask("Kuka hoitaa", max_length=60)


class Helper(Row):
    """Somebody else who helps with the search."""

    name: Line | None = ask("Nimi", max_length=60)
    role: Line = ask("Rooli tai palvelu", max_length=60)
    what: Line = ask("Mitä tekee", max_length=160)
    consent_ref: Line | None = ask(
        "Suostumus yhteydenottoon", max_length=80, hint="Nimi, joka on sopimuksen suostumuksissa."
    )


class Activity(Row):
    """Something done for the search, contacts with employers left out."""

    date: Day = ask("Päivä")
    start_time: Clock | None = ask("Alkaa klo")
    minutes: Int = ask("Kesto minuutteina", low=1, high=480)
    what: Choice = ask(
        "Mitä tehtiin",
        of=define_options(
            meeting="Tapaaminen",
            application="Hakemus",
            interview_prep="Haastatteluun valmistautuminen",
            visit="Käynti työpaikalla",
            online="Haku verkossa",
            network="Verkoston kautta",
            other="Muu",
        ),
    )
    place: Choice = ask("Paikka", of=K13)
    mode: Choice = ask("Tapa", of=K6)
    result: Line | None = ask("Tulos", max_length=160)


class Application(Row):
    """One application that was sent."""

    date: Day = ask("Päivä")
    employer: Line = ask("Työnantaja", max_length=80)
    job_title: Line = ask("Tehtävänimike", max_length=80)
    channel: Line | None = ask("Mitä kautta", max_length=40)
    answer: Choice | None = ask(
        "Vastaus",
        of=define_options(none="Ei vielä", rejected="Ei valittu", interview="Haastattelu", offer="Työtarjous"),
    )
    answer_date: Day | None = ask("Vastauksen päivä")


RHYTHMS = define_options(
    weekly="Kerran viikossa",
    several_per_week="Monta kertaa viikossa",
    every_2_weeks="Joka toinen viikko",
    other="Muu",
)


class JobSearchPlan(ClientForm):
    """The plan for the search; a later version takes the place of the earlier one."""

    id = "job_search_plan"
    number = "L04"
    version = "2026.1"
    title = "Työnhakusuunnitelma"
    about = (
        "Tällä lomakkeella asiakas ja työhönvalmentaja sopivat, millaista työtä haetaan, miten haetaan ja mitä "
        "työnantajille kerrotaan. Työn etsintä alkaa heti, kun asiakas on hyväksynyt suunnitelman. Suunnitelma "
        "tarkistetaan vähintään kolmen kuukauden välein."
    )
    versions = True
    moves = (
        Move("T07", "phase_2", "phase_3", when=is_approved),
        Move("T07", "phase_2", "phase_2", when=is_in_preparation),
        Move("T07", "phase_3", "phase_3"),
        Move("T07", "phase_4", "phase_4"),
        Move("T07", "phase_5", "phase_5", when=keeps_phase),
        Move("T22b", "phase_5", "phase_3", when=begins_search_again),
    )

    with section("1 Lähtökohta", by="client"):
        plan_date: Day = ask("Suunnitelman päiväys", by="coach", prefill=today, sensitivity="n")
        plan_kind: Choice = ask(
            "Suunnitelman laji",
            by="coach",
            prefill=plan_kind,
            sensitivity="n",
            of=define_options(
                first="Ensimmäinen suunnitelma",
                review="Tarkistus",
                after_job_end="Uusi suunnitelma työn päätyttyä",
                goal_change="Tavoite on muuttunut",
            ),
        )
        profile_version: Int | None = ask(
            "Pohjana oleva profiili: versio",
            by="system",
            prefill=profile_version,
            default=profile_version,
            sensitivity="n",
            locked=True,
            low=1,
            high=999,
            needed=lambda _: True,
            code="T07",
        )
        client_goal_text: Long = ask("Tavoite asiakkaan sanoin", prefill=main_goal, max_length=500)
        target_jobs: tuple[TargetJob, ...] = ask_table(
            "Haettavat työt",
            prefill=target_jobs,
            required=True,
            printed=3,
            hint="Valitkaa 2–5 työtä. Jokainen liittyy johonkin profiilin tavoitteeseen.",
        )
        target_employers: tuple[TargetEmployer, ...] = ask_table(
            "Työnantajat, joihin otetaan yhteyttä",
            prefill=target_employers,
            required=True,
            printed=4,
            hint="Ensimmäiseen otetaan yhteyttä pian palvelun alusta.",
        )
        search_area: Municipalities = ask("Hakualue: kunnat", prefill=search_area, of=K20)
        search_area_max_minutes: Int | None = ask(
            "Työmatka enintään minuuttia suuntaansa", prefill=longest_way, low=0, high=180
        )
        hours_min: Hours = ask(
            "Työaika viikossa vähintään",
            prefill=keep("hours_min", forms.VocationalProfile.desired_hours_min),
            places=1,
            hint="Tuntia viikossa.",
        )
        hours_max: Hours = ask(
            "Työaika viikossa enintään",
            prefill=keep("hours_max", forms.VocationalProfile.desired_hours_max),
            places=1,
            hint="Tuntia viikossa.",
        )
        working_times: Choices = ask(
            "Työajat", prefill=keep("working_times", forms.VocationalProfile.working_time_preferences), of=K15
        )
        wage_minimum: Euro | None = ask(
            "Palkkatoive vähintään",
            prefill=keep("wage_minimum", forms.VocationalProfile.wage_expectation),
            hint="Euroa tunnissa tai kuukaudessa ennen veroja.",
        )
        wage_minimum_type: Choice | None = ask(
            "Palkkatoiveen laji",
            prefill=keep("wage_minimum_type", forms.VocationalProfile.wage_expectation_type),
            of=K16,
            needed=lambda record: record.wage_minimum is not None,
        )
        contract_types_ok: Choices = ask("Työsuhteen muodot, jotka sopivat", prefill=keep("contract_types_ok"), of=K4)

    with section("2 Keinot ja työnjako", by="client"):
        search_methods: Choices = ask(
            "Työnhaun keinot",
            prefill=keep("search_methods"),
            of=define_options(
                employer_visits="Käynnit työnantajien luona",
                network="Omat verkostot",
                open_vacancies="Avoimet työpaikat",
                hidden_jobs="Piilotyöpaikat",
                own_application="Oma avoin hakemus",
                recruitment_event="Rekrytointitapahtuma",
                temp_agency="Vuokratyöyritys",
                social_media="Sosiaalinen media",
                tyomarkkinatori="Työmarkkinatori",
                job_carving="Työn räätälöinti",
                follow_up_old_employer="Entinen työnantaja",
            ),
        )
        actions: tuple[Action, ...] = ask_table("Tehtävät ja työnjako", prefill=open_actions, required=True, printed=4)
        weekly_contact_target: Int = ask(
            "Työnantajakontakteja viikossa (tavoite)",
            by="coach",
            prefill=weekly_contacts,
            sensitivity="n",
            low=0,
            high=20,
        )
        meeting_rhythm: Choice = ask("Tapaamiset työnhaun aikana", prefill=meeting_rhythm, sensitivity="n", of=RHYTHMS)
        documents_status: tuple[SearchDocument, ...] = ask_table(
            "Hakuasiakirjat", prefill=documents_status, required=True, printed=3
        )
        interview_support: Choices = ask(
            "Tuki haastattelussa",
            prefill=keep("interview_support"),
            of=define_options(
                practice="Harjoittelu",
                coach_attends="Valmentaja mukana",
                questions_beforehand="Kysymykset etukäteen",
                travel_help="Apu matkaan",
                interpreter="Tulkki",
                none="Ei tukea",
            ),
            hint="Valmentaja voi olla mukana, jos nimesi saa kertoa työnantajalle.",
        )
        search_channels_accounts: YesNo | None = ask(
            "Ovatko tunnukset ja palvelut kunnossa?",
            prefill=keep("search_channels_accounts"),
            hint="Esimerkiksi Työmarkkinatori ja sähköposti.",
        )

    with section("3 Kertominen ja yhteydet", by="client", sensitivity="h"):
        employer_contact_mode: Choice = ask(
            "Saako valmentaja ottaa yhteyttä työnantajiin?",
            sensitivity="s",
            prefill=forms.CooperationAgreement.employer_contact_mode,
            of=define_options(
                no="Ei saa", general_without_name="Saa, mutta nimeäni ei kerrota", with_name="Saa, nimelläni"
            ),
            hint="Ei enempää kuin yhteistyösopimuksessa on sovittu.",
        )
        disclosure_level: Choice = ask(
            "Mitä terveydestä tai tuen tarpeesta kerrotaan",
            prefill=keep("disclosure_level", forms.VocationalProfile.disclosure_level),
            of=K9,
        )
        disclosure_reviewed_date: Day = ask(
            "Milloin kertomisesta on puhuttu",
            by="coach",
            hint="Jos työtä ei löydy kahdessa kuukaudessa, puhutaan uudelleen.",
        )
        disclosure_wording: Long | None = ask(
            "Millä sanoilla kerrotaan",
            prefill=keep("disclosure_wording", forms.VocationalProfile.disclosure_wording),
            max_length=300,
            needed=lambda record: record.disclosure_level in TOLD,
            hint="Tarvitaan, jos jotakin kerrotaan.",
        )

    with section("4 Tuki ja esteet"):
        obstacles: tuple[Obstacle, ...] = ask_table(
            "Esteet ja ratkaisut", by="client", prefill=keep("obstacles"), printed=2
        )
        supports_other_people: tuple[Helper, ...] = ask_table(
            "Muiden tuki työnhaussa",
            by="client",
            prefill=supports_other_people,
            printed=2,
            hint="Yhteyttä otetaan vain, jos siihen on suostumus.",
        )
        benefits_counselling: Choice = ask(
            "Etuusneuvonta",
            prefill=from_advice(""),
            of=define_options(
                done="On tehty",
                booked="On sovittu",
                offered_declined="On tarjottu, asiakas ei halunnut",
                not_yet="Ei vielä",
            ),
        )
        benefits_counselling_date: Day | None = ask(
            "Etuusneuvonnan päivä",
            prefill=from_advice("_date"),
            needed=lambda record: record.benefits_counselling in ADVISED,
        )
        benefits_counselling_by: Line | None = ask(
            "Kuka neuvoo etuuksissa",
            prefill=from_advice("_by"),
            max_length=80,
            needed=lambda record: record.benefits_counselling in ADVISED,
        )
        wage_subsidy_interest: Choice = ask(
            "Selvitetäänkö palkkatuki",
            prefill=keep("wage_subsidy_interest"),
            of=define_options(
                not_needed="Ei tarvetta",
                to_be_checked="Selvitetään",
                eligible="Palkkatuki on mahdollinen",
                not_eligible="Palkkatuki ei ole mahdollinen",
            ),
        )
        adjustment_support_interest: Choice = ask(
            "Selvitetäänkö työolosuhteiden järjestelytuki",
            prefill=keep("adjustment_support_interest"),
            sensitivity="h",
            of=define_options(not_needed="Ei tarvetta", to_be_checked="Selvitetään"),
        )

    with section("5 Seuranta", by="client"):
        activity_log: tuple[Activity, ...] = ask_table(
            "Työnhaun tapahtumat",
            by="coach",
            printed=3,
            hint="Muut kuin yhteydet työnantajiin. Ne kirjataan omalle lomakkeelle.",
        )
        applications: tuple[Application, ...] = ask_table("Lähetetyt hakemukset", printed=3)
        review_date: Day = ask("Suunnitelman tarkistuspäivä", by="coach", prefill=next_review, sensitivity="n")
        review_outcome: Long | None = ask(
            "Arvio edellisestä kaudesta",
            max_length=800,
            needed=lambda record: record.plan_kind in ("review", "after_job_end"),
            hint="Täytetään, kun suunnitelma tarkistetaan tai työ on päättynyt.",
        )
        satisfaction: Int | None = ask("Asiakkaan arvio työnhausta", low=1, high=5, hint="1 on huonoin, 5 on paras.")
        plan_status: Choice = ask(
            "Suunnitelman tila",
            by="coach",
            sensitivity="n",
            of=define_options(draft="Luonnos", approved="Hyväksytty", superseded="Korvattu uudella"),
        )
        client_agreed: Choice = ask(
            "Onko asiakas hyväksynyt suunnitelman?",
            of=define_options(signed="Kyllä, allekirjoittanut", orally="Kyllä, suullisesti", not_yet="Ei vielä"),
        )
        client_agreed_date: Day | None = ask(
            "Milloin asiakas hyväksyi suunnitelman", needed=lambda record: record.client_agreed != "not_yet"
        )
        sign_client: Signature | None = ask(
            "Asiakkaan allekirjoitus", needed=lambda record: record.client_agreed == "signed"
        )
        sign_coach: Signature | None = ask(
            "Työhönvalmentajan allekirjoitus",
            by="coach",
            sensitivity="n",
            needed=lambda record: record.client_agreed == "signed",
        )

    @classmethod
    def is_needed(cls, case: Case) -> bool:
        """Tell whether the profile waits for a plan, or a job has ended or a day of review has come since."""
        plan = find_active_plan(case)
        if case.phase == "phase_2":
            return plan is None and case.find_latest_record(forms.VocationalProfile) is not None
        if case.phase not in SEARCH:
            return False
        return (
            plan is None or has_ended_since(case, plan) or (case.phase == "phase_3" and plan.review_date <= case.today)
        )

    def infer_phase(self, case: Case) -> str | None:
        """Return phase 3 as long as the case follows a plan that was approved."""
        return "phase_3" if find_active_plan(case) else None

    # --- what must hold -----------------------------------------------------------------------

    @rule("T07", waits_for="cooperation_agreement")
    def agreement_has_been_made(self, case: Case) -> bool:
        """Yhteistyösopimus puuttuu."""
        return case.find_latest_record(forms.CooperationAgreement) is not None

    @rule("T07", waits_for="vocational_profile")
    def profile_has_been_made(self, case: Case) -> bool:
        """Ammatillinen profiili puuttuu. Tehkää se ennen suunnitelmaa."""
        return case.find_latest_record(forms.VocationalProfile) is not None

    @rule("T07", field="plan_date", severity="warning")
    def plan_is_made_soon(self, case: Case) -> Check:
        """Suunnitelma on tehty yli {limit} päivän kuluttua palvelun alkamisesta."""
        agreement, limit = case.find_latest_record(forms.CooperationAgreement), get_settings(case).limits.search_plan
        if agreement is None or self.plan_kind != "first":
            return check(True, limit=limit)
        return check(count_days(agreement.service_start_date, self.plan_date) <= limit, limit=limit)

    @rule("R19", field="plan_date")
    def plan_is_made_in_service(self, case: Case) -> bool:
        """Asiakirja on päivätty ennen palvelun alkua."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        return agreement is None or self.plan_date >= agreement.service_start_date

    @rule("range", field="plan_date")
    def plan_follows_profile(self, case: Case) -> Check:
        """Suunnitelman pohjana oleva profiili on tehty yli {limit} päivän kuluttua suunnitelmasta."""
        profile = case.find_latest_record(forms.VocationalProfile)
        follows = profile is None or count_days(self.plan_date, profile.profile_date) <= PROFILE_AHEAD
        return check(follows, limit=PROFILE_AHEAD)

    @rule("range", field="plan_date", severity="warning")
    def plan_is_not_of_tomorrow(self, case: Case) -> bool:
        """Suunnitelman päiväys on tulevaisuudessa. Tarkistakaa päivä."""
        return self.plan_date <= case.today

    @rule("choice", field="plan_kind")
    def first_plan_is_made_once(self, case: Case) -> bool:
        """Suunnitelma on jo tehty kerran. Valitkaa suunnitelman lajiksi jokin muu kuin ensimmäinen."""
        return self.plan_kind != "first" or case.find_latest_record(JobSearchPlan) is None

    @rule("range", field="profile_version", severity="warning")
    def plan_rests_on_newest_profile(self, case: Case) -> bool:
        """Suunnitelma perustuu muuhun kuin uusimpaan profiiliin. Tarkistakaa tavoitteet."""
        profile, newest = case.find_latest_record(forms.VocationalProfile), profile_version(case)
        older = profile is not None and self.plan_date < profile.profile_date
        return not older and (newest is None or self.profile_version in (None, newest))

    @rule("R27")
    def jobs_are_of_the_goals(self, case: Case) -> list[str]:
        """Haettava työ ei liity asiakkaan tavoitteeseen."""
        goals = {normalise_text(row.goal_id) for row in list_goals(case)}
        return self.find_breaking_paths(
            "target_jobs.goal_id", lambda row: goals and normalise_text(row.goal_id) not in goals
        )

    @rule("range", field="target_employers", severity="warning")
    def first_employer_is_met_soon(self, case: Case) -> Check:
        """Ensimmäinen yhteydenotto on yli {limit} päivän kuluttua palvelun alkamisesta."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        limit = get_settings(case).limits.first_contact_with_employers
        if agreement is None or self.plan_kind != "first" or not self.target_employers:
            return check(True, limit=limit)
        first = min(row.by_date for row in self.target_employers)
        return check(count_days(agreement.service_start_date, first) <= limit, limit=limit)

    @rule("choice")
    def acquaintances_are_asked_by_leave(self, case: Case) -> list[str]:
        """Valmentaja ei saa ottaa yhteyttä tähän tuttuun. Asiakas ei ole antanut lupaa."""
        profile = case.find_latest_record(forms.VocationalProfile)
        closed = {
            normalise_text(row.name)
            for row in (profile.job_network if profile else ())
            if row.name and not row.may_contact
        }
        return self.find_breaking_paths(
            "target_employers.contact_by",
            lambda row: row.contact_by != "client" and normalise_text(row.known_contact or "") in closed,
        )

    @rule("range", field="hours_min")
    def least_hours_are_not_above_most(self, case: Case) -> bool:
        """Vähimmäistyöaika on suurempi kuin enimmäistyöaika."""
        return self.hours_min <= self.hours_max

    @rule("R28", field="contract_types_ok", severity="warning")
    def plan_is_for_paid_work(self, case: Case) -> bool:
        """Suunnitelma tähtää muuhun kuin palkkatyöhön."""
        return not set(self.contract_types_ok) <= NOT_EMPLOYMENT

    @rule("choice", field="search_methods", severity="warning")
    def employers_are_visited(self, case: Case) -> bool:
        """Työnhaun keinoissa ei ole käyntejä työnantajien luona."""
        return "employer_visits" in self.search_methods

    @rule("range")
    def tasks_are_due_after_the_plan(self, case: Case) -> list[str]:
        """Tehtävän määräaika on ennen suunnitelman päiväystä. Sopikaa uusi päivä."""
        return self.find_breaking_paths("actions.due_date", lambda row: not row.done and row.due_date < self.plan_date)

    @rule("range")
    def tasks_are_not_done_tomorrow(self, case: Case) -> list[str]:
        """Tehtävä ei voi olla tehty tulevaisuudessa."""
        return self.find_breaking_paths("actions.done_date", lambda row: row.done_date and row.done_date > case.today)

    @rule("range", field="weekly_contact_target", severity="warning")
    def employers_are_contacted_weekly(self, case: Case) -> bool:
        """Tavoitteena ei ole yhtään työnantajakontaktia viikossa."""
        return self.weekly_contact_target > 0

    @rule("R29")
    def plan_keeps_to_consent(self, case: Case) -> list[str]:
        """Suunnitelma ylittää annetun suostumuksen."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        if agreement is None:
            return []
        named = has_consent(case, "employer", "name_contact", self.plan_date)
        mode = getattr(self, "employer_contact_mode", "no")
        wider = MODES.index(mode) > MODES.index(agreement.employer_contact_mode)
        attends = "coach_attends" in getattr(self, "interview_support", ())
        broken = {
            "employer_contact_mode": wider or (mode == "with_name" and not named),
            "interview_support": attends and not named,
        }
        return [name for name, holds in broken.items() if holds]

    @rule("range", field="disclosure_reviewed_date")
    def telling_was_talked_about_before(self, case: Case) -> bool:
        """Kertomisesta on puhuttu suunnitelman päiväyksen jälkeen. Tarkistakaa päivä."""
        return self.disclosure_reviewed_date <= self.plan_date

    @rule("choice", severity="warning")
    def helpers_are_contacted_by_consent(self, case: Case) -> list[str]:
        """Suostumusta ei löydy. Yhteyttä ei saa ottaa ilman asiakkaan suostumusta."""
        return self.find_breaking_paths(
            "supports_other_people.consent_ref",
            lambda row: row.consent_ref and not has_named_consent(case, row.consent_ref, self.plan_date),
        )

    @rule("R34", field="benefits_counselling", severity="warning")
    def benefit_advice_is_offered(self, case: Case) -> bool:
        """Etuusneuvonta on tekemättä."""
        return self.benefits_counselling != "not_yet"

    @rule("range")
    def answers_follow_applications(self, case: Case) -> list[str]:
        """Vastaus on ennen hakemuksen lähettämistä."""
        return self.find_breaking_paths(
            "applications.answer_date", lambda row: row.answer_date and row.answer_date < row.date
        )

    @rule("range", field="review_date")
    def review_follows_plan(self, case: Case) -> bool:
        """Tarkistuspäivän pitää olla suunnitelman päiväyksen jälkeen."""
        return self.review_date > self.plan_date

    @rule("range", field="review_date", severity="warning")
    def review_is_soon_enough(self, case: Case) -> Check:
        """Suunnitelman tarkistus on yli {limit} päivän päässä."""
        limit = get_settings(case).limits.plan_review
        return check(count_days(self.plan_date, self.review_date) <= limit, limit=limit)

    @rule("R26", field="client_agreed")
    def client_has_agreed(self, case: Case) -> bool:
        """Asiakas ei ole hyväksynyt suunnitelmaa."""
        return self.plan_status != "approved" or self.client_agreed != "not_yet"

    # --- what the clock brings ----------------------------------------------------------------

    @deadline("R30")
    def telling_is_talked_about_again(self, case: Case) -> date | None:
        """Kertomisesta ei ole puhuttu uudelleen."""
        talked = max(self.begun(case), self.disclosure_reviewed_date)
        return (
            case.add_active_days(talked, get_settings(case).limits.disclosure_review)
            if case.phase == "phase_3"
            else None
        )

    @deadline("R31")
    def employers_are_contacted(self, case: Case) -> Check:
        """Työnantajakontakteja ei ole {limit} päivään."""
        contacts = [row.date for contact in list_documents(case, forms.EmployerContact) for row in contact.contacts]
        last, limit = max([self.begun(case), *contacts]), get_settings(case).limits.contact_with_employers
        return check(case.add_active_days(last, limit) if case.phase == "phase_3" else None, limit=limit)

    @deadline("R32")
    def plan_is_reviewed(self, case: Case) -> date | None:
        """Suunnitelman tarkistus on myöhässä."""
        goes_on = case.phase == "phase_3" and not has_ended_since(
            case, self
        )  # after a job a new plan is due, not a review
        return case.add_active_days(self.review_date, 1) if goes_on else None

    @deadline("R33")
    def goal_is_weighed_again(self, case: Case) -> date | None:
        """Arvioikaa tavoite ja keinot uudelleen."""
        profile = case.find_latest_record(forms.VocationalProfile)
        weighed = [profile.profile_date] if profile else []
        last = max([self.begun(case), *weighed])
        return (
            case.add_active_days(last, get_settings(case).limits.goal_review + 1) if case.phase == "phase_3" else None
        )

    def begun(self, case: Case) -> date:
        """Return the day on which the search began, as the record that brought the case there says."""
        step = next((step for step in reversed(case.steps) if step.after in SEARCH and step.before not in SEARCH), None)
        record: Any = next((known.record for known in case.records if step and known.record_id == step.record_id), self)
        if record.id == "employer_contact":
            began: date = max(row.date for row in record.contacts)
        elif record.id == "job_end":
            began = record.end_date + timedelta(days=1)
        else:
            began = record.plan_date
        return began
