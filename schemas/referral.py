"""Työhönvalmennukseen ohjautuminen (L01): the referral, and the unit's decision on it."""

from __future__ import annotations

from formgen.schema import (
    Case,
    Check,
    Choice,
    Choices,
    Clock,
    Day,
    Email,
    Hetu,
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
    Signature,
    YesNo,
    ask,
    ask_table,
    check,
    compute_age,
    count_days,
    date,
    define_options,
    parse_birth_date,
    rule,
    section,
)

from ._case import Benefit, CaseForm, OtherService, TransitionMeeting, compile_pattern, get_settings, today
from ._codes import K1, K2, K14, K17, K20, K24, K25, K26, K29

USUAL_AGE, POSSIBLE_AGE = (18, 68), (15, 75)  # years
UNREADY = compile_pattern(
    r"työkunto|työkyvyt|ei ole valmis|ei valmis|kuntoutumat|oire|päihte|alkohol|huume|käyttöhäiriö"
    r"|epäonnistu|keskeytt|raitti"
)


class Assessment(Row):
    """An assessment of functioning or work ability that has been made."""

    tool: Line = ask("Arvio tai menetelmä", max_length=60)
    date: Day | None = ask("Päivä")
    summary: Line | None = ask("Yhteenveto", max_length=300)
    file_ref: Line | None = ask("Liitteen tunnus", max_length=60)


class Attachment(Row):
    """A document that comes with the referral."""

    title: Line = ask("Liite", max_length=80)
    doc_date: Day | None = ask("Päiväys")
    pages: Int | None = ask("Sivuja", low=1, high=999)


def is_from_referrer(record: Referral) -> bool:
    """Tell whether somebody else than the client has made the referral."""
    return record.referrer_type != "self"


def is_decided(record: Referral) -> bool:
    """Tell whether any part of the decision has been filled in."""
    return any((record.decision_date, record.decision_reason, record.redirect_target, record.assigned_coach))


def is_accepted(record: Referral) -> bool:
    """Tell whether the client was taken into the service."""
    return record.decision == "accepted"


def is_newly_accepted(record: Referral, case: Case) -> bool:
    """Tell whether this document brings the decision to take the client in."""
    earlier = case.find_latest_record(Referral)
    return is_accepted(record) and not (earlier and is_accepted(earlier))


def is_turned_away(record: Referral, case: Case) -> bool:
    """Tell whether this document brings the decision not to start."""
    return record.decision in ("redirected", "withdrawn")


