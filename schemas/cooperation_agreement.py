"""Työhönvalmennuksen aloittaminen (L02): the cooperation agreement, its consents, and its amendments."""

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
    Email,
    Hours,
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
    PHASES_WITH_CLIENT,
    ClientForm,
    TransitionMeeting,
    coach_name,
    compile_pattern,
    forms,
    from_first,
    get_settings,
    is_granted,
    list_documents,
    list_records,
    shorten,
)
from ._codes import K1, K2, K3, K6, K9, K13, K23, K25, K26, K27, K30, K31

DECIDED_BY_OFFICE = K30.find_marked_codes("decided")
GOES_ON = frozenset(
    (
        "employed_part_time",
        "rehabilitative_work",
        "work_activity",
        "supported_open_work",
        "day_activity",
        "work_trial",
        "student",
    )
)
FACE_TO_FACE = K6.find_marked_codes("face_to_face")
BEFORE_WORK = ("phase_2", "phase_3", "phase_4")
SIGNED_AHEAD = 30  # days from a signature to the document and to the start of the service
UNDECIDED = frozenset((None, "more_info", "waiting_list"))

CLAUSE_ENDS = compile_pattern(r"[.,;:!?\n]")
SERVICE = compile_pattern(r"palvelu|valmennu|asiakku|sopimu|tjänst|coachning")
ENDS = compile_pattern(r"\b(?:päätty|päättä[äv]|lopet|loppuu\b|lakka|keskeyt|avsluta|upphör)")
DENIED = compile_pattern(r"\b(?:ei|eivät|eikä|emme|en|inte)\b")


def ends_service(text: str) -> bool:
    """Tell whether a text says in one of its clauses that the service ends.

    >>> ends_service("Jos et tule kolmesti, palvelu päättyy."), ends_service("Palvelua ei lopeteta.")
    (True, False)
    """
    for clause in CLAUSE_ENDS.split(text):
        said = ENDS.search(clause)
        if said and SERVICE.search(clause) and not DENIED.search(clause, 0, said.start()):
            return True
    return False


# --- what is already known --------------------------------------------------------------------


def keep(name: str, *referral: object) -> Callable[[Case], Any]:
    """Prefill from the agreement in force, else from a field of the referral."""
    return from_first(f"cooperation_agreement.{name}", *referral)


def kind_of_agreement(case: Case) -> str:
    """Return ``amendment`` when there is an agreement to amend."""
    return "amendment" if case.find_latest_record(CooperationAgreement) else "initial"


def coach_title(case: Case) -> str:
    """Return the named coach's title, from the settings."""
    return case.office.find_coach(coach_name(case) or "").title


def goal(case: Case) -> str | None:
    """Return the goal agreed on, else the client's own words as far as they have room."""
    return shorten(from_first(forms.CooperationAgreement.goal_summary, forms.Referral.client_own_words)(case), 800)


def wants_paid_work(case: Case) -> bool | None:
    """Return the answer given before, else what the referral says, unless the client was unsure."""
    if agreement := case.find_latest_record(CooperationAgreement):
        return bool(agreement.competitive_goal)
    referral = case.find_latest_record(forms.Referral)
    return {"yes": True, "no": False}.get(referral.client_wants_work) if referral else None


def what_goes_on(case: Case) -> str | None:
    """Return the client's activities that may go on, by the referral's labels."""
    status = from_first(forms.CooperationAgreement.current_activity_continues, forms.Referral.employment_status)(case)
    if status is None or isinstance(status, str):
        return status
    return ", ".join(K2[code].label for code in status if code in GOES_ON) or None


def other_party(case: Case) -> tuple[str | None, str | None]:
    """Return name and kind of the other party: the agreement's, else the referrer unless it is the client."""
    if agreement := case.find_latest_record(CooperationAgreement):
        return agreement.other_party_name, agreement.other_party_role
    referral = case.find_latest_record(forms.Referral)
    if referral is None or referral.referrer_type == "self":
        return None, None
    return referral.referrer_name, referral.referrer_type


def other_party_name(case: Case) -> str | None:
    """Return the name of the other party."""
    return other_party(case)[0]


