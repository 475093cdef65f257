"""The code lists K1–K39 that several forms share. Codes are the contract, labels may be reworded."""

from __future__ import annotations

import csv
from pathlib import Path

from formgen.schema import Code, CodeList, date

K1 = CodeList(
    "referrer_type",
    {
        "adult_social_services": "Työikäisten sosiaalipalvelut",
        "disability_services": "Vammaispalvelut",
        "mental_health_substance": "Mielenterveys- ja päihdepalvelut",
        "health_centre": "Sote-keskus",
        "specialised_care": "Erikoissairaanhoito",
        "employment_services": "Työllisyyspalvelut (työllisyysalue)",
        "multi_agency": "Monialainen yhteispalvelu",
        "kela": "Kela",
        "pension_insurer": "Työeläkelaitos",
        "educational_institution": "Oppilaitos",
        "ngo_project": "Järjestö tai hanke",
        "occupational_health": "Työterveyshuolto",
        "private_provider": "Yksityinen palveluntuottaja",
        "self": "Hakeutuu itse",
        "relative": "Läheinen",
        "other": "Muu taho",
    },
)

K2 = CodeList(
    "employment_status",
    {
        "unemployed_jobseeker": "Työtön työnhakija",
        "unemployed_not_registered": "Työtön, ei ilmoittautunut",
        "laid_off": "Lomautettu",
        "employed_part_time": "Osa-aikatyössä",
        "employed_full_time": "Kokoaikatyössä",
        "sick_leave": "Sairauslomalla",
        "rehabilitation_subsidy": "Kuntoutustuella",
        "disability_pension": "Työkyvyttömyyseläkkeellä",
        "partial_disability_pension": "Osatyökyvyttömyyseläkkeellä",
        "rehabilitative_work": "Kuntouttavassa työtoiminnassa",
        "work_activity": "Työtoiminnassa (SHL 710/1982 27 e §)",
        "supported_open_work": "Avotyötoiminnassa",
        "day_activity": "Päivätoiminnassa",
        "work_trial": "Työkokeilussa",
        "student": "Opiskelija",
        "family_leave": "Perhevapaalla",
        "entrepreneur": "Yrittäjä",
        "other": "Muu",
    },
)

K3 = CodeList(
    "benefit",
    {
        "earnings_related_allowance": "Ansiopäiväraha",
        "general_support": Code("Yleistuki", valid_from=date(2026, 5, 1)),
        "labour_market_subsidy": Code("Työmarkkinatuki", valid_to=date(2026, 4, 30)),
        "basic_unemployment_allowance": Code("Peruspäiväraha", valid_to=date(2026, 4, 30)),
        "sickness_allowance": "Sairauspäiväraha",
        "partial_sickness_allowance": "Osasairauspäiväraha",
        "rehabilitation_allowance": "Kuntoutusraha",
        "youth_rehabilitation_allowance": "Nuoren kuntoutusraha",
        "rehabilitation_subsidy": "Kuntoutustuki",
        "disability_pension": "Työkyvyttömyyseläke (työeläke)",
        "disability_pension_kela": "Työkyvyttömyyseläke (Kela)",
        "partial_disability_pension": "Osatyökyvyttömyyseläke",
        "guarantee_pension": "Takuueläke",
        "disability_allowance": "Vammaistuki",
        "care_allowance_pensioner": "Eläkettä saavan hoitotuki",
        "general_housing_allowance": "Yleinen asumistuki",
        "pensioner_housing_allowance": "Eläkkeensaajan asumistuki",
        "social_assistance": "Toimeentulotuki",
        "student_aid": "Opintotuki",
        "parental_benefit": "Perhe-etuudet",
        "work_activity_allowance": "Työosuus- tai toimintaraha",
        "none": "Ei etuuksia",
        "other": "Muu",
    },
)

