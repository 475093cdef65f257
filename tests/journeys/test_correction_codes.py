"""For every error code there is a wrong return whose reply, with only the marked places filled, is accepted.

Word replies are filled in a real LibreOffice, PDF replies with pdf.js.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from formgen.cases.workflow import Case
from formgen.forms.form import Form
from formgen.storage.rows import Submission
from tests.conftest import Bench
from tests.foreign.test_correction_fillers import in_fields, questions
from tests.foreign.test_libreoffice import Office, office, steps
from tests.rules import AGREEMENT, FORMS, JOB, TODAY, Answers, Shown
from tests.rules.closing import NEVER_SEEN
from tests.support.foreign import FILLERS, Job
from tests.support.replies import at_places, reply
from tests.support.stages import filled, go_on, open_bench, take, typed, workspaces
from tests.unit.test_rules import BASE, CASE, SHOWN, declared

__all__ = ["office", "workspaces"]
pytestmark = [pytest.mark.usefixtures("unwalled"), pytest.mark.slow]

STAGE = {  # how many moves towards work a case has made when a form is returned about it
    "referral": 0,
    "cooperation_agreement": 1,
    "vocational_profile": 2,
    "job_search_plan": 3,
    "employer_contact": 4,
    "job_start": 5,
    "job_support_plan": 6,
    "job_end": 6,
    "education_plan": 2,
    "quality_assessment": 0,
    "closing": 2,
}
NAMELESS = ("cooperation_agreement", {**AGREEMENT, "consents.0.granted": "no", "employer_contact_mode": "no"})
ALONE = ("job_start", {**JOB, "coach_visible_to_employer": "no"})


@dataclass(frozen=True)
class Wrong:
    """A form that is returned with a fault, the code that it is marked with, and what came before.

    ``case`` is the case for which the days of the answers were written; ``before`` are the documents
    that have brought it further than ``stage`` moves.
    """

    form: str
    code: str
    breaks: Answers
    case: Callable[[], Case]
    stage: int
    before: tuple[tuple[str, Answers], ...] = ()


def wrong(form: str, code: str, breaks: Answers, shown: Shown | None = None) -> Wrong:
    """Return a wrong return with what comes before it."""
    case = (shown and shown.case) or CASE[form]
    stage, *before = WAY.get(code, (STAGE[form],))
    return Wrong(form, code, breaks, case, stage, tuple(before))


WAY: dict[str, tuple] = {  # type: ignore[type-arg]
    # the cases in which a fault can be made: moves made, and what is returned next
    "R29": (1, NAMELESS, ("vocational_profile", BASE["vocational_profile"])),
    "R35": (1, NAMELESS, ("vocational_profile", BASE["vocational_profile"])),
    "R65": (1, NAMELESS, ALONE),
    "R81": (1,),
    "R82": (6,),
}
OF_NO_RULE = (  # what the engine finds without a rule of a form
    wrong("referral", "format", {"client_email": "ei ole"}),
    wrong("referral", "required", {"client_last_name": ""}),
    wrong("referral", "choice", {"consent_referral": "yes no"}),
    wrong("cooperation_agreement", "R11", {"consents.2.granted": ""}),
    wrong("employer_contact", "R44", {"business_id": "9000001-2", "contacts.0.mode": "phone"}),
    wrong("closing", "R35", {"employer_informed": "yes"}),
)
INSTEAD: dict[str, Answers] = {  # what is written where the right answers of the form are not what the fault calls for
    "R06": {"consent_health_transfer": "yes"},
    "R13": {"employer_contact_mode": "no"},
    "R35": {"employer_informed": "no", "goals_result.1.result": "partly"},
    "R48": {"end_date": "{today+200}"},
    "R65": {"participants": "client coach"},
    "R75": {"end_initiative": "mutual", "end_reason": "mutual"},
    "R81": {path: text for path, text in NEVER_SEEN.items() if path.startswith("outreach_attempts.")},
    "R82": {"goals_result.1.result": "partly"},
    "R91": {"criteria.7.action": "Käyntejä lisätään."},
    "R85": {"supervisor_reviewed": "yes", "supervisor_reviewed_date": "{today}"},
}


def refuses(form: str, shown: Shown) -> bool:
    """Tell whether an example is of a rule that rejects a return for what stands at a place of it.

    A rule that waits for another form, one with the number of a move, and one of no place reject
    it for the process: no other answer would mend it.
    """
    rule = declared(form, shown)
    return rule.severity == "error" and not rule.waits_for and rule.code[0] != "T" and bool(shown.at)


def codes() -> set[str]:
    """Return every code with which a return is rejected for wrong values."""
    ruled = {declared(form, shown).code for form in SHOWN for shown in SHOWN[form]} - {"required"}
    rules = {shown.code for form in SHOWN for shown in SHOWN[form] if refuses(form, shown)}
    fields = {asked.code for form in FORMS for field in form.fields for asked in (field, *field.columns)}
    return {one.code for one in OF_NO_RULE} | rules | {code for code in fields - ruled if code[0] != "T"}


EXAMPLES = {one.code: one for one in OF_NO_RULE}
for form in STAGE:
    for said in SHOWN[form]:
        if refuses(form, said) and (said.case is None or said.code in WAY):
            EXAMPLES.setdefault(said.code, wrong(form, said.code, said.breaks, said))


def test_every_code_that_rejects_a_return_is_shown() -> None:
    assert codes() == EXAMPLES.keys()


def refused(bench: Bench, one: Wrong, format_name: str) -> Submission:
    """Return the return that has been rejected with the code."""
    for form, answers in one.before:
        go_on(bench, form, typed(answers, CASE[form]()))
    bench.clock.pass_days((one.case().today - TODAY).days)
    case_id = bench.case().case_id if bench.journal.list_case_ids() else None
    answers = typed({**BASE[one.form], **one.breaks}, one.case())
    row = take(bench, filled(bench, one.form, answers, case_id, format_name), format_name)
    assert (row.outcome, row.code) == ("rejected", "invalid_values"), row.reason
    assert one.code in {found for found, _ in bench.errors(row)}
    return row


def put_right(bench: Bench, row: Submission, one: Wrong) -> dict[str, str]:
    """Return what a person writes into the places that the reply marks, and into no other."""
    marked = [place for _, place in bench.errors(row)]
    issued = bench.journal.find_issued_document(row.instance_id)
    assert issued
    written = typed({**BASE[one.form], **INSTEAD.get(one.code, {})}, one.case())
    blank = [path.removesuffix("*") for path in written if path.endswith(".*")]
    given = {path: text for path, text in issued.answers.items() if not any(map(path.startswith, blank))}
    right = {**dict.fromkeys(marked, ""), **given, **written}
    asked = {question.path for question in questions(bench.registry.find_latest_version(one.form), right)}
    return {path: text for path, text in at_places(bench, right, marked).items() if path in asked}


def in_libreoffice(form: type[Form], data: bytes, answers: Answers, office: Office, folder: Path) -> bytes:
    """Return a Word document as LibreOffice saves it with the answers."""
    _, files = office.work(data, "docx", steps(questions(form, answers), answers), ("docx",))
    return files["docx"]


def in_pdfjs(form: type[Form], data: bytes, answers: Answers, office: Office, folder: Path) -> bytes:
    """Return a PDF as pdf.js saves it with the answers."""
    (found,) = FILLERS["pdf.js"]([Job(data, in_fields(form, answers))], folder)
    return found


@pytest.mark.parametrize(("format_name", "fill"), [("docx", in_libreoffice), ("pdf", in_pdfjs)], ids=["docx", "pdf"])
@pytest.mark.parametrize("code", EXAMPLES)
def test_a_reply_in_which_only_what_is_marked_is_put_right_is_accepted(
    code: str,
    format_name: str,
    fill: Callable[..., bytes],
    workspaces: list[Path],
    office: Office,
    tmp_path: Path,
) -> None:
    one = EXAMPLES[code]
    root = tmp_path / "unit"
    shutil.copytree(workspaces[one.stage], root)
    bench = open_bench(root)
    row = refused(bench, one, format_name)
    form = bench.registry.find_latest_version(one.form)
    data = fill(form, reply(bench, row, format_name), put_right(bench, row, one), office, tmp_path)
    done = take(bench, data, format_name)
    assert (done.outcome, done.instance_id) == ("accepted", row.reply_id), done.reason
