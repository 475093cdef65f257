"""For every error code there is a wrong return whose reply, with only the marked places filled, is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from formgen import formats
from formgen.demo import dated
from formgen.store import day
from tests.conftest import Bench
from tests.replies import reply
from tests.rules import FORMS, Answers, Shown
from tests.test_rules import BASE, SHOWN, declared

At = Callable[[str], Bench]

pytestmark = pytest.mark.usefixtures("unwalled")

PLACE = {  # where in the walk a form is returned
    "referral": "new",
    "cooperation_agreement": "decided",
    "employer_contact": "signed",
    "job_start": "signed",
    "closing": "signed",
}


@dataclass(frozen=True)
class Wrong:
    """A form that is returned with a fault, and the code that it is marked with."""

    form: str
    code: str
    breaks: Answers


OF_NO_RULE = (  # what the engine finds without a rule of a form
    Wrong("referral", "format", {"client_email": "ei ole"}),
    Wrong("referral", "required", {"client_last_name": ""}),
    Wrong("referral", "choice", {"consent_referral": "yes no"}),
    Wrong("cooperation_agreement", "R11", {"consents.2.granted": ""}),
    Wrong("employer_contact", "R44", {"business_id": "9000001-2", "contacts.0.mode": "phone"}),
)
INSTEAD = {  # what a person writes where the right answers of the form are not what the fault calls for
    "R06": {"consent_health_transfer": "yes"},
    "R13": {"employer_contact_mode": "no"},
}
UNSHOWN = "no example of it stands yet in a case that goes through the intake"
SEVERAL = "what is marked first calls for an answer elsewhere, which only a second reply marks"
OPEN = {
    **dict.fromkeys(("R09", "R29", "R65", "R81", "R82"), "its example needs a case of its own"),
    **dict.fromkeys(("R17", "R18", "R76", "R77", "R84"), "the code of a field that may be only warned about"),
    **dict.fromkeys(("R19", "R20", "R26", "R27", "R36", "R37", "R69", "R70", "R71", "R75", "R91", "R92"), UNSHOWN),
    **dict.fromkeys(("R35", "R85"), SEVERAL),
}


def refuses(form: str, shown: Shown) -> bool:
    """Tell whether an example is of a rule that rejects a return for wrong values, in no special case.

    A rule that waits for another form, and one with the number of a move, reject it for the process.
    """
    rule = declared(form, shown)
    return rule.severity == "error" and not rule.waits_for and rule.code[0] != "T" and shown.case is None


def codes() -> set[str]:
    """Return every code with which a return is rejected for wrong values."""
    rules = {rule.code for form in FORMS for rule in form.rules if rule.severity == "error" and not rule.waits_for}
    fields = {asked.code for form in FORMS for field in form.fields for asked in (field, *field.columns)}
    of_moves = {code for code in rules if code[0] == "T"}
    return {wrong.code for wrong in OF_NO_RULE} | (rules - of_moves) | {code for code in fields if code[0] != "T"}


EXAMPLES: dict[str, Wrong] = {}
for wrong in (
    *OF_NO_RULE,
    *(
        Wrong(form, said.code, said.breaks)
        for form in ("referral", "cooperation_agreement", "job_start", "closing")
        for said in SHOWN[form]
        if refuses(form, said)
    ),
):
    if wrong.code not in OPEN:
        EXAMPLES.setdefault(wrong.code, wrong)


def written(answers: Answers) -> dict[str, str]:
    """Return answers as they are typed: a row or signature that is blanked as a whole, place by place."""
    blank = tuple(path.removesuffix("*") for path in answers if path.endswith(".*"))
    return (
        {path: "" if path.startswith(blank) else text for path, text in answers.items() if not path.endswith(".*")}
        if blank
        else dict(answers)
    )


def test_every_code_that_rejects_a_return_is_shown_or_is_named_as_open() -> None:
    assert codes() == EXAMPLES.keys() | OPEN.keys()
    assert not EXAMPLES.keys() & OPEN.keys()


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_reply_in_which_only_what_is_marked_is_put_right_is_accepted(code: str, at: At) -> None:
    wrong = EXAMPLES[code]
    place = PLACE[wrong.form]
    bench = at(place)
    row = bench.send(
        wrong.form,
        written({**BASE[wrong.form], **wrong.breaks}),
        None if place == "new" else bench.case().case_id,
    )
    assert (row["outcome"], row["code"]) == ("rejected", "invalid_values")
    marked = [place for _, place in bench.errors(row)]
    assert code in {found for found, _ in bench.errors(row)}
    given = bench.journal.issued(row["instance_id"])["answers"]
    right = {**dict.fromkeys(marked, ""), **given, **written(BASE[wrong.form]), **INSTEAD.get(code, {})}
    typed = {
        path: dated(text, day(bench.clock()))
        for path, text in right.items()
        if any(path == one or path.startswith(f"{one}.") for one in marked)
        and not any(other.startswith(f"{path}.") for other in right)
    }
    done = bench.returned(formats.every()["docx"].fill(reply(bench, row), typed))
    assert (done["outcome"], done["instance_id"]) == ("accepted", row["reply_id"]), done["reason"]
