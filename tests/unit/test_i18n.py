"""Every text has its words: in Swedish and English all, in easy Finnish those that need others."""

from __future__ import annotations

import ast
import re
import string
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from typer.testing import CliRunner

import formgen
from formgen import cli, errors, i18n
from formgen.documents.extraction import Question
from formgen.documents.producers import PRODUCERS
from formgen.errors import FormgenError, Reason, UsageError
from formgen.fields import CodeList, MunicipalityChoice, SingleChoice, iter_field_types
from formgen.forms.form import Form
from formgen.i18n import LOCALE, list_languages, load_catalog, normalise_text, translate
from formgen.reports.error_catalogue import REMEDY
from formgen.sandbox.confine import PROTECTIONS
from formgen.settings import Office
from tests.support import messages
from tests.support.messages import iter_fields

FORMS = list(messages.FORMS)
ENGINE = Path(formgen.__file__).parent
REPOSITORY = ENGINE.parent
COMPLETE = ("sv", "en")
OTHERS = [language for language in list_languages() if language != "fi"]
IDS = [form.id for form in FORMS]
HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
FINNISH = re.compile(r"[äöÄÖ]|^[A-ZÅÄÖ].* .*[.?]$", re.DOTALL)
NO_MESSAGES = ("publishing/contract.py", "intake/metrics.py")  # titles in JSON Schemas, in Finnish only; Prometheus
UNTRANSLATED = re.compile(  # what looks like a text to translate and is none
    r"[\\|]|\[a-z"  # patterns of what people write
    r"|^(lö|sö|lähtien|ABEKPSVXYÄÅ|GOQÖ)$"  # words that are read, letters by their width
    r"|napsauttamalla|^Valitse kohde|^Klicka|^Välj ett|^Click|^Choose"  # prompts of Word
    r"|^formgen |^# formgen|^demo-työtila$|^Esimerkkilän |^Työhönvalmennuksen tiimi$"  # examples
    r"|^Jokainen koodi"  # a page in Finnish
)


def names(text: str) -> list[str]:
    """Return the ``{names}`` in a text, each as often as it stands there."""
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def code_lists() -> Mapping[str, CodeList]:
    """Return every list that a form offers, by the first place where it does; municipalities are names."""
    found: dict[int, tuple[str, CodeList]] = {}
    for form in FORMS:
        for field in iter_fields(form.fields):
            if isinstance(field.field_type, SingleChoice) and not isinstance(field.field_type, MunicipalityChoice):
                found.setdefault(id(field.field_type.of), (f"{form.id}.{field.name}", field.field_type.of))
    return dict(found.values())


def levels(questions: Sequence[Question]) -> Iterator[tuple[str, Sequence[Question]]]:
    """Yield the questions that stand together: those of the form, and the columns of each table."""
    yield "", questions
    for question in questions:
        if question.columns:
            yield question.path, question.columns


# --- the catalogues ---------------------------------------------------------------------------


