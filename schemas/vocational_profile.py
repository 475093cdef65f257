"""Ammatillinen profilointi (L03): what the client wishes, knows and needs; a new version after every job."""

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
    Decimal,
    Euro,
    Hours,
    Int,
    Line,
    Long,
    Month,
    Move,
    Name,
    Occupation,
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
    normalise_text,
    rule,
    section,
    timedelta,
)

from ._case import (
    PHASES_WITH_CLIENT,
    Benefit,
    ClientForm,
    build_text_id,
    forms,
    from_first,
    get_settings,
    has_named_consent,
    is_in_force,
    list_records,
    shorten,
    today,
)
from ._codes import K3, K9, K11, K13, K14, K15, K16, K19, K21, K22, K23, K24, K32, K33

OF_A_JOB = frozenset(("job_start", "job_problem", "job_end"))
TOLD = frozenset(("support_only", "health_general", "health_specific"))
OPPOSITES = (frozenset(("quiet", "lively")), frozenset(("teamwork", "alone")))
ASKED = {"family": "family", "previous_employer": "employer"}
KINDS = {
    "entrepreneur": "own_business",
    "work_trial": "trial",
    "rehabilitative_work": "rehabilitative",
    "work_activity": "work_activity",
    "open_work_activity": "work_activity",
    "sheltered_work": "work_activity",
    "volunteer": "volunteer",
}
LEAP_DAY = 1  # a year may be longer by one


# --- what is already known --------------------------------------------------------------------


def join_lines(text: str | None, most: int) -> str | None:
    """Return a text without its line breaks, as far as there is room for it."""
    return shorten(" ".join(text.split()) if text else None, most)


def keep(name: str, *others: object) -> Callable[[Case], Any]:
    """Prefill from the profile in force, else from the first of the other sources."""
    return from_first(f"vocational_profile.{name}", *others)


def list_ends_since(case: Case, profile: VocationalProfile | None) -> list[forms.JobEnd]:
    """Return the job ends that a profile knows nothing of yet."""
    return [end for end in list_records(case, forms.JobEnd) if profile is None or end.end_date > profile.profile_date]


def update_trigger(case: Case) -> str | None:
    """Return the code of the reason for the profile, where the case leaves no doubt."""
    profile = case.find_latest_record(VocationalProfile)
    if profile is None:
        return "initial"
    return "job_end" if list_ends_since(case, profile) else None


def related_job(case: Case) -> str | None:
    """Return the job that a new version is about: the one that has ended, else the newest."""
    profile = case.find_latest_record(VocationalProfile)
    ended = list_ends_since(case, profile)
    if profile is None:
        return None
    jobs = [end.job_id for end in ended] or [job.job_id for job in list_records(case, forms.JobStart)]
    return jobs[-1] if jobs else None


def dream(case: Case) -> str | None:
    """Return the dream written down before, else the client's own words in the referral."""
    return shorten(from_first(forms.VocationalProfile.dream_job, forms.Referral.client_own_words)(case), 500)


def motivation(case: Case) -> str | None:
    """Return the reasons written down before, else the client's own words in the referral."""
    return shorten(from_first(forms.VocationalProfile.motivation, forms.Referral.client_own_words)(case), 600)


def health_points(case: Case) -> str | None:
    """Return the points on health written down before, else the work ability as the referral describes it."""
    return shorten(from_first(forms.VocationalProfile.health_points, forms.Referral.work_ability_info)(case), 800)


def goals(case: Case) -> list[dict[str, object]]:
    """Return the goals set before, else the jobs that the referral says are of interest."""
    if profile := case.find_latest_record(VocationalProfile):
        return [row.model_dump() for row in profile.work_goals]
    referral = case.find_latest_record(forms.Referral)
    named = [said.strip() for said in (referral.desired_jobs or "").split(",")] if referral else []
    return [
        {"goal_text": join_lines(said, 200), "occupation": join_lines(said, 80), "priority": number}
        for number, said in enumerate(filter(None, named), start=1)
    ]


def languages(case: Case) -> list[dict[str, object]]:
    """Return the languages written down before, else the mother tongue that the referral names."""
    if profile := case.find_latest_record(VocationalProfile):
        return [row.model_dump() for row in profile.languages]
    referral = case.find_latest_record(forms.Referral)
    if referral is None or referral.mother_tongue == "other":
        return []
    return [{"language": K14[referral.mother_tongue].label, "level": "native"}]


def skills(case: Case) -> list[dict[str, object]]:
    """Return the skills written down before and those that the jobs since have brought."""
    profile = case.find_latest_record(VocationalProfile)
    gained = [end.skills_gained for end in list_ends_since(case, profile) if end.skills_gained]
    return [row.model_dump() for row in (profile.skills if profile else ())] + [
        {"skill": join_lines(said, 80)} for said in gained
    ]


