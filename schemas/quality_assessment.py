"""Laatukriteeriarviointi (L11): the unit's own quality by the 25 criteria; it holds no client's identity."""

from __future__ import annotations

from formgen.schema import (
    Case,
    Check,
    Choice,
    Choices,
    CodeList,
    Day,
    Dec,
    Decimal,
    Form,
    Hours,
    Int,
    Line,
    Long,
    Row,
    Signature,
    YesNo,
    add_months,
    ask,
    ask_table,
    check,
    count_days,
    date,
    define_options,
    rule,
    section,
)

from ._case import compile_pattern, get_settings
from ._codes import K39

CRITERIA = (
    "Asiakasmäärä työhönvalmentajaa kohti",
    "Fokus työhönvalmennuksessa",
    "Palvelun kokonaisvaltaisuus (viisi vaihetta)",
    "Kytkeytyminen sote-palveluihin",
    "Palveluiden yhteensovittaminen",
    "Yhteistyö muiden työllistämisen palveluiden kanssa",
    "Työhönvalmennuksen tiimi",
    "Tiiminvetäjä",
    "Palvelun avoimuus",
    "Pyrkimys avoimille työmarkkinoille",
    "Johdon tuki toiminnalle",
    "Etuusneuvonta",
    "Työkyvyn rajoitteista kertominen työpaikalla",
    "Jatkuva arviointi",
    "Nopea työnhaku",
    "Henkilökohtaisesti räätälöity työnhaku",
    "Tiivis yhteys työpaikalle",
    "Työnantajayhteyksien laatu",
    "Töiden monimuotoisuus: erilaiset työtehtävät",
    "Töiden monimuotoisuus: eri työnantajat",
    "Avoimille työmarkkinoille sijoittuva työ",
    "Yksilöllinen tuki",
    "Kestoltaan rajaamaton palvelu",
    "Palvelujen tarjoaminen lähiyhteisössä",
    "Aloitteellinen ja aktiivinen sitouttaminen palveluun",
)
STAFFING, ORGANISATION, SERVICES = range(1, 4), range(4, 12), range(12, 26)
BANDS = {"exemplary": 115, "good": 100, "fair": 74, "not_supported_employment": 0}
GOOD = BANDS["good"]
LOWEST, LOW = 1, 3
SHORTEST_EVIDENCE = 20
MOST_PRIORITIES = 5

