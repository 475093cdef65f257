"""A simulated year of a unit: invented clients whose forms come in as a unit would see them, with honest mistakes.

Everything follows from the seed. Nobody here exists: names are of a few lists, identity codes
artificial ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, product
from random import Random

from formgen.demo import Turn
from formgen.forms.registry import Registry

FIRST = date(2026, 1, 2)
DAYS = 363
FIRST_NAMES = ("Testi", "Malli", "Esimerkki", "Kuvitteellinen", "Keksitty", "Harjoitus", "Näyte", "Kokeilu")
LAST_NAMES = ("Mallikas", "Testinen", "Esimerkkilä", "Satunen", "Keksijä-Malli", "Kuvitelma", "Harjoitusaho", "Näytelä")
COACHES = tuple(
    f"{first} Valmentaja-{last}"
    for last, first in product(("Esimerkki", "Malli", "Testi"), ("Veera", "Ville", "Vilja", "Valto", "Venla"))
)
CHECKS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
PLACES = ("Joensuu", "Kontiolahti", "Liperi", "Lieksa", "Nurmes")
JOBS = {
    "Keittiöapulainen": ("9412", "I", "Kahvila Testipulla Oy"),
    "Myyjä": ("5223", "G", "Kyläkauppa Esimerkki Ky"),
    "Siivooja": ("9112", "N", "Siivous Malli Oy"),
    "Varastotyöntekijä": ("9333", "H", "Varasto Keksitty Oy"),
    "Puutarhatyöntekijä": ("6113", "A", "Puutarha Esimerkki Oy"),
    "Leipomotyöntekijä": ("7512", "C", "Leipomo Malliesimerkki Oy"),
    "Hoiva-avustaja": ("5321", "Q", "Hoivakoti Kuvitelma Oy"),
}
REFERRERS = ("adult_social_services", "disability_services", "health_centre", "mental_health_substance")
DAY = re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}")
MISTAKES = 0.1

Answers = dict[str, str]


def written(day: date) -> str:
    """Return a day as it is written in Finland.

    >>> written(date(2026, 3, 1))
    '1.3.2026'
    """
    return f"{day.day}.{day.month}.{day.year}"


def workday(day: date) -> date:
    """Return the day, or the Monday after a weekend."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def row(table: str, index: int, **cells: str) -> Answers:
    """Return the answers of one row; a column whose name is a word of Python's own ends in ``_``."""
    return {f"{table}.{index}.{name.rstrip('_')}": text for name, text in cells.items()}


def identity_code(born: date, number: int) -> str:
    """Return an artificial identity code, whose individual number is of those that nobody has."""
    digits = f"{born:%d%m%y}{900 + number % 100}"
    return f"{digits[:6]}{'A' if born.year > 1999 else '-'}{digits[6:]}{CHECKS[int(digits) % 31]}"