def work_history(case: Case) -> list[dict[str, object]]:
    """Return the jobs written down before and those of this case, each with its end where there is one."""
    profile = case.find_latest_record(VocationalProfile)
    found = [row.model_dump() for row in (profile.work_history if profile else ())]
    ends = {end.job_id: end for end in list_records(case, forms.JobEnd)}
    for job in list_records(case, forms.JobStart):
        of_job = (normalise_text(job.employer_name), normalise_text(job.job_title))
        row = next(
            (row for row in found if (normalise_text(row["employer"]), normalise_text(row["job_title"])) == of_job),
            None,
        )
        if row is None:
            found.append(row := build_job_row(job))
        if end := ends.get(job.job_id):
            row["end"] = row.get("end") or end.end_date.isoformat()
            row["leaving_reason"] = row.get("leaving_reason") or end.end_reason
    return found


def build_job_row(job: forms.JobStart) -> dict[str, object]:
    """Return a job of the case as a row of the work history."""
    subsidised = job.wage_subsidy_status == "granted"
    return {
        "employer": shorten(job.employer_name, 80),
        "job_title": job.job_title,
        "start": job.start_date.isoformat(),
        "weekly_hours": job.most_hours or None,
        "kind": KINDS.get(job.contract_type, "subsidised" if subsidised else "paid"),
        "tasks": join_lines(job.main_tasks, 200),
    }


def current_benefits(case: Case) -> list[dict[str, object]]:
    """Return the benefits that the profile, else the referral, knows and that still exist."""
    known = from_first(forms.VocationalProfile.current_benefits, forms.Referral.benefits)(case) or ()
    return [row.model_dump() for row in known if K3[row.benefit].is_valid(case.today)]


def care_network(case: Case) -> list[dict[str, object]]:
    """Return the people written down before, else those of the services that the referral names."""
    if profile := case.find_latest_record(VocationalProfile):
        return [row.model_dump() for row in profile.care_network]
    referral = case.find_latest_record(forms.Referral)
    return [
        {
            "role": shorten(row.service, 60),
            "name": shorten(row.contact_person, 60),
            "organisation": row.organisation,
            "phone": row.contact_phone,
            "consent_ref": next(
                (
                    name
                    for name in (row.contact_person, row.organisation)
                    if name and has_named_consent(case, name, case.today)
                ),
                None,
            ),
        }
        for row in (referral.other_services if referral else ())
    ]


def lessons(case: Case) -> list[dict[str, object]]:
    """Return the lessons written down before and a row for every job that has ended since."""
    profile = case.find_latest_record(VocationalProfile)
    found = [row.model_dump() for row in (profile.lessons if profile else ())]
    known = {row["job_id"] for row in found}
    jobs = {job.job_id: job for job in list_records(case, forms.JobStart)}
    return found + [
        {
            "job_id": end.job_id,
            "job": shorten(f"{jobs[end.job_id].job_title}, {jobs[end.job_id].employer_name}", 80),
            "what_worked": join_lines(end.what_worked, 200),
            "what_was_hard": join_lines(end.what_was_hard, 200),
            "do_next_time": join_lines(end.lessons, 200),
        }
        for end in list_records(case, forms.JobEnd)
        if end.job_id in jobs and end.job_id not in known
    ]