def other_party_role(case: Case) -> str | None:
    """Return the kind of body that the other party is of."""
    return other_party(case)[1]


def support_people(case: Case) -> list[dict[str, object]]:
    """Return the people who may take part: the agreement's, else those whom the referral names."""
    if agreement := case.find_latest_record(CooperationAgreement):
        return [row.model_dump() for row in agreement.support_people]
    referral = case.find_latest_record(forms.Referral)
    if not referral:
        return []
    people: list[dict[str, object]] = [
        {"name": row.contact_person, "phone": row.contact_phone, "may_contact": row.contact_allowed}
        for row in referral.other_services
        if row.contact_person
    ]
    if referral.guardian_name:
        relation = "guardian" if referral.guardian_exists == "guardian" else "other"
        people.insert(0, {"name": referral.guardian_name, "relationship": relation, "phone": referral.guardian_phone})
    return people


def missed_meeting_practice(case: Case) -> str:
    """Return the practice agreed on for missed meetings, else the office's usual one."""
    return str(keep("missed_meeting_practice")(case) or get_settings(case).missed_meeting_practice)


def next_review(case: Case) -> date:
    """Return the day by which the agreement should be looked at again."""
    return case.today + timedelta(days=get_settings(case).limits.agreement_review)


def guardian_signs(case: Case) -> bool | None:
    """Return the answer given before, else whether the referral knows of a guardian."""
    if agreement := case.find_latest_record(CooperationAgreement):
        return bool(agreement.guardian_signs)
    referral = case.find_latest_record(forms.Referral)
    return referral.guardian_exists == "guardian" if referral else None


DEFAULT_CONSENTS: dict[str, tuple[str, str]] = {
    "employer": ("give", "Työpaikan etsiminen ja työstä sopiminen"),
    "employment_services": ("both", "Työllistymissuunnitelma, palkkatuki ja muut työvoimapalvelut"),
    "care_team": ("both", "Työn ja hoidon yhteensovittaminen"),
    "kela": ("both", "Etuuksien ja palkan yhteensovittaminen"),
    "family": ("both", "Läheisten tuki työnhaussa ja työssä"),
}


def consents(case: Case) -> list[dict[str, object]]:
    """Return the rows of consent given before and a row for every usual recipient that none is of."""
    agreement = case.find_latest_record(CooperationAgreement)
    given = [row.model_dump() for row in agreement.consents] if agreement else []
    return given + [
        {"recipient_type": recipient, "direction": direction, "purpose": purpose}
        for recipient, (direction, purpose) in DEFAULT_CONSENTS.items()
        if recipient not in {row["recipient_type"] for row in given}
    ]


def consent_id(record: CooperationAgreement, index: int) -> str:
    """Return the recipient and its running number among its like, such as ``employer-1``."""
    kinds = [getattr(row, "recipient_type", "") for row in record.consents[: index + 1]]
    return f"{kinds[-1]}-{kinds.count(kinds[-1])}"


# --- when something is needed -----------------------------------------------------------------


def is_initial(record: CooperationAgreement, case: Case) -> bool:
    """Tell whether the document starts the service."""
    return record.agreement_kind == "initial"


def is_amendment(record: CooperationAgreement, case: Case) -> bool:
    """Tell whether the document changes an agreement."""
    return record.agreement_kind == "amendment"


def is_agreed(row: Consent) -> bool:
    """Tell whether the client has given the consent."""
    return row.granted is True


# --- what the clock asks ----------------------------------------------------------------------


def has_plan(case: Case) -> bool:
    """Tell whether a job-search plan has ever been approved."""
    return any(plan.plan_status == "approved" for plan in list_documents(case, forms.JobSearchPlan))


def has_met_employer(case: Case) -> bool:
    """Tell whether an employer has been met face to face: by a contact, or by a visit that a plan's log tells of."""
    contacts = [row for contact in list_documents(case, forms.EmployerContact) for row in contact.contacts]
    visits = [
        row for plan in list_documents(case, forms.JobSearchPlan) for row in plan.activity_log if row.what == "visit"
    ]
    return any(row.mode in FACE_TO_FACE for row in (*contacts, *visits))


