"""The page of the errors, with the examples of the tests: ``python -m tests.support.catalogue --force`` writes it."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

import tests.rules
from formgen.reports.error_catalogue import build_catalogue, render_page
from tests.rules import FORMS

PAGE = Path(__file__).parents[2] / "docs" / "virheet.md"
TABLES = {
    found.name: importlib.import_module(f"tests.rules.{found.name}")
    for found in pkgutil.iter_modules(tests.rules.__path__)
}
OTHERS = {  # an example of what no form declares
    "R44": "Y-tunnus `9000001-2`",
    "R88": "lomake asiaan, joka on päättynyt",
    "R89": "tiedosto, jonka tunnistetta on muutettu",
    "R90": "lomake, jonka versiota ei ole",
    "T26": "tauko asialle, joka on päättynyt",
    "T27": "tauon lopetus asialle, jolla ei ole taukoa",
    "format": "päivämäärä `ensi viikolla`",
    "required": "tyhjä pakollinen kohta",
    "choice": "vastaus `ehkä` kohtaan, jossa on vain kyllä ja ei",
    "range": "201 merkkiä kohtaan, johon mahtuu 200",
    "unsupported_type": "tekstitiedosto tai kuva",
    "empty_file": "tiedosto, jonka koko on 0",
    "too_large": "lomake, johon on liitetty suuria kuvia",
    "unreadable": "Word-tiedosto, josta puuttuu loppu",
    "encrypted": "PDF, jonka avaaminen vaatii salasanan",
    "unsafe": "Word-tiedosto, jossa on makroja",
    "timeout": "tiedosto, jonka lukeminen ei pääty",
    "not_a_form": "tyhjä Word-asiakirja",
    "unknown_form": "lomake, joka on poistettu käytöstä",
    "unknown_version": "lomake, jonka versiota ei ole",
    "bad_identity": "toisen yksikön lomake",
    "unknown_case": "lomake, jossa on toisen asian tunnus",
    "invalid_values": "viikkotyöaika `52`",
    "transition_not_allowed": "työn alku ennen sopimusta, eikä sopimusta ole tullut ajoissa",
    "internal_error": "ohjelmavirhe lomakkeen käsittelyssä",
}


def examples() -> dict[tuple[str, str, str], str]:
    """Return an example of every entry, from the tables by which the tests show rules, tasks and moves."""
    found = {(code, "", ""): text for code, text in OTHERS.items()}
    for form, table in TABLES.items():
        for shown in table.SHOWN:
            answers = ", ".join(f"`{path} = {text}`" for path, text in shown.breaks.items())
            found[shown.code, form, shown.name] = answers or f"`{shown.at}` sellaisena kuin se on asiassa"
        for code, name, *_ in getattr(table, "DUES", ()):
            found[code, form, name] = "määräpäivä on mennyt"
        for move in table.MOVES:
            found[move, form, ""] = "asian vaihe on jokin muu kuin se, josta siirtymä lähtee"
    return found


def current() -> str:
    """Return the page as it should be now."""
    return render_page(build_catalogue(FORMS), examples())


if __name__ == "__main__":
    if "--force" in sys.argv or not PAGE.exists():
        PAGE.write_text(current(), encoding="utf-8")
    sys.exit(PAGE.read_text(encoding="utf-8") != current())
