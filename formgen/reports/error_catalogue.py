"""The catalogue of errors: every code that a finding, a task or a rejection may have, its text and its remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from formgen.cases import workflow
from formgen.errors import Reason
from formgen.fields.choices import NOT_AN_OPTION
from formgen.fields.dates import NOT_A_DATE
from formgen.fields.identifiers import WRONG_BUSINESS_ID
from formgen.fields.text import TOO_LONG
from formgen.forms.form import Form
from formgen.forms.registry import Registry
from formgen.forms.rules import blank_values
from formgen.forms.validate import MISSING_ANSWER
from formgen.i18n import N_, translate
from formgen.issuing.correction import get_field_label

ENGINE = {  # what no form declares
    "R44": WRONG_BUSINESS_ID,
    "R88": workflow.CASE_CLOSED,
    "R89": Reason.BAD_IDENTITY.message,
    "R90": Reason.UNKNOWN_VERSION.message,
    "format": NOT_A_DATE,
    "required": MISSING_ANSWER,
    "choice": NOT_AN_OPTION,
    "range": TOO_LONG,
}
REMEDY = {
    "R44": N_("Tarkista Y-tunnuksen jokainen numero ja lähetä lomake uudelleen."),
    "R88": N_("Avaa uusi asia ja tee lomake siihen."),
    "R89": Reason.BAD_IDENTITY.advice,
    "R90": Reason.UNKNOWN_VERSION.advice,
    "hold": N_("Tarkista asian tila ja päivät."),
    "format": N_("Kirjoita vastaus niin kuin kohdan ohje sanoo ja lähetä lomake uudelleen."),
    "required": N_("Vastaa kohtaan ja lähetä lomake uudelleen."),
    "choice": N_("Valitse jokin annetuista vaihtoehdoista ja lähetä lomake uudelleen."),
    "range": N_("Tarkista, että arvo on sallituissa rajoissa, ja lähetä lomake uudelleen."),
    "error": N_("Korjaa tämä kohta ja lähetä lomake uudelleen."),
    "review": N_("Tarkistaja hyväksyy tai korjaa arvon."),
    "warning": N_("Lomake hyväksytään. Tarkista kohta ja korjaa se seuraavaan lomakkeeseen."),
    "task": N_("Tee tehtävä ja palauta lomake, jota se koskee."),
    "waits": N_("Lähetä ensin lomake, jota tämä odottaa."),
}
SEVERITY = {
    "error": N_("virhe"),
    "review": N_("tarkistettava"),
    "warning": N_("huomautus"),
    "task": N_("tehtävä"),
    "reason": N_("hylkäyksen syy"),
}


def build_catalogue(registry: Registry) -> list[Entry]:
    """List every code with its texts: rules and moves by code, then what any form may say, then reasons."""
    found = [entry for form in registry for entry in iter_form_entries(form)]
    found += [Entry(code, "error", message, REMEDY[code]) for code, message in ENGINE.items()]
    hold = registry.process.hold
    found += [
        Entry(hold.begin, "error", workflow.NOT_OPEN, REMEDY["hold"]),
        Entry(hold.end, "error", workflow.NOT_ON_HOLD, REMEDY["hold"]),
    ]
    reasons = [Entry(reason, "reason", reason.message, reason.advice) for reason in Reason]
    return [*sorted(dict.fromkeys(found), key=lambda entry: (entry.code[0].islower(), entry.code)), *reasons]


def iter_form_entries(form: type[Form]) -> Iterator[Entry]:
    """List the entries of the rules, the tasks and the moves of a form."""
    for rule in form.rules:
        remedy = REMEDY["waits" if rule.waits_for else rule.severity]
        yield Entry(rule.code, rule.severity, rule.message, remedy, form, rule.name, rule.field)
    for due in form.deadlines:
        yield Entry(due.code, "task", due.message, REMEDY["task"], form, due.name)
    for move in form.moves:
        yield Entry(move.id, "error", Reason.TRANSITION_NOT_ALLOWED.message, Reason.TRANSITION_NOT_ALLOWED.advice, form)


def render_page(entries: list[Entry], examples: Mapping[tuple[str, str, str], str]) -> str:
    """Render the catalogue as a Markdown page; ``examples`` are by code, form and name of rule."""
    lines = ["# Virheet", "", "Jokainen koodi, jonka palautus, tehtävä tai hylkäys voi saada. Sivun tekee"]
    lines += ["`python -m tests.support.catalogue --force`."]
    last = ""
    for entry in entries:
        if entry.code != last:
            lines += ["", f"## {entry.code}"]
        last = entry.code
        lines += ["", f"**{' · '.join(filter(None, (SEVERITY[entry.severity], entry.describe_place('fi'))))}**", ""]
        blanks = blank_values(entry.message)
        lines += [f"- {language}: {translate(entry.message, language, **blanks)}" for language in ("fi", "sv", "en")]
        example = examples.get(entry.key, "")
        lines += [f"- Esimerkki: {example}"] if example else []
        lines += [f"- Korjaus: {entry.remedy}"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Entry:
    """What one code says in one place: how severe it is, its text, what to do; the form and its place, if it has one.

    ``name`` is that of the rule or task that says it.
    """

    code: str
    severity: str
    message: str
    remedy: str
    form: type[Form] | None = field(default=None, hash=False)
    name: str = ""
    path: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """The code, the form and the name of the rule or task that says it."""
        return self.code, self.form.id if self.form else "", self.name

    def describe_place(self, language: str) -> str:
        """Name the form and the field in a language; empty for what belongs to no form."""
        label = get_field_label(self.form, self.path, language)
        return ": ".join(filter(None, (translate(self.form.title, language) if self.form else "", label)))