# The number of the criterion and a letter or word for what is looked at.
COMPONENTS = CodeList(
    "component",
    {
        "5a": "Valmentaja on mukana sote-tiimin viikoittaisissa asiakaskokouksissa",
        "5b": "Valmentaja osallistuu tiimin päätöksiin",
        "5c": "Valmennuksen ja hoidon kirjaukset ovat samassa asiakastiedossa",
        "5d": "Valmentajan työtila on lähellä tiimiä tai yhteinen",
        "5e": "Valmentaja auttaa tiimiä ajattelemaan työtä myös muille asiakkaille",
        "7cover": "Valmentajat sijaistavat toisiaan",
        "8a": "Vetäjällä on enintään kymmenen valmentajaa kokoaikaista vetäjää kohti",
        "8b": "Ryhmäohjaus on joka viikko",
        "8c": "Vetäjä pitää yhteyttä sote-tiimien vetäjiin ja käy tiimeissä neljännesvuosittain",
        "8d": "Vetäjä on kuukausittain mukana kentällä uusien valmentajien kanssa",
        "8e": "Tulokset käydään läpi ja tavoitteet asetetaan neljännesvuosittain",
        "10a": "Työstä kysytään palvelun alussa",
        "10b": "Työstä kysytään vuosittain",
        "10c": "Työstä kertovaa aineistoa on näkyvillä",
        "10d": "Asiakkaat kertovat työstään muille vähintään kahdesti vuodessa",
        "10e": "Työllistymistä mitataan neljännesvuosittain ja tuloksesta kerrotaan",
        "11a": "Johto tuntee mallin",
        "11b": "Itsearviointi on osa laatutyötä",
        "11c": "Johdon edustaja on ohjausryhmässä",
        "11d": "Johto kertoo työllistymisen tavoitteista koko henkilöstölle",
        "11e": "Esteistä kerrotaan johdolle kahdesti vuodessa ja ne ratkaistaan",
        "13a": "Terveydestä kertominen ei ole palvelun ehto",
        "13b": "Kertomisen hyödyt ja haitat käydään läpi ennen kertomista",
        "13c": "Sanoista sovitaan tarkasti esimerkkien avulla",
        "13d": "Kertomisesta puhutaan useammin kuin kerran",
        "17weekly": "Työnantajakontaktien loki käydään läpi viikoittain",
        "17monthly": "Työnantajakontaktien loki käydään läpi kuukausittain",
        "25a": "Palvelua ei lopeteta poissaolojen tai määräajan takia",
        "25b": "Yhteydenottoyritykset kirjataan",
        "25c": "Myös sote-tiimi yrittää tavoittaa asiakkaan",
        "25d": "Asiakasta tavataan kotona tai lähiyhteisössä useita kertoja",
        "25e": "Valmentaja ja tiimi tekevät yhteisiä käyntejä",
        "25f": "Läheisiin otetaan yhteyttä, kun se sopii",
    },
)
SETS_NO_LIMIT = "25a"
PHASES = define_options(
    **{
        "1": "1 Palveluun tulo",
        "2": "2 Sitouttaminen",
        "3": "3 Profilointi",
        "4": "4 Työn etsintä",
        "5": "5 Valmennus työssä",
        "6": "6 Jatkuva tuki",
    }
)


SOMEBODY = compile_pattern(r"\d{6}[-+−–A-FU-Y]\d{3}[0-9A-Y]\b|\S+@\S+\.\S+|(?:\+358|\b0)[\d ()-]{7,}")


# --- what is already known --------------------------------------------------------------------


def unit_name(case: Case) -> str:
    """Return the name of the unit, from the settings."""
    return case.office.author[:100]


def organiser(case: Case) -> str:
    """Return the organiser of the service, from the settings."""
    return case.office.organiser[:100]


def support_level(case: Case) -> str:
    """Return the extent of the service that the unit gives, from the settings."""
    return get_settings(case).support_level


def coaches(case: Case) -> list[dict[str, object]]:
    """Return a row for every coach in the settings, by a running code: names do not belong here."""
    return [
        {
            "coach_code": f"V{number}",
            "fte": Decimal(str(coach.fte)),
            "active_clients": case.caseloads.get(coach.name, 0),
        }
        for number, coach in enumerate(case.office.coaches, start=1)
    ]


def checks(case: Case) -> list[dict[str, object]]:
    """Return a row for every component."""
    return [{"criterion": parse_criterion(code), "component": code} for code in COMPONENTS]


def criteria(case: Case) -> list[dict[str, object]]:
    """Return a row for every criterion."""
    return [{"no": number, "name_fi": name} for number, name in enumerate(CRITERIA, start=1)]


def next_assessment(case: Case) -> date:
    """Return the day of the next assessment: sooner when the last total was not good."""
    earlier = case.find_latest_record(QualityAssessment)
    return add_months(case.today, months_to_next(case, earlier.total_score if earlier else 0))


def months_to_next(case: Case, total: int) -> int:
    """Return the months after which a unit with the total is assessed again."""
    limits = get_settings(case).limits
    return limits.assessment_months_when_good if total >= GOOD else limits.assessment_months


def parse_criterion(component: str) -> int:
    """Return the number of the criterion that a component belongs to.

    >>> parse_criterion("17weekly")
    17
    """
    return int("".join(sign for sign in component if sign.isdecimal()))


# --- what is computed -------------------------------------------------------------------------


