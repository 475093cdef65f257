"""The catalogue of errors: every code that a finding, a task or a rejection may have, its text and its remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from formgen.errors import Reason
from formgen.forms.form import Form
from formgen.forms.registry import Registry
from formgen.forms.rules import blank_values
from formgen.i18n import translate
from formgen.issuing.correction import get_field_label

ENGINE = {  # what no form declares
    "R44": "Y-tunnus ei ole oikein.",
    "R88": "Asia on päättynyt. Avatkaa uusi asia.",
    "R89": Reason.BAD_IDENTITY.message,
    "R90": Reason.UNKNOWN_VERSION.message,
    "T26": "Vain avoimen asian voi panna tauolle.",
    "T27": "Asia ei ole tauolla.",
    "format": "Kirjoita päivämäärä näin: 1.3.2026.",
    "required": "Pakollinen kohta puuttuu.",
    "choice": "Vastaus ei ole mikään annetuista vaihtoehdoista.",
    "range": "Teksti on liian pitkä: enintään {most} merkkiä.",
}
REMEDY = {
    "R44": "Tarkista Y-tunnuksen jokainen numero ja lähetä lomake uudelleen.",
    "R88": "Avaa uusi asia ja tee lomake siihen.",
    "R89": Reason.BAD_IDENTITY.advice,
    "R90": Reason.UNKNOWN_VERSION.advice,
    "T26": "Tarkista asian tila ja päivät.",
    "T27": "Tarkista asian tila ja päivät.",
    "format": "Kirjoita vastaus niin kuin kohdan ohje sanoo ja lähetä lomake uudelleen.",
    "required": "Vastaa kohtaan ja lähetä lomake uudelleen.",
    "choice": "Valitse jokin annetuista vaihtoehdoista ja lähetä lomake uudelleen.",
    "range": "Tarkista, että arvo on sallituissa rajoissa, ja lähetä lomake uudelleen.",
    "error": "Korjaa tämä kohta ja lähetä lomake uudelleen.",
    "review": "Tarkistaja hyväksyy tai korjaa arvon.",
    "warning": "Lomake hyväksytään. Tarkista kohta ja korjaa se seuraavaan lomakkeeseen.",
    "task": "Tee tehtävä ja palauta lomake, jota se koskee.",
    "waits": "Lähetä ensin lomake, jota tämä odottaa.",
}
SEVERITY = {
    "error": "virhe",
    "review": "tarkistettava",
    "warning": "huomautus",
    "task": "tehtävä",
    "reason": "hylkäyksen syy",
}


def build_catalogue(registry: Registry) -> list[Entry]:
    """Return every code with its texts, in the order of the codes: rules, moves, general, reasons."""
    found = [entry for form in registry for entry in iter_form_entries(form)]
    found += [Entry(code, "error", message, REMEDY[code]) for code, message in ENGINE.items()]
    reasons = [Entry(reason, "reason", reason.message, reason.advice) for reason in Reason]
    return [*sorted(dict.fromkeys(found), key=lambda entry: (entry.code[0].islower(), entry.code)), *reasons]


def iter_form_entries(form: type[Form]) -> Iterator[Entry]:
    """Yield what the rules, the tasks and the moves of a form may say."""
    for rule in form.rules:
        remedy = REMEDY["waits" if rule.waits_for else rule.severity]
        yield Entry(rule.code, rule.severity, rule.message, remedy, form, rule.name, rule.field)
    for due in form.deadlines:
        yield Entry(due.code, "task", due.message, REMEDY["task"], form, due.name)
    for move in form.moves:
        yield Entry(move.id, "error", Reason.TRANSITION_NOT_ALLOWED.message, Reason.TRANSITION_NOT_ALLOWED.advice, form)


def render_page(entries: list[Entry], examples: Mapping[tuple[str, str, str], str]) -> str:
    """Return the catalogue as a Markdown page; ``examples`` are by code, form and name of rule."""
    lines = ["# Virheet", "", "Jokainen koodi, jonka palautus, tehtävä tai hylkäys voi saada. Sivun tekee"]
    lines += ["`python -m tests.support.catalogue --force`; samat tiedot antaa `formgen errors [CODE]`."]
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
        """Return the code, the form and the name of what says it."""
        return self.code, self.form.id if self.form else "", self.name

    def describe_place(self, language: str) -> str:
        """Return the form and the label of the place, empty for what is of no form."""
        label = get_field_label(self.form, self.path, language)
        return ": ".join(filter(None, (translate(self.form.title, language) if self.form else "", label)))