K4 = CodeList(
    "contract_type",
    {
        "permanent": "Toistaiseksi voimassa oleva",
        "fixed_term": "Määräaikainen",
        "seasonal": "Kausityö",
        "temp_agency": "Vuokratyö",
        "on_call": "Tarvittaessa työhön kutsuttava",
        "apprenticeship": "Oppisopimus",
        "entrepreneur": "Yrittäjyys tai kevytyrittäjyys",
        "work_trial": Code("Työkokeilu", mark="not_employment"),
        "rehabilitative_work": Code("Kuntouttava työtoiminta", mark="not_employment"),
        "work_activity": Code("Työtoiminta", mark="not_employment"),
        "open_work_activity": Code("Avotyötoiminta", mark="not_employment"),
        "sheltered_work": Code("Suojatyö", mark="not_employment"),
        "volunteer": Code("Vapaaehtoistyö", mark="not_employment"),
    },
)

# Main sections of Statistics Finland's TOL 2008.
K5 = CodeList(
    "industry",
    {
        "A": "Maatalous, metsätalous ja kalatalous",
        "B": "Kaivostoiminta ja louhinta",
        "C": "Teollisuus",
        "D": "Sähkö-, kaasu- ja lämpöhuolto, jäähdytysliiketoiminta",
        "E": "Vesihuolto, viemäri- ja jätevesihuolto, jätehuolto",
        "F": "Rakentaminen",
        "G": "Tukku- ja vähittäiskauppa",
        "H": "Kuljetus ja varastointi",
        "I": "Majoitus- ja ravitsemistoiminta",
        "J": "Informaatio ja viestintä",
        "K": "Rahoitus- ja vakuutustoiminta",
        "L": "Kiinteistöalan toiminta",
        "M": "Ammatillinen, tieteellinen ja tekninen toiminta",
        "N": "Hallinto- ja tukipalvelutoiminta",
        "O": "Julkinen hallinto ja maanpuolustus",
        "P": "Koulutus",
        "Q": "Terveys- ja sosiaalipalvelut",
        "R": "Taiteet, viihde ja virkistys",
        "S": "Muu palvelutoiminta",
        "T": "Kotitalouksien toiminta työnantajina",
        "U": "Kansainvälisten organisaatioiden toiminta",
    },
)

K6 = CodeList(
    "mode",
    {
        "workplace_visit": Code("Käynti työpaikalla", mark="face_to_face"),
        "meeting_community": Code("Tapaaminen muualla lähiyhteisössä", mark="face_to_face"),
        "meeting_office": Code("Tapaaminen toimistolla", mark="face_to_face"),
        "event": Code("Rekrytointitilaisuus", mark="face_to_face"),
        "video": "Videopuhelu",
        "phone": "Puhelin",
        "text_message": "Tekstiviesti",
        "email": "Sähköposti",
        "letter": "Kirje",
    },
)

K7 = CodeList(
    "purpose",
    {
        "first_contact": "Tutustuminen",
        "needs_mapping": "Tarpeiden kartoitus",
        "client_introduction": "Työnhakijan esittely",
        "vacancy_inquiry": "Avoin paikka",
        "job_carving": "Työn räätälöinti",
        "interview": "Haastattelu",
        "offer_negotiation": "Tarjouksesta sopiminen",
        "support_agreement": "Tuesta sopiminen",
        "onboarding": "Perehdytys",
        "follow_up": "Seuranta",
        "problem_solving": "Ongelman ratkaisu",
        "subsidy_advice": "Tukineuvonta",
        "relationship": "Suhteen ylläpito",
    },
)

K8 = CodeList(
    "outcome",
    {
        "no_need_now": "Ei tarvetta nyt",
        "new_visit_agreed": "Uusi käynti sovittu",
        "info_sent": "Tietoa annettu",
        "application_welcome": "Hakemus toivotaan",
        "interview_agreed": "Haastattelu sovittu",
        "trial_visit_agreed": "Tutustumiskäynti sovittu",
        "offer_made": "Työtarjous",
        "hired": "Palkattu",
        "declined_by_employer": "Työnantaja kieltäytyi",
        "declined_by_client": "Asiakas kieltäytyi",
        "no_answer": "Ei tavoitettu",
        "other": "Muu",
    },
)

K9 = CodeList(
    "disclosure_level",
    {
        "none": "Ei kerrota mitään",
        "support_only": "Kerrotaan tuen ja järjestelyjen tarpeesta",
        "health_general": "Kerrotaan yleisesti terveydestä tai vammasta",
        "health_specific": "Kerrotaan tarkemmin sovitut asiat",
        "undecided": "Ei vielä päätetty",
    },
)

