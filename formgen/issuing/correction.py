"""The reply to the sender of a rejected submission: what was wrong in which field, in plain words, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from formgen import formats
from formgen.documents.extraction import AS_ISSUED, PREFILLED, Answer, Control, Extraction, Note, Notes
from formgen.documents.producers import PRODUCERS
from formgen.errors import Reason
from formgen.fields import FieldType
from formgen.forms.declare import Field
from formgen.forms.form import Form
from formgen.forms.registry import Registry
from formgen.i18n import N_, clean_text, list_translations, load_locale, normalise_text, translate
from formgen.publishing.contract import Error, Rejection
from formgen.settings import Office
from formgen.storage.rows import IssuedDocument, Submission

REASONS_WITH_FIELDS = (Reason.INVALID_VALUES, Reason.TRANSITION_NOT_ALLOWED, Reason.UNKNOWN_CASE)
NOTHING_TO_MEND = N_("Lomaketta ei voitu ottaa vastaan. Ota yhteyttä yksikköön.")
FIXED = N_("Tätä tietoa ei voi muuttaa lomakkeella. Jos se on väärin, ota yhteyttä yksikköön.")
LONGEST_QUOTE = 80  # characters of an answer that are repeated
AS_GIVEN = N_("kuten lomakkeessasi")
LEFT_ALONE = N_(
    "Missä lukee ”{words}”, kohta puuttui tiedostosta. Jos et kirjoita sen tilalle mitään, se jää ennalleen."
)


# --- the same form again ----------------------------------------------------------------------


def build_notes(registry: Registry, row: Submission, issued: IssuedDocument) -> Notes:
    """Build what the reply to a rejected submission says at which place of the form.

    ``issued`` is the document that was written down as its reply.
    """
    form, language = registry.forms[issued.form][issued.version], issued.language
    errors: dict[str, list[Error]] = {}
    for error in row.rejection.errors:
        errors.setdefault(error.field or error.message, []).append(error)
    items, hidden = [], find_hidden_answers(form, issued)
    for found in sorted(errors.values(), key=lambda found: get_field_position(form, found[0].field)):
        path = found[0].field
        says = tuple(dict.fromkeys(error.message for error in found))
        accepts = explain_field(form, path, language).get("accepts", "")
        hint = (translate("Kelpaa: {accepts}", language, accepts=accepts),) if accepts else ()
        held = translate(AS_GIVEN, language) if path in hidden else format_answer(form, path, issued.answers, language)
        items.append(Note(path, get_field_label(form, path, language), held, (*says, *hint)))
    return Notes(
        translate("Korjaa tämä kohta", language)
        if len(items) == 1
        else translate("Korjaa nämä {count} kohtaa", language, count=len(items)),
        translate(
            "Lomaketta ei voitu vielä ottaa vastaan. Se on tässä uudelleen, ja vastauksesi ovat tallella. "
            "Korjaa merkityt kohdat, tallenna tiedosto ja lähetä se.",
            language,
        )
        + (f" {translate(LEFT_ALONE, language, words=AS_GIVEN)}" if hidden else "")
        + "".join(f" {said}" for said in iter_producer_advice(row.rejection, language)),
        translate("Korjaa", language),
        translate("Kohdassa oli", language),
        tuple(items),
    )


def find_hidden_answers(form: type[Form], issued: IssuedDocument) -> dict[str, str]:
    """Find the answers that were known but do not show in a reply, by path; none of them is empty.

    The file that it answers had lost the place, or what stood where nobody may write. Whether anything was known
    there does not show. Rows that its sender took out of a table are not missing.
    """
    shown, omitted, given = issued.answers, issued.omitted, issued.given
    prefilled = list_prefilled(form) if issued.made_for else ()
    places = dict.fromkeys((*given, *prefilled)) if issued.corrects else {}
    return {
        path: given.get(path, "")
        for path in places
        if path.partition(".")[0] not in omitted and is_asked(form, path) and is_missing(form, path, shown)
    }


def is_missing(form: type[Form], path: str, shown: Mapping[str, str]) -> bool:
    """Tell whether a document lacks a place, or holds nothing in one where nobody may write."""
    if path not in shown:
        return is_lost(path, shown)
    asked = form.find_field(path)
    return bool(asked and asked.locked and not shown[path])


def list_prefilled(form: type[Form]) -> Iterator[str]:
    """Yield every place of a form that a document may bring filled, in as many rows as are printed."""
    for question in form.list_questions():
        asked = form.find_field(question.path)
        if asked and (asked.prefill or form.single):
            rows = (f"{question.path}.{row}." for row in range(question.rows)) if question.columns else ("",)
            yield from (f"{row}{column.path}" for row in rows for column in question.columns or (question,))


def is_asked(form: type[Form], path: str) -> bool:
    """Tell whether a place of a form is asked, not computed."""
    asked = form.find_field(path)
    return asked is not None and not asked.fill


def is_lost(path: str, shown: Mapping[str, str]) -> bool:
    """Tell whether a place that a document does not show is missing: in a table, from a row that is there."""
    table, _, rest = path.partition(".")
    index = rest.partition(".")[0]
    row = [other for other in shown if other.startswith(f"{table}.")] if index.isdecimal() else []
    return not row or any(other.startswith(f"{table}.{index}.") for other in row)


def build_extraction(form: type[Form], issued: IssuedDocument) -> Extraction:
    """Build the extraction of a document that was issued, as it went out.

    A reply shows only what the file held that it answers: what that had lost is `AS_GIVEN`, where
    there is room for words, known or not.
    """
    hidden, hint = find_hidden_answers(form, issued), translate(AS_GIVEN, issued.language)
    answers = {path: Answer(text, PREFILLED) for path, text in issued.answers.items() if path not in hidden}
    for path in hidden:
        asked = form.find_field(path)
        kind = get_field_kind(asked, path) if asked else None
        wordless = kind is None or kind.control is Control.TICKS or 0 < getattr(kind, "max_length", 0) < len(hint)
        answers[path] = Answer("" if wordless else hint, AS_ISSUED)
    return Extraction(answers)


def restore_known_answers(extraction: Extraction, form: type[Form], issued: IssuedDocument | None) -> Extraction:
    """Restore to an extraction the known answers of the fields that were left alone in a reply."""
    answers = dict(extraction.answers)
    for path, text in (find_hidden_answers(form, issued) if issued else {}).items():
        answer = remove_hint(answers.get(path, Answer("")))
        answers[path] = answer if answer.text or answer.confidence < 1 else Answer(text, AS_ISSUED)
    return replace(extraction, answers=answers)


def remove_hint(answer: Answer) -> Answer:
    """Remove `AS_GIVEN` in any language from an answer; what is written beside it is in doubt."""
    text = clean_text(answer.text)
    for hint in list_translations(AS_GIVEN):
        if normalise_text(text) == normalise_text(hint):
            return replace(answer, text="")
        if text.startswith(hint) or text.endswith(hint):
            rest = text.removeprefix(hint).removesuffix(hint).strip()
            return replace(answer, text=rest, confidence=0.5, doubts=(*answer.doubts, "placeholder_left"))
    return answer


def iter_producer_advice(rejection: Rejection, language: str) -> Iterator[str]:
    """Yield which program has saved a file and which way works, where that program takes the fields out."""
    known = PRODUCERS.get(rejection.producer or "")
    if known and known.advice:
        yield translate("Tiedosto on tallennettu ohjelmalla {name}.", language, name=known.name)
        yield translate(known.advice, language)


def explain_field(form: type[Form] | None, path: str, language: str) -> dict[str, str]:
    """Explain a field by its label, what it accepts and an example; empty when the path names none."""
    asked = form.find_field(path) if form and path else None
    if asked is None:
        return {}
    kind = get_field_kind(asked, path)
    accepts = translate(FIXED, language) if asked.locked else kind.describe_accepted_input(language) if kind else ""
    example = kind.example if kind and not asked.locked else ""
    return {"label": get_field_label(form, path, language), "accepts": accepts, "example": translate(example, language)}


def get_field_kind(asked: Field, path: str) -> FieldType | None:
    """Return the kind of a field, or of the part of a signature that the path names; None for a table."""
    return next((kind for part, _, kind in asked.iter_parts() if part == path), asked.field_type)


def format_answer(form: type[Form], path: str, answers: Mapping[str, str], language: str) -> str:
    """Format an answer as it is shown to the person who wrote it, options by their labels."""
    asked, text = form.find_field(path), answers.get(path, "")
    if not text or asked is None:
        return translate("ei vastausta", language)
    kind = get_field_kind(asked, path)
    labels = dict(kind.list_choices(language)) if kind else {}
    shown = [labels.get(text, text)] if text in labels else [labels.get(word, word) for word in text.split()]
    said = (", " if set(text.split()) <= labels.keys() else " ").join(shown)
    return f"”{said if len(said) <= LONGEST_QUOTE else said[: LONGEST_QUOTE - 1] + '…'}”"


def get_field_position(form: type[Form], path: str) -> tuple[int, int, int]:
    """Return a key that sorts paths as their fields stand in the form, a path that names none last."""
    name, _, rest = path.partition(".")
    index, _, column = rest.partition(".")
    outer = next((number for number, asked in enumerate(form.fields) if asked.name == name), len(form.fields))
    columns = [asked.name for asked in form.fields[outer].columns] if outer < len(form.fields) else []
    row = int(index) if index.isdecimal() else -1
    return outer, row, columns.index(column) if column in columns else -1


def get_field_label(form: type[Form] | None, path: str, language: str) -> str:
    """Return the label of a field as it is printed, with table and row for a field in a table."""
    asked = form.find_field(path) if form and path else None
    if form is None or asked is None:
        return ""
    table, _, rest = path.partition(".")
    index = rest.partition(".")[0]
    label = translate(next((label for part, label, _ in asked.iter_parts() if part == path), asked.label), language)
    if not index.isdecimal():
        return label
    outer = next(item for item in form.fields if item.name == table)
    return translate(
        "{table}, rivi {row}, {column}",
        language,
        table=translate(outer.label, language),
        row=int(index) + 1,
        column=label,
    )


# --- the short letter -------------------------------------------------------------------------


def render_letter(row: Submission, form: type[Form] | None, office: Office) -> bytes:
    """Render the letter that answers a submission which no new form would mend, as a Word document.

    ``row`` is the submission as the journal has it. No value from the returned file is repeated.
    """
    language = row.language or office.language
    title, said, items = build_letter_content(row, form, language)
    mark = translate("Järjestäjän tunnus", language)
    return formats.get_preferred_format().render_letter(
        office.organiser, title, said, items, f"{load_locale(language).language}-FI", mark
    )


def render_letter_text(row: Submission, form: type[Form] | None, office: Office) -> bytes:
    """Render the letter as plain text in UTF-8, for when no document can be made."""
    title, said, items = build_letter_content(row, form, row.language or office.language)
    places = [f"{number}. {': '.join(filter(None, item))}" for number, item in enumerate(items, start=1)]
    return "\n\n".join([office.organiser, title, *said, *places, ""]).encode()


def build_letter_content(
    row: Submission, form: type[Form] | None, language: str
) -> tuple[str, list[str], list[tuple[str, str]]]:
    """Build a letter's title, its paragraphs, and each field with what is wrong in it."""
    name = translate(form.title, language) if form else row.file_name
    said = [translate("Lomake: {name}", language, name=name)]
    code = Reason(row.code or "")
    errors = row.rejection.errors if code in REASONS_WITH_FIELDS else ()
    if errors:
        count = len(errors)
        said.append(
            translate("Lomaketta ei voitu ottaa vastaan. Korjaa tämä kohta ja lähetä lomake uudelleen.", language)
            if count == 1
            else translate(
                "Lomaketta ei voitu ottaa vastaan. Korjaa nämä {count} kohtaa ja lähetä lomake uudelleen.",
                language,
                count=count,
            )
        )
    else:
        said += [error.message for error in row.rejection.errors[:1]]
    if code is not Reason.INVALID_VALUES:
        said.append(translate(code.advice, language))
    elif not errors:
        said.append(translate(NOTHING_TO_MEND, language))
    said += iter_producer_advice(row.rejection, language)
    items = [(get_field_label(form, error.field, language), error.message) for error in errors]
    return translate("Lomake palautetaan korjattavaksi", language), said, items