def sum_scores(record: QualityAssessment, numbers: range) -> int:
    """Return the sum of the scores of some criteria."""
    return sum(row.score for row in record.criteria if row.no in numbers)


def total_score(record: QualityAssessment, case: Case) -> int:
    """Return the sum of all scores."""
    return sum_scores(record, range(1, len(CRITERIA) + 1))


def band(record: QualityAssessment, case: Case) -> str:
    """Return the band of the total."""
    total = total_score(record, case)
    return next(code for code, least in BANDS.items() if total >= least)


def previous_total(record: QualityAssessment, case: Case) -> int | None:
    """Return the total of the last assessment before this one, or None."""
    earlier = [
        known.record
        for known in case.list_current_records(QualityAssessment)
        if known.record.assessment_date < record.assessment_date
    ]
    return max(earlier, key=lambda other: other.assessment_date).total_score if earlier else None


def change(record: QualityAssessment, case: Case) -> int | None:
    """Return the change of the total since the last assessment, or None."""
    before = previous_total(record, case)
    return None if before is None else total_score(record, case) - before


def staffing(record: QualityAssessment, case: Case) -> int:
    """Return the sum of the criteria of staffing."""
    return sum_scores(record, STAFFING)


def organisation(record: QualityAssessment, case: Case) -> int:
    """Return the sum of the criteria of organisation."""
    return sum_scores(record, ORGANISATION)


def services(record: QualityAssessment, case: Case) -> int:
    """Return the sum of the criteria of services."""
    return sum_scores(record, SERVICES)


def is_low(row: Criterion) -> bool:
    """Tell whether a score calls for an action."""
    return row.score <= LOW


class Assessor(Row):
    """Somebody who makes the assessment."""

    name: Line = ask("Nimi", max_length=60)
    role: Line = ask("Rooli", max_length=60)
    external: YesNo | None = ask("Onko ulkopuolinen?")


class CoachRow(Row):
    """The work of one coach in the period, under a code."""

    coach_code: Line = ask("Valmentajan koodi", max_length=40, hint="Ei nimeä.")
    fte: Dec = ask(
        "Työpanos (0,1–1)",
        places=2,
        low=Decimal("0.1"),
        high=Decimal(1),
        hint="1 = koko työaika.",
    )
    coaching_share_pct: Int | None = ask("Työhönvalmennuksen osuus työajasta (%)", low=0, high=100)
    active_clients: Int | None = ask("Asiakkaita nyt", low=0, high=999)
    phases_covered: Choices | None = ask("Vaiheet, joita valmentaja tekee", of=PHASES)
    weekly_hours: Hours | None = ask("Työaika viikossa (h)", places=1, low=Decimal(0), high=Decimal(60))
    weeks_worked: Int | None = ask("Työviikkoja jaksolla", low=0, high=60)
    sote_teams: Int | None = ask("Sote-tiimejä, joissa mukana", low=0, high=99)
    share_from_teams_pct: Int | None = ask("Asiakkaista näistä tiimeistä (%)", low=0, high=100)


class UnitCheck(Row):
    """Whether one component of a criterion is there."""

    criterion: Int = ask("Kriteeri", locked=True, low=1, high=len(CRITERIA))
    component: Choice = ask("Osatekijä", locked=True, of=COMPONENTS)
    present: YesNo = ask("Toteutuuko?")
    evidence: Line | None = ask("Näyttö", max_length=160)