K10 = CodeList(
    "support_action",
    {
        "wake_up": "Herätyssoitto",
        "travel_training": "Työmatkan harjoittelu",
        "on_site_coaching": "Työtehtävien opettelu työpaikalla",
        "task_list": "Tehtävälista tai ohjekortit",
        "phone_reminder": "Kännykkämuistutus",
        "off_site_meeting": "Tapaaminen työpaikan ulkopuolella",
        "phone_support": "Puhelintuki",
        "employer_meeting": "Tapaaminen työnantajan kanssa",
        "team_briefing": "Työyhteisön perehdytys",
        "working_time_change": "Työajan muutos",
        "job_carving": "Tehtävien räätälöinti",
        "assistive_device": "Apuväline",
        "benefit_advice": "Etuusneuvonta",
        "care_coordination": "Yhteistyö hoidon kanssa",
        "family_meeting": "Läheisten tapaaminen",
        "peer_support": "Vertaistuki",
        "conflict_solving": "Ristiriidan selvittely",
        "change_support": "Tuki muutostilanteessa",
        "career_development": "Urakehitys",
        "study_support": "Opintojen tuki",
        "mentor": "Työtoverin tuki",
        "other": "Muu",
    },
)

K11 = CodeList(
    "end_reason",
    {
        "resigned_new_job": Code("Siirtyi toiseen työhön", mark="client"),
        "resigned_not_suitable": Code("Työ ei sopinut", mark="client"),
        "resigned_health": Code("Terveys", mark="client"),
        "resigned_studies": Code("Opinnot", mark="client"),
        "resigned_personal": Code("Muu oma syy", mark="client"),
        "trial_client": Code("Koeaikapurku, työntekijä", mark="client"),
        "dismissed_person": Code("Irtisanottu työntekijään liittyvästä syystä", mark="employer"),
        "dismissed_business": Code("Tuotannollinen tai taloudellinen syy", mark="employer"),
        "trial_employer": Code("Koeaikapurku, työnantaja", mark="employer"),
        "rescinded": Code("Purettu", mark="employer"),
        "business_closed": Code("Toiminta päättyi", mark="employer"),
        "fixed_term_ended": "Määräaika päättyi",
        "season_ended": "Kausi päättyi",
        "subsidy_ended": "Palkkatukijakso päättyi",
        "mutual": "Sovittu yhdessä",
        "retired": "Eläke",
        "death": "Kuolema",
        "other": "Muu",
    },
)

K12 = CodeList(
    "closing_reason",
    {
        "employed_support_not_needed": "Työssä, tukea ei enää tarvita",
        "support_transferred": "Tuki siirtyi toiselle taholle",
        "scope_ended_employed": "Työssä, palvelun laajuus päättyi (kevyt palvelu)",
        "moved_to_studies": "Opinnot",
        "client_no_work_wish": "Asiakas ei halua enää työhön",
        "client_withdrew": "Asiakas lopetti palvelun",
        "moved_area": "Muutti pois",
        "moved_to_other_service": "Siirtyi toiseen palveluun",
        "retired": "Eläke",
        "client_not_reached": "Ei tavoitettu yrityksistä huolimatta",
        "provider_ended": "Järjestäjä päätti palvelun (rahoitus, hanke)",
        "not_started": "Palvelu ei alkanut",
        "client_not_reached_before_start": "Ei tavoitettu ennen alkua",
        "death": "Kuolema",
        "other": "Muu",
    },
)

K13 = CodeList(
    "place",
    {
        "workplace": Code("Työpaikka", mark="outside"),
        "community": Code("Kahvila, kirjasto tai muu lähiyhteisö", mark="outside"),
        "home": Code("Koti", mark="outside"),
        "employer_area": Code("Muu työnantajan tila", mark="outside"),
        "school": Code("Oppilaitos", mark="outside"),
        "partner_office": "Yhteistyötahon toimisto",
        "coach_office": "Valmentajan toimisto",
        "remote": "Etänä",
    },
)