class SupportPerson(Row):
    """Somebody close to the client who may take part."""

    name: Name = ask("Nimi", max_length=80)
    relationship: Choice | None = ask("Suhde asiakkaaseen", of=K23)
    phone: Phone | None = ask("Puhelin")
    may_contact: YesNo = ask("Saako ottaa yhteyttä?")
    may_discuss: Choices | None = ask("Mistä saa puhua?", of=K27)


class BenefitAdvice(Row):
    """Advice on benefits that is planned."""

    who: Line = ask("Kuka neuvoo", max_length=80)
    planned_date: Day = ask("Milloin")
    topic: Choices | None = ask("Mistä etuudesta", of=K3)


class Consent(Row):
    """One consent: to whom, from whom, what data, what for, and whether it was given."""

    consent_id: Line = ask("Tunniste", by="system", fill=consent_id, sensitivity="n", max_length=40)
    recipient_type: Choice = ask("Kenelle tai keneltä", of=K31)
    recipient_name: Line | None = ask("Nimi tai paikka", max_length=80, hint="Jos tiedät, kuka tai mikä paikka se on.")
    direction: Choice = ask(
        "Suunta", of=define_options(give="Tietoja annetaan", get="Tietoja saadaan", both="Molemmat")
    )
    data_scope: Choices | None = ask(
        "Mitä tietoja", of=K27, needed=is_agreed, hint="Terveystiedoille tarvitaan oma rivi."
    )
    purpose: Line = ask("Mihin tarkoitukseen", max_length=160)
    granted: YesNo | None = ask(
        "Annatko suostumuksen?", needed=lambda _: True, code="R11", hint="Voit vastata myös ei."
    )
    granted_date: Day | None = ask("Suostumuksen päivä", needed=is_agreed)
    valid_until: Day | None = ask("Voimassa asti", hint="Tyhjä tarkoittaa: toistaiseksi.")
    withdrawn_date: Day | None = ask("Peruttu")