def run_babel(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command of pybabel as ``scripts/texts`` does, with what pyproject.toml says of it."""
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def read_catalog(file: Path) -> dict[str, str]:
    """Read the texts of a file and their translations, empty ones included."""
    with file.open("rb") as stream:
        return {str(entry.id): str(entry.string or "") for entry in read_po(stream) if entry.id}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Extract every text of the source."""
    file = tmp_path_factory.mktemp("texts") / "messages.pot"
    done = run_babel("extract", "-o", file)
    assert done.returncode == 0, done.stderr
    return file


@pytest.fixture(scope="module")
def texts(template: Path) -> frozenset[str]:
    """Return every text of the source."""
    return frozenset(read_catalog(template))


def test_there_are_words_in_swedish_english_and_easy_finnish() -> None:
    assert list_languages() == ("fi", "en", "fi_selko", "sv")


@pytest.mark.parametrize("language", COMPLETE)
def test_a_catalogue_is_up_to_date(language: str, template: Path) -> None:
    done = run_babel("update", "--check", "-i", template, "-l", language, "-o", LOCALE / f"{language}.po")
    assert done.returncode == 0, f"sh scripts/texts\n{done.stderr}"


@pytest.mark.parametrize("language", COMPLETE)
def test_every_text_has_words(language: str, texts: frozenset[str]) -> None:
    assert not sorted(text for text in texts if not load_catalog(language).get(text, "").strip())


def test_easy_finnish_has_words_only_for_texts_that_there_are(texts: frozenset[str]) -> None:
    assert not set(read_catalog(LOCALE / "fi_selko.po")) - texts


@pytest.mark.parametrize("language", OTHERS)
def test_no_words_are_empty_or_uncertain(language: str) -> None:
    file = LOCALE / f"{language}.po"
    assert "" not in read_catalog(file).values()
    assert b"#, fuzzy" not in file.read_bytes()


def test_the_swedish_says_that_it_is_to_be_checked() -> None:
    assert "checked by a native speaker" in (LOCALE / "sv.po").read_text(encoding="utf-8").partition("msgid")[0]


def test_updating_a_catalogue_adds_what_is_new_drops_what_is_gone_and_keeps_what_is_there(
    template: Path, texts: frozenset[str], tmp_path: Path
) -> None:
    file = tmp_path / "sv.po"
    kept, gone = 'msgid "Sukunimi"\nmsgstr "Släktnamn"\n', 'msgid "Tätä tekstiä ei enää ole"\nmsgstr "Borta"\n'
    file.write_text(f"# Words of ours.\n{HEADER}\n{kept}\n{gone}", encoding="utf-8")
    done = run_babel("update", "-i", template, "-l", "sv", "-o", file)
    assert done.returncode == 0, done.stderr
    found = read_catalog(file)
    assert set(found) == texts
    assert (found["Sukunimi"], found["Etunimet"]) == ("Släktnamn", "")
    assert file.read_text(encoding="utf-8").startswith("# Words of ours.\n")


# --- the texts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Sukunimi",  # a label
        "Asiakkaan allekirjoitus: päivä",  # a part of a signature
        "Kunnan nimi, esimerkiksi Joensuu.",  # what a kind accepts
        "Työsuhteen tuki",  # a phase, from a table that another module imports
        "Vika on meillä. Ota yhteyttä yksikköön.",  # advice
        "Kentässä on jäljitetty muutos. Vahvistakaa arvo.",  # a doubt, from a function that chooses
        "Lomake ei sovi asian vaiheeseen. Vaihe on nyt: {phase}.",  # a message behind a name
        "Valitse kyllä tai ei, vain toinen.",  # a message in a condition
        "Lomakepohjassa on virhe: {detail}",  # a constant
        "Työtilaa tai palvelua ei tavoiteta: {detail}",  # the message of an exception
        "Lomaketunnus",  # in a template
        "pv.kk.vvvv",  # a prompt
        "Esimerkkejä:",  # in the help
    ],
)
def test_a_text_is_found_wherever_it_stands(text: str, texts: frozenset[str]) -> None:
    assert text in texts


def test_what_is_no_text_is_not_found(texts: frozenset[str]) -> None:
    assert not {"Joensuu", "error", "review", "R88", "format", "%s"} & texts


def is_exception(thing: object) -> bool:
    """Tell whether something is a class of our exceptions."""
    return isinstance(thing, type) and issubclass(thing, FormgenError)


def declared_texts() -> Iterator[str]:
    """Yield what the engine's tables, classes and settings say, as it is there when the engine is loaded."""
    yield from (kind.accepts for kind in iter_field_types() if kind.__module__.startswith("formgen."))
    yield from (producer.advice for producer in PRODUCERS.values() if producer.advice)
    yield from (*REMEDY.values(), *PROTECTIONS.values())
    yield from (text for reason in Reason for text in (reason.message, reason.advice))
    yield from (error.message for error in vars(errors).values() if is_exception(error))
    defaults = (field.default for field in Office.model_fields.values())
    yield from (text for text in defaults if isinstance(text, str) and text.endswith("."))


def test_what_the_engine_declares_is_marked(texts: frozenset[str]) -> None:
    assert not {text for text in declared_texts() if text} - texts


def find_literals(tree: ast.AST) -> Iterator[str]:
    """Yield the literal texts of a module, docstrings left out."""
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            yield node.value


def find_marked_literals(tree: ast.AST) -> Iterator[str]:
    """Yield the literal texts that are translated or marked where they stand."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(text)), *_]
            ) if name in ("translate", "format_expression", "_", "N_"):
                yield text


SOURCES = sorted(file for file in ENGINE.rglob("*.py") if "migrations" not in file.parts)


@pytest.mark.parametrize("file", SOURCES, ids=[file.relative_to(ENGINE).as_posix() for file in SOURCES])
def test_no_finnish_text_is_unmarked(file: Path, texts: frozenset[str]) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    finnish = {text for text in find_literals(tree) if FINNISH.search(text) and not UNTRANSLATED.search(text)}
    assert not finnish - texts or file.relative_to(ENGINE).as_posix() in NO_MESSAGES
    assert not set(find_marked_literals(tree)) - texts


def test_a_sentence_is_written_once(texts: frozenset[str]) -> None:
    found = Counter(text for file in SOURCES for text in find_literals(ast.parse(file.read_text(encoding="utf-8"))))
    sentences = {text for text in texts if text.endswith((".", "?")) and len(text.split()) > 2}
    assert not {text for text in sentences if found[text] > 1}


@pytest.mark.parametrize("language", OTHERS)
def test_words_have_the_names_of_their_text(language: str) -> None:
    broken = {text: found for text, found in load_catalog(language).items() if names(text) != names(found)}
    assert not broken


@pytest.mark.parametrize("language", list_languages())
def test_a_text_says_its_values_in_every_language(language: str, texts: frozenset[str]) -> None:
    for text in texts:
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