K14 = CodeList(
    "mother_tongue",
    {
        "fi": "suomi",
        "sv": "ruotsi",
        "se": "saame",
        "ru": "venäjä",
        "uk": "ukraina",
        "et": "viro",
        "en": "englanti",
        "ar": "arabia",
        "so": "somali",
        "fa": "persia",
        "sign_fi": "viittomakieli",
        "other": "muu",
    },
)

K15 = CodeList(
    "working_time",
    {
        "day": "Päivätyö",
        "two_shift": "Kaksivuoro",
        "three_shift": "Kolmivuoro",
        "evening": "Ilta",
        "night": "Yö",
        "weekend": "Viikonloppu",
        "short_day": "Lyhyt päivä",
        "few_days": "Muutama päivä viikossa",
        "flexible": "Liukuva",
        "variable": "Vaihteleva",
    },
)

K16 = CodeList(
    "wage_type",
    {
        "hourly": "Tuntipalkka",
        "monthly": "Kuukausipalkka",
        "piece": "Urakka tai provisio",
    },
)

K17 = CodeList(
    "decision",
    {
        "accepted": "Otetaan palveluun",
        "waiting_list": "Jonossa",
        "more_info": "Tarvitaan lisätietoja",
        "redirected": "Ohjataan toiseen palveluun",
        "withdrawn": "Asiakas perui",
    },
)

K19 = CodeList(
    "update_trigger",
    {
        "initial": "Ensimmäinen profiili",
        "new_information": "Uutta tietoa",
        "job_start": "Työ alkoi",
        "job_problem": "Vaikeus työssä",
        "job_end": "Työ päättyi",
        "study": "Opinnot",
        "annual": "Vuosittainen tarkistus",
    },
)


def municipalities() -> CodeList:
    """Return the national list with Statistics Finland's codes, abolished municipalities included.

    The first of an entry's other names is the Swedish one. A code that was taken over by
    another has that one as its successor.
    """
    with (Path(__file__).parent / "_municipalities.csv").open(encoding="utf-8", newline="") as stream:
        return CodeList(
            "municipality",
            {
                row["code"]: Code(
                    row["name_fi"],
                    valid_from=date.fromisoformat(row["valid_from"]) if row["valid_from"] else None,
                    valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
                    names=(row["name_sv"],),
                    successor=row["successor"],
                )
                for row in csv.DictReader(stream)
            },
        )


K20 = municipalities()

K21 = CodeList(
    "travel",
    {
        "walk": "Kävellen",
        "bike": "Pyörällä",
        "own_car": "Oma auto",
        "ride": "Kyyti",
        "bus": "Linja-auto",
        "train": "Juna",
        "taxi": "Taksi",
        "transport_service": "Kuljetuspalvelu",
    },
)

K22 = CodeList(
    "certificate",
    {
        "hygiene": "Hygieniapassi",
        "safety_card": "Työturvallisuuskortti",
        "hot_work": "Tulityökortti",
        "first_aid": "Ensiapu",
        "alcohol_pass": "Anniskelupassi",
        "road_safety": "Tieturva",
        "forklift": "Trukkikortti",
        "it_card": "Tietokoneen ajokortti",
        "professional_driver": "Ammattipätevyys",
        "other": "Muu",
    },
)

K23 = CodeList(
    "relationship",
    {
        "spouse": "Puoliso",
        "parent": "Vanhempi",
        "child": "Lapsi",
        "sibling": "Sisarus",
        "friend": "Ystävä",
        "neighbour": "Naapuri",
        "former_colleague": "Entinen työtoveri",
        "guardian": "Edunvalvoja",
        "other": "Muu",
    },
)

K24 = CodeList(
    "education_level",
    {
        "none": "Ei tutkintoa",
        "basic": "Perusopetus",
        "vocational": "Ammatillinen tutkinto",
        "vocational_special": "Ammatillinen, vaativa erityinen tuki",
        "specialist": "Ammatti- tai erikoisammattitutkinto",
        "general_upper": "Lukio",
        "uas": "Ammattikorkeakoulu",
        "university": "Yliopisto",
        "unfinished": "Kesken jäänyt",
        "foreign": "Ulkomainen tutkinto",
    },
)

