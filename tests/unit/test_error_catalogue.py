"""Every code has a text in three languages, an example, a remedy and a test, and the page says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from formgen.errors import Reason
from formgen.i18n import translate
from formgen.reports.error_catalogue import ENGINE as ENGINE_SAYS
from formgen.reports.error_catalogue import SEVERITY, Entry, build_catalogue
from formgen.settings import HERE
from tests.rules import FORMS
from tests.support.catalogue import OTHERS, PAGE, current, examples
from tests.unit.test_rules import ENGINE

ENTRIES = build_catalogue(FORMS)
SOURCES = "\n".join(
    file.read_text(encoding="utf-8")
    for file in sorted(Path(__file__).parents[1].rglob("*.py"))
    if file.name not in ("catalogue.py", "test_error_catalogue.py")
)
SAID = re.sub(
    r'"\s*\n\s*"',
    "",
    "\n".join(file.read_text(encoding="utf-8") for file in sorted(HERE.rglob("*.py")) if file.name != "catalogue.py"),
)
OWN = "invalid_values"  # says what its findings have in common, and stands nowhere else
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: "-".join(filter(None, entry.key)))


def test_every_code_of_the_contract_is_in_the_catalogue() -> None:
    rules = {f"R{number:02}" for number in range(1, 94)}
    moves = {f"T{number:02}" for number in range(1, 31)} | {"T22b"}
    assert {entry.code for entry in ENTRIES} == rules | moves | {"format", "required", "choice", "range", *Reason}
    assert len(Reason) == 15


@every_entry
def test_a_code_has_a_severity_and_texts_in_three_languages_and_a_remedy(entry: Entry) -> None:
    assert entry.severity in SEVERITY
    for text in (entry.message, entry.remedy, SEVERITY[entry.severity]):
        assert len({translate(text, language) for language in ("fi", "sv", "en")}) == 3, text


@every_entry
def test_a_code_has_an_example_that_a_test_shows(entry: Entry) -> None:
    assert examples().get(entry.key), "no test shows it"
    if entry.code in OTHERS and not entry.form and entry.code not in ENGINE:
        assert f'"{entry.code}"' in SOURCES


def test_the_page_of_the_errors_is_as_the_code_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == current(), "python -m tests.support.catalogue --force writes it"


@pytest.mark.parametrize("message", [*ENGINE_SAYS.values(), *(reason.message for reason in Reason if reason != OWN)])
def test_what_the_catalogue_says_of_the_engine_is_what_the_engine_says(message: str) -> None:
    assert message in SAID