def next_review(case: Case) -> date:
    """Return the day by which the profile should be looked at again: half of the longest time."""
    return case.today + timedelta(days=get_settings(case).limits.profile_update // 2)


# --- what is computed, and when something is needed -------------------------------------------


def goal_id(record: VocationalProfile, index: int) -> str:
    """Return the id of a goal: its occupation, such as ``kokki`` or, the second time, ``kokki-2``."""
    return build_text_id((getattr(row, "occupation", "") for row in record.work_goals), index)


def is_update(record: VocationalProfile) -> bool:
    """Tell whether there has been a profile before."""
    return record.update_trigger != "initial"


def reopens_profiling(record: VocationalProfile, case: Case) -> bool:
    """Tell whether this document opens profiling again; a correction of one that did does not do so twice."""
    before = case.find_latest_record(VocationalProfile)
    done = before and before.goal_changed and before.reopen_profiling and before.profile_date == record.profile_date
    return bool(record.goal_changed and record.reopen_profiling) and not done


def keeps_phase(record: VocationalProfile, case: Case) -> bool:
    """Tell whether the case stays in its phase."""
    return not reopens_profiling(record, case)


class Session(Row):
    """One talk for the profile."""

    date: Day = ask("Päivä")
    start_time: Clock | None = ask("Alkaa klo")
    minutes: Int = ask("Kesto minuutteina", low=10, high=240)
    place: Choice = ask("Paikka", of=K13)
    topics: Line | None = ask("Mistä puhuttiin", max_length=160)


class WorkGoal(Row):
    """One goal: work that the client wants."""

    goal_id: Line = ask("Tunniste", by="system", fill=goal_id, max_length=90)
    goal_text: Line = ask("Tavoite omin sanoin", max_length=200)
    occupation: Line = ask("Ammatti tai tehtävä", max_length=80)
    occupation_code: Occupation | None = ask(
        "Ammattiluokka", by="coach", sensitivity="n", hint="Esimerkiksi 5223 on myyjä."
    )
    horizon: Choice = ask(
        "Milloin", of=define_options(now="Nyt", within_6_months="Puolen vuoden sisällä", later="Myöhemmin")
    )
    priority: Int = ask("Tärkeys", low=1, high=20, hint="1 on tärkein.")
    reason: Line | None = ask("Miksi tämä työ", max_length=200)


class Skill(Row):
    """One skill."""

    skill: Line = ask("Taito", max_length=80)
    level: Choice = ask("Taso", of=define_options(basic="Perusteet", good="Hyvä", strong="Vahva"))
    learned_where: Line | None = ask("Missä opittu", max_length=80)


class Education(Row):
    """One training, finished or not."""

    institution: Line | None = ask("Oppilaitos", max_length=80)
    qualification: Line = ask("Tutkinto tai koulutus", max_length=100)
    level: Choice | None = ask("Koulutusaste", of=K24)
    start_year: Int | None = ask("Aloitusvuosi", low=1950, high=2100, grouped=False)
    end_year: Int | None = ask("Päättymisvuosi", low=1950, high=2100, grouped=False)
    completed: Choice = ask("Suoritettu", of=define_options(yes="Kyllä", no="Ei", ongoing="Kesken"))
    support_used: Line | None = ask("Tuki opinnoissa", max_length=160)


class Work(Row):
    """One job or other work of the client's past or present."""

    employer: Line = ask("Työnantaja tai paikka", max_length=80)
    job_title: Line = ask("Tehtävänimike", max_length=80)
    start: Month = ask("Alkoi", hint="Kuukausi tai vuosi riittää, esimerkiksi 3/2021.")
    end: Month | None = ask("Päättyi", hint="Tyhjä tarkoittaa: jatkuu yhä.")
    weekly_hours: Hours | None = ask("Tuntia viikossa", places=1, high=Decimal(100))
    kind: Choice | None = ask(
        "Työn laji",
        of=define_options(
            paid="Palkkatyö",
            subsidised="Palkkatuettu työ",
            trial="Työkokeilu",
            rehabilitative="Kuntouttava työtoiminta",
            work_activity="Työtoiminta",
            practice="Harjoittelu",
            volunteer="Vapaaehtoistyö",
            military="Varusmies- tai siviilipalvelus",
            own_business="Oma yritys",
        ),
    )
    tasks: Line | None = ask("Työtehtävät", max_length=200)
    liked: Line | None = ask("Mikä oli hyvää", max_length=200)
    disliked: Line | None = ask("Mikä ei ollut hyvää", max_length=200)
    leaving_reason: Choice | None = ask("Miksi työ päättyi", of=K11)
    reference_ok: YesNo | None = ask("Saako pyytää suositusta?")


class Certificate(Row):
    """One card or permit."""

    certificate: Choice = ask("Kortti tai lupa", of=K22)
    number: Line | None = ask("Numero", max_length=30)
    valid_until: Day | None = ask("Voimassa asti")


class Language(Row):
    """One language that the client knows."""

    language: Line = ask("Kieli", max_length=30)
    level: Choice = ask(
        "Kielen taso", of=define_options(basic="Alkeet", good="Hyvä", fluent="Sujuva", native="Äidinkieli")
    )


class Travel(Row):
    """One way to get to work."""

    mode: Choice = ask("Kulkutapa", of=K21)
    max_minutes: Int | None = ask("Enintään minuuttia suuntaansa", low=0, high=180)
    note: Line | None = ask("Huomautus", max_length=100)


class Functioning(Row):
    """One area of functioning, as far as work is concerned."""

    area: Choice = ask("Osa-alue", of=K32)
    works_well: Line | None = ask("Mikä sujuu", max_length=160)
    support_needed: Line | None = ask("Mihin tarvitaan tukea", max_length=160)


class CurrentBenefit(Benefit):
    """A benefit with what is paid and how much may be earned beside it."""

    monthly_amount: Euro | None = ask("Määrä kuukaudessa")
    earnings_limit: Euro | None = ask("Ansaintaraja kuukaudessa", hint="Raja on etuuspäätöksessä.")


class Acquaintance(Row):
    """Somebody through whom work may be found."""

    name: Name | None = ask("Nimi", max_length=60)
    relation: Choice | None = ask("Suhde asiakkaaseen", of=K23)
    workplace: Line | None = ask("Työpaikka", max_length=80)
    may_contact: YesNo = ask("Saako valmentaja ottaa yhteyttä?")


class Supporter(Row):
    """Somebody of the client's care or support."""

    role: Line = ask("Rooli tai palvelu", max_length=60)
    name: Line | None = ask("Nimi", max_length=60)
    organisation: Line | None = ask("Organisaatio", max_length=80)
    phone: Phone | None = ask("Puhelin")
    consent_ref: Line | None = ask(
        "Suostumus yhteydenottoon", max_length=80, hint="Nimi, joka on sopimuksen suostumuksissa."
    )


class Lesson(Row):
    """What one job has taught."""

    job_id: Line | None = ask("Työsuhteen tunniste", max_length=40)
    job: Line = ask("Työ", max_length=80)
    what_worked: Line | None = ask("Mikä toimi", max_length=200)
    what_was_hard: Line | None = ask("Mikä oli vaikeaa", max_length=200)
    do_next_time: Line | None = ask("Mitä teemme ensi kerralla", max_length=200)


class VocationalProfile(ClientForm):
    """The client's profile; a later version takes the place of the earlier one."""

    id = "vocational_profile"
    number = "L03"
    version = "2026.1"
    title = "Ammatillinen profilointi"
    about = (
        "Tähän lomakkeeseen kootaan yhdessä, millaista työtä asiakas haluaa, mitä hän osaa ja mikä auttaa häntä "
        "työssä. Profiili tehdään ensimmäisen kuukauden aikana. Sitä täydennetään aina, kun työ tai opinnot "
        "päättyvät. Kirjoita vain se, mitä työn kannalta tarvitaan."
    )
    versions = True
    moves = (
        Move("T06", "phase_2", "phase_2"),
        Move("T06", "phase_3", "phase_3", when=keeps_phase),
        Move("T06", "phase_4", "phase_4"),
        Move("T06", "phase_5", "phase_5"),
        Move("T23", "phase_3", "phase_2", when=reopens_profiling),
    )

    with section("1 Perustiedot"):
        profile_date: Day = ask("Profiilin päiväys", prefill=today, sensitivity="n")
        update_trigger: Choice = ask("Miksi profiili tehdään tai päivitetään", prefill=update_trigger, of=K19)
        related_job_id: Line | None = ask(
            "Mihin työsuhteeseen päivitys liittyy",
            by="system",
            prefill=related_job,
            max_length=40,
            needed=lambda record: record.update_trigger in OF_A_JOB,
            hint="Työsuhteen tunniste, esimerkiksi JOB-1.",
        )
        goal_changed: YesNo | None = ask(
            "Onko tavoite muuttunut?", by="client", needed=is_update, hint="Vastataan, kun profiili päivitetään."
        )
        reopen_profiling: YesNo | None = ask(
            "Aloitetaanko profilointi uudelleen?", needed=lambda record: record.goal_changed is True
        )
        change_reason: Line | None = ask(
            "Miksi tavoite on muuttunut", max_length=300, needed=lambda record: record.goal_changed is True, code="T23"
        )
        information_sources: Choices = ask(
            "Mistä tiedot ovat",
            prefill=keep("information_sources"),
            of=define_options(
                client="Asiakas",
                referral="Lähete",
                care_team="Hoitotaho",
                records="Asiakirjat",
                family="Läheinen",
                previous_employer="Entinen työnantaja",
                assessment="Arvio tai testi",
                work_trial="Työkokeilu",
                school="Oppilaitos",
            ),
            hint="Läheiseltä ja työnantajalta kysytään vain asiakkaan suostumuksella.",
        )
        profiling_sessions: tuple[Session, ...] = ask_table(
            "Profilointitapaamiset",
            prefill=keep("profiling_sessions"),
            required=True,
            printed=3,
            hint="Tavatkaa vähintään kaksi kertaa, mielellään muualla kuin toimistolla.",
        )

    with section("2 Toiveet ja tavoitteet", by="client"):
        dream_job: Long | None = ask("Unelmatyö", prefill=dream, max_length=500)
        work_goals: tuple[WorkGoal, ...] = ask_table(
            "Työtavoitteet",
            prefill=goals,
            required=True,
            code="R20",
            printed=3,
            hint="Merkitse tärkeysjärjestys: 1, 2, 3.",
        )
        desired_hours_min: Hours = ask(
            "Toivottu työaika viikossa vähintään",
            prefill=keep("desired_hours_min", forms.Referral.desired_weekly_hours),
            places=1,
            hint="Tuntia viikossa.",
        )
        desired_hours_max: Hours = ask(
            "Toivottu työaika viikossa enintään",
            prefill=keep("desired_hours_max", forms.Referral.desired_weekly_hours),
            places=1,
            hint="Tuntia viikossa.",
        )
        working_time_preferences: Choices = ask(
            "Työajat, jotka sopivat", prefill=keep("working_time_preferences"), of=K15
        )
        unsuitable_times: Line | None = ask("Ajat, jotka eivät käy", prefill=keep("unsuitable_times"), max_length=160)
        wage_expectation: Euro | None = ask(
            "Palkkatoive", prefill=keep("wage_expectation"), hint="Euroa tunnissa tai kuukaudessa ennen veroja."
        )
        wage_expectation_type: Choice | None = ask(
            "Palkkatoiveen laji",
            prefill=keep("wage_expectation_type"),
            of=K16,
            needed=lambda record: record.wage_expectation is not None,
        )
        workplace_preferences: Choices = ask(
            "Millainen työpaikka sopii",
            prefill=keep("workplace_preferences"),
            of=define_options(
                quiet="Rauhallinen",
                lively="Vilkas",
                small="Pieni",
                large="Suuri",
                outdoors="Ulkona",
                indoors="Sisällä",
                own_pace="Omaan tahtiin",
                clear_routine="Selkeät rutiinit",
                variety="Vaihtelua",
                customer_work="Asiakastyötä",
                no_customer_work="Ei asiakastyötä",
                teamwork="Työtä yhdessä",
                alone="Työtä yksin",
                close_to_home="Lähellä kotia",
                remote="Etätyötä",
            ),
        )
        must_avoid: Long | None = ask(
            "Työt tai olosuhteet, joita vältetään", prefill=keep("must_avoid"), sensitivity="h", max_length=500
        )
        motivation: Long | None = ask("Miksi työ on tärkeää", prefill=motivation, max_length=600)

    with section("3 Osaaminen", by="client"):
        strengths: Long = ask(
            "Vahvuudet", prefill=keep("strengths"), max_length=1200, hint="Kirjatkaa vähintään kolme."
        )
        skills: tuple[Skill, ...] = ask_table("Taidot", prefill=skills, printed=4)
        education_history: tuple[Education, ...] = ask_table(
            "Koulutus",
            prefill=keep("education_history"),
            required=True,
            printed=3,
            hint="Jos koulutusta ei ole, kirjoita tutkinnon kohdalle Ei koulutusta.",
        )
        no_work_history: YesNo | None = ask(
            "Ei työhistoriaa",
            prefill=keep("no_work_history"),
            hint="Vastaa kyllä, jos asiakas ei ole ollut missään työssä.",
        )
        work_history: tuple[Work, ...] = ask_table(
            "Työhistoria",
            prefill=work_history,
            needed=lambda record: record.no_work_history is not True,
            printed=3,
            hint="Myös harjoittelu, työkokeilu ja vapaaehtoistyö.",
        )
        certificates: tuple[Certificate, ...] = ask_table("Kortit ja luvat", prefill=keep("certificates"), printed=3)
        driving_licence: Choices = ask(
            "Ajokortti",
            prefill=keep("driving_licence"),
            of=define_options(
                none="Ei ajokorttia",
                am="AM, mopo",
                a="A, moottoripyörä",
                b="B, henkilöauto",
                b_suspended="B, ajokiellossa",
                c="C, kuorma-auto",
                d="D, linja-auto",
                tractor="T, traktori",
            ),
        )
        languages: tuple[Language, ...] = ask_table("Kielitaito", prefill=languages, printed=3)
        digital_skills: Choice = ask(
            "Digitaidot",
            prefill=keep("digital_skills"),
            of=define_options(
                none="Ei käytä laitteita",
                phone="Käyttää puhelinta",
                basic="Perustaidot",
                good="Hyvät",
                strong="Vahvat",
            ),
        )
        job_seeking_skills: Choices = ask(
            "Työnhakutaidot: CV, hakemus ja haastattelu",
            prefill=keep("job_seeking_skills"),
            of=define_options(
                cv_ready="CV on valmis",
                cv_needs_update="CV pitää päivittää",
                application_help="Hakemuksiin tarvitaan apua",
                interview_practice="Haastattelua pitää harjoitella",
                online_search="Verkossa hakemista pitää harjoitella",
                none_needed="Apua ei tarvita",
            ),
        )

    with section("4 Arki ja tuki", by="client", sensitivity="h"):
        travel: tuple[Travel, ...] = ask_table(
            "Kulkeminen työhön",
            sensitivity="s",
            prefill=keep("travel"),
            required=True,
            printed=2,
        )
        daily_rhythm: Long | None = ask("Arjen rytmi ja jaksaminen", prefill=keep("daily_rhythm"), max_length=500)
        functioning: tuple[Functioning, ...] = ask_table(
            "Toimintakyky työn kannalta",
            prefill=keep("functioning"),
            printed=3,
            hint="Jokaiselle osa-alueelle oma rivi.",
        )
        health_points: Long | None = ask(
            "Terveyteen liittyvät asiat, jotka vaikuttavat työhön",
            prefill=health_points,
            max_length=800,
            hint="Kirjoita vain se, mitä työn kannalta tarvitaan.",
        )
        helpful_supports: Long = ask(
            "Mikä on auttanut aiemmin", sensitivity="s", prefill=keep("helpful_supports"), max_length=600
        )
        early_signs: Long | None = ask(
            "Merkit siitä, että tilanne vaikeutuu", prefill=keep("early_signs"), max_length=400
        )
        accommodations: Choices = ask("Mukautukset, joista olisi hyötyä", prefill=keep("accommodations"), of=K33)
        accommodations_detail: Line | None = ask(
            "Mukautukset tarkemmin", prefill=keep("accommodations_detail"), max_length=300
        )
        work_affecting_obligations: Line | None = ask(
            "Sitovat menot",
            sensitivity="s",
            prefill=keep("work_affecting_obligations"),
            max_length=200,
            hint="Esimerkiksi hoito, lapset tai opinnot.",
        )
        criminal_record_limits: Choice | None = ask(
            "Rajoittaako rikosrekisteriotteen vaatimus hakua?",
            prefill=keep("criminal_record_limits"),
            of=define_options(no="Ei", yes="Kyllä", not_relevant="Ei koske näitä töitä"),
            hint="Otteen sisältöä ei kirjata.",
        )

    with section("5 Talous ja etuudet", by="client"):
        current_benefits: tuple[CurrentBenefit, ...] = ask_table(
            "Etuudet nyt",
            prefill=current_benefits,
            required=True,
            printed=3,
            hint="Jos etuuksia ei ole, valitse Ei etuuksia.",
        )
        benefits_concerns: Long | None = ask(
            "Mitä haluat tietää palkan vaikutuksesta etuuksiin?", prefill=keep("benefits_concerns"), max_length=400
        )
        debt_or_enforcement: Choice | None = ask(
            "Onko ulosotto tai velkajärjestely, joka vaikuttaa palkkaan?",
            prefill=keep("debt_or_enforcement"),
            of=define_options(no="Ei", yes="Kyllä", prefer_not_say="En halua kertoa"),
        )

    with section("6 Verkosto", by="client"):
        job_network: tuple[Acquaintance, ...] = ask_table(
            "Tutut, joiden kautta voi löytyä töitä",
            prefill=keep("job_network"),
            printed=3,
            hint="Valmentaja ottaa yhteyttä vain, jos vastaat kyllä.",
        )
        care_network: tuple[Supporter, ...] = ask_table(
            "Tukiverkosto", prefill=care_network, printed=2, hint="Yhteyttä otetaan vain, jos siihen on suostumus."
        )

    with section("7 Kertominen työnantajalle", by="client", sensitivity="h"):
        disclosure_level: Choice = ask(
            "Mitä terveydestä tai tuen tarpeesta kerrotaan",
            prefill=keep("disclosure_level", forms.CooperationAgreement.disclosure_initial),
            of=K9,
            hint="Sinä päätät. Voit muuttaa mieltäsi.",
        )
        disclosure_pros_cons: Long = ask(
            "Mitä hyötyä tai haittaa kertomisesta on", prefill=keep("disclosure_pros_cons"), max_length=500
        )
        disclosure_wording: Long | None = ask(
            "Millä sanoilla kerrotaan",
            prefill=keep("disclosure_wording"),
            max_length=300,
            needed=lambda record: record.disclosure_level in TOLD,
            hint="Tarvitaan, jos jotakin kerrotaan.",
        )

    with section("8 Opittua ja yhteenveto", by="client"):
        lessons: tuple[Lesson, ...] = ask_table(
            "Mitä opittiin aiemmista töistä",
            prefill=lessons,
            needed=lambda record: record.update_trigger == "job_end",
            printed=2,
            hint="Jokaisesta päättyneestä työstä oma rivi.",
        )
        summary: Long = ask("Yhteenveto: millaista työtä haetaan", by="coach", prefill=keep("summary"), max_length=800)
        client_agrees: YesNo = ask("Hyväksyykö asiakas profiilin sisällön?")
        client_agrees_date: Day | None = ask(
            "Milloin asiakas hyväksyi profiilin",
            needed=lambda record: record.client_agrees and not record.sign_client,
            hint="Tarvitaan, jos asiakas ei allekirjoita.",
        )
        sign_client: Signature | None = ask("Asiakkaan allekirjoitus")
        sign_coach: Signature | None = ask("Työhönvalmentajan allekirjoitus", by="coach", sensitivity="n")
        next_review_date: Day = ask("Profiilin seuraava päivitys", by="coach", prefill=next_review, sensitivity="n")

    @classmethod
    def is_needed(cls, case: Case) -> bool:
        """Tell whether there is no profile yet, or a job has ended or a day of review has come since."""
        if case.phase not in PHASES_WITH_CLIENT:
            return False
        profile = case.find_latest_record(cls.id)
        return profile is None or bool(list_ends_since(case, profile)) or profile.next_review_date <= case.today

    # --- what must hold -----------------------------------------------------------------------

    @rule("T06", waits_for="cooperation_agreement")
    def agreement_has_been_made(self, case: Case) -> bool:
        """Yhteistyösopimus puuttuu."""
        return case.find_latest_record(forms.CooperationAgreement) is not None

    @rule("R19", field="profile_date")
    def profile_is_made_in_service(self, case: Case) -> bool:
        """Asiakirja on päivätty ennen palvelun alkua."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        return agreement is None or self.profile_date >= agreement.service_start_date

    @rule("R20", field="work_goals")
    def there_is_a_goal(self, case: Case) -> bool:
        """Vähintään yksi työtavoite tarvitaan."""
        return bool(self.work_goals)

    @rule("R21", field="profiling_sessions", severity="warning")
    def client_was_met_twice(self, case: Case) -> bool:
        """Profilointitapaamisia on vain yksi."""
        return is_update(self) or len(self.profiling_sessions) != 1

    @rule("T23", field="change_reason")
    def change_of_goal_is_explained(self, case: Case) -> bool:
        """Kirjoittakaa, miksi tavoite on muuttunut."""
        return not self.goal_changed or bool(self.change_reason)

    @rule("choice", field="update_trigger")
    def first_profile_is_called_first(self, case: Case) -> bool:
        """Tarkistakaa, miksi profiili tehdään. Vain ensimmäinen on ensimmäinen profiili."""
        return is_update(self) == (case.find_latest_record(VocationalProfile) is not None)

    @rule("choice", field="related_job_id")
    def related_job_is_known(self, case: Case) -> bool:
        """Työsuhdetta ei ole tässä asiassa."""
        return not self.related_job_id or self.related_job_id in {
            job.job_id for job in list_records(case, forms.JobStart)
        }

    @rule("choice", field="information_sources")
    def people_were_asked_by_consent(self, case: Case) -> bool:
        """Läheiseltä tai entiseltä työnantajalta ei saa kysyä ilman suostumusta."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        allowed = {
            row.recipient_type
            for row in (agreement.consents if agreement else ())
            if row.direction in ("get", "both") and is_in_force(row, self.profile_date)
        }
        asked = {ASKED[source] for source in self.information_sources if source in ASKED}
        return agreement is None or asked <= allowed

    @rule("range")
    def sessions_precede_the_profile(self, case: Case) -> list[str]:
        """Tapaaminen on profiilin päiväyksen jälkeen."""
        return self.find_breaking_paths("profiling_sessions.date", lambda row: row.date > self.profile_date)

    @rule("range", field="work_goals")
    def goals_are_in_order(self, case: Case) -> bool:
        """Numeroikaa tavoitteiden tärkeys: 1, 2, 3 ja niin edelleen. Samaa numeroa ei voi käyttää kahdesti."""
        return sorted(row.priority for row in self.work_goals) == list(range(1, len(self.work_goals) + 1))

    @rule("range", field="desired_hours_min")
    def least_hours_are_not_above_most(self, case: Case) -> bool:
        """Vähimmäistyöaika on suurempi kuin enimmäistyöaika."""
        return self.desired_hours_min <= self.desired_hours_max

    @rule("choice", field="workplace_preferences", severity="warning")
    def wishes_agree(self, case: Case) -> bool:
        """Toiveet työpaikasta ovat ristiriidassa. Tarkistakaa ne."""
        return not any(pair <= set(self.workplace_preferences) for pair in OPPOSITES)

    @rule("range")
    def trainings_end_after_they_start(self, case: Case) -> list[str]:
        """Koulutus ei voi päättyä ennen kuin se alkaa."""
        return self.find_breaking_paths(
            "education_history.end_year", lambda row: row.start_year and row.end_year and row.end_year < row.start_year
        )

    @rule("range")
    def years_of_training_are_near(self, case: Case) -> list[str]:
        """Vuosi on liian kaukana tulevaisuudessa. Tarkistakaa se."""
        return [
            f"education_history.{index}.{name}"
            for index, row in enumerate(self.education_history)
            for name in ("start_year", "end_year")
            if (getattr(row, name) or 0) > case.today.year + 6
        ]

    @rule("range")
    def jobs_end_after_they_start(self, case: Case) -> list[str]:
        """Työ ei voi päättyä ennen kuin se alkaa."""
        return self.find_breaking_paths("work_history.end", lambda row: row.end and row.end < row.start[: len(row.end)])

    @rule("choice", field="no_work_history")
    def work_history_is_there_or_not(self, case: Case) -> bool:
        """Lomakkeessa on työhistoriaa. Tarkistakaa vastaus."""
        return not (self.no_work_history and self.work_history)

    @rule("range", severity="warning")
    def certificates_are_valid(self, case: Case) -> list[str]:
        """Kortti tai lupa ei ole enää voimassa."""
        return self.find_breaking_paths(
            "certificates.valid_until", lambda row: row.valid_until and row.valid_until < self.profile_date
        )

    @rule("choice", field="driving_licence")
    def no_licence_stands_alone(self, case: Case) -> bool:
        """Ei ajokorttia ja jokin kortti eivät voi olla valittuina yhtä aikaa."""
        return self.driving_licence == ("none",) or "none" not in self.driving_licence

    @rule("choice", severity="warning")
    def areas_have_a_row_of_their_own(self, case: Case) -> list[str]:
        """Sama osa-alue on kahdella rivillä."""
        named = [row.area for row in self.functioning]
        return [f"functioning.{index}.area" for index, area in enumerate(named) if area in named[:index]]

    @rule("choice", field="accommodations")
    def no_accommodation_stands_alone(self, case: Case) -> bool:
        """Ei tarvetta ja jokin mukautus eivät voi olla valittuina yhtä aikaa."""
        return self.accommodations == ("none",) or "none" not in self.accommodations

    @rule("choice", field="current_benefits")
    def no_benefits_stands_alone(self, case: Case) -> bool:
        """Ei etuuksia ja jokin etuus eivät voi olla valittuina yhtä aikaa."""
        named = [row.benefit for row in self.current_benefits]
        return "none" not in named or len(named) == 1

    @rule("choice", severity="warning")
    def supporters_are_contacted_by_consent(self, case: Case) -> list[str]:
        """Suostumusta ei löydy. Yhteyttä ei saa ottaa ilman asiakkaan suostumusta."""
        return self.find_breaking_paths(
            "care_network.consent_ref", lambda row: not has_named_consent(case, row.consent_ref, self.profile_date)
        )

    @rule("required", field="lessons", severity="warning")
    def every_job_has_taught_something(self, case: Case) -> bool:
        """Kirjatkaa jokaisesta päättyneestä työstä, mitä opittiin."""
        ended = {end.job_id for end in list_records(case, forms.JobEnd) if end.end_date <= self.profile_date}
        return ended <= {row.job_id for row in self.lessons}

    @rule("choice", field="client_agrees", severity="warning")
    def client_agrees_with_it(self, case: Case) -> bool:
        """Asiakas ei hyväksy profiilia. Käykää se läpi yhdessä ja korjatkaa se."""
        return self.client_agrees

    @rule("range", field="next_review_date")
    def review_follows_profile(self, case: Case) -> bool:
        """Seuraavan päivityksen pitää olla profiilin päiväyksen jälkeen."""
        return self.next_review_date > self.profile_date

    @rule("range", field="next_review_date")
    def review_is_within_a_year(self, case: Case) -> Check:
        """Profiili päivitetään vähintään {limit} päivän välein."""
        limit = get_settings(case).limits.profile_update
        return check(count_days(self.profile_date, self.next_review_date) <= limit + LEAP_DAY, limit=limit)

    @rule("range", field="profile_date", severity="warning")
    def profile_is_not_of_tomorrow(self, case: Case) -> bool:
        """Profiilin päiväys on tulevaisuudessa. Tarkistakaa päivä."""
        return self.profile_date <= case.today