class Criterion(Row):
    """The score of one criterion and what it rests on."""

    no: Int = ask("Numero", by="system", locked=True, low=1, high=len(CRITERIA))
    name_fi: Line = ask("Kriteeri", by="system", locked=True, max_length=80)
    computed_value: Line | None = ask("Laskettu arvo", by="system", max_length=200)
    suggested_score: Int | None = ask("Ehdotetut pisteet", by="system", low=1, high=5)
    score: Int = ask("Pisteet (1–5)", low=1, high=5)
    not_rateable: YesNo | None = ask("Eikö kriteeriä voi arvioida?", hint="Kyllä: pisteet ovat 1.")
    evidence: Long = ask("Perustelu ja näyttö", max_length=800, hint="Mihin pisteet perustuvat. Ei asiakkaiden nimiä.")
    sources: Choices = ask(
        "Lähteet",
        of=define_options(
            documents="Asiakirjat",
            records="Kirjaukset",
            interviews="Haastattelut",
            observation="Havainnointi",
            statistics="Tilastot",
        ),
    )
    strengths: Line | None = ask("Mikä toimii", max_length=300)
    action: Long | None = ask(
        "Toimenpide",
        max_length=400,
        needed=is_low,
        code="R91",
        hint="Toimenpide, vastuuhenkilö ja määräpäivä tarvitaan, jos pisteet ovat 1–3.",
    )
    responsible: Line | None = ask("Vastuuhenkilö", max_length=60, needed=is_low, code="R91")
    due_date: Day | None = ask("Määräpäivä", needed=is_low, code="R91")
    follow_up: Choice | None = ask(
        "Toimenpiteen tilanne", of=define_options(open="Kesken", done="Tehty", dropped="Luovuttu")
    )


class Priority(Row):
    """One of the things to develop first."""

    priority: Line = ask("Kehityskohde", max_length=160)
    owner: Line | None = ask("Kuka vastaa", max_length=60)
    due: Day | None = ask("Mihin mennessä")