def business_id(number: int) -> str:
    """Return an invented business id with its check digit; numbers that have none are passed over."""
    found: list[str] = []
    candidate = 9_000_000
    while len(found) <= number:
        candidate += 1
        rest = (
            sum(int(digit) * weight for digit, weight in zip(str(candidate), (7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
        )
        if rest != 1:
            found.append(f"{candidate}-{11 - rest if rest else 0}")
    return found[-1]


@dataclass
class Story:
    """The year of one client: the day that has come, and what has been returned by then."""

    number: int
    coach: str
    random: Random
    day: date
    turns: list[Turn] = field(default_factory=list)
    named: bool = True
    papers: int = 0
    employers: int = 0
    lost: int = 0

    def __post_init__(self) -> None:
        """Invent the client."""
        self.first, self.last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
        self.born = date(self.random.randint(1964, 2004), self.random.randint(1, 12), self.random.randint(1, 28))
        self.place = self.random.choice(PLACES)
        self.wish, self.other = self.random.sample(list(JOBS), 2)
        self.start = self.day

    @property
    def name(self) -> str:
        """Return what the story is called."""
        return f"{self.number:03} {self.first} {self.last}"

    def often(self, share: float) -> bool:
        """Tell whether something that happens to a share of clients happens now."""
        return self.random.random() < share

    def wait(self, least: int, most: int) -> str:
        """Let days pass until a working day, and return it as it is written."""
        self.day = workday(self.day + timedelta(days=self.random.randint(least, most)))
        return written(self.day)

    def ahead(self, days: int) -> str:
        """Return the day so many days ahead, as it is written."""
        return written(self.day + timedelta(days=days))

    def signed(self, *roles: str) -> Answers:
        """Return signatures of today."""
        names = {
            "client": f"{self.first} {self.last}",
            "coach": self.coach,
            "referrer": "Liisa Lähettäjä-Malli",
        }
        return {
            f"sign_{role}.{part}": text
            for role in roles
            for part, text in (("name", names[role]), ("date", written(self.day)))
        }

    def returns(self, form: str, answers: Answers, document: str = "", expect: str = "accepted") -> None:
        """Return a form today, sometimes with a mistake that is put right on the next working day."""
        self.papers += 1
        mistaken = self.mistaken(answers) if expect == "accepted" else None
        paper = document or f"{form}-{self.papers}"
        if mistaken is not None:
            self.turn(form, mistaken, paper, "rejected")
            missing = {path: text for path, text in answers.items() if mistaken.get(path) != text}
            self.turn(form, missing, paper, "accepted")
        else:
            self.turn(form, answers, paper, expect)
            if self.often(MISTAKES / 3):
                self.turn(form, {}, paper, "duplicate")

    def mistaken(self, answers: Answers) -> Answers | None:
        """Return the answers as somebody in a hurry gives them, or None: mostly there is no mistake."""
        dates = [path for path, text in answers.items() if DAY.fullmatch(text) and not path.startswith("sign_")]
        if not dates or not self.often(MISTAKES):
            return None
        if "sign_client.name" in answers and "sign_coach.name" in answers and self.often(0.5):
            return {path: text for path, text in answers.items() if not path.endswith(".date") or "sign_" not in path}
        wrong = self.random.choice(dates)
        return {**answers, wrong: self.random.choice(("31.2.2026", "ensi viikolla", "12.13.2026"))}

    def turn(self, form: str, answers: Mapping[str, str], document: str, expect: str) -> None:
        """Write down one return of today; the day after comes next."""
        at = datetime.combine(self.day, time(9), UTC)
        self.turns.append(Turn(self.name, form, answers, expect, at=at, document=document))
        self.wait(1, 1)

    def step(self, step: str, **note: str) -> None:
        """Write down a step that no document makes."""
        at = datetime.combine(self.day, time(9), UTC)
        self.turns.append(Turn(self.name, "", note, at=at, step=step))
        self.wait(1, 1)


# --- what is written into the forms -----------------------------------------------------------


def referral(story: Story) -> Answers:
    """Return a referral of today."""
    own, part = story.often(0.2), story.random.choice(("etelä", "pohjoinen", "keskusta"))
    referrer = {
        "referrer_type": story.random.choice(REFERRERS),
        "referrer_organisation": f"Esimerkkilän hyvinvointialue, {part}",
        "referrer_name": "Liisa Lähettäjä-Malli",
        "referrer_phone": "050 123 4567",
        **story.signed("referrer"),
    }
    return {
        "received_date": written(story.day),
        "client_last_name": story.last,
        "client_first_names": story.first,
        "client_hetu": identity_code(story.born, story.number),
        "client_municipality": story.place,
        "client_phone": f"040 555 {1000 + story.number}",
        "contact_preferences": "phone text",
        "mother_tongue": "fi",
        "service_language": "fi",
        "easy_language_needed": "yes" if story.often(0.15) else "no",
        "interpreter_needed": "no",
        "guardian_exists": "no",
        **({"referrer_type": "self"} if own else referrer),
        "referral_date": written(story.day - timedelta(days=2)),
        "client_wants_work": "yes",
        "client_own_words": f"Haluan työhön. {story.wish} on työ, jonka osaan.",
        "desired_jobs": f"{story.wish}, {story.other.lower()}",
        "desired_weekly_hours": story.random.choice(("15 h", "20", "25 h", "30 h")),
        "expectations_of_service": "employer_visits interview benefits",
        "employment_status": "unemployed_jobseeker",
        "unemployed_since": "1.6.2024",
        **row("benefits", 0, benefit="social_assistance", payer="Kela"),
        "support_needs": "Uudet tehtävät opitaan näyttämällä.",
        "consent_referral": "yes",
        **story.signed("client"),
    }


def decision(story: Story) -> Answers:
    """Return the decision to take the client in."""
    return {
        "decision": "accepted",
        "decision_date": written(story.day),
        "assigned_coach": story.coach,
        "first_meeting_date": story.ahead(2),
        "first_meeting_time": "10",
        "first_meeting_place": "Kirjasto",
    }


def refusal(story: Story, decided: str) -> Answers:
    """Return the decision not to start, by the client or by another service."""
    target = {"redirect_target": "Esimerkkilän sosiaalityö"} if decided == "redirected" else {}
    reason = "Asiakas muuttaa muualle." if decided == "withdrawn" else "Asiakas tarvitsee ensin asunnon."
    return {"decision": decided, "decision_date": written(story.day), "decision_reason": reason, **target}


def agreement(story: Story) -> Answers:
    """Return the agreement of today; what may be told to employers is the client's to say."""
    today = written(story.day)
    given = {"granted": "yes", "granted_date": today}
    employer = (
        {"data_scope": "name_contact skills_strengths support_needs", **given} if story.named else {"granted": "no"}
    )
    return {
        "coach_name": story.coach,
        "service_start_date": today,
        "legal_basis": "shl_27d",
        "decision_number": f"EHVA {story.number}/2026",
        "coach_tasks": "goal_setting employer_visits interview benefits",
        "client_tasks": "Käyn tapaamisissa ja kerron, miten menee.",
        "meeting_frequency": "weekly",
        "meeting_places": "community workplace",
        "unencrypted_ok": "yes",
        **{f"{name}_explained": "yes" for name in ("voluntary", "no_time_limit", "confidentiality", "recording")},
        "privacy_notice_given": "yes",
        "complaint_info_given": "yes",
        **row("benefits_counselling_plan", 0, who="Kelan asiantuntija", planned_date=story.ahead(30)),
        **row("consents", 0, **employer),
        **row("consents", 1, data_scope="name_contact goals", **given),
        **row("consents", 2, granted="no"),
        **row("consents", 3, data_scope="name_contact benefits", **given),
        **row("consents", 4, granted="no"),
        "employer_contact_mode": "with_name" if story.named else "general_without_name",
        "disclosure_initial": "support_only" if story.named else "none",
        "disclosure_discussed": "yes",
        "withdrawal_explained": "yes",
        **row(
            "transition_meetings", 0, kind="start", meeting_date=today, participants="Asiakas, lähettäjä ja valmentaja"
        ),
        **meeting(story),
        "copy_given": "yes",
        **story.signed("client", "coach"),
    }


def meeting(story: Story) -> Answers:
    """Return the next meeting."""
    return {
        "next_meeting_date": story.ahead(7),
        "next_meeting_time": "klo 10",
        "next_meeting_place": "Kirjasto",
    }


def withdrawal(story: Story) -> Answers:
    """Return the amendment by which the client takes back the consent about employers."""
    return {
        "amendment_reason": "consent",
        "amendment_reason_detail": "Suostumus työnantajille perutaan",
        "consents.0.withdrawn_date": written(story.day),
        "employer_contact_mode": "general_without_name",
        **meeting(story),
        "copy_given": "yes",
        **story.signed("client", "coach"),
    }


def profile(story: Story) -> Answers:
    """Return the first profile: two talks, two goals."""
    talks = (story.day - timedelta(days=4), story.day)
    goals = (story.wish, story.other)
    answers = {
        "information_sources": "client referral",
        "desired_hours_min": "15",
        "desired_hours_max": "30",
        "working_time_preferences": "day short_day",
        "workplace_preferences": "small clear_routine",
        "strengths": "Täsmällinen.\nOppii näyttämällä.\nTulee ajoissa.",
        **row("education_history", 0, qualification="Peruskoulu", completed="yes"),
        "no_work_history": "yes",
        "driving_licence": "none",
        "digital_skills": "phone",
        "job_seeking_skills": "cv_needs_update",
        **row("travel", 0, mode="bus", max_minutes="40"),
        "helpful_supports": "Kirjalliset ohjeet.",
        "accommodations": "none",
        "disclosure_level": "support_only" if story.named else "none",
        "disclosure_pros_cons": "Hyöty: saan rauhallisen alun.",
        "disclosure_wording": "Opin parhaiten, kun näytetään.",
        "summary": f"Haetaan työtä: {story.wish.lower()}.",
        "client_agrees": "yes",
        **story.signed("client", "coach"),
    }
    for index, day in enumerate(talks):
        answers |= row("profiling_sessions", index, date=written(day), minutes="60 min", place="community")
    for index, title in enumerate(goals):
        cells = {"goal_text": f"Haluan työn: {title.lower()}.", "occupation": title, "occupation_code": JOBS[title][0]}
        answers |= row("work_goals", index, horizon="now", priority=str(index + 1), **cells)
    return answers


def renewed(story: Story) -> Answers:
    """Return the profile after a job: what was known, and what the job has taught."""
    return {
        "goal_changed": "no",
        "no_work_history": "no",
        f"skills.{story.lost - 1}.level": "good",
        "client_agrees": "yes",
        **story.signed("client", "coach"),
    }


def search_plan(story: Story, after_job: bool) -> Answers:
    """Return a plan for the search that is agreed on today."""
    today = written(story.day)
    again = {"review_outcome": "Työ päättyi. Jatketaan hakua.", "benefits_counselling": "done"} if after_job else {}
    return {
        **{f"target_jobs.{index}.why_fits": "Työ on tuttua." for index in range(2)},
        **row(
            "target_employers",
            0,
            employer_name="Esimerkkilän yrityshotelli",
            contact_by="coach",
            by_date=story.ahead(7),
        ),
        "search_area": story.place,
        "contract_types_ok": "permanent fixed_term",
        "search_methods": "employer_visits network",
        **row("actions", 0, action="CV kuntoon", who="together", due_date=story.ahead(10), done="no"),
        "documents_status.0.responsible": "client",
        "interview_support": "practice",
        "disclosure_reviewed_date": today,
        "wage_subsidy_interest": "not_needed",
        "adjustment_support_interest": "not_needed",
        "plan_status": "approved",
        "client_agreed": "signed",
        "client_agreed_date": today,
        **again,
        **story.signed("client", "coach"),
    }


def contact(story: Story, index: int, purpose: str, outcome: str, mode: str = "workplace_visit") -> Answers:
    """Return a row for today's contact with an employer."""
    return row(
        "contacts",
        index,
        date=written(story.day),
        minutes="30 min",
        mode=mode,
        place="workplace" if mode == "workplace_visit" else "remote",
        made_by="together" if story.named else "coach",
        person="Päivi",
        decision_maker="yes",
        purpose=purpose,
        about_competitive_job="yes",
        needs_asked="yes",
        outcome=outcome,
    )


def employer(story: Story) -> Answers:
    """Return the first contact with an employer who has work that the client wishes for."""
    number = story.number * 7 + story.employers
    return {
        "employer_name": f"{JOBS[story.wish][2]} {story.place}",
        "business_id": business_id(number % 60),
        "employer_municipality": story.place,
        "employer_address": "Mallikuja 3",
        "industry": JOBS[story.wish][1],
        "sector": "private",
        "contact_person": "Päivi Esihenkilö-Malli",
        "contact_title": "Esihenkilö",
        "contact_phone": "041 123 4567",
        "is_decision_maker": "yes",
        "client_named": "no",
        "health_disclosed": "no",
        "matches_plan": "yes",
        "employer_needs": "Apua aamuihin.",
        "vacancy_open": "yes",
        "vacancy_kind": "open_to_all",
        "fit_summary": "Asiakas on täsmällinen ja oppii näyttämällä.",
        **contact(story, 0, "first_contact needs_mapping", "new_visit_agreed"),
        "stage": "first_contact",
        "wage_subsidy_talk": "not_needed",
        "adjustment_support_talk": "not_needed",
    }


def negotiation(story: Story) -> Answers:
    """Return that a job is talked about, the client being named if that is allowed."""
    named = {"client_named": "yes", "client_named_date": written(story.day)} if story.named else {}
    return {**contact(story, 1, "client_introduction", "interview_agreed"), "stage": "negotiation", **named}


def offer(story: Story, start: date) -> Answers:
    """Return the offer that the client has taken."""
    cells = {"offered_date": written(story.day), "answer_date": written(story.day), "start_date": written(start)}
    terms = {"weekly_hours": "20,5 h", "contract_type": "permanent", "wage": "12,60 €", "wage_type": "hourly"}
    return {
        **contact(story, 2, "offer_negotiation", "offer_made", "phone"),
        **row("offer", 0, job_title=story.wish, answer="accepted", **cells, **terms),
        "stage": "offer",
    }


def no_job(story: Story, index: int) -> Answers:
    """Return that nothing has come of an employer."""
    reason = story.random.choice(("no_need", "no_money", "schedule", "client_declined"))
    return {
        **contact(story, index, "follow_up", "no_need_now", "phone"),
        "stage": "closed_no_job",
        "closed_date": written(story.day),
        "outcome_reason": reason,
    }


def job_start(story: Story, start: date) -> Answers:
    """Return the start of the job that was offered."""
    seen = {
        "coach_visible_to_employer": "yes",
        "who_knows": "Esihenkilö",
    }
    return {
        "found_by": "coach_new_contact",
        "main_tasks": "Aamun tehtävät",
        "matches_goal": "yes",
        "retention_case": "no",
        "contract_form": "written",
        "trial_period_months": "4 kk",
        "variable_hours": "no",
        "working_time_form": "short_day",
        "pay_basis": "agreed_no_tes",
        "open_to_anyone": "yes",
        "same_terms_as_others": "yes",
        **(seen if story.named else {"coach_visible_to_employer": "no"}),
        "benefit_counselling_done": "yes",
        "benefit_counselling_date": written(story.day),
        "benefit_counsellor": "Kelan asiantuntija",
        "benefit_effects.0.effect": "reduced",
        "benefit_effects.0.done": "yes",
        "earnings_limit_checked": "not_applicable",
        "onboarding_plan": "Esihenkilö näyttää tehtävät.",
        "coach_first_days": "first_day" if story.named else "not_wanted",
        "first_support_meeting": written(start),
        "first_support_meeting_time": "14.00",
        "first_support_meeting_mode": "phone",
        "support_plan_due": written(start + timedelta(days=7)),
        **story.signed("client", "coach"),
    }


def support_plan(story: Story, start: date) -> Answers:
    """Return the plan of support at work, or off it where the employer knows of no coach."""
    known = story.named
    cells = {"frequency": "weekly", "start": written(start), "status": "planned"}
    return {
        "participants": "client coach",
        "no_support_wanted": "no",
        **row("goals", 0, goal="Opin työn", review_date=written(start + timedelta(days=30))),
        **row("learning_needs", 0, how="Näytetään ensin", who="Esihenkilö"),
        **row(
            "support_actions",
            0,
            action="on_site_coaching" if known else "off_site_meeting",
            who="coach",
            where="workplace" if known else "community",
            **cells,
        ),
        **row("support_actions", 1, action="other", who="coworker" if known else "family", where="home", **cells),
        "tools": "task_list",
        "employer_support": "guidance_advice" if known else "none",
        "off_work_support": "none",
        "crisis_steps": "Soitan valmentajalle.",
        "call_first_phone": "050 765 4321",
        "sick_leave_steps": "Soitan esihenkilölle.",
        "who_may_tell_employer": "both" if known else "client",
        **row("benefit_followup", 0, what="Ilmoitus palkasta", who="Asiakas", when=written(start + timedelta(days=30))),
        **{f"contact_rhythm.{index}.with": "client" for index in range(3)},
        **{f"contact_rhythm.{index}.mode": "phone" for index in range(3)},
        "plan_status": "approved",
        **story.signed("client", "coach"),
    }


def support(story: Story, index: int) -> Answers:
    """Return a row for the support that is given today."""
    cells = {"mode": "phone", "place": "remote", "topic": "phone_support", "with_": "client"}
    return row("support_log", index, date=written(story.day), minutes="30 min", **cells)


def job_end(story: Story, last: date, lasted: int, step: str) -> Answers:
    """Return the end of the job."""
    trial = lasted < 110
    return {
        "end_date": written(last),
        "learned_date": written(last),
        "end_initiative": "employer" if trial else "mutual",
        "end_reason": "trial_employer" if trial else "mutual",
        "end_reason_detail": "Työ oli liian kiireistä.",
        "end_kind": "unexpected" if trial else "planned",
        **({"termination_in_trial": "yes"} if trial else {}),
        "client_view": "Aamut sujuivat hyvin.",
        "client_not_reached": "no",
        "employer_asked": "yes" if story.named else "no_consent",
        "what_worked": "Ohjekortit.",
        "what_was_hard": "Kiire.",
        "lessons": "Seuraava työ rauhallisempaan paikkaan.",
        "skills_gained": story.wish,
        "supports_that_helped": "phone_support",
        "first_contact_after_date": written(last),
        "next_step": step,
        "new_job_known": "no",
        "profile_update_due": written(last + timedelta(days=30)),
        **({"job_search_restart": written(last + timedelta(days=1))} if step == "new_job_search" else {}),
        "checklist": "work_certificate final_pay unemployment_registration",
        **row("benefit_actions", 0, action="Ilmoitus Kelaan", by=written(last + timedelta(days=3))),
        "rehire_possible": "maybe",
        "support_wish": "Haluan jatkaa valmentajan kanssa.",
        **story.signed("client", "coach"),
    }


def studies(story: Story) -> Answers:
    """Return the plan for studies that go on beside the search."""
    return {
        "why_studies": "Tutkinto avaa säännöllisen työn.",
        "goal_id": story.wish.lower(),
        "study_status": "studying",
        "institution": "Testiopisto",
        "programme": "Ammatillinen perustutkinto",
        "education_form": "vocational",
        "study_mode": "part_time",
        "start_date": written(story.day),
        "end_date": written(story.day + timedelta(days=700)),
        "hoks_exists": "yes",
        "disclosure_school": "none",
        "support_needs": "reading_writing",
        **row("actions", 0, action="Lukusuunnitelma", who="client", due=story.ahead(20)),
        **row("funding", 0, source="student_aid"),
        "benefit_effect_checked": "yes",
        "work_alongside": "none",
        "review_date": story.ahead(120),
        **story.signed("client", "coach"),
    }


def closing(story: Story, reason: str) -> Answers:
    """Return the end of the service, for whatever reason."""
    unseen = reason == "client_not_reached_before_start"
    begun = reason not in ("not_started", "client_not_reached_before_start")
    working = reason == "employed_support_not_needed"
    answers = {
        "coach_name": story.coach,
        "closing_date": written(story.day),
        "closing_reason": reason,
        "initiative": "both" if working else "coach" if unseen else "client",
        "client_agrees": "not_reached" if unseen else "agrees",
        "activity_at_closing": "employed" if working else "unknown" if unseen else "job_search_alone",
        "handover_declined": "yes",
        "step_down_support": "none",
        "plan_after": "Ei tiedossa." if unseen else "Jatkan omin voimin.",
        "employer_informed": "not_relevant",
        "reopening_explained": "yes",
        "follow_up_agreed": "no",
        "records_info_given": "yes",
        "consents_withdrawn": "yes",
        "decision_notice": "yes" if begun else "not_needed",
        **story.signed("coach", *(() if unseen else ("client",))),
    }
    if reason == "not_started":
        answers["not_started_detail"] = "Asiakas ei tarvitse palvelua nyt."
    for index in range(2 if begun else 0):
        answers[f"goals_result.{index}.result"] = "reached" if working else "partly"
    if working:
        answers["employment_at_closing.0.continues"] = "yes"
    for index, (ago, mode) in enumerate(((50, "phone"), (30, "home_visit"), (12, "phone")) if unseen else ()):
        day = written(story.day - timedelta(days=ago))
        answers |= row("outreach_attempts", index, date=day, mode=mode, by="coach", result="no_answer")
    return answers


def assessment(registry: Registry, coaches: int, day: date) -> Answers:
    """Return the unit's own assessment of its year."""
    printed = {asked.name: asked.printed for asked in registry.find_latest_version("quality_assessment").fields}
    answers = {
        "assessment_kind": "self",
        "period_start": f"1.1.{day.year}",
        "period_end": written(day - timedelta(days=1)),
        "assessment_date": written(day),
        **row("assessors", 0, name="Eeva Esihenkilö-Malli", role="Tiiminvetäjä"),
        "leader_fte": "0,5",
        "coaches_per_leader": str(coaches),
        "team_meetings_per_month": "4",
        "supervision_per_month": "2",
        "employment_partner_contacts": "monthly",
        "summary": "Palvelu on hyvää. Työnantajakäyntejä tarvitaan lisää.",
        **row("priorities", 0, priority="Käynnit työpaikoilla", owner="Eeva"),
        **{f"sign_{role}.name": "Eeva Esihenkilö-Malli" for role in ("assessor", "management")},
        **{f"sign_{role}.date": written(day) for role in ("assessor", "management")},
    }
    for index in range(printed["unit_checks"]):
        answers[f"unit_checks.{index}.present"] = "yes"
    for index in range(printed["criteria"]):
        cells = {"score": "4", "evidence": "Tilasto jaksolta ja haastattelut.", "sources": "statistics interviews"}
        answers |= row("criteria", index, **cells)
    return answers


# --- what happens to a client -----------------------------------------------------------------


def lived(story: Story) -> list[Turn]:
    """Return the turns of one client's year."""
    story.returns("referral", referral(story))
    story.wait(3, 8)
    if story.often(0.12):
        decided = story.random.choice(("redirected", "withdrawn"))
        story.returns("referral", refusal(story, decided))
        story.wait(2, 6)
        story.returns("closing", closing(story, "not_started"))
        return story.turns
    story.named = story.often(0.8)
    if story.often(0.08):
        in_wrong_order(story)
    else:
        story.returns("referral", decision(story))
        if story.often(0.08):
            story.wait(60, 80)
            story.returns("closing", closing(story, "client_not_reached_before_start"))
            return story.turns
        story.wait(1, 4)
        story.returns("cooperation_agreement", agreement(story))
    story.wait(12, 22)
    story.returns("vocational_profile", profile(story))
    story.wait(2, 6)
    story.returns("job_search_plan", search_plan(story, after_job=False))
    if story.often(0.1):
        paused(story)
    if story.often(0.08):
        story.wait(3, 10)
        story.returns("education_plan", studies(story))
    searched(story)
    return story.turns


def in_wrong_order(story: Story) -> None:
    """Let the agreement arrive before the decision that it rests on: it waits."""
    decided, story_day = decision(story), story.day
    story.wait(2, 3)
    story.returns("cooperation_agreement", agreement(story), expect="waiting")
    story.turn("referral", {**decided, "decision_date": written(story_day)}, "päätös", "accepted")


def paused(story: Story) -> None:
    """Put the case on hold for a while."""
    story.wait(1, 5)
    begins = story.day
    story.step(
        "T26", reason="sairausloma", start=begins.isoformat(), next_contact=(begins + timedelta(days=45)).isoformat()
    )
    story.wait(15, 40)
    story.step("T27", end=story.day.isoformat())


def searched(story: Story) -> None:
    """Look for work at one employer after another, until there is a job or the client leaves."""
    for _ in range(4):
        story.wait(4, 14)
        story.employers += 1
        paper = f"työnantaja-{story.employers}"
        story.returns("employer_contact", employer(story), paper)
        story.wait(7, 18)
        if story.often(0.45):
            story.returns("employer_contact", negotiation(story), paper)
            story.wait(3, 8)
            if story.often(0.8):
                worked(story, paper)
                return
            story.returns("employer_contact", no_job(story, 2), paper)
        else:
            story.returns("employer_contact", no_job(story, 1), paper)
        if story.named and story.often(0.06):
            story.wait(2, 5)
            story.named = False
            story.returns("cooperation_agreement", withdrawal(story))
    story.wait(5, 15)
    story.returns("closing", closing(story, "moved_area"))


def worked(story: Story, paper: str) -> None:
    """Take a job, have support in it, and keep or lose it."""
    start = workday(story.day + timedelta(days=story.random.randint(9, 14)))
    story.returns("employer_contact", offer(story, start), paper)
    story.wait(1, 3)
    story.returns("job_start", job_start(story, start))
    plan = f"tuki-{story.employers}"
    story.returns("job_support_plan", support_plan(story, start), plan)
    lasts = story.random.choice((45, 80, 105, 150, 400, 400, 400, 400, 400))
    story.day = max(story.day, start)
    for index, pause in enumerate((1, 6, 6, 7, 7, 25, 25, 26, 26, 26, 26, 26)):
        if (story.day - start).days + pause > min(lasts, 200):
            break
        story.wait(pause, pause)
        story.turn("job_support_plan", support(story, index), plan, "accepted")
    if lasts < 200:
        lost(story, start, lasts)
        return
    story.day = max(story.day, start + timedelta(days=185))
    story.wait(2, 8)
    story.returns("closing", closing(story, "employed_support_not_needed"))


def lost(story: Story, start: date, lasted: int) -> None:
    """Lose a job: look for the next one, study, or stop for now."""
    story.lost += 1
    last = max(start + timedelta(days=lasted), story.day)
    story.day = workday(last)
    step = story.random.choice(("new_job_search", "new_job_search", "new_job_search", "studies", "no_work_now"))
    story.returns("job_end", job_end(story, last, lasted, step))
    if step == "no_work_now":
        story.wait(5, 15)
        story.returns("closing", closing(story, "client_no_work_wish"))
        return
    if step == "studies":
        story.wait(5, 15)
        story.returns("education_plan", studies(story))
        return
    story.wait(8, 20)
    story.returns("vocational_profile", renewed(story))
    story.wait(2, 20)
    story.returns("job_search_plan", search_plan(story, after_job=True))
    searched(story)


def year(registry: Registry, clients: int, coaches: Sequence[str], seed: int) -> Iterator[list[Turn]]:
    """Yield the turns of a year by the day, in order."""
    last = FIRST + timedelta(days=DAYS)
    turns: list[Turn] = []
    for number in range(1, clients + 1):
        random = Random(f"{seed}-{number}")  # noqa: S311 - a story, no secret
        arrives = workday(FIRST + timedelta(days=random.randint(3, 345)))
        story = Story(number, coaches[number % len(coaches)], random, arrives)
        turns += [turn for turn in lived(story) if moment(turn).date() < last]
    at = datetime.combine(last, time(9), UTC)
    turns.append(Turn("yksikkö", "quality_assessment", assessment(registry, len(coaches), last), at=at))
    for _, batch in groupby(sorted(turns, key=moment), key=moment):
        yield list(batch)


def moment(turn: Turn) -> datetime:
    """Return when a turn is taken."""
    assert turn.at, "every turn of a year has its moment"
    return turn.at
