"""Työskentely työnantajien kanssa (L05): one employer, what it needs, every contact, and what comes of them."""

from __future__ import annotations

from formgen.schema import (
    BusinessId,
    Callable,
    Case,
    CaseRecord,
    Check,
    Choice,
    Choices,
    Clock,
    Day,
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
    Phone,
    Postcode,
    Row,
    YesNo,
    ask,
    ask_table,
    check,
    contradiction,
    count_days,
    date,
    deadline,
    define_options,
    normalise_text,
    rule,
    section,
)

from ._case import (
    ClientForm,
    build_employer_id,
    client_birth_date,
    client_name,
    find_active_plan,
    forms,
    from_record,
    get_settings,
    has_consent,
    is_granted,
    is_negotiating,
    list_documents,
    list_open_negotiations,
    list_records,
    shorten,
)
from ._codes import GRADES, K4, K5, K6, K7, K8, K10, K13, K16, K20, K34, K35

FACE_TO_FACE = K6.find_marked_codes("face_to_face")
CLOSED = frozenset(("closed_no_job", "closed_other"))
IN_HAND = frozenset(("applied", "granted"))
SAID_NOTHING = frozenset(("none", "undecided"))
IN_A_ROW = 3
TAILORED = {"shorter_hours": "shorter_hours", "quiet_space": "own_space", "limited_tasks": "task_carving"}


# --- what is already known --------------------------------------------------------------------


def list_targets(case: Case) -> tuple[forms.TargetEmployer, ...]:
    """Return the employers that the plan names."""
    return case.find_latest_value(forms.JobSearchPlan.target_employers) or ()


def build_target_id(row: forms.TargetEmployer) -> str:
    """Return the id that an employer of the plan has when it is contacted."""
    return build_employer_id(getattr(row, "business_id", None), row.employer_name, row.municipality or "")


def target_employer(case: Case) -> forms.TargetEmployer | None:
    """Return the employer that was chosen, else the first of those in the plan whom nobody has contacted."""
    if case.about:
        return next((row for row in list_targets(case) if build_target_id(row) == case.about), None)
    known = {normalise_text(contact.employer_name) for contact in list_records(case, EmployerContact)}
    waiting = [
        row
        for row in list_targets(case)
        if row.status in (None, "planned") and normalise_text(row.employer_name) not in known
    ]
    return min(waiting, key=lambda row: row.by_date, default=None)


def job_search_plan(case: Case) -> forms.JobSearchPlan | None:
    """Return the newest job-search plan."""
    return case.find_latest_record(forms.JobSearchPlan)


def municipality(case: Case) -> str | None:
    """Return the municipality of the employer to be contacted first."""
    return getattr(target_employer(case), "municipality", None)


def contact_person(case: Case) -> str | None:
    """Return the plan's contact person at the employer to be contacted first."""
    return getattr(target_employer(case), "known_contact", None)


def contact_basis(case: Case) -> str:
    """Return ``client_specific`` for a document made for a case, ``general`` for one made for none."""
    return "client_specific" if case.case_id else "general"


def target_job(case: Case) -> str | None:
    """Return the most wanted job of the plan."""
    targets = getattr(job_search_plan(case), "target_jobs", ()) or ()
    first = min(targets, key=lambda row: row.priority, default=None)
    return first.target_id if first else None


def strengths(case: Case) -> str | None:
    """Return the client's strengths, as far as there is room."""
    return shorten(case.find_latest_value(forms.VocationalProfile.strengths), 600)


def tailored(case: Case) -> tuple[str, ...]:
    """Return the codes of tailoring that the profile's accommodations ask for."""
    wanted = case.find_latest_value(forms.VocationalProfile.accommodations) or ()
    return tuple(TAILORED[code] for code in wanted if code in TAILORED)


def from_interest(field: str | None) -> Callable[[Case], str | None]:
    """Prefill that a subsidy is not needed, where the plan says so; else it is still to be talked about."""

    def known(case: Case) -> str | None:
        return "not_needed" if case.find_latest_value(field) == "not_needed" else None

    known.__name__ = str(field)
    return known


# --- what is computed -------------------------------------------------------------------------


def employer_id(record: EmployerContact, case: Case) -> str:
    """Return the id of the employer."""
    return build_employer_id(record.business_id, record.employer_name, record.employer_municipality)