class CooperationAgreement(ClientForm):
    """The agreement between client and coach; an amendment changes one that is in force."""

    id = "cooperation_agreement"
    number = "L02"
    version = "2026.1"
    versions = True
    title = "Työhönvalmennuksen aloittaminen (yhteistyösopimus)"
    about = (
        "Tällä lomakkeella asiakas ja työhönvalmentaja sopivat yhteistyöstä. Palvelu alkaa, kun molemmat ovat "
        "allekirjoittaneet. Suostumuksiin saa vastata myös ei. Suostumuksen voi perua milloin tahansa."
    )
    moves = (
        Move("T04", "phase_1", "phase_2", when=is_initial),
        *(Move("T25", phase, phase, when=is_amendment) for phase in PHASES_WITH_CLIENT),
    )

    with section("1 Osapuolet"):
        agreement_kind: Choice = ask(
            "Sopimuksen laji",
            of=define_options(initial="Uusi sopimus", amendment="Muutos sopimukseen"),
            prefill=kind_of_agreement,
            sensitivity="n",
        )
        client_phone: Phone | None = ask(
            "Asiakkaan puhelin",
            by="client",
            prefill=keep("client_phone", forms.Referral.client_phone),
            needed=lambda record: not record.client_email,
            hint="Puhelin tai sähköposti tarvitaan.",
        )
        client_email: Email | None = ask(
            "Asiakkaan sähköposti",
            by="client",
            prefill=keep("client_email", forms.Referral.client_email),
            needed=lambda record: not record.client_phone,
        )
        coach_title: Line = ask(
            "Työhönvalmentajan tehtävänimike",
            by="system",
            prefill=coach_title,
            default=coach_title,
            sensitivity="n",
            max_length=60,
        )
        substitute_coach: Name | None = ask(
            "Sijainen",
            prefill=keep("substitute_coach"),
            sensitivity="n",
            max_length=80,
            hint="Kuka auttaa, jos työhönvalmentaja on poissa.",
        )
        other_party_name: Name | None = ask(
            "Muu osapuoli: nimi", prefill=other_party_name, max_length=80, hint="Esimerkiksi sosiaaliohjaaja."
        )
        other_party_role: Choice | None = ask("Muu osapuoli: taho", prefill=other_party_role, of=K1)

    with section("2 Palvelu", by="client"):
        service_start_date: Day = ask("Palvelun aloituspäivä", by="coach", prefill=keep("service_start_date"))
        legal_basis: Choice = ask("Palvelun peruste", by="coach", prefill=keep("legal_basis"), of=K30)
        decision_number: Line | None = ask(
            "Päätöksen numero ja päivä",
            by="coach",
            prefill=keep("decision_number"),
            max_length=40,
            needed=lambda record: record.legal_basis in DECIDED_BY_OFFICE,
            code="R18",
            hint="Tarvitaan, jos palvelusta on tehty hallintopäätös.",
        )
        goal_summary: Long = ask(
            "Yhteinen tavoite", prefill=goal, max_length=800, hint="Kirjoittakaa asiakkaan omin sanoin."
        )
        competitive_goal: YesNo = ask(
            "Tavoitteena palkkatyö avoimilla työmarkkinoilla",
            prefill=wants_paid_work,
            hint="Tavallinen työ, josta maksetaan tavallista palkkaa ja jota kuka tahansa voi hakea.",
        )
        target_weekly_hours: Hours | None = ask(
            "Tavoitteen mukainen työaika viikossa",
            prefill=keep("target_weekly_hours", forms.Referral.desired_weekly_hours),
            places=1,
            hint="Tuntia viikossa.",
        )
        current_activity_continues: Line | None = ask(
            "Nykyinen toiminta jatkuu rinnalla",
            prefill=what_goes_on,
            max_length=200,
            hint="Esimerkiksi työtoiminta tai opinnot.",
        )

    with section("3 Miten toimimme", by="client"):
        coach_tasks: Choices = ask("Työhönvalmentaja tekee", by="coach", prefill=keep("coach_tasks"), of=K25)
        client_tasks: Long = ask("Asiakas tekee", prefill=keep("client_tasks"), max_length=600)
        meeting_frequency: Choice = ask(
            "Kuinka usein tavataan",
            by="coach",
            prefill=keep("meeting_frequency"),
            of=define_options(
                weekly="Kerran viikossa",
                several_per_week="Monta kertaa viikossa",
                every_2_weeks="Joka toinen viikko",
                monthly="Kerran kuukaudessa",
                other="Muu",
            ),
            sensitivity="n",
        )
        meeting_places: Choices = ask("Missä tavataan", prefill=keep("meeting_places"), of=K13, sensitivity="n")
        contact_channels: Choices = ask(
            "Miten pidetään yhteyttä", prefill=keep("contact_channels", forms.Referral.contact_preferences), of=K26
        )
        unencrypted_ok: YesNo = ask(
            "Saako sopimisasioista lähettää tavallisen tekstiviestin tai sähköpostin?",
            prefill=keep("unencrypted_ok"),
            hint="Esimerkiksi tapaamisen aika ja paikka. Tavallinen viesti ei ole salattu.",
        )
        contact_hours: Line | None = ask(
            "Milloin saa ottaa yhteyttä",
            prefill=keep("contact_hours"),
            sensitivity="n",
            max_length=80,
            hint="Esimerkiksi ma–pe klo 9.00–16.00.",
        )
        missed_meeting_practice: Long | None = ask(
            "Mitä teemme, jos tapaaminen jää väliin",
            by="coach",
            prefill=missed_meeting_practice,
            sensitivity="n",
            max_length=400,
        )
        support_people: tuple[SupportPerson, ...] = ask_table(
            "Läheiset tai muut, jotka saavat olla mukana", prefill=support_people, printed=3
        )
        review_date: Day | None = ask(
            "Sopimuksen tarkistuspäivä",
            by="coach",
            prefill=next_review,
            sensitivity="n",
            needed=lambda _: True,
            code="R17",
        )

    with section("4 Tieto ja vapaaehtoisuus", sensitivity="n"):
        voluntary_explained: YesNo = ask("Palvelu on vapaaehtoinen: kerrottu", prefill=keep("voluntary_explained"))
        no_time_limit_explained: YesNo = ask(
            "Palvelulla ei ole kiinteää takarajaa: kerrottu", prefill=keep("no_time_limit_explained")
        )
        no_time_limit_explained_detail: Line | None = ask(
            "Jos palvelulla on takaraja: mikä ja miksi",
            prefill=keep("no_time_limit_explained_detail"),
            max_length=200,
            needed=lambda record: record.no_time_limit_explained is False,
        )
        confidentiality_explained: YesNo = ask(
            "Salassapito ja vaitiolo: kerrottu", prefill=keep("confidentiality_explained")
        )
        recording_explained: YesNo = ask(
            "Mitä kirjataan ja kuka tiedot näkee: kerrottu", prefill=keep("recording_explained")
        )
        privacy_notice_given: YesNo = ask("Tietosuojaseloste annettu", prefill=keep("privacy_notice_given"), code="R12")
        complaint_info_given: YesNo = ask(
            "Muistutus ja sosiaaliasiavastaava: kerrottu", prefill=keep("complaint_info_given")
        )
        benefits_counselling_plan: tuple[BenefitAdvice, ...] = ask_table(
            "Etuusneuvonta: kuka ja milloin", sensitivity="s", prefill=keep("benefits_counselling_plan"), printed=2
        )

    with section("5 Suostumukset", by="client"):
        consents: tuple[Consent, ...] = ask_table(
            "Suostumukset tietojen antamiseen ja saamiseen",
            prefill=consents,
            required=True,
            printed=7,
            hint="Vastaa jokaiseen kohtaan kyllä tai ei. Suostumuksen voi perua milloin tahansa.",
        )
        employer_contact_mode: Choice = ask(
            "Saako valmentaja ottaa yhteyttä työnantajiin puolestasi?",
            prefill=keep("employer_contact_mode"),
            of=define_options(
                no="Ei saa", general_without_name="Saa, mutta nimeäni ei kerrota", with_name="Saa, nimelläni"
            ),
            hint="Nimen kertomiseen tarvitaan myös suostumus: Työnantaja, nimi ja yhteystiedot.",
        )
        disclosure_initial: Choice = ask(
            "Mitä työnantajalle saa kertoa (alustava)",
            prefill=keep("disclosure_initial"),
            sensitivity="h",
            of=K9,
            hint="Tästä puhutaan myöhemmin uudelleen. Voit muuttaa mieltäsi.",
        )
        disclosure_discussed: YesNo = ask(
            "Kertomisen hyödyt ja haitat käyty läpi", by="coach", prefill=keep("disclosure_discussed"), sensitivity="h"
        )
        consent_research: YesNo | None = ask(
            "Tiedot saa käyttää tilastointiin ilman nimeä", prefill=keep("consent_research"), sensitivity="n"
        )
        withdrawal_explained: YesNo = ask(
            "Suostumuksen voi perua: kerrottu", by="coach", prefill=keep("withdrawal_explained"), sensitivity="n"
        )

    with section("6 Nivelvaihe ja allekirjoitukset"):
        transition_meetings: tuple[TransitionMeeting, ...] = ask_table(
            "Nivelvaihepalaverit", prefill=keep("transition_meetings", forms.Referral.transition_meetings), printed=2
        )
        amendment_reason: Choice | None = ask(
            "Muutoksen syy",
            of=define_options(
                consent="Suostumukset",
                coach_change="Työhönvalmentaja vaihtuu",
                goal="Tavoite",
                contact="Yhteystiedot",
                other="Muu",
            ),
            needed=lambda record: record.agreement_kind == "amendment",
            hint="Vain, kun sopimusta muutetaan.",
        )
        amendment_reason_detail: Line | None = ask(
            "Mikä muuttuu", max_length=200, needed=lambda record: record.agreement_kind == "amendment"
        )
        next_meeting_date: Day = ask("Seuraava tapaaminen: päivä")
        next_meeting_time: Clock = ask("Seuraava tapaaminen: kellonaika")
        next_meeting_place: Line = ask("Seuraava tapaaminen: paikka", max_length=80)
        guardian_signs: YesNo = ask("Allekirjoittaako edunvalvoja asiakkaan kanssa?", prefill=guardian_signs)
        sign_client: Signature | None = ask(
            "Asiakkaan allekirjoitus", by="client", needed=lambda record: not record.guardian_signs, code="R10"
        )
        sign_coach: Signature | None = ask(
            "Työhönvalmentajan allekirjoitus", sensitivity="n", needed=lambda _: True, code="R10"
        )
        sign_guardian: Signature | None = ask(
            "Edunvalvojan allekirjoitus",
            by="client",
            needed=lambda record: record.guardian_signs,
            code="R10",
            hint="Vain, jos edunvalvoja allekirjoittaa.",
        )
        sign_other: Signature | None = ask("Muun osapuolen allekirjoitus", by="referrer", sensitivity="n")
        copy_given: YesNo = ask("Asiakas on saanut oman kappaleen", sensitivity="n")

    def infer_phase(self, case: Case) -> str:
        """Return phase 2: the service has begun."""
        return "phase_2"

    # --- what must hold -----------------------------------------------------------------------

    @rule("R09", waits_for="referral")
    def referral_has_been_decided(self, case: Case) -> bool:
        """Hyväksytty lähete puuttuu."""
        referral = case.find_latest_record(forms.Referral)
        return referral is not None and referral.decision not in UNDECIDED

    @rule("R09")
    def referral_was_not_turned_away(self, case: Case) -> bool:
        """Hyväksytty lähete puuttuu. Asiakasta ei ole otettu palveluun."""
        referral = case.find_latest_record(forms.Referral)
        return referral is None or referral.decision in UNDECIDED | {"accepted"}

    @rule("R10")
    def everybody_has_signed(self, case: Case) -> list[str]:
        """Sopimuksesta puuttuu allekirjoitus."""
        needed = ("sign_guardian" if self.guardian_signs else "sign_client", "sign_coach")
        return [name for name in needed if getattr(self, name, ...) is None]

    @rule("R11")
    def every_consent_is_answered(self, case: Case) -> list[str]:
        """Kaikkiin suostumuskohtiin pitää vastata kyllä tai ei."""
        asked = {getattr(row, "recipient_type", "") for row in self.consents}
        open_rows = [index for index, row in enumerate(self.consents) if getattr(row, "granted", ...) is None]
        gone = [] if asked.issuperset(DEFAULT_CONSENTS) or "" in asked else ["consents"]
        return [f"consents.{index}.granted" for index in open_rows] + gone

    @rule("R12", field="privacy_notice_given")
    def privacy_notice_has_been_given(self, case: Case) -> bool:
        """Tietosuojaselosteen antaminen on kirjaamatta."""
        return self.privacy_notice_given

    @rule("R13", field="employer_contact_mode")
    def name_is_told_by_consent_only(self, case: Case) -> bool:
        """Nimen kertomiseen ei ole suostumusta."""
        return self.employer_contact_mode != "with_name" or is_granted(
            self.consents, "employer", "name_contact", self.document_date
        )

    @rule("R14", field="transition_meetings", severity="warning")
    def start_was_handed_over(self, case: Case) -> bool:
        """Nivelvaihepalaveria lähettäjän kanssa ei ole pidetty."""
        referral = case.find_latest_record(forms.Referral)
        if referral is None or referral.referrer_type == "self" or self.agreement_kind == "amendment":
            return True
        return any(row.kind == "start" for row in (*self.transition_meetings, *referral.transition_meetings))

    @rule("R15", field="meeting_places", severity="warning")
    def meetings_are_not_only_in_the_office(self, case: Case) -> bool:
        """Tapaamiset on sovittu vain toimistolle."""
        return self.meeting_places != ("coach_office",)

    @rule("R16", field="competitive_goal", severity="warning")
    def goal_is_paid_work(self, case: Case) -> bool:
        """Tavoitteena ei ole palkkatyö avoimilla työmarkkinoilla."""
        return self.competitive_goal

    @rule("R17", field="review_date", severity="warning")
    def review_is_within_a_year(self, case: Case) -> bool:
        """Tarkistuspäivä puuttuu."""
        return self.review_date is not None and count_days(self.basis, self.review_date) <= 366

    @rule("R18", field="decision_number", severity="warning")
    def decision_is_named(self, case: Case) -> bool:
        """Päätöksen numero puuttuu."""
        return self.legal_basis not in DECIDED_BY_OFFICE or bool(self.decision_number)

    @rule("T04", field="service_start_date")
    def service_starts_after_referral(self, case: Case) -> bool:
        """Palvelu ei voi alkaa ennen lähetteen saapumista."""
        referral = case.find_latest_record(forms.Referral)
        return referral is None or self.service_start_date >= referral.received_date

    @rule("T04", field="service_start_date")
    def service_starts_soon_after_signing(self, case: Case) -> Check:
        """Palvelu alkaa yli {limit} päivän kuluttua allekirjoituksesta."""
        signed = [block.date for block in (self.sign_client, self.sign_coach, self.sign_guardian) if block]
        soon = all(count_days(day, self.service_start_date) <= SIGNED_AHEAD for day in signed)
        return check(soon, limit=SIGNED_AHEAD)

    @rule("T04", field="agreement_kind")
    def agreement_is_made_once(self, case: Case) -> bool:
        """Sopimus on jo tehty. Valitkaa sopimuksen lajiksi muutos."""
        made = [agreement.agreement_kind for agreement in list_records(case, CooperationAgreement)]
        return self.agreement_kind != "initial" or "initial" not in made

    @rule("T25", field="agreement_kind", waits_for="cooperation_agreement")
    def there_is_something_to_amend(self, case: Case) -> bool:
        """Muutettavaa sopimusta ei ole."""
        return self.agreement_kind != "amendment" or case.find_latest_record(CooperationAgreement) is not None

    @rule("T25", field="transition_meetings", severity="warning")
    def change_of_coach_is_handed_over(self, case: Case) -> bool:
        """Valmentajan vaihdosta ei ole pidetty nivelvaihepalaveria."""
        changes = self.agreement_kind == "amendment" and self.amendment_reason == "coach_change"
        return not changes or any(row.kind == "coach_change" for row in self.transition_meetings)

    @rule("choice")
    def rights_have_been_explained(self, case: Case) -> list[str]:
        """Tämä asia pitää kertoa asiakkaalle ennen allekirjoitusta."""
        told = ("voluntary_explained", "confidentiality_explained", "recording_explained", "withdrawal_explained")
        return [name for name in told if getattr(self, name, True) is False]

    @rule("choice", severity="warning")
    def other_things_have_been_explained(self, case: Case) -> list[str]:
        """Tämä asia on kertomatta tai antamatta. Hoitakaa se seuraavassa tapaamisessa."""
        told = ("no_time_limit_explained", "complaint_info_given", "copy_given")
        return [name for name in told if getattr(self, name, True) is False]

    @rule("choice", field="unencrypted_ok", severity="warning")
    def channels_are_as_the_client_accepts(self, case: Case) -> bool:
        """Asiakas ei hyväksy tavallisia viestejä. Käyttäkää vain suojattua yhteyttä."""
        return self.unencrypted_ok or not {"text", "email"} & set(self.contact_channels)

    @rule("range", field="meeting_frequency", severity="warning")
    def meetings_are_frequent_enough(self, case: Case) -> bool:
        """Tapaamisia on harvemmin kuin joka toinen viikko."""
        return self.meeting_frequency != "monthly" or case.phase in ("phase_4", "phase_5")

    @rule("format", field="missed_meeting_practice")
    def missed_meeting_does_not_end_the_service(self, case: Case) -> bool:
        """Palvelua ei lopeteta poissaolojen takia. Muuttakaa teksti."""
        return not ends_service(self.missed_meeting_practice or "")

    @rule("R34", field="benefits_counselling_plan", severity="warning")
    def benefit_advice_is_planned_by_job_search(self, case: Case) -> bool:
        """Etuusneuvonta on tekemättä."""
        return case.phase not in PHASES_WITH_CLIENT[1:] or bool(self.benefits_counselling_plan)

    @rule("range", field="review_date")
    def review_follows_start(self, case: Case) -> bool:
        """Tarkistuspäivän pitää olla palvelun aloituspäivän jälkeen."""
        return self.review_date is None or self.review_date > self.service_start_date

    @rule("range", field="next_meeting_date")
    def next_meeting_follows_agreement(self, case: Case) -> bool:
        """Seuraava tapaaminen on ennen asiakirjan päiväystä."""
        return self.next_meeting_date >= self.document_date

    @rule("range", field="sign_client.date")
    def client_signed_lately(self, case: Case) -> Check:
        """Asiakirja on päivätty yli {limit} päivän kuluttua asiakkaan allekirjoituksesta."""
        signed = self.sign_client
        lately = signed is None or count_days(signed.date, self.document_date) <= SIGNED_AHEAD
        return check(lately, limit=SIGNED_AHEAD)

    @rule("choice")
    def health_has_a_row_of_its_own(self, case: Case) -> list[str]:
        """Terveystietoja koskeva suostumus tarvitsee oman rivin."""
        scopes = [row.data_scope or () for row in self.consents]
        return [
            f"consents.{index}.data_scope" for index, scope in enumerate(scopes) if "health" in scope and len(scope) > 1
        ]

    @rule("range")
    def consents_precede_the_document(self, case: Case) -> list[str]:
        """Suostumuksen päivä on asiakirjan päiväyksen jälkeen."""
        return self.find_breaking_paths(
            "consents.granted_date", lambda row: row.granted_date and row.granted_date > self.document_date
        )

    @rule("range")
    def consents_are_withdrawn_after_giving(self, case: Case) -> list[str]:
        """Suostumus on peruttu ennen kuin se on annettu."""
        return self.find_breaking_paths(
            "consents.withdrawn_date",
            lambda row: row.granted_date and row.withdrawn_date and row.withdrawn_date < row.granted_date,
        )

    @rule("range")
    def handover_follows_referral(self, case: Case) -> list[str]:
        """Nivelvaihepalaveri on ennen lähetteen päiväystä."""
        referral = case.find_latest_record(forms.Referral)
        return self.find_breaking_paths(
            "transition_meetings.meeting_date", lambda row: referral and row.meeting_date < referral.referral_date
        )

    # --- what the clock brings ----------------------------------------------------------------

    @deadline("R22")
    def profile_is_made(self, case: Case) -> Check:
        """Ammatillinen profiili puuttuu. Se tehdään {limit} päivän kuluessa palvelun alusta."""
        open_still = case.phase in PHASES_WITH_CLIENT and not list_documents(case, forms.VocationalProfile)
        limit = get_settings(case).limits.profile
        return check(case.add_active_days(self.service_start_date, limit) if open_still else None, limit=limit)

    @deadline("R23")
    def search_plan_is_made(self, case: Case) -> Check:
        """Työnhakusuunnitelma puuttuu. Se tehdään {limit} päivän kuluessa palvelun alusta."""
        open_still = case.phase in BEFORE_WORK and not has_plan(case)
        limit = get_settings(case).limits.search_plan
        return check(case.add_active_days(self.service_start_date, limit) if open_still else None, limit=limit)

    @deadline("R24")
    def search_is_begun(self, case: Case) -> date | None:
        """Työn etsintä ei ole alkanut."""
        strong = get_settings(case).support_level == "strong"
        open_still = strong and case.phase == "phase_2" and not has_plan(case)
        return (
            case.add_active_days(self.service_start_date, get_settings(case).limits.search_not_begun)
            if open_still
            else None
        )

    @deadline("R25")
    def employer_is_met(self, case: Case) -> Check:
        """Ensimmäinen työnantajakontakti ei ole toteutunut {limit} päivän kuluessa palvelun alusta."""
        open_still = case.phase in BEFORE_WORK and not has_met_employer(case)
        limit = get_settings(case).limits.first_contact_with_employers
        return check(case.add_active_days(self.service_start_date, limit) if open_still else None, limit=limit)

    @property
    def basis(self) -> date:
        """Return the day from which the review is counted: the start, for an amendment its own day."""
        return self.service_start_date if self.agreement_kind == "initial" else self.document_date