K25 = CodeList(
    "support_area",
    {
        "goal_setting": "Tavoitteen selkeytys",
        "cv_application": "CV ja hakemus",
        "employer_visits": "Työnantajien tapaaminen",
        "interview": "Haastattelu",
        "job_carving": "Työn räätälöinti",
        "contract_help": "Työsopimus",
        "benefits": "Etuudet ja palkka",
        "workplace_learning": "Työn opettelu",
        "workplace_conflict": "Työpaikan tilanteet",
        "travel": "Kulkeminen",
        "daily_rhythm": "Arjen rytmi",
        "studies": "Opinnot",
        "networks": "Verkoston yhteistyö",
        "other": "Muu",
    },
)

K26 = CodeList(
    "contact_channel",
    {
        "phone": "Puhelu",
        "text": "Tekstiviesti",
        "secure_message": "Turvallinen viesti",
        "email": "Sähköposti",
        "letter": "Kirje",
        "visit": "Käynti",
        "via_supporter": "Tukihenkilön kautta",
    },
)

K27 = CodeList(
    "data_scope",
    {
        "name_contact": "Nimi ja yhteystiedot",
        "work_history": "Työ- ja koulutushistoria",
        "skills_strengths": "Osaaminen",
        "goals": "Tavoitteet",
        "support_needs": "Tuen ja järjestelyjen tarve",
        "health": "Terveystiedot",
        "benefits": "Etuudet ja talous",
        "schedule": "Aikataulu ja läsnäolo",
    },
)

# The service tasks of social care; the national code server holds the official code values.
K28 = CodeList(
    "service_task",
    {
        "working_age": "Työikäisten palvelut",
        "disability": "Vammaispalvelut",
        "substance_abuse": "Päihdehuolto",
        "elderly": "Iäkkäiden palvelut",
        "families": "Lapsiperheiden palvelut",
        "child_protection": "Lastensuojelu",
        "family_law": "Perheoikeudelliset palvelut",
        "not_social_care": "Ei sosiaalihuoltoa",
    },
)

K29 = CodeList(
    "plans",
    {
        "employment_plan": "Työllistymissuunnitelma",
        "multi_agency_plan": "Monialainen työllistymissuunnitelma",
        "activation_plan": "Aktivointisuunnitelma",
        "client_plan": "Asiakassuunnitelma",
        "care_rehab_plan": "Hoito- ja kuntoutussuunnitelma",
        "hoks": "HOKS",
        "ipa": "Palvelusuunnitelma",
        "none": "Ei ole",
        "other": "Muu",
    },
)

K30 = CodeList(
    "legal_basis",
    {
        "shl_27d": Code("Vammaisten henkilöiden työllistymistä tukeva toiminta (SHL 710/1982, 27 d §)", mark="decided"),
        "shl_27e": Code("Työtoiminta (SHL 710/1982, 27 e §)", mark="decided"),
        "shl_social_rehab": Code("Sosiaalinen kuntoutus (SHL 1301/2014)", mark="decided"),
        "disability_act": Code("Vammaispalvelulaki 675/2023", mark="decided"),
        "rehabilitative_work_act": Code("Kuntouttava työtoiminta 189/2001", mark="decided"),
        "health_care_rehab": "Lääkinnällinen kuntoutus / psykiatrian palvelu",
        "employment_service": "Työvoimapalvelu 380/2023",
        "kela_rehab": Code("Kelan kuntoutus", mark="decided"),
        "pension_rehab": Code("Työeläkekuntoutus", mark="decided"),
        "project": "Hanke",
        "other": "Muu",
    },
)

K31 = CodeList(
    "recipient_type",
    {
        "employer": "Työnantaja",
        "employment_services": "Työllisyyspalvelut",
        "care_team": "Hoitotaho",
        "social_services": "Sosiaalipalvelut",
        "kela": "Kela",
        "pension": "Työeläkelaitos",
        "school": "Oppilaitos",
        "family": "Läheinen",
        "other": "Muu",
    },
)