class Referral(CaseForm):
    """The referral: filled by the referrer with the client, decided by the unit."""

    id = "referral"
    number = "L01"
    version = "2026.1"
    title = "Työhönvalmennukseen ohjautuminen (lähete)"
    about = (
        "Tällä lomakkeella asiakas ohjataan työhönvalmennukseen tai hän hakeutuu siihen itse. "
        "Lähettäjä täyttää osat 1–6 yhdessä asiakkaan kanssa. Yksikkö täyttää osan 7."
    )
    single = True
    moves = (
        Move("T01", None, "phase_1", when=lambda _, case: not case.previous, then=("T02", "T03")),
        Move("T30", None, "phase_1", when=lambda _, case: bool(case.previous), then=("T02", "T03")),
        Move("T02", "phase_1", "phase_1", when=is_newly_accepted),
        Move("T03", "phase_1", "phase_1", when=is_turned_away),
    )

    with section("1 Asiakas", by="client"):
        received_date: Day = ask(
            "Lähetteen saapumispäivä",
            by="system",
            default=today,
            sensitivity="n",
            hint="Yksikkö täyttää. Tyhjään merkitään päivä, jona lähete saapui.",
        )
        client_last_name: Name = ask("Sukunimi", by="referrer", person=True, max_length=60)
        client_first_names: Name = ask("Etunimet", by="referrer", person=True, max_length=80)
        client_call_name: Name | None = ask("Kutsumanimi", max_length=40)
        client_hetu: Hetu | None = ask("Henkilötunnus", by="referrer", sensitivity="i")
        client_birth_date: Day | None = ask(
            "Syntymäaika",
            by="referrer",
            birth=True,
            needed=lambda record: not record.client_hetu,
            hint="Tarvitaan, jos henkilötunnusta ei ole.",
        )
        client_street_address: Line | None = ask("Katuosoite", by="referrer", max_length=100)
        client_postal_code: Postcode | None = ask("Postinumero", by="referrer")
        client_post_office: Line | None = ask("Postitoimipaikka", by="referrer", max_length=40)
        client_municipality: Municipality = ask("Kotikunta", by="referrer", of=K20)
        client_phone: Phone | None = ask(
            "Puhelin", needed=lambda record: not record.client_email, hint="Puhelin tai sähköposti tarvitaan."
        )
        client_email: Email | None = ask("Sähköposti", needed=lambda record: not record.client_phone)
        contact_preferences: Choices = ask("Miten sinuun saa olla yhteydessä?", of=K26)
        mother_tongue: Choice = ask("Äidinkieli", of=K14)
        service_language: Choice = ask(
            "Asiointikieli", of=define_options(fi="suomi", sv="ruotsi", se="saame", other="muu")
        )
        easy_language_needed: YesNo = ask("Tarvitaanko selkokieltä?")
        interpreter_needed: Choice = ask(
            "Tarvitaanko tulkkia tai muuta kommunikoinnin tukea?",
            sensitivity="h",
            of=define_options(
                no="Ei",
                spoken_interpreter="Puhutun kielen tulkki",
                sign_language="Viittomakieli",
                aac_device="Kommunikoinnin apuväline",
                symbols="Kuvat tai symbolit",
                other="Muu",
            ),
            few=6,
        )
        interpreter_detail: Line | None = ask(
            "Tulkin kieli tai tukikeino",
            sensitivity="h",
            max_length=120,
            needed=lambda record: record.interpreter_needed != "no",
        )
        guardian_exists: Choice = ask(
            "Onko edunvalvojaa tai tukihenkilöä, joka osallistuu?",
            by="referrer",
            of=define_options(no="Ei", guardian="Edunvalvoja", supporter="Tukihenkilö"),
        )
        guardian_name: Name | None = ask(
            "Edunvalvojan tai tukihenkilön nimi", max_length=80, needed=lambda record: record.guardian_exists != "no"
        )
        guardian_phone: Phone | None = ask(
            "Edunvalvojan tai tukihenkilön puhelin", needed=lambda record: record.guardian_exists != "no"
        )

    with section("2 Ohjaava taho", by="referrer", sensitivity="n"):
        referrer_type: Choice = ask("Ohjaava taho", of=K1)
        referrer_organisation: Line | None = ask("Organisaatio ja yksikkö", max_length=120, needed=is_from_referrer)
        referrer_name: Name | None = ask("Ohjaavan työntekijän nimi", max_length=80, needed=is_from_referrer)
        referrer_title: Line | None = ask("Tehtävänimike", max_length=60)
        referrer_phone: Phone | None = ask(
            "Ohjaavan työntekijän puhelin",
            needed=lambda record: is_from_referrer(record) and not record.referrer_email,
            hint="Puhelin tai sähköposti tarvitaan.",
        )
        referrer_email: Email | None = ask(
            "Ohjaavan työntekijän sähköposti",
            needed=lambda record: is_from_referrer(record) and not record.referrer_phone,
        )
        referral_date: Day = ask("Lähetteen päiväys")

    with section("3 Asiakkaan toive työstä", by="client"):
        client_wants_work: Choice = ask(
            "Haluatko palkkatyöhön?", of=define_options(yes="Kyllä", unsure="En ole varma", no="En")
        )
        client_own_words: Long = ask("Mitä toivot työltä? Kerro omin sanoin", max_length=1500)
        desired_jobs: Line | None = ask("Työt, jotka kiinnostavat", max_length=300)
        desired_weekly_hours: Hours | None = ask("Toivottu työaika viikossa", places=1, hint="Tuntia viikossa.")
        desired_start: Choice | None = ask(
            "Milloin haluaisit aloittaa?",
            of=define_options(
                now="Heti",
                **{"1_3_months": "1–3 kuukauden päästä", "3_6_months": "3–6 kuukauden päästä"},
                later="Myöhemmin",
                unknown="En tiedä vielä",
            ),
        )
        expectations_of_service: Choices = ask("Mihin asioihin toivot tukea?", of=K25)

    with section("4 Tilanne nyt", by="referrer"):
        employment_status: Choices = ask("Tilanne tällä hetkellä", of=K2)
        unemployed_since: Day | None = ask(
            "Työttömänä alkaen",
            needed=lambda record: any(status.startswith("unemployed_") for status in record.employment_status),
        )
        benefits: tuple[Benefit, ...] = ask_table(
            "Etuudet", required=True, printed=4, hint="Jos etuuksia ei ole, valitse Ei etuuksia."
        )
        last_job: Line | None = ask("Viimeisin työ", by="client", max_length=120)
        education_level: Choice | None = ask("Koulutustausta", by="client", of=K24)
        existing_plans: Choices | None = ask("Voimassa olevat suunnitelmat", of=K29)
        other_services: tuple[OtherService, ...] = ask_table("Muut palvelut juuri nyt", printed=3)

    with section("5 Tuen tarve ja työkyky", by="referrer", sensitivity="h"):
        support_needs: Long = ask(
            "Tuen tarpeet työssä ja työnhaussa", max_length=2000, hint="Kirjoita vain se, mitä työn kannalta tarvitaan."
        )
        work_ability_info: Long | None = ask(
            "Työkykyyn vaikuttavat asiat, jotka on hyvä tietää", max_length=2000, hint="Vain asiakkaan suostumuksella."
        )
        assessments_done: tuple[Assessment, ...] = ask_table(
            "Tehdyt arviot", printed=2, hint="Esimerkiksi Kykyviisari, Melba tai työkokeilun palaute."
        )
        work_safety_points: Long | None = ask("Työturvallisuuteen liittyvät asiat", max_length=500)

    with section("6 Suostumukset ja nivelvaihe", by="client"):
        consent_health_transfer: YesNo | None = ask(
            "Asiakas suostuu siihen, että työkykytiedot siirretään työhönvalmentajalle"
        )
        consent_referral: YesNo = ask("Asiakas haluaa palveluun ja tietää lähetteestä")
        transition_meetings: tuple[TransitionMeeting, ...] = ask_table(
            "Nivelvaihepalaveri (saattaen vaihto)", by="coach", printed=1
        )
        attachments: tuple[Attachment, ...] = ask_table("Liitteet", by="referrer", printed=3)
        sign_client: Signature | None = ask(
            "Asiakkaan allekirjoitus", needed=lambda record: not record.oral_consent_note
        )
        oral_consent_note: Line | None = ask(
            "Suullinen suostumus: päivä ja kuka kirjasi",
            by="referrer",
            max_length=120,
            hint="Täytetään, jos asiakas ei allekirjoita.",
        )
        sign_referrer: Signature | None = ask(
            "Ohjaavan työntekijän allekirjoitus", by="referrer", sensitivity="n", needed=is_from_referrer
        )

    with section("7 Päätös palveluun ottamisesta (yksikkö täyttää)"):
        decision: Choice | None = ask("Päätös", by="leader", of=K17, needed=is_decided)
        decision_date: Day | None = ask("Päätöspäivä", by="leader", needed=lambda record: bool(record.decision))
        decision_reason: Long | None = ask(
            "Perustelu",
            by="leader",
            max_length=500,
            needed=lambda record: record.decision not in (None, "accepted"),
            hint="Tarvitaan, jos asiakasta ei oteta heti palveluun.",
        )
        redirect_target: Line | None = ask(
            "Mihin palveluun ohjattiin", max_length=120, needed=lambda record: record.decision == "redirected"
        )
        assigned_coach: Name | None = ask(
            "Nimetty työhönvalmentaja",
            by="leader",
            sensitivity="n",
            max_length=80,
            needed=is_accepted,
        )
        first_meeting_date: Day | None = ask("Ensimmäinen tapaaminen: päivä", needed=is_accepted)
        first_meeting_time: Clock | None = ask("Ensimmäinen tapaaminen: kellonaika", needed=is_accepted)
        first_meeting_place: Line | None = ask("Ensimmäinen tapaaminen: paikka", max_length=80, needed=is_accepted)

    @property
    def born(self) -> date | None:
        """Return the date of birth, from the identity code where there is one."""
        return parse_birth_date(self.client_hetu) if self.client_hetu else self.client_birth_date

    @property
    def coach(self) -> str | None:
        """Return the coach that the decision names."""
        return self.assigned_coach if is_accepted(self) else None

    @property
    def document_language(self) -> str | None:
        """Return the language that the client's documents are wanted in, if we have it."""
        language = self.service_language if self.service_language in ("fi", "sv") else "fi"
        return f"{language}_selko" if self.easy_language_needed else language

    def infer_phase(self, case: Case) -> str:
        """Return phase 1: a referral alone speaks for no more."""
        return "phase_1"

    # --- what must hold -----------------------------------------------------------------------

    @rule("R01", field="client_wants_work")
    def client_wants_paid_work(self, case: Case) -> bool:
        """Asiakas ei halua palkkatyöhön. Lähetettä ei voi ottaa vastaan."""
        return self.client_wants_work != "no"

    @rule("R02", field="client_wants_work", severity="warning")
    def client_is_sure(self, case: Case) -> bool:
        """Asiakas on epävarma. Sopikaa tapaaminen ennen päätöstä."""
        return self.client_wants_work != "unsure"

    @rule("R03", field="consent_referral")
    def client_knows_of_referral(self, case: Case) -> bool:
        """Asiakkaan suostumus lähetteeseen puuttuu."""
        return self.consent_referral or self.referrer_type == "self"

    @rule("R04", field="client_birth_date")
    def birth_date_agrees_with_identity_code(self, case: Case) -> bool:
        """Henkilötunnus ja syntymäaika eivät täsmää."""
        both = self.client_hetu and self.client_birth_date
        return not both or parse_birth_date(self.client_hetu or "") == self.client_birth_date

    @rule("R05", field="decision_reason", severity="warning")
    def refusal_is_not_for_readiness(self, case: Case) -> bool:
        """Työkyky tai päihteet eivät ole syy jättää palvelun ulkopuolelle."""
        refused = self.decision in ("redirected", "waiting_list", "more_info")
        return not (refused and UNREADY.search(self.decision_reason or ""))

    @rule("R06", field="consent_health_transfer")
    def health_data_may_be_passed_on(self, case: Case) -> bool:
        """Terveystietojen siirtoon tarvitaan asiakkaan suostumus."""
        health = self.support_needs or self.work_ability_info or self.assessments_done or self.work_safety_points
        own = self.referrer_type in get_settings(case).same_controller
        return own or not health or self.consent_health_transfer is True

    @rule("R07", field="first_meeting_date", severity="warning")
    def first_meeting_is_soon(self, case: Case) -> Check:
        """Ensimmäinen tapaaminen on yli {limit} päivän päässä."""
        met, limit = self.first_meeting_date, get_settings(case).limits.first_meeting
        return check(met is None or count_days(self.received_date, met) <= limit, limit=limit)

    @rule("R08", field="assigned_coach", severity="warning")
    def coach_has_room(self, case: Case) -> Check:
        """Valmentajalla on liikaa asiakkaita. Enimmäismäärä on {limit}."""
        coach = self.assigned_coach
        limit = int(get_settings(case).limits.caseload * case.office.find_coach(coach or "").fte)
        return check(not coach or not is_accepted(self) or case.caseloads.get(coach, 0) < limit, limit=limit)

    @rule("T01", field="client_birth_date", severity="warning")
    def age_is_usual(self, case: Case) -> Check:
        """Asiakkaan ikä ei ole {low}–{high} vuotta. Tarkistakaa, sopiiko palvelu."""
        low, high = USUAL_AGE
        fits = not self.born or low <= compute_age(self.born, self.received_date) <= high
        return check(fits, low=low, high=high)

    @rule("range", field="client_birth_date")
    def age_is_possible(self, case: Case) -> Check:
        """Asiakkaan iän pitää olla {low}–{high} vuotta. Tarkista syntymäaika."""
        low, high = POSSIBLE_AGE
        fits = not self.born or low <= compute_age(self.born, self.received_date) <= high
        return check(fits, low=low, high=high)

    @rule("T02", field="decision_date", severity="warning")
    def decision_is_prompt(self, case: Case) -> Check:
        """Päätös on tehty yli {limit} päivän kuluttua lähetteen saapumisesta."""
        made, limit = self.decision_date, get_settings(case).limits.decision
        return check(made is None or count_days(self.received_date, made) <= limit, limit=limit)

    @rule("range", field="decision_date")
    def decision_follows_arrival(self, case: Case) -> bool:
        """Päätöspäivä on ennen lähetteen saapumista."""
        return self.decision_date is None or self.decision_date >= self.received_date

    @rule("range", field="first_meeting_date")
    def first_meeting_follows_arrival(self, case: Case) -> bool:
        """Ensimmäinen tapaaminen on ennen lähetteen saapumista."""
        return self.first_meeting_date is None or self.first_meeting_date >= self.received_date

    @rule("range", field="received_date")
    def arrival_is_not_in_the_future(self, case: Case) -> bool:
        """Saapumispäivä ei voi olla tulevaisuudessa."""
        return self.received_date <= case.today

    @rule("range", field="referral_date")
    def referral_precedes_arrival(self, case: Case) -> bool:
        """Lähetteen päiväys on saapumispäivän jälkeen."""
        return self.referral_date <= self.received_date

    @rule("range", field="unemployed_since")
    def unemployment_has_begun(self, case: Case) -> bool:
        """Työttömyyden alku ei voi olla tulevaisuudessa."""
        return self.unemployed_since is None or self.unemployed_since <= case.today

    @rule("range", field="client_own_words", severity="warning")
    def own_words_say_something(self, case: Case) -> bool:
        """Asiakkaan oma toive on kirjattu hyvin lyhyesti. Kysykää lisää."""
        return len(self.client_own_words) >= 10

    @rule("range", field="client_municipality", severity="warning")
    def client_lives_in_the_area(self, case: Case) -> bool:
        """Kotikunta ei ole palvelun alueella."""
        return not case.office.service_area or self.client_municipality in case.office.service_area

    @rule("choice", field="employment_status")
    def not_out_of_work_and_in_full_time_work(self, case: Case) -> bool:
        """Työtön ja kokoaikatyössä eivät voi olla valittuina yhtä aikaa."""
        idle = {"unemployed_jobseeker", "unemployed_not_registered"} & set(self.employment_status)
        return not (idle and "employed_full_time" in self.employment_status)

    @rule("choice", field="benefits")
    def no_benefits_stands_alone(self, case: Case) -> bool:
        """Ei etuuksia ja jokin etuus eivät voi olla valittuina yhtä aikaa."""
        named = [row.benefit for row in self.benefits]
        return "none" not in named or len(named) == 1

    @rule("range", severity="warning")
    def benefits_are_in_force(self, case: Case) -> list[str]:
        """Etuuden voimassaolo on päättynyt ennen lähetettä."""
        return self.find_breaking_paths(
            "benefits.valid_until", lambda row: row.valid_until and row.valid_until < self.referral_date
        )

    @rule("range")
    def assessments_precede_referral(self, case: Case) -> list[str]:
        """Arvion päivä on lähetteen päiväyksen jälkeen."""
        return self.find_breaking_paths("assessments_done.date", lambda row: row.date and row.date > self.referral_date)

    @rule("range")
    def handover_follows_referral(self, case: Case) -> list[str]:
        """Nivelvaihepalaveri on ennen lähetteen päiväystä."""
        return self.find_breaking_paths(
            "transition_meetings.meeting_date", lambda row: row.meeting_date < self.referral_date
        )