class QualityAssessment(Form):
    """One assessment of the unit; every period has its own."""

    id = "quality_assessment"
    number = "L11"
    version = "2026.1"
    title = "Laatukriteeriarviointi"
    about = (
        "Tällä lomakkeella yksikkö arvioi työhönvalmennuksen laatua 25 kriteerillä. Lomake koskee yksikköä. "
        "Asiakkaiden nimiä tai muita tietoja, joista asiakkaan voi tunnistaa, ei kirjoiteta."
    )
    unit = True
    date_field = "assessment_date"

    with section("1 Arviointi", by="leader", sensitivity="n"):
        unit_name: Line = ask("Yksikkö", prefill=unit_name, default=unit_name, max_length=100)
        organiser: Line = ask("Järjestäjä", prefill=organiser, default=organiser, max_length=100)
        assessment_kind: Choice = ask(
            "Arvioinnin laji",
            of=define_options(self="Itsearviointi", peer="Vertaisarviointi", external="Ulkoinen arviointi"),
        )
        period_start: Day = ask("Arviointijakso alkaa")
        period_end: Day = ask("Arviointijakso päättyy")
        assessment_date: Day = ask("Arviointipäivä")
        assessors: tuple[Assessor, ...] = ask_table("Arvioijat", required=True, printed=2)

    with section("2 Yksikkö", by="leader", sensitivity="n"):
        support_level: Choice = ask(
            "Palvelun laji",
            prefill=support_level,
            of=define_options(light="Kevyt tuki (vaiheet 1–3)", strong="Vahva tuki (vaiheet 1–5)"),
        )
        coaches: tuple[CoachRow, ...] = ask_table("Työhönvalmentajat", prefill=coaches, required=True, printed=3)
        leader_fte: Dec = ask("Tiiminvetäjän työpanos (0–1)", places=2, low=Decimal(0), high=Decimal(1))
        coaches_per_leader: Dec = ask("Valmentajia vetäjää kohti", places=1, low=Decimal(0), high=Decimal(99))
        unit_checks: tuple[UnitCheck, ...] = ask_table(
            "Toteutuvat osatekijät",
            prefill=checks,
            required=True,
            locked=True,
            printed=len(COMPONENTS),
            hint="Kriteerien 5, 7, 8, 10, 11, 13, 17 ja 25 osatekijät. Vastaa jokaiseen.",
        )
        team_meetings_per_month: Dec = ask("Tiimikokouksia kuukaudessa", places=1, low=Decimal(0), high=Decimal(99))
        supervision_per_month: Dec = ask("Ohjauskertoja kuukaudessa", places=1, low=Decimal(0), high=Decimal(99))
        employment_partner_contacts: Choice = ask(
            "Yhteys työllisyyspalveluihin",
            of=define_options(
                none="Ei yhteyttä",
                less_quarterly="Harvemmin kuin neljännesvuosittain",
                quarterly="Neljännesvuosittain",
                monthly="Kuukausittain",
                weekly_plus_monthly_meeting="Viikoittain, ja tapaaminen kuukausittain",
            ),
        )

    with section("3 Arvio kriteereittäin", by="system", sensitivity="n"):
        criteria: tuple[Criterion, ...] = ask_table(
            "Kriteerit",
            by="leader",
            prefill=criteria,
            required=True,
            locked=True,
            printed=len(CRITERIA),
            hint="Kaikki 25 kriteeriä arvioidaan. Pisteet 1–5, 5 on paras.",
        )

        total_score: Int = ask("Kokonaispisteet", fill=total_score)
        band: Choice = ask("Taso", fill=band, of=K39)
        previous_total: Int | None = ask("Edellisen arvion pisteet", fill=previous_total)
        change: Int | None = ask("Muutos edelliseen", fill=change)
        section_totals_staffing: Int = ask("Osiopisteet: henkilöstö", fill=staffing)
        section_totals_organisation: Int = ask("Osiopisteet: järjestäminen", fill=organisation)
        section_totals_services: Int = ask("Osiopisteet: sisältö", fill=services)

    with section("4 Tulos", by="leader", sensitivity="n"):
        summary: Long = ask("Yhteenveto", max_length=1200)
        priorities: tuple[Priority, ...] = ask_table("Kolme tärkeintä kehityskohdetta", required=True, printed=3)
        client_voice: Long | None = ask(
            "Asiakkaiden näkemys",
            max_length=600,
            hint="Mitä asiakkaat ovat kertoneet palvelusta. Ei nimiä eikä muita tunnistetietoja.",
        )
        next_assessment: Day = ask("Seuraava arviointi", prefill=next_assessment)
        sign_assessor: Signature = ask("Arvioijan allekirjoitus")
        sign_management: Signature = ask("Johdon allekirjoitus")

    # --- what must hold -----------------------------------------------------------------------

    @rule("R91")
    def low_scores_have_an_action(self, case: Case) -> list[str]:
        """Toimenpide puuttuu."""
        return [
            f"criteria.{index}.{name}"
            for index, row in enumerate(self.criteria)
            if is_low(row)
            for name in ("action", "responsible", "due_date")
            if getattr(row, name, ...) is None
        ]

    @rule("R92", field="criteria")
    def every_criterion_is_there_once(self, case: Case) -> Check:
        """Pisteet eivät täsmää: jokainen {count} kriteeristä arvioidaan kerran."""
        numbers = sorted(row.no for row in self.criteria)
        return check(numbers == list(range(1, len(CRITERIA) + 1)), count=len(CRITERIA))

    @rule("R92")
    def what_cannot_be_rated_counts_as_one(self, case: Case) -> Check:
        """Pisteet eivät täsmää: jos kriteeriä ei voi arvioida, pisteet ovat {lowest}."""
        broken = self.find_breaking_paths("criteria.score", lambda row: row.not_rateable and row.score > LOWEST)
        return check(broken, lowest=LOWEST)

    @rule("R93", severity="warning")
    def good_unit_sets_no_time_limit(self, case: Case) -> list[str]:
        """Pistemäärä ja käytäntö ovat ristiriidassa."""
        good = total_score(self, case) >= GOOD
        return self.find_breaking_paths(
            "unit_checks.present", lambda row: good and row.component == SETS_NO_LIMIT and not row.present
        )

    @rule("range")
    def evidence_says_something(self, case: Case) -> list[str]:
        """Perustelu on liian lyhyt. Kirjoittakaa, mihin pisteet perustuvat."""
        return self.find_breaking_paths("criteria.evidence", lambda row: len(row.evidence) < SHORTEST_EVIDENCE)

    @rule("choice", severity="warning")
    def other_scores_than_suggested_are_explained(self, case: Case) -> list[str]:
        """Pisteet eivät ole ehdotetut. Tarkistakaa, että perustelu kertoo syyn."""
        return self.find_breaking_paths("criteria.score", lambda row: row.suggested_score not in (None, row.score))

    @rule("choice")
    def components_are_of_their_criterion(self, case: Case) -> list[str]:
        """Osatekijä ei kuulu tähän kriteeriin."""
        return self.find_breaking_paths(
            "unit_checks.component", lambda row: parse_criterion(row.component) != row.criterion
        )

    @rule("required", field="unit_checks", severity="warning")
    def every_component_is_there_once(self, case: Case) -> bool:
        """Osatekijöitä puuttuu, tai sama on kahdesti."""
        return sorted(row.component for row in self.unit_checks) == sorted(COMPONENTS)

    @rule("range", field="period_end")
    def period_ends_after_it_starts(self, case: Case) -> bool:
        """Arviointijakso ei voi päättyä ennen kuin se alkaa."""
        return self.period_end > self.period_start

    @rule("range", field="period_end", severity="warning")
    def period_is_of_usual_length(self, case: Case) -> Check:
        """Arviointijakso on yleensä {low}–{high} kuukautta."""
        limits = get_settings(case).limits
        low, high = limits.assessment_months, limits.assessment_months_when_good
        length = count_days(self.period_start, self.period_end) + 1
        return check(30 * low <= length <= 31 * high, low=low, high=high)

    @rule("range", field="assessment_date")
    def assessment_follows_the_period(self, case: Case) -> bool:
        """Arviointipäivä on ennen arviointijakson loppua."""
        return self.assessment_date >= self.period_end

    @rule("range", field="assessment_date")
    def assessment_is_not_of_tomorrow(self, case: Case) -> bool:
        """Arviointipäivä ei voi olla tulevaisuudessa."""
        return self.assessment_date <= case.today

    @rule("range", field="assessors", severity="warning")
    def external_review_has_two_assessors(self, case: Case) -> bool:
        """Ulkoisessa arvioinnissa on yleensä kaksi arvioijaa."""
        return self.assessment_kind != "external" or len(self.assessors) >= 2

    @rule("range", field="priorities")
    def priorities_are_few(self, case: Case) -> Check:
        """Kehityskohteita on enintään {limit}."""
        return check(len(self.priorities) <= MOST_PRIORITIES, limit=MOST_PRIORITIES)

    @rule("format", field="client_voice")
    def clients_are_not_named(self, case: Case) -> bool:
        """Tekstissä on tunnistetieto. Poistakaa henkilötunnukset, puhelinnumerot ja osoitteet."""
        return not SOMEBODY.search(self.client_voice or "")

    @rule("range", field="next_assessment")
    def next_assessment_comes_later(self, case: Case) -> bool:
        """Seuraavan arvioinnin pitää olla arviointipäivän jälkeen."""
        return self.next_assessment > self.assessment_date

    @rule("range", field="next_assessment", severity="warning")
    def next_assessment_is_in_time(self, case: Case) -> Check:
        """Seuraava arviointi on myöhään. Arvioikaa {usual} kuukauden välein.

        Jos pisteitä on vähintään {good}, arvioikaa {when_good} kuukauden välein.
        """
        latest = add_months(self.assessment_date, months_to_next(case, total_score(self, case)))
        usual, when_good = (
            get_settings(case).limits.assessment_months,
            get_settings(case).limits.assessment_months_when_good,
        )
        return check(self.next_assessment <= latest, usual=usual, good=GOOD, when_good=when_good)