def contact_id(record: EmployerContact, index: int) -> str:
    """Return the running number of a contact, such as ``C-1``."""
    return f"C-{index + 1}"


# --- when something is needed -----------------------------------------------------------------


def is_about_client(record: EmployerContact) -> bool:
    """Tell whether the contact is about the client."""
    return record.contact_basis != "general"


def is_closed(record: EmployerContact) -> bool:
    """Tell whether the contact has ended without a job."""
    return record.stage in CLOSED


def has_visited(record: EmployerContact) -> bool:
    """Tell whether a trial visit should have been held by the day of the document."""
    visit = record.trial_visit_date
    return record.stage == "trial_visit" and visit is not None and visit <= record.document_date


# --- which move it is -------------------------------------------------------------------------


def begins_search(record: EmployerContact, case: Case) -> bool:
    """Tell whether an employer has been met for the client before there is a job-search plan."""
    planned = any(plan.plan_status != "draft" for plan in list_documents(case, forms.JobSearchPlan))
    return record.first_meeting is not None and not planned


def ends_negotiation(record: EmployerContact, case: Case) -> bool:
    """Tell whether the contact has ended without a job and no other negotiation is open."""
    others = [contact for contact in list_open_negotiations(case) if contact.employer_id != record.employer_id]
    return is_about_client(record) and record.stage == "closed_no_job" and not others


class PossibleTask(Row):
    """A task that the employer could have done."""

    task: Line = ask("Työtehtävä", by="employer", max_length=120)
    hours_per_week: Hours | None = ask("Tuntia viikossa", by="employer", places=1)
    difficulty: Choice | None = ask(
        "Vaativuus", by="employer", of=define_options(easy="Helppo", medium="Keskitasoinen", demanding="Vaativa")
    )
    can_be_carved: YesNo | None = ask("Voiko räätälöidä?", by="employer")


class Contact(Row):
    """One contact with the employer."""

    contact_id: Line = ask("Tunniste", by="system", fill=contact_id, max_length=40)
    date: Day = ask("Päivä")
    start_time: Clock | None = ask("Kellonaika")
    minutes: Int = ask("Kesto minuutteina", low=1, high=480)
    mode: Choice = ask("Tapa", of=K6)
    place: Choice = ask("Paikka", of=K13)
    made_by: Choice = ask(
        "Kuka otti yhteyttä", of=define_options(coach="Valmentaja", client="Asiakas", together="Valmentaja ja asiakas")
    )
    person: Line = ask("Kenen kanssa", max_length=60)
    decision_maker: YesNo = ask("Päättääkö hän palkkaamisesta?")
    purpose: Choices = ask("Aihe", of=K7)
    about_competitive_job: YesNo = ask("Koskiko työtä avoimilla työmarkkinoilla?")
    job_title: Line | None = ask("Mikä työ", max_length=80)
    strengths_told: YesNo | None = ask("Kerrottiinko vahvuuksista?")
    needs_asked: YesNo | None = ask("Kysyttiinkö työnantajan tarpeista?")
    outcome: Choices = ask("Tulos", of=K8)
    next_step: Line | None = ask("Mitä seuraavaksi", max_length=120)
    next_date: Day | None = ask("Seuraavan askeleen päivä")
    note: Long | None = ask("Muistiinpano", max_length=400)


class Offer(Row):
    """One offer of a job."""

    offered_date: Day = ask("Tarjouksen päivä")
    job_title: Line = ask("Tehtävänimike", max_length=80)
    weekly_hours: Hours = ask("Viikkotyöaika", places=1)
    contract_type: Choice = ask("Työsuhteen laji", of=K4)
    start_date: Day = ask("Aloituspäivä")
    end_date: Day | None = ask("Päättymispäivä")
    wage: Euro | None = ask("Palkka")
    wage_type: Choice | None = ask("Palkan laji", of=K16)
    answer: Choice = ask(
        "Vastaus", of=define_options(open="Ei vielä vastattu", accepted="Hyväksytty", declined="Hylätty")
    )
    answer_date: Day | None = ask("Vastauksen päivä")


class AgreedSupport(Row):
    """Support that was agreed on with the employer."""

    support: Choice = ask("Tuki", of=K10)
    who: Choice = ask(
        "Kuka antaa", of=define_options(coach="Valmentaja", employer="Esihenkilö", coworker="Työtoveri", other="Muu")
    )
    start: Day = ask("Alkaen")
    note: Line | None = ask("Huomautus", max_length=120)


