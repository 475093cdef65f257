"""Notes in a PDF form: a list on its first page, a sign and words at each place, and what its field is called.

What stood at a place is put into a field of the list that nobody can change, so that a layout
holds no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pikepdf import Name, Pdf, String

from formgen.documents.extraction import Notes
from formgen.formats.pdf.fields import NOTE
from formgen.formats.pdf.fill import iter_named_fields


def add_notes(form: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """Return the description of a form (`layout_data`) with the notes on it, as `form.typ` reads them."""
    listed = []
    for number, note in enumerate(notes.items, start=1):
        text, field = notes.format_side_note(number, note), f"{NOTE}{number}" if note.path else ""
        listed.append({"head": notes.format_heading(number, note), "field": field, "says": note.further_messages})
        for part, item in iter_form_items(form) if note.path else ():
            if item["name"] == note.path or item["name"].startswith(f"{note.path}."):
                item["note"] = {"number": number, "text": text}
                part.setdefault("notes", []).append(text)
                break
    return {**form, "notes": {"title": notes.title, "lead": notes.lead, "read": notes.read_label, "items": listed}}


def iter_form_items(form: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each place of a description, after the part of a section that it stands in."""
    for section in form["sections"]:
        for part in section["parts"]:
            lines = [*part.get("rows", ()), part.get("items", ())]
            for card in part.get("cards", ()):
                lines += [card["given"], *card["rows"]]
            yield from ((part, item) for line in lines for item in line)


def add_notes_to_tooltips(pdf: Pdf, form: Mapping[str, Any]) -> None:
    """Let the name that each field is called by say its note too."""
    says = {item["name"]: item["note"]["text"] for _, item in iter_form_items(form) if "note" in item}
    heads = {item["field"]: f"{item['head']}: {form['notes']['read']}" for item in form["notes"]["items"]}
    for name, field in iter_named_fields(pdf.Root.AcroForm.Fields):
        if text := says.get(name.rpartition(".")[0] if Name.Btn == field.FT else name):
            field.TU = String(f"{field.TU}. {text}")
        elif name in heads:
            field.TU = String(heads[name])


def collect_previous_answers(notes: Notes) -> dict[str, str]:
    """Collect the previous answer at each place, by the field of the list that shows it."""
    return {f"{NOTE}{number}": note.previous_answer for number, note in enumerate(notes.items, start=1) if note.path}
