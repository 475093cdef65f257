"""The reply to the sender of a rejected return: what was wrong, in plain words, and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from formgen.form import Form
from formgen.formats.docx.letter import letter as draw
from formgen.settings import Office
from formgen.words import locale, say

ADVICE = {
    "unsupported_type": "Tallenna lomake Word- tai PDF-tiedostona ja lähetä se uudelleen.",
    "empty_file": "Tallenna lomake uudelleen ja tarkista, että tiedosto avautuu.",
    "too_large": "Lähetä vain lomake ilman kuvia ja muita liitteitä.",
    "unreadable": "Avaa lomake, tallenna se uudelleen ja lähetä se.",
    "encrypted": "Poista tiedostosta salasana ja lähetä lomake uudelleen.",
    "unsafe": "Pyydä yksiköltä uusi lomake ja täytä se ilman makroja ja upotettuja osia.",
    "timeout": "Avaa lomake, tallenna se uudelleen ja lähetä se.",
    "not_a_form": "Pyydä yksiköltä lomake, täytä se ja lähetä täytetty tiedosto.",
    "unknown_form": "Pyydä yksiköltä uusi lomake.",
    "unknown_version": "Pyydä yksiköltä lomakkeen uusi versio.",
    "bad_identity": "Pyydä yksiköltä uusi lomake ja täytä se.",
    "unknown_case": "Ota yhteyttä yksikköön. Lomake kuuluu toiseen asiaan.",
    "transition_not_allowed": "Ota yhteyttä työhönvalmentajaan. Lomake ei sovi asian vaiheeseen.",
    "internal_error": "Vika on meillä. Ota yhteyttä yksikköön.",
}


def letter(row: Mapping[str, Any], form: type[Form] | None, office: Office) -> bytes:
    """Return the reply to a rejected return as a Word document, in the form's language.

    ``row`` is the return as the journal has it. No value from the returned file is repeated.
    """
    language = row["language"] or office.language
    reason = json.loads(row["reason"])
    name = say(form.title, language) if form else row["file_name"]
    said = [say("Lomake: {name}", language, name=name)]
    errors = reason["errors"] if row["code"] in ("invalid_values", "transition_not_allowed", "unknown_case") else []
    if errors:
        count = len(errors)
        said.append(
            say("Lomaketta ei voitu ottaa vastaan. Korjaa tämä kohta ja lähetä lomake uudelleen.", language)
            if count == 1
            else say(
                "Lomaketta ei voitu ottaa vastaan. Korjaa nämä {count} kohtaa ja lähetä lomake uudelleen.",
                language,
                count=count,
            )
        )
    else:
        said += [item["message"] for item in reason["errors"][:1]]
    if advice := ADVICE.get(row["code"]):
        said.append(say(advice, language))
    items = [(label_of(form, error["field"], language), error["message"]) for error in errors]
    title = say("Lomake palautetaan korjattavaksi", language)
    mark = say("Järjestäjän tunnus", language)
    return draw(office.organiser, title, said, items, f"{locale(language).language}-FI", mark)


def label_of(form: type[Form] | None, path: str, language: str) -> str:
    """Return how a place is called on paper: the label and, in a table, the row."""
    asked = form.field(path) if form and path else None
    if form is None or asked is None:
        return ""
    table, _, rest = path.partition(".")
    index = rest.partition(".")[0]
    label = say(asked.label, language)
    if not index.isdecimal():
        return label
    outer = next(item for item in form.fields if item.name == table)
    return say(
        "{table}, rivi {row}, {column}", language, table=say(outer.label, language), row=int(index) + 1, column=label
    )