K32 = CodeList(
    "functioning_area",
    {
        "concentration": "Keskittyminen",
        "memory": "Muisti",
        "learning": "Uuden oppiminen",
        "pace": "Työtahti",
        "stress": "Paineensieto",
        "social": "Vuorovaikutus",
        "communication": "Kommunikaatio",
        "initiative": "Oma-aloitteisuus",
        "planning": "Suunnittelu ja aikataulu",
        "physical": "Fyysinen kuormitus",
        "fine_motor": "Hienomotoriikka",
        "senses": "Näkö ja kuulo",
        "mobility": "Liikkuminen",
        "sleep": "Vireys ja uni",
        "self_care": "Itsestä huolehtiminen",
    },
)

K33 = CodeList(
    "accommodation",
    {
        "shorter_hours": "Lyhyempi työaika",
        "flexible_start": "Joustava aloitus",
        "extra_breaks": "Taukoja lisää",
        "quiet_space": "Rauhallinen tila",
        "written_instructions": "Kirjalliset ohjeet",
        "same_way_guidance": "Ohjaus aina samalla tavalla",
        "picture_instructions": "Kuvaohjeet",
        "limited_customer_contact": "Vähemmän asiakastyötä",
        "limited_tasks": "Rajatut tehtävät",
        "remote_work": "Etätyö",
        "assistive_device": "Apuväline",
        "ergonomic": "Ergonomia",
        "mentor": "Nimetty tukihenkilö",
        "transport": "Kuljetusjärjestely",
        "interpreter": "Tulkkaus",
        "other": "Muu",
        "none": "Ei tarvetta",
    },
)

K34 = CodeList(
    "stage",
    {
        "planned": "Suunniteltu",
        "first_contact": "Tutustuttu",
        "needs_known": "Tarpeet selvillä",
        "interview": "Haastattelu",
        "trial_visit": "Tutustumiskäynti",
        "negotiation": "Neuvottelu",
        "offer": "Tarjous",
        "job_started": "Työ alkoi",
        "closed_no_job": "Päättyi ilman työtä",
        "closed_other": "Päättyi muuten",
    },
)

K35 = CodeList(
    "subsidy_status",
    {
        "not_needed": "Ei tarvetta",
        "discussed": "Puhuttu",
        "to_apply": "Haetaan",
        "applied": "Haettu",
        "granted": "Myönnetty",
        "refused": "Ei myönnetty",
        "ended": "Päättynyt",
    },
)

K36 = CodeList(
    "support_provider",
    {
        "coach": "Valmentaja",
        "employer": "Esihenkilö",
        "coworker": "Työtoveri",
        "care_team": "Hoitotaho",
        "social_worker": "Sosiaalityö",
        "employment_services": "Työllisyyspalvelut",
        "occupational_health": "Työterveyshuolto",
        "family": "Läheinen",
        "peer": "Vertainen",
        "client": "Asiakas itse",
    },
)

K37 = CodeList(
    "next_step",
    {
        "new_job_search": "Työnhaku jatkuu",
        "new_profile": "Profiili tehdään uudelleen",
        "other_negotiation": "Toinen työnantaja jo keskustelussa",
        "new_job_starts": "Uusi työ alkaa",
        "studies": "Opinnot",
        "no_work_now": "Ei työtä nyt",
        "undecided": "Ei vielä päätetty",
        "close_service": "Palvelu päättyy",
    },
)

K38 = CodeList(
    "client_evaluation_item",
    {
        "i1": "Sain tukea omaan tavoitteeseeni",
        "i2": "Valmentaja oli tavoitettavissa",
        "i3": "Työ vastaa toiveitani",
        "i4": "Minua kuunneltiin",
        "i5": "Sain tukea työnantajan kanssa",
        "i6": "Sain tietoa palkasta ja etuuksista",
        "i7": "Suosittelisin palvelua",
    },
)

K39 = CodeList(
    "band",
    {
        "exemplary": "Erinomainen",
        "good": "Hyvä",
        "fair": "Kohtalainen",
        "not_supported_employment": "Ei laatukriteerien mukainen",
    },
)

# A grade given by somebody outside the unit.
GRADES = CodeList("grade", {"1": "1 (huonoin)", "2": "2", "3": "3", "4": "4", "5": "5 (paras)"})
