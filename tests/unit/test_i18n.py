"""Every text has its words: in Swedish and English all, in easy Finnish those that need others."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from typer.testing import CliRunner

from formgen import cli, i18n
from formgen.documents.extraction import Question
from formgen.errors import UsageError
from formgen.fields import CodeList, MunicipalityChoice, SingleChoice
from formgen.forms.form import Form
from formgen.i18n import LOCALE, list_languages, load_catalog, normalise_text, translate
from tests.support import texts

FORMS = list(texts.FORMS)
OTHERS = [language for language in list_languages() if language != "fi"]
IDS = [form.id for form in FORMS]


def names(text: str) -> list[str]:
    """Return the ``{names}`` in a text, each as often as it stands there."""
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def code_lists() -> Mapping[str, CodeList]:
    """Return every list that a form offers, by the first place where it does; municipalities are names."""
    found: dict[int, tuple[str, CodeList]] = {}
    for form in FORMS:
        for field in texts.every_field(form.fields):
            if isinstance(field.field_type, SingleChoice) and not isinstance(field.field_type, MunicipalityChoice):
                found.setdefault(id(field.field_type.of), (f"{form.id}.{field.name}", field.field_type.of))
    return dict(found.values())


def levels(questions: Sequence[Question]) -> Iterator[tuple[str, Sequence[Question]]]:
    """Yield the questions that stand together: those of the form, and the columns of each table."""
    yield "", questions
    for question in questions:
        if question.columns:
            yield question.path, question.columns


# --- the files --------------------------------------------------------------------------------


def test_there_are_words_in_swedish_english_and_easy_finnish() -> None:
    assert list_languages() == ("fi", "en", "fi_selko", "sv")


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_text_has_words(language: str) -> None:
    silent = sorted(text for text in texts.every() if not load_catalog(language).get(text, "").strip())
    assert not silent, f"python -m tests.support.texts {language}"


@pytest.mark.parametrize("language", OTHERS)
def test_a_file_of_words_holds_nothing_but_texts_and_stands_as_it_is_written(language: str) -> None:
    file = LOCALE / f"{language}.po"
    assert file.read_bytes() == texts.written(texts.renewed(language, file))
    assert "" not in texts.words_of(texts.renewed(language, file)).values()
    assert b"#, fuzzy" not in file.read_bytes()


def test_the_swedish_says_that_it_is_to_be_checked() -> None:
    assert "checked by a native speaker" in (LOCALE / "sv.po").read_text(encoding="utf-8").partition("msgid")[0]


def test_renewing_a_file_adds_what_is_new_drops_what_is_gone_and_keeps_what_is_there(tmp_path: Path) -> None:
    kept, gone = "Sukunimi", "Tätä tekstiä ei enää ole"
    catalog = texts.renewed("sv", tmp_path / "none.po")
    catalog.header_comment = "# Words of ours."
    catalog.delete("Etunimet")
    catalog[kept].string = "Släktnamn"
    catalog.add(gone, "Borta")
    file = tmp_path / "sv.po"
    file.write_bytes(texts.written(catalog))
    renewed = texts.renewed("sv", file)
    found = texts.words_of(renewed)
    assert set(found) == texts.every()
    assert (found[kept], found["Etunimet"]) == ("Släktnamn", "")
    assert texts.written(renewed).startswith(b"# Words of ours.\n")


# --- the texts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Sukunimi",  # a label
        "Asiakkaan allekirjoitus: päivä",  # a part of a signature
        "Kunnan nimi, esimerkiksi Joensuu.",  # what a kind accepts
        "Työsuhteen tuki",  # a phase, from a table that another module imports
        "Vika on meillä. Ota yhteyttä yksikköön.",  # advice, from a table behind a walrus
        "Kentässä on jäljitetty muutos. Vahvistakaa arvo.",  # a doubt, from a function that chooses
        "Lomake ei sovi asian vaiheeseen. Vaihe on nyt: {phase}.",  # a message behind a name
        "Valitse kyllä tai ei, vain toinen.",  # a message in a condition
        "Lomakepohjassa on virhe: {detail}",  # a constant
        "Työtilaa tai palvelua ei tavoiteta: {detail}",  # the docstring of an exception
        "Lomaketunnus",  # in a template
        "pv.kk.vvvv",  # a prompt
        "Esimerkkejä:",  # in the help
    ],
)
def test_a_text_is_found_wherever_it_stands(text: str) -> None:
    assert text in texts.every()


def test_what_is_no_text_is_not_found() -> None:
    assert not {"Joensuu", "error", "review", "R88", "format", "%s"} & texts.every()


@pytest.mark.parametrize("language", OTHERS)
def test_words_have_the_names_of_their_text(language: str) -> None:
    broken = {text: found for text, found in load_catalog(language).items() if names(text) != names(found)}
    assert not broken


@pytest.mark.parametrize("language", list_languages())
def test_a_text_says_its_values_in_every_language(language: str) -> None:
    for text in texts.every():
        if wanted := names(text):
            filled = translate(text, language, **{name: f"<{name}>" for name in wanted})
            assert all(f"<{name}>" in filled for name in wanted)
            assert "{" not in filled.replace("{{", "")


@pytest.mark.parametrize("language", OTHERS)
def test_words_can_stand_in_a_template(language: str) -> None:
    assert not {text for text, found in load_catalog(language).items() if found != found.strip() or "\n" in found}


# --- what must not be taken for another -------------------------------------------------------


@pytest.mark.parametrize("place", code_lists())
def test_an_option_is_named_in_no_language_as_another_is_in_any(place: str) -> None:
    labels = {
        code: {normalise_text(text) for text in i18n.list_translations(entry.label)}
        for code, entry in code_lists()[place].items()
    }
    assert not [(one, two) for one, two in combinations(labels, 2) if labels[one] & labels[two]]


@pytest.mark.parametrize("language", list_languages())
@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_questions_that_stand_together_are_told_apart(form: type[Form], language: str) -> None:
    for _, questions in levels(form.list_questions(language)):
        labels = [normalise_text(question.label) for question in questions]
        assert len(set(labels)) == len(labels), sorted(label for label in labels if labels.count(label) > 1)


@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_a_question_is_named_in_no_language_as_another_is_in_any(form: type[Form]) -> None:
    for _, questions in levels(form.list_questions()):
        labels = {
            item.path: {normalise_text(text) for text in i18n.list_translations(item.label)} for item in questions
        }
        assert not [(one, two) for one, two in combinations(labels, 2) if labels[one] & labels[two]]


# --- what people meet -------------------------------------------------------------------------

SAID = {
    "fi": "Lomaketta nothing ei ole.",
    "sv": "Blanketten nothing finns inte.",
    "en": "There is no form nothing.",
}


@pytest.mark.parametrize("language", SAID)
def test_the_command_line_answers_in_the_language_asked_for(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["formgen", "--workspace", str(tmp_path), "--lang", language, "forms", "show", "nothing"]
    monkeypatch.setattr("sys.argv", asked)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == UsageError.exit_code
    assert SAID[language] in capsys.readouterr().err


@pytest.mark.parametrize(("language", "title"), [("sv", "Anställningen börjar"), ("en", "Start of employment")])
def test_the_command_line_lists_in_the_language_asked_for(language: str, title: str, tmp_path: Path) -> None:
    asked = ["--workspace", str(tmp_path), "--lang", language, "forms", "show", "job_start"]
    shown = CliRunner().invoke(cli.app, asked)
    assert title in shown.output