class EmployerContact(ClientForm):
    """Work with one employer: its later documents take the place of the earlier ones."""

    id = "employer_contact"
    number = "L05"
    version = "2026.1"
    versions = True
    versions_per = "employer_id"
    caseless = True
    title = "Työskentely työnantajien kanssa"
    about = (
        "Tällä lomakkeella kirjataan yhteydet yhteen työnantajaan. Jokaisesta työnantajasta tehdään oma lomake. "
        "Lisää uudet kontaktit samaan lomakkeeseen ja palauta se uudelleen. Asiakkaan nimi ja tuen tarve kerrotaan "
        "työnantajalle vain asiakkaan suostumuksella."
    )
    moves = (
        Move("T08", "phase_2", "phase_3", when=begins_search, then=("T09",)),
        Move("T09", "phase_3", "phase_4", when=is_negotiating),
        Move("T10", "phase_4", "phase_3", when=ends_negotiation),
    )
    allowed_phases = ("phase_1", "phase_2", "phase_3", "phase_4", "phase_5")

    with section("Asiakirja", by="system"):  # general cooperation has no client
        client_name: Line | None = ask(  # type: ignore[assignment]
            "Asiakkaan nimi",
            prefill=client_name,
            default=client_name,
            needed=is_about_client,
            locked=True,
            person=True,
            max_length=140,
        )
        client_birth_date: Day | None = ask(  # type: ignore[assignment]
            "Syntymäaika",
            prefill=client_birth_date,
            default=client_birth_date,
            needed=is_about_client,
            locked=True,
            birth=True,
        )

    with section("1 Työnantaja", sensitivity="n"):
        employer_id: Line = ask("Työnantajan tunniste", by="system", fill=employer_id, max_length=40)
        employer_name: Line = ask(
            "Työnantaja", prefill=from_record(forms.TargetEmployer.employer_name, target_employer), max_length=120
        )
        business_id: BusinessId | None = ask(
            "Y-tunnus",
            prefill=from_record(forms.TargetEmployer.business_id, target_employer),
            hint="Esimerkiksi 9000001-1. Kotitaloudella ei ole tunnusta.",
        )
        unit_name: Line | None = ask("Toimipaikka", max_length=80)
        employer_address: Line | None = ask("Osoite", max_length=120)
        employer_postcode: Postcode | None = ask("Postinumero")
        employer_municipality: Municipality = ask("Kunta", prefill=municipality, of=K20)
        industry: Choice = ask("Toimiala", prefill=from_record(forms.TargetEmployer.industry, target_employer), of=K5)
        employer_size: Choice | None = ask(
            "Henkilöstön määrä",
            of=define_options(
                **{"1_4": "1–4", "5_9": "5–9", "10_49": "10–49", "50_249": "50–249", "250_plus": "250 tai enemmän"},
                unknown="Ei tiedossa",
            ),
        )
        sector: Choice = ask(
            "Sektori",
            of=define_options(
                private="Yksityinen yritys",
                municipality="Kunta tai kuntayhtymä",
                wellbeing_county="Hyvinvointialue",
                state="Valtio",
                third_sector="Järjestö tai säätiö",
                church="Seurakunta",
                household="Kotitalous",
            ),
        )
        contact_person: Name = ask("Yhteyshenkilö", prefill=contact_person, max_length=80)
        contact_title: Line = ask("Yhteyshenkilön tehtävä", max_length=60)
        contact_phone: Phone | None = ask(
            "Yhteyshenkilön puhelin",
            needed=lambda record: not record.contact_email,
            hint="Puhelin tai sähköposti tarvitaan.",
        )
        contact_email: Email | None = ask("Yhteyshenkilön sähköposti", needed=lambda record: not record.contact_phone)
        is_decision_maker: YesNo = ask("Päättääkö yhteyshenkilö palkkaamisesta?")

    with section("2 Kenen asialla"):
        contact_basis: Choice = ask(
            "Kontaktin luonne",
            prefill=contact_basis,
            of=define_options(client_specific="Asiakkaan asialla", general="Yleinen yhteistyö", both="Molemmat"),
        )
        client_named: YesNo = ask(
            "Onko asiakas nimetty työnantajalle?", hint="Nimen saa kertoa vain asiakkaan suostumuksella."
        )
        client_named_date: Day | None = ask("Milloin nimi kerrottiin", needed=lambda record: record.client_named)
        health_disclosed: Choice = ask(
            "Onko kerrottu terveydestä tai tuen tarpeesta?",
            sensitivity="h",
            of=define_options(no="Ei", support_needs="Tuen tarpeesta", health="Terveydestä"),
        )
        matches_plan: YesNo | None = ask("Vastaako työnhakusuunnitelmaa?", needed=is_about_client)
        target_id: Line | None = ask(
            "Mihin haettavaan työhön liittyy",
            prefill=target_job,
            max_length=40,
            needed=lambda record: is_about_client(record) and record.matches_plan,
            hint="Haettavan työn tunniste työnhakusuunnitelmassa.",
        )

    with section("3 Työnantajan tarpeet", sensitivity="n"):
        employer_needs: Long | None = ask("Mitä työnantaja tarvitsee", max_length=800)
        tasks_possible: tuple[PossibleTask, ...] = ask_table("Mahdolliset työtehtävät", printed=3)
        vacancy_open: Choice = ask(
            "Onko paikka auki nyt?", of=define_options(yes="Kyllä", later="Myöhemmin", no="Ei", unknown="Ei tiedossa")
        )
        vacancy_kind: Choice | None = ask(
            "Paikan luonne",
            of=define_options(
                open_to_all="Avoin kaikille", created_for_client="Luotu asiakkaalle", reserved_group="Varattu ryhmälle"
            ),
            needed=lambda record: record.vacancy_open in ("yes", "later"),
            hint="Tarvitaan, jos paikka on auki nyt tai myöhemmin.",
        )
        expected_hours: Hours | None = ask("Mahdollinen työaika viikossa", by="employer", places=1)
        expected_wage: Euro | None = ask("Mahdollinen palkka", by="employer")
        expected_start: Day | None = ask("Mahdollinen aloitus", by="employer")
        workplace_conditions: Long | None = ask(
            "Työolot ja työyhteisö", max_length=500, hint="Esimerkiksi melu, työtahti, nostaminen ja ilmapiiri."
        )
        accessibility: Choice | None = ask(
            "Esteettömyys",
            of=define_options(ok="Kunnossa", partly="Osittain kunnossa", no="Ei kunnossa", unknown="Ei tiedossa"),
        )
        accessibility_detail: Line | None = ask("Esteettömyys: tarkemmin", max_length=160)
        occupational_health: Line | None = ask("Työterveyshuolto", by="employer", max_length=80)
        fit_summary: Long | None = ask(
            "Miten asiakkaan vahvuudet sopivat",
            sensitivity="s",
            prefill=strengths,
            max_length=600,
            needed=is_about_client,
        )

    with section("4 Kontaktit"):
        contacts: tuple[Contact, ...] = ask_table(
            "Kontaktit", required=True, printed=3, hint="Kirjaa jokainen käynti, puhelu ja viesti omalle rivilleen."
        )
        service_information_given: Choices | None = ask(
            "Mitä palvelusta ja tuesta on kerrottu työnantajalle",
            sensitivity="n",
            of=define_options(
                service="Palvelu",
                coach_support="Valmentajan tuki",
                wage_subsidy="Palkkatuki",
                adjustment_support="Työolosuhteiden järjestelytuki",
                tailoring="Työn räätälöinti",
                trial_visit="Tutustumiskäynti",
                brochure="Esite",
            ),
        )

    with section("5 Yhdessä sovittu"):
        stage: Choice = ask("Tilanne", of=K34)
        trial_visit_date: Day | None = ask(
            "Tutustumiskäynnin päivä", needed=lambda record: record.stage == "trial_visit"
        )
        trial_visit_notes: Long | None = ask(
            "Tutustumiskäynnin havainnot", max_length=400, needed=has_visited, hint="Tarvitaan käynnin jälkeen."
        )
        interview_date: Day | None = ask("Haastattelun päivä", needed=lambda record: record.stage == "interview")
        interview_time: Clock | None = ask("Haastattelun kellonaika", needed=lambda record: record.stage == "interview")
        coach_at_interview: Choice | None = ask(
            "Oliko valmentaja mukana haastattelussa?",
            of=define_options(yes="Kyllä", no="Ei", not_wanted="Asiakas ei halunnut"),
        )
        tailoring: Choices | None = ask(
            "Miten työtä räätälöidään",
            by="employer",
            prefill=tailored,
            of=define_options(
                task_carving="Tehtävien rajaaminen",
                shorter_hours="Lyhyempi työaika",
                slower_pace="Rauhallisempi työtahti",
                own_space="Oma tila",
                step_by_step="Tehtävät opitaan vaiheittain",
                combined_tasks="Tehtävien yhdistäminen",
                other="Muu",
            ),
        )
        tailoring_detail: Long | None = ask("Räätälöinti: tarkemmin", by="employer", max_length=300)
        offer: tuple[Offer, ...] = ask_table("Työtarjous", needed=lambda record: record.stage == "offer", printed=1)
        wage_subsidy_talk: Choice = ask(
            "Palkkatuki", prefill=from_interest(forms.JobSearchPlan.wage_subsidy_interest), sensitivity="n", of=K35
        )
        wage_subsidy_applied_date: Day | None = ask(
            "Milloin palkkatukea haettiin", sensitivity="n", needed=lambda record: record.wage_subsidy_talk in IN_HAND
        )
        adjustment_support_talk: Choice = ask(
            "Työolosuhteiden järjestelytuki",
            prefill=from_interest(forms.JobSearchPlan.adjustment_support_interest),
            sensitivity="h",
            of=K35,
        )
        support_agreed: tuple[AgreedSupport, ...] = ask_table("Tuesta sovittu työnantajan kanssa", printed=2)
        workplace_mentor: Line | None = ask("Nimetty työtoveri tukena", by="employer", sensitivity="n", max_length=80)
        closed_date: Day | None = ask(
            "Päättämispäivä", sensitivity="n", needed=is_closed, hint="Vain, jos yhteys päättyi."
        )
        outcome_reason: Choice | None = ask(
            "Miksi ei syntynyt työtä",
            of=define_options(
                no_need="Työnantajalla ei ole tarvetta",
                no_money="Työnantajalla ei ole rahaa",
                wrong_profile="Työ ja osaaminen eivät sovi yhteen",
                schedule="Työajat eivät sovi",
                client_declined="Asiakas ei halunnut työtä",
                employer_declined_disclosure="Työnantaja kieltäytyi kuultuaan tuen tarpeesta",
                other="Muu",
            ),
            needed=lambda record: record.stage == "closed_no_job",
        )
        outcome_reason_detail: Line | None = ask("Miksi ei syntynyt työtä: tarkemmin", max_length=200)
        next_contact_plan: Day | None = ask("Seuraavan yhteydenoton päivä", sensitivity="n")
        next_contact_plan_detail: Line | None = ask(
            "Seuraava yhteydenotto: miten ja miksi", sensitivity="n", max_length=120
        )
        employer_feedback: Choice | None = ask(
            "Työnantajan arvio palvelusta", by="employer", sensitivity="n", of=GRADES
        )
        employer_feedback_detail: Long | None = ask(
            "Työnantajan palaute palvelusta", by="employer", sensitivity="n", max_length=300
        )

    @classmethod
    def list_subjects(cls, case: Case) -> dict[str, str]:
        """Return the employers that have been contacted, and those that the plan names."""
        contacted = {contact.employer_id: contact.employer_name for contact in list_records(case, cls)}
        return {build_target_id(row): row.employer_name for row in list_targets(case)} | contacted

    @classmethod
    def continues_from(cls, case: Case) -> CaseRecord | None:
        """Return the newest record of the employer that was chosen."""
        found = (known for known in case.list_current_records(cls) if known.record.employer_id == case.about)
        return next(reversed([*found]), None)

    @classmethod
    def is_needed(cls, case: Case) -> bool:
        """Tell whether employers are to be contacted: while work is searched for."""
        return case.phase == "phase_3"

    def infer_phase(self, case: Case) -> str | None:
        """Return phase 4 while the negotiation is open, phase 3 when it began the search."""
        if is_negotiating(self, case):
            return "phase_4"
        return "phase_3" if begins_search(self, case) else None

    @property
    def last_contact(self) -> date:
        """Return the day of the last contact; the document's own when there is none."""
        return max((row.date for row in self.contacts), default=self.document_date)

    @property
    def first_meeting(self) -> date | None:
        """Return the day on which the employer was first met for the client in this document, or None."""
        met = [row.date for row in self.contacts if row.mode in FACE_TO_FACE]
        return min(met, default=None) if is_about_client(self) else None

    def history(self, case: Case) -> list[Contact]:
        """Return every contact with the employer: those that its other documents tell of, and the own ones."""
        others = [
            contact
            for contact in list_documents(case, EmployerContact)
            if contact.employer_id == self.employer_id and contact is not self
        ]
        return [row for contact in (*others, self) for row in contact.contacts]

    def withdrawn(self, case: Case) -> date | None:
        """Return the day on which the consent was withdrawn by which the name had been told, or None."""
        told = self.client_named_date if self.client_named else None
        agreement = case.find_latest_record(forms.CooperationAgreement)
        if told is None or agreement is None:
            return None
        return max(
            (
                row.withdrawn_date
                for row in agreement.consents
                if row.withdrawn_date and is_granted([row], "employer", "name_contact", told)
            ),
            default=None,
        )

    # --- what must hold -----------------------------------------------------------------------

    @rule("R35")
    def name_is_told_by_consent_only(self, case: Case) -> list[str]:
        """Asiakkaan nimeä ei saa kertoa ilman suostumusta."""
        if not self.client_named or self.client_named_date is None:
            return []
        told, ended = self.client_named_date, self.withdrawn(case)
        later = [index for index, row in enumerate(self.contacts) if row.date >= told]
        bad = [
            f"contacts.{index}.date"
            for index in later
            if not has_consent(case, "employer", "name_contact", self.contacts[index].date)
            and (ended is None or self.contacts[index].date < ended)
        ]
        return ["client_named_date"] if not has_consent(case, "employer", "name_contact", told) else bad

    @rule("R35", field="coach_at_interview")
    def coach_takes_part_by_consent_only(self, case: Case) -> bool:
        """Valmentaja voi olla mukana haastattelussa vain asiakkaan suostumuksella."""
        day = self.interview_date or self.last_contact
        return self.coach_at_interview != "yes" or has_consent(case, "employer", "name_contact", day)

    @rule("choice", field="contact_basis")
    def contact_without_a_case_is_general(self, case: Case) -> bool:
        """Lomake on tehty ilman asiaa, joten sillä kirjataan vain yleistä yhteistyötä.

        Tehkää lomake asiakkaan asialle.
        """
        return bool(case.case_id) or self.contact_basis == "general"

    @rule("choice", field="client_name")
    def no_client_is_named_without_a_case(self, case: Case) -> bool:
        """Yleiseen yhteistyöhön ei kirjata asiakasta."""
        return bool(case.case_id) or not (self.client_name or self.client_birth_date)

    @rule("R36", field="health_disclosed")
    def health_is_told_by_consent_only(self, case: Case) -> bool:
        """Terveystiedon kertomiseen ei ole lupaa."""
        scope = self.health_disclosed
        if scope == "no":
            return True
        source = case.find_latest_record(forms.JobSearchPlan) or case.find_latest_record(forms.VocationalProfile)
        agreement = case.find_latest_record(forms.CooperationAgreement)
        level = source.disclosure_level if source else getattr(agreement, "disclosure_initial", "undecided")
        return level not in SAID_NOTHING and any(
            has_consent(case, "employer", scope, day) for day in {row.date for row in self.contacts}
        )

    @rule("R37", waits_for="cooperation_agreement")
    def agreement_has_been_made(self, case: Case) -> bool:
        """Työnantajaa ei voi lähestyä asiakkaan puolesta ennen sopimusta."""
        return not is_about_client(self) or case.find_latest_record(forms.CooperationAgreement) is not None

    @rule("R37")
    def contacts_follow_the_start_of_the_service(self, case: Case) -> list[str]:
        """Työnantajaa ei voi lähestyä asiakkaan puolesta ennen palvelun alkua."""
        agreement = case.find_latest_record(forms.CooperationAgreement)
        return self.find_breaking_paths(
            "contacts.date",
            lambda row: (
                self.contact_basis == "client_specific" and agreement and row.date < agreement.service_start_date
            ),
        )

    @rule("R38", severity="warning", needs=("job_search_plan",))
    def search_has_been_planned(self, case: Case) -> Check:
        """Suunnitelma tehdään {limit} päivän sisällä."""
        first = min((row.date for row in self.history(case)), default=self.last_contact)
        limit = get_settings(case).limits.search_plan_after_contact
        late = is_about_client(self) and count_days(first, self.last_contact) > limit
        return check(not late or find_active_plan(case) is not None, limit=limit)

    @rule("R39", field="client_named_date", severity="warning")
    def consent_has_not_been_withdrawn(self, case: Case) -> bool:
        """Suostumus on peruttu. Kertokaa työnantajalle, että yhteys päättyy."""
        withdrawn = self.withdrawn(case)
        return withdrawn is None or withdrawn > case.today or has_consent(case, "employer", "name_contact", case.today)

    @rule("R40", field="matches_plan", severity="warning", needs=("job_search_plan",))
    def contacts_match_the_plan(self, case: Case) -> bool:
        """Kontaktit eivät vastaa suunnitelmaa."""
        others = [contact for contact in list_records(case, EmployerContact) if contact.employer_id != self.employer_id]
        newest = [contact.matches_plan for contact in (*others, self) if is_about_client(contact)][-IN_A_ROW:]
        return newest != [False] * IN_A_ROW

    @rule("R41", field="contacts", severity="warning")
    def somebody_who_decides_has_been_met(self, case: Case) -> bool:
        """Etsikää henkilö, joka päättää palkkaamisesta."""
        contacts = self.history(case)
        return len(contacts) < IN_A_ROW or any(row.decision_maker for row in contacts)

    @rule("R42", field="contacts", severity="warning")
    def needs_have_been_asked(self, case: Case) -> bool:
        """Työnantajan tarpeita ei ole kysytty."""
        return not self.contacts or any(row.needs_asked for row in self.history(case))

    @rule("R43", severity="warning")
    def offered_hours_suit_the_client(self, case: Case) -> list[str]:
        """Työaika ei vastaa asiakkaan toivetta."""
        plan, profile = case.find_latest_record(forms.JobSearchPlan), case.find_latest_record(forms.VocationalProfile)
        low = getattr(plan, "hours_min", None) or getattr(profile, "desired_hours_min", None) or Decimal(0)
        high = getattr(plan, "hours_max", None) or getattr(profile, "desired_hours_max", None) or Decimal(168)
        return self.find_breaking_paths(
            "offer.weekly_hours", lambda row: is_about_client(self) and not low <= row.weekly_hours <= high
        )

    @rule("R45", field="vacancy_kind", severity="warning")
    def vacancy_is_in_the_open_market(self, case: Case) -> bool:
        """Paikka ei ole avoimilla työmarkkinoilla."""
        return self.vacancy_kind != "reserved_group"

    @rule("T08", needs=("vocational_profile",), waits_for="vocational_profile")
    def profile_has_a_goal_before_the_search(self, case: Case) -> bool:
        """Ammatillisessa profiilissa pitää olla tavoite, ennen kuin työnantajia tavataan."""
        profile = case.find_latest_record(forms.VocationalProfile)
        begins = case.phase == "phase_2" and begins_search(self, case)
        return not begins or (profile is not None and bool(profile.work_goals))

    @rule("T09", field="stage", needs=("job_search_plan",), waits_for="job_search_plan")
    def search_is_planned_before_negotiation(self, case: Case) -> bool:
        """Hyväksytty työnhakusuunnitelma puuttuu. Se tarvitaan ennen neuvottelua työnantajan kanssa."""
        begins = case.phase == "phase_3" or (case.phase == "phase_2" and begins_search(self, case))
        if not (begins and is_negotiating(self, case)) or (find_active_plan(case) is not None):
            return True
        met = [contact.first_meeting for contact in (*list_documents(case, EmployerContact), self)]
        since = min((day for day in met if day), default=None)
        return (
            since is not None
            and count_days(since, self.last_contact) <= get_settings(case).limits.search_plan_after_contact
        )

    @rule("T10", field="closed_date")
    def contact_is_closed_after_its_last_contact(self, case: Case) -> bool:
        """Päättämispäivä on ennen viimeistä kontaktia."""
        return self.closed_date is None or self.closed_date >= self.last_contact

    @rule("T10", field="stage", severity="warning")
    def end_of_negotiation_is_told_as_one(self, case: Case) -> bool:
        """Avoimia neuvotteluja ei ole. Jos työtä ei syntynyt, merkitkää tilanteeksi Päättyi ilman työtä."""
        others = [contact for contact in list_open_negotiations(case) if contact.employer_id != self.employer_id]
        return case.phase != "phase_4" or self.stage != "closed_other" or bool(others) or not is_about_client(self)

    @rule("choice", field="target_id", needs=("job_search_plan",))
    def target_is_in_the_plan(self, case: Case) -> bool:
        """Haettavaa työtä ei ole työnhakusuunnitelmassa."""
        plan = case.find_latest_record(forms.JobSearchPlan)
        return not self.target_id or plan is None or self.target_id in {row.target_id for row in plan.target_jobs}

    @rule("range")
    def contacts_are_not_of_tomorrow(self, case: Case) -> list[str]:
        """Kontakti ei voi olla tulevaisuudessa."""
        return self.find_breaking_paths("contacts.date", lambda row: row.date > case.today)

    @rule("range")
    def next_steps_follow_contacts(self, case: Case) -> list[str]:
        """Seuraava askel on ennen kontaktia."""
        return self.find_breaking_paths("contacts.next_date", lambda row: row.next_date and row.next_date < row.date)

    @rule("range", field="next_contact_plan")
    def next_contact_follows_the_last_one(self, case: Case) -> bool:
        """Seuraava yhteydenotto on ennen viimeistä kontaktia."""
        return self.next_contact_plan is None or self.next_contact_plan >= self.last_contact

    @rule("range")
    def offered_jobs_end_after_they_start(self, case: Case) -> list[str]:
        """Tarjottu työ ei voi päättyä ennen kuin se alkaa."""
        return self.find_breaking_paths("offer.end_date", lambda row: row.end_date and row.end_date < row.start_date)

    @rule("range")
    def offers_are_answered_after_they_are_made(self, case: Case) -> list[str]:
        """Tarjoukseen on vastattu ennen tarjousta."""
        return self.find_breaking_paths(
            "offer.answer_date", lambda row: row.answer_date and row.answer_date < row.offered_date
        )

    # --- what another form may contradict ------------------------------------------------------

    @contradiction("R39", field="contacts")
    def contacts_end_with_the_consent(self, case: Case) -> forms.CooperationAgreement | None:
        """Työnantajaan on oltu yhteydessä, vaikka suostumus oli peruttu. Selvittäkää, mitä kerrottiin ja milloin."""
        told, agreement = (
            self.client_named_date if self.client_named else None,
            case.find_latest_record(forms.CooperationAgreement),
        )
        ended = [
            row.withdrawn_date
            for row in (agreement.consents if agreement else ())
            if row.recipient_type == "employer" and "name_contact" in (row.data_scope or ()) and row.withdrawn_date
        ]
        if told is None or not ended:
            return None
        met = () if is_closed(self) else (row.date for row in self.contacts if row.date >= told)
        against = (day >= min(ended) and not has_consent(case, "employer", "name_contact", day) for day in (told, *met))
        return agreement if any(against) else None

    # --- what the clock brings ----------------------------------------------------------------

    @deadline("T08")
    def search_is_planned_soon(self, case: Case) -> Check:
        """Työnhakusuunnitelma puuttuu. Se tehdään {limit} päivän sisällä ensimmäisestä työnantajan tapaamisesta."""
        met: list[date] = [row.date for row in self.history(case) if row.mode in FACE_TO_FACE]
        limit, planned = get_settings(case).limits.search_plan_after_contact, find_active_plan(case) is not None
        open_still = bool(met) and is_about_client(self) and not planned
        return check(case.add_active_days(min(met), limit + 1) if open_still else None, limit=limit)

    @deadline("T10")
    def plan_is_reviewed_after_negotiation(self, case: Case) -> Check:
        """Työnhakusuunnitelma tarkistetaan {limit} päivän sisällä siitä, kun neuvottelu päättyi ilman työtä."""
        own = {known.record_id for known in case.records if known.record is self}
        returned = any(step.transition == "T10" and step.record_id in own for step in case.steps)
        closed_on, limit = self.closed_date, get_settings(case).limits.search_plan_after_contact
        if closed_on is None or case.phase != "phase_3" or not returned:
            return check(None, limit=limit)
        reviewed = any(plan.plan_date >= closed_on for plan in list_documents(case, forms.JobSearchPlan))
        return check(None if reviewed else case.add_active_days(closed_on, limit + 1), limit=limit)
